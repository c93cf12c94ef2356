//! `sce-probe doctor`: of each feature, whether it works here, or what is missing.
//!
//! Everything is tried, not guessed: a capture is opened, kernel programs are loaded, a connection is made.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::clock;
use crate::confine;
use crate::exit::code;
use crate::run::live;
use crate::sockets;

/// Longest wait for a collector.
const CONNECT: Duration = Duration::from_secs(2);

/// A feature and how it fared: a remark, or what to do.
type Finding = (&'static str, Result<String, String>);

/// Tries everything and prints a line for each feature. The exit code tells whether captures work.
///
/// # Errors
/// Output that fails.
pub fn run(collector: &str, out: &mut impl Write) -> io::Result<u8> {
    let capture = live_capture();
    let works = capture.is_ok();
    let mut findings: Vec<Finding> =
        vec![("files", Ok("pcap, pcapng, gzip".to_owned())), ("capture", capture), ("time stamps", stamps())];
    #[cfg(feature = "ebpf")]
    findings.push(("tc capture", tc_capture()));
    findings.push(("sockets", socket_samples()));
    findings.push(("confinement", confine::try_out()));
    findings.push(("clock", clock_state()));
    findings.push(("collector", reach(collector)));
    for (feature, finding) in &findings {
        match finding {
            Ok(remark) => writeln!(out, "ok       {feature:12} {remark}")?,
            Err(remedy) => writeln!(out, "missing  {feature:12} {remedy}")?,
        }
    }
    Ok(if works { code::OK } else { code::PRIVILEGE })
}

fn live_capture() -> Result<String, String> {
    let names = live::interfaces();
    live::try_any().map_err(|e| e.to_string())?;
    Ok(format!("live, on {} and any", names.join(", ")))
}

fn stamps() -> Result<String, String> {
    let hardware: Vec<String> = live::interfaces()
        .into_iter()
        .filter(|name| {
            let offered = pcap::Capture::from_device(name.as_str()).map(|c| live::sys::timestamp_types(&c));
            offered.is_ok_and(|o| o.iter().any(|t| t.name.starts_with("adapter")))
        })
        .collect();
    Ok(if hardware.is_empty() {
        "the kernel's, in nanoseconds; no adapter offers its own".to_owned()
    } else {
        format!("the kernel's, in nanoseconds; the adapter's own on {}", hardware.join(", "))
    })
}

#[cfg(feature = "ebpf")]
fn tc_capture() -> Result<String, String> {
    use crate::source::ebpf::{Capture, Options};
    let capture = Capture::open(&Options::new("lo")).map_err(|e| e.to_string())?;
    Ok(format!("frames with their segmentation, by {}", if capture.tcx() { "tcx" } else { "clsact" }))
}

fn socket_samples() -> Result<String, String> {
    let (sockets, notes) = sockets::Sockets::open(sockets::Options::default()).map_err(|e| e.to_string())?;
    match notes.first() {
        Some(note) => Err(note.clone()),
        None if sockets.traced() => Ok("every event, by tracepoints".to_owned()),
        None => Ok("by netlink dumps".to_owned()),
    }
}

fn clock_state() -> Result<String, String> {
    match clock::state() {
        Some(s) if s.synced => Ok(format!("synchronised, error below {} us", s.error_ns / 1000)),
        Some(_) => {
            Err("not synchronised: one-way delays between hosts carry a large error; run chrony or ptp4l".to_owned())
        }
        None => Err("the kernel does not tell the state of its clock".to_owned()),
    }
}

fn reach(url: &str) -> Result<String, String> {
    let address = url.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
    let failed =
        |e: io::Error| format!("{url}: {e}; start `sce-collector serve` there, or name another with --collector");
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for a in address.to_socket_addrs().map_err(failed)? {
        match TcpStream::connect_timeout(&a, CONNECT) {
            Ok(_) => return Ok(format!("{url} answers")),
            Err(e) => last = e,
        }
    }
    Err(failed(last))
}
