//! The recipes of docs/recipes, run on an export.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod fake;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python that has a package: the one that lab/setup.sh made for this, else the system's.
fn python_with(root: &Path, package: &str) -> Option<PathBuf> {
    let candidates = [root.join("target/recipes/bin/python3"), PathBuf::from("python3")];
    candidates.into_iter().find(|python| {
        let try_it = Command::new(python).args(["-c", &format!("import {package}")]).output();
        try_it.is_ok_and(|out| out.status.success())
    })
}

fn export(url: &str, format: &str, out: &Path) {
    let export = Command::new(env!("CARGO_BIN_EXE_sce-cli"))
        .args(["export", "--format", format, "--views", "flows", "--out", out.to_str().unwrap()])
        .env("SCE_COLLECTOR", url)
        .output()
        .unwrap();
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
}

#[test]
fn every_recipe_reads_an_export() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let fake = fake::start();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("export");
    export(&fake.url, "parquet", &out);
    let mut answers = Vec::new();
    for name in ["pandas", "polars", "duckdb"] {
        let Some(python) = python_with(root, name) else {
            eprintln!("SKIP every_recipe_reads_an_export: Python has no {name} (lab/setup.sh test installs it)");
            continue;
        };
        let recipe = root.join("docs/recipes").join(format!("{name}.py"));
        let done = Command::new(python).arg(&recipe).arg(&out).output().unwrap();
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        let text = String::from_utf8(done.stdout).unwrap();
        assert!(text.starts_with("run,flows,bytes,lost\n") && text.lines().count() >= 2, "{name}: {text}");
        answers.push((name, text));
    }
    let csv = dir.path().join("csv");
    export(&fake.url, "csv", &csv);
    match Command::new("Rscript").arg(root.join("docs/recipes/base.R")).arg(&csv).output() {
        Err(_) => eprintln!("SKIP every_recipe_reads_an_export: no Rscript (lab/setup.sh test installs r-base-core)"),
        Ok(done) => {
            assert!(done.status.success(), "R: {}", String::from_utf8_lossy(&done.stderr));
            answers.push(("R", String::from_utf8(done.stdout).unwrap()));
        }
    }
    for pair in answers.windows(2) {
        assert_eq!(pair[0].1, pair[1].1, "{} and {} differ", pair[0].0, pair[1].0);
    }
}
