//! The flow key as the table holds it: a canonical 5-tuple that hashes and compares fast.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use sce_proto::FlowKey;

use crate::packet::{Address, Packet};

/// Both ends of a flow, the smaller (address, port) first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Key {
    low: u128,
    high: u128,
    /// Ports of the low and the high end, protocol and IP version.
    rest: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.low);
        state.write_u128(self.high);
        state.write_u64(self.rest);
    }
}

impl Key {
    /// The key of a packet, and whether the packet goes from the low to the high end.
    pub(crate) fn of(packet: &Packet<'_>) -> (Key, bool) {
        let forward = (packet.src, packet.src_port) <= (packet.dst, packet.dst_port);
        let (low, high, low_port, high_port) = if forward {
            (packet.src.0, packet.dst.0, packet.src_port, packet.dst_port)
        } else {
            (packet.dst.0, packet.src.0, packet.dst_port, packet.src_port)
        };
        let rest = u64::from(low_port) << 32
            | u64::from(high_port) << 16
            | u64::from(packet.ip_proto) << 8
            | u64::from(packet.v6);
        (Key { low, high, rest }, forward)
    }

    pub(crate) fn ip_proto(&self) -> u8 {
        (self.rest >> 8) as u8
    }

    fn v6(&self) -> bool {
        self.rest & 1 == 1
    }

    /// Address and port of the low end.
    pub(crate) fn low(&self) -> (IpAddr, u16) {
        (Address(self.low).ip(self.v6()), (self.rest >> 32) as u16)
    }

    /// Address and port of the high end.
    pub(crate) fn high(&self) -> (IpAddr, u16) {
        (Address(self.high).ip(self.v6()), (self.rest >> 16) as u16)
    }

    /// The hash that is the same at every observation point.
    pub(crate) fn flow_key(&self) -> u64 {
        let (key, _) = FlowKey::new(self.ip_proto(), self.low(), self.high());
        sce_proto::flow_key(&key)
    }
}
