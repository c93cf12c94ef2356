#![no_main]

mod captures;

libfuzzer_sys::fuzz_target!(|data: &[u8]| captures::capture(data));
