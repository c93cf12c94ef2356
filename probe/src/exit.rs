//! How a command ends: the documented exit codes, and errors that say what to do next.

use std::fmt;

/// Documented exit codes. Scripts rely on them: numbers are only ever added.
pub mod code {
    /// Done.
    pub const OK: u8 = 0;
    /// Something failed that has no code of its own.
    pub const FAILURE: u8 = 1;
    /// The command line or the configuration is wrong.
    pub const USAGE: u8 = 2;
    /// A capture file is unreadable, foreign or damaged; what came before the damage was used.
    pub const INPUT: u8 = 3;
    /// A privilege is missing.
    pub const PRIVILEGE: u8 = 4;
    /// There is no such interface, or it cannot be captured from.
    pub const INTERFACE: u8 = 5;
    /// The capture filter is wrong.
    pub const FILTER: u8 = 6;
    /// The spool cannot be used.
    pub const SPOOL: u8 = 7;
    /// Not everything was acknowledged in time; it waits in the spool.
    pub const UNDELIVERED: u8 = 8;
}

/// The table of exit codes, as `--help` ends.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  failure
  2  wrong usage: an option or a key of the configuration file
  3  a capture file is unreadable, not a capture, or damaged (everything before the damage was used)
  4  a privilege is missing
  5  no such interface, or it cannot be captured from
  6  the capture filter is wrong
  7  the spool cannot be used
  8  not everything was acknowledged in time; it waits in the spool

Variables: SCE_COLLECTOR, SCE_NAME, SCE_SPOOL, SCE_RUN, SCE_INTERFACE, SCE_CONFIG, SCE_LOG or RUST_LOG.";

/// An error with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// One of [`code`].
    pub code: u8,
    /// One line for the user.
    pub message: String,
}

impl Failure {
    /// An error of this code.
    pub fn new(code: u8, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The exit code of an error: that of the [`Failure`] in it, or [`code::FAILURE`].
#[must_use]
pub fn code_of(error: &anyhow::Error) -> u8 {
    error.chain().find_map(|e| e.downcast_ref::<Failure>()).map_or(code::FAILURE, |f| f.code)
}
