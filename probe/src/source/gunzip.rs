//! gzip on the fly, RFC 1952: concatenated members, and everything before damage comes out.
//!
//! flate2's own reader gives up the bytes that it unpacked in the call in which it meets the damage; a capture's packets
//! before the damage must count, so the framing is done here.

use std::io::{self, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

const IN_STEP: usize = 64 << 10;

/// The unpacked bytes of a gzip stream.
pub(super) struct Gunzip<R> {
    inner: R,
    input: Vec<u8>,
    start: usize,
    end: usize,
    state: State,
    inflate: Decompress,
    crc: Crc,
    failure: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before a member; the flag says whether one was read already.
    Header(bool),
    Body,
    Trailer,
    Done,
}

impl<R: Read> Gunzip<R> {
    pub(super) fn new(inner: R) -> Gunzip<R> {
        Gunzip {
            inner,
            input: vec![0; IN_STEP],
            start: 0,
            end: 0,
            state: State::Header(false),
            inflate: Decompress::new(false),
            crc: Crc::new(),
            failure: None,
        }
    }

    fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            self.start = 0;
            self.end = self.inner.read(&mut self.input)?;
        }
        Ok(self.end > self.start)
    }

    fn byte(&mut self) -> io::Result<u8> {
        if !self.fill()? {
            return Err(damage("the gzip data is cut short"));
        }
        self.start += 1;
        Ok(self.input[self.start - 1])
    }

    /// The header of a member. False at the end of the stream, or where something else follows the last member.
    fn header(&mut self, later: bool) -> io::Result<bool> {
        if later && !self.fill()? {
            return Ok(false);
        }
        if later && self.input[self.start] == 0 {
            return Ok(false); // Padding, as tape archives have it; gzip itself passes over it.
        }
        let mut head = [0u8; 10];
        for b in &mut head {
            *b = self.byte()?;
        }
        if head[..3] != [0x1f, 0x8b, 8] {
            return Err(damage("what follows the gzip data is not gzip"));
        }
        let flags = head[3];
        if flags & 4 != 0 {
            let n = u16::from_le_bytes([self.byte()?, self.byte()?]);
            for _ in 0..n {
                self.byte()?;
            }
        }
        for flag in [8, 16] {
            if flags & flag != 0 {
                while self.byte()? != 0 {}
            }
        }
        if flags & 2 != 0 {
            self.byte()?;
            self.byte()?;
        }
        Ok(true)
    }

    fn trailer(&mut self) -> io::Result<()> {
        let mut tail = [0u8; 8];
        for b in &mut tail {
            *b = self.byte()?;
        }
        let [c0, c1, c2, c3, ..] = tail;
        if u32::from_le_bytes([c0, c1, c2, c3]) != self.crc.sum() {
            return Err(damage("the gzip checksum does not match"));
        }
        Ok(())
    }

    fn body(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.fill()? {
            return Err(damage("the gzip data is cut short"));
        }
        let (consumed, produced) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(&self.input[self.start..self.end], out, FlushDecompress::None);
        self.start += (self.inflate.total_in() - consumed) as usize;
        let n = (self.inflate.total_out() - produced) as usize;
        self.crc.update(&out[..n]);
        match status {
            Ok(Status::StreamEnd) => self.state = State::Trailer,
            Ok(Status::Ok | Status::BufError) => {}
            Err(_) => self.failure = Some("the gzip data is damaged"),
        }
        Ok(n)
    }
}

impl<R: Read> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            if let Some(what) = self.failure {
                return Err(damage(what));
            }
            match self.state {
                State::Header(later) => {
                    if self.header(later)? {
                        self.inflate.reset(false);
                        self.crc.reset();
                        self.state = State::Body;
                    } else {
                        self.state = State::Done;
                    }
                }
                State::Body => {
                    let n = self.body(out)?;
                    if n > 0 {
                        return Ok(n);
                    }
                }
                State::Trailer => {
                    self.trailer()?;
                    self.state = State::Header(true);
                }
                State::Done => return Ok(0),
            }
        }
        Ok(0)
    }
}

fn damage(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut e = GzEncoder::new(Vec::new(), Compression::default());
        e.write_all(bytes).unwrap();
        e.finish().unwrap()
    }

    fn all(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        let mut out = Vec::new();
        let mut reader = Gunzip::new(bytes);
        let mut piece = [0u8; 97];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return (out, None),
                Ok(n) => out.extend_from_slice(&piece[..n]),
                Err(e) => return (out, Some(e.to_string())),
            }
        }
    }

    #[test]
    fn members_follow_each_other() {
        let text: Vec<u8> = (0..10_000u32).flat_map(u32::to_le_bytes).collect();
        let mut packed = gzip(&text[..15_000]);
        packed.extend(gzip(&[]));
        packed.extend(gzip(&text[15_000..]));
        assert_eq!(all(&packed), (text.clone(), None));
        packed.extend([0; 512]);
        assert_eq!(all(&packed), (text.clone(), None));
        packed.truncate(packed.len() - 512);
        packed.extend(b"junk of more than ten bytes");
        let (out, error) = all(&packed);
        assert_eq!(out, text);
        assert!(error.unwrap().contains("not gzip"));
    }

    #[test]
    fn what_was_there_before_a_cut_comes_out() {
        let text: Vec<u8> = (0..5_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let packed = gzip(&text);
        let mut longest = 0;
        for cut in 0..packed.len() {
            let (out, error) = all(&packed[..cut]);
            assert!(text.starts_with(&out) && error.is_some(), "cut at {cut}");
            longest = longest.max(out.len());
        }
        assert_eq!(longest, text.len());
        let mut bad = packed.clone();
        let at = bad.len() - 6;
        bad[at] ^= 1;
        assert_eq!(all(&bad), (text, Some("the gzip checksum does not match".to_owned())));
    }
}
