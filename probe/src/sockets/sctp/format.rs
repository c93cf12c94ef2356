//! Where the fields of a tracepoint's record are, as tracefs says it (`events/GROUP/NAME/format`).
//!
//! In: the text of that file, the bytes of a record. Out: field values. Layouts are never assumed: they differ between kernels.

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::diag::sockaddr;

/// Offset and size of each field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Format {
    fields: HashMap<String, (usize, usize)>,
}

impl Format {
    /// Reads lines like `field:__u16 bind_port;  offset:20;  size:2;  signed:0;`.
    pub(crate) fn parse(text: &str) -> Format {
        let fields = text.lines().filter_map(|line| {
            let rest = line.trim().strip_prefix("field:")?;
            let mut parts = rest.split(';').map(str::trim);
            let declaration = parts.next()?.split('[').next()?;
            let name = declaration.split_whitespace().next_back()?.trim_start_matches('*');
            let (mut offset, mut size) = (None, None);
            for part in parts {
                match part.split_once(':') {
                    Some(("offset", n)) => offset = n.parse().ok(),
                    Some(("size", n)) => size = n.parse().ok(),
                    _ => {}
                }
            }
            Some((name.to_owned(), (offset?, size?)))
        });
        Format { fields: fields.collect() }
    }

    /// Whether all these fields are there.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|n| self.fields.contains_key(*n))
    }

    /// An unsigned integer field; `None` where the record or the kernel does not have it.
    pub(crate) fn number(&self, record: &[u8], name: &str) -> Option<u64> {
        let (offset, size) = *self.fields.get(name)?;
        let bytes = record.get(offset..offset + size)?;
        Some(match *bytes {
            [a] => a.into(),
            [a, b] => u16::from_ne_bytes([a, b]).into(),
            [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]).into(),
            _ => u64::from_ne_bytes(bytes.try_into().ok()?),
        })
    }

    /// A socket address field.
    pub(crate) fn address(&self, record: &[u8], name: &str) -> Option<IpAddr> {
        let (offset, size) = *self.fields.get(name)?;
        sockaddr(record.get(offset..offset + size)?)
    }
}
