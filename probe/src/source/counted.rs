//! How far a file was read, for those who wait.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes taken from a file, and how many it has.
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    /// Bytes read so far.
    pub(super) read: Arc<AtomicU64>,
    /// Size of the file; none for pipes.
    pub(super) size: Option<u64>,
}

/// A reader that counts.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.fetch_add(n as u64, Relaxed);
        Ok(n)
    }
}
