//! When an observation point was there to see, as far as its records have come: from what its probe's processes said of
//! themselves.
//!
//! In: announcements, each with the time the capture was opened and the latest sign of life, and per interval up to when the
//! flow records are here. Out: spans, one per process. A packet that a point did not report was lost before it only if one
//! process was awake from before until after, and its record is not merely on its way.

use sce_proto::ObservationPoint;

/// Spans of time in which a point captured, by its own clock; none where nothing is known, as for files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awake {
    /// One per process, in order.
    spans: Vec<Span>,
}

/// The watch of one process; all times ns since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// When the capture was opened.
    opened_ns: u64,
    /// The latest sign of life.
    alive_ns: u64,
    /// Up to when its flow records are here; 0 = its probe does not say.
    delivered_ns: u64,
}

impl Awake {
    /// Takes in an announcement; those of one process have the same opening time. They may come in any order.
    pub fn announced(&mut self, point: &ObservationPoint) {
        if point.hook == "file" || point.first_ns == 0 {
            return;
        }
        match self.spans.binary_search_by_key(&point.first_ns, |s| s.opened_ns) {
            Ok(at) => self.spans[at].alive_ns = self.spans[at].alive_ns.max(point.last_ns),
            Err(at) => {
                let span = Span { opened_ns: point.first_ns, alive_ns: point.last_ns, delivered_ns: 0 };
                self.spans.insert(at, span);
            }
        }
    }

    /// Takes in that the flow records of the process that captured at `at_ns` are here up to a time; 0 = it does not say.
    pub fn delivered(&mut self, at_ns: u64, until_ns: u64) {
        if let Some(span) = self.spans.iter_mut().rfind(|s| s.opened_ns <= at_ns) {
            span.delivered_ns = span.delivered_ns.max(until_ns);
        }
    }

    pub(super) fn is_known(&self) -> bool {
        !self.spans.is_empty()
    }

    fn at(&self, now_ns: u64) -> Option<&Span> {
        self.spans.iter().rfind(|s| s.opened_ns <= now_ns)
    }

    /// Whether the process that captured at `now_ns` was there since `from_ns`.
    pub(super) fn since(&self, from_ns: u64, now_ns: u64) -> bool {
        self.at(now_ns).is_some_and(|s| s.opened_ns <= from_ns)
    }

    /// Whether the process that captured at `now_ns` is known to have been there until `until_ns`, and what it saw is here.
    pub(super) fn until(&self, now_ns: u64, until_ns: u64) -> bool {
        let known = |s: &Span| if s.delivered_ns > 0 { s.delivered_ns } else { s.alive_ns };
        self.at(now_ns).is_some_and(|s| until_ns <= known(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(first_ns: u64, last_ns: u64) -> ObservationPoint {
        ObservationPoint { first_ns, last_ns, ..ObservationPoint::default() }
    }

    #[test]
    fn a_gap_between_two_processes_is_not_bridged() {
        let mut awake = Awake::default();
        // The second process was heard of first, and the first one twice.
        [point(500, 900), point(100, 160), point(100, 220)].iter().for_each(|p| awake.announced(p));
        assert!(awake.since(100, 210) && awake.since(500, 501) && !awake.since(210, 510) && !awake.since(90, 150));
        assert!(awake.until(150, 220) && !awake.until(150, 230) && !awake.until(150, 600) && awake.until(510, 900));
        awake.announced(&ObservationPoint { hook: String::from("file"), ..point(1, 2) });
        assert_eq!(awake.spans.len(), 2);
        assert!(!Awake::default().is_known());
    }

    #[test]
    fn a_sign_of_life_does_not_say_that_the_records_are_here() {
        let mut awake = Awake::default();
        [point(100, 900), point(1000, 1500)].iter().for_each(|p| awake.announced(p));
        awake.delivered(50, 70);
        awake.delivered(400, 0);
        assert!(awake.until(150, 900), "an older probe says nothing but that it lives");
        awake.delivered(400, 300);
        awake.delivered(390, 290);
        assert!(awake.until(150, 300) && !awake.until(150, 301) && awake.until(1100, 1500));
        // Records come later than announcements, and more often.
        awake.delivered(1600, 1590);
        assert!(awake.until(1100, 1590) && !awake.until(150, 301));
    }
}
