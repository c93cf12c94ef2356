//! Events as text: one line or one JSON object each, in the formats of tcc-trace.
//!
//! In: [`Event`] values. Out: lines. `bytes_sent` is what the socket sent so far (tcc-trace printed the length of the
//! received segment under that name); bytes in flight survive the wrap of the sequence number.

use std::collections::HashMap;
use std::io::{self, Write};

use super::layout::{Event, EventKind};

/// How an event is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One line for people.
    Line,
    /// One JSON object per line.
    Json,
}

/// Prints events, with times since the first one.
#[derive(Debug, Default)]
pub struct Trace {
    first_ns: Option<u64>,
    /// First event of each socket.
    sockets: HashMap<u64, u64>,
}

/// Sockets remembered before the oldest are given up; their connection time then starts anew.
const MAX_SOCKETS: usize = 65_536;

impl Trace {
    /// Prints one event. Only [`EventKind::Probe`] carries all of tcc-trace's fields; the others say what happened.
    pub fn print(&mut self, event: &Event, style: Style, out: &mut impl Write) -> io::Result<()> {
        let first = *self.first_ns.get_or_insert(event.at_ns);
        if self.sockets.len() >= MAX_SOCKETS {
            self.sockets.clear();
        }
        let opened = *self.sockets.entry(event.cookie).or_insert(event.at_ns);
        let (run_s, socket_ms) = (seconds(event.at_ns, first), seconds(event.at_ns, opened) * 1e3);
        let (ends, now) = (&event.ends, &event.now);
        match style {
            Style::Line => {
                write!(
                    out,
                    "{run_s:.5}s | {socket_ms:.3} ms| {}.{} > {}.{} | snd_cwnd {} ssthresh {} snd_wnd {} srtt {:3} rcv_wnd {} length {} bytes in flight {}",
                    ends.local.0,
                    ends.local.1,
                    ends.remote.0,
                    ends.remote.1,
                    now.cwnd,
                    now.ssthresh,
                    now.snd_wnd,
                    now.srtt_us8 / 8,
                    now.rcv_wnd,
                    event.received_data_bytes,
                    now.flight_bytes,
                )?;
                match event.kind {
                    EventKind::Probe => writeln!(out),
                    kind => writeln!(out, " | {}", kind.name()),
                }
            }
            Style::Json => {
                let object = serde_json::json!({
                    "time": run_s,
                    "snd_cwnd": now.cwnd,
                    "snd_ssthresh": now.ssthresh,
                    "bytes_sent": event.totals.sent_bytes,
                    "bytes_in_flight": now.flight_bytes,
                    "event": event.kind.name(),
                    "connection_ms": socket_ms,
                    "local_ip": ends.local.0.to_string(),
                    "local_port": ends.local.1,
                    "remote_ip": ends.remote.0.to_string(),
                    "remote_port": ends.remote.1,
                    "cookie": event.cookie,
                    "snd_wnd": now.snd_wnd,
                    "srtt_us": now.srtt_us8 / 8,
                    "rcv_wnd": now.rcv_wnd,
                    "length": event.received_data_bytes,
                    "ca_state": now.ca_state,
                    "congestion_control": event.congestion_control,
                    "delivered": event.totals.delivered,
                    "delivered_ce": event.totals.delivered_ce,
                    "retransmitted": event.totals.retransmitted,
                });
                writeln!(out, "{object}")
            }
        }
    }
}

/// Ring buffer records of two processors may be out of order by a little: never negative.
fn seconds(at_ns: u64, from_ns: u64) -> f64 {
    at_ns.saturating_sub(from_ns) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::super::ends::Ends;
    use super::super::layout::{State, Totals};
    use super::*;

    fn event(at_ns: u64, kind: EventKind) -> Event {
        Event {
            at_ns,
            cookie: 7,
            kind,
            received_data_bytes: 0,
            ends: Ends {
                netns: 1,
                local: ("10.0.0.1".parse().unwrap(), 5201),
                remote: ("10.0.0.2".parse().unwrap(), 40000),
            },
            congestion_control: "cubic".into(),
            now: State {
                cwnd: 10,
                ssthresh: 2_147_483_647,
                srtt_us8: 17_109 * 8,
                flight_bytes: 517,
                snd_wnd: 65_535,
                rcv_wnd: 62_592,
                ..State::default()
            },
            totals: Totals { sent_bytes: 4_000, ..Totals::default() },
        }
    }

    #[test]
    fn the_line_is_that_of_tcc_trace() {
        let (mut trace, mut out) = (Trace::default(), Vec::new());
        trace.print(&event(1_000_000_000, EventKind::Probe), Style::Line, &mut out).unwrap();
        trace.print(&event(1_250_000_000, EventKind::Retransmit), Style::Line, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "0.00000s | 0.000 ms| 10.0.0.1.5201 > 10.0.0.2.40000 | snd_cwnd 10 ssthresh 2147483647 snd_wnd 65535 srtt 17109 rcv_wnd 62592 length 0 bytes in flight 517\n\
             0.25000s | 250.000 ms| 10.0.0.1.5201 > 10.0.0.2.40000 | snd_cwnd 10 ssthresh 2147483647 snd_wnd 65535 srtt 17109 rcv_wnd 62592 length 0 bytes in flight 517 | tcp_retransmit_skb\n"
        );
    }

    #[test]
    fn the_json_has_tcc_traces_names() {
        let (mut trace, mut out) = (Trace::default(), Vec::new());
        trace.print(&event(1_000_000_000, EventKind::Probe), Style::Json, &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((value["time"].as_f64(), value["snd_cwnd"].as_u64()), (Some(0.0), Some(10)));
        assert_eq!((value["snd_ssthresh"].as_u64(), value["bytes_sent"].as_u64()), (Some(2_147_483_647), Some(4000)));
        assert_eq!(value["bytes_in_flight"], 517);
    }
}
