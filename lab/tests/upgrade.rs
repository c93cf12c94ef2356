//! Upgrades: what the programs before these ones left is taken over whole: their database, their spool, their batches.
//!
//! The reverse, a probe of today at a collector that knows less, is in `probe/tests/delivery.rs`, whose collector answers with the
//! fields of the first protocol only; batches with fields that this release does not know are in `collector/tests/ingest.rs`.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::process::Command;

use support::{Collector, bin, number, run, sum, tree};

/// Packets of the capture behind `lab/previous`.
const PREVIOUS: u64 = 400;
const FRESH: u64 = 100;

#[test]
fn database_spool_and_batches_of_the_release_before_are_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let unpacked = run(Command::new("gzip").arg("-dc").arg(tree("lab/previous/sce.db.gz")));
    std::fs::write(dir.path().join("sce.db"), unpacked.stdout).unwrap();
    let spool = dir.path().join("spool");
    run(Command::new("cp").arg("-r").arg(tree("lab/previous/spool")).arg(&spool));

    let mut collector = Collector::start(dir.path());
    let packets = |collector: &Collector, run: &str| sum(&collector.ask(&["flows", "--run", run]), "packets");
    assert_eq!(packets(&collector, "stored"), PREVIOUS, "what is stored is there after the upgrade");
    // The new probe delivers what the old one had spooled, and goes on.
    let capture = dir.path().join("fresh.pcap");
    run(Command::new(bin("sce-bench")).args(["gen", "few"]).arg(&capture).args(["--packets", &FRESH.to_string()]));
    run(collector.replay("old", &capture).args(["--run", "fresh", "--spool"]).arg(&spool));
    assert_eq!(packets(&collector, "spooled"), PREVIOUS);
    assert_eq!(packets(&collector, "fresh"), FRESH);
    assert_eq!(packets(&collector, "stored"), PREVIOUS);
    assert!(collector.ask(&["loss"]).as_array().unwrap().is_empty());
    for row in collector.ask(&["audit"]).as_array().unwrap() {
        assert_eq!(row["balanced"], true, "{row:#}");
        assert_eq!(number(row, "captured"), number(row, "found"), "{row:#}");
    }
    collector.kill();
    run(Command::new(bin("sce-collector")).args(["db", "verify", "--db", collector.db()]));
}
