//! Capture filters for files: the BPF language of libpcap, compiled for each link type that the file holds.

use std::collections::HashMap;

use pcap::{BpfProgram, Capture, Linktype};

use crate::exit::{Failure, code};

/// A filter expression with its programs.
pub struct Filter {
    expression: String,
    programs: HashMap<u16, BpfProgram>,
}

impl Filter {
    /// Takes an expression; empty = everything passes.
    ///
    /// # Errors
    /// It is not one, for Ethernet at least.
    pub fn new(expression: &str) -> Result<Filter, Failure> {
        let mut filter = Filter { expression: expression.trim().to_owned(), programs: HashMap::new() };
        if !filter.expression.is_empty() {
            filter.program(1)?;
        }
        Ok(filter)
    }

    /// Whether a frame passes.
    ///
    /// # Errors
    /// The expression makes no sense for this link type.
    pub fn passes(&mut self, link: u16, data: &[u8]) -> Result<bool, Failure> {
        if self.expression.is_empty() {
            return Ok(true);
        }
        Ok(self.program(link)?.filter(data))
    }

    fn program(&mut self, link: u16) -> Result<&BpfProgram, Failure> {
        if !self.programs.contains_key(&link) {
            let program = Capture::dead(Linktype(i32::from(link))).and_then(|c| c.compile(&self.expression, true));
            let program = program.map_err(|e| wrong(&self.expression, &e))?;
            self.programs.insert(link, program);
        }
        self.programs.get(&link).ok_or_else(|| Failure::new(code::FILTER, "filter"))
    }
}

/// The error of a filter that does not compile.
#[must_use]
pub fn wrong(expression: &str, error: &pcap::Error) -> Failure {
    let text = error.to_string();
    let text = text.trim_start_matches("libpcap error: ");
    Failure::new(
        code::FILTER,
        format!("the filter `{expression}` is wrong: {text} (the syntax is that of tcpdump, see pcap-filter(7))"),
    )
}
