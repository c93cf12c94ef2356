//! Which sockets are of interest: the same rule in the kernel program and in user space.

use std::net::IpAddr;
use std::str::FromStr;

use super::ends::Ends;

/// Prefixes that a filter can hold.
pub const MAX_NETS: usize = 8;
/// Ports that a filter can hold.
pub const MAX_PORTS: usize = 8;

/// An address prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    address: u128,
    mask: u128,
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Prefix, String> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let ip: IpAddr = address.parse().map_err(|_| format!("{address} is not an IP address"))?;
        let widest: u32 = if ip.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => widest,
            Some(l) => l
                .parse()
                .ok()
                .filter(|l| *l <= widest)
                .ok_or_else(|| format!("/{l} is not a prefix length of {address}: at most /{widest}"))?,
        };
        // All ones behind a zero-length IPv6 prefix would need a shift by 128.
        let mask = u128::MAX.checked_shl(widest - length).unwrap_or(0);
        Ok(Prefix { address: mapped(ip) & mask, mask })
    }
}

impl Prefix {
    fn holds(&self, ip: IpAddr) -> bool {
        mapped(ip) & self.mask == self.address
    }
}

/// IPv4 as ::ffff:a.b.c.d, so that one comparison serves both.
fn mapped(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(a) => a.to_ipv6_mapped().to_bits(),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// Sockets with an end in one of the prefixes (if there are any) and an end at one of the ports (if there are any).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    nets: Vec<Prefix>,
    ports: Vec<u16>,
}

impl Filter {
    /// A filter; says what is too much.
    pub fn new(nets: Vec<Prefix>, ports: Vec<u16>) -> Result<Filter, String> {
        if nets.len() > MAX_NETS || ports.len() > MAX_PORTS {
            return Err(format!("a socket filter takes at most {MAX_NETS} addresses and {MAX_PORTS} ports"));
        }
        Ok(Filter { nets, ports })
    }

    /// Whether a socket is of interest.
    #[must_use]
    pub fn matches(&self, ends: &Ends) -> bool {
        let any = |wanted: bool, hit: bool| !wanted || hit;
        let address = self.nets.iter().any(|n| n.holds(ends.local.0) || n.holds(ends.remote.0));
        let port = self.ports.iter().any(|p| *p == ends.local.1 || *p == ends.remote.1);
        any(!self.nets.is_empty(), address) && any(!self.ports.is_empty(), port)
    }

    /// For the kernel program: how many, and address and mask of each.
    #[cfg(feature = "ebpf")]
    pub(super) fn nets(&self) -> (u32, [[u8; 32]; MAX_NETS]) {
        let mut out = [[0; 32]; MAX_NETS];
        for (to, net) in out.iter_mut().zip(&self.nets) {
            to[..16].copy_from_slice(&net.address.to_be_bytes());
            to[16..].copy_from_slice(&net.mask.to_be_bytes());
        }
        (self.nets.len() as u32, out)
    }

    /// For the kernel program: how many, and which.
    #[cfg(feature = "ebpf")]
    pub(super) fn ports(&self) -> (u32, [u16; MAX_PORTS]) {
        let mut out = [0; MAX_PORTS];
        for (to, port) in out.iter_mut().zip(&self.ports) {
            *to = *port;
        }
        (self.ports.len() as u32, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(local: &str, lport: u16, remote: &str, rport: u16) -> Ends {
        Ends { netns: 0, local: (local.parse().unwrap(), lport), remote: (remote.parse().unwrap(), rport) }
    }

    #[test]
    fn prefixes_and_ports_match_either_end() {
        let socket = ends("10.1.2.3", 5000, "192.0.2.9", 443);
        let filter = |nets: &[&str], ports: &[u16]| {
            Filter::new(nets.iter().map(|n| n.parse().unwrap()).collect(), ports.to_vec()).unwrap()
        };
        assert!(filter(&[], &[]).matches(&socket));
        assert!(filter(&["10.0.0.0/8"], &[]).matches(&socket));
        assert!(filter(&["192.0.2.9"], &[443]).matches(&socket));
        assert!(filter(&["::ffff:10.1.2.3"], &[]).matches(&socket));
        assert!(!filter(&["10.1.2.0/25"], &[80]).matches(&socket));
        assert!(!filter(&["10.1.3.0/24", "2001:db8::/32"], &[]).matches(&socket));
        assert!(filter(&["::/0"], &[5000]).matches(&socket));
        assert!(!filter(&["0.0.0.0/0"], &[]).matches(&ends("2001:db8::1", 1, "2001:db8::2", 2)));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!("10.0.0.1/33".parse::<Prefix>().unwrap_err(), "/33 is not a prefix length of 10.0.0.1: at most /32");
        assert_eq!("host".parse::<Prefix>().unwrap_err(), "host is not an IP address");
        assert!(Filter::new(Vec::new(), vec![1; 9]).is_err());
    }
}
