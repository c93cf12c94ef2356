//! Other addresses than the true ones in everything that leaves this host.
//!
//! In: shipments on their way to the spool, and a key. Out: the same with addresses enciphered so that those that share a prefix
//! still do (ipcrypt-pfx, draft-denis-ipcrypt), and with identifiers made of addresses replaced by keyed ones. Probes with the
//! same key replace alike, so the views of different hosts still join. Nothing else is hidden: ports, times, names of interfaces
//! and hosts stay as they are.

use std::collections::HashMap;
use std::hash::Hasher as _;
use std::net::IpAddr;
use std::path::Path;

use ipcrypt_rs::IpcryptPfx;
use sce_proto::{Field, Kind, ObservationPoint, Record, ValueRef};
use siphasher::sip::SipHasher24;

use crate::exit::{Failure, code};
use crate::shipment::Shipment;

/// Addresses that are remembered: one takes 32 or 128 encryptions.
const REMEMBERED: usize = 1 << 16;
/// Fields that are made of addresses.
const IDENTIFIERS: [&str; 2] = ["flow", "flow_key"];

/// Replaces addresses.
pub struct Anonymiser {
    cipher: IpcryptPfx,
    key: [u8; 16],
    known: HashMap<IpAddr, IpAddr>,
}

impl Anonymiser {
    /// Reads a key: 64 hex digits, as `openssl rand -hex 32` writes them.
    ///
    /// # Errors
    /// The file cannot be read or holds no key.
    pub fn from_file(path: &Path) -> Result<Anonymiser, Failure> {
        let wrong = |what: &str| {
            let text = format!("{}: {what}; `openssl rand -hex 32` makes a key", path.display());
            Failure::new(code::USAGE, text)
        };
        let text = std::fs::read_to_string(path).map_err(|e| wrong(&e.to_string()))?;
        let text = text.trim();
        let digits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let byte = |i: usize| text.get(2 * i..2 * i + 2).and_then(|h| u8::from_str_radix(h, 16).ok()).unwrap_or(0);
        let key: [u8; 32] = std::array::from_fn(byte);
        // The halves are keys of two ciphers that must differ.
        if !digits || key[..16] == key[16..] {
            return Err(wrong("not a key of 64 hex digits"));
        }
        Ok(Anonymiser::new(key))
    }

    fn new(key: [u8; 32]) -> Anonymiser {
        let cipher = IpcryptPfx::new(key);
        // A key of its own for identifiers: no one learns one from the other.
        let digest = ring::digest::digest(&ring::digest::SHA256, &[&b"sce identifiers"[..], &key].concat());
        let own = std::array::from_fn(|i| digest.as_ref()[i]);
        Anonymiser { cipher, key: own, known: HashMap::new() }
    }

    /// Replaces what a shipment says of addresses.
    pub fn shipment(&mut self, shipment: &mut Shipment) {
        let Shipment { points, probe: _, losses: _, flows, marks, streams, samples, back: _ } = shipment;
        flows.iter_mut().for_each(|r| self.record(r));
        marks.iter_mut().for_each(|r| self.record(r));
        streams.iter_mut().for_each(|r| self.record(r));
        samples.iter_mut().for_each(|r| self.record(r));
        points.iter_mut().for_each(|p| self.point(p));
    }

    fn record<R: Record>(&mut self, record: &mut R) {
        for (at, field) in R::FIELDS.iter().enumerate() {
            if is_address(field) {
                let ValueRef::Bytes(bytes) = record.get(at) else { continue };
                let replaced = self.bytes(bytes);
                record.set(at, ValueRef::Bytes(&replaced));
            } else if IDENTIFIERS.contains(&field.name) {
                let ValueRef::U64(id) = record.get(at) else { continue };
                let mut hash = SipHasher24::new_with_key(&self.key);
                hash.write(&id.to_le_bytes());
                record.set(at, ValueRef::U64(hash.finish()));
            }
        }
    }

    /// Addresses of an interface, each behind its length.
    fn point(&mut self, point: &mut ObservationPoint) {
        let (mut rest, mut replaced) = (point.addresses_last.as_slice(), Vec::new());
        while let Some((length, tail)) = rest.split_first() {
            let Some((address, tail)) = tail.split_at_checked(usize::from(*length)) else { break };
            replaced.push(*length);
            replaced.extend(self.bytes(address));
            rest = tail;
        }
        point.addresses_last = replaced;
    }

    /// An address of 4 or 16 bytes; anything else is none and stays.
    fn bytes(&mut self, address: &[u8]) -> Vec<u8> {
        let of = |address: &[u8]| {
            let four = <[u8; 4]>::try_from(address).map(IpAddr::from);
            four.or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from)).ok()
        };
        match of(address).map(|a| self.address(a)) {
            Some(IpAddr::V4(a)) => a.octets().to_vec(),
            Some(IpAddr::V6(a)) => a.octets().to_vec(),
            None => address.to_vec(),
        }
    }

    fn address(&mut self, address: IpAddr) -> IpAddr {
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let replaced = self.cipher.encrypt_ipaddr(address);
        self.known.insert(address, replaced);
        replaced
    }
}

fn is_address(field: &Field) -> bool {
    field.kind == Kind::Bytes && field.name.ends_with("_ip")
}

#[cfg(test)]
mod tests {
    use sce_proto::{FlowInterval, SocketSample};

    use super::*;

    fn key(last: u8) -> [u8; 32] {
        std::array::from_fn(|i| if i == 31 { last } else { i as u8 })
    }

    fn common(a: &[u8], b: &[u8]) -> u32 {
        let bits = a.iter().zip(b).map(|(a, b)| (a ^ b).leading_zeros());
        let mut sum = 0;
        for n in bits {
            sum += n;
            if n < 8 {
                break;
            }
        }
        sum
    }

    #[test]
    fn prefixes_are_kept_bit_by_bit_and_addresses_are_not() {
        let mut it = Anonymiser::new(key(1));
        for addresses in [
            vec![vec![10, 0, 0, 1], vec![10, 0, 0, 2], vec![10, 0, 1, 1], vec![10, 200, 0, 1], vec![192, 168, 0, 1]],
            vec![vec![0x20; 16], [vec![0x20; 15], vec![0x21]].concat(), [vec![0x20; 8], vec![1; 8]].concat()],
        ] {
            let replaced: Vec<Vec<u8>> = addresses.iter().map(|a| it.bytes(a)).collect();
            for (i, a) in addresses.iter().enumerate() {
                assert_ne!(*a, replaced[i]);
                assert_eq!(a.len(), replaced[i].len());
                for (j, b) in addresses.iter().enumerate().filter(|(j, _)| *j != i) {
                    assert_eq!(common(a, b), common(&replaced[i], &replaced[j]), "{a:?} {b:?}");
                }
            }
        }
        assert_eq!(it.bytes(&[]), Vec::<u8>::new());
    }

    #[test]
    fn the_same_key_replaces_alike_everywhere_and_another_does_not() {
        let mut flow = FlowInterval { flow: 7, flow_key: 9, src_ip: vec![10, 0, 0, 1], ..FlowInterval::default() };
        let mut sample = SocketSample { flow_key: 9, dst_ip: vec![10, 0, 0, 1], ..SocketSample::default() };
        let (before, mut other) = (flow.clone(), flow.clone());
        Anonymiser::new(key(1)).record(&mut flow);
        Anonymiser::new(key(1)).record(&mut sample);
        Anonymiser::new(key(2)).record(&mut other);
        assert_eq!((flow.flow_key, &flow.src_ip), (sample.flow_key, &sample.dst_ip));
        assert!(flow.flow != before.flow && flow.flow_key != before.flow_key && flow.src_ip != before.src_ip);
        assert!(flow.flow_key != other.flow_key && flow.src_ip != other.src_ip);
        let point =
            |addresses: &[u8]| ObservationPoint { addresses_last: addresses.to_vec(), ..ObservationPoint::default() };
        let mut at = point(&[4, 10, 0, 0, 1]);
        Anonymiser::new(key(1)).point(&mut at);
        assert_eq!(
            at.addresses_last,
            [&[4][..], &flow.src_ip].concat(),
            "a point is still known as an end of its flows"
        );
    }
}
