//! Runs the commands, measures each as a whole process, prints the table.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::generate::{self, Kind};

/// A peer: name, the program that must be on the path, and the arguments (`FILE` and `DIR` are replaced).
const PEERS: [(&str, &[&str]); 7] = [
    ("tcpdump -w /dev/null", &["tcpdump", "-r", "FILE", "-w", "/dev/null"]),
    ("nfpcapd", &["nfpcapd", "-r", "FILE", "-w", "DIR"]),
    ("softflowd", &["softflowd", "-d", "-r", "FILE"]),
    ("argus", &["argus", "-r", "FILE", "-w", "/dev/null"]),
    ("tcptrace", &["tcptrace", "-n", "FILE"]),
    ("scetrace", &["scetrace", "-r", "FILE"]),
    ("tshark", &["tshark", "-q", "-z", "conv,tcp", "-r", "FILE"]),
];

/// CPU seconds and peak memory of one run.
#[derive(Clone, Copy)]
struct Cost {
    cpu_s: f64,
    rss_mib: f64,
}

/// The floor: every packet is fetched by pcap_next_ex and nothing is done with it.
pub(crate) fn floor(file: &Path) -> anyhow::Result<()> {
    let mut capture = pcap::Capture::from_file(file)?;
    let (mut packets, mut bytes) = (0u64, 0u64);
    while let Ok(packet) = capture.next_packet() {
        packets += 1;
        bytes += u64::from(packet.header.len);
    }
    println!("{packets} packets, {bytes} bytes");
    Ok(())
}

/// Runs a command as the only child of this process and prints what it cost, in a form that [`cost`] reads.
pub(crate) fn measure(command: &[String]) -> anyhow::Result<()> {
    let status = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu_us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    println!("{cpu_us} {} {}", usage.max_rss(), status.code().unwrap_or(-1));
    Ok(())
}

fn cost(command: &[String]) -> anyhow::Result<Cost> {
    let out = Command::new(std::env::current_exe()?).args(["measure", "--"]).args(command).output()?;
    let text = String::from_utf8_lossy(&out.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    let [cpu_us, rss_kib, code] = numbers[..] else { bail!("{} did not run", command[0]) };
    if code != 0.0 {
        bail!("{} ended with code {code}", command.join(" "));
    }
    Ok(Cost { cpu_s: cpu_us / 1e6, rss_mib: rss_kib / 1024.0 })
}

/// The run with the median CPU time.
fn median(command: &[String], runs: usize) -> anyhow::Result<Cost> {
    let mut costs = (0..runs.max(1)).map(|_| cost(command)).collect::<anyhow::Result<Vec<_>>>()?;
    costs.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
    Ok(costs[costs.len() / 2])
}

/// Generates what is missing, measures everything, prints one table per kind.
pub(crate) fn all(kinds: &[Kind], packets: u64, runs: usize, dir: &Path, peers: bool) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let bench = std::env::current_exe()?;
    let probe = bench.with_file_name("sce-probe");
    for kind in kinds {
        let file = dir.join(format!("{kind}-{packets}.pcap"));
        if !file.exists() {
            eprintln!("making {} ...", file.display());
            let part = file.with_extension("part");
            generate::write(*kind, &part, packets, 1)?;
            std::fs::rename(&part, &file)?;
        }
        let name = file.display().to_string();
        println!("\n{kind}: {packets} packets, median of {runs} runs\n");
        println!("| command | CPU s | x floor | peak MiB |\n| --- | ---: | ---: | ---: |");
        let floor = median(&[bench.display().to_string(), "floor".into(), name.clone()], runs)?;
        row("bare pcap_next_ex loop", Ok(floor), floor);
        let ours = [probe.display().to_string(), "read".into(), "-o".into(), "json".into(), name.clone()];
        row("sce-probe read, all metrics", median(&ours, runs), floor);
        for (title, words) in PEERS.iter().filter(|_| peers) {
            let scratch = dir.join("scratch");
            std::fs::create_dir_all(&scratch)?;
            let fill = |w: &&str| w.replace("FILE", &name).replace("DIR", &scratch.display().to_string());
            let command: Vec<String> = words.iter().map(fill).collect();
            row(title, median(&command, runs.min(1)), floor);
            std::fs::remove_dir_all(&scratch)?;
        }
    }
    Ok(())
}

fn row(title: &str, cost: anyhow::Result<Cost>, floor: Cost) {
    match cost {
        Ok(c) => println!("| {title} | {:.2} | {:.2} | {:.0} |", c.cpu_s, c.cpu_s / floor.cpu_s, c.rss_mib),
        Err(e) => println!("| {title} | not measured: {e} | | |"),
    }
}
