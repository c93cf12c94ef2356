//! TCP options: timestamps (RFC 7323), SACK (RFC 2018), AccECN (RFC 9768 section 3.2.3), and what only a SYN has.

/// SACK blocks that fit into the option space.
const MAX_BLOCKS: usize = 4;

/// The options of one segment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// TSval and TSecr.
    pub(crate) timestamps: Option<(u32, u32)>,
    blocks: [(u32, u32); MAX_BLOCKS],
    count: u8,
    pub(crate) accecn: Option<AccEcnOption>,
    /// Maximum segment size, RFC 9293 section 3.7.1.
    pub(crate) mss: Option<u16>,
    /// Window scale, RFC 7323 section 2.
    pub(crate) window_scale: Option<u8>,
}

/// An AccECN option: the receiver's byte counters, 24 bits each. Fields that it leaves out are unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AccEcnOption {
    pub(crate) ect0: Option<u32>,
    pub(crate) ce: Option<u32>,
    pub(crate) ect1: Option<u32>,
}

impl Options {
    /// Reads what was captured of the options; stops at the first that makes no sense.
    pub(crate) fn parse(bytes: &[u8]) -> Options {
        let mut options = Options::default();
        // Nearly every segment of an established connection.
        if let [1, 1, 8, 10, t @ ..] = bytes
            && t.len() == 8
        {
            options.timestamps = Some((be32(t, 0), be32(t, 4)));
            return options;
        }
        let mut rest = bytes;
        loop {
            match *rest {
                [1, ref after @ ..] => rest = after,
                [kind, length, ..] if kind != 0 && length >= 2 => {
                    let Some((option, after)) = rest.split_at_checked(usize::from(length)) else { break };
                    options.take(kind, &option[2..]);
                    rest = after;
                }
                _ => break,
            }
        }
        options
    }

    fn take(&mut self, kind: u8, value: &[u8]) {
        match (kind, value.len()) {
            (2, 2) => self.mss = Some(u16::from_be_bytes([value[0], value[1]])),
            (3, 1) => self.window_scale = Some(value[0].min(14)),
            (5, _) if self.count == 0 => {
                for block in value.chunks_exact(8).take(MAX_BLOCKS) {
                    self.blocks[usize::from(self.count)] = (be32(block, 0), be32(block, 4));
                    self.count += 1;
                }
            }
            (8, 8) if self.timestamps.is_none() => self.timestamps = Some((be32(value, 0), be32(value, 4))),
            (172 | 174, _) if self.accecn.is_none() => self.accecn = Some(AccEcnOption::parse(kind, value)),
            _ => {}
        }
    }

    /// The SACK blocks, as (left edge, right edge).
    pub(crate) fn sack(&self) -> &[(u32, u32)] {
        &self.blocks[..usize::from(self.count)]
    }
}

impl AccEcnOption {
    /// Kind 172 begins with the ECT(0) counter, kind 174 with the ECT(1) counter.
    fn parse(kind: u8, value: &[u8]) -> AccEcnOption {
        let field = |i: usize| value.get(i * 3..i * 3 + 3).map(|f| u32::from_be_bytes([0, f[0], f[1], f[2]]));
        let (first, ce, last) = (field(0), field(1), field(2));
        match kind {
            172 => AccEcnOption { ect0: first, ce, ect1: last },
            _ => AccEcnOption { ect1: first, ce, ect0: last },
        }
    }
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_orders_of_the_accecn_option() {
        let of = |bytes: &[u8]| Options::parse(bytes).accecn.unwrap();
        let full = AccEcnOption { ect0: Some(1), ce: Some(2), ect1: Some(0x0003_0405) };
        assert_eq!(of(&[172, 11, 0, 0, 1, 0, 0, 2, 3, 4, 5, 0]), full);
        assert_eq!(of(&[174, 11, 3, 4, 5, 0, 0, 2, 0, 0, 1, 0]), full);
        assert_eq!(of(&[172, 5, 0, 0, 9]), AccEcnOption { ect0: Some(9), ..AccEcnOption::default() });
        assert_eq!(of(&[174, 8, 0, 0, 9, 0, 0, 7]), AccEcnOption { ect1: Some(9), ce: Some(7), ect0: None });
        assert_eq!(of(&[174, 2]), AccEcnOption::default());
        assert_eq!(of(&[172, 7, 0, 0, 9, 1, 1]), AccEcnOption { ect0: Some(9), ..AccEcnOption::default() });
    }

    #[test]
    fn the_short_way_reads_the_same_as_the_long_one() {
        let fast = Options::parse(&[1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6]);
        let slow = Options::parse(&[8, 10, 0, 0, 0, 5, 0, 0, 0, 6, 1, 1]);
        assert_eq!(fast.timestamps, Some((5, 6)));
        assert_eq!(slow.timestamps, fast.timestamps);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..41)) {
            prop_assert!(Options::parse(&bytes).sack().len() <= MAX_BLOCKS);
        }
    }
}
