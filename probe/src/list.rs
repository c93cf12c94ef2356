//! `sce-probe list`: the interfaces of this network namespace and the time stamps they offer.

use std::io::{self, Write};

use pcap::{Capture, Device};
use serde_json::json;

use crate::args::ListFormat;
use crate::run::live::{interfaces, sys};

/// Prints the interfaces.
///
/// # Errors
/// Output that fails.
pub fn run(form: ListFormat, out: &mut impl Write) -> io::Result<()> {
    let devices = Device::list().unwrap_or_default();
    let mut names = interfaces();
    names.push("any".to_owned());
    let rows: Vec<_> = names
        .iter()
        .map(|name| {
            let device = devices.iter().find(|d| d.name == *name);
            let up = device.is_some_and(|d| d.flags.is_up());
            let addresses: Vec<String> =
                device.map(|d| d.addresses.iter().map(|a| a.addr.to_string()).collect()).unwrap_or_default();
            let offered = Capture::from_device(name.as_str()).map(|c| sys::timestamp_types(&c)).unwrap_or_default();
            (name, up, addresses, offered)
        })
        .collect();
    if form == ListFormat::Json {
        let list: Vec<_> = rows
            .iter()
            .map(|(name, up, addresses, offered)| {
                let stamps: Vec<_> = offered.iter().map(|t| json!({"name": t.name, "help": t.help})).collect();
                json!({"interface": name, "up": up, "addresses": addresses, "timestamp_types": stamps})
            })
            .collect();
        return writeln!(out, "{}", serde_json::Value::Array(list));
    }
    let width = names.iter().map(String::len).max().unwrap_or(0).max("INTERFACE".len());
    writeln!(out, "{:width$}  STATE  TIME STAMPS", "INTERFACE")?;
    for (name, up, addresses, offered) in &rows {
        let stamps: Vec<&str> = offered.iter().map(|t| t.name.as_str()).collect();
        let stamps = if stamps.is_empty() { "host".to_owned() } else { stamps.join(" ") };
        writeln!(out, "{name:width$}  {:5}  {stamps}", if *up { "up" } else { "down" })?;
        if !addresses.is_empty() {
            writeln!(out, "{:width$}         {}", "", addresses.join(" "))?;
        }
    }
    Ok(())
}
