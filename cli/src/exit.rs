//! How a command ends: the documented exit codes, and errors that say what to do next.

use std::fmt;
use std::io;

pub(crate) use sce_view::nearest;

/// Documented exit codes. Scripts rely on them: numbers are only ever added.
pub(crate) mod code {
    /// Done.
    pub(crate) const OK: u8 = 0;
    /// Something failed, or a `check` does not hold.
    pub(crate) const FAILURE: u8 = 1;
    /// The command line or the filter is wrong.
    pub(crate) const USAGE: u8 = 2;
    /// `audit`: an account does not balance.
    pub(crate) const UNBALANCED: u8 = 3;
    /// `--strict`: records or frames were lost in the window.
    pub(crate) const LOSS: u8 = 4;
    /// The collector cannot be reached or refuses the caller.
    pub(crate) const UNREACHABLE: u8 = 5;
    /// `--require-all`: a probe's data does not reach the end of the window.
    pub(crate) const PARTIAL: u8 = 6;
    /// Ctrl-C.
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// The table of exit codes, as every `--help` ends.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    failure, or `check` found rows that do not hold
  2    wrong usage: an option, a column or the filter
  3    `audit`: an account does not balance
  4    with --strict: records or frames were lost in the window
  5    the collector cannot be reached, or refuses the caller
  6    with --require-all: a probe's data does not reach the end of the window
  130  interrupted

Variables: SCE_COLLECTOR (address of the collector), NO_COLOR, PAGER, TZ.";

/// Why a command ends other than well.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Exit code.
    pub(crate) code: u8,
    /// What happened and what to do next; empty: nothing is said.
    pub(crate) text: String,
}

impl Failure {
    /// Something failed.
    pub(crate) fn new(text: impl Into<String>) -> Failure {
        Failure { code: code::FAILURE, text: text.into() }
    }

    /// The caller asked for something that does not exist.
    pub(crate) fn usage(text: impl Into<String>) -> Failure {
        Failure { code: code::USAGE, text: text.into() }
    }

    /// Ends with a code and without a word: all was said.
    pub(crate) fn quiet(code: u8) -> Failure {
        Failure { code, text: String::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    /// A reader that has seen enough (`| head`) is no failure.
    fn from(e: io::Error) -> Failure {
        if e.kind() == io::ErrorKind::BrokenPipe {
            return Failure::quiet(code::OK);
        }
        Failure::new(format!("cannot write the output: {e}"))
    }
}

impl From<sce_view::Failure> for Failure {
    fn from(e: sce_view::Failure) -> Failure {
        if e.usage { Failure::usage(e.text) } else { Failure::new(e.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_quiet_and_other_errors_are_not() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((closed.code, closed.text.as_str()), (code::OK, ""));
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.code, code::FAILURE);
        assert!(full.text.contains("cannot write"), "{}", full.text);
    }
}
