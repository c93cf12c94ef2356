//! The ClientHello of TLS 1.3 (RFC 8446 4.1.2): server name (RFC 6066 3) and application protocols (RFC 7301).
//!
//! In: the contiguous start of the CRYPTO stream. Out: two short texts, made once per flow. Reads nothing else of it.

/// Longest text that is kept: a DNS name has at most 253 characters.
const TEXT_MAX: usize = 255;

/// What the client asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Server name, empty if not sent (or encrypted: then the outer name).
    pub(crate) sni: Box<str>,
    /// Offered application protocols, comma-separated.
    pub(crate) alpn: Box<str>,
}

/// Reads the hello once all of it has come; `None` before that, or if the stream holds something else.
pub(crate) fn read(stream: &[u8]) -> Option<Hello> {
    let mut all = Reader(stream);
    if all.number(1)? != 1 {
        return None;
    }
    let length = all.number(3)?;
    let mut body = Reader(all.take(length)?);
    body.take(2 + 32)?; // legacy version, random
    body.sized(1)?; // session
    body.sized(2)?; // cipher suites
    body.sized(1)?; // compression
    let mut extensions = Reader(body.sized(2)?);
    let mut hello = Hello::default();
    while let (Some(kind), Some(content)) = (extensions.number(2), extensions.sized(2)) {
        match kind {
            0 => hello.sni = server_name(content).unwrap_or_default(),
            16 => hello.alpn = protocols(content).unwrap_or_default(),
            _ => {}
        }
    }
    Some(hello)
}

fn server_name(content: &[u8]) -> Option<Box<str>> {
    let mut list = Reader(Reader(content).sized(2)?);
    while let (Some(kind), Some(name)) = (list.number(1), list.sized(2)) {
        if kind == 0 {
            return Some(text(&[name]));
        }
    }
    None
}

fn protocols(content: &[u8]) -> Option<Box<str>> {
    let mut list = Reader(Reader(content).sized(2)?);
    let mut names = Vec::new();
    while let Some(name) = list.sized(1) {
        if !names.is_empty() {
            names.push(&b","[..]);
        }
        names.push(name);
    }
    Some(text(&names))
}

/// Printable ASCII; everything else becomes `?`, so that no terminal and no database sees a stranger's control characters.
fn text(parts: &[&[u8]]) -> Box<str> {
    let bytes = parts.iter().flat_map(|p| p.iter()).take(TEXT_MAX);
    bytes.map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '?' }).collect::<String>().into()
}

/// Takes big-endian numbers and length-prefixed parts off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    fn number(&mut self, len: usize) -> Option<usize> {
        Some(self.take(len)?.iter().fold(0, |v, b| v << 8 | usize::from(*b)))
    }

    fn sized(&mut self, len: usize) -> Option<&'a [u8]> {
        let size = self.number(len)?;
        self.take(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_and_made_safe() {
        let mut extensions = Vec::new();
        for (kind, content) in
            [(0u16, [&[0, 12, 0, 0, 9][..], b"a.exa\x1bple"].concat()), (16, [&[0, 9, 2][..], b"h3\x05h3-29"].concat())]
        {
            extensions.extend(kind.to_be_bytes());
            extensions.extend((content.len() as u16).to_be_bytes());
            extensions.extend(content);
        }
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut stream = vec![1, 0, 0, body.len() as u8];
        stream.extend(body);
        let hello = read(&stream).unwrap();
        assert_eq!((&*hello.sni, &*hello.alpn), ("a.exa?ple", "h3,h3-29"));
        assert_eq!(read(&stream[..stream.len() - 1]), None, "not before the last byte");
    }

    proptest! {
        #[test]
        fn any_stream_is_read_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 4..300)) {
            bytes[0] = 1;
            bytes[1] = 0;
            bytes[2] = 0;
            read(&bytes);
        }
    }
}
