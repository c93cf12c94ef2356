//! `watch` in a pseudo-terminal of 80 by 24, as a person would use it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fake;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A program in a terminal: util-linux `script` makes the pseudo-terminal.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    written: String,
}

impl Terminal {
    fn start(arguments: &str, url: &str) -> Terminal {
        let command = format!("stty cols 80 rows 24; exec {} {arguments}", env!("CARGO_BIN_EXE_sce-cli"));
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("SCE_COLLECTOR", url)
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC")
            .env_remove("COLUMNS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, output) = channel();
        let mut stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stdout.read(&mut buffer) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let keys = child.stdin.take().unwrap();
        Terminal { child, keys, output, screen: vt100::Parser::new(24, 80, 0), written: String::new() }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen shows a text, and returns the screen.
    fn wait_for(&mut self, text: &str) -> String {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let contents = self.screen.screen().contents();
            if contents.contains(text) {
                return contents;
            }
            assert!(Instant::now() < patience, "no `{text}` on the screen:\n{contents}");
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
                self.screen.process(&bytes);
            }
        }
    }

    /// Waits until a text was written, also one that is gone again, and returns all that was.
    fn wait_until_written(&mut self, text: &str) -> &str {
        let patience = Instant::now() + Duration::from_secs(60);
        while !self.written.contains(text) {
            assert!(Instant::now() < patience, "no `{text}` was written:\n{}", self.written);
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
                self.screen.process(&bytes);
                self.written.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        &self.written
    }
}

impl Drop for Terminal {
    /// A failed test must not leave its program behind; the hang-up of the terminal ends it.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_flow_is_found_opened_and_left_at_80_columns() {
    let fake = fake::start();
    let mut terminal = Terminal::start("watch --since 2026-01-01T09:55:00Z --until 2026-01-01T10:00:00Z", &fake.url);
    let list = terminal.wait_for("(max 15.2 Mbit/s)");
    assert!(list.contains("10.0.0.1:40000") && list.contains("[2001:d"), "{list}");
    assert!(list.contains("probes: client current") && list.contains("no records lost"), "{list}");
    terminal.press("\r");
    let flow = terminal.wait_for("o router eth1");
    assert!(flow.contains("17 lost") && flow.contains("1,204 SCE marked") && flow.contains("31 CE marked"), "{flow}");
    assert!(flow.contains("feedback up: sce incomplete"), "{flow}");
    terminal.press("\u{1b}");
    terminal.wait_for("INITIATOR");
    terminal.press("/up.pakets > 5\r");
    terminal.wait_for("! unknown column");
    terminal.press("p");
    terminal.wait_for("PAUSED");
    terminal.press("q");
    let status = terminal.child.wait().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn ctrl_c_leaves_and_gives_the_terminal_back() {
    let fake = fake::start();
    let mut terminal = Terminal::start("watch --since 1h", &fake.url);
    terminal.wait_for("sce watch");
    terminal.press("\u{3}");
    assert!(terminal.child.wait().unwrap().success());
    terminal.wait_for("");
    while let Ok(bytes) = terminal.output.recv_timeout(Duration::from_millis(500)) {
        terminal.screen.process(&bytes);
    }
    assert!(!terminal.screen.screen().alternate_screen(), "the alternate screen was left");
    assert!(!terminal.screen.screen().hide_cursor(), "the cursor is back");
}

#[test]
fn an_export_shows_rate_and_time_left_on_a_terminal_only() {
    let fake = fake::start();
    let dir = tempfile::tempdir().unwrap();
    let export = |name: &str| format!("export --run slow --views flows --out {}", dir.path().join(name).display());
    let mut terminal = Terminal::start(&export("seen"), &fake.url);
    let line = terminal.wait_until_written("1 of 2 rows");
    assert!(
        line.contains("flows.csv:") && line.contains(" per second, 50 % done, ") && line.contains(" s left"),
        "{line}"
    );
    terminal.wait_until_written("flows.csv: 2 rows");
    assert!(terminal.child.wait().unwrap().success());
    assert!(!terminal.screen.screen().contents().contains("per second"), "the line goes away");
    let mut unseen = Command::new(env!("CARGO_BIN_EXE_sce-cli"));
    unseen.args(export("unseen").split(' ')).env("SCE_COLLECTOR", &fake.url);
    let said = String::from_utf8(unseen.output().unwrap().stderr).unwrap();
    assert!(said.contains("flows.csv: 2 rows") && !said.contains("per second") && !said.contains('\u{1b}'), "{said}");
}

/// A collector that holds the captures of the lab; it ends with the test.
struct Collector {
    child: Child,
    url: String,
    /// Database and spools.
    dir: tempfile::TempDir,
}

impl Collector {
    /// None where the other programs of the workspace are not built, as `cargo build --workspace` does.
    fn start() -> Option<Collector> {
        let programs = Path::new(env!("CARGO_BIN_EXE_sce-cli")).parent().unwrap();
        let (collector, probe) = (programs.join("sce-collector"), programs.join("sce-probe"));
        if !collector.exists() || !probe.exists() {
            assert!(std::env::var_os("CI").is_none(), "sce-collector and sce-probe are built before the tests run");
            eprintln!("SKIP watch_shows_what_a_real_collector_holds: cargo build --workspace makes its collector");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut serve = Command::new(collector);
        serve.args(["serve", "--listen", &address, "--admin", "none", "--db"]).arg(dir.path().join("sce.db"));
        let child = serve.stderr(Stdio::null()).spawn().unwrap();
        let running = Collector { child, url: format!("http://{address}"), dir };
        let patience = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&address).is_err() {
            assert!(Instant::now() < patience, "the collector does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        for side in ["client", "server"] {
            let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../lab/captures/{side}.pcap.gz"));
            let mut replay = Command::new(&probe);
            replay.args(["run", "--name", side, "--collector", &running.url, "--read"]).arg(capture);
            replay.arg("--spool").arg(running.dir.path().join(side)).stderr(Stdio::null());
            assert!(replay.status().unwrap().success());
        }
        Some(running)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn watch_shows_what_a_real_collector_holds() {
    let Some(collector) = Collector::start() else { return };
    let window = "--since 2026-11-21T04:55:00Z --until 2026-11-21T04:55:10Z";
    let mut terminal = Terminal::start(&format!("watch {window} proto = tcp"), &collector.url);
    let list = terminal.wait_for("10.77.1.2:56006");
    assert!(list.contains("10.77.3.2:5201") && list.contains("no records lost"), "{list}");
    terminal.press("\r");
    let flow = terminal.wait_for("SCE marked");
    assert!(flow.contains("o client") && flow.contains("o server") && flow.contains("lost"), "{flow}");
    terminal.press("q");
    assert!(terminal.child.wait().unwrap().success());
}
