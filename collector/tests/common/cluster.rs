//! A private Postgres server for tests: its own data, its own socket, gone afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A running server.
pub struct Cluster {
    dir: tempfile::TempDir,
    bin: PathBuf,
}

impl Cluster {
    /// Starts one; `None`, said loudly, where Postgres is not installed. With `CI=true` that is a failure.
    pub fn start() -> Option<Cluster> {
        let Some(bin) = programs() else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "Postgres is not installed: apt install postgresql");
            eprintln!("SKIPPED: Postgres is not installed (apt install postgresql)");
            return None;
        };
        let cluster = Cluster { dir: tempfile::tempdir().unwrap(), bin };
        // initdb refuses to run as root.
        if root() {
            run(Command::new("chown").arg("postgres").arg(cluster.dir.path()));
        }
        let data = cluster.dir.path().join("data");
        run(cluster.program("initdb").args(["-U", "postgres", "-A", "trust", "--no-sync", "-D"]).arg(&data));
        let options = format!("-k {} -c listen_addresses='' -c fsync=off", cluster.dir.path().display());
        run(cluster
            .program("pg_ctl")
            .args(["-w", "-o", &options, "-l"])
            .arg(data.with_extension("log"))
            .arg("-D")
            .arg(&data)
            .arg("start"));
        Some(cluster)
    }

    /// URL of a database of its own.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.dir.path().display())
    }

    /// Makes a database and gives its URL.
    pub async fn database(&self, name: &str) -> String {
        let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(&self.url("postgres")).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await.unwrap();
        self.url(name)
    }

    /// Kills every server process that serves a client, as a crash would.
    pub fn restart_hard(&self) {
        let data = self.dir.path().join("data");
        run(self.program("pg_ctl").args(["-w", "-m", "immediate", "-D"]).arg(&data).arg("restart"));
    }

    /// User and system time of the server and of all its processes that ever were, s.
    pub fn cpu_s(&self) -> f64 {
        let pid = std::fs::read_to_string(self.dir.path().join("data/postmaster.pid")).unwrap();
        let server: u32 = pid.lines().next().unwrap().parse().unwrap();
        let mut ticks = 0;
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { continue };
            let fields: Vec<u64> =
                stat.rsplit(") ").next().unwrap().split(' ').map(|f| f.parse().unwrap_or(0)).collect();
            let itself = process.file_name().to_str() == Some(&server.to_string());
            if itself || fields[1] == u64::from(server) {
                ticks += fields[11] + fields[12];
            }
            if itself {
                ticks += fields[13] + fields[14];
            }
        }
        ticks as f64 / 100.0
    }

    fn program(&self, name: &str) -> Command {
        let path = self.bin.join(name);
        let mut command = if root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(self.dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.dir.path().join("data");
        let _ = self.program("pg_ctl").args(["-m", "immediate", "-D"]).arg(&data).arg("stop").status();
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// Folder with `initdb` and `pg_ctl`.
fn programs() -> Option<PathBuf> {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|v| v.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = versions.chain(std::env::split_paths(&path)).collect();
    all.retain(|dir| ["initdb", "pg_ctl"].iter().all(|p| Path::exists(&dir.join(p))));
    all.into_iter().next()
}
