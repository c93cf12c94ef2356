//! SCTP in the middle of a flow: cuts of the TSN space make loss exact between them, where sums of intervals cannot.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use sce_collector::correlate::{Options, Sighting};
use sce_meter::MarksConfig;
use sce_proto::bits::path_warning;
use support::path::Dice;
use support::{Captured, correlate, file_point, metered, sightings};

const MS: u64 = 1_000_000;
/// 1,400 bytes of user data.
const CHUNK_BYTES: usize = 16 + 1400;
/// 128 KiB in chunks of 2 KiB, as the probe has it by default.
const STRIDE: u32 = 64;

/// A packet with DATA chunks of the given TSNs, ECT(0), no checksum.
fn packet(time_ns: u64, tsns: &[u32]) -> Captured {
    let mut sctp = vec![0x13, 0x88, 0x13, 0x89, 1, 2, 3, 4, 0, 0, 0, 0];
    for tsn in tsns {
        sctp.extend([0, 3]);
        sctp.extend((CHUNK_BYTES as u16).to_be_bytes());
        sctp.extend(tsn.to_be_bytes());
        sctp.extend([0, 0, 0, 0, 0, 0, 0, 0]);
        sctp.extend(vec![*tsn as u8; CHUNK_BYTES - 16]);
    }
    let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 2];
    data.extend((20 + sctp.len() as u16).to_be_bytes());
    data.extend([0, 0, 0x40, 0, 64, 132, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    data.extend(sctp);
    Captured { time_ns, wire_len: data.len() as u32, data, gso: None }
}

#[test]
fn loss_between_cuts_of_the_tsn_space_is_exact() {
    let mut dice = Dice::new(5);
    let (mut near, mut far) = (Vec::new(), Vec::new());
    let mut crossed = Vec::new();
    // The number space wraps on the way. What is lost is sent again, bundled with the next new chunk.
    let (mut tsn, mut again) = (u32::MAX - 1_000, None);
    for i in 0..6_000u64 {
        let begin = 1_700_000_000_000 * MS + i * MS;
        let list: Vec<u32> = again.take().into_iter().chain([tsn]).collect();
        let frame = packet(begin, &list);
        let arrives = !dice.chance(20_000);
        if arrives {
            far.push(Captured { time_ns: begin + 7 * MS, ..frame.clone() });
            if tsn.is_multiple_of(STRIDE) {
                crossed.push((near.len(), far.len() - 1));
            }
        } else {
            again = Some(tsn);
        }
        near.push(frame);
        tsn = tsn.wrapping_add(1);
    }
    // The far point joins in late.
    let late = 500;
    let far = far.split_off(late);
    let marks = MarksConfig { threshold: 0, head: 0, ..MarksConfig::default() };
    let all: Vec<Sighting> =
        [(1, &near), (2, &far)].iter().flat_map(|(op, f)| sightings(&metered(*op, f, 1_000 * MS, &marks))).collect();
    let found = correlate(&[file_point(1), file_point(2)], &all, &Options::default());
    assert_eq!(found.len(), 1);
    let s = &found[0].segments[0];
    assert_eq!((s.method.as_str(), s.from_op, s.to_op), ("block-exact", 1, 2), "{s:?}");
    // From the first packet that crossed a boundary at both points to the end. One that is the first of all at a point crosses
    // nothing there.
    let known: Vec<_> = crossed.iter().filter(|c| c.1 > late).collect();
    assert!(known.len() > 60);
    let (near_from, far_from) = *known[0];
    let sent = near.len() - near_from;
    assert_eq!((s.sent_packets, s.lost_packets), (sent as u64, (sent - (late + far.len() - far_from)) as u64));
    assert_ne!(s.warning_bits & path_warning::PARTIAL as u32, 0, "what the late point missed is not lost, and said");
    assert!(s.lost_packets > 80, "{}", s.lost_packets);
}
