//! The commands of the documents, typed as they stand there: every line of every `sh` block of the README and of `docs/`, with the
//! programs on the path, in a network and with an `/etc` of the page's own, and answered from the captures of the lab.
//!
//! Needs root for that network; elsewhere it says SKIP. What is not run is listed in `NOT_RUN`, with the reason.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{bin, run, tree, wait};

/// Beginnings of commands that are not run here, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("git clone", "this is the clone; `make first-plot` makes a fresh one"),
    ("cd sce", "the same"),
    ("make demo", "builds; what it runs is run by `the_demos_end_in_a_figure`, all of it by `make first-plot`"),
    ("make deb", "packages are built, installed and removed by their own test, a step of `make test`"),
    ("apt install", "the same"),
    ("systemctl", "the same"),
    (
        "sce-collector db",
        "on the files of an installed service; collector/tests have these commands on files of their own",
    ),
    ("pg_dump", "needs the reader's Postgres"),
    ("docker compose", "lab/compose/test.sh, the last step of `make test`"),
    ("for host in", "needs further hosts and ssh"),
    ("sce-cli watch", "needs a terminal: cli/tests/terminal.rs"),
    ("sce-bench", "takes minutes: `make bench`"),
    ("sce-lab", "the network of the lab: tests/truth.rs and tests/live.rs"),
    ("sce-collector serve --listen 0.0.0.0:4517 --tls-cert", "needs a CA made elsewhere: collector/tests/security.rs"),
];

/// Beginnings of commands that the captures of the lab answer with a complaint: what it says, and why.
const COMPLAINS: &[(&str, &str)] = &[
    // The captures have a client and a server, no routers between.
    ("sce-cli paths --order client,r1:west", "there is no point `r1:west`"),
];

/// Labels that the pages use for runs: each is the traffic of the lab, a while apart.
const RUNS: [&str; 7] = ["a", "b", "cubic-2", "cnq_cobalt", "fq_codel", "nightly", "sce-receiver"];

/// A shell block of a page.
struct Block {
    line: usize,
    commands: Vec<String>,
}

impl Block {
    /// Jobs of the shell belong to one shell: such a block is pasted as a whole.
    fn is_script(&self) -> bool {
        self.commands.iter().any(|c| c.ends_with('&'))
    }
}

/// The blocks of a page that are marked `sh`, or are not marked and begin with a program of ours.
fn blocks(text: &str) -> Vec<Block> {
    let ours = ["sce-", "make ", "docker ", "for "];
    let lines: Vec<&str> = text.lines().collect();
    let typed = |language: &str, next: usize| {
        language == "sh"
            || language.is_empty() && lines.get(next).is_some_and(|l| ours.iter().any(|o| l.starts_with(o)))
    };
    let (mut blocks, mut fence) = (Vec::new(), None);
    let mut open = String::new();
    for (i, line) in lines.iter().enumerate() {
        match (line.trim().strip_prefix("```"), fence) {
            (Some(_), Some(_)) => fence = None,
            (Some(language), None) => {
                fence = Some(typed(language, i + 1));
                if fence == Some(true) {
                    blocks.push(Block { line: i + 2, commands: Vec::new() });
                }
            }
            (None, Some(true)) => {
                let line = line.split("  #").next().unwrap_or_default().trim_end();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                writeln!(open, "{line}").unwrap();
                let unfinished = open.starts_with("for ") && !open.ends_with("done\n") || open.ends_with("\\\n");
                if !unfinished {
                    blocks.last_mut().unwrap().commands.push(std::mem::take(&mut open).trim_end().to_owned());
                }
            }
            (None, Some(false)) => {}
            (None, None) => {}
        }
    }
    blocks
}

/// Where a page's commands run: a network with eth0 and a name for the collector, a directory with captures, its own `/etc`.
struct Scene {
    holder: Child,
    dir: tempfile::TempDir,
    services: Vec<(String, Child)>,
}

impl Scene {
    /// None where this machine does not let us.
    fn new() -> Option<Scene> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let script = format!(
            "set -e; mkdir -p {path}/o {path}/home {path}/tmp; mount -t tmpfs tmpfs {path}/o; \
             for d in etc var/lib; do mkdir -p {path}/o/$d/up {path}/o/$d/work; mount -t overlay overlay \
             -o lowerdir=/$d,upperdir={path}/o/$d/up,workdir={path}/o/$d/work /$d; done; \
             echo '127.0.0.1 localhost collector.example.net' > /etc/hosts; ip link set lo up; \
             ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up; \
             touch {path}/ready; exec sleep infinity"
        );
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", &script])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait("the network", Duration::from_secs(30), || {
            dir.path().join("ready").exists() || holder.try_wait().unwrap().is_some()
        });
        if holder.try_wait().unwrap().is_some() {
            return None;
        }
        std::os::unix::fs::symlink(tree("lab"), dir.path().join("lab")).unwrap();
        for file in ["capture.pcapng", "trace.pcap"] {
            std::fs::write(dir.path().join(file), shifted("client", now() - 60)).unwrap();
        }
        std::fs::write(dir.path().join("testbed.rules"), "10.0.0.0/8 10.0.0.0/8 - - tcp\n").unwrap();
        Some(Scene { holder, dir, services: Vec::new() })
    }

    /// A shell there.
    fn shell(&self, text: &str) -> Command {
        let programs = bin("sce-cli").parent().unwrap().to_owned();
        let mut command = Command::new("nsenter");
        command.args(["--net", "--mount", "--target", &self.holder.id().to_string()]);
        command.arg(format!("--wd={}", self.dir.path().display())).args(["bash", "-c", text]);
        command.env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()));
        for (name, folder) in [("HOME", "home"), ("XDG_CONFIG_HOME", "home"), ("TMPDIR", "tmp")] {
            command.env(name, self.dir.path().join(folder));
        }
        command.env_remove("SCE_COLLECTOR").env("COLUMNS", "160").stdin(Stdio::null());
        command
    }

    /// Starts what does not end by itself, and looks that it stays.
    fn start(&mut self, text: &str) -> Result<(), String> {
        let log = self.dir.path().join(format!("service-{}.log", self.services.len()));
        let mut command = self.shell(&format!("exec {text}"));
        command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let said = || std::fs::read_to_string(&log).unwrap();
        wait("a service", Duration::from_secs(60), || {
            child.try_wait().unwrap().is_some() || said().contains(" is ready") || said().contains("Confined")
        });
        match child.try_wait().unwrap() {
            Some(status) => Err(format!("ended with {status}\n{}", said())),
            None => {
                self.services.push((text.to_owned(), child));
                Ok(())
            }
        }
    }

    /// A collector with the traffic of the lab, once for each label.
    fn fill(&mut self) {
        self.start("sce-collector serve --db filled.db").unwrap();
        let now = now();
        for (label, begin) in RUNS.iter().zip((0..).map(|i| now - 100 + 10 * i)) {
            for side in ["client", "server"] {
                let file = self.dir.path().join(format!("{label}-{side}.pcap"));
                std::fs::write(&file, shifted(side, begin)).unwrap();
                let (dir, file) = (format!("spool-{label}-{side}"), file.display());
                let replay =
                    format!("sce-probe run --read {file} --name {side} --run {label} --spool {dir} --interval 100ms");
                run(&mut self.shell(&replay));
            }
        }
    }

    /// Ends the services as their manager would.
    fn stop(&mut self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (text, mut child) in self.services.drain(..).rev() {
            run(Command::new("kill").arg(child.id().to_string()));
            let status = child.wait().unwrap();
            if !status.success() {
                complaints.push(format!("`{text}` ended with {status} when it was asked to"));
            }
        }
        complaints
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for (_, child) in &mut self.services {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// When the captures of the lab begin, seconds since the epoch.
const CAPTURED: u32 = 1_795_236_902;

fn now() -> u32 {
    u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A capture of the lab as if it had begun at `begin`, seconds since the epoch; both sides by the same clock.
fn shifted(side: &str, begin: u32) -> Vec<u8> {
    let mut bytes = run(Command::new("gunzip").arg("-c").arg(tree(&format!("lab/captures/{side}.pcap.gz")))).stdout;
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut at = 24;
    while at < bytes.len() {
        let time = word(&bytes, at) - CAPTURED + begin;
        bytes[at..at + 4].copy_from_slice(&time.to_le_bytes());
        at += 16 + word(&bytes, at + 8) as usize;
    }
    bytes
}

/// Runs what ends by itself. `check` says 1 where a condition does not hold: that is an answer.
fn finish(scene: &Scene, text: &str) -> Result<String, String> {
    let out = scene.shell(&format!("set -o pipefail; {text}")).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let expected = COMPLAINS.iter().find(|(start, _)| text.starts_with(start));
    let printed = String::from_utf8_lossy(&out.stdout).into_owned();
    let fine = match (expected, out.status.code()) {
        (Some((_, complaint)), Some(1 | 2)) => said.contains(complaint),
        (None, Some(0)) => true,
        (None, Some(1)) => {
            text.starts_with("sce-cli check") && printed.starts_with("FAILS") || printed.contains("\nFAILS")
        }
        _ => false,
    };
    if fine { Ok(printed) } else { Err(format!("{}\n{said}", out.status)) }
}

/// Whether a command goes on until it is stopped.
fn is_service(command: &str) -> bool {
    command.starts_with("sce-collector serve") || command.starts_with("sce-probe run") && !command.contains("--read")
}

/// Tries the commands of a page; what went wrong.
fn page(name: &str, text: &str) -> Vec<String> {
    let blocks = blocks(text);
    if blocks.is_empty() {
        return Vec::new();
    }
    let mut scene = Scene::new().unwrap();
    // These pages start their collectors themselves.
    if !["README.md", "docs/security.md"].contains(&name) {
        scene.fill();
    }
    let mut complaints = Vec::new();
    let mut token = String::new();
    for block in blocks {
        let mut commands = block.commands.clone();
        if block.is_script() {
            let mine = |c: &&String| !NOT_RUN.iter().any(|(start, _)| c.starts_with(start));
            commands = vec![block.commands.iter().filter(mine).cloned().collect::<Vec<_>>().join("\n")];
        }
        for command in commands.iter().filter(|c| !NOT_RUN.iter().any(|(start, _)| c.starts_with(start))) {
            let typed = command.replace("sce1-...", token.trim());
            let done = if is_service(&typed) && !block.is_script() {
                scene.start(&typed).map(|()| String::new())
            } else {
                finish(&scene, &typed)
            };
            match done {
                Ok(printed) if typed.contains(" token new") => token = printed,
                Ok(_) => {}
                Err(why) => complaints.push(format!("{name}:{}: {typed}\n{why}", block.line)),
            }
        }
    }
    complaints.extend(scene.stop());
    complaints
}

fn pages() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = ["README.md", "lab/README.md", "docs/recipes/README.md"].map(PathBuf::from).to_vec();
    for entry in std::fs::read_dir(tree("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "md") {
            paths.push(Path::new("docs").join(path.file_name().unwrap()));
        }
    }
    paths.sort();
    let text = |p: &PathBuf| std::fs::read_to_string(tree(p.to_str().unwrap())).unwrap();
    paths.iter().map(|p| (p.display().to_string(), text(p))).collect()
}

#[test]
fn the_pages_have_their_commands_in_blocks() {
    let all: Vec<String> = pages().iter().flat_map(|(_, text)| blocks(text)).flat_map(|b| b.commands).collect();
    let left_out = |c: &&String| NOT_RUN.iter().any(|(start, _)| c.starts_with(start));
    let run = all.len() - all.iter().filter(left_out).count();
    assert!(run > 80, "{run} of {} commands are run", all.len());
    for (start, why) in COMPLAINS {
        assert!(all.iter().any(|c| c.starts_with(start)), "no page has `{start}` any more ({why})");
    }
}

#[test]
fn every_command_of_the_documents_works() {
    if !support::is_root() || Scene::new().is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI can make networks and overlays");
        return support::skip("every_command_of_the_documents_works", "needs root for a network of its own");
    }
    let pages = pages();
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let each: Vec<_> = pages.iter().map(|(n, t)| scope.spawn(|| page(n, t))).collect();
        each.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    assert!(complaints.is_empty(), "{} commands fail:\n\n{}", complaints.len(), complaints.join("\n\n"));
}

#[test]
fn the_demos_end_in_a_figure() {
    let programs = bin("sce-cli").parent().unwrap().to_owned();
    let dir = tempfile::tempdir().unwrap();
    for (script, root) in [("lab/demo-offline.sh", false), ("lab/demo.sh", true)] {
        if root && !support::is_root() {
            support::skip("the_demos_end_in_a_figure", "lab/demo.sh needs root for its network");
            continue;
        }
        let figure = dir.path().join("demo.svg");
        let _ = std::fs::remove_file(&figure);
        let mut demo = Command::new(tree(script));
        demo.arg(&programs).arg(&figure).env("SCE_DEMO_PORT", support::free_port().to_string());
        let printed = String::from_utf8(run(&mut demo).stdout).unwrap();
        assert!(printed.contains("balanced"), "{script}: {printed}");
        let drawn = std::fs::read_to_string(&figure).unwrap();
        for panel in ["throughput", "share", "RTT", "window"] {
            assert!(drawn.contains(&format!(">{panel}")), "{script}: no panel `{panel}` in {drawn}");
        }
        assert!(drawn.contains("SCE marks") && drawn.contains("ESCE feedback"), "{script}: {drawn}");
        assert!(!root || drawn.contains("congestion window"), "{script}: {drawn}");
        if root {
            the_hops_count_what_the_router_did(&printed);
        }
    }
}

/// The demo prints its paths, and after them the router's own table: they must have the same sums.
fn the_hops_count_what_the_router_did(printed: &str) {
    let numbers =
        |line: &str| -> Vec<u64> { line.split_whitespace().filter_map(|w| w.replace(',', "").parse().ok()).collect() };
    let (before, after) = printed.split_once("The lab's own truth").unwrap();
    let (_, paths) = before.split_once("sce-cli paths").unwrap();
    // Packets in, dropped, marked SCE, marked CE, by direction.
    let mut truth = [[0; 4]; 2];
    for line in after.lines().filter(|l| l.starts_with("tcp ") || l.starts_with("udp ")) {
        let down = line.split_whitespace().nth(1).unwrap().ends_with(":5201");
        truth[usize::from(down)].iter_mut().zip(numbers(line)).for_each(|(sum, n)| *sum += n);
    }
    assert!(truth[0][0] > 30_000 && truth[0][1..].iter().all(|n| *n > 0), "{truth:?} in {after}");
    for (direction, word) in [" up ", " down "].into_iter().enumerate() {
        let hops: Vec<&str> = paths.lines().filter(|l| l.contains(word)).collect();
        assert_eq!(hops.len(), 3, "{paths}");
        let [packets, dropped, sce, ce] = truth[direction];
        let mut sent = packets;
        for line in hops {
            let router = line.starts_with("router") && line.matches("router").count() == 2;
            let lost = if router { dropped } else { 0 };
            let hop = numbers(line);
            assert_eq!(hop[1..4], [sent, sent - lost, lost], "{line}\n{printed}");
            let marked: Vec<u64> = hop[hop.len() - 2..].to_vec();
            assert_eq!(marked, if router { vec![sce, ce] } else { vec![0, 0] }, "{line}\n{printed}");
            sent -= lost;
        }
    }
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let text = std::fs::read_to_string(tree("docs/grafana/dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|p| p["targets"].as_array().cloned().unwrap_or_default());
    let asked: Vec<String> = targets.map(|t| t["expr"].as_str().unwrap().to_owned()).collect();
    assert!(asked.len() >= 8, "{asked:?}");
    let offered = std::fs::read_to_string(tree("collector/src/metrics.rs")).unwrap();
    for expression in &asked {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names: Vec<&str> = words.filter(|w| w.starts_with("sce_")).collect();
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            let family = ["_bucket", "_sum", "_count"].iter().fold(name, |n, end| n.strip_suffix(end).unwrap_or(n));
            assert!(offered.contains(&format!("\"{family}\"")), "{expression}: the collector has no {family}");
        }
    }
    let prometheus = std::fs::read_to_string(tree("docs/grafana/prometheus.yml")).unwrap();
    assert!(prometheus.contains("127.0.0.1:4518"), "the admin address of a collector without options");
}
