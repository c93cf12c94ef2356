//! `ipfix`: flows for whoever speaks IPFIX (RFC 7011), both directions in one record (RFC 5103).
//!
//! In: the rows of `flows`. Out: messages over UDP, each with the templates that it needs, so that one that is lost takes no
//! other with it. What IPFIX has no element for (marks, feedback, segments) stays behind: the other exports have it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use sce_proto::{Row, SelectRequest};

use crate::args::IpfixArgs;
use crate::client::{Answer, Client};
use crate::exit::Failure;
use crate::time;
use crate::units::grouped;

/// Bytes of a message: fits the packets of nearly every path (RFC 7011 section 10.3.3).
const MESSAGE: usize = 1400;
/// Messages sent before a pause: UDP does not say when a collector is full.
const BURST: usize = 32;
const PAUSE: Duration = Duration::from_millis(5);
/// Enterprise number of the reverse direction's elements (RFC 5103 section 6.1).
const REVERSE: u32 = 29305;
/// Observation domain: the flows are joined over all points, so there is only one.
const DOMAIN: u32 = 0;

/// Columns that become elements.
const COLUMNS: [&str; 11] = [
    "proto",
    "initiator_ip",
    "initiator_port",
    "responder_ip",
    "responder_port",
    "first_ns",
    "last_ns",
    "up.packets",
    "up.ip_bytes",
    "down.packets",
    "down.ip_bytes",
];

/// Sends the flows of a window.
pub(crate) async fn run(client: &mut Client, args: &IpfixArgs) -> Result<(), Failure> {
    let now = jiff::Zoned::now();
    let window = time::window(args.window.times.since.as_deref(), args.window.times.until.as_deref(), &now)?;
    let request = SelectRequest {
        view: "flows".to_owned(),
        since_ns: window.since_ns,
        until_ns: window.until_ns,
        run: args.window.run.clone().unwrap_or_default(),
        filter: args.filter.join(" "),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        ..SelectRequest::default()
    };
    let answer = client.all(request).await?;
    let wrong = || Failure::usage(format!("{} is not an address; write one like 127.0.0.1:4739", args.to));
    let to: SocketAddr = args.to.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)?;
    let from: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let cannot = |e: std::io::Error| Failure::new(format!("cannot send to {to}: {e}"));
    let socket = UdpSocket::bind(from).map_err(cannot)?;
    let seconds = u32::try_from(now.timestamp().as_second()).unwrap_or(u32::MAX);
    let (messages, left_out) = messages(&answer, seconds);
    for (i, message) in messages.iter().enumerate() {
        socket.send_to(message, to).map_err(cannot)?;
        if i % BURST == BURST - 1 {
            std::thread::sleep(PAUSE);
        }
    }
    let sent = answer.rows.len() as u64 - left_out;
    eprintln!("{} flows in {} messages to {to}", grouped(sent), grouped(messages.len() as u64));
    if left_out > 0 {
        eprintln!("! {} flows have no address or protocol that IPFIX takes", grouped(left_out));
    }
    Ok(())
}

/// The messages, and how many rows could not be said in IPFIX.
fn messages(answer: &Answer, seconds: u32) -> (Vec<Vec<u8>>, u64) {
    let (mut out, mut left_out, mut sequence) = (Vec::new(), 0, 0u32);
    let records: Vec<Option<(u16, Vec<u8>)>> = answer.rows.iter().map(|row| record(answer, row)).collect();
    left_out += records.iter().filter(|r| r.is_none()).count() as u64;
    for template in [256, 257] {
        let same: Vec<&Vec<u8>> = records.iter().flatten().filter(|r| r.0 == template).map(|r| &r.1).collect();
        let description = self::template(template);
        let Some(length) = same.first().map(|r| r.len()) else { continue };
        let room = (MESSAGE - 16 - description.len() - 4) / length;
        for some in same.chunks(room) {
            let mut message = Vec::with_capacity(MESSAGE);
            let data: usize = 4 + some.len() * length;
            put(&mut message, &[&10u16.to_be_bytes(), &((16 + description.len() + data) as u16).to_be_bytes()]);
            put(&mut message, &[&seconds.to_be_bytes(), &sequence.to_be_bytes(), &DOMAIN.to_be_bytes()]);
            put(&mut message, &[&description, &template.to_be_bytes(), &(data as u16).to_be_bytes()]);
            some.iter().for_each(|record| message.extend_from_slice(record));
            sequence = sequence.wrapping_add(some.len() as u32);
            out.push(message);
        }
    }
    (out, left_out)
}

fn put(message: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| message.extend_from_slice(part));
}

/// The template set of IPv4 (256) or IPv6 (257) flows: elements of RFC 5102 by number and length, in the order of `record`.
fn template(id: u16) -> Vec<u8> {
    let (source, destination, width) = if id == 256 { (8u16, 12u16, 4u16) } else { (27, 28, 16) };
    // Addresses, ports, protocol, first and last packet in ms, packets, bytes.
    let forward = [(source, width), (destination, width), (7, 2), (11, 2), (4, 1), (152, 8), (153, 8), (2, 8), (1, 8)];
    let backward = [(2u16, 8u16), (1, 8)];
    let mut set = Vec::new();
    let length = 4 + 4 + forward.len() * 4 + backward.len() * 8;
    let fields = (forward.len() + backward.len()) as u16;
    put(&mut set, &[&2u16.to_be_bytes(), &(length as u16).to_be_bytes(), &id.to_be_bytes(), &fields.to_be_bytes()]);
    for (element, length) in forward {
        put(&mut set, &[&element.to_be_bytes(), &length.to_be_bytes()]);
    }
    for (element, length) in backward {
        put(&mut set, &[&(element | 0x8000).to_be_bytes(), &length.to_be_bytes(), &REVERSE.to_be_bytes()]);
    }
    set
}

/// A row as a data record and its template; nothing where an address or the protocol is missing.
fn record(answer: &Answer, row: &Row) -> Option<(u16, Vec<u8>)> {
    let number = |name: &str| match answer.value(row, name)?.kind {
        Some(sce_proto::value::Kind::Unsigned(n)) => Some(n),
        _ => None,
    };
    let protocol = match answer.text(row, "proto").as_str() {
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        "icmpv6" => 58,
        "sctp" => 132,
        other => other.parse::<u8>().ok()?,
    };
    let address = |name: &str| answer.text(row, name).parse::<IpAddr>().ok();
    let mut out = Vec::new();
    let id = match (address("initiator_ip")?, address("responder_ip")?) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            put(&mut out, &[&a.octets(), &b.octets()]);
            256
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            put(&mut out, &[&a.octets(), &b.octets()]);
            257
        }
        _ => return None,
    };
    for port in ["initiator_port", "responder_port"] {
        put(&mut out, &[&(number(port).unwrap_or(0) as u16).to_be_bytes()]);
    }
    out.push(protocol);
    let first = number("first_ns").unwrap_or(0);
    for time in [first, number("last_ns").unwrap_or(first)] {
        put(&mut out, &[&(time / 1_000_000).to_be_bytes()]);
    }
    for count in ["up.packets", "up.ip_bytes", "down.packets", "down.ip_bytes"] {
        put(&mut out, &[&number(count).unwrap_or(0).to_be_bytes()]);
    }
    Some((id, out))
}
