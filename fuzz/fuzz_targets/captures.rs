//! What the capture target does with its bytes: shared by the fuzzer and by the test that replays the corpus.
#![allow(unreachable_pub, reason = "a module of several crates")]

/// A capture file: an error or frames, and an end.
pub fn capture(data: &[u8]) {
    let Ok(mut file) = sce_probe::source::file::CaptureFile::from_reader(std::io::Cursor::new(data.to_vec())) else {
        return;
    };
    let mut frames = 0;
    while let Ok(Some(_)) = file.next_frame() {
        frames += 1;
        assert!(frames <= data.len() * 1100, "more frames than a compressed file of this size can hold");
    }
}
