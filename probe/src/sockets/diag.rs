//! Socket statistics by netlink: what `ss -ti` reads, without kernel programs.
//!
//! In: a dump of the TCP or SCTP sockets of this network namespace (sock_diag(7)). Out: their identity and their TCP_INFO or
//! sctp_info. Sampled, so what happens between two dumps shows in counters only.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::ends::{Ends, on_the_wire};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;
/// Attributes (include/uapi/linux/inet_diag.h) and, as bits, the request for them.
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_CONG: u16 = 4;
const INET_DIAG_PEERS: u16 = 14;
const EXTENSIONS: u8 = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1);
/// All states but LISTEN, TIME_WAIT, CLOSE and NEW_SYN_RECV: the ones with a connection behind them.
const CONNECTED: u32 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11;
const HEADER: usize = 16;
const MESSAGE: usize = 72;

/// One socket of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiagSocket {
    /// Socket cookie.
    pub cookie: u64,
    /// Which socket; `netns` is not told.
    pub ends: Ends,
    /// TCP state; SCTP: state of the socket.
    pub state: u8,
    /// Congestion control algorithm.
    pub congestion_control: String,
    /// TCP_INFO or sctp_info, as long as this kernel makes it.
    pub info: Vec<u8>,
    /// SCTP: first address of the peer, where the kernel tells it.
    pub peer: Option<std::net::IpAddr>,
}

/// A netlink socket for dumps.
#[derive(Debug)]
pub struct Diag {
    fd: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Diag {
    /// Opens the netlink socket; needs no privilege.
    pub fn open() -> io::Result<Diag> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?;
        // The kernel answers at once; a lost answer must not hang the probe.
        setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::seconds(2))?;
        Ok(Diag { fd, sequence: 0, buffer: vec![0; 64 << 10] })
    }

    /// All connected sockets of a protocol, IPv4 and IPv6.
    pub fn dump(&mut self, ip_proto: u8) -> io::Result<Vec<DiagSocket>> {
        let mut out = Vec::new();
        for family in [libc_family::INET, libc_family::INET6] {
            self.dump_family(family, ip_proto, &mut out)?;
        }
        Ok(out)
    }

    fn dump_family(&mut self, family: u8, ip_proto: u8, out: &mut Vec<DiagSocket>) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        send(self.fd.as_raw_fd(), &request(family, ip_proto, self.sequence), MsgFlags::empty())?;
        loop {
            let n = recv(self.fd.as_raw_fd(), &mut self.buffer, MsgFlags::empty())?;
            match parse(&self.buffer[..n], self.sequence, out)? {
                Progress::More => {}
                Progress::Done => return Ok(()),
            }
        }
    }
}

mod libc_family {
    pub(super) const INET: u8 = 2;
    pub(super) const INET6: u8 = 10;
}

fn request(family: u8, ip_proto: u8, sequence: u32) -> Vec<u8> {
    let mut r = Vec::with_capacity(MESSAGE);
    r.extend(72u32.to_ne_bytes());
    r.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    r.extend(REQUEST_DUMP.to_ne_bytes());
    r.extend(sequence.to_ne_bytes());
    r.extend(0u32.to_ne_bytes());
    r.extend([family, ip_proto, EXTENSIONS, 0]);
    r.extend(CONNECTED.to_ne_bytes());
    r.resize(72, 0); // no particular socket
    r
}

#[derive(Debug, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

/// Reads the messages of one datagram.
fn parse(mut bytes: &[u8], sequence: u32, out: &mut Vec<DiagSocket>) -> io::Result<Progress> {
    while let Some(length) = u32_at(bytes, 0) {
        let length = length as usize;
        let (kind, own) = (u16_at(bytes, 4), u32_at(bytes, 8) == Some(sequence));
        let Some(body) = bytes.get(HEADER..length) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "netlink answer cut short"));
        };
        match kind {
            Some(NLMSG_DONE) if own => return Ok(Progress::Done),
            Some(NLMSG_ERROR) if own => {
                let code = u32_at(body, 0).unwrap_or(0).cast_signed();
                return Err(io::Error::from_raw_os_error(-code));
            }
            Some(SOCK_DIAG_BY_FAMILY) if own => out.extend(diag_message(body)),
            _ => {} // left over from a dump that was given up
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(Progress::More)
}

/// The sockets of a recorded answer.
#[cfg(test)]
pub(super) fn read_dump(bytes: &[u8]) -> Vec<DiagSocket> {
    let mut out = Vec::new();
    let sequence = u32_at(bytes, 8).unwrap_or(0);
    assert!(parse(bytes, sequence, &mut out).is_ok());
    out
}

/// `struct inet_diag_msg` and its attributes.
fn diag_message(m: &[u8]) -> Option<DiagSocket> {
    let (family, state) = (*m.first()?, *m.get(1)?);
    let port = |at: usize| m.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let address = |at: usize| {
        let bytes: [u8; 16] = m.get(at..at + 16)?.try_into().ok()?;
        Some(match family {
            libc_family::INET => std::net::Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into(),
            _ => on_the_wire(bytes),
        })
    };
    let mut socket = DiagSocket {
        cookie: u64::from(u32_at(m, 44)?) | u64::from(u32_at(m, 48)?) << 32,
        ends: Ends { netns: 0, local: (address(8)?, port(4)?), remote: (address(24)?, port(6)?) },
        state,
        congestion_control: String::new(),
        info: Vec::new(),
        peer: None,
    };
    let mut rest = m.get(MESSAGE..)?;
    while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let Some(value) = rest.get(4..usize::from(length)) else { break };
        match kind {
            INET_DIAG_INFO => socket.info = value.to_vec(),
            INET_DIAG_CONG => {
                let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
                socket.congestion_control = String::from_utf8_lossy(&value[..end]).into_owned();
            }
            INET_DIAG_PEERS => socket.peer = sockaddr(value),
            _ => {}
        }
        rest = rest.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    Some(socket)
}

/// The address of a `struct sockaddr_storage`.
pub(super) fn sockaddr(bytes: &[u8]) -> Option<std::net::IpAddr> {
    match u16_at(bytes, 0)? {
        2 => Some(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(4..8)?).ok()?).into()),
        10 => Some(on_the_wire(bytes.get(8..24)?.try_into().ok()?)),
        _ => None,
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_live_connection_is_found_from_both_ends_with_its_counters() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[7; 1000]).unwrap();
        server.read_exact(&mut [0; 1000]).unwrap();
        let (here, there) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let sockets = Diag::open().unwrap().dump(6).unwrap();
        let find = |local: std::net::SocketAddr, remote: std::net::SocketAddr| {
            let ends = Ends { netns: 0, local: (local.ip(), local.port()), remote: (remote.ip(), remote.port()) };
            sockets.iter().find(|s| s.ends == ends).unwrap()
        };
        let (sent, received) = (find(here, there), find(there, here));
        assert_ne!(sent.cookie, received.cookie);
        assert_eq!((sent.state, received.state), (1, 1));
        assert!(!sent.congestion_control.is_empty());
        assert_eq!(super::super::tcp_info::TcpInfo::read(&sent.info).sent_bytes, 1000);
        assert_eq!(super::super::tcp_info::TcpInfo::read(&received.info).received_bytes, 1000);
    }

    #[test]
    fn errors_and_damage_are_errors() {
        let mut out = Vec::new();
        let mut message = vec![0; 36];
        message[..4].copy_from_slice(&36u32.to_ne_bytes());
        message[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        message[8..12].copy_from_slice(&9u32.to_ne_bytes());
        message[16..20].copy_from_slice(&(-2i32).to_ne_bytes());
        assert_eq!(parse(&message, 9, &mut out).unwrap_err().raw_os_error(), Some(2));
        assert_eq!(parse(&message, 8, &mut out).unwrap(), Progress::More, "an answer to another question");
        message[0] = 40;
        assert!(parse(&message, 9, &mut out).is_err());
    }
}
