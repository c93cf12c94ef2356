//! QUIC over UDP: versions, packets, handshake times, spin bit, and what Initial packets tell (RFC 9000, 9001, 9369, 9312).
//!
//! In: datagrams of a flow whose first long header looked like QUIC. Out: the `quic_*`, `spin_*` and `handshake_rtt_*`
//! fields. Only Initial packets are opened, at most [`OPEN_MAX`] of a flow; all else is read from headers. Loss is not
//! visible: packet numbers are encrypted.

mod cids;
mod frames;
mod handshake;
mod hello;
mod initial;
mod spin;
mod timing;
mod wire;

use sce_proto::FlowInterval;

use crate::dist::{Times, report};
use crate::packet::{Both, Dir};
use cids::Cids;
use frames::EcnCounts;
use handshake::{Handshakes, Ticket};
use hello::Hello;
use spin::Spin;
use timing::{Step, Timing};
use wire::{Kind, Long};

pub(crate) use wire::{is_client_initial, looks_like_quic};

/// Initial packets of a flow that are tried: a hello takes 2 or 3, their repetitions and answers a few more.
const OPEN_MAX: u8 = 16;

/// What the QUIC flows of one meter share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    handshakes: Handshakes,
    cids: Cids,
}

impl Shared {
    /// The flow that used the connection identifier of this short header packet.
    pub(crate) fn known(&self, datagram: &[u8]) -> Option<u64> {
        let short = datagram.first().is_some_and(|b| b & 0xc0 == 0x40);
        if short { self.cids.find(datagram) } else { None }
    }
}

/// The meter of one QUIC flow. `Dir::Up` is the client's.
#[derive(Debug, Default)]
pub(crate) struct Quic {
    version: u32,
    ticket: Option<Ticket>,
    tried: u8,
    /// A server packet was opened: the keys are right and stay.
    settled: bool,
    /// The handshake is over: Initial packets that still come are not opened.
    established: bool,
    odcid: Option<Cid>,
    cids_known: Both<bool>,
    hello: Option<Box<Hello>>,
    timing: Timing,
    spin: Spin,
    migrated_from: u64,
    /// The migration was reported.
    told: bool,
    counts: Both<Counts>,
    spin_rtt: Both<Times>,
    spin_half: Both<Times>,
}

/// A connection identifier.
#[derive(Debug, Clone, Copy)]
struct Cid {
    bytes: [u8; wire::CID_MAX],
    len: u8,
}

/// What was counted in one direction since the last report.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    packets: u32,
    initial: u32,
    zero_rtt: u32,
    handshake: u32,
    retry: u32,
    short: u32,
    negotiation: u32,
    other: u32,
    coalesced: u32,
    opened: u32,
    unopened: u32,
    acks: u32,
    ecn_acks: u32,
    rejected: u32,
    ecn: EcnCounts,
    handshake_rtt_ns: Option<u64>,
}

impl Quic {
    /// A flow that goes on with the connection of another one.
    pub(crate) fn migrated(from: u64) -> Quic {
        Quic { migrated_from: from, established: true, ..Quic::default() }
    }

    /// Takes one UDP payload of the flow with this identity.
    pub(crate) fn observe(&mut self, datagram: &[u8], dir: Dir, at_ns: u64, flow: u64, shared: &mut Shared) {
        let mut at = 0;
        let mut packets = 0;
        while let Some(rest) = datagram.get(at..).filter(|r| !r.is_empty()) {
            if !wire::is_long(rest) {
                // Behind other packets only the fixed bit tells a packet from padding; alone it may be greased (RFC 9287).
                if packets == 0 || rest[0] & 0x40 != 0 {
                    packets += 1;
                    self.short(rest[0], dir, at_ns);
                }
                break;
            }
            packets += 1;
            let Some(long) = wire::long(rest) else {
                self.counts[dir].other += 1;
                break;
            };
            self.long(rest, &long, dir, at_ns, flow, shared);
            at = at.saturating_add(long.end);
        }
        let counts = &mut self.counts[dir];
        counts.packets += packets;
        counts.coalesced += u32::from(packets > 1);
    }

    fn short(&mut self, first: u8, dir: Dir, at_ns: u64) {
        self.counts[dir].short += 1;
        self.step(Step::Protected, dir, at_ns);
        if dir == Dir::Up {
            self.established = true;
        }
        let before = self.spin.rejected();
        let samples = self.spin.observe(dir, at_ns, first & 0x20 != 0);
        self.counts[dir].rejected += self.spin.rejected() - before;
        if let Some(ns) = samples.full_ns {
            self.spin_rtt[dir].push(ns);
        }
        if let Some(ns) = samples.half_ns {
            self.spin_half[dir.flip()].push(ns);
        }
    }

    fn long(&mut self, rest: &[u8], long: &Long<'_>, dir: Dir, at_ns: u64, flow: u64, shared: &mut Shared) {
        let counts = &mut self.counts[dir];
        match long.kind {
            Kind::Initial => counts.initial += 1,
            Kind::ZeroRtt => counts.zero_rtt += 1,
            Kind::Handshake => counts.handshake += 1,
            Kind::Retry => counts.retry += 1,
            Kind::VersionNegotiation => counts.negotiation += 1,
            Kind::OtherVersion => counts.other += 1,
        }
        if long.version != 0 && (self.version == 0 || dir == Dir::Down) {
            // The server answers in the version that the connection goes on with (RFC 9368).
            self.version = long.version;
        }
        if !self.cids_known[dir] && long.kind != Kind::Retry && long.kind != Kind::VersionNegotiation {
            self.cids_known[dir] = true;
            shared.cids.insert(long.scid, flow);
        }
        match long.kind {
            Kind::Initial => {
                let acknowledges = self.initial(rest, long, dir, shared);
                self.step(Step::Initial { acknowledges }, dir, at_ns);
            }
            Kind::Handshake => self.step(Step::Protected, dir, at_ns),
            Kind::Retry => self.step(Step::Retry, dir, at_ns),
            Kind::ZeroRtt | Kind::VersionNegotiation | Kind::OtherVersion => {}
        }
    }

    /// Opens an Initial packet; whether it acknowledges one of the other side.
    fn initial(&mut self, rest: &[u8], long: &Long<'_>, dir: Dir, shared: &mut Shared) -> bool {
        let client = dir == Dir::Up;
        if self.odcid.is_none() && client {
            self.odcid = Some(Cid::of(long.dcid));
            self.ticket = Some(shared.handshakes.begin(long.version, long.dcid));
        }
        let counts = &mut self.counts[dir];
        let handshake = self.ticket.and_then(|t| shared.handshakes.get(t));
        let (Some(handshake), false, true) = (handshake, self.established, self.tried < OPEN_MAX) else {
            counts.unopened += 1;
            return false;
        };
        self.tried += 1;
        let mut opened = handshake.open(client, rest, long);
        if opened.is_none() && client && !self.settled {
            opened = handshake.reopen(rest, long);
        }
        let Some((said, hello)) = opened else {
            counts.unopened += 1;
            return false;
        };
        counts.opened += 1;
        self.settled |= !client;
        if let Some(hello) = hello {
            self.hello = Some(Box::new(hello));
        }
        counts.acks += u32::from(said.ack);
        if let Some(ecn) = said.ecn {
            counts.ecn_acks += 1;
            let max = &mut counts.ecn;
            (max.ect0, max.ect1, max.ce) = (max.ect0.max(ecn.ect0), max.ect1.max(ecn.ect1), max.ce.max(ecn.ce));
        }
        said.ack
    }

    fn step(&mut self, step: Step, dir: Dir, at_ns: u64) {
        let Some((side, ns)) = self.timing.observe(step, dir, at_ns) else { return };
        self.counts[side].handshake_rtt_ns = Some(ns);
        if let Some(whole) = self.timing.whole_ns() {
            self.spin.handshake_rtt(whole);
        }
    }

    /// Whether a direction has samples to report although it sent nothing.
    pub(crate) fn has_news(&self, dir: Dir) -> bool {
        self.counts[dir].handshake_rtt_ns.is_some() || !self.spin_half[dir].is_empty()
    }

    pub(crate) fn report(&mut self, dir: Dir, out: &mut FlowInterval) {
        report!(
            self.spin_rtt[dir],
            out,
            spin_rtt_count,
            spin_rtt_ns_sum,
            spin_rtt_us2_sum,
            spin_rtt_ns_min,
            spin_rtt_ns_max,
            spin_rtt_ns_sketch
        );
        report!(
            self.spin_half[dir],
            out,
            spin_half_rtt_count,
            spin_half_rtt_ns_sum,
            spin_half_rtt_us2_sum,
            spin_half_rtt_ns_min,
            spin_half_rtt_ns_max,
            spin_half_rtt_ns_sketch
        );
        let Counts {
            packets,
            initial,
            zero_rtt,
            handshake,
            retry,
            short,
            negotiation,
            other,
            coalesced,
            opened,
            unopened,
            acks,
            ecn_acks,
            rejected,
            ecn,
            handshake_rtt_ns,
        } = std::mem::take(&mut self.counts[dir]);
        out.quic_packets = packets.into();
        out.quic_initial_packets = initial.into();
        out.quic_zero_rtt_packets = zero_rtt.into();
        out.quic_handshake_packets = handshake.into();
        out.quic_retry_packets = retry.into();
        out.quic_short_packets = short.into();
        out.quic_version_negotiation_packets = negotiation.into();
        out.quic_other_packets = other.into();
        out.quic_coalesced_datagrams = coalesced.into();
        out.quic_opened_initials = opened.into();
        out.quic_unopened_initials = unopened.into();
        out.quic_initial_acks = acks.into();
        out.quic_ecn_initial_acks = ecn_acks.into();
        (out.quic_ack_ect0_max, out.quic_ack_ect1_max, out.quic_ack_ce_max) = (ecn.ect0, ecn.ect1, ecn.ce);
        out.spin_rejected_edges = rejected.into();
        if let Some(ns) = handshake_rtt_ns {
            (out.handshake_rtt_count, out.handshake_rtt_ns_sum) = (1, ns);
            (out.handshake_rtt_ns_min, out.handshake_rtt_ns_max) = (ns, ns);
        }
        out.quic_version_last = match self.version {
            0 => String::new(),
            wire::V1 => "v1".to_owned(),
            wire::V2 => "v2".to_owned(),
            other => format!("{other:08x}"),
        };
        if let Some(hello) = &self.hello {
            out.sni_last = hello.sni.to_string();
            out.alpn_last = hello.alpn.to_string();
        }
        if let Some(odcid) = &self.odcid {
            out.quic_odcid_last = odcid.hex();
        }
        if self.migrated_from != 0 {
            out.quic_migrated_flow_last = self.migrated_from;
            out.quic_migrations = u64::from(dir == Dir::Up && !std::mem::replace(&mut self.told, true));
        }
    }
}

impl Cid {
    fn of(cid: &[u8]) -> Cid {
        let mut bytes = [0; wire::CID_MAX];
        let len = cid.len().min(bytes.len());
        bytes[..len].copy_from_slice(&cid[..len]);
        Cid { bytes, len: len as u8 }
    }

    fn hex(&self) -> String {
        self.bytes[..usize::from(self.len)].iter().map(|b| format!("{b:02x}")).collect()
    }
}
