//! Sequence extractors: where in a UDP payload the sender's sequence number and its time stand.
//!
//! In: a payload. Out: number, optional time and optional stream identifier. Extractors of users are tried before the
//! built-in ones; which of them serves a direction is decided on its first packets.

use crate::packet::Packet;
use crate::rules::Rule;

/// A description of numbered test traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extractor {
    /// Name that records carry (`seq_profile_last`).
    pub name: String,
    /// Flows it is tried on.
    pub flows: Rule,
    /// Bytes that must be found in the payload; offsets count from their start. `None`: from the start of the payload.
    pub anchor: Option<Anchor>,
    /// The sequence number.
    pub sequence: Word,
    /// Bytes that tell apart senders that share a flow (the SSRC of RTP).
    pub stream: Option<Word>,
    /// Difference between the numbers of consecutive packets, at least 1.
    pub step: u64,
    /// Numbers run from 0 to this minus 1; 0 = all values of the width.
    pub modulus: u64,
    /// The sender's time.
    pub time: Option<Stamp>,
    /// When the numbers count as broken.
    pub thresholds: Thresholds,
}

/// Bytes to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Which of their bits count; bytes beyond its end count whole.
    pub mask: Vec<u8>,
    /// Number of payload offsets at which they may begin: 1 = only at the start.
    pub search: usize,
}

/// An integer in the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Offset from the anchor, bytes.
    pub offset: usize,
    /// Width, 1 to 8 bytes.
    pub width: u8,
    /// Least significant byte first.
    pub little_endian: bool,
}

/// The sender's time in the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Offset from the anchor, bytes.
    pub offset: usize,
    /// How it is written.
    pub format: StampFormat,
    /// The extractor serves only packets whose stamp lies within this of their capture time, ns; 0 = any stamp.
    pub plausible_ns: u64,
}

/// Formats of sender times, all big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampFormat {
    /// 64 bits of nanoseconds.
    Nanoseconds,
    /// 32 bits of seconds, 32 bits of microseconds.
    SecondsMicroseconds,
    /// NTP: 32 bits of seconds since 1900, 32 bits of fraction (RFC 5905 6).
    Ntp,
    /// RTP: 32 bits of media clock, whose rate follows from the payload type (RFC 3550 5.1).
    Rtp,
}

/// Limits on differences of sequence numbers, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// A difference from the previous packet of 0 or of 2 to this is a small error, a larger one a big error.
    pub small: u64,
    /// A jump by more than this, after which numbers go on one by one, is a restart of the sender and no loss.
    pub restart: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        // RFC 3550 A.1 calls 3000 lost packets a restart. Numbers wider than 16 bits can tell more.
        Thresholds { small: 100, restart: 3000 }
    }
}

/// What one packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) stream: u64,
    /// Sender's time in the unit of its format: ns, or media clock for RTP.
    pub(crate) stamp: Option<u64>,
}

impl Extractor {
    /// The built-in profiles, in the order in which they are tried. One that has two forms is there twice.
    #[must_use]
    pub fn profiles() -> Vec<Extractor> {
        let mut all = built_in();
        all.push(rtp());
        all
    }

    /// Reads a payload captured at a time.
    pub(crate) fn read(&self, payload: &[u8], at_ns: u64) -> Option<Numbered> {
        let base = match &self.anchor {
            None => 0,
            Some(anchor) => anchor.find(payload)?,
        };
        let payload = &payload[base..];
        let number = self.sequence.read(payload)?;
        if self.modulus > 0 && number >= self.modulus {
            return None;
        }
        let stamp = match &self.time {
            None => None,
            Some(stamp) => {
                let ns = stamp.read(payload)?;
                if stamp.plausible_ns > 0 && ns.abs_diff(at_ns) > stamp.plausible_ns {
                    return None;
                }
                Some(ns)
            }
        };
        let stream = self.stream.map_or(Some(0), |w| w.read(payload))?;
        Some(Numbered { number: number / self.step.max(1), stream, stamp })
    }

    /// Number of sequence numbers before they repeat; 0 = 2^64.
    pub(crate) fn cycle(&self) -> u64 {
        let all = if self.sequence.width >= 8 { 0 } else { 1u64 << (8 * u32::from(self.sequence.width.max(1))) };
        let values = if self.modulus > 0 { self.modulus } else { all };
        match (values, self.step.max(1)) {
            (values, 1) => values,
            (0, step) => u64::MAX / step + 1,
            (values, step) => (values / step).max(2),
        }
    }

    /// Whether the extractor is tried on the flow of this packet, in either direction.
    pub(crate) fn serves(&self, packet: &Packet<'_>) -> bool {
        self.flows.selects_flow(packet)
    }
}

impl Anchor {
    fn find(&self, payload: &[u8]) -> Option<usize> {
        (0..self.search.max(1)).find(|at| {
            let Some(there) = payload.get(*at..*at + self.bytes.len()) else { return false };
            there.iter().zip(&self.bytes).enumerate().all(|(i, (a, b))| {
                let mask = self.mask.get(i).copied().unwrap_or(0xff);
                a & mask == b & mask
            })
        })
    }
}

impl Word {
    fn read(self, payload: &[u8]) -> Option<u64> {
        let width = usize::from(self.width.clamp(1, 8));
        let bytes = payload.get(self.offset..self.offset.checked_add(width)?)?;
        let join = |v: u64, b: &u8| v << 8 | u64::from(*b);
        Some(if self.little_endian { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) })
    }
}

impl Stamp {
    fn read(self, payload: &[u8]) -> Option<u64> {
        let word = |offset, width| Word { offset, width, little_endian: false }.read(payload);
        let (high, low) = (word(self.offset, 4)?, || word(self.offset + 4, 4));
        Some(match self.format {
            StampFormat::Nanoseconds => high << 32 | low()?,
            StampFormat::SecondsMicroseconds => high * 1_000_000_000 + low()? * 1000,
            // Seconds since 1900 wrap in 2036: numbers below 1970 belong to the next era (RFC 4330 3).
            StampFormat::Ntp => {
                let seconds =
                    if high >= NTP_TO_UNIX_S { high - NTP_TO_UNIX_S } else { high + (1 << 32) - NTP_TO_UNIX_S };
                seconds * 1_000_000_000 + ((low()? * 1_000_000_000) >> 32)
            }
            StampFormat::Rtp => high,
        })
    }
}

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX_S: u64 = 2_208_988_800;
/// How far a wall-clock stamp may be off before it is taken for something else: hosts of a testbed are closer.
const PLAUSIBLE_NS: u64 = 3_600_000_000_000;

/// The profiles of known test programs, in the order in which they are tried. RTP has its own detection.
pub(crate) fn built_in() -> Vec<Extractor> {
    let word = |offset, width, little_endian| Word { offset, width, little_endian };
    let stamp = |offset, format, plausible_ns| Some(Stamp { offset, format, plausible_ns });
    let magic = |bytes: &[u8], mask: &[u8]| Some(Anchor { bytes: bytes.to_vec(), mask: mask.to_vec(), search: 1 });
    let base = Extractor {
        name: String::new(),
        flows: Rule::udp(),
        anchor: None,
        sequence: word(0, 4, false),
        stream: None,
        step: 1,
        modulus: 0,
        time: None,
        thresholds: Thresholds { restart: 1 << 20, ..Thresholds::default() },
    };
    let named = |name: &str| Extractor { name: name.to_owned(), ..base.clone() };
    vec![
        // irtt: magic, flags (open 1, reply 2, close 4, HMAC 8), [HMAC], token, number. Open and close have no number.
        Extractor {
            anchor: magic(&[0x14, 0xa7, 0x5b, 0], &[0xff, 0xff, 0xff, 0x0d]),
            sequence: word(12, 4, true),
            stream: Some(word(4, 8, true)),
            ..named("irtt")
        },
        Extractor {
            anchor: magic(&[0x14, 0xa7, 0x5b, 8], &[0xff, 0xff, 0xff, 0x0d]),
            sequence: word(28, 4, true),
            stream: Some(word(20, 8, true)),
            ..named("irtt")
        },
        // antler: magic of 7 bytes, flags, number.
        Extractor {
            anchor: magic(&[0xaa, 0x49, 0x7c, 0x06, 0x31, 0xe9, 0x45], &[]),
            sequence: word(8, 8, true),
            ..named("antler")
        },
        // Linux pktgen: magic, number, seconds, microseconds.
        Extractor {
            anchor: magic(&[0xbe, 0x9b, 0xe9, 0x55], &[]),
            sequence: word(4, 4, false),
            time: stamp(8, StampFormat::SecondsMicroseconds, 0),
            ..named("pktgen")
        },
        // STAMP and TWAMP test packets (RFC 8762 4.2, RFC 5357 4.1.2): number, NTP time.
        Extractor { flows: Rule::udp_port(862), time: stamp(4, StampFormat::Ntp, PLAUSIBLE_NS), ..named("stamp") },
        // iperf 3: seconds, microseconds, number of 32 bits. Its time may be that of a monotonic clock.
        Extractor {
            flows: Rule::udp_port(5201),
            sequence: word(8, 4, false),
            time: stamp(0, StampFormat::SecondsMicroseconds, 0),
            ..named("iperf3")
        },
        // iperf 2: number of 31 bits (negative in the last packets), seconds, microseconds.
        Extractor {
            flows: Rule::udp_port(5001),
            modulus: 1 << 31,
            time: stamp(4, StampFormat::SecondsMicroseconds, 0),
            ..named("iperf2")
        },
        // UDP Prague: type (1 bulk, 2 frames), two times of 32 bits, number. Its acknowledgements have other types.
        Extractor {
            flows: Rule::udp_port(8080),
            anchor: magic(&[1], &[]),
            sequence: word(9, 4, false),
            ..named("udp-prague")
        },
        Extractor {
            flows: Rule::udp_port(8080),
            anchor: magic(&[2], &[]),
            sequence: word(9, 4, false),
            ..named("udp-prague")
        },
        // MGEN, version 2 of its message: size, version, flags, flow, number, seconds, microseconds. Any port.
        Extractor {
            anchor: magic(&[0, 0, 2], &[0, 0, 0xff]),
            sequence: word(8, 4, false),
            stream: Some(word(4, 4, false)),
            time: stamp(12, StampFormat::SecondsMicroseconds, PLAUSIBLE_NS),
            ..named("mgen")
        },
        // Number of 64 bits, then nanoseconds since the epoch: the generator of this project's lab.
        Extractor {
            sequence: word(0, 8, false),
            time: stamp(8, StampFormat::Nanoseconds, PLAUSIBLE_NS),
            ..named("seq64-ns")
        },
        // Number of 32 bits, then nanoseconds since the epoch.
        Extractor { time: stamp(4, StampFormat::Nanoseconds, PLAUSIBLE_NS), ..named("seq32-ns") },
    ]
}

/// RTP (RFC 3550 5.1): number of 16 bits, media clock, SSRC.
pub(crate) fn rtp() -> Extractor {
    Extractor {
        name: "rtp".to_owned(),
        flows: Rule::udp(),
        anchor: Some(Anchor { bytes: vec![0x80], mask: vec![0xc0], search: 1 }),
        sequence: Word { offset: 2, width: 2, little_endian: false },
        stream: Some(Word { offset: 8, width: 4, little_endian: false }),
        step: 1,
        modulus: 0,
        time: Some(Stamp { offset: 4, format: StampFormat::Rtp, plausible_ns: 0 }),
        thresholds: Thresholds::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_700_000_000_000_000_000;

    fn read(name: &str, payload: &[u8]) -> Option<Numbered> {
        built_in().iter().filter(|e| e.name == name).find_map(|e| e.read(payload, NOW))
    }

    #[test]
    fn profiles_read_what_their_programs_write() {
        let token = 0x1122_3344_5566_7788u64.to_le_bytes();
        let irtt = [&[0x14, 0xa7, 0x5b, 2][..], &token, &7u32.to_le_bytes()].concat();
        assert_eq!(read("irtt", &irtt).map(|n| (n.number, n.stream)), Some((7, 0x1122_3344_5566_7788)));
        let hmac = [&[0x14, 0xa7, 0x5b, 8][..], &[9; 16], &token, &8u32.to_le_bytes()].concat();
        assert_eq!(read("irtt", &hmac).map(|n| n.number), Some(8));
        let open = [&[0x14, 0xa7, 0x5b, 1][..], &token, &[0; 30]].concat();
        assert_eq!(read("irtt", &open), None);

        let antler = [&[0xaa, 0x49, 0x7c, 0x06, 0x31, 0xe9, 0x45, 1][..], &9u64.to_le_bytes(), b"\x01f"].concat();
        assert_eq!(read("antler", &antler).map(|n| n.number), Some(9));

        let time = [&1_700_000_000u32.to_be_bytes()[..], &250_000u32.to_be_bytes()].concat();
        let pktgen = [&[0xbe, 0x9b, 0xe9, 0x55][..], &10u32.to_be_bytes(), &time].concat();
        assert_eq!(read("pktgen", &pktgen).and_then(|n| n.stamp), Some(NOW + 250_000_000));
        assert_eq!(read("iperf2", &[&[0, 0, 0, 11][..], &time].concat()).map(|n| n.number), Some(11));
        assert_eq!(
            read("iperf2", &[&[0xff, 0xff, 0xff, 0xf5][..], &time].concat()),
            None,
            "the last, negative packets"
        );
        assert_eq!(read("iperf3", &[&time[..], &[0, 0, 0, 12]].concat()).map(|n| n.number), Some(12));

        let times = [7; 8];
        assert_eq!(read("udp-prague", &[&[1][..], &times, &[0, 0, 1, 2]].concat()).map(|n| n.number), Some(258));
        assert_eq!(read("udp-prague", &[&[2][..], &times, &[0, 0, 0, 3], &[0; 8]].concat()).map(|n| n.number), Some(3));
        assert_eq!(read("udp-prague", &[&[17][..], &times, &[0; 20]].concat()), None, "an acknowledgement");
        let mgen = [&[0, 40, 2, 0, 0, 0, 0, 9, 0, 0, 0, 16][..], &time, &[0; 20]].concat();
        let said = read("mgen", &mgen).map(|n| (n.number, n.stream, n.stamp));
        assert_eq!(said, Some((16, 9, Some(NOW + 250_000_000))));
        let other = [&mgen[..2], &[3], &mgen[3..]].concat();
        assert_eq!(read("mgen", &other), None, "another version");

        let ntp =
            [&(1_700_000_000u32.wrapping_add(NTP_TO_UNIX_S as u32)).to_be_bytes()[..], &(1u32 << 31).to_be_bytes()];
        let stamp = [&[0, 0, 0, 13][..], &ntp.concat(), &[0, 1]].concat();
        assert_eq!(read("stamp", &stamp).and_then(|n| n.stamp), Some(NOW + 500_000_000));

        let lab = [&14u64.to_be_bytes()[..], &(NOW - 5).to_be_bytes()].concat();
        assert_eq!(read("seq64-ns", &lab).map(|n| (n.number, n.stamp)), Some((14, Some(NOW - 5))));
        assert_eq!(read("seq64-ns", &[0; 40]), None, "no time of our days");
        let short = [&15u32.to_be_bytes()[..], &NOW.to_be_bytes()].concat();
        assert_eq!(read("seq32-ns", &short).map(|n| n.number), Some(15));
    }

    #[test]
    fn an_anchor_skips_encapsulation_and_masks_bits() {
        let user = Extractor {
            anchor: Some(Anchor { bytes: vec![0xca, 0xf0], mask: vec![0xff, 0xf0], search: 20 }),
            sequence: Word { offset: 2, width: 3, little_endian: true },
            step: 10,
            modulus: 1000,
            ..rtp()
        };
        let user = Extractor { stream: None, time: None, ..user };
        assert_eq!(user.read(&[1, 2, 3, 0xca, 0xfe, 0xd2, 0, 0], 0).map(|n| n.number), Some(21));
        assert_eq!(user.read(&[1, 2, 3, 0xca, 0xfe, 0xff, 0xff, 0], 0), None, "beyond the modulus");
        assert_eq!(user.read(&[1, 2, 3, 0xca, 0xfe, 0xd2, 0], 0), None, "cut");
        assert_eq!(user.cycle(), 100);
        assert_eq!(rtp().cycle(), 65536);
    }

    proptest! {
        #[test]
        fn any_payload_is_read_without_panic(payload in proptest::collection::vec(any::<u8>(), 0..64), at in any::<u64>()) {
            for e in built_in().iter().chain([&rtp()]) {
                e.read(&payload, at);
            }
        }
    }
}
