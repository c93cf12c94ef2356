//! What the capture target does with its bytes: shared by the fuzzer and by the test that replays the corpus.
#![allow(unreachable_pub, reason = "a module of several crates")]

use crate::source::{CaptureFile, ReadError};

/// A capture file: an error or frames, and an end. Read in batches it must be the same.
pub fn capture(data: &[u8]) {
    let open = || CaptureFile::from_reader(std::io::Cursor::new(data.to_vec()));
    let (Ok(mut single), Ok(mut batched)) = (open(), open()) else { return };
    let at_most = 1 + data.len() % 7;
    let mut batch = Vec::new();
    let mut frames = 0;
    loop {
        let end = batched.next_batch(&mut batch, at_most);
        for held in &batch {
            frames += 1;
            assert!(frames <= data.len() * 1100, "more frames than a compressed file of this size can hold");
            assert_eq!(single.next_frame().ok().flatten(), Some(batched.held(held)));
        }
        match end {
            Ok(()) if !batch.is_empty() => {}
            end => return assert_eq!(text(single.next_frame()), text::<()>(end.map(|()| None))),
        }
    }
}

fn text<T>(end: Result<Option<T>, ReadError>) -> Option<String> {
    end.map(|frame| assert!(frame.is_none(), "a frame that was in no batch")).err().map(|e| e.to_string())
}
