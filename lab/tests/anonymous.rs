//! Anonymised at the probes, what two hosts saw of the same flows still joins: the same answers, with other addresses.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::Value;
use support::{Collector, run, tree};

/// Delivers what both ends captured, each with its own copy of the key.
fn collect(dir: &Path, key: Option<&Path>) -> Collector {
    std::fs::create_dir_all(dir).unwrap();
    let collector = Collector::start(dir);
    for side in ["client", "server"] {
        let mut replay = collector.replay(side, &tree(&format!("lab/captures/{side}.pcap.gz")));
        replay.arg("--spool").arg(dir.join(side)).args(key.iter().flat_map(|k| [Path::new("--anonymise"), *k]));
        run(&mut replay);
    }
    collector
}

/// Rows without what names a flow, in a fixed order. Also without the error of clocks: which of two flows with equal evidence
/// is taken first depends on their identifiers, and with it a microsecond of the error.
fn nameless(rows: &Value) -> Vec<String> {
    let mut rows: Vec<Value> = rows.as_array().unwrap().clone();
    for row in &mut rows {
        for name in ["flow", "initiator_ip", "responder_ip", "src_ip", "dst_ip", "owd_ns_error", "rtt_ways_ns_error"] {
            row.as_object_mut().unwrap().remove(name);
        }
    }
    let mut texts: Vec<String> = rows.iter().map(Value::to_string).collect();
    texts.sort();
    texts
}

/// Addresses of flows, by what else is known of the flow.
fn addresses(collector: &Collector) -> BTreeMap<String, (Ipv4Addr, Ipv4Addr)> {
    let flows = collector.ask(&["flows", "--limit", "10000"]);
    let address = |f: &Value, name: &str| f[name].as_str().and_then(|a| a.parse().ok());
    let flows = flows.as_array().unwrap().iter().filter_map(|f| {
        let ends = (address(f, "initiator_ip")?, address(f, "responder_ip")?);
        let what = ["proto", "initiator_port", "responder_port", "first_ns"].map(|n| f[n].to_string());
        Some((what.join(" "), ends))
    });
    flows.collect()
}

fn common(a: Ipv4Addr, b: Ipv4Addr) -> u32 {
    (u32::from(a) ^ u32::from(b)).leading_zeros()
}

#[test]
fn flows_of_two_hosts_join_under_other_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n").unwrap();
    let plain = collect(&dir.path().join("plain"), None);
    let other = collect(&dir.path().join("other"), Some(&key));
    let paths = plain.ask(&["paths"]);
    assert!(!paths.as_array().unwrap().is_empty());
    for view in ["paths", "verify"] {
        let (with, without) = (nameless(&other.ask(&[view])), nameless(&plain.ask(&[view])));
        assert_eq!(with.len(), without.len(), "{view}");
        for (with, without) in with.iter().zip(&without) {
            assert_eq!(with, without, "{view}: hops, losses, marks, delays and verdicts are the same");
        }
    }

    let (known, replaced) = (addresses(&plain), addresses(&other));
    assert!(!known.is_empty());
    assert_eq!(known.keys().collect::<Vec<_>>(), replaced.keys().collect::<Vec<_>>());
    for (what, (a, b)) in &known {
        let (x, y) = replaced[what];
        assert!(*a != x && *b != y, "{what}");
        assert_eq!(common(*a, *b), common(x, y), "{what}: ends of one network are of one network again");
    }
    // Nowhere else either.
    for view in [&["flows", "--limit", "10000"][..], &["points"], &["probes"]] {
        let said = other.ask(view).to_string();
        for (a, b) in known.values() {
            assert!(!said.contains(&format!("\"{a}\"")) && !said.contains(&format!("\"{b}\"")), "{view:?}: {a} or {b}");
        }
    }
}
