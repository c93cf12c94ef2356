//! Stands in for the kernel program where the feature `ebpf` was left out of the build.

use super::layout::{Entry, Event};
use super::{Filter, Lost};
use crate::ebpf::Unavailable;

/// A program that never loads.
pub(super) enum Kernel {}

/// Settings of the program.
#[expect(dead_code, reason = "there is no program to set")]
pub(super) struct Settings<'a> {
    pub(super) filter: &'a Filter,
    pub(super) netns: u32,
    pub(super) event_mode: bool,
    pub(super) max_sockets: u32,
    pub(super) ring_bytes: u32,
}

impl Kernel {
    pub(super) fn open(_settings: &Settings<'_>) -> Result<(Kernel, Vec<String>), Unavailable> {
        Err(Unavailable::Feature)
    }

    pub(super) fn end_epoch(&mut self) -> Result<u32, Unavailable> {
        match *self {}
    }

    pub(super) fn entries(&self, _each: impl FnMut(u64, Entry)) {
        match *self {}
    }

    pub(super) fn forget(&mut self, _cookie: u64) {
        match *self {}
    }

    pub(super) fn events(&mut self, _each: impl FnMut(Event)) {
        match *self {}
    }

    pub(super) fn lost(&self) -> Lost {
        match *self {}
    }
}
