//! Replays the corpus of the fuzz targets, so that what fuzzing found stays found.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "../../../fuzz/fuzz_targets/targets.rs"]
mod targets;

/// Runs a target on every file of its corpus.
fn replay(name: &str, target: fn(&[u8])) {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|f| f.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", corpus.display());
    for file in files {
        let data = std::fs::read(&file).unwrap();
        // The name of the file is what a failure needs to tell.
        if std::panic::catch_unwind(|| target(&data)).is_err() {
            panic!("{} makes the target {name} panic", file.display());
        }
    }
}

#[test]
fn frames() {
    replay("frame", targets::frame);
}

#[test]
fn sequences_of_packets() {
    replay("meter", targets::meter);
}

#[test]
fn batches() {
    replay("batch", targets::batch);
}

#[test]
fn path_marks_and_sketches() {
    replay("marks", targets::marks);
}
