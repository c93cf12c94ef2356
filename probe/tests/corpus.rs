//! Replays the corpus of the capture file reader's fuzz target.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "../../fuzz/fuzz_targets/captures.rs"]
mod captures;
use sce_probe::source;

#[test]
fn capture_files_of_the_corpus() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/capture");
    let mut files = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        captures::capture(&std::fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0);
}
