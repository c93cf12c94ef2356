//! What the join of a bucket costs: 100,000 flows at four points.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use sce_collector::correlate::{Options, Sighting, correlate, correlate_each};
use sce_proto::marks::trail::ALL;
use sce_proto::marks::{Counters, Mark, TrailWriter};
use sce_proto::{FlowInterval, ObservationPoint, PathMarks};

/// As the collector has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const T0: u64 = 1_700_000_000_000_000_000;

/// One flow at one point: ten packets each way in this bucket, every tenth lost on each hop.
fn sighting(flow: u64, point: u64) -> Sighting {
    let mut s = Sighting { op: point, flow, ..Sighting::default() };
    for direction in 0..2u64 {
        let hops = if direction == 0 { point } else { 3 - point };
        let mut seen = Counters::default();
        let mut writer = TrailWriter::new(T0, ALL, &Counters::default());
        for i in 0..10 {
            if i % 10 < hops {
                continue;
            }
            let m = Mark {
                digest: (flow << 8 | direction << 4 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15) & 0xffff_ffff_ffff,
                time_ns: T0 + flow * 1000 + i * 1_000_000 + hops * 2_000_000,
                ip_bytes: 1500,
                payload_bytes: 1448,
                flags: 1,
                ecn: if i > 7 { 1 } else { 2 },
                ttl: 64 - hops as u8,
            };
            writer.mark(&m, &Counters::default());
            seen.add(m.ecn, m.ip_bytes);
        }
        s.totals[direction as usize] = Some(Box::new(FlowInterval {
            op: point,
            flow,
            flow_key: flow * 7,
            direction: direction as u32,
            ip_proto: 6,
            src_ip: vec![10, 0, direction as u8, 1],
            dst_ip: vec![10, 0, 1 - direction as u8, 1],
            handshake_bits: 1,
            isn: flow as u32,
            packets: seen.total_packets(),
            ip_bytes: seen.total_bytes(),
            ect1_packets: seen.packets[1],
            ect0_packets: seen.packets[2],
            data_segments: seen.total_packets(),
            first_ns: T0,
            last_ns: T0 + 1_000_000_000,
            initiator_evidence: 5,
            ..FlowInterval::default()
        }));
        s.marks[direction as usize].push(PathMarks {
            start_ns: T0,
            interval_ns: 1_000_000_000,
            op: point,
            flow,
            flow_key: flow * 7,
            direction: direction as u32,
            trail: writer.finish(),
            ..PathMarks::default()
        });
    }
    s
}

#[test]
fn a_bucket_of_100_000_flows_at_four_points_is_joined_in_time() {
    let flows = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    let points: Vec<ObservationPoint> = (0..4)
        .map(|op| ObservationPoint {
            op,
            host: format!("h{op}"),
            hook: "af-packet".to_owned(),
            ..ObservationPoint::default()
        })
        .collect();
    let sightings: Vec<Sighting> = (0..4).flat_map(|p| (0..flows).map(move |f| sighting(f, p))).collect();
    let (begin, kernel) = cpu_seconds();
    let (mut joined, mut lost) = (0, 0);
    correlate_each(&points, &sightings, &Options::default(), |j| {
        joined += 1;
        assert!(j.segments.len() == 6 && j.segments.iter().all(|s| s.method == "exact"));
        lost += j.segments.iter().map(|s| s.lost_packets).sum::<u64>();
    });
    let (now, kernel_now) = cpu_seconds();
    let spent = now - begin;
    assert_eq!(joined, flows);
    assert_eq!(lost, flows * 6, "one packet per hop and direction");
    eprintln!("{flows} flows at 4 points: {spent:.2} s of CPU, {:.2} of them the kernel's", kernel_now - kernel);
    // The aim is 2 s for 100,000 flows on a quiet machine; one that is busy with other tests gets more.
    assert!(spent < 8.0, "{spent} s");
}

#[test]
fn threads_change_no_answer() {
    let points: Vec<ObservationPoint> =
        (0..4).map(|op| ObservationPoint { op, ..ObservationPoint::default() }).collect();
    let sightings: Vec<Sighting> = (0..4).flat_map(|p| (0..500).map(move |f| sighting(f, p))).collect();
    let mut one_by_one = Vec::new();
    correlate_each(&points, &sightings, &Options::default(), |j| one_by_one.push(format!("{j:?}")));
    let together = correlate(&points, &sightings, &Options::default());
    assert!(one_by_one.into_iter().eq(together.iter().map(|j| format!("{j:?}"))));
}

/// CPU time of this process, and the kernel's share of it (proc(5), clock ticks of 10 ms).
fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let [user, kernel] = [11, 12].map(|at: usize| fields[at].parse::<f64>().unwrap() / 100.0);
    (user + kernel, kernel)
}
