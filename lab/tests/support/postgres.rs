//! A Postgres server of the test's own: its data in the test's directory, its socket beside it, no port.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::damage::dead;
use super::{is_root, run};

pub(crate) struct Postgres {
    dir: PathBuf,
    programs: PathBuf,
}

impl Postgres {
    /// Starts one with its files in `dir`; `None`, said loudly, where Postgres is not installed. With `CI=true` that fails.
    pub(crate) fn start(test: &str, dir: &Path) -> Option<Postgres> {
        let Some(programs) = programs() else {
            super::skip(test, "Postgres is not installed: apt install postgresql");
            assert!(std::env::var_os("CI").is_none(), "CI has Postgres");
            return None;
        };
        std::fs::create_dir_all(dir).unwrap();
        let it = Postgres { dir: dir.to_owned(), programs };
        // initdb refuses to run as root.
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(dir));
        }
        run(it.program("initdb").args(["-U", "postgres", "-A", "trust", "--no-sync", "-D"]).arg(it.data()));
        it.control("start");
        Some(it)
    }

    /// Makes a database and gives its URL.
    pub(crate) fn database(&self, name: &str) -> String {
        run(self.program("createdb").args(["-U", "postgres", "-h"]).arg(&self.dir).arg(name));
        self.url(name)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres://postgres@localhost/{name}?host={}", self.dir.display())
    }

    /// The server dies at once, as by a power failure; then it is started again.
    pub(crate) fn crash(&self) {
        let Some(server) = self.pid() else { return self.revive() };
        // The server first, so that it cannot restart the others.
        let all = [vec![server.clone()], self.backends(&server, "")].concat();
        for pid in &all {
            let _ = Command::new("kill").args(["-9", pid]).stderr(Stdio::null()).status();
        }
        while all.iter().any(|pid| !dead(pid)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.revive();
    }

    /// One process that serves a client dies; the server throws all clients out and recovers.
    pub(crate) fn kill_backend(&self, nth: u64) -> bool {
        let serving = self.pid().map_or_else(Vec::new, |server| self.backends(&server, "[local]"));
        let Some(victim) = serving.get(nth as usize % serving.len().max(1)) else { return false };
        Command::new("kill").args(["-9", victim]).status().unwrap().success()
    }

    /// Starts it if it is not running: after a crash, or where a full disk ended it.
    pub(crate) fn revive(&self) {
        for _ in 0..100 {
            match self.pid() {
                Some(pid) if !dead(&pid) => return,
                // Who died and was not waited for by its parent counts as running where one only asks for its number.
                Some(pid) if Path::new("/proc").join(&pid).exists() => _ = std::fs::remove_file(self.pid_file()),
                _ => {}
            }
            // What it left behind ends when it notices.
            std::thread::sleep(Duration::from_millis(100));
            let _ = self.command("start").status();
        }
        let said = std::fs::read_to_string(self.log()).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(20).collect();
        panic!("Postgres does not start again; the last first: {last:#?}");
    }

    fn pid_file(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }

    fn pid(&self) -> Option<String> {
        Some(std::fs::read_to_string(self.pid_file()).ok()?.lines().next()?.to_owned())
    }

    pub(crate) fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.dir).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn backends(&self, server: &str, what: &str) -> Vec<String> {
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        let serves =
            |pid: &&str| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(what));
        children.split_whitespace().filter(serves).map(str::to_owned).collect()
    }

    fn control(&self, what: &str) {
        run(&mut self.command(what));
    }

    fn command(&self, what: &str) -> Command {
        // A crash of the server must lose nothing, so it syncs; a test has few rows.
        let options =
            format!("-k {} -c listen_addresses='' -c shared_buffers=16MB -c max_wal_size=128MB", self.dir.display());
        let mut command = self.program("pg_ctl");
        command.args(["-w", "-t", "60", "-o", &options, "-l"]).arg(self.log()).arg("-D").arg(self.data()).arg(what);
        command
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// What the server said.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.program("pg_ctl").args(["-m", "immediate", "-D"]).arg(self.data()).arg("stop").status();
    }
}

/// Folder with `initdb` and `pg_ctl`.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = versions.map(|v| v.path().join("bin")).chain(std::env::split_paths(&path)).collect();
    all.retain(|dir| ["initdb", "pg_ctl"].iter().all(|p| dir.join(p).exists()));
    all.into_iter().next()
}
