//! How soon the pages show something when much is stored: `cargo bench -p sce-collector --bench paint -- DB`.
//!
//! DB is an SQLite file, for example the one that `cargo bench -p sce-collector --bench query -- RECORDS DIRECTIONS DIR` leaves
//! with so many records. Each page is opened ten times at 1280 pixels in headless Chromium, which says when it first painted
//! (First Contentful Paint, W3C Paint Timing), before the whole answer is there where that takes longer. Wanted: below 200 ms
//! with 20 million records.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "../tests/common/browser.rs"]
#[allow(dead_code, reason = "the tests look at more than the time")]
mod browser;
#[path = "../tests/common/mod.rs"]
mod common;

use browser::Browser;
use sce_collector::ingest::Limits;
use sce_collector::store::Store as _;
use sce_collector::store::sqlite::SqliteStore;

const TIMES: usize = 10;
/// First a file that asks no database: what the browser needs for itself.
const PAGES: [&str; 7] = ["/sce.css", "/", "/flows", "/paths", "/matrix", "/runs", "/audit"];

fn main() {
    let db =
        std::env::args().skip(1).find(|a| !a.starts_with("--")).expect("an SQLite file: see the head of this file");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let collector = runtime.block_on(async {
        let store = SqliteStore::open(db.as_ref()).await.unwrap();
        let records: u64 = store.ledger().await.unwrap().iter().map(|l| l.records).sum();
        println!("{records} records, {:.2} GB", store.size_bytes().await.unwrap() as f64 / 1e9);
        common::serve(store, Limits::default()).await
    });
    let mut browser = Browser::start().expect("chromium: apt-get install chromium");
    for path in PAGES.iter().cycle().take(3 * PAGES.len()) {
        // A browser that has just been started is slow at everything: the first pages tell of it alone.
        browser.open(&format!("http://{}{path}", collector.admin), 1280);
        browser.first_paint_ms();
    }
    for path in PAGES {
        let url = format!("http://{}{path}", collector.admin);
        let mut paint = |_| {
            browser.open(&url, 1280);
            browser.first_paint_ms()
        };
        let mut times: Vec<f64> = (0..TIMES).map(&mut paint).collect();
        times.sort_by(f64::total_cmp);
        println!("{path:<10} first paint p50 {:>7.1} ms, slowest {:>7.1} ms", times[TIMES / 2], times[TIMES - 1]);
    }
    runtime.block_on(collector.stop());
}
