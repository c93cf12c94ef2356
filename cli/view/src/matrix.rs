//! What became of each ECN code point between two observation points.
//!
//! In: a row of segments added up, with its transitions. Out: the matrix, its heading, and in words what follows from it.

use sce_proto::Row;
use sce_proto::value::Kind;

use crate::units::{bytes, grouped, percent};
use crate::{Answer, aggregate, cell};

/// What a matrix counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Unit {
    /// Wire packets
    Packets,
    /// IP bytes
    Bytes,
}

/// The code points: as columns name them, and as people do.
pub const CODE_POINTS: [(&str, &str); 4] =
    [("not_ect", "Not-ECT"), ("ect1", "ECT(1)"), ("ect0", "ECT(0)"), ("ce", "CE")];

/// Sent code point by received code point (the last: lost). `None`: not measured.
pub type Matrix = [[Option<u64>; 5]; 4];

fn text(answer: &Answer, row: &Row, name: &str) -> Option<String> {
    let i = aggregate::position(&answer.columns, name).ok()?;
    match &row.values[i].kind {
        Some(Kind::Text(t)) => Some(cell::printable(t)),
        Some(Kind::Unsigned(n)) => Some(n.to_string()),
        _ => None,
    }
}

fn count(answer: &Answer, row: &Row, name: &str) -> Option<u64> {
    let i = aggregate::position(&answer.columns, name).ok()?;
    match row.values[i].kind {
        Some(Kind::Unsigned(n)) => Some(n),
        _ => None,
    }
}

/// `client eth0 -> router eth1, up: 12 flows, 52,310 packets sent, 17 lost (0.03 %)`.
#[must_use]
pub fn heading(answer: &Answer, row: &Row) -> String {
    let point = |side: &str| {
        let part = |what: &str| text(answer, row, &format!("{side}.{what}"));
        [part("probe"), part("interface")].into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let number = |name: &str| count(answer, row, name).unwrap_or(0);
    let (sent, lost, flows) = (number("sent_packets"), number("lost_packets"), number("flows"));
    let share = if sent > 0 { format!(" ({})", percent(lost as f64 / sent as f64)) } else { String::new() };
    format!(
        "{} -> {}, {}: {} flow{}, {} packets sent, {} lost{share}",
        point("from"),
        point("to"),
        text(answer, row, "direction").unwrap_or_default(),
        grouped(flows),
        if flows == 1 { "" } else { "s" },
        grouped(sent),
        grouped(lost)
    )
}

/// The matrix of a row.
#[must_use]
pub fn matrix(answer: &Answer, row: &Row, unit: Unit) -> Matrix {
    let unit = if unit == Unit::Packets { "packets" } else { "bytes" };
    let ends = ["not_ect", "ect1", "ect0", "ce", "lost"];
    CODE_POINTS.map(|(from, _)| ends.map(|to| count(answer, row, &format!("transitions.{from}_to_{to}.{unit}"))))
}

/// The matrix as lines of text.
#[must_use]
pub fn matrix_text(matrix: &Matrix, unit: Unit) -> String {
    let cell = |v: Option<u64>| match (v, unit) {
        (None, _) => "?".to_owned(),
        (Some(0), _) => ".".to_owned(),
        (Some(n), Unit::Packets) => grouped(n),
        (Some(n), Unit::Bytes) => bytes(n as f64, crate::units::UnitStyle::Si),
    };
    let total = |values: &[Option<u64>]| values.iter().flatten().sum::<u64>();
    let mut lines: Vec<Vec<String>> =
        vec![["sent \\ received", "Not-ECT", "ECT(1)", "ECT(0)", "CE", "lost", "sum"].map(str::to_owned).to_vec()];
    for (i, (_, name)) in CODE_POINTS.iter().enumerate() {
        let mut line = vec![(*name).to_owned()];
        line.extend(matrix[i].iter().map(|v| cell(*v)));
        line.push(cell(Some(total(&matrix[i]))));
        lines.push(line);
    }
    let mut sums = vec!["sum".to_owned()];
    sums.extend((0..5).map(|j| cell(Some(total(&matrix.map(|r| r[j]))))));
    sums.push(cell(Some(matrix.iter().map(|r| total(r)).sum())));
    lines.push(sums);
    let widths: Vec<usize> = (0..7).map(|j| lines.iter().map(|l| l[j].len()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for line in &lines {
        let cells = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(j, (c, w))| if j == 0 { format!("  {c:w$}") } else { format!("  {c:>w$}") });
        out.push_str(cells.collect::<String>().trim_end());
        out.push('\n');
    }
    out.push_str(&format!("  {}\n", conclusions(matrix)));
    out
}

/// What the matrix says, with the share of the eligible packets.
#[must_use]
pub fn conclusions(m: &Matrix) -> String {
    let at = |cells: &[(usize, usize)]| cells.iter().filter_map(|(i, j)| m[*i][*j]).sum::<u64>();
    let row = |rows: &[usize]| rows.iter().flat_map(|i| m[*i]).flatten().sum::<u64>();
    // Rows and columns: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE, 4 lost.
    let facts = [
        ("SCE marked (ECT(0) to ECT(1))", at(&[(2, 1)]), row(&[2])),
        ("CE marked", at(&[(1, 3), (2, 3)]), row(&[1, 2])),
        ("bleached (to Not-ECT)", at(&[(1, 0), (2, 0)]), row(&[1, 2])),
        ("CE erased", at(&[(3, 0), (3, 1), (3, 2)]), row(&[3])),
        ("SCE erased (ECT(1) to ECT(0))", at(&[(1, 2)]), row(&[1])),
        ("mangled (Not-ECT to ECT or CE)", at(&[(0, 1), (0, 2), (0, 3)]), row(&[0])),
        ("lost", at(&[(0, 4), (1, 4), (2, 4), (3, 4)]), row(&[0, 1, 2, 3])),
    ];
    let told: Vec<String> = facts
        .iter()
        .filter(|(_, n, _)| *n > 0)
        .map(|(what, n, of)| format!("{what} {}", percent(*n as f64 / (*of).max(1) as f64)))
        .collect();
    if told.is_empty() { "nothing changed and nothing lost".to_owned() } else { told.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_drawn_and_put_in_words() {
        let mut m: Matrix = [[Some(0); 5]; 4];
        m[2] = [Some(10), Some(200), Some(9_700), Some(50), Some(40)];
        let text = matrix_text(&m, Unit::Packets);
        assert!(text.contains("  ECT(0)                10     200   9,700  50    40  10,000\n"), "{text}");
        assert!(
            text.ends_with(
                "  SCE marked (ECT(0) to ECT(1)) 2.00 %, CE marked 0.50 %, bleached (to Not-ECT) 0.10 %, lost 0.40 %\n"
            ),
            "{text}"
        );
        assert!(
            matrix_text(&[[None; 5]; 4], Unit::Packets).contains('?'),
            "what was not measured is not shown as none"
        );
        assert_eq!(conclusions(&[[Some(0); 5]; 4]), "nothing changed and nothing lost");
    }
}
