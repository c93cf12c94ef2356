//! Runs the files in `tests/scenarios`: packets by hand, and the fields that must come out.
//!
//! ```text
//! # what it is about
//! 0.000 > S seq=1000 mss=1460 ws=7      seconds, direction (> A to B, < B to A), flags, fields
//! 0.010 < SA seq=9000 ack=1001
//! * 8 0.001 > A seq+=100 ack=9001 len=100   eight times, 1 ms apart
//! up.packets = 9
//! ```
//! Flags: S A F R P U, E for ECE, C for CWR, N for the bit 0x100 (NS, ESCE, AE); `-` for none; `udp` for UDP. Fields: `seq`
//! (`seq+=N` adds to the direction's last one), `ack`, `len`, `win`, `ecn` (ect0, ect1, ce), `ts=VAL/ECR`, `sack=A-B,C-D`,
//! `mss`, `ws`, `o172=E0,CE,E1` and `o174=E1,CE,E0` (AccECN options), `gso`, `port`. `v6` on a line of its own makes all
//! that follows IPv6. Every file is metered in one piece and cut into intervals of 7 ms; both must agree.
//! Expectations name a FlowInterval field of `up` or `down`, or `flows` for the number of instances.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod packets;

use std::collections::BTreeSet;
use std::path::Path;

use packets::{Packet, flag};
use sce_meter::{Config, Meter, Records};
use sce_proto::{FlowInterval, Record, bits, merge};

#[test]
fn every_scenario_gives_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let failures: Vec<String> = files.iter().flat_map(|f| run(f)).collect();
    assert!(files.len() >= 30, "only {} scenarios", files.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn run(file: &Path) -> Vec<String> {
    let name = file.file_stem().unwrap().to_string_lossy();
    let script = Script::read(&std::fs::read_to_string(file).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(!script.expected.is_empty(), "{name}: nothing is expected");
    let mut failures = Vec::new();
    for interval_ns in [0, 7_000_000] {
        let metered = meter(&script.packets, interval_ns);
        for (line, what, want) in &script.expected {
            let got = metered.value(what).unwrap_or_else(|| panic!("{name}:{line}: no field {what}"));
            if got != *want {
                failures.push(format!("{name}:{line}: {what} is {got}, not {want} (intervals of {interval_ns} ns)"));
            }
        }
    }
    failures
}

struct Metered {
    up: FlowInterval,
    down: FlowInterval,
    flows: usize,
}

fn meter(packets: &[Packet], interval_ns: u64) -> Metered {
    let mut meter = Meter::new(Config { interval_ns, ..Config::default() });
    let mut out = Records::default();
    for p in packets {
        if p.time_ns >= meter.deadline() {
            meter.advance(p.time_ns, &mut out);
        }
        meter.observe(&p.frame(&p.bytes()));
    }
    meter.finish(&mut out);
    let sum = |direction| {
        let mut records = out.flows.iter().filter(|r| r.direction == direction);
        let mut sum = records.next().cloned().unwrap_or_default();
        records.for_each(|r| merge(&mut sum, r));
        sum
    };
    let flows = out.flows.iter().map(|r| r.flow).collect::<BTreeSet<_>>().len();
    Metered { up: sum(0), down: sum(1), flows }
}

impl Metered {
    fn value(&self, what: &str) -> Option<u64> {
        if what == "flows" {
            return Some(self.flows as u64);
        }
        let (side, field) = what.split_once('.')?;
        let record = if side == "up" { &self.up } else { &self.down };
        Some(record.get(FlowInterval::position(field)?).u64())
    }
}

#[derive(Default)]
struct Script {
    packets: Vec<Packet>,
    expected: Vec<(usize, String, u64)>,
    v6: bool,
    last_seq: [u32; 2],
}

impl Script {
    fn read(text: &str) -> Result<Script, String> {
        let mut script = Script::default();
        for (i, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            script.line(i + 1, line).map_err(|e| format!("{}: {e}: {line}", i + 1))?;
        }
        Ok(script)
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some((what, want)) = line.split_once(" = ") {
            self.expected.push((number, what.trim().to_owned(), value(want.trim())?));
            return Ok(());
        }
        let mut words: Vec<&str> = line.split_whitespace().collect();
        match words.first() {
            None => Ok(()),
            Some(&"v6") => {
                self.v6 = true;
                Ok(())
            }
            Some(&"*") => {
                let times: u64 = words.get(1).and_then(|w| w.parse().ok()).ok_or("how often?")?;
                words.drain(..2);
                let step = seconds(words.first().ok_or("how far apart?")?)?;
                for _ in 0..times {
                    let at = self.packets.last().map_or(0, |p| p.time_ns) + step;
                    self.packet(at, &words[1..])?;
                }
                Ok(())
            }
            Some(time) => {
                let at = 1_700_000_000_000_000_000 + seconds(time)?;
                self.packet(at, &words[1..])
            }
        }
    }

    fn packet(&mut self, time_ns: u64, words: &[&str]) -> Result<(), String> {
        let [dir, flags, fields @ ..] = words else { return Err("direction and flags?".into()) };
        let back = *dir == "<";
        let mut p = Packet {
            time_ns,
            back,
            v6: self.v6,
            window: 1000,
            seq: self.last_seq[usize::from(back)],
            ..Packet::default()
        };
        if *flags == "udp" {
            p.udp = true;
        } else {
            p.flags = flags.chars().try_fold(0, |f, c| Ok::<u16, String>(f | bit(c)?))?;
        }
        for field in fields {
            let (key, text) = field.split_once('=').ok_or_else(|| format!("{field}?"))?;
            p.set(key, text)?;
        }
        self.last_seq[usize::from(back)] = p.seq;
        self.packets.push(p);
        Ok(())
    }
}

trait Set {
    fn set(&mut self, key: &str, text: &str) -> Result<(), String>;
}

impl Set for Packet {
    fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        let number = || value(text);
        match key {
            "seq" => self.seq = number()? as u32,
            "seq+" => self.seq = self.seq.wrapping_add(number()? as u32),
            "ack" => self.ack = number()? as u32,
            "len" => self.len = number()? as usize,
            "win" => self.window = number()? as u16,
            "gso" => self.gso = number()? as u16,
            "port" => self.port = number()? as u16,
            "ecn" => {
                self.ecn = match text {
                    "ect1" => 1,
                    "ect0" => 2,
                    "ce" => 3,
                    _ => return Err("which code point?".into()),
                }
            }
            "mss" => {
                self.options.extend([2, 4]);
                self.options.extend((number()? as u16).to_be_bytes());
            }
            "ws" => self.options.extend([3, 3, number()? as u8, 1]),
            "ts" => {
                let (val, ecr) = text.split_once('/').ok_or("VAL/ECR?")?;
                self.options.extend([1, 1, 8, 10]);
                self.options.extend((value(val)? as u32).to_be_bytes());
                self.options.extend((value(ecr)? as u32).to_be_bytes());
            }
            "sack" => {
                let blocks: Vec<&str> = text.split(',').collect();
                self.options.extend([1, 1, 5, (2 + 8 * blocks.len()) as u8]);
                for block in blocks {
                    let (from, to) = block.split_once('-').ok_or("A-B?")?;
                    self.options.extend((value(from)? as u32).to_be_bytes());
                    self.options.extend((value(to)? as u32).to_be_bytes());
                }
            }
            "o172" | "o174" => {
                let counters: Vec<&str> = text.split(',').collect();
                self.options.extend([if key == "o172" { 172 } else { 174 }, (2 + 3 * counters.len()) as u8]);
                for counter in counters {
                    self.options.extend(&(value(counter)? as u32).to_be_bytes()[1..]);
                }
            }
            _ => return Err(format!("unknown field {key}")),
        }
        Ok(())
    }
}

fn bit(c: char) -> Result<u16, String> {
    Ok(match c {
        'S' => flag::SYN,
        'A' => flag::ACK,
        'F' => flag::FIN,
        'R' => flag::RST,
        'P' => flag::PSH,
        'U' => flag::URG,
        'E' => flag::ECE,
        'C' => flag::CWR,
        'N' => flag::AE,
        '-' => 0,
        _ => return Err(format!("unknown flag {c}")),
    })
}

fn seconds(text: &str) -> Result<u64, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = format!("{fraction:0<9}");
    match (whole.parse::<u64>(), digits.parse::<u64>()) {
        (Ok(s), Ok(ns)) if digits.len() == 9 => Ok(s * 1_000_000_000 + ns),
        _ => Err(format!("{text} is no time")),
    }
}

/// A number, a time with `ms` or `us`, or a name from the vocabularies.
fn value(text: &str) -> Result<u64, String> {
    if let Some(ms) = text.strip_suffix("ms") {
        return ms.parse::<u64>().map(|v| v * 1_000_000).map_err(|e| e.to_string());
    }
    if let Some(us) = text.strip_suffix("us") {
        return us.parse::<u64>().map(|v| v * 1000).map_err(|e| e.to_string());
    }
    let names = [bits::ecn_mode::ALL, bits::ecn_mangling::ALL, bits::end_reason::ALL];
    let named = names.iter().flat_map(|n| n.iter()).find(|n| n.name == text).map(|n| n.value);
    named.map_or_else(|| text.parse().map_err(|_| format!("{text} is no number")), Ok)
}
