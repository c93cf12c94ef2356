//! Large answers: what they cost in memory, and readers that do not want all of them.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fake;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Exports the series of the story, so many times over, and gives the most memory that it took, MiB.
fn peak_mib(url: &str, times: u32, out: &Path) -> u64 {
    let mut export = Command::new(env!("CARGO_BIN_EXE_sce-cli"));
    export.args(["export", "--format", "parquet", "--views", "series", "--run", &format!("times-{times}"), "--out"]);
    let mut child = export.arg(out).env("SCE_COLLECTOR", url).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    loop {
        // The kernel's high-water mark only grows: the last one read is the one that counts.
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = mark.and_then(|kib| kib.split_whitespace().next()?.parse().ok()).unwrap_or(peak);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{ended}");
            return peak / 1024;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_parquet_export_takes_the_memory_of_a_row_group_however_many_rows_it_has() {
    let fake = fake::start();
    let dir = tempfile::tempdir().unwrap();
    // Forty rows at a time: 68,000 are more than a row group.
    let some = peak_mib(&fake.url, 1_700, &dir.path().join("some"));
    let many = peak_mib(&fake.url, 3_600, &dir.path().join("many"));
    assert!(many < some + 24, "68,000 rows took {some} MiB, 144,000 rows took {many} MiB");
    let manifest = fs::read_to_string(dir.path().join("many/manifest.json")).unwrap();
    assert!(manifest.contains("\"rows\": 144000"), "{manifest}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let fake = fake::start();
    for question in
        ["flows --columns help", "flow 3f2a91c07be4d015 -o json", "check -o json count(flows)>=2", "series -o csv"]
    {
        let mut cli = Command::new(env!("CARGO_BIN_EXE_sce-cli"));
        cli.args(question.split(' ')).env("SCE_COLLECTOR", &fake.url).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = cli.spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && !said.contains("panicked"), "{question}: {said}");
    }
}
