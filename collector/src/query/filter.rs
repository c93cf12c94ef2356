//! The filter language.
//!
//! In: text such as `src=10.0.0.0/8 and dport in (443,8443) and not up.lost>10`. Out: an [`Expr`]; or what is wrong, where,
//! and what may have been meant. Evaluation in memory is in `eval`, the part that a database can decide in `push`.
//!
//! ```text
//! expr   = term { "or" term }          term = factor { ["and"] factor }          factor = "not" factor | "(" expr ")" | test
//! test   = column op value | column "in" "(" value {"," value} ")" | column "~" pattern | column
//!        | [src|dst] (host IP | net NET | port N) | src IP | dst IP | tcp | udp | icmp | icmpv6 | sctp
//! op     = "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
//! value  = number with unit (50ms, 10MB, 64KiB, 1.5Mbit/s, 5%) | word | "text"
//! ```

pub mod eval;
mod lex;
pub(crate) mod names;
mod parse;
pub mod push;
mod value;

use std::net::IpAddr;

pub use parse::parse;
pub use value::Number;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All of them.
    And(Vec<Expr>),
    /// At least one of them.
    Or(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
    /// One test.
    Test(Test),
}

/// Which side of a flow a test is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Either.
    Any,
    /// The initiator.
    Src,
    /// The responder.
    Dst,
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// An address lies in a range, ends included. Both ends are of one family.
    Net(Side, IpAddr, IpAddr),
    /// A port compares.
    Port(Side, Op, Vec<u16>),
    /// The protocol is one of these numbers.
    Proto(Vec<u8>),
    /// A column compares with a value, or with another column.
    Compare(Name, Op, Operand),
    /// A column is one of these.
    In(Name, Vec<Operand>),
    /// A text matches a pattern with `*` and `?`.
    Glob(Name, String),
    /// A column has a value that is neither zero nor empty nor false.
    Set(Name),
}

/// A column as it was written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The text.
    pub text: String,
    /// Byte position.
    pub at: usize,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A number with its unit, and the text it came from.
    Number(Number, String),
    /// A text or the name of a column.
    Word(Name),
    /// A text in quotes.
    Text(String),
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FilterError {
    /// What is wrong, and what may have been meant.
    pub text: String,
    /// Byte position in the filter.
    pub at: usize,
    /// Bytes it is about.
    pub len: usize,
}

impl FilterError {
    fn new(text: impl Into<String>, at: usize, len: usize) -> FilterError {
        FilterError { text: text.into(), at, len: len.max(1) }
    }

    /// The message with the filter and a caret below what is wrong.
    #[must_use]
    pub fn lines(&self, filter: &str) -> String {
        let before = filter.get(..self.at).map_or(0, |s| s.chars().count());
        let wide = filter.get(self.at..self.at + self.len).map_or(self.len, |s| s.chars().count());
        format!("{}\n  {filter}\n  {}{}", self.text, " ".repeat(before), "^".repeat(wide.max(1)))
    }
}

impl Op {
    /// Whether an order meets the comparison.
    #[must_use]
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Op::Eq => order.is_eq(),
            Op::Ne => order.is_ne(),
            Op::Lt => order.is_lt(),
            Op::Le => order.is_le(),
            Op::Gt => order.is_gt(),
            Op::Ge => order.is_ge(),
        }
    }
}

/// The protocols that have names, as [`proto_name`] prints them.
const PROTOS: [(&str, u8); 5] = [("tcp", 6), ("udp", 17), ("icmp", 1), ("icmpv6", 58), ("sctp", 132)];

/// The number of a protocol by name or number.
#[must_use]
pub fn proto_number(text: &str) -> Option<u8> {
    let named = PROTOS.iter().find(|p| p.0.eq_ignore_ascii_case(text)).map(|p| p.1);
    named.or_else(|| text.parse().ok())
}

/// The name of a protocol, else its number.
#[must_use]
pub fn proto_name(number: u8) -> String {
    PROTOS.iter().find(|p| p.1 == number).map_or_else(|| number.to_string(), |p| String::from(p.0))
}
