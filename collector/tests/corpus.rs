//! Replays the corpus of the filter's fuzz target.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

#[path = "../../fuzz/fuzz_targets/filters.rs"]
mod filters;
use sce_collector::query;

#[test]
fn filters_of_the_corpus() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/filter");
    let mut files = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        filters::filter(&std::fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0);
}
