#![no_main]

mod captures;
// The reader alone: the rest of the probe takes long to build with a sanitizer.
#[path = "../../probe/src/source/mod.rs"]
mod source;

libfuzzer_sys::fuzz_target!(|data: &[u8]| captures::capture(data));
