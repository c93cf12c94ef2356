//! A filter in memory: resolved against the columns of a view, then asked row by row.
//!
//! In: an [`Expr`] and columns. Out: a [`Matcher`], or which name is not a column and what may have been meant.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::names::{ends, find, resolve};
use super::{Expr, FilterError, Name, Number, Op, Operand, Test, proto_name};
use crate::query::table::{Cell, Column};

/// A filter that can be asked.
#[derive(Debug, Clone)]
pub struct Matcher(Node);

#[derive(Debug, Clone)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Net(Vec<usize>, IpAddr, IpAddr),
    Port(Vec<usize>, Op, Vec<u16>),
    Text(Vec<usize>, Vec<String>),
    Compare(Vec<usize>, Op, Against),
    Glob(Vec<usize>, String),
    Set(Vec<usize>),
}

#[derive(Debug, Clone)]
enum Against {
    Number(Number, String),
    Text(String),
    Column(Vec<usize>),
}

impl Matcher {
    /// Resolves a filter.
    ///
    /// # Errors
    /// [`FilterError`] for a name that is no column of the view, or a unit that does not fit.
    pub fn new(expr: &Expr, columns: &[Column]) -> Result<Matcher, FilterError> {
        Node::new(expr, columns).map(Matcher)
    }

    /// Whether a row passes.
    #[must_use]
    pub fn holds(&self, row: &[Cell]) -> bool {
        self.0.holds(row)
    }

    /// Positions of the columns it looks at.
    #[must_use]
    pub fn columns(&self) -> Vec<usize> {
        let mut out = Vec::new();
        self.0.collect(&mut out);
        out.sort_unstable();
        out.dedup();
        out
    }
}

impl Node {
    fn new(expr: &Expr, columns: &[Column]) -> Result<Node, FilterError> {
        let all = |list: &[Expr]| list.iter().map(|e| Node::new(e, columns)).collect::<Result<Vec<_>, _>>();
        Ok(match expr {
            Expr::And(list) => Node::And(all(list)?),
            Expr::Or(list) => Node::Or(all(list)?),
            Expr::Not(inner) => Node::Not(Box::new(Node::new(inner, columns)?)),
            Expr::Test(Test::Net(side, low, high)) => Node::Net(ends(columns, *side, "_ip")?, *low, *high),
            Expr::Test(Test::Port(side, op, ports)) => Node::Port(ends(columns, *side, "_port")?, *op, ports.clone()),
            Expr::Test(Test::Proto(numbers)) => {
                let name = Name { text: String::from("proto"), at: 0 };
                Node::Text(resolve(&name, columns)?, numbers.iter().map(|n| proto_name(*n)).collect())
            }
            Expr::Test(Test::Compare(name, op, operand)) => compare(name, *op, operand, columns)?,
            Expr::Test(Test::In(name, items)) => {
                let equal = items.iter().map(|item| compare(name, Op::Eq, item, columns));
                Node::Or(equal.collect::<Result<_, _>>()?)
            }
            Expr::Test(Test::Glob(name, pattern)) => Node::Glob(resolve(name, columns)?, pattern.clone()),
            Expr::Test(Test::Set(name)) => Node::Set(resolve(name, columns)?),
        })
    }

    fn holds(&self, row: &[Cell]) -> bool {
        match self {
            Node::And(all) => all.iter().all(|n| n.holds(row)),
            Node::Or(any) => any.iter().any(|n| n.holds(row)),
            Node::Not(inner) => !inner.holds(row),
            Node::Net(at, low, high) => at.iter().any(|i| match row[*i] {
                Cell::Ip(ip) => ip.is_ipv4() == low.is_ipv4() && ip >= *low && ip <= *high,
                _ => false,
            }),
            Node::Port(at, op, ports) => at.iter().any(|i| match row[*i] {
                Cell::U(port) => ports.iter().any(|p| op.holds(port.cmp(&u64::from(*p)))),
                _ => false,
            }),
            Node::Text(at, texts) => {
                at.iter().any(|i| each(&row[*i], &mut |c| matches!(c, Cell::T(t) if texts.contains(t))))
            }
            Node::Compare(at, Op::Ne, against) => {
                let given = at.iter().any(|i| row[*i] != Cell::None);
                given && !at.iter().any(|i| against.holds(&row[*i], Op::Eq, row))
            }
            Node::Compare(at, op, against) => at.iter().any(|i| against.holds(&row[*i], *op, row)),
            Node::Glob(at, pattern) => at.iter().any(|i| each(&row[*i], &mut |c| glob(pattern, &text(c)))),
            Node::Set(at) => at.iter().any(|i| match &row[*i] {
                Cell::None => false,
                Cell::B(b) => *b,
                Cell::T(t) => !t.is_empty(),
                Cell::L(l) => !l.is_empty(),
                Cell::Ip(_) => true,
                number => number.number() != Some(0.0),
            }),
        }
    }

    fn collect(&self, out: &mut Vec<usize>) {
        match self {
            Node::And(list) | Node::Or(list) => list.iter().for_each(|n| n.collect(out)),
            Node::Not(inner) => inner.collect(out),
            Node::Net(at, ..) | Node::Port(at, ..) | Node::Text(at, _) | Node::Glob(at, _) | Node::Set(at) => {
                out.extend(at)
            }
            Node::Compare(at, _, against) => {
                out.extend(at);
                if let Against::Column(at) = against {
                    out.extend(at);
                }
            }
        }
    }
}

impl Against {
    fn holds(&self, cell: &Cell, op: Op, row: &[Cell]) -> bool {
        each(cell, &mut |cell| {
            let order = match self {
                Against::Number(number, written) => match cell {
                    // An identifier may look like a number.
                    Cell::T(t) => Some(t.as_str().cmp(written)),
                    _ => order(cell, number),
                },
                Against::Text(want) => match cell {
                    Cell::T(t) => Some(t.as_str().cmp(want)),
                    Cell::B(b) => truth(want).map(|w| b.cmp(&w)),
                    Cell::Ip(ip) => want.parse().ok().map(|w: IpAddr| ip.cmp(&w)),
                    _ => None,
                },
                Against::Column(at) => {
                    let others = at.iter().map(|i| &row[*i]);
                    return others.filter(|o| comparable(cell, o)).any(|o| op.holds(cell.order(o)));
                }
            };
            order.is_some_and(|order| op.holds(order))
        })
    }
}

/// Asks a cell, or each element of a list.
fn each(cell: &Cell, ask: &mut dyn FnMut(&Cell) -> bool) -> bool {
    match cell {
        Cell::L(list) => list.iter().any(ask),
        cell => ask(cell),
    }
}

fn comparable(a: &Cell, b: &Cell) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b) && *a != Cell::None
        || (a.number().is_some() && b.number().is_some())
}

fn order(cell: &Cell, number: &Number) -> Option<Ordering> {
    match (cell, number.exact) {
        (Cell::U(v), Some(n)) => Some(i128::from(*v).cmp(&n)),
        (Cell::I(v), Some(n)) => Some(i128::from(*v).cmp(&n)),
        _ => cell.number().map(|v| v.total_cmp(&number.value)),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::T(t) => t.clone(),
        Cell::Ip(ip) => ip.to_string(),
        Cell::U(v) => v.to_string(),
        Cell::I(v) => v.to_string(),
        _ => String::new(),
    }
}

/// Matches `*` (anything) and `?` (one character).
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn compare(name: &Name, op: Op, operand: &Operand, columns: &[Column]) -> Result<Node, FilterError> {
    let at = resolve(name, columns)?;
    let unit = columns[at[0]].unit;
    let against = match operand {
        Operand::Number(number, written) => {
            if !number.kind.is_empty() && !unit.is_empty() && number.kind != unit {
                let text = format!("`{}` is in {unit}, not in {}", name.text, number.kind);
                return Err(FilterError::new(text, name.at, name.text.len()));
            }
            Against::Number(*number, written.clone())
        }
        Operand::Text(text) => Against::Text(text.clone()),
        Operand::Word(word) => match find(&word.text, columns) {
            found if !found.is_empty() => Against::Column(found),
            _ if !unit.is_empty() => {
                let text = format!("`{}` needs a number; `{}` is neither that nor a column", name.text, word.text);
                return Err(FilterError::new(text, word.at, word.text.len()));
            }
            _ => Against::Text(word.text.clone()),
        },
    };
    Ok(Node::Compare(at, op, against))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::filter::parse;

    fn columns() -> Vec<Column> {
        let names = [
            ("flow", ""),
            ("proto", ""),
            ("initiator_ip", ""),
            ("initiator_port", ""),
            ("responder_ip", ""),
            ("responder_port", ""),
            ("probes", ""),
            ("up.ip_bytes", "bytes"),
            ("down.ip_bytes", "bytes"),
            ("up.rtt_ns_p50", "ns"),
            ("up.lost_packets", "packets"),
            ("balanced", ""),
        ];
        names.iter().map(|(n, u)| Column::new(*n, u, "")).collect()
    }

    fn row() -> Vec<Cell> {
        let ip = |t: &str| Cell::Ip(t.parse().unwrap());
        vec![
            Cell::text("00000000000000ff"),
            Cell::text("tcp"),
            ip("10.0.0.1"),
            Cell::U(40_000),
            ip("10.0.1.1"),
            Cell::U(443),
            Cell::L(vec![Cell::text("client"), Cell::text("router")]),
            Cell::U(20_000_000),
            Cell::U(7),
            Cell::U(60_000_000),
            Cell::None,
            Cell::B(true),
        ]
    }

    #[test]
    fn tests_hold_as_they_read() {
        let ask = |text: &str| Matcher::new(&parse(text).unwrap(), &columns()).unwrap().holds(&row());
        for yes in [
            "",
            "tcp",
            "host 10.0.0.1",
            "src=10.0.0.1 and dst=10.0.1.1",
            "net 10.0.1/24",
            "port 443",
            "dport=443",
            "sport>1024",
            "bytes>10MB",
            "up.bytes>10MB",
            "down.ip_bytes<1kB",
            "rtt_p50>50ms",
            "up.rtt_p50 <= 60ms",
            "probe=client",
            "probe~r*",
            "not up.lost>10",
            "flow=00000000000000ff",
            "flow~*ff",
            "balanced",
            "balanced=true",
            "up.bytes > down.bytes",
            "port in (80, 443)",
            "proto!=udp",
            "probe!=server",
            "initiator_ip=10.0.0.1",
        ] {
            assert!(ask(yes), "{yes}");
        }
        for no in [
            "udp",
            "src=10.0.1.1",
            "host 10.0.0.2",
            "net fe80::/10",
            "sport=443",
            "bytes>20MB",
            "rtt_p50<50ms",
            "up.lost>=0",
            "up.lost!=3",
            "up.lost",
            "probe=server",
            "port!=443",
            "down.bytes > up.bytes",
            "balanced=false",
            "probe!=client",
        ] {
            assert!(!ask(no), "{no}");
        }
    }

    #[test]
    fn wrong_names_and_units_are_told() {
        let error = |text: &str| Matcher::new(&parse(text).unwrap(), &columns()).unwrap_err();
        let e = error("tcp and rttt_p50>50ms");
        assert_eq!(
            (e.text.as_str(), e.at, e.len),
            ("there is no column `rttt_p50`; did you mean `up.rtt_ns_p50`?", 8, 8)
        );
        assert_eq!(error("rtt_p50>5MB").text, "`rtt_p50` is in ns, not in bytes");
        assert_eq!(error("bytes>many").at, 6);
    }

    #[test]
    fn globs_match() {
        assert!(glob("a*b?d", "axxbcd") && glob("*", "") && !glob("a?", "a") && !glob("a", "ab"));
    }
}
