//! The commands of docs/security.md, from the making of a CA to a question over TLS.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{bin, free_port, json, number, run, tree, wait};

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn collector(dir: &Path) -> Command {
    let mut command = Command::new(bin("sce-collector"));
    command.current_dir(dir).env("SCE_DB", "sce.db").env("SCE_PKI", "pki");
    command
}

fn probe(dir: &Path) -> Command {
    let mut command = Command::new(bin("sce-probe"));
    command.current_dir(dir).env("XDG_CONFIG_HOME", dir).env_remove("SCE_COLLECTOR");
    command
}

/// Runs a command that must fail; gives what it says.
fn fails(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(!out.status.success(), "{command:?} was to fail");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn from_a_token_to_flows_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let port = free_port();
    let url = format!("https://127.0.0.1:{port}");
    run(collector(dir).args(["ca", "init"]));
    let again = fails(collector(dir).args(["ca", "init"]));
    assert!(again.contains("a CA is never replaced"), "{again}");
    let serving = collector(dir)
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--admin", "none"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let serving = Killed(serving);
    wait("the collector to listen", Duration::from_secs(60), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let token = run(collector(dir).args(["token", "new", "--probe", "host1"])).stdout;
    let token = String::from_utf8(token).unwrap();
    let token = token.trim();

    // Another site's token: the collector here hears nothing of it.
    let elsewhere = format!("sce1-{}-{}", "0".repeat(64), "1".repeat(64));
    let other = fails(probe(dir).args(["enroll", "--collector", &url, "--token", &elsewhere, "--dir", "other"]));
    assert!(other.contains("nothing was sent to it"), "{other}");

    run(probe(dir).args(["enroll", "--collector", &url, "--token", token, "--dir", "probe"]));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(dir.join("probe/probe.key")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let twice = fails(probe(dir).args(["enroll", "--collector", &url, "--token", token, "--dir", "probe2"]));
    assert!(twice.contains("the token was used before"), "{twice}");

    // The file that enrolment wrote says all that `run` needs.
    let capture = tree("lab/captures/server.pcap.gz");
    assert!(capture.exists(), "{} is missing", capture.display());
    run(probe(dir).args(["run", "--config", "probe/probe.toml", "--spool", "spool", "--read"]).arg(&capture));
    let claimed = fails(
        probe(dir)
            .args([
                "run",
                "--config",
                "probe/probe.toml",
                "--name",
                "host2",
                "--spool",
                "spool2",
                "--drain-timeout",
                "5s",
            ])
            .arg("--read")
            .arg(&capture),
    );
    assert!(claimed.contains("the certificate is of `host1`"), "{claimed}");

    run(collector(dir).args(["ca", "issue", "--role", "read", "--name", "alice", "--out", "alice"]));
    let file = |name: &str| dir.join("alice").join(name).display().to_string();
    let tls = [("SCE_CA", file("ca.crt")), ("SCE_CERT", file("alice.crt")), ("SCE_KEY", file("alice.key"))];
    let ask = |args: &[&str]| {
        let mut command = Command::new(bin("sce-cli"));
        command.args(args).args(["--collector", &url, "-o", "json"]).envs(tls.clone());
        command
    };
    let probes = json(&mut ask(&["probes"]));
    let names: Vec<&str> = probes.as_array().unwrap().iter().map(|p| p["probe"].as_str().unwrap()).collect();
    assert_eq!(names, ["host1"]);
    let audit = json(&mut ask(&["audit"]));
    assert!(number(&audit[0], "captured") > 0, "{audit:#}");
    // The same from a file.
    let text = format!(
        "collector = \"{url}\"\nca = \"{}\"\ncert = \"{}\"\nkey = \"{}\"\n",
        file("ca.crt"),
        file("alice.crt"),
        file("alice.key")
    );
    std::fs::write(dir.join("cli.toml"), text).unwrap();
    let mut from_file = Command::new(bin("sce-cli"));
    from_file.args(["probes", "-o", "json"]).env("SCE_CLI_CONFIG", dir.join("cli.toml")).env_remove("SCE_COLLECTOR");
    assert_eq!(json(&mut from_file), probes);
    // A probe's certificate opens no query.
    let own = |name: &str| dir.join("probe").join(name).display().to_string();
    let refused = fails(ask(&["probes"]).envs([("SCE_CERT", own("probe.crt")), ("SCE_KEY", own("probe.key"))]));
    assert!(refused.contains("is for ingest, not for read"), "{refused}");

    let revoked = run(collector(dir).args(["ca", "revoke", "--name", "alice"])).stdout;
    assert_eq!(String::from_utf8_lossy(&revoked), "1 revoked\n");
    wait("the revocation", Duration::from_secs(30), || !ask(&["probes"]).output().unwrap().status.success());
    let list = run(collector(dir).args(["ca", "list"])).stdout;
    let list = String::from_utf8_lossy(&list);
    assert!(list.lines().any(|l| l.contains("revoked") && l.ends_with("alice")), "{list}");
    drop(serving);
}
