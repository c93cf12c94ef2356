//! Long tables on a terminal go through `$PAGER`, or `less` where there is one.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Whether the text has more lines than the terminal.
pub(crate) fn is_longer_than_screen(text: &str) -> bool {
    let height = terminal_size::terminal_size().map_or(0, |(_, h)| usize::from(h.0));
    height > 0 && text.lines().count() >= height
}

/// Pages the text. `false`: there is no pager, and nothing was printed.
pub(crate) fn page(text: &str) -> io::Result<bool> {
    let command = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    if command.is_empty() || command == "cat" {
        return Ok(false);
    }
    let mut pager = Command::new("sh");
    // -R keeps colour, -S does not wrap, -F and -X leave short texts and the last page on the screen.
    pager.args(["-c", &command]).env("LESS", std::env::var("LESS").unwrap_or_else(|_| "FRSX".to_owned()));
    let Ok(mut child) = pager.stdin(Stdio::piped()).spawn() else { return Ok(false) };
    if let Some(mut stdin) = child.stdin.take() {
        // The reader may quit before the end.
        drop(stdin.write_all(text.as_bytes()));
    }
    let status = child.wait()?;
    Ok(status.code() != Some(127))
}
