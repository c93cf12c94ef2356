//! Opening captures, and saying in one line what to do where that fails.

use std::net::IpAddr;

use pcap::{Active, Capture, Device, Linktype};
use sce_meter::LinkType;

use super::sys;
use crate::args::{Precision, RunArgs};
use crate::exit::{Failure, code};
use crate::filter;

/// An activated capture.
pub struct Open {
    pub(super) interface: String,
    pub(super) capture: Capture<Active>,
    pub(super) link: LinkType,
    pub(super) snaplen: u32,
    pub(super) ns_per_unit: u64,
}

/// The most that libpcap accepts.
const MAX_SNAPLEN: u32 = 262_144;
/// Time that the kernel may hold frames back to hand over more at once, ms.
const TIMEOUT_MS: i32 = 100;

/// Opens all captures, or none.
///
/// # Errors
/// What is wrong with the first that fails: its name, a privilege, the filter, the time stamps.
pub fn open(args: &RunArgs) -> Result<Vec<Open>, Failure> {
    let mut names = args.interface.clone();
    names.sort();
    if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
        return Err(Failure::new(code::USAGE, format!("interface {} is named twice", twice[0])));
    }
    args.interface.iter().map(|name| open_one(name, args)).collect()
}

fn open_one(name: &str, args: &RunArgs) -> Result<Open, Failure> {
    let known = interfaces();
    if !known.is_empty() && name != "any" && !known.iter().any(|k| k == name) {
        return Err(Failure::new(
            code::INTERFACE,
            format!("there is no interface {name}; there are: {}, any", known.join(", ")),
        ));
    }
    let failed = |e: &pcap::Error| refused(name, e);
    let snaplen = if args.snaplen == 0 { MAX_SNAPLEN } else { args.snaplen.min(MAX_SNAPLEN) };
    let buffer = i32::try_from(args.buffer)
        .map_err(|_| Failure::new(code::USAGE, "--buffer is larger than 2GiB, the most that libpcap takes"))?;
    let (precision, ns_per_unit) = match args.timestamp_precision {
        Precision::Nano => (pcap::Precision::Nano, 1),
        Precision::Micro => (pcap::Precision::Micro, 1000),
    };
    let inactive = Capture::from_device(name)
        .map_err(|e| failed(&e))?
        .snaplen(snaplen.cast_signed())
        .buffer_size(buffer)
        .promisc(!args.no_promiscuous && name != "any")
        .timeout(TIMEOUT_MS)
        .immediate_mode(false)
        .precision(precision);
    if let Some(wanted) = &args.timestamp_type {
        let offered = sys::timestamp_types(&inactive);
        let chosen = offered.iter().find(|t| t.name == *wanted);
        if !chosen.is_some_and(|t| sys::set_timestamp_type(&inactive, t)) {
            let names: Vec<&str> = offered.iter().map(|t| t.name.as_str()).collect();
            let names = if names.is_empty() {
                "only the kernel's own (leave the option out)".to_owned()
            } else {
                names.join(", ")
            };
            return Err(Failure::new(code::USAGE, format!("{name} has no time stamps `{wanted}`; it offers: {names}")));
        }
    }
    let mut capture = inactive.open().map_err(|e| failed(&e))?;
    if name == "any" {
        // The second version of the cooked header names the interface.
        capture.set_datalink(Linktype(276)).map_err(|e| failed(&e))?;
    }
    if !args.filter.trim().is_empty() {
        capture.filter(&args.filter, true).map_err(|e| filter::wrong(&args.filter, &e))?;
    }
    let link = LinkType(capture.get_datalink().0.cast_unsigned());
    let capture = capture.setnonblock().map_err(|e| failed(&e))?;
    let snaplen = if args.snaplen == 0 { 0 } else { snaplen };
    Ok(Open { interface: name.to_owned(), capture, link, snaplen, ns_per_unit })
}

/// Why an interface cannot be captured from, and what to do.
fn refused(name: &str, error: &pcap::Error) -> Failure {
    let text = error.to_string();
    let text = text.trim_start_matches("libpcap error: ").trim_start_matches("libpcap os errno: ");
    let denied =
        ["permission", "not permitted", "CAP_NET"].iter().any(|w| text.to_lowercase().contains(&w.to_lowercase()));
    if denied {
        let exe = std::env::current_exe().map_or_else(|_| "sce-probe".to_owned(), |p| p.display().to_string());
        return Failure::new(
            code::PRIVILEGE,
            format!(
                "capturing on {name} needs the capability CAP_NET_RAW: run it as root, or once \
                 `sudo setcap cap_net_raw,cap_net_admin+ep {exe}`"
            ),
        );
    }
    if text.contains("is not up") || text.contains("That device is not up") {
        return Failure::new(code::INTERFACE, format!("{name} is down: `sudo ip link set {name} up`, then try again"));
    }
    Failure::new(code::INTERFACE, format!("{name} cannot be captured from: {text}"))
}

/// Why a capture ended by itself.
pub(super) fn ended(name: &str, error: &pcap::Error) -> Failure {
    let text = error.to_string();
    let text = text.trim_start_matches("libpcap error: ");
    Failure::new(
        code::INTERFACE,
        format!("the capture on {name} ended: {text}; was the interface taken down or removed?"),
    )
}

/// Names of the network interfaces of this namespace, as far as they can be listed.
#[must_use]
pub fn interfaces() -> Vec<String> {
    let mut names: Vec<String> = nix::net::if_::if_nameindex()
        .map(|list| list.iter().map(|i| i.name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// Name of an interface by its index.
pub(super) fn name_of(index: u32) -> Option<String> {
    let list = nix::net::if_::if_nameindex().ok()?;
    list.iter().find(|i| i.index() == index).map(|i| i.name().to_string_lossy().into_owned())
}

/// Addresses of an interface, each behind its length: `ObservationPoint.addresses_last`.
pub(super) fn addresses(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for device in Device::list().unwrap_or_default().iter().filter(|d| d.name == name) {
        for address in &device.addresses {
            match address.addr {
                IpAddr::V4(a) => {
                    out.push(4);
                    out.extend(a.octets());
                }
                IpAddr::V6(a) => {
                    out.push(16);
                    out.extend(a.octets());
                }
            }
        }
    }
    out
}

/// Opens a capture of all interfaces and closes it again.
///
/// # Errors
/// Why it cannot be opened, and what to do.
pub fn try_any() -> Result<(), Failure> {
    let opened = Capture::from_device("any").and_then(|c| c.snaplen(64).open());
    opened.map(|_| ()).map_err(|e| refused("any", &e))
}
