//! What users see: help and output of every verb, compared with the files in `tests/golden`.
//! `UPDATE=1 cargo test -p sce-cli --test golden` rewrites them; read the difference before committing it.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fake;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Runs `sce-cli` and returns the command, its output and its exit code as one text.
fn run(url: &str, args: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_sce-cli"))
        .args(args)
        .env_clear()
        .env("SCE_COLLECTOR", url)
        .env("TZ", "UTC")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let mut text = format!("$ sce-cli {}\n", args.join(" "));
    text.push_str(&String::from_utf8(out.stdout).unwrap());
    for line in String::from_utf8(out.stderr).unwrap().lines() {
        writeln!(text, "[stderr] {line}").unwrap();
    }
    writeln!(text, "[exit {}]", out.status.code().unwrap()).unwrap();
    text.replace(url, "http://127.0.0.1:4517")
}

fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, want, "{} differs; UPDATE=1 rewrites it", path.display());
}

fn golden(name: &str, commands: &[&[&str]]) {
    let fake = fake::start();
    let parts: Vec<String> = commands.iter().map(|args| run(&fake.url, args)).collect();
    compare(name, &parts.join("\n"));
}

#[test]
fn help() {
    let verbs = [
        "flows",
        "flow",
        "paths",
        "verify",
        "probes",
        "points",
        "audit",
        "loss",
        "series",
        "sockets",
        "top",
        "check",
        "diff",
        "watch",
        "plot",
        "query",
        "list",
        "export",
        "ipfix",
        "completions",
        "man",
    ];
    compare("help", &run("http://127.0.0.1:4517", &["--help"]));
    for verb in verbs {
        compare(&format!("help-{verb}"), &run("http://127.0.0.1:4517", &[verb, "--help"]));
    }
}

#[test]
fn tables() {
    golden(
        "tables",
        &[
            &["flows"],
            &["flows", "--limit", "1", "--columns", "flow,up,first_ns", "--time", "iso", "--units", "iec"],
            &["flows", "-o", "wide"],
            &["flows", "-n", "--no-headers", "--columns", "flow,up.ip_bytes,rtt_ns_min,first_ns", "-q"],
            &["paths"],
            &["paths", "--by", "host"],
            &["paths", "--by", "flow"],
            &["paths", "--matrix"],
            &["paths", "--matrix=bytes", "--by", "host"],
            &["top"],
            &["top", "--of", "series", "--by", "direction", "--sort", "-ect1_packets"],
            &["verify"],
            &["probes"],
            &["loss"],
            &["series", "--flow", "3f2a91c07be4d015", "--limit", "4"],
            &["sockets"],
            &["flow", "3f2a"],
        ],
    );
}

#[test]
fn queries() {
    golden(
        "query",
        &[
            &[
                "query",
                "select proto, count(*), sum(up.packets) as sent, max(rtt_ns_min) from flows group by proto order by sent desc",
            ],
            &["query", "select count(*) from paths", "-o", "json"],
            &["query", "select flow, up.packets from flows where port 443 limit 1", "-o", "csv"],
            &["query", "select flow, sum(up.packets) from flows"],
            &["query", "select up.pakcets from flows"],
            &["query", "drop table flows"],
        ],
    );
}

#[test]
fn machine_formats() {
    golden(
        "machine",
        &[
            &["flows", "-o", "json"],
            &["flows", "-o", "ndjson", "--columns", "flow,up.packets,first_ns", "--time", "iso"],
            &["flows", "-o", "csv"],
            &["flows", "-o", "tsv", "--columns", "-points"],
            &["paths", "-o", "json"],
            &["verify", "-o", "json"],
            &["loss", "-o", "json"],
            &["flow", "3f2a91c07be4d015", "-o", "json"],
        ],
    );
}

#[test]
fn figures() {
    golden(
        "plot",
        &[
            &["plot", "overview", "3f2a", "--term"],
            &["plot", "rtt", "3f2a", "--data"],
            &["plot", "cdf", "--term"],
            &["plot", "matrix", "--term"],
            &["plot", "matrix", "3f2a", "--data"],
            &["plot", "loss", "3f2a"],
            &["plot", "marks", "3f2a", "--out", "marks.pdf"],
        ],
    );
    let fake = fake::start();
    let dir = tempfile::tempdir().unwrap();
    #[cfg(feature = "png")]
    {
        let path = dir.path().join("figure.png");
        let said = run(&fake.url, &["plot", "overview", "--out", path.to_str().unwrap()]);
        if said.contains("no font is installed") {
            eprintln!("SKIP figures: no font is installed, so no picture is made (apt-get install fonts-dejavu-core)");
        } else {
            let png = std::fs::read(path).unwrap();
            assert_eq!(
                (&png[1..4], u32::from_be_bytes(png[16..20].try_into().unwrap())),
                (&b"PNG"[..], 2250),
                "{said}"
            );
        }
    }
    for kind in ["overview", "fairness"] {
        let path = dir.path().join("figure.svg");
        run(&fake.url, &["plot", kind, "--out", path.to_str().unwrap(), "--top", "2"]);
        compare(&format!("plot-{kind}"), &std::fs::read_to_string(path).unwrap());
    }
}

#[test]
fn exported_files_come_with_a_manifest_and_overwrite_nothing() {
    let fake = fake::start();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let arguments = ["export", "--out", out.to_str().unwrap(), "--views", "flows,paths,loss", "--run", "lossy"];
    let text = run(&fake.url, &arguments);
    assert!(text.ends_with("[exit 0]\n"), "{text}");
    let flows = std::fs::read_to_string(out.join("flows.csv")).unwrap();
    assert!(flows.starts_with("flow,proto,initiator_ip") && flows.lines().count() == 3, "{flows}");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["views"][1]["view"], "paths");
    assert_eq!(manifest["views"][1]["files"][0]["rows"], 2);
    assert_eq!(manifest["views"][0]["columns"][6]["unit"], "packets");
    assert_eq!(manifest["views"][0]["completeness"]["lost_records"], 12);
    let file = &manifest["views"][0]["files"][0];
    assert_eq!(
        (file["first_ns"].as_u64(), file["bytes"].as_u64()),
        (Some(fake::END_NS - 60_000_000_000), Some(flows.len() as u64))
    );
    let sum = Command::new("sha256sum").arg(out.join("flows.csv")).output().unwrap();
    assert!(String::from_utf8(sum.stdout).unwrap().starts_with(file["sha256"].as_str().unwrap()));
    assert!(run(&fake.url, &arguments).contains("is not empty"));
    #[cfg(feature = "parquet")]
    {
        let out = dir.path().join("parquet");
        run(&fake.url, &["export", "--format", "parquet", "--out", out.to_str().unwrap(), "--views", "flows,loss"]);
        let part = out.join("flows/run=story/date=2026-01-01/part-0.parquet");
        assert_eq!(&std::fs::read(part).unwrap()[..4], b"PAR1");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn every_listing_can_be_a_parquet_file() {
    let fake = fake::start();
    let listings: [&[&str]; 9] = [
        &["flows"],
        &["flow", "3f2a91c07be4d015"],
        &["paths", "--by", "hop"],
        &["paths", "--matrix"],
        &["verify"],
        &["series"],
        &["top"],
        &["query", "select run, count(*) from flows group by run"],
        &["diff", "--run", "a", "--run", "b"],
    ];
    for listing in listings {
        let out = Command::new(env!("CARGO_BIN_EXE_sce-cli"))
            .args(listing)
            .args(["-o", "parquet"])
            .env("SCE_COLLECTOR", &fake.url)
            .output()
            .unwrap();
        assert!(out.status.success(), "{listing:?}: {}", String::from_utf8_lossy(&out.stderr));
        assert!(out.stdout.starts_with(b"PAR1") && out.stdout.ends_with(b"PAR1"), "{listing:?}");
    }
    assert!(run(&fake.url, &["flows", "-o", "parquet", "--follow"]).contains("use -o ndjson"));
}

#[test]
fn checks_and_comparisons() {
    golden(
        "check",
        &[
            &["check", "paths.lost_packets == 0", "count(flows) == 2", "verify.kind ~ 's*'"],
            &["check", "verify.verdict == \"complete\"", "-o", "json"],
            &["check", "paths.owd_ns_p99 < 50ms and paths.method == exact"],
            &["check", "loss.reason != spool_full"],
            &["check", "loss.reason != spool_full", "--allow-empty"],
            &["check", "paths.lost_packets = = 0"],
            &["check", "paths.lots_packets == 0"],
            &["diff", "--run", "a", "--run", "b"],
            &["diff", "--run", "a", "--run", "b", "--of", "paths", "--by", "from.probe,to.probe", "-o", "csv"],
            &["diff", "--run", "a"],
            &["diff", "--run", "a", "--run", "b", "--of", "loss"],
        ],
    );
}

#[test]
fn exit_codes_and_errors() {
    golden(
        "errors",
        &[
            &["flows", "host 10.0.0.1", "and", "up.pakets", ">", "5"],
            &["flows", "--columns", "up.packet"],
            &["flows", "--since", "5"],
            &["flows", "--since", "5m", "--until", "1h"],
            &["flows", "--since", "2025-12-31"],
            &["flows", "--run", "secret"],
            &["flows", "--run", "crash"],
            &["flows", "--run", "cut-off"],
            &["flows", "--run", "lossy", "--strict", "--columns", "flow"],
            &["flows", "--run", "lossy", "--require-all", "--columns", "flow"],
            &["flows", "--run", "lossy", "--quiet", "--columns", "flow"],
            &["points"],
            &["audit"],
            &["audit", "--columns", "probe", "-q"],
            &["flow", "10.0.0.1"],
            &["flow", "ffff"],
            &["flow"],
            &["paths", "--matrix", "--by", "flow"],
            &["top", "--by", "respnder_ip"],
            &["flaws"],
            &["watch"],
            &["flows", "-o", "json", "--follow"],
            &["flows", "--collector", "http://127.0.0.1:1"],
            &["flows", "--collector", "https://example.net"],
            &["flows", "--columns", "help"],
        ],
    );
}

#[test]
fn the_question_is_what_was_asked() {
    let fake = fake::start();
    run(&fake.url, &["flows", "host", "10.0.0.1", "and", "port", "443", "--sort", "-up.ip_bytes,flow", "--run", "a b"]);
    run(&fake.url, &["flows", "--last", "20", "--since", "2026-01-01T09:00:00Z", "--until", "+5m", "-o", "csv"]);
    run(&fake.url, &["series", "--flow", "3f2a", "-o", "json"]);
    let asked = fake.asked.lock().unwrap();
    assert_eq!(asked[0].filter, "host 10.0.0.1 and port 443");
    assert_eq!(asked[0].sort, ["-up.ip_bytes", "flow"]);
    assert_eq!((asked[0].run.as_str(), asked[0].limit, asked[0].since_ns), ("a b", 1000, 0));
    assert!(asked[0].columns.contains(&"flow".to_owned()) && !asked[0].columns.contains(&"last_ns".to_owned()));
    assert_eq!((asked[1].sort.join(","), asked[1].limit), ("-last_ns".to_owned(), 20));
    assert_eq!(asked[1].until_ns - asked[1].since_ns, 300_000_000_000);
    assert_eq!((asked[2].flow.as_str(), asked[2].limit, asked[2].columns.len()), ("3f2a", 0, 0));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let fake = fake::start();
    let script = format!("{} flows -o ndjson | true; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_sce-cli"));
    for _ in 0..5 {
        let out = Command::new("bash").args(["-c", &script]).env("SCE_COLLECTOR", &fake.url).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap().trim(), "0");
        assert!(!String::from_utf8(out.stderr).unwrap().contains("panicked"));
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        let text = run("http://127.0.0.1:4517", &["completions", shell]);
        assert!(text.contains("COMPLETE") && text.ends_with("[exit 0]\n"), "{shell}: {text}");
    }
    let fake = fake::start();
    let complete = |line: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_sce-cli"))
            .args(["--", "sce-cli"])
            .args(line)
            .env("COMPLETE", "fish")
            .env("SCE_COLLECTOR", &fake.url)
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert!(complete(&["flow", "3f"]).starts_with("3f2a91c07be4d015\ttcp 10.0.0.1:40000 > 10.0.1.1:5201"));
    assert_eq!(complete(&["flows", "--run", "s"]).trim(), "story");
    assert!(complete(&["paths", "--columns", "flow,lost_p"]).starts_with("flow,lost_packets"));
    assert_eq!(complete(&["paths", "--order", "client,r"]).trim(), "client,router");
    assert!(complete(&["flows", "--req"]).contains("--require-all"));
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("made/for/them");
    run("http://127.0.0.1:4517", &["man", pages.to_str().unwrap()]);
    let page = std::fs::read_to_string(pages.join("sce-cli-flows.1")).unwrap();
    assert!(page.contains("Examples"), "{page}");
    let no_folder = pages.join("sce-cli.1/under-a-file");
    let said = run("http://127.0.0.1:4517", &["man", no_folder.to_str().unwrap()]);
    assert!(said.contains("cannot write the manual pages to"), "{said}");
}

#[test]
fn every_command_of_the_manual_and_of_the_help_is_accepted() {
    let fake = fake::start();
    let pages = ["../README.md", "cli.md", "cookbook.md", "deploying.md"]
        .map(|page| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page)).unwrap());
    let lines = pages.iter().flat_map(|page| page.lines());
    let mut commands: Vec<String> = lines.filter(|l| l.starts_with("sce-cli ")).map(str::to_owned).collect();
    assert!(commands.len() > 20, "the manual has its commands on lines of their own");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for entry in std::fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("help-")) {
            let text = std::fs::read_to_string(&path).unwrap();
            let examples = text.split("Examples:\n").nth(1).unwrap_or_default();
            // Comments stand two or more spaces behind a command; pipes and files are the reader's.
            let command = |l: &str| {
                l.trim().split("   ").next().unwrap().split([';', '>', '|']).next().unwrap().trim().to_owned()
            };
            commands.extend(
                examples
                    .lines()
                    .map(command)
                    .filter(|c| c.starts_with("sce-cli ") && c.matches(['\'', '"']).count() % 2 == 0),
            );
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for command in commands {
        // These need a terminal, never end, or write outside of the directory.
        if ["watch", "--follow", "man ", "completions"].iter().any(|w| command.contains(w)) {
            continue;
        }
        let shell = command.replacen("sce-cli", env!("CARGO_BIN_EXE_sce-cli"), 1);
        let out = Command::new("bash")
            .args(["-c", &shell])
            .current_dir(dir.path())
            .env("SCE_COLLECTOR", &fake.url)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        // What the story does not have, like a view or a second run, is no fault of the command.
        let unknown = said.contains("does not offer") || said.contains("is not empty") || said.contains("has no rows");
        assert!(unknown || out.status.code() != Some(2), "{command}\n{said}");
    }
}
