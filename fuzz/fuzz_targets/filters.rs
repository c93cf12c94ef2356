//! What the filter target does with its bytes: shared by the fuzzer and by the test that replays the corpus.
#![allow(unreachable_pub, reason = "a module of several crates")]

use crate::query::filter;

/// A filter: an expression, or an error that points into the text.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(e) = filter::parse(text) {
        assert!(text.is_char_boundary(e.at), "{e:?} points into a character or behind the text");
    }
}
