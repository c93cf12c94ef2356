//! Packets that pass twice: copies that the network or the capture made, as opposed to data that a host sent again.
//!
//! A copy has the IP identification and the transport checksum of a packet shortly before it; a retransmission is a new
//! packet with an identification of its own (RFC 6864 section 4.1 asks for that as long as copies may be under way). IPv6
//! has no identification: there only TCP data counts whose header came once more right behind, faster than any host
//! notices a loss. Packets without both, such as UDP without a checksum, are not judged.

use sce_proto::FlowInterval;

use crate::decode::protocol;
use crate::packet::{Fragment, Packet};

/// Packets of a direction among which a copy is looked for.
const REMEMBERED: usize = 3;
/// Nobody sends the same data again as fast as this, ns.
const AT_ONCE_NS: u64 = 100_000;

/// The latest packets of one direction, and how many came again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Again {
    /// Latest first, 0 = none.
    names: [u32; REMEMBERED],
    duplicated_packets: u32,
}

impl Again {
    /// Takes a packet that came `gap_ns` behind the one before it.
    #[inline]
    pub(crate) fn observe(&mut self, p: &Packet<'_>, gap_ns: u64) {
        let name = name(p);
        if name != 0 {
            let [latest, others @ ..] = &self.names;
            let again = *latest == name && (!p.v6 || gap_ns < AT_ONCE_NS) || !p.v6 && others.contains(&name);
            self.duplicated_packets += if again { p.segments } else { 0 };
        }
        self.names = [name, self.names[0], self.names[1]];
    }

    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        out.duplicated_packets = u64::from(std::mem::take(&mut self.duplicated_packets));
    }
}

/// What only a copy shares with a packet; 0 = it cannot be told.
#[inline]
fn name(p: &Packet<'_>) -> u32 {
    let at = match p.ip_proto {
        protocol::TCP => 16,
        protocol::UDP => 6,
        protocol::ICMP => 2,
        protocol::SCTP => 8,
        _ => return 0,
    };
    let Some(&[high, low]) = p.transport.get(at..).and_then(|t| t.first_chunk()) else { return 0 };
    let checksum = u32::from(high) << 8 | u32::from(low);
    let number = match (p.v6, &p.tcp) {
        (false, _) => p.ident & 0xffff,
        (true, Some(s)) if p.payload_bytes > 0 => s.seq & 0xffff | 1,
        (true, _) => 0,
    };
    if number == 0 || checksum == 0 || p.fragment != Fragment::Whole { 0 } else { number << 16 | checksum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Segment;

    /// The packets that are told to be copies, of (identification, checksum, time in us).
    fn copies(v6: bool, packets: &[(u32, u8, u64)]) -> u32 {
        let mut again = Again::default();
        let mut before = 0;
        for (ident, checksum, us) in packets {
            let mut header = [0; 20];
            header[17] = *checksum;
            let tcp = Some(Segment { seq: 77, ack: 1, flags: 0x10, window: 1, options: &[] });
            let p = Packet { v6, ip_proto: 6, ident: *ident, tcp, payload_bytes: 9, segments: 1, ..Packet::default() };
            again.observe(&Packet { transport: &header, ..p }, (us - before) * 1000);
            before = *us;
        }
        again.duplicated_packets
    }

    #[test]
    fn a_copy_keeps_its_identification_and_a_retransmission_does_not() {
        assert_eq!(copies(false, &[(5, 1, 1), (5, 1, 900)]), 1);
        assert_eq!(copies(false, &[(5, 1, 1), (6, 2, 2), (7, 3, 3), (5, 1, 4), (6, 2, 5)]), 2, "behind others");
        assert_eq!(copies(false, &[(5, 1, 1), (6, 1, 2)]), 0, "sent again");
        assert_eq!(copies(false, &[(5, 1, 1), (5, 2, 2)]), 0, "a constant identification");
        assert_eq!(copies(false, &[(0, 1, 1), (0, 1, 2)]), 0, "none (RFC 6864 allows that)");
    }

    #[test]
    fn without_identification_only_what_comes_at_once_is_a_copy() {
        assert_eq!(copies(true, &[(0, 1, 1), (0, 1, 20)]), 1);
        assert_eq!(copies(true, &[(0, 1, 1), (0, 1, 2000)]), 0);
        assert_eq!(copies(true, &[(0, 1, 1), (0, 2, 2), (0, 1, 3)]), 0);
    }
}
