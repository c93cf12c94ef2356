//! When an observation point was there to see: from what its probe's processes said of themselves.
//!
//! In: announcements, each with the time the capture was opened and the latest sign of life. Out: spans, one per process. A
//! packet that a point did not report was lost before it only if one process was awake from before until after.

use sce_proto::ObservationPoint;

/// Spans of time in which a point captured, by its own clock; none where nothing is known, as for files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awake {
    /// From the opening of the capture to the latest sign of life, ns since the epoch, in order.
    spans: Vec<(u64, u64)>,
}

impl Awake {
    /// Takes in an announcement; those of one process have the same opening time. They may come in any order.
    pub fn announced(&mut self, point: &ObservationPoint) {
        if point.hook == "file" || point.first_ns == 0 {
            return;
        }
        match self.spans.binary_search_by_key(&point.first_ns, |s| s.0) {
            Ok(at) => self.spans[at].1 = self.spans[at].1.max(point.last_ns),
            Err(at) => self.spans.insert(at, (point.first_ns, point.last_ns)),
        }
    }

    pub(super) fn is_known(&self) -> bool {
        !self.spans.is_empty()
    }

    /// Whether the process that captured at `now_ns` was there since `from_ns`.
    pub(super) fn since(&self, from_ns: u64, now_ns: u64) -> bool {
        self.spans.iter().rfind(|s| s.0 <= now_ns).is_some_and(|s| s.0 <= from_ns)
    }

    /// Whether the process that captured at `now_ns` is known to have been there until `until_ns`.
    pub(super) fn until(&self, now_ns: u64, until_ns: u64) -> bool {
        self.spans.iter().rfind(|s| s.0 <= now_ns).is_some_and(|s| until_ns <= s.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_between_two_processes_is_not_bridged() {
        let point = |first_ns, last_ns| ObservationPoint { first_ns, last_ns, ..ObservationPoint::default() };
        let mut awake = Awake::default();
        // The second process was heard of first, and the first one twice.
        [point(500, 900), point(100, 160), point(100, 220)].iter().for_each(|p| awake.announced(p));
        assert!(awake.since(100, 210) && awake.since(500, 501) && !awake.since(210, 510) && !awake.since(90, 150));
        assert!(awake.until(150, 220) && !awake.until(150, 230) && !awake.until(150, 600) && awake.until(510, 900));
        awake.announced(&ObservationPoint { hook: String::from("file"), ..point(1, 2) });
        assert_eq!(awake.spans.len(), 2);
        assert!(!Awake::default().is_known());
    }
}
