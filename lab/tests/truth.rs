//! The lab's truth against packet captures: what tcpdump sees at every point equals what the lab says it counted there.
//!
//! Needs root, namespaces, clang at build time, and tcpdump; elsewhere every test says SKIP.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use support::{bin, json, number, run, wait};

/// Whole packets, so that checksums can be checked.
const WHOLE: &str = "1600";
/// Enough for addresses, ECN and flags.
const HEADERS: &str = "128";

/// A lab that goes away with its test.
struct Lab {
    prefix: String,
    dir: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// One lab at a time: captures of several at once would not be complete on a small machine.
static ALONE: Mutex<()> = Mutex::new(());

impl Lab {
    /// `None`, with a SKIP line, where this machine cannot. CI must be able to.
    fn up(test: &str, shape: &[&str]) -> Option<Self> {
        if !can(test) {
            return None;
        }
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let lab =
            Lab { prefix: format!("st{}{test}", std::process::id()), dir: tempfile::tempdir().unwrap(), _alone: alone };
        let up = lab.command(&["up"]).args(shape).output().unwrap();
        if up.status.success() {
            return Some(lab);
        }
        let why = String::from_utf8_lossy(&up.stderr).into_owned();
        assert!(std::env::var_os("CI").is_none(), "CI has what the lab needs: {why}");
        support::skip(test, why.lines().next().unwrap_or("the lab cannot be built"));
        None
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(bin("sce-lab"));
        command.args(["--prefix", &self.prefix]).args(args);
        command
    }

    fn exec(&self, node: &str, args: &[&str]) {
        run(self.command(&["exec", node, "--"]).args(args));
    }

    fn truth(&self) -> Value {
        json(&mut self.command(&["truth", "-o", "json"]))
    }

    /// Starts tcpdump and waits until it captures.
    fn capture(&self, node: &str, iface: &str, snaplen: &str) -> Capture {
        let file = self.dir.path().join(format!("{node}-{iface}.pcap"));
        let log = self.dir.path().join(format!("{node}-{iface}.log"));
        let child = Command::new("ip")
            .args([
                "netns",
                "exec",
                &format!("{}-{node}", self.prefix),
                "tcpdump",
                "-Z",
                "root",
                "-n",
                "-U",
                "-i",
                iface,
            ])
            .args(["-s", snaplen, "-B", "65536", "-w"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let capture = Capture { child, file, log };
        wait("tcpdump", Duration::from_secs(20), || capture.said().contains("listening on"));
        capture
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
    }
}

fn can(test: &str) -> bool {
    let why = if !support::is_root() {
        "needs root to make network namespaces"
    } else if Command::new("tcpdump").arg("--version").output().is_err() {
        "tcpdump is not installed"
    } else {
        return true;
    };
    assert!(std::env::var_os("CI").is_none(), "CI has what the lab needs: {why}");
    support::skip(test, why);
    false
}

struct Capture {
    child: Child,
    file: std::path::PathBuf,
    log: std::path::PathBuf,
}

impl Capture {
    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends the capture and counts what is in it.
    fn counts(mut self) -> Seen {
        // The kernel hands a half-filled block over when tcpdump's timeout of a second is up; interrupted, it drops it.
        std::thread::sleep(Duration::from_millis(1_500));
        run(Command::new("kill").args(["-INT", &self.child.id().to_string()]));
        self.child.wait().unwrap();
        let said = self.said();
        assert!(
            said.lines().any(|line| line == "0 packets dropped by kernel"),
            "the capture itself must be complete: {said}"
        );
        count(&std::fs::read(&self.file).unwrap())
    }
}

type Ends = (String, IpAddr, u16, IpAddr, u16);

/// What a capture has of one direction of one flow.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    buffers: u64,
    packets_if_whole: u64,
    ip_bytes_if_whole: u64,
    payload_bytes: u64,
    by_codepoint: [u64; 4],
    ae: u64,
    bad_checksums: u64,
}

type Seen = BTreeMap<Ends, Tally>;

/// Counts the TCP and UDP packets of a pcap file (Ethernet, microseconds, this machine's byte order).
fn count(file: &[u8]) -> Seen {
    let u32_at = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let (mut seen, mut at) = (Seen::new(), 24);
    while at + 16 <= file.len() {
        let (captured, length) = (u32_at(at + 8), u32_at(at + 12));
        let frame = &file[at + 16..at + 16 + captured];
        at += 16 + captured;
        let ip = &frame[14..];
        let (source, destination, codepoint, proto, headers, ip_bytes): (IpAddr, IpAddr, u8, u8, usize, usize);
        match u16::from_be_bytes([frame[12], frame[13]]) {
            0x0800 => {
                let octets = |i: usize| -> [u8; 4] { ip[i..i + 4].try_into().unwrap() };
                (source, destination) = (Ipv4Addr::from(octets(12)).into(), Ipv4Addr::from(octets(16)).into());
                (codepoint, proto, headers, ip_bytes) = (ip[1] & 3, ip[9], 20, length - 14);
            }
            0x86dd => {
                let octets = |i: usize| -> [u8; 16] { ip[i..i + 16].try_into().unwrap() };
                (source, destination) = (Ipv6Addr::from(octets(8)).into(), Ipv6Addr::from(octets(24)).into());
                (codepoint, proto, headers, ip_bytes) = (ip[1] >> 4 & 3, ip[6], 40, length - 14);
            }
            _ => continue,
        }
        let l4 = &ip[headers..];
        let (name, l4_headers) = match proto {
            6 => ("tcp", usize::from(l4[12] >> 4) * 4),
            17 => ("udp", 8),
            _ => continue,
        };
        let port = |i: usize| u16::from_be_bytes([l4[i], l4[i + 1]]);
        let tally = seen.entry((name.into(), source, port(0), destination, port(2))).or_default();
        tally.buffers += 1;
        tally.packets_if_whole += 1;
        tally.ip_bytes_if_whole += ip_bytes as u64;
        tally.payload_bytes += (ip_bytes - headers - l4_headers) as u64;
        tally.by_codepoint[usize::from(codepoint)] += 1;
        tally.ae += u64::from(proto == 6 && l4[12] & 1 == 1);
        if captured == length {
            tally.bad_checksums += u64::from(!checksums_hold(ip, headers, proto));
        }
    }
    seen
}

/// The checksums of a whole packet: IPv4 header, and TCP or UDP with the pseudo header.
fn checksums_hold(ip: &[u8], headers: usize, proto: u8) -> bool {
    let sum = |bytes: &[u8]| -> u64 {
        bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum()
    };
    let fold = |mut sum: u64| {
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum
    };
    let (addresses, l4) = (if headers == 20 { &ip[12..20] } else { &ip[8..40] }, &ip[headers..]);
    let header_holds = headers == 40 || fold(sum(&ip[..20])) == 0xffff;
    header_holds && fold(sum(addresses) + sum(l4) + u64::from(proto) + l4.len() as u64) == 0xffff
}

/// Every flow of the truth whose counts `of` one point are given, against a capture at that point.
/// `rename` gives the flow's ends as they are there. Answers the number of packets compared.
fn equal(
    truth: &Value,
    seen: &Seen,
    direction: &str,
    of: impl Fn(&Value) -> &Value,
    rename: impl Fn(Ends) -> Ends,
) -> u64 {
    let mut packets = 0;
    for flow in truth["flows"].as_array().unwrap().iter().filter(|f| f["direction"] == direction) {
        let text = |name: &str| flow[name].as_str().unwrap().to_owned();
        let ip = |name: &str| text(name).parse::<IpAddr>().unwrap();
        let port = |name: &str| u16::try_from(number(flow, name)).unwrap();
        let ends = rename((text("proto"), ip("src_ip"), port("src_port"), ip("dst_ip"), port("dst_port")));
        let (want, got) = (of(flow), &seen[&ends]);
        let codepoints = ["not_ect", "ect1", "ect0", "ce"].map(|name| number(want, &format!("{name}_packets")));
        assert_eq!(got.buffers, number(want, "buffers"), "buffers of {ends:?}: {want:#}");
        assert_eq!(got.payload_bytes, number(want, "payload_bytes"), "payload bytes of {ends:?}: {want:#}");
        if truth_has_superpackets(want) {
            continue;
        }
        assert_eq!(got.packets_if_whole, number(want, "packets"), "packets of {ends:?}");
        assert_eq!(got.ip_bytes_if_whole, number(want, "ip_bytes"), "IP bytes of {ends:?}");
        assert_eq!(got.by_codepoint, codepoints, "code points of {ends:?}");
        assert_eq!(got.ae, number(want, "ae_packets"), "AE of {ends:?}");
        packets += got.packets_if_whole;
    }
    let flows = truth["flows"].as_array().unwrap().iter().filter(|f| f["direction"] == direction).count();
    assert!(flows > 0 && packets > 0 || truth["flows"][0]["sent"]["buffers"] != truth["flows"][0]["sent"]["packets"]);
    packets
}

fn truth_has_superpackets(counts: &Value) -> bool {
    counts["buffers"] != counts["packets"]
}

/// What must hold on every path: nothing appears, and nothing vanishes but by decision. Answers packets sent.
fn conserved(truth: &Value) -> u64 {
    let mut sent = 0;
    for flow in truth["flows"].as_array().unwrap() {
        let mut last = number(flow, "sent.packets");
        sent += last;
        for router in flow["routers"].as_array().unwrap() {
            assert_eq!(number(router, "in.packets"), last, "{flow:#}");
            last = number(router, "out.packets");
            assert_eq!(number(router, "in.packets"), last + number(router, "dropped_packets"), "{flow:#}");
            let cells: u64 = router["transitions"].as_object().unwrap().values().map(|c| number(c, "packets")).sum();
            assert_eq!(cells, number(router, "in.packets"), "{flow:#}");
        }
        assert_eq!(number(flow, "received.packets"), last, "{flow:#}");
    }
    for name in ["flows_overflow_packets", "undecodable_packets", "failed_edits", "echo_overflow_segments"] {
        assert_eq!(number(truth, &format!("counters.{name}")), 0);
    }
    sent
}

/// At the hosts, a sender's packets are captured as they go onto the wire, that is segmented unless offloads are on.
fn unchanged(ends: Ends) -> Ends {
    ends
}

const MIXED: [&str; 12] =
    ["traffic", "--tcp", "12", "--bytes", "1500000", "--tcp-rate", "15", "--udp", "12", "--packets", "1200", "--rate"];

#[test]
fn captures_equal_the_truth_on_ipv4() {
    let marks = "sce=0.1,ce=0.02,drop=0.005,bleach=0.05";
    let Some(lab) = Lab::up("v4", &["--r1", marks, "--seed", "11"]) else { return };
    let points = [("client", "eth0"), ("r1", "west"), ("r1", "east"), ("server", "eth0")];
    let captures = points.map(|(node, iface)| lab.capture(node, iface, WHOLE));
    run(lab.command(&MIXED).arg("1500"));
    let truth = lab.truth();
    let sent = conserved(&truth);
    assert!(sent >= 30_000, "{sent} packets are too few to prove anything");
    let [client, west, east, server] = captures.map(Capture::counts);
    // tc sees what a host sends before it is cut up, so `sent` has no capture of the same buffers; r1's `in` has.
    equal(&truth, &west, "up", |f| &f["routers"][0]["in"], unchanged);
    equal(&truth, &east, "up", |f| &f["routers"][0]["out"], unchanged);
    equal(&truth, &server, "up", |f| &f["received"], unchanged);
    equal(&truth, &east, "down", |f| &f["routers"][0]["in"], unchanged);
    equal(&truth, &west, "down", |f| &f["routers"][0]["out"], unchanged);
    equal(&truth, &client, "down", |f| &f["received"], unchanged);
    for flow in truth["flows"].as_array().unwrap().iter().filter(|f| f["direction"] == "up") {
        let found = client.iter().find(|(ends, _)| ends.2 == number(flow, "src_port") as u16).unwrap().1;
        assert_eq!(found.packets_if_whole, number(flow, "sent.packets"));
        assert_eq!(found.ip_bytes_if_whole, number(flow, "sent.ip_bytes"));
    }
    let broken: u64 = [&client, &west, &east, &server].iter().flat_map(|s| s.values()).map(|t| t.bad_checksums).sum();
    assert_eq!(broken, 0, "every edited packet has right checksums");
}

#[test]
fn captures_equal_the_truth_on_ipv6_over_two_routers() {
    let shape = ["--routers", "2", "--ipv6", "--r1", "sce=0.1,ce=0.02", "--r2", "drop=0.005,bleach=0.2,dir=up"];
    let Some(lab) = Lab::up("v6", &shape) else { return };
    let captures = [("r1", "east"), ("r2", "west"), ("server", "eth0")].map(|(n, i)| lab.capture(n, i, WHOLE));
    run(lab.command(&MIXED).arg("1500"));
    let truth = lab.truth();
    conserved(&truth);
    let [r1, r2, server] = captures.map(Capture::counts);
    equal(&truth, &r1, "up", |f| &f["routers"][0]["out"], unchanged);
    equal(&truth, &r2, "up", |f| &f["routers"][1]["in"], unchanged);
    equal(&truth, &server, "up", |f| &f["received"], unchanged);
    equal(&truth, &r2, "down", |f| &f["routers"][0]["out"], unchanged);
    equal(&truth, &r1, "down", |f| &f["routers"][1]["in"], unchanged);
    assert_eq!(server.values().map(|t| t.bad_checksums).sum::<u64>(), 0, "every edited packet has right checksums");
    let both: u64 =
        truth["flows"].as_array().unwrap().iter().map(|f| number(&f["routers"][0], "dropped_packets")).sum();
    assert_eq!(both, 0, "only r2 drops, and only what goes up");
}

#[test]
fn superpackets_count_as_their_segments() {
    let Some(lab) = Lab::up("gso", &["--offloads", "on", "--r1", "sce=0.2,ce=0.05,dir=up"]) else { return };
    // The last link carries single segments: there a capture can count what the router counted inside superpackets.
    lab.exec("r1", &["ethtool", "-K", "east", "tso", "off", "gso", "off"]);
    lab.exec("server", &["ethtool", "-K", "eth0", "gro", "off"]);
    let (west, server) = (lab.capture("r1", "west", HEADERS), lab.capture("server", "eth0", HEADERS));
    run(&mut lab.command(&["traffic", "--tcp", "6", "--bytes", "6000000", "--tcp-rate", "80", "--udp", "0"]));
    let truth = lab.truth();
    conserved(&truth);
    equal(&truth, &west.counts(), "up", |f| &f["routers"][0]["in"], unchanged);
    let wire = server.counts();
    let mut superpackets = 0;
    for flow in truth["flows"].as_array().unwrap().iter().filter(|f| f["direction"] == "up") {
        let router = &flow["routers"][0]["out"];
        superpackets += number(router, "packets") - number(router, "buffers");
        let got = wire.iter().find(|(ends, _)| ends.2 == number(flow, "src_port") as u16).unwrap().1;
        assert_eq!(got.packets_if_whole, number(router, "packets"));
        assert_eq!(got.ip_bytes_if_whole, number(router, "ip_bytes"));
        let codepoints = ["not_ect", "ect1", "ect0", "ce"].map(|name| number(router, &format!("{name}_packets")));
        assert_eq!(got.by_codepoint, codepoints);
    }
    assert!(superpackets > 1_000, "the router must have seen superpackets: {superpackets}");
}

#[test]
fn behind_a_nat_the_receiver_echoes_every_sce_byte() {
    let shape = ["--nat", "--esce", "full", "--r1", "sce=0.2,ce=0.01,drop=0.005,dir=up,what=payload"];
    let Some(lab) = Lab::up("nat", &shape) else { return };
    let captures = [("server", "eth0"), ("client", "eth0")].map(|(n, i)| lab.capture(n, i, WHOLE));
    run(lab.command(&MIXED).arg("1500"));
    let truth = lab.truth();
    conserved(&truth);
    let [server, client] = captures.map(Capture::counts);
    let outside = |(proto, src, src_port, dst, dst_port): Ends| -> Ends {
        assert_eq!(src.to_string(), "10.77.1.2");
        (proto, "10.77.9.1".parse().unwrap(), src_port ^ 0x1555, dst, dst_port)
    };
    equal(&truth, &server, "up", |f| &f["received"], outside);
    equal(&truth, &client, "down", |f| &f["received"], unchanged);
    for seen in [&server, &client] {
        assert_eq!(seen.values().map(|t| t.bad_checksums).sum::<u64>(), 0, "translated packets have right checksums");
    }
    let echoed = |flow: &Value| number(flow, "esce.bytes");
    compare_echo(&truth, |up, down| {
        assert_eq!(number(up, "received.ect1_payload_bytes"), echoed(down), "{up:#}{down:#}")
    });
}

#[test]
fn half_a_receiver_withholds_every_second_echo() {
    let Some(lab) = Lab::up("half", &["--esce", "full", "--r1", "sce=0.2,dir=up"]) else { return };
    run(&mut lab.command(&["mark", "--esce", "half"]));
    run(&mut lab.command(&["traffic", "--tcp", "4", "--bytes", "3000000", "--tcp-rate", "60", "--udp", "0"]));
    compare_echo(&lab.truth(), |up, down| {
        let (said, withheld) = (number(down, "esce.acks"), number(down, "esce.withheld_acks"));
        assert!(said > 100 && said - withheld <= 1, "{said} said, {withheld} withheld");
        let due = number(down, "esce.bytes") + number(down, "esce.withheld_bytes");
        assert_eq!(number(up, "received.ect1_payload_bytes"), due);
        assert_eq!(number(down, "sent.ae_packets"), said);
    });
}

/// Hands each TCP flow's two directions to `check`.
fn compare_echo(truth: &Value, check: impl Fn(&Value, &Value)) {
    let flows = truth["flows"].as_array().unwrap();
    let tcp =
        |direction: &'static str| flows.iter().filter(move |f| f["proto"] == "tcp" && f["direction"] == direction);
    let mut checked = 0;
    for up in tcp("up") {
        check(up, tcp("down").find(|down| down["dst_port"] == up["src_port"]).unwrap());
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn the_log_tells_the_truth_and_a_seed_repeats_it() {
    let mut matrices = Vec::new();
    for (test, seed) in [("loga", "5"), ("logb", "5"), ("logc", "6")] {
        let shape = ["--r1", "sce=0.1,ce=0.05,drop=0.05,bleach=0.05", "--seed", seed];
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = format!("--log={}", file.path().display());
        let Some(lab) = Lab::up(test, &[&shape[..], &[&log]].concat()) else { return };
        run(&mut lab.command(&["traffic", "--tcp", "0", "--udp", "10", "--packets", "1000", "--rate", "2000"]));
        let truth = lab.truth();
        conserved(&truth);
        run(&mut lab.command(&["down"]));
        let text = std::fs::read_to_string(file.path()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (end, events) = lines.split_last().unwrap();
        assert_eq!((&end["end_of_log"], number(end, "lost_events")), (&Value::Bool(true), 0));
        let mut logged: BTreeMap<String, u64> = BTreeMap::new();
        for e in events {
            let to = e["outcome"].as_str().unwrap().replace("dropped", "lost");
            let name = format!("{}_to_{to}", e["ecn_in"].as_str().unwrap());
            *logged.entry(name).or_default() += number(e, "segments");
        }
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        for flow in truth["flows"].as_array().unwrap() {
            for (name, cell) in flow["routers"][0]["transitions"].as_object().unwrap() {
                *counted.entry(name.clone()).or_default() += number(cell, "packets");
            }
        }
        assert_eq!(logged, counted);
        matrices.push(
            truth["flows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f["routers"][0]["transitions"].clone())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(matrices[0], matrices[1], "the same seed decides the same");
    assert_ne!(matrices[0], matrices[2], "another seed decides otherwise");
}

#[test]
fn nothing_stays_behind() {
    if !can("stay") {
        return;
    }
    let prefix = format!("st{}stay", std::process::id());
    let left = || {
        let names = String::from_utf8(run(Command::new("ip").args(["netns", "list"])).stdout).unwrap();
        names.contains(&prefix) || std::path::Path::new("/run/sce-lab").join(&prefix).exists()
    };
    let lab = || {
        let mut command = Command::new(bin("sce-lab"));
        command.args(["--prefix", &prefix]);
        command
    };
    // The command's own exit code comes through, and the lab goes.
    let failing = lab().args(["run", "--", "sh", "-c", "test -n \"$SCE_LAB_CLIENT\" && exit 7"]).output().unwrap();
    if failing.status.code() == Some(1) {
        support::skip("nothing_stays_behind", &String::from_utf8_lossy(&failing.stderr));
        return;
    }
    assert_eq!(failing.status.code(), Some(7), "{}", String::from_utf8_lossy(&failing.stderr));
    assert!(!left());

    // A signal to the lab alone ends the command too.
    let mut session = lab().args(["run", "--", "sleep", "60"]).spawn().unwrap();
    wait("the lab", Duration::from_secs(20), left);
    std::thread::sleep(Duration::from_secs(2));
    run(Command::new("kill").arg(session.id().to_string()));
    assert_eq!(session.wait().unwrap().code(), Some(128 + 15));
    assert!(!left());

    // What the command starts can be ended in order: a signal that the lab holds back for itself must not stay blocked there.
    let ended = lab().args(["run", "--", "sh", "-c", "sleep 10 & kill $!; wait $!"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(128 + 15), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(!left());

    // A half-built lab: what a crash in the middle leaves.
    run(Command::new("ip").args(["netns", "add", &format!("{prefix}-r1")]));
    assert!(left());
    run(lab().arg("down"));
    assert!(!left());
    run(lab().arg("down"));
}
