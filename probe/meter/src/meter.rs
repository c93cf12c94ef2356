//! The meter of one observation point: frames in, records of closed intervals out.

use sce_proto::bits::{end_reason, quality};
use sce_proto::{FlowInterval, PathMarks, ProbeInterval, StreamInterval};

use crate::batch::{self, BATCH, Looked};
use crate::config::Config;
use crate::decode::{self, Skip};
use crate::flow::{Flow, STEP_NS};
use crate::fragments::Fragments;
use crate::frame::Frame;
use crate::key::Key;
use crate::marks::Marks;
use crate::packet::Dir;
use crate::records::{Outlet, Records};
use crate::table::{NO_SLOT, Table};
use crate::tcp::Pass;
use crate::transport::{Shared, icmp};

/// Packet time between two searches for ended flows, ns.
const SWEEP_NS: u64 = 2_000_000_000;

/// Meters the packets of one observation point.
///
/// ```
/// use sce_meter::{Config, Frame, LinkType, Meter, Records};
///
/// let mut meter = Meter::new(Config::default());
/// let mut out = Records::default();
/// let frame = Frame {
///     time_ns: 1_700_000_000_000_000_000,
///     link: LinkType::ETHERNET,
///     wire_len: 60,
///     data: &[0; 60],
///     vlan: None,
///     gso: None,
///     outgoing: None,
/// };
/// if frame.time_ns >= meter.deadline() {
///     meter.advance(frame.time_ns, &mut out);
/// }
/// meter.observe(&frame);
/// meter.finish(&mut out);
/// assert_eq!(out.probe[0].captured_packets, 1);
/// ```
#[derive(Debug)]
pub struct Meter {
    config: Config,
    table: Table,
    shared: Shared,
    fragments: Fragments,
    /// Start of the open interval, ns; `None` before the first packet.
    start_ns: Option<u64>,
    next_sweep_ns: u64,
    latest_ns: u64,
    /// Label for the intervals after the open one.
    next_run: Option<String>,
    probe: ProbeInterval,
    /// Records of flows that ended within the open interval.
    waiting: Vec<FlowInterval>,
    /// Their path marks.
    waiting_marks: Vec<PathMarks>,
    /// `None` where they are off.
    marks: Option<Marks>,
}

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new(config: Config) -> Meter {
        Meter {
            table: Table::new(&config.limits, config.hash_seed),
            shared: Shared::new(&config),
            fragments: Fragments::new(config.limits.max_fragments, config.hash_seed),
            start_ns: None,
            next_sweep_ns: 0,
            latest_ns: 0,
            next_run: None,
            probe: ProbeInterval::default(),
            waiting: Vec::new(),
            waiting_marks: Vec::new(),
            marks: Marks::new(&config.marks),
            config,
        }
    }

    /// The time at which [`Meter::advance`] has something to do, ns; 0 if it has already.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        let Some(start) = self.start_ns else { return 0 };
        if self.waiting.len() >= self.config.limits.max_waiting_records / 2 {
            return 0;
        }
        match self.config.interval_ns {
            0 => self.next_sweep_ns,
            interval => self.next_sweep_ns.min(start.saturating_add(interval)),
        }
    }

    /// Whether the clock was set back in the open interval.
    #[must_use]
    pub fn clock_stepped(&self) -> bool {
        self.probe.time_steps > 0
    }

    /// Sets the experiment label, from the next interval on.
    pub fn set_run(&mut self, run: &str) {
        self.next_run = Some(run.to_owned());
        if self.start_ns.is_none() || self.config.interval_ns == 0 {
            self.adopt_run();
        }
    }

    fn adopt_run(&mut self) {
        if let Some(run) = self.next_run.take() {
            self.config.run = run;
        }
    }

    /// Counts a frame.
    pub fn observe(&mut self, frame: &Frame<'_>) {
        let mut looked = Looked::default();
        self.look(frame, &mut looked);
        self.take(frame, &mut looked);
    }

    /// Counts frames, and advances before each that is due: the same as the loop in the example above, and faster, for it
    /// fetches the flows of several frames from memory at the same time.
    pub fn observe_all(&mut self, frames: &[Frame<'_>], out: &mut dyn Outlet) {
        let mut looked = [Looked::default(); BATCH];
        for frames in frames.chunks(BATCH) {
            let looked = &mut looked[..frames.len()];
            for (frame, looked) in frames.iter().zip(looked.iter_mut()) {
                self.look(frame, looked);
            }
            batch::fetch(looked, &self.table);
            for (frame, looked) in frames.iter().zip(looked) {
                if frame.time_ns >= self.deadline() {
                    self.advance(frame.time_ns, out);
                }
                self.take(frame, looked);
            }
        }
    }

    /// Decodes a frame and finds out to which flow it belongs.
    #[inline]
    fn look<'a>(&mut self, frame: &Frame<'a>, looked: &mut Looked<'a>) {
        let max_tunnels = if self.config.outermost { 0 } else { self.config.limits.max_tunnels };
        looked.hint = NO_SLOT;
        looked.skip = decode::decode_into(frame, max_tunnels, &mut looked.packet).err();
        if looked.skip.is_none() {
            looked.certain = self.config.outermost || self.fragments.resolve(&mut looked.packet);
            (looked.key, looked.forward) = Key::of(&looked.packet);
            looked.tag = self.table.tag(&looked.key);
        }
    }

    #[inline]
    fn take(&mut self, frame: &Frame<'_>, looked: &mut Looked<'_>) {
        self.keep_time(frame.time_ns);
        self.probe.captured_packets += 1;
        self.probe.captured_bytes += u64::from(frame.wire_len);
        match looked.skip {
            None => self.count(looked),
            Some(skip) => self.skip(skip),
        }
    }

    fn keep_time(&mut self, now_ns: u64) {
        match self.start_ns {
            None => self.open(now_ns),
            Some(start) if now_ns < start && self.config.interval_ns > 0 => self.probe.late_packets += 1,
            Some(_) => {}
        }
        if now_ns.saturating_add(STEP_NS) < self.latest_ns {
            self.probe.time_steps += 1;
            self.latest_ns = now_ns;
        }
        self.latest_ns = self.latest_ns.max(now_ns);
    }

    /// Opens the interval that holds a time.
    fn open(&mut self, now_ns: u64) {
        let interval = self.config.interval_ns;
        self.start_ns = Some(now_ns.checked_div(interval).map_or(0, |n| n * interval));
        self.adopt_run();
        if self.next_sweep_ns == 0 {
            self.next_sweep_ns = now_ns.saturating_add(SWEEP_NS);
        }
    }

    fn skip(&mut self, skip: Skip) {
        if skip.is_non_ip() {
            self.probe.non_ip_packets += 1;
        } else {
            self.probe.undecodable_packets += 1;
        }
        let counter = match skip {
            Skip::Arp => &mut self.probe.skip_arp,
            Skip::Llc => &mut self.probe.skip_llc,
            Skip::OtherEtherType => &mut self.probe.skip_other_ethertype,
            Skip::LinkTruncated => &mut self.probe.skip_link_truncated,
            Skip::LinkType => &mut self.probe.skip_link_type,
            Skip::IpTruncated => &mut self.probe.skip_ip_truncated,
            Skip::IpMalformed => &mut self.probe.skip_ip_malformed,
        };
        *counter += 1;
    }

    fn count(&mut self, looked: &mut Looked<'_>) {
        self.probe.ip_packets += 1;
        let slot = self.slot(looked);
        let Looked { packet, certain, forward, .. } = looked;
        let Some(slot) = slot else {
            self.probe.other_frames += 1;
            self.probe.other_packets += u64::from(packet.segments);
            self.probe.other_ip_bytes += packet.wire_ip_bytes();
            return;
        };
        self.probe.recorded_frames += 1;
        let Some(flow) = self.table.get_mut(slot) else { return };
        let dir = flow.dir(*forward);
        let seen = flow.observe(packet, dir, &self.config, &mut self.shared);
        if let Some(marks) = &mut self.marks {
            marks.observe(&mut flow.tails.get_or_insert_default()[dir], packet, seen.pass == Pass::Repeated);
        }
        if !*certain {
            flow.flaw(dir, quality::AMBIGUOUS_FRAGMENT);
        }
        if packet.segments > 1 {
            self.probe.superpackets += 1;
        }
        if packet.headers == crate::packet::Headers::Truncated {
            self.probe.truncated_packets += 1;
        }
        if !flow.dirty {
            flow.dirty = true;
            self.table.mark_dirty(slot);
        }
        if let Some(quote) = icmp::quote(packet) {
            self.attribute(&quote);
        }
    }

    /// Tells the flow that an ICMP error quotes about it.
    fn attribute(&mut self, quote: &icmp::Quote<'_>) {
        let (key, forward) = Key::of(&quote.packet);
        let Some(slot) = self.table.find(&key, self.table.tag(&key)) else { return };
        let Some(flow) = self.table.get_mut(slot) else { return };
        flow.quoted(quote, flow.dir(forward));
        if !flow.dirty {
            flow.dirty = true;
            self.table.mark_dirty(slot);
        }
    }

    /// The slot of the packet's flow; a new one where it begins a flow; `None` where there is no room.
    fn slot(&mut self, looked: &Looked<'_>) -> Option<u32> {
        let Looked { packet, key, forward, tag, hint, .. } = looked;
        let (forward, tag) = (*forward, *tag);
        if let Some(slot) = self.table.at_or_find(*hint, key, tag) {
            let flow = self.table.get_mut(slot)?;
            match flow.is_over(packet, flow.dir(forward), &self.config.timeouts) {
                None => return Some(slot),
                Some(reason) => self.end(slot, reason),
            }
        }
        let rules = &self.config.rules;
        if !rules.is_empty() && !rules.iter().any(|r| r.selects_flow(packet)) {
            self.probe.unselected_frames += 1;
            return None;
        }
        if self.table.is_full() && !self.evict(packet.time_ns) {
            return None;
        }
        self.probe.flows_opened += 1;
        Some(self.table.insert(Flow::new(*key, forward, packet, &self.shared), tag))
    }

    fn evict(&mut self, now_ns: u64) -> bool {
        if self.waiting.len() >= self.config.limits.max_waiting_records {
            return false;
        }
        let Some(slot) = self.table.victim(now_ns) else { return false };
        self.probe.flows_evicted += 1;
        self.end(slot, end_reason::EVICTED as u8);
        true
    }

    /// Takes a flow out of the table; its records wait for the next advance.
    fn end(&mut self, slot: u32, reason: u8) {
        let Some(mut flow) = self.table.remove(slot) else { return };
        self.probe.flows_ended += 1;
        let start = self.start_ns.unwrap_or(0);
        for dir in Dir::BOTH {
            flow.report(dir, reason, start, &self.config, &mut self.shared, &mut self.waiting);
        }
        flow.transport.leave(&mut self.shared);
        self.marks.iter_mut().for_each(|m| m.report_flow(&mut flow, start, &self.config, &mut self.waiting_marks));
    }

    /// Closes every interval that ended by `now_ns`, and ends flows that were quiet for too long.
    pub fn advance(&mut self, now_ns: u64, out: &mut dyn Outlet) {
        let Some(start) = self.start_ns else { return self.open(now_ns) };
        if now_ns >= self.next_sweep_ns {
            for (slot, reason) in self.table.expired(now_ns, &self.config.timeouts) {
                self.end(slot, reason);
            }
            self.next_sweep_ns = now_ns.saturating_add(SWEEP_NS);
        }
        let interval = self.config.interval_ns;
        if interval > 0 && now_ns >= start.saturating_add(interval) {
            self.close(0, out);
            self.open(now_ns);
        } else {
            self.hand_over(out);
            self.hand_over_streams(start, out);
        }
    }

    /// Stream records, which the flows of an association left behind when they were reported.
    fn hand_over_streams(&mut self, start_ns: u64, out: &mut dyn Outlet) {
        let Config { op, interval_ns, run, .. } = &self.config;
        let named = |row| StreamInterval { start_ns, interval_ns: *interval_ns, op: *op, run: run.clone(), ..row };
        out.records().streams.extend(self.shared.sctp.rows.drain(..).map(named));
    }

    /// Ends some flows, as [`Meter::finish`] would; whether there are more. A caller that handles what it gets before it
    /// calls again needs no memory for the records of all flows at once.
    pub fn retire(&mut self, at_most: usize, out: &mut dyn Outlet) -> bool {
        for slot in self.table.some(at_most) {
            self.end(slot, end_reason::END_OF_INPUT as u8);
        }
        self.hand_over(out);
        self.table.len() > 0
    }

    /// Ends all flows and closes the open interval. The meter can go on afterwards, as if new.
    pub fn finish(&mut self, out: &mut dyn Outlet) {
        if self.start_ns.is_none() {
            return;
        }
        for slot in self.table.some(usize::MAX) {
            self.end(slot, end_reason::END_OF_INPUT as u8);
        }
        self.close(end_reason::END_OF_INPUT as u8, out);
        self.start_ns = None;
        self.next_sweep_ns = 0;
    }

    /// Hands over the records of flows that ended.
    fn hand_over(&mut self, out: &mut dyn Outlet) {
        self.probe.records_emitted += self.waiting.len() as u64;
        let out = out.records();
        out.flows.append(&mut self.waiting);
        out.marks.append(&mut self.waiting_marks);
    }

    /// Reports what the open interval counted.
    fn close(&mut self, end: u8, out: &mut dyn Outlet) {
        let start = self.start_ns.unwrap_or(0);
        self.hand_over(out);
        let dirty = self.table.take_dirty();
        for slot in &dirty {
            let Some(flow) = self.table.get_mut(*slot) else { continue };
            if std::mem::take(&mut flow.dirty) {
                let Records { flows, marks, spare, .. } = out.records();
                let before = flows.len();
                for dir in Dir::BOTH {
                    flow.report(dir, end, start, &self.config, &mut self.shared, flows);
                }
                self.probe.records_emitted += (flows.len() - before) as u64;
                if let Some(buffers) = &mut self.marks {
                    buffers.take_spare(spare);
                    buffers.report_flow(flow, start, &self.config, marks);
                }
                out.relieve();
            }
        }
        self.table.reuse_dirty(dirty);
        self.hand_over_streams(start, out);
        let mut probe = std::mem::take(&mut self.probe);
        if let Some(marks) = &mut self.marks {
            marks.clear();
            probe.marks_dropped = marks.take_dropped();
        }
        probe.start_ns = start;
        probe.interval_ns = self.config.interval_ns;
        probe.op = self.config.op;
        probe.run.clone_from(&self.config.run);
        probe.flows_active_last = self.table.len() as u64;
        out.records().probe.push(probe);
    }
}
