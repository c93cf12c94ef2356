//! A lab with a collector and a probe on every node, for tests of the whole chain on real kernels.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::{bin, json, run, wait};

/// A lab with a collector on its management node and a probe on every node of the path.
pub(crate) struct Testbed {
    pub(crate) prefix: String,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) children: Vec<Child>,
}

const COLLECTOR: &str = "192.168.77.1:4517";
/// The labs take turns: four at once would overload a small machine, and its kernel would drop what the probes should see.
pub(crate) static TURN: Mutex<()> = Mutex::new(());

impl Testbed {
    /// Builds everything; `None` (and a SKIP line) where this machine cannot.
    pub(crate) fn new(test: &str, shape: &[&str]) -> Option<Self> {
        if !super::is_root() {
            super::skip(test, "needs root to make network namespaces");
            return None;
        }
        let prefix = format!("scelive{}{}", std::process::id(), &test[..test.len().min(8)]).replace('_', "-");
        let up = Command::new(bin("sce-lab")).args(["--prefix", &prefix, "up"]).args(shape).output().unwrap();
        if !up.status.success() {
            super::skip(test, String::from_utf8_lossy(&up.stderr).lines().next().unwrap_or("the lab cannot be built"));
            assert!(
                std::env::var_os("CI").is_none(),
                "CI has what the lab needs: {}",
                String::from_utf8_lossy(&up.stderr)
            );
            return None;
        }
        let mut bed = Testbed { prefix, dir: tempfile::tempdir().unwrap(), children: Vec::new() };
        let db = bed.dir.path().join("sce.db");
        bed.start(
            "mgmt",
            "sce-collector",
            &["serve", "--db", db.to_str().unwrap(), "--listen", COLLECTOR, "--admin", "none", "--allow-plaintext"],
        );
        wait("the collector", Duration::from_secs(20), || {
            bed.cli(&["probes", "-q"]).output().unwrap().status.success()
        });
        Some(bed)
    }

    pub(crate) fn namespace(&self, node: &str) -> String {
        format!("{}-{node}", self.prefix)
    }

    pub(crate) fn command(&self, node: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(node)]).arg(bin(program));
        command.env("SCE_COLLECTOR", format!("http://{COLLECTOR}"));
        command
    }

    pub(crate) fn start(&mut self, node: &str, program: &str, args: &[&str]) {
        let log = std::fs::File::create(self.dir.path().join(format!("{node}-{program}.log"))).unwrap();
        let child = self.command(node, program).args(args).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.children.push(child);
    }

    /// Starts a probe on every node and waits until all points are known to the collector.
    pub(crate) fn probes(&mut self, nodes: &[(&str, &[&str])], options: &[&str]) {
        let mut points = 0;
        for (node, interfaces) in nodes {
            let spool = self.dir.path().join(format!("spool-{node}"));
            let mut args = vec!["run", "--name", node, "--spool", spool.to_str().unwrap()];
            interfaces.iter().for_each(|i| args.extend(["-i", i]));
            args.extend(options);
            self.start(node, "sce-probe", &args);
            points += interfaces.len();
        }
        wait("the probes", Duration::from_secs(30), || {
            let out = self.cli(&["points", "-q", "-o", "ndjson"]).output().unwrap();
            String::from_utf8_lossy(&out.stdout).lines().count() >= points
        });
    }

    pub(crate) fn cli(&self, args: &[&str]) -> Command {
        let mut command = self.command("mgmt", "sce-cli");
        command.args(args);
        command
    }

    pub(crate) fn ask(&self, args: &[&str]) -> Value {
        json(self.cli(args).args(["-o", "json", "-q"]))
    }

    pub(crate) fn lab(&self, args: &[&str]) -> Command {
        let mut command = Command::new(bin("sce-lab"));
        command.args(["--prefix", &self.prefix]).args(args);
        command
    }

    pub(crate) fn truth(&self) -> Value {
        json(&mut self.lab(&["truth", "-o", "json"]))
    }

    /// Ends the probes as a user would, which flushes and delivers what they have.
    pub(crate) fn stop_probes(&mut self) {
        for child in &mut self.children[1..] {
            run(Command::new("kill").arg(child.id().to_string()));
            assert!(child.wait().unwrap().success(), "a probe ends cleanly on SIGTERM");
        }
        self.children.truncate(1);
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            for entry in std::fs::read_dir(self.dir.path())
                .unwrap()
                .flatten()
                .filter(|e| e.path().extension().is_some_and(|x| x == "log"))
            {
                eprintln!("--- {}\n{}", entry.path().display(), tail(&entry.path()));
            }
        }
        let _ = self.lab(&["down"]).output();
    }
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// The identifier of the flow that a line of the truth is about.
pub(crate) fn flow_of<'a>(flows: &'a Value, want: &Value) -> &'a Value {
    let up = want["direction"] == "up";
    let (ip, port) = if up { ("src_ip", "src_port") } else { ("dst_ip", "dst_port") };
    let found: Vec<&Value> = flows
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["proto"] == want["proto"] && f["initiator_ip"] == want[ip] && f["initiator_port"] == want[port])
        .collect();
    assert_eq!(found.len(), 1, "one flow for {want:#}");
    &found[0]["flow"]
}
