//! RTCP (RFC 3550 6): packets, and round trips from sender reports and the reports that answer them.
//!
//! In: RTCP payloads. Out: the `rtcp_*` fields. A report block names the middle 32 bits of the last sender report's NTP
//! time (LSR) and how long its receiver waited since (DLSR, units of 1/65536 s).

use sce_proto::FlowInterval;

use crate::packet::{Both, Dir};

/// Sender reports of one direction that wait for an answer. They come every few seconds.
const WAITING: usize = 4;

/// The meter.
#[derive(Debug, Default)]
pub(crate) struct Rtcp {
    sent: Both<[Option<(u32, u64)>; WAITING]>,
    next: usize,
    packets: Both<u64>,
    rtt: Both<Rtt>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Rtt {
    count: u64,
    sum_ns: u64,
    min_ns: u64,
    max_ns: u64,
}

/// Whether a payload is RTCP: version 2, packet types 200 to 207, a length that fits (RFC 5761 4).
pub(crate) fn is_rtcp(payload: &[u8]) -> bool {
    let Some(head) = payload.first_chunk::<4>() else { return false };
    head[0] >> 6 == 2 && (200..=207).contains(&head[1]) && size(head) <= payload.len()
}

fn size(head: &[u8; 4]) -> usize {
    (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1) * 4
}

impl Rtcp {
    /// Takes a compound packet.
    pub(crate) fn observe(&mut self, mut payload: &[u8], dir: Dir, at_ns: u64) {
        while is_rtcp(payload)
            && let Some(head) = payload.first_chunk::<4>()
        {
            let (packet, rest) = payload.split_at(size(head));
            self.packets[dir] += 1;
            let blocks = match head[1] {
                200 => {
                    self.sender_report(packet, dir, at_ns);
                    packet.get(28..)
                }
                201 => packet.get(8..),
                _ => None,
            };
            for block in blocks.unwrap_or(&[]).chunks_exact(24).take(usize::from(head[0] & 0x1f)) {
                self.report_block(block, dir, at_ns);
            }
            payload = rest;
        }
    }

    fn sender_report(&mut self, packet: &[u8], dir: Dir, at_ns: u64) {
        let Some(middle) = packet.get(10..14) else { return };
        let middle = u32::from_be_bytes([middle[0], middle[1], middle[2], middle[3]]);
        self.sent[dir][self.next % WAITING] = Some((middle, at_ns));
        self.next = self.next.wrapping_add(1);
    }

    fn report_block(&mut self, block: &[u8], dir: Dir, at_ns: u64) {
        let word = |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        let (report, delay) = (word(16), word(20));
        let sent = self.sent[dir.flip()].iter().flatten().find(|s| report != 0 && s.0 == report);
        let delay_ns = (u64::from(delay) * 1_000_000_000) >> 16;
        let Some(ns) = sent.and_then(|s| at_ns.checked_sub(s.1)).and_then(|ns| ns.checked_sub(delay_ns)) else {
            return;
        };
        let rtt = &mut self.rtt[dir.flip()];
        rtt.min_ns = if rtt.count == 0 { ns } else { rtt.min_ns.min(ns) };
        rtt.max_ns = rtt.max_ns.max(ns);
        rtt.sum_ns = rtt.sum_ns.saturating_add(ns);
        rtt.count += 1;
    }

    pub(crate) fn has_news(&self, dir: Dir) -> bool {
        self.rtt[dir].count > 0
    }

    pub(crate) fn report(&mut self, dir: Dir, out: &mut FlowInterval) {
        out.rtcp_packets = std::mem::take(&mut self.packets[dir]);
        let Rtt { count, sum_ns, min_ns, max_ns } = std::mem::take(&mut self.rtt[dir]);
        (out.rtcp_rtt_count, out.rtcp_rtt_ns_sum) = (count, sum_ns);
        (out.rtcp_rtt_ns_min, out.rtcp_rtt_ns_max) = (min_ns, max_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_receivers_delay_is_taken_off() {
        let mut sr = vec![0x80, 200, 0, 6, 0, 0, 0, 1];
        sr.extend([0, 0, 0xaa, 0xbb, 0xcc, 0xdd, 0, 0]); // NTP time: middle 32 bits aabbccdd
        sr.extend([0; 12]);
        let mut rr = vec![0x81, 201, 0, 7, 0, 0, 0, 2];
        rr.extend([0; 16]);
        rr.extend([0xaa, 0xbb, 0xcc, 0xdd, 0, 1, 0, 0]); // DLSR 1 s
        let mut rtcp = Rtcp::default();
        rtcp.observe(&sr, Dir::Up, 5_000_000_000);
        rtcp.observe(&[rr.clone(), sr].concat(), Dir::Down, 6_030_000_000);
        let mut out = FlowInterval::default();
        rtcp.report(Dir::Up, &mut out);
        assert_eq!((out.rtcp_packets, out.rtcp_rtt_count, out.rtcp_rtt_ns_sum), (1, 1, 30_000_000));
        rtcp.report(Dir::Down, &mut out);
        assert_eq!((out.rtcp_packets, out.rtcp_rtt_count), (2, 0));
    }

    proptest! {
        #[test]
        fn any_payload_is_read_without_panic(mut payload in proptest::collection::vec(any::<u8>(), 4..120), kind in 200u8..208) {
            (payload[0], payload[1], payload[2]) = (payload[0] & 0x1f | 0x80, kind, 0);
            Rtcp::default().observe(&payload, Dir::Up, 1);
        }
    }
}
