//! The file reader against an independent reader's account of real captures, and against every kind of damage.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use std::io::{Cursor, Write};
use std::path::Path;

use sce_probe::source::{CaptureFile, ReadError};

/// Packets, captured bytes, wire bytes, first and last time, link types seen, error.
#[derive(Debug, Default, PartialEq)]
struct Account {
    packets: u64,
    captured: u64,
    wire: u64,
    first: Option<u64>,
    last: Option<u64>,
    error: Option<String>,
}

fn drain(file: Result<CaptureFile, ReadError>) -> Account {
    let mut a = Account::default();
    let mut file = match file {
        Ok(file) => file,
        Err(e) => return Account { error: Some(e.to_string()), ..a },
    };
    loop {
        match file.next_frame() {
            Ok(Some(f)) => {
                a.packets += 1;
                a.captured += f.data.len() as u64;
                a.wire += u64::from(f.wire_len);
                a.first.get_or_insert(f.time_ns);
                a.last = Some(f.time_ns);
            }
            Ok(None) => break,
            Err(e) => {
                assert!(a.error.is_none(), "an error is reported once");
                a.error = Some(e.to_string());
            }
        }
    }
    assert!(matches!(file.next_frame(), Ok(None)), "the end stays the end");
    a
}

fn of_bytes(bytes: &[u8]) -> Account {
    drain(CaptureFile::from_reader(Cursor::new(bytes.to_vec())))
}

fn seconds(text: &serde_json::Value) -> Option<u64> {
    let (s, ns) = text.as_str()?.split_once('.')?;
    Some(s.parse::<u64>().unwrap() * 1_000_000_000 + ns.parse::<u64>().unwrap())
}

#[test]
fn every_real_capture_reads_as_the_oracle_reads_it() {
    for (path, oracle) in common::with_oracle() {
        let got = drain(CaptureFile::open(&path));
        let totals = &oracle["totals"];
        let name = path.display();
        assert_eq!(got.packets, totals["packets"].as_u64().unwrap(), "{name}: packets");
        assert_eq!(got.captured, totals["cap_bytes"].as_u64().unwrap(), "{name}: captured bytes");
        assert_eq!(got.wire, totals["wire_bytes"].as_u64().unwrap(), "{name}: wire bytes");
        // The oracle's times are those of IP packets only.
        if let (Some(first), Some(last)) = (seconds(&totals["first_ts"]), seconds(&totals["last_ts"]))
            && totals["packets"] == totals["ip_packets"]
        {
            assert_eq!((got.first, got.last), (Some(first), Some(last)), "{name}: first and last time");
        }
        let damaged = oracle["capture"]["read_error"].is_string();
        assert_eq!(got.error.is_some(), damaged, "{name}: {:?}, oracle {}", got.error, oracle["capture"]["read_error"]);
    }
}

#[test]
fn a_file_cut_anywhere_gives_what_was_there() {
    let frames: Vec<(u64, u32, &[u8])> = (0..5).map(|i| (1_000_000 + i, 60, &[7u8; 33][..])).collect();
    let bytes = common::pcap(&frames);
    for cut in 0..bytes.len() {
        let got = of_bytes(&bytes[..cut]);
        let whole = cut.saturating_sub(24) / 49;
        assert_eq!(got.packets, whole as u64, "cut at {cut}");
        let at_edge = cut >= 24 && (cut - 24) % 49 == 0;
        assert_eq!(got.error.is_none(), at_edge, "cut at {cut}: {:?}", got.error);
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let frames: Vec<(u64, u32, &[u8])> = (0..4).map(|i| (1_000_000 + i, 60, &[1u8; 20][..])).collect();
    let classic = common::pcap(&frames);
    let ng = pcapng(true, 6, 0);
    for bytes in [classic, ng] {
        for at in 0..bytes.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut bad = bytes.clone();
                bad[at] ^= mask;
                assert!(of_bytes(&bad).packets <= 8);
            }
        }
    }
}

#[test]
fn byte_orders_resolutions_and_old_versions() {
    let le = common::pcap(&[(3_000_007, 99, &[1, 2, 3])]);
    let want = Account {
        packets: 1,
        captured: 3,
        wire: 99,
        first: Some(3_000_007_000),
        last: Some(3_000_007_000),
        error: None,
    };
    assert_eq!(of_bytes(&le), want);
    // Big endian: every header field turned round.
    let mut be = Vec::new();
    for (at, n) in [(0, 4), (4, 2), (6, 2), (8, 4), (12, 4), (16, 4), (20, 4), (24, 4), (28, 4), (32, 4), (36, 4)] {
        be.extend(le[at..at + n].iter().rev());
    }
    be.extend(&le[40..]);
    assert_eq!(of_bytes(&be), want);
    // Nanoseconds.
    let mut ns = le.clone();
    ns[..4].copy_from_slice(&0xa1b2_3c4du32.to_le_bytes());
    assert_eq!(of_bytes(&ns).first, Some(3_000_000_007));
    // The modified format has 8 bytes more in each record header.
    let mut modified = le.clone();
    modified[..4].copy_from_slice(&0xa1b2_cd34u32.to_le_bytes());
    modified.splice(40..40, [0xee; 8]);
    assert_eq!(of_bytes(&modified), want);
    // Versions 2.2 and 2.543 swap the lengths, 2.3 where the first exceeds the second.
    for (minor, swapped) in [(2u16, true), (543, true), (3, true), (3, false)] {
        let mut old = le.clone();
        old[6..8].copy_from_slice(&minor.to_le_bytes());
        if swapped {
            let (captured, wire) = (old[32..36].to_vec(), old[36..40].to_vec());
            old[32..36].copy_from_slice(&wire);
            old[36..40].copy_from_slice(&captured);
        }
        assert_eq!(of_bytes(&old), want, "version 2.{minor} swapped {swapped}");
    }
    // The upper four bits of the link type tell of frame check sequences.
    let mut fcs = le.clone();
    fcs[23] = 0x54;
    let mut file = CaptureFile::from_reader(Cursor::new(fcs)).unwrap();
    assert_eq!(file.next_frame().unwrap().unwrap().link, 1, "link type without the check sequence bits");
}

/// A file with two sections of two interfaces each, packets as enhanced, obsolete and simple blocks.
fn pcapng(big: bool, resolution: u8, offset_s: i64) -> Vec<u8> {
    let u16b = |v: u16| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let u32b = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let i64b = |v: i64| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let block = |kind: u32, body: &[u8]| {
        let length = (body.len() + 12) as u32;
        [&u32b(kind)[..], &u32b(length), body, &u32b(length)].concat()
    };
    let section = {
        let body = [&u32b(0x1a2b_3c4d)[..], &u16b(1), &u16b(0), &[0xff; 8]].concat();
        block(0x0a0d_0d0a, &body)
    };
    let options =
        [&u16b(9)[..], &u16b(1), &[resolution, 0, 0, 0], &u16b(14), &u16b(8), &i64b(offset_s), &[0; 4]].concat();
    let interface = |link: u16| block(1, &[&u16b(link)[..], &[0; 2], &u32b(4), &options].concat());
    let stamp = [&u32b(0)[..], &u32b(5)].concat();
    let enhanced = |id: u32| block(6, &[&u32b(id)[..], &stamp, &u32b(3), &u32b(90), &[1, 2, 3, 0]].concat());
    let obsolete = |id: u16| block(2, &[&u16b(id)[..], &u16b(0), &stamp, &u32b(3), &u32b(90), &[1, 2, 3, 0]].concat());
    let simple = block(3, &[&u32b(90)[..], &[1, 2, 3, 4]].concat());
    let unknown = block(0x4bad, &[9; 16]);
    let one = [&section[..], &interface(1), &interface(113), &enhanced(1), &unknown, &obsolete(0), &simple].concat();
    [&one[..], &one].concat()
}

#[test]
fn pcapng_sections_interfaces_and_blocks() {
    for big in [false, true] {
        let got = of_bytes(&pcapng(big, 6, 10));
        let want =
            Account { packets: 6, captured: 20, wire: 540, first: Some(10_000_005_000), last: Some(0), error: None };
        assert_eq!(got, want, "big endian {big}");
        assert_eq!(of_bytes(&pcapng(big, 0x80 | 1, 0)).first, Some(2_500_000_000));
        let mut file = CaptureFile::from_reader(Cursor::new(pcapng(big, 6, 0))).unwrap();
        let mut links = Vec::new();
        while let Some(f) = file.next_frame().unwrap() {
            links.push((f.link, f.data.to_vec()));
        }
        let want = [(113, vec![1, 2, 3]), (1, vec![1, 2, 3]), (1, vec![1, 2, 3, 4])];
        assert_eq!(links, [&want[..], &want].concat());
    }
    // Cut anywhere: no more packets than were there, and an error unless between blocks.
    let bytes = pcapng(false, 6, 0);
    let errors = (4..bytes.len()).filter(|cut| of_bytes(&bytes[..*cut]).error.is_some()).count();
    assert_eq!(errors, bytes.len() - 4 - 13, "13 places lie between blocks");
}

#[test]
fn gzip_is_unpacked_and_its_damage_told() {
    let frames: Vec<(u64, u32, &[u8])> = (0..3000).map(|i| (i, 60, &[7u8; 33][..])).collect();
    let plain = common::pcap(&frames);
    let pack = |bytes: &[u8]| {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        e.write_all(bytes).unwrap();
        e.finish().unwrap()
    };
    let packed = [pack(&plain[..50_000]), pack(&plain[50_000..])].concat();
    assert_eq!(of_bytes(&packed), of_bytes(&plain));
    let cut = of_bytes(&packed[..packed.len() - 3]);
    assert_eq!(cut.packets, 3000);
    assert!(cut.error.unwrap().contains("cut short"));
}

#[test]
fn what_is_not_a_capture_is_refused_by_name() {
    assert!(of_bytes(b"GIF89a").error.unwrap().contains("47 49 46 38"));
    assert!(of_bytes(b"").error.unwrap().contains("empty"));
    let dir = tempfile::tempdir().unwrap();
    assert!(drain(CaptureFile::open(dir.path())).error.is_some());
    assert!(drain(CaptureFile::open(Path::new("no/such/file"))).error.unwrap().contains("No such file"));
}
