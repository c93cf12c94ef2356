//! The flow key: one specified hash of the canonical 5-tuple, the same on every host and in every release.

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

/// A 5-tuple in canonical order: the smaller (address, port) first, by bytes, IPv4 before IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey {
    /// IP protocol number.
    pub ip_proto: u8,
    /// The smaller end.
    pub low: (IpAddr, u16),
    /// The larger end.
    pub high: (IpAddr, u16),
}

impl FlowKey {
    /// The key of a packet and whether the packet goes from the low end to the high end.
    #[must_use]
    pub fn new(ip_proto: u8, src: (IpAddr, u16), dst: (IpAddr, u16)) -> (FlowKey, bool) {
        if src <= dst {
            (FlowKey { ip_proto, low: src, high: dst }, true)
        } else {
            (FlowKey { ip_proto, low: dst, high: src }, false)
        }
    }
}

/// The 64-bit flow key: SipHash-2-4 with a zero key over protocol, then address (4 or 16 bytes) and port (big-endian) of
/// the smaller end, then of the larger one.
#[must_use]
pub fn flow_key(key: &FlowKey) -> u64 {
    let mut h = SipHasher24::new();
    h.write(&[key.ip_proto]);
    for (ip, port) in [key.low, key.high] {
        match ip {
            IpAddr::V4(a) => h.write(&a.octets()),
            IpAddr::V6(a) => h.write(&a.octets()),
        }
        h.write(&port.to_be_bytes());
    }
    h.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_one_key_and_the_hash_is_fixed() {
        let (a, b) = (("10.0.0.1".parse().unwrap(), 40000), ("10.0.0.2".parse().unwrap(), 443));
        let (up, forward) = FlowKey::new(6, a, b);
        let (down, backward) = FlowKey::new(6, b, a);
        assert_eq!(up, down);
        assert!(forward && !backward);
        assert_eq!(flow_key(&up), flow_key(&down));
        assert_eq!(flow_key(&up), 0xa598_89da_0938_fe58, "{:#x}: the hash is part of the protocol", flow_key(&up));
    }
}
