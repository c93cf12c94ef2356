//! What end-to-end tests share: the built binaries, a collector to talk to, and JSON answers.
//!
//! The binaries are those that `cargo build --workspace --bins` made beside the test (`make test` does that first).
#![allow(dead_code, unreachable_pub, reason = "each test uses its part of it")]

pub(crate) mod bed;
pub(crate) mod damage;
pub(crate) mod network;
pub(crate) mod postgres;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Path of one of our binaries.
pub(crate) fn bin(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test.parent().and_then(Path::parent).expect("target/<profile>/deps").join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}

/// A file of the tree, by its path from the workspace root.
pub(crate) fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("lab lies in the workspace").join(path)
}

/// Says loudly that a test did not run. CI counts these lines.
pub(crate) fn skip(test: &str, why: &str) {
    println!("SKIP {test}: {why}");
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"))
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("loopback has a free port").port()
}

/// Runs a command to its end; panics with its output if it fails.
pub(crate) fn run(command: &mut Command) -> Output {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        out.status.success(),
        "{command:?} ended with {}\n{}{}",
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    out
}

/// Runs a command to its end and reads its standard output as JSON.
pub(crate) fn json(command: &mut Command) -> Value {
    let out = run(command);
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{command:?}: {e}\n{}", String::from_utf8_lossy(&out.stdout)))
}

/// Waits until `done` holds; panics with `what` after `limit`.
pub(crate) fn wait(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A collector with a database of its own, killed when dropped.
pub(crate) struct Collector {
    port: u16,
    admin: u16,
    dir: PathBuf,
    db: String,
    child: Option<Child>,
    /// Environment of the ones started from now on.
    pub(crate) env: Vec<(String, String)>,
}

impl Collector {
    /// Starts one with its database in `dir` and waits until it is ready.
    pub(crate) fn start(dir: &Path) -> Self {
        Collector::start_on(dir, dir.join("sce.db").to_str().unwrap())
    }

    /// Starts one on a database, with its log in `dir`.
    pub(crate) fn start_on(dir: &Path, db: &str) -> Self {
        let (port, admin) = (free_port(), free_port());
        let mut it = Collector { port, admin, dir: dir.to_owned(), db: db.to_owned(), child: None, env: Vec::new() };
        it.restart();
        it
    }

    /// Starts it again after [`Collector::kill`], on the same port and database.
    pub(crate) fn restart(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("collector.log")).unwrap();
        let child = Command::new(bin("sce-collector"))
            .arg("serve")
            .args(["--db", &self.db])
            .envs(self.env.iter().cloned())
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--admin", &format!("127.0.0.1:{}", self.admin)])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("sce-collector starts");
        self.child = Some(child);
        let port = self.port;
        wait("the collector to listen", Duration::from_secs(60), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    /// SIGKILL, as a crash would be.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether the one that was started still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Process number of the one that runs.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Where probes and the command line find it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its database.
    pub(crate) fn db(&self) -> &str {
        &self.db
    }

    /// Address of the admin endpoint.
    pub(crate) fn admin(&self) -> String {
        format!("127.0.0.1:{}", self.admin)
    }

    /// A `sce-cli` command that asks this collector.
    pub(crate) fn cli(&self, args: &[&str]) -> Command {
        let mut command = Command::new(bin("sce-cli"));
        command.args(args).env("SCE_COLLECTOR", self.url());
        command
    }

    /// The answer of `sce-cli ... -o json`.
    pub(crate) fn ask(&self, args: &[&str]) -> Value {
        // A loaded machine and programs that were built to be debugged: it may take a while.
        json(self.cli(args).args(["-o", "json", "--timeout", "5m"]))
    }

    /// A `sce-probe run --read FILE` command that delivers to this collector.
    pub(crate) fn replay(&self, name: &str, file: &Path) -> Command {
        let mut command = Command::new(bin("sce-probe"));
        command.args(["run", "--name", name, "--collector", &self.url(), "--read"]).arg(file);
        command
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An unsigned number at a path like `up.packets`.
pub(crate) fn number(value: &Value, path: &str) -> u64 {
    let found = path.split('.').fold(value, |v, key| &v[key]);
    found.as_u64().unwrap_or_else(|| panic!("{path} is no number in {value}"))
}

/// SplitMix64 with a fixed seed: the same choices in every run; the moments are the machine's.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)) % n
    }
}

/// A field of flows as `sce-cli flows` and `sce-probe read` print them, summed over flows and directions.
pub(crate) fn sum(flows: &Value, field: &str) -> u64 {
    let flows = flows.as_array().unwrap();
    flows.iter().map(|f| f["up"][field].as_u64().unwrap_or(0) + f["down"][field].as_u64().unwrap_or(0)).sum()
}
