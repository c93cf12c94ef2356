//! A flow's path drawn hop by hop: points, and between them what happened to its packets.

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use sce_proto::Row;

use sce_view::text::wrapped;

use crate::client::Answer;
use crate::track::{number, word};
use crate::units::{duration, grouped, percent};

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// A row and how to read it by column name.
struct Segment<'a> {
    answer: &'a Answer,
    row: &'a Row,
}

impl Segment<'_> {
    fn at(&self, name: &str) -> Option<&sce_proto::Value> {
        let i = self.answer.columns.iter().position(|c| c.name == name)?;
        self.row.values.get(i)
    }

    fn n(&self, name: &str) -> Option<f64> {
        self.at(name).and_then(number)
    }

    fn text(&self, name: &str) -> String {
        self.at(name).map(word).unwrap_or_default()
    }

    fn point(&self, side: &str) -> String {
        let parts = ["probe", "interface"].map(|p| self.text(&format!("{side}.{p}")));
        parts.join(" ").trim().to_owned()
    }

    fn transition(&self, from: &str, to: &str) -> f64 {
        self.n(&format!("transitions.{from}_to_{to}.packets")).unwrap_or(0.0)
    }

    /// What happened on the segment, the important things marked with `!`.
    fn story(&self) -> String {
        let count = |v: f64| grouped(v as u64);
        let sent = self.n("sent_packets").unwrap_or(0.0);
        let mut parts = vec![format!("{} sent", count(sent))];
        match self.n("lost_packets") {
            Some(lost) if lost > 0.0 => {
                parts.push(format!("! {} lost ({})", count(lost), percent(lost / sent.max(1.0))))
            }
            Some(_) => parts.push("none lost".to_owned()),
            None => parts.push("loss unknown".to_owned()),
        }
        let facts = [
            ("SCE marked", self.transition("ect0", "ect1")),
            ("CE marked", self.transition("ect0", "ce") + self.transition("ect1", "ce")),
            ("! bleached", self.transition("ect0", "not_ect") + self.transition("ect1", "not_ect")),
            ("! CE erased", ["not_ect", "ect1", "ect0"].iter().map(|t| self.transition("ce", t)).sum()),
            ("duplicated", self.n("duplicated_packets").unwrap_or(0.0)),
            ("reordered", self.n("reordered_packets").unwrap_or(0.0)),
        ];
        parts.extend(facts.iter().filter(|(_, v)| *v > 0.0).map(|(what, v)| format!("{} {what}", count(*v))));
        if let Some(delay) = self.n("owd_ns_min") {
            let error = self.n("owd_ns_error").unwrap_or(0.0);
            let range = self.n("owd_ns_p99").map(|p| format!(" to {}", duration(p as i64))).unwrap_or_default();
            let bound = if error > 0.0 { format!(" +-{}", duration(error as i64)) } else { String::new() };
            parts.push(format!("delay {}{range}{bound}", duration(delay as i64)));
        }
        let method = self.text("method");
        let method = if method.is_empty() { method } else { format!(" [{method}]") };
        format!("{}{method}", parts.join(", "))
    }
}

/// Both directions, each from its sender to its receiver.
pub(crate) fn lines(paths: &Answer, width: usize) -> Vec<Line<'static>> {
    if paths.rows.is_empty() {
        return vec![Line::raw("Seen at one point only: no path to draw.")];
    }
    let mut out = Vec::new();
    for (direction, code, title) in
        [("up", "0", "up: initiator to responder"), ("down", "1", "down: responder to initiator")]
    {
        let all = paths.rows.iter().map(|row| Segment { answer: paths, row });
        let segments: Vec<Segment<'_>> =
            all.filter(|s| [direction, code].contains(&s.text("direction").as_str())).collect();
        if segments.is_empty() {
            continue;
        }
        out.push(Line::styled(title, BOLD));
        let mut previous = String::new();
        for s in &segments {
            let from = s.point("from");
            if from != previous {
                out.push(Line::raw(format!("  o {from}")));
            }
            out.extend(
                wrapped(&s.story(), width.saturating_sub(6)).into_iter().map(|l| Line::raw(format!("  |   {l}"))),
            );
            previous = s.point("to");
            out.push(Line::raw(format!("  o {previous}")));
        }
    }
    out
}

/// What `verify` says, one line a direction.
pub(crate) fn verdicts(verify: &Answer) -> Vec<Line<'static>> {
    let line = |row: &Row| {
        let s = Segment { answer: verify, row };
        let direction = match s.text("direction").as_str() {
            "0" => "up".to_owned(),
            "1" => "down".to_owned(),
            other => other.to_owned(),
        };
        let words = s.text("text");
        let detail = if words.is_empty() { String::new() } else { format!(": {words}") };
        Line::raw(format!("feedback {direction}: {} {}{detail}", s.text("kind"), s.text("verdict")))
    };
    verify.rows.iter().map(line).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use sce_proto::value::Kind;
    use sce_proto::{ColumnInfo, Value};

    fn table(columns: &[&str], rows: Vec<Vec<Value>>) -> Answer {
        let columns = columns.iter().map(|c| ColumnInfo { name: (*c).to_owned(), ..ColumnInfo::default() }).collect();
        Answer { columns, rows: rows.into_iter().map(|values| Row { values }).collect(), ..Answer::default() }
    }

    fn t(v: &str) -> Value {
        Value { kind: Some(Kind::Text(v.to_owned())) }
    }

    fn n(v: u64) -> Value {
        Value { kind: Some(Kind::Unsigned(v)) }
    }

    /// A path of two hops with loss and marks on the second.
    pub(crate) fn paths() -> Answer {
        let columns = [
            "direction",
            "from.probe",
            "from.interface",
            "to.probe",
            "to.interface",
            "sent_packets",
            "lost_packets",
            "transitions.ect0_to_ect1.packets",
            "transitions.ect0_to_not_ect.packets",
            "owd_ns_min",
            "owd_ns_p99",
            "owd_ns_error",
            "method",
        ];
        let row = |from: &str, to: &str, lost, sce, bleached, owd| {
            vec![
                t("up"),
                t(from),
                t("eth0"),
                t(to),
                t("eth0"),
                n(52_310),
                n(lost),
                n(sce),
                n(bleached),
                n(owd),
                n(owd * 3),
                n(120_000),
                t("exact"),
            ]
        };
        table(
            &columns,
            vec![row("client", "router", 0, 0, 0, 5_100_000), row("router", "server", 17, 1204, 3, 10_020_000)],
        )
    }

    /// One verdict.
    pub(crate) fn verify() -> Answer {
        let row = vec![t("up"), t("sce"), t("incomplete"), t("903,000 of 1,806,000 marked bytes were reported")];
        table(&["direction", "kind", "verdict", "text"], vec![row])
    }

    #[test]
    fn the_path_names_what_happened_on_each_hop() {
        let text: Vec<String> = lines(&paths(), 200).iter().map(ToString::to_string).collect();
        assert_eq!(text[1], "  o client eth0");
        assert_eq!(text[2], "  |   52,310 sent, none lost, delay 5.10 ms to 15.3 ms +-120 µs [exact]");
        assert_eq!(text[3], "  o router eth0");
        assert!(text[4].contains("! 17 lost (0.0325 %), 1,204 SCE marked, 3 ! bleached"), "{}", text[4]);
        assert_eq!(text.len(), 6);
    }
}
