//! SCTP as a kernel really gives it. The files in `testdata` were recorded on Linux 6.1: the formats of both tracepoints,
//! ten of their records and one dump, while one association sent 8000-byte messages over loopback, 127.0.0.1:60353 to 7000.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use super::super::diag::read_dump;
use super::format::Format;
use super::info::SctpInfo;
use super::path_samples;
use super::paths::Paths;

const PROBE: &str = include_str!("testdata/sctp_probe.format");
const PATH: &str = include_str!("testdata/sctp_probe_path.format");
const RECORDS: &str = include_str!("testdata/records.hex");
const DUMP: &str = include_str!("testdata/dump.hex");

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.trim().as_bytes();
    digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

fn recorded_paths() -> Paths {
    replayed(Paths::new(false))
}

fn replayed(mut paths: Paths) -> Paths {
    let (probe, path) = (Format::parse(PROBE), Format::parse(PATH));
    for (n, line) in RECORDS.lines().enumerate() {
        match line.split_once(' ').unwrap() {
            ("0", record) => paths.association(&probe, &bytes(record)),
            (_, record) => paths.path(&path, &bytes(record), n as u64),
        }
    }
    paths
}

#[test]
fn in_event_mode_every_recorded_event_is_a_sample_too() {
    let mut paths = replayed(Paths::new(true));
    let events = paths.take_events();
    assert_eq!(events.len(), 5);
    assert!(
        events
            .iter()
            .all(|e| (e.sample.event.as_str(), e.sample.events, e.local_port) == ("sctp_probe_path", 1, 60353))
    );
    let times: Vec<u64> = events.iter().map(|e| e.sample.at_ns).collect();
    assert_eq!(times, [1, 3, 5, 7, 9]);
    let last = &events[4].sample;
    assert_eq!((last.cwnd_bytes_last, last.flight_bytes_last, last.snd_wnd_bytes_last), (131_064, 56_000, 50_496));
    assert!(paths.take_events().is_empty());
    assert_eq!(paths.take().len(), 1, "the interval has its sample as before");
    assert!(recorded_paths().take_events().is_empty(), "only where asked for");
}

#[test]
fn the_format_tells_where_fields_are() {
    let format = Format::parse(PROBE);
    assert!(format.has(&["asoc", "bind_port", "peer_port", "rwnd", "unack_data"]));
    assert!(!format.has(&["sack_seq"]));
    let moved = PROBE.replace("offset:20;", "offset:2;").replace("__u16 bind_port", "unsigned short *bind_port");
    let record = bytes("0000c1eb");
    assert_eq!(Format::parse(&moved).number(&record, "bind_port"), Some(60353));
    assert_eq!(format.number(&record, "bind_port"), None, "a record cut short");
}

#[test]
fn recorded_events_become_one_sample_per_path() {
    let mut paths = recorded_paths();
    let samples = paths.take();
    assert_eq!(samples.len(), 1);
    let (p, s) = (&samples[0], &samples[0].sample);
    assert_eq!((p.local_port, p.peer.0.to_string(), p.peer.1), (60353, "127.0.0.1".to_owned(), 7000));
    assert_eq!((s.events, s.cwnd_bytes_last, s.ssthresh_bytes_last), (5, 131_064, 106_496));
    assert_eq!((s.flight_bytes_last, s.flight_bytes_max, s.path_mtu_bytes_last), (56_000, 56_000, 65_532));
    assert_eq!(
        (s.path_state_last, s.path_primary_last, s.unacked_chunks_last, s.snd_wnd_bytes_last),
        (2, 1, 7, 50_496)
    );
    assert!(paths.take().is_empty(), "no event, no sample");
}

#[test]
fn a_recorded_dump_has_both_ends_of_the_association() {
    let dump = read_dump(&bytes(DUMP));
    let infos: Vec<SctpInfo> = dump.iter().map(|d| SctpInfo::read(&d.info)).filter(|i| i.tag != 0).collect();
    assert_eq!(infos.len(), 2);
    let (a, b) = (&infos[0], &infos[1]);
    assert_eq!((a.tag, a.peer_tag), (b.peer_tag, b.tag), "they name each other");
    let mut s = sce_proto::SocketSample::default();
    a.fill(&SctpInfo::default(), &mut s);
    assert_eq!((s.cwnd_bytes_last, s.ssthresh_bytes_last, s.path_state_last), (131_064, 106_496, 2));
    assert_eq!(a.primary.unwrap().to_string(), "127.0.0.1");
    assert!(s.chunks_out > 0 && s.sacks_in > 0 && s.srtt_ns_last > 1_000_000, "{s:?}");
}

#[test]
fn paths_find_their_association_in_the_dump() {
    let dump = read_dump(&bytes(DUMP));
    let associations: Vec<_> = dump.into_iter().filter(|d| SctpInfo::read(&d.info).tag != 0).collect();
    let joined = path_samples(&mut recorded_paths(), &associations);
    let (ends, sample) = &joined[0];
    assert_eq!((ends.local.0.to_string(), ends.local.1), ("127.0.0.1".to_owned(), 60353));
    assert_eq!(sample.cookie, SctpInfo::read(&associations[0].info).cookie());
    assert!(sample.srtt_ns_last > 0);
    let (alone, _) = &path_samples(&mut recorded_paths(), &[])[0];
    assert!(alone.local.0.is_unspecified());
}
