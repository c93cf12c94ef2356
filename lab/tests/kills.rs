//! Exactly once: whatever is killed and however often, the totals are the capture's, plus losses that are reported.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Collector, Random, bin, json, number, run, sum};

const KILLS: u32 = 50;
const PACKETS: u64 = 60_000;

#[test]
fn fifty_kills_of_probe_and_collector_lose_and_double_nothing_unsaid() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("many.pcap");
    run(Command::new(bin("sce-bench")).args(["gen", "many"]).arg(&file).args(["--packets", &PACKETS.to_string()]));
    let read = json(Command::new(bin("sce-probe")).arg("read").arg(&file).args(["-o", "json"]));
    let mut collector = Collector::start(dir.path());
    let mut random = Random(11);
    let (mut kills, mut replay) = (0, 0);
    while kills < KILLS {
        let name = format!("replay-{replay}");
        let spool = dir.path().join(&name);
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < Duration::from_secs(300), "{name} does not finish");
            let mut child = collector
                .replay(&name, &file)
                .args(["--interval", "100ms", "--run", &name, "--spool"])
                .arg(&spool)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let patience = Duration::from_millis(30 + random.below(1500));
            let begun = Instant::now();
            let ended = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break Some(status);
                }
                if begun.elapsed() > patience && kills < KILLS {
                    break None;
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            match ended {
                Some(status) => {
                    assert!(status.success(), "{name}: {status}");
                    break;
                }
                None => {
                    if random.below(2) == 0 {
                        collector.kill();
                        collector.restart();
                        kills += 1;
                        // The probe reconnects and goes on; another kill may hit it on the way.
                        std::thread::sleep(Duration::from_millis(random.below(300)));
                    }
                    child.kill().unwrap();
                    child.wait().unwrap();
                    kills += 1;
                    // It may have come to its end meanwhile: the same command once more would be another replay.
                    if spool.join("replayed.toml").exists() {
                        break;
                    }
                }
            }
        }
        let flows = collector.ask(&["flows", "--run", &name]);
        let lost: u64 =
            collector.ask(&["loss"]).as_array().unwrap().iter().map(|l| l["frames"].as_u64().unwrap_or(0)).sum();
        assert_eq!(lost, 0, "a file is there to be read again: nothing of it need be lost");
        for field in ["packets", "ip_bytes", "payload_bytes", "ce_packets", "ect1_packets"] {
            assert_eq!(sum(&flows, field), sum(&read["flows"], field), "{field} of {name} after {kills} kills");
        }
        replay += 1;
    }
    let audit = collector.ask(&["audit"]);
    for row in audit.as_array().unwrap() {
        assert_eq!(number(row, "captured"), PACKETS, "{row:#}");
    }
}
