//! Completions and manual pages, made from the same definition as the help.

use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::env::Shells;

use crate::args::Cli;
use crate::exit::Failure;

/// Prints what makes a shell ask this program for completions.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let shells = Shells::builtins();
    let Some(known) = shells.completer(&shell.to_string()) else {
        return Err(Failure::usage(format!("there are no completions for {shell}")));
    };
    known.write_registration("COMPLETE", "sce-cli", "sce-cli", "sce-cli", &mut io::stdout())?;
    Ok(())
}

/// Writes one manual page for the program and one for every verb, to a directory that is made where there is none.
pub(crate) fn man(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), dir))
        .map_err(|e| Failure::new(format!("cannot write the manual pages to {}: {e}", dir.display())))
}
