#![no_main]

mod filters;
// The language alone, at the paths that it has in the collector: the rest takes long to build with a sanitizer.
#[path = "../../collector/src/query"]
mod query {
    pub mod filter;
    pub mod table;
}
#[path = "../../collector/src/store"]
mod store {
    pub mod predicate;
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| filters::filter(data));
