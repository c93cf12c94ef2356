//! Stands in for the kernel program where the feature `ebpf` was left out of the build.

use super::paths::Paths;
use crate::ebpf::Unavailable;

/// A program that never loads.
pub(super) enum Kernel {}

impl Kernel {
    pub(super) fn open() -> Result<Kernel, Unavailable> {
        Err(Unavailable::Feature)
    }

    pub(super) fn drain(&mut self, _paths: &mut Paths) {
        match *self {}
    }

    pub(super) fn lost(&self) -> u64 {
        match *self {}
    }
}
