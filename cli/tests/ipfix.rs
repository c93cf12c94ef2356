//! Flows as IPFIX, taken in by a collector that others wrote.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fake;

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn send(fake: &fake::Fake, to: &str) {
    let out = Command::new(env!("CARGO_BIN_EXE_sce-cli"))
        .args(["ipfix", "--to", to])
        .env("SCE_COLLECTOR", &fake.url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success() && said.contains("2 flows in 2 messages"), "{said}");
}

#[test]
fn messages_describe_themselves() {
    let fake = fake::start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    send(&fake, &socket.local_addr().unwrap().to_string());
    let templates = [(0u32, 256u16, 4 + 4 + 2 + 2 + 1 + 6 * 8), (1, 257, 16 + 16 + 2 + 2 + 1 + 6 * 8)];
    for (sequence, template, record) in templates {
        let mut message = [0; 2048];
        let n = socket.recv(&mut message).unwrap();
        let u16_at = |i: usize| u16::from_be_bytes([message[i], message[i + 1]]);
        assert_eq!((u16_at(0), usize::from(u16_at(2))), (10, n), "version and length");
        assert_eq!(u32::from_be_bytes(message[8..12].try_into().unwrap()), sequence, "records sent before");
        let set = usize::from(u16_at(18));
        assert_eq!((u16_at(16), u16_at(20)), (2, template), "a template set comes first");
        let data = 16 + set;
        assert_eq!((u16_at(data), usize::from(u16_at(data + 2))), (template, 4 + record), "then one record");
    }
}

#[test]
fn nfcapd_takes_the_flows() {
    let there = |name: &str| Command::new(name).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there("nfcapd") || !there("nfdump") {
        eprintln!("SKIP nfcapd_takes_the_flows: nfdump is not installed (apt-get install nfdump)");
        return;
    }
    let fake = fake::start();
    let dir = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut nfcapd = Command::new("nfcapd")
        .args(["-b", "127.0.0.1", "-p", &port.to_string(), "-l", dir.path().to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let udp = || std::fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(30);
    while !udp().contains(&format!(":{port:04X} ")) {
        assert!(Instant::now() < end && nfcapd.try_wait().unwrap().is_none(), "nfcapd does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    send(&fake, &format!("127.0.0.1:{port}"));
    std::thread::sleep(Duration::from_secs(1));
    Command::new("kill").arg(nfcapd.id().to_string()).status().unwrap();
    nfcapd.wait().unwrap();
    let out = Command::new("nfdump").args(["-R", dir.path().to_str().unwrap(), "-o", "csv"]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let tcp = text.lines().find(|l| l.contains("10.0.0.1") && l.contains("10.0.1.1"));
    let tcp = tcp.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&out.stderr)));
    assert!(tcp.contains("TCP") && tcp.contains(",52310,"), "{tcp}");
    assert!(text.contains("2001:db8::1"), "{text}");
}
