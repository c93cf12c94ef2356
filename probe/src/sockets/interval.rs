//! From what the kernel program keeps to samples per interval.
//!
//! In: [`Entry`] values read after an epoch ended. Out: one [`SocketSample`] for each socket that had an event in it.
//! Counters become differences; their sum over all samples is what the kernel counted, whatever the interval. Pure: the time
//! is an argument.

use std::collections::HashMap;

use sce_proto::SocketSample;
use sce_proto::bits::socket_known;

use super::TCP;
use super::layout::{CA_STATES, Entry, Event, Extremes, State, Totals};

/// Labels of every sample of one probe.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Observation point.
    pub op: u64,
    /// Experiment.
    pub run: String,
}

/// The end of an interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick {
    /// Epoch that has ended.
    pub(super) epoch: u32,
    /// When it ended, CLOCK_MONOTONIC ns.
    pub(super) end_ns: u64,
    /// The same, ns since the epoch of 1970.
    pub(super) at_ns: u64,
    /// Its length, ns.
    pub(super) interval_ns: u64,
}

/// Remembers, per socket, what was already reported.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    reported: HashMap<u64, Reported>,
}

#[derive(Debug, Clone, Default)]
struct Reported {
    until_ns: u64,
    events: u64,
    cwnd_ns: u64,
    ca_ns: [u64; CA_STATES],
    ca_changes: u64,
    resets_sent: u64,
    resets_received: u64,
    received_data_bytes: u64,
    totals: Totals,
}

impl Tracker {
    /// The sample of one socket for the interval that ended; `None` if nothing happened to it.
    pub(super) fn sample(&mut self, cookie: u64, entry: &Entry, tick: Tick, labels: &Labels) -> Option<SocketSample> {
        let first = Reported { until_ns: entry.first_ns, totals: entry.base, ..Reported::default() };
        let before = self.reported.entry(cookie).or_insert(first);
        let after = reported_until(entry, tick.end_ns);
        let quiet = after.events == before.events;
        let sample = (!quiet).then(|| {
            let mut s = SocketSample {
                at_ns: tick.at_ns,
                interval_ns: tick.interval_ns,
                cookie,
                source: "ebpf".into(),
                op: labels.op,
                run: labels.run.clone(),
                congestion_control: entry.congestion_control.clone(),
                known_bits: known(&entry.now) | socket_known::TIMES | socket_known::EXTREMES,
                ..SocketSample::default()
            };
            entry.ends.fill(TCP, &mut s);
            fill_state(&mut s, &entry.now);
            fill_extremes(&mut s, entry, tick.epoch);
            fill_totals(&mut s, &entry.totals, &before.totals);
            fill_tallies(&mut s, &after, before);
            s
        });
        *before = after;
        if entry.closed_ns != 0 {
            self.reported.remove(&cookie);
        }
        sample
    }

    /// Drops a socket that the kernel program has dropped.
    pub(super) fn forget(&mut self, cookie: u64) {
        self.reported.remove(&cookie);
    }
}

/// The counters as they stand at a time: the latest state has held since the latest event.
fn reported_until(entry: &Entry, end_ns: u64) -> Reported {
    let until_ns = match entry.closed_ns {
        0 => end_ns.max(entry.last_ns), // an event may have slipped in after the epoch ended
        closed => closed,
    };
    let held = until_ns - entry.last_ns.min(until_ns);
    let mut ca_ns = entry.ca_ns;
    if let Some(state) = ca_ns.get_mut(entry.now.ca_state as usize) {
        *state += held;
    }
    Reported {
        until_ns,
        events: entry.events,
        cwnd_ns: entry.cwnd_ns + held * u64::from(entry.now.cwnd),
        ca_ns,
        ca_changes: entry.ca_changes,
        resets_sent: entry.resets_sent,
        resets_received: entry.resets_received,
        received_data_bytes: entry.received_data_bytes,
        totals: entry.totals,
    }
}

/// One event as a sample at full resolution: counters are the event's own.
pub(super) fn event_sample(event: &Event, before: Option<&Totals>, at_ns: u64, labels: &Labels) -> SocketSample {
    let mut s = SocketSample {
        at_ns,
        cookie: event.cookie,
        source: "ebpf".into(),
        event: event.kind.name().into(),
        op: labels.op,
        run: labels.run.clone(),
        congestion_control: event.congestion_control.clone(),
        events: 1,
        received_data_bytes: event.received_data_bytes.into(),
        known_bits: known(&event.now),
        ..SocketSample::default()
    };
    event.ends.fill(TCP, &mut s);
    fill_state(&mut s, &event.now);
    fill_totals(&mut s, &event.totals, before.unwrap_or(&event.totals));
    s
}

fn known(state: &State) -> u64 {
    let rtt = if state.srtt_us8 > 0 { socket_known::RTT } else { 0 };
    socket_known::WINDOW | socket_known::VOLUME | rtt
}

fn fill_state(s: &mut SocketSample, now: &State) {
    let State {
        cwnd,
        ssthresh,
        srtt_us8,
        rttvar_us4,
        min_rtt_us,
        flight,
        flight_bytes,
        snd_wnd,
        rcv_wnd,
        mss,
        snd_nxt,
        snd_una,
        ca_state,
        tcp_state,
    } = *now;
    s.cwnd_segments_last = cwnd.into();
    s.ssthresh_segments_last = ssthresh.into();
    s.srtt_ns_last = srtt_ns(srtt_us8);
    s.rttvar_ns_last = u64::from(rttvar_us4) * 250;
    s.kernel_min_rtt_ns_last = if min_rtt_us == u32::MAX { 0 } else { u64::from(min_rtt_us) * 1000 };
    s.flight_segments_last = flight.into();
    s.flight_bytes_last = flight_bytes.into();
    s.snd_wnd_bytes_last = snd_wnd.into();
    s.rcv_wnd_bytes_last = rcv_wnd.into();
    s.mss_bytes_last = mss.into();
    s.snd_nxt_last = snd_nxt.into();
    s.snd_una_last = snd_una.into();
    s.ca_state_last = ca_state.into();
    s.state_last = tcp_state.into();
}

/// The kernel keeps eight times the smoothed RTT in microseconds.
fn srtt_ns(srtt_us8: u32) -> u64 {
    u64::from(srtt_us8) * 125
}

fn fill_extremes(s: &mut SocketSample, entry: &Entry, epoch: u32) {
    let now = &entry.now;
    let mut seen = Extremes {
        epoch,
        cwnd_min: now.cwnd,
        cwnd_max: now.cwnd,
        ssthresh_min: now.ssthresh,
        srtt_min: now.srtt_us8,
        srtt_max: now.srtt_us8,
        flight_max: now.flight,
        flight_bytes_max: now.flight_bytes,
        snd_wnd_min: now.snd_wnd,
    };
    // Events that slipped in between the end of the epoch and the reading are in the counters, so they are in here too.
    for x in entry.extremes.iter().filter(|x| x.epoch == epoch || x.epoch == epoch.wrapping_add(1)) {
        seen.cwnd_min = seen.cwnd_min.min(x.cwnd_min);
        seen.cwnd_max = seen.cwnd_max.max(x.cwnd_max);
        seen.ssthresh_min = seen.ssthresh_min.min(x.ssthresh_min);
        if x.srtt_min > 0 && (seen.srtt_min == 0 || x.srtt_min < seen.srtt_min) {
            seen.srtt_min = x.srtt_min;
        }
        seen.srtt_max = seen.srtt_max.max(x.srtt_max);
        seen.flight_max = seen.flight_max.max(x.flight_max);
        seen.flight_bytes_max = seen.flight_bytes_max.max(x.flight_bytes_max);
        seen.snd_wnd_min = seen.snd_wnd_min.min(x.snd_wnd_min);
    }
    s.cwnd_segments_min = seen.cwnd_min.into();
    s.cwnd_segments_max = seen.cwnd_max.into();
    s.ssthresh_segments_min = seen.ssthresh_min.into();
    s.srtt_ns_min = srtt_ns(seen.srtt_min);
    s.srtt_ns_max = srtt_ns(seen.srtt_max);
    s.flight_segments_max = seen.flight_max.into();
    s.flight_bytes_max = seen.flight_bytes_max.into();
    s.snd_wnd_bytes_min = seen.snd_wnd_min.into();
}

/// Kernel counters are 32 bits wide where they count segments, so differences are taken modulo 2^32.
fn fill_totals(s: &mut SocketSample, now: &Totals, before: &Totals) {
    let segments = |now: u64, before: u64| u64::from((now as u32).wrapping_sub(before as u32));
    s.delivered_segments = segments(now.delivered, before.delivered);
    s.delivered_ce_segments = segments(now.delivered_ce, before.delivered_ce);
    s.retransmitted_segments = segments(now.retransmitted, before.retransmitted);
    s.retransmitted_bytes = now.retransmitted_bytes.wrapping_sub(before.retransmitted_bytes);
    s.lost_segments = segments(now.lost, before.lost);
    s.acked_bytes = now.acked_bytes.wrapping_sub(before.acked_bytes);
    s.sent_bytes = now.sent_bytes.wrapping_sub(before.sent_bytes);
    s.received_bytes = now.received_bytes.wrapping_sub(before.received_bytes);
    s.segments_out = segments(now.segs_out, before.segs_out);
    s.segments_in = segments(now.segs_in, before.segs_in);
    s.data_segments_out = segments(now.data_segs_out, before.data_segs_out);
    s.data_segments_in = segments(now.data_segs_in, before.data_segs_in);
    s.dsack_segments = segments(now.dsack, before.dsack);
    s.reorderings_seen = segments(now.reorderings, before.reorderings);
    s.received_ce_segments = segments(now.received_ce, before.received_ce);
    s.rto_expiries = u64::from((now.rtos as u16).wrapping_sub(before.rtos as u16));
}

fn fill_tallies(s: &mut SocketSample, after: &Reported, before: &Reported) {
    // Whole microseconds of the cumulative value, so that differences add up to it.
    let us = |after: u64, before: u64| (after / 1000).saturating_sub(before / 1000);
    s.events = after.events - before.events;
    s.observed_us = us(after.until_ns, before.until_ns);
    s.cwnd_segment_us = us(after.cwnd_ns, before.cwnd_ns);
    let [open, disorder, cwr, recovery, loss] = [0, 1, 2, 3, 4].map(|i: usize| us(after.ca_ns[i], before.ca_ns[i]));
    (s.ca_open_us, s.ca_disorder_us, s.ca_cwr_us) = (open, disorder, cwr);
    (s.ca_recovery_us, s.ca_loss_us) = (recovery, loss);
    s.ca_changes = after.ca_changes - before.ca_changes;
    s.resets_sent = after.resets_sent - before.resets_sent;
    s.resets_received = after.resets_received - before.resets_received;
    s.received_data_bytes = after.received_data_bytes - before.received_data_bytes;
}

#[cfg(test)]
mod tests {
    use super::super::layout::ENTRY_WORDS;
    use super::*;

    const MS: u64 = 1_000_000;

    fn entry() -> Entry {
        let mut e = Entry::read(&[0; ENTRY_WORDS]).unwrap();
        (e.first_ns, e.last_ns, e.events) = (100 * MS, 100 * MS, 1);
        e.now.cwnd = 10;
        e.extremes[0] = Extremes { epoch: 4, cwnd_min: 10, cwnd_max: 10, ..Extremes::default() };
        e
    }

    fn tick(epoch: u32, end_ns: u64) -> Tick {
        Tick { epoch, end_ns, at_ns: end_ns, interval_ns: 1000 * MS }
    }

    #[test]
    fn time_weighted_window_and_state_times_cover_the_interval() {
        let (mut tracker, labels) = (Tracker::default(), Labels::default());
        let mut e = entry();
        let s = tracker.sample(1, &e, tick(4, 200 * MS), &labels).unwrap();
        assert_eq!((s.observed_us, s.cwnd_segment_us, s.ca_open_us), (100_000, 1_000_000, 100_000));
        // At 250 ms the window falls to 5 in recovery, and stays.
        (e.cwnd_ns, e.ca_ns[0], e.last_ns, e.events) = (150 * MS * 10, 150 * MS, 250 * MS, 2);
        (e.now.cwnd, e.now.ca_state, e.ca_changes) = (5, 3, 1);
        e.extremes[1] = Extremes { epoch: 5, cwnd_min: 5, cwnd_max: 10, ..Extremes::default() };
        let s = tracker.sample(1, &e, tick(5, 300 * MS), &labels).unwrap();
        assert_eq!((s.observed_us, s.cwnd_segment_us), (100_000, 50_000 * 10 + 50_000 * 5));
        assert_eq!((s.ca_open_us, s.ca_recovery_us, s.ca_changes, s.events), (50_000, 50_000, 1, 1));
        assert_eq!((s.cwnd_segments_min, s.cwnd_segments_max, s.cwnd_segments_last), (5, 10, 5));
    }

    #[test]
    fn a_quiet_interval_gives_no_sample_and_takes_nothing_from_the_next() {
        let (mut tracker, labels) = (Tracker::default(), Labels::default());
        let mut e = entry();
        assert!(tracker.sample(1, &e, tick(4, 200 * MS), &labels).is_some());
        assert!(tracker.sample(1, &e, tick(5, 300 * MS), &labels).is_none());
        (e.events, e.last_ns, e.cwnd_ns, e.ca_ns[0]) = (2, 350 * MS, 250 * MS * 10, 250 * MS);
        let s = tracker.sample(1, &e, tick(6, 400 * MS), &labels).unwrap();
        assert_eq!((s.observed_us, s.cwnd_segment_us), (100_000, 1_000_000));
    }

    #[test]
    fn counters_start_where_the_socket_was_first_seen_and_survive_the_wrap() {
        let (mut tracker, labels) = (Tracker::default(), Labels::default());
        let mut e = entry();
        e.base = Totals { delivered: u32::MAX.into(), acked_bytes: 1000, retransmitted: 7, ..Totals::default() };
        e.totals = Totals { delivered: 2, acked_bytes: 4000, retransmitted: 9, ..Totals::default() };
        let s = tracker.sample(1, &e, tick(4, 200 * MS), &labels).unwrap();
        assert_eq!((s.delivered_segments, s.acked_bytes, s.retransmitted_segments), (3, 3000, 2));
    }

    #[test]
    fn events_behind_the_end_of_the_epoch_count_in_counters_and_extremes_alike() {
        let (mut tracker, labels) = (Tracker::default(), Labels::default());
        let mut e = entry();
        (e.last_ns, e.events, e.now.cwnd, e.cwnd_ns) = (201 * MS, 2, 20, 101 * MS * 10);
        e.extremes[1] = Extremes { epoch: 5, cwnd_min: 10, cwnd_max: 20, ..Extremes::default() };
        let s = tracker.sample(1, &e, tick(4, 200 * MS), &labels).unwrap();
        assert_eq!((s.cwnd_segments_min, s.cwnd_segments_max, s.cwnd_segments_last), (10, 20, 20));
        assert_eq!((s.observed_us, s.cwnd_segment_us, s.events), (101_000, 1_010_000, 2));
    }

    #[test]
    fn a_closed_socket_stops_the_clock_when_it_closes() {
        let (mut tracker, labels) = (Tracker::default(), Labels::default());
        let mut e = entry();
        (e.closed_ns, e.last_ns, e.cwnd_ns, e.ca_ns[0]) = (130 * MS, 130 * MS, 30 * MS * 10, 30 * MS);
        let s = tracker.sample(1, &e, tick(4, 900 * MS), &labels).unwrap();
        assert_eq!((s.observed_us, s.cwnd_segment_us), (30_000, 300_000));
        assert!(tracker.reported.is_empty());
    }
}
