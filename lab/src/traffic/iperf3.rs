//! TCP flows by iperf3, for experiments that want a well-known sender.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Load;
use crate::system;
use crate::topology::Spec;

/// Not iperf3's usual port, which our own flows go to.
const PORT: &str = "5202";
const DEFAULT_SECONDS: f64 = 10.0;

/// Runs `load.tcp` parallel flows and answers iperf3's sums.
pub(super) fn run(spec: &Spec, ipv6: bool, load: &Load) -> Result<Value> {
    if system::run("iperf3", &["--version"], "").is_err() {
        bail!("iperf3 is missing: install it (Debian, Ubuntu: apt install iperf3), or leave out --iperf3");
    }
    // It serves one test, then it ends by itself.
    let mut server = Command::new("ip")
        .args(["netns", "exec", &spec.namespace("server"), "iperf3", "-s", "-1", "-p", PORT])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run ip")?;
    let result = connect(spec, ipv6, load);
    if result.is_err() {
        let _ = server.kill();
    }
    let _ = server.wait();
    let answer: Value = serde_json::from_str(&result?).context("iperf3 answered something else than JSON")?;
    Ok(
        json!({ "flows": load.tcp, "dst_port": 5202, "sent": answer["end"]["sum_sent"], "received": answer["end"]["sum_received"] }),
    )
}

fn connect(spec: &Spec, ipv6: bool, load: &Load) -> Result<String> {
    let (client, address) = (spec.namespace("client"), spec.server_address(ipv6).to_string());
    let seconds = load.duration.unwrap_or(DEFAULT_SECONDS).ceil().to_string();
    let flows = load.tcp.to_string();
    let args = ["netns", "exec", &client, "iperf3", "-J", "-c", &address, "-p", PORT, "-P", &flows, "-t", &seconds];
    for _ in 0..50 {
        match system::run("ip", &args, "") {
            Ok(text) => return Ok(text),
            // With -J the reason is on standard output, which a failed command does not hand over: the server
            // needs a moment until it listens, so try for a while whatever the reason.
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    system::run("ip", &args, "")
}
