//! Three collectors on one Postgres behind the load balancer of `docs/recipes/haproxy.cfg`: two of them are killed while probes
//! deliver; the third carries on, and every record is there once.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::postgres::Postgres;
use support::{Collector, bin, free_port, json, number, run, skip, sum, tree, wait};

const PACKETS: u64 = 30_000;
const PROBES: u64 = 4;
const FIELDS: [&str; 4] = ["packets", "ip_bytes", "payload_bytes", "ce_packets"];

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The recipe with this machine's ports in place of the addresses of a network.
fn balancer(dir: &Path, collectors: &[Collector]) -> (Running, String) {
    let port = free_port();
    let mut text = std::fs::read_to_string(tree("docs/recipes/haproxy.cfg")).unwrap();
    let mut put = |old: &str, new: &str| {
        assert!(text.contains(old), "the recipe has no {old}");
        text = text.replace(old, new);
    };
    put("0.0.0.0:4517", &format!("127.0.0.1:{port}"));
    for (n, collector) in collectors.iter().enumerate() {
        let admin = collector.admin();
        let check = format!(
            "{} check port {}",
            collector.url().trim_start_matches("http://"),
            admin.rsplit(':').next().unwrap()
        );
        put(&format!("10.0.0.1{}:4517 check port 4518", n + 1), &check);
    }
    let file = dir.join("haproxy.cfg");
    std::fs::write(&file, text).unwrap();
    run(Command::new("haproxy").arg("-c").arg("-f").arg(&file));
    let log = std::fs::File::create(dir.join("haproxy.log")).unwrap();
    let child = Command::new("haproxy").arg("-db").arg("-f").arg(&file).stdout(Stdio::null()).stderr(log).spawn();
    let running = Running(child.unwrap());
    let url = format!("http://127.0.0.1:{port}");
    wait("the balancer to answer", Duration::from_secs(60), || {
        Command::new(bin("sce-cli"))
            .args(["flows"])
            .env("SCE_COLLECTOR", &url)
            .output()
            .is_ok_and(|o| o.status.success())
    });
    (running, url)
}

#[test]
fn two_of_three_collectors_die_and_the_third_carries_on() {
    if Command::new("haproxy").arg("-v").output().is_err() {
        skip("balancer", "haproxy is not installed: apt install haproxy");
        assert!(std::env::var_os("CI").is_none(), "CI has haproxy");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Postgres runs as another user.
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let Some(postgres) = Postgres::start("balancer", &dir.path().join("server")) else { return };
    let db = postgres.database("balanced");
    let mut collectors: Vec<Collector> = (0..3)
        .map(|n| {
            let own = dir.path().join(format!("collector-{n}"));
            std::fs::create_dir(&own).unwrap();
            Collector::start_on(&own, &db)
        })
        .collect();
    let (_balancer, url) = balancer(dir.path(), &collectors);
    let capture = dir.path().join("many.pcap");
    run(Command::new(bin("sce-bench")).args(["gen", "many"]).arg(&capture).args(["--packets", &PACKETS.to_string()]));
    let whole = json(Command::new(bin("sce-probe")).arg("read").arg(&capture).args(["-o", "json"]));
    let mut probes: Vec<Child> = (0..PROBES)
        .map(|n| {
            let name = format!("p{n}");
            let log = std::fs::File::create(dir.path().join(format!("{name}.log"))).unwrap();
            let mut command = Command::new(bin("sce-probe"));
            command.args(["run", "--name", &name, "--run", &name, "--interval", "100ms", "--collector", &url]);
            command.arg("--spool").arg(dir.path().join(&name)).arg("--read").arg(&capture);
            command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
        })
        .collect();
    let last = collectors.pop().unwrap();
    let began = Instant::now();
    for mut collector in collectors {
        // Once it has something to lose.
        wait("records", Duration::from_secs(120), || {
            let rows = last.ask(&["flows", "--columns", "up.packets"]);
            !rows.as_array().unwrap().is_empty()
        });
        collector.kill();
        std::thread::sleep(Duration::from_millis(300));
    }
    for (n, probe) in probes.iter_mut().enumerate() {
        let status = probe.wait().unwrap();
        let log = std::fs::read_to_string(dir.path().join(format!("p{n}.log"))).unwrap();
        assert!(status.success(), "p{n}: {status}\n{log}");
    }
    println!("{PROBES} probes delivered through the balancer in {:.1} s", began.elapsed().as_secs_f64());
    let columns: Vec<String> = FIELDS.iter().flat_map(|f| [format!("up.{f}"), format!("down.{f}")]).collect();
    for n in 0..PROBES {
        let flows = last.ask(&["flows", "--run", &format!("p{n}"), "--columns", &columns.join(",")]);
        for field in FIELDS {
            assert_eq!(sum(&flows, field), sum(&whole["flows"], field), "{field} of p{n}");
        }
    }
    assert!(last.ask(&["loss"]).as_array().unwrap().is_empty());
    for row in last.ask(&["audit"]).as_array().unwrap() {
        assert_eq!((number(row, "captured"), row["balanced"].as_bool()), (PACKETS, Some(true)), "{row:#}");
    }
}
