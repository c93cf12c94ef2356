//! Capture files: pcap, pcapng and gzip of both, from a path or standard input.
//!
//! In: bytes. Out: frames in the order of the file. A damaged file gives all frames before the damage, then one
//! [`ReadError`] that says what stopped it, then nothing more. No bytes make it panic.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use super::RawFrame;
use super::bytes::Window;
use super::counted::{Counted, Position};
use super::gunzip::Gunzip;
use super::pcap::Pcap;
use super::pcapng::PcapNg;

/// Why reading a capture stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read at all.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Not a capture file.
    #[error(
        "not a capture file (it begins with {0}); pcap, pcapng and gzip of them can be read: \
         unpack other formats first"
    )]
    Foreign(String),
    /// Empty, or shorter than a magic number.
    #[error("the file is empty or too short to be a capture")]
    Empty,
    /// The file ends in the middle of something.
    #[error("the file is cut short: it ends within {what} after {packets} packets, at byte {offset}")]
    Cut {
        /// What is incomplete.
        what: &'static str,
        /// Packets before it.
        packets: u64,
        /// Where, bytes from the (unpacked) beginning.
        offset: u64,
    },
    /// The file contradicts the format.
    #[error("the file is damaged after {packets} packets, at byte {offset}: {what}")]
    Damage {
        /// What is wrong.
        what: String,
        /// Packets before it.
        packets: u64,
        /// Where, bytes from the (unpacked) beginning.
        offset: u64,
    },
    /// The bytes behind the file ended: a read error, or damaged compression.
    #[error("reading stopped after {packets} packets, at byte {offset}: {error}")]
    Stream {
        /// The cause.
        error: io::Error,
        /// Packets before it.
        packets: u64,
        /// Where, bytes from the (unpacked) beginning.
        offset: u64,
    },
}

impl Window {
    /// The stream ends where it may.
    pub(super) fn end(&mut self, packets: u64) -> Result<Option<RawFrame<'static>>, ReadError> {
        let offset = self.offset();
        self.failure().map_or(Ok(None), |error| Err(ReadError::Stream { error, packets, offset }))
    }

    /// The stream ends where it must not.
    pub(super) fn cut(&mut self, packets: u64, what: &'static str) -> ReadError {
        let offset = self.offset();
        match self.failure() {
            Some(error) => ReadError::Stream { error, packets, offset },
            None => ReadError::Cut { what, packets, offset },
        }
    }

    /// The bytes contradict the format.
    pub(super) fn damage(&self, packets: u64, what: String) -> ReadError {
        ReadError::Damage { what, packets, offset: self.offset() }
    }
}

enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
    /// After an error: nothing more.
    Stopped,
}

/// A frame of the latest batch, see [`CaptureFile::held`].
#[derive(Debug, Clone, Copy)]
pub struct Held {
    pub(super) time_ns: u64,
    pub(super) link: u16,
    pub(super) wire_len: u32,
    pub(super) place: usize,
    pub(super) length: usize,
}

/// An open capture file.
pub struct CaptureFile {
    window: Window,
    format: Format,
    packets: u64,
    position: Position,
}

impl CaptureFile {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// The file cannot be read, or is not a capture.
    pub fn open(path: &Path) -> Result<CaptureFile, ReadError> {
        if path == Path::new("-") {
            return CaptureFile::from_reader(io::stdin());
        }
        CaptureFile::from_file(File::open(path)?)
    }

    /// Reads a file that is open already.
    ///
    /// # Errors
    /// The file cannot be read, or is not a capture.
    pub fn from_file(file: File) -> Result<CaptureFile, ReadError> {
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        let position = Position { size: Some(about.len()).filter(|_| about.is_file()), ..Position::default() };
        let opened = CaptureFile::from_reader(Counted { inner: file, read: position.read.clone() })?;
        Ok(CaptureFile { position, ..opened })
    }

    /// Bytes read of the file so far, packed as they lie there.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position.read.load(Relaxed)
    }

    /// Size of the file, bytes; none where it is not known, as of a pipe.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.position.size
    }

    /// Reads a capture from any stream of bytes.
    ///
    /// # Errors
    /// The stream cannot be read, or does not begin like a capture.
    pub fn from_reader(mut reader: impl Read + Send + 'static) -> Result<CaptureFile, ReadError> {
        let mut magic = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut magic)?;
        let gzip = magic.starts_with(&[0x1f, 0x8b]);
        let reader = Cursor::new(magic).chain(reader);
        let mut window = if gzip { Window::new(Box::new(Gunzip::new(reader))) } else { Window::new(Box::new(reader)) };
        let Ok(magic) = <[u8; 4]>::try_from(window.peek(4)) else {
            let offset = window.offset();
            return Err(match window.failure() {
                Some(error) => ReadError::Stream { error, packets: 0, offset },
                None => ReadError::Empty,
            });
        };
        let format = match Pcap::order(magic) {
            Some(big_endian) => Format::Pcap(Pcap::open(&mut window, big_endian)?),
            None if magic == [0x0a, 0x0d, 0x0d, 0x0a] => Format::PcapNg(PcapNg::default()),
            None => {
                let [a, b, c, d] = magic;
                return Err(ReadError::Foreign(format!("{a:02x} {b:02x} {c:02x} {d:02x}")));
            }
        };
        Ok(CaptureFile { window, format, packets: 0, position: Position::default() })
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// Damage. Later calls give `None`.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<RawFrame<'_>>, ReadError> {
        let result = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.window, self.packets),
            Format::PcapNg(pcapng) => pcapng.next(&mut self.window, self.packets),
            Format::Stopped => return Ok(None),
        };
        match result {
            Ok(Some(_)) => self.packets += 1,
            Ok(None) => {}
            Err(_) => self.format = Format::Stopped,
        }
        result
    }

    /// The next frames, as many as can be had without waiting for the stream again after the first, up to `at_most`. None at
    /// the end. They stand in `batch`, for [`CaptureFile::held`], until the next call of a method that reads.
    ///
    /// # Errors
    /// Damage behind the frames in `batch`. Later calls give none.
    pub fn next_batch(&mut self, batch: &mut Vec<Held>, at_most: usize) -> Result<(), ReadError> {
        batch.clear();
        self.window.make_room();
        loop {
            if let Format::Pcap(pcap) = &self.format {
                self.packets += pcap.take_ready(&mut self.window, batch, at_most) as u64;
            }
            if batch.len() >= at_most || !batch.is_empty() && !self.window.has_more() {
                return Ok(());
            }
            self.window.hold(!batch.is_empty());
            let Some(RawFrame { time_ns, link, wire_len, data }) = self.next_frame()? else { return Ok(()) };
            let (address, length) = (data.as_ptr().addr(), data.len());
            batch.push(Held { time_ns, link, wire_len, place: self.window.place_of(address), length });
        }
    }

    /// A frame of the latest batch.
    #[must_use]
    pub fn held(&self, held: &Held) -> RawFrame<'_> {
        let Held { time_ns, link, wire_len, place, length } = *held;
        RawFrame { time_ns, link, wire_len, data: self.window.at(place, length) }
    }

    /// Bytes captured of each frame at most as far as the file says so (so far); 0 = all.
    #[must_use]
    pub fn snaplen(&self) -> u32 {
        match &self.format {
            Format::Pcap(pcap) => pcap.snaplen,
            Format::PcapNg(pcapng) => pcapng.snaplen,
            Format::Stopped => 0,
        }
    }
}
