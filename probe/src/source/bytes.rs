//! A window over a byte stream: the next n bytes in one piece, read in large steps and without a copy per record.

use std::io::{self, Read};

/// Bytes read in one step: large enough to make the system call cheap, small enough to stay in a core's own cache.
const STEP: usize = 256 << 10;

/// Unread bytes that are quickly moved.
const FEW: usize = STEP / 4;

/// A stream with its unread bytes.
pub(super) struct Window {
    inner: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Stream position of `start`.
    offset: u64,
    /// Bytes that were taken stay where they are.
    held: bool,
    /// What ended the stream early, kept until everything before it has been used.
    failure: Option<io::Error>,
}

impl Window {
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Window {
        Window { inner, buffer: vec![0; 2 * STEP], start: 0, end: 0, offset: 0, held: false, failure: None }
    }

    /// The next `n` bytes, or as many as the stream still has.
    #[inline]
    pub(super) fn peek(&mut self, n: usize) -> &[u8] {
        if self.end - self.start < n {
            self.refill(n);
        }
        &self.buffer[self.start..self.end.min(self.start + n)]
    }

    /// Whether `n` bytes are there.
    #[inline]
    pub(super) fn has(&mut self, n: usize) -> bool {
        self.peek(n).len() == n
    }

    /// Passes over `n` bytes that were peeked at.
    #[inline]
    pub(super) fn skip(&mut self, n: usize) {
        let n = n.min(self.end - self.start);
        self.start += n;
        self.offset += n as u64;
    }

    /// Takes `n` bytes that were peeked at, skipping the first `head` of them.
    #[inline]
    pub(super) fn take(&mut self, head: usize, n: usize) -> &[u8] {
        let from = (self.start + head).min(self.end);
        self.skip(n);
        &self.buffer[from..self.start]
    }

    /// From now on (`true`), bytes that are taken stay where they are, for [`Window::at`]; or need not any longer.
    pub(super) fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Makes room behind the unread bytes where that is cheap, so that a window that is held later need not grow.
    pub(super) fn make_room(&mut self) {
        if self.start >= STEP && self.end - self.start <= FEW {
            self.move_to_front();
        }
    }

    fn move_to_front(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Where a slice that this window gave lies in it. Good as long as the window is held.
    pub(super) fn place_of(&self, address: usize) -> usize {
        address.wrapping_sub(self.buffer.as_ptr().addr())
    }

    /// Bytes at a place.
    #[inline]
    pub(super) fn at(&self, place: usize, length: usize) -> &[u8] {
        self.buffer.get(place..place + length).unwrap_or_default()
    }

    /// The bytes that are there without asking the stream for more, and their place.
    #[inline]
    pub(super) fn unread(&self) -> (usize, &[u8]) {
        (self.start, &self.buffer[self.start..self.end])
    }

    /// Whether bytes are there without asking the stream for more.
    pub(super) fn has_more(&self) -> bool {
        self.end > self.start
    }

    /// Position in the stream, bytes from its beginning.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Why the stream ended, if not by its end.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    #[cold]
    fn refill(&mut self, n: usize) {
        if !self.held {
            self.move_to_front();
        }
        let wanted = self.start + n;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted + STEP, 0);
        }
        while self.end < wanted && self.failure.is_none() {
            let room = (self.end + STEP).min(self.buffer.len());
            match self.inner.read(&mut self.buffer[self.end..room]) {
                Ok(0) => break,
                Ok(k) => self.end += k,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => self.failure = Some(e),
            }
        }
    }
}
