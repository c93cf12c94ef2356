//! The two ends of a socket, named as packets name them.

use std::net::{IpAddr, Ipv6Addr};

use sce_proto::{FlowKey, SocketSample, flow_key};

/// Local and remote address and port of a socket, and its network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Network namespace inode, 0 = not known.
    pub netns: u64,
    /// The end on this host.
    pub local: (IpAddr, u16),
    /// The other end.
    pub remote: (IpAddr, u16),
}

/// An address as it stands in packets: an IPv4 peer of an IPv6 socket shows as IPv4-mapped (RFC 4291 section 2.5.5.2) in the
/// socket only.
#[must_use]
pub fn on_the_wire(address: [u8; 16]) -> IpAddr {
    Ipv6Addr::from(address).to_canonical()
}

impl Ends {
    /// The key of the packets' flow.
    #[must_use]
    pub fn flow_key(&self, ip_proto: u8) -> u64 {
        flow_key(&FlowKey::new(ip_proto, self.local, self.remote).0)
    }

    /// Writes the ends into a sample.
    pub(crate) fn fill(&self, ip_proto: u8, sample: &mut SocketSample) {
        sample.netns = self.netns;
        sample.ip_proto = ip_proto.into();
        sample.flow_key = self.flow_key(ip_proto);
        sample.src_ip = octets(self.local.0);
        sample.dst_ip = octets(self.remote.0);
        sample.src_port = self.local.1.into();
        sample.dst_port = self.remote.1.into();
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_socket_has_the_key_of_its_ipv4_packets() {
        let mapped = |last: u8| on_the_wire([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last]);
        let ends = Ends { netns: 1, local: (mapped(2), 443), remote: (mapped(1), 40000) };
        let packet = FlowKey::new(6, ("10.0.0.1".parse().unwrap(), 40000), ("10.0.0.2".parse().unwrap(), 443)).0;
        assert_eq!(ends.flow_key(6), flow_key(&packet));
        let mut sample = SocketSample::default();
        ends.fill(6, &mut sample);
        assert_eq!((sample.src_ip, sample.dst_ip), (vec![10, 0, 0, 2], vec![10, 0, 0, 1]));
    }
}
