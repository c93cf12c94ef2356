//! The routers' decisions, one JSON object per packet, as `sce-lab log` prints them and `--log=FILE` keeps them.
//!
//! What the ring buffer could not take is counted by the kernel program (`log_lost_events` of the truth), and repeated in the
//! last line.

use std::io::{ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use nix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::layout::{CODEPOINTS, COUNTERS, Event, OUTCOMES};
use crate::session::Ending;
use crate::state::Lab;
use crate::topology::Point;

/// Short enough that the ring (16 MiB, over 150,000 events) does not fill between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Prints decisions until SIGINT or SIGTERM, then what is left, then a line about the log itself.
pub(crate) fn print(lab: &Lab) -> Result<()> {
    if !lab.spec.log {
        bail!("this lab does not log: build it with `sce-lab up --log`");
    }
    let ending = Ending::hold()?;
    let points = lab.spec.points();
    let mut ring = lab.kernel.log()?;
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let to_wall_ns = wall_minus_monotonic_ns()?;
    let mut events = 0u64;
    loop {
        let ended = ending.asked().is_some();
        while let Some(bytes) = ring.next() {
            let Some(event) = Event::from_bytes(&bytes) else { continue };
            events += 1;
            if gone(write_line(&mut out, &points, &event, to_wall_ns))? {
                return Ok(());
            }
        }
        if ended {
            let lost = lost_events(lab);
            gone(writeln!(out, "{}", json!({ "end_of_log": true, "events": events, "lost_events": lost })))?;
        }
        if gone(out.flush())? || ended {
            return Ok(());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// `None` when the maps are gone already.
fn lost_events(lab: &Lab) -> Option<u64> {
    let counters = lab.kernel.counters().ok()?;
    COUNTERS.iter().position(|name| *name == "log_lost_events").map(|at| counters[at])
}

/// Whether the reader has gone away, which is its right.
fn gone(result: std::io::Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error).context("cannot write the log"),
    }
}

/// Written by hand: every value is a number, an address or a fixed name, and building a JSON tree per packet is too slow.
fn write_line(out: &mut impl Write, points: &[Point], e: &Event, to_wall_ns: i128) -> std::io::Result<()> {
    let point = points.get(usize::from(e.point));
    let router = point.map_or("?", |p| p.port.node);
    let direction = if point.is_some_and(|p| p.up) { "up" } else { "down" };
    let time_ns = i128::from(e.mono_ns) + to_wall_ns;
    let (proto, src, dst) = (e.key.proto_name(), e.key.src, e.key.dst);
    let (from, to) = (CODEPOINTS[usize::from(e.ecn_in)], OUTCOMES[usize::from(e.outcome)]);
    write!(
        out,
        r#"{{"time_ns":{time_ns},"mono_ns":{},"router":"{router}","direction":"{direction}","proto":"{proto}","#,
        e.mono_ns
    )?;
    write!(
        out,
        r#""src_ip":"{src}","src_port":{},"dst_ip":"{dst}","dst_port":{},"index":{},"segments":{},"#,
        e.key.src_port, e.key.dst_port, e.index, e.segments
    )?;
    write!(
        out,
        r#""tcp_seq":{},"tcp_ack":{},"ip_id":{},"ip_bytes":{},"payload_bytes":{},"#,
        e.tcp_seq, e.tcp_ack, e.ip_id, e.ip_bytes, e.payload_bytes
    )?;
    writeln!(out, r#""ecn_in":"{from}","outcome":"{to}","ae_set":{},"ae_stripped":{}}}"#, e.ae_set, e.ae_stripped)
}

fn wall_minus_monotonic_ns() -> Result<i128> {
    let monotonic = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC)?);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(wall.as_nanos() as i128 - monotonic.as_nanos() as i128)
}

/// Starts `sce-lab log` in the background with a file for its output; answers its process id.
pub(crate) fn start(prefix: &str, file: &Path) -> Result<i32> {
    let output = std::fs::File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    let own = std::env::current_exe().context("cannot find the own binary")?;
    let child = Command::new(own)
        .args(["--prefix", prefix, "log"])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::null())
        // Ctrl-C at the terminal must not end the log before the lab.
        .process_group(0)
        .spawn()
        .context("cannot start the log")?;
    Ok(child.id().cast_signed())
}

/// Whether a process is still the log of this lab: its number may have been given to another one.
pub(crate) fn is_log_of(pid: i32, prefix: &str) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|b| *b == 0).collect();
    words.windows(3).any(|w| w == [&b"--prefix"[..], prefix.as_bytes(), &b"log"[..]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json() {
        let points = crate::topology::test_spec(1).points();
        let event = Event::from_bytes(&[0; crate::layout::EVENT_LEN]).unwrap();
        let mut out = Vec::new();
        write_line(&mut out, &points, &Event { index: 7, point: 2, outcome: 4, ..event }, 1_000).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&line["router"], &line["direction"], &line["index"]), (&json!("r1"), &json!("up"), &json!(7)));
        assert_eq!(
            (&line["outcome"], &line["time_ns"], &line["ae_set"]),
            (&json!("dropped"), &json!(1_000), &json!(false))
        );
    }

    #[test]
    fn another_process_is_not_the_log() {
        assert!(!is_log_of(std::process::id().cast_signed(), "sce"));
        assert!(!is_log_of(i32::MAX, "sce"));
    }
}
