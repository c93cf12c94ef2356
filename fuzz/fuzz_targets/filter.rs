#![no_main]

mod filters;

libfuzzer_sys::fuzz_target!(|data: &[u8]| filters::filter(data));
