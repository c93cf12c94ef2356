//! `sce-probe sockets` on a live path: tcc-trace's two formats, of exactly the sockets that were asked for, and resets.
//! Needs root, network namespaces and a kernel that runs the programs.
#![cfg(feature = "ebpf")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[allow(dead_code, reason = "each test uses its part of the path")]
mod path;

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use path::{Path, SERVER, within};
use sce_probe::sockets::{Options, Sockets};

const PORT: u16 = 5201;
/// Nobody listens here.
const CLOSED: u16 = 5299;

fn path_or_skip() -> Option<Path> {
    let can = Path::build().and_then(|path| {
        let (sockets, notes) = within(&path.client, || Sockets::open(Options::default())).map_err(|e| e.to_string())?;
        if sockets.traced() { Ok(path) } else { Err(format!("{notes:?}")) }
    });
    can.map_err(|reason| eprintln!("SKIP: sockets cannot be traced here: {reason}")).ok()
}

/// The command in the client's namespace, for a few seconds, and what it prints. A file takes all of it at any time; a pipe
/// that nobody reads yet would stop the command.
fn sockets(path: &Path, arguments: &[&str]) -> (Child, File) {
    let printed = tempfile::tempfile().unwrap();
    let stdout = printed.try_clone().unwrap();
    let child = within(&path.client, || {
        Command::new(env!("CARGO_BIN_EXE_sce-probe"))
            .args(["sockets", "--duration", "5s"])
            .args(arguments)
            .stdout(stdout)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    });
    (child, printed)
}

/// What it printed.
fn text((mut child, mut printed): (Child, File)) -> String {
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
    let mut text = String::new();
    printed.rewind().unwrap();
    printed.read_to_string(&mut text).unwrap();
    text
}

/// A connection with some data, and one that is refused.
fn connect(path: &Path) {
    let listener = within(&path.server, || TcpListener::bind((SERVER, PORT))).unwrap();
    let client = path.client.clone();
    let sender = std::thread::spawn(move || {
        within(&client, || {
            TcpStream::connect((SERVER, PORT)).unwrap().write_all(&[0x5a; 200_000]).unwrap();
            TcpStream::connect((SERVER, CLOSED)).unwrap_err();
        });
    });
    let mut received = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), 200_000);
    sender.join().unwrap();
}

#[test]
fn the_command_prints_the_sockets_that_were_asked_for() {
    let Some(path) = path_or_skip() else { return };
    let mut asked = [
        sockets(&path, &["-o", "json", "--ip", SERVER, "--port", "5201,5299"]),
        sockets(&path, &["-o", "line", "--port", "5201"]),
        sockets(&path, &["-o", "json", "--port", "1"]),
        sockets(&path, &["-o", "json", "--ip", "192.0.2.0/24"]),
    ];
    while asked.iter_mut().any(|(child, _)| child.try_wait().unwrap().is_none()) {
        connect(&path);
    }
    let [json, line, other_port, other_address] = asked.map(text);
    assert_eq!((other_port.as_str(), other_address.as_str()), ("", ""), "the kernel program filters");

    let events: Vec<serde_json::Value> = json.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(!events.is_empty());
    for event in &events {
        assert_eq!(event["remote_ip"], SERVER, "{event}");
        assert!([u64::from(PORT), u64::from(CLOSED)].contains(&event["remote_port"].as_u64().unwrap()), "{event}");
    }
    let data = |e: &&serde_json::Value| e["event"] == "tcp_probe" && e["remote_port"] == PORT;
    assert!(events.iter().filter(data).any(|e| e["snd_cwnd"].as_u64() > Some(0) && e["srtt_us"].as_u64() > Some(0)));
    let reset = |e: &serde_json::Value| e["event"] == "tcp_receive_reset" && e["remote_port"] == CLOSED;
    assert!(events.iter().any(reset), "the refusal is an event");

    assert!(!line.is_empty());
    let ends = format!(" > {SERVER}.{PORT} | snd_cwnd ");
    assert!(line.lines().all(|l| l.contains(&ends)), "{line}");
}
