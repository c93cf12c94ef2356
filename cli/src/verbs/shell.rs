//! Completions and manual pages, made from the same definition as the help.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Failure;

/// Prints the completion script of a shell.
pub(crate) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "sce-cli", &mut io::stdout());
}

/// Writes one manual page for the program and one for every verb.
pub(crate) fn man(dir: &Path) -> Result<(), Failure> {
    if !dir.is_dir() {
        return Err(Failure::usage(format!("{} is not a directory: create it first", dir.display())));
    }
    clap_mangen::generate_to(Cli::command(), dir)
        .map_err(|e| Failure::new(format!("cannot write the manual pages to {}: {e}", dir.display())))
}
