//! From the text of a condition to its tree. Errors point at their place with a caret.

use super::token::{Token, tokens, wrong};
use crate::exit::Failure;

/// A parsed condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    /// As written.
    pub(crate) text: String,
    /// The tree.
    pub(crate) tree: Tree,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    /// Both.
    And(Box<Tree>, Box<Tree>),
    /// At least one.
    Or(Box<Tree>, Box<Tree>),
    /// Not.
    Not(Box<Tree>),
    /// A comparison.
    Compare(Term, Operator, Term),
}

/// Comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Like,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    /// A column of a view, row by row.
    Column(Column),
    /// A function over all rows of a view.
    All(Function, Column),
    /// A constant.
    Constant(Constant),
}

/// A column of a view; the name is empty for `count(view)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) view: String,
    pub(crate) name: String,
}

/// Functions over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    Sum,
    Min,
    Max,
}

/// Constants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Constant {
    Null,
    Truth(bool),
    Integer(i128),
    Real(f64),
    Text(String),
}

impl Check {
    /// Every column it needs.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let mut out = Vec::new();
        self.tree.each_term(&mut |t| {
            if let Term::Column(c) | Term::All(_, c) = t
                && !out.contains(c)
            {
                out.push(c.clone());
            }
        });
        out
    }

    /// The view whose rows it goes through; `None` if it speaks only of all rows at once.
    pub(crate) fn row_view(&self) -> Option<String> {
        let mut view = None;
        self.tree.each_term(&mut |t| {
            if let Term::Column(c) = t {
                view.get_or_insert_with(|| c.view.clone());
            }
        });
        view
    }
}

impl Tree {
    fn each_term(&self, f: &mut impl FnMut(&Term)) {
        match self {
            Tree::And(a, b) | Tree::Or(a, b) => {
                a.each_term(f);
                b.each_term(f);
            }
            Tree::Not(a) => a.each_term(f),
            Tree::Compare(a, _, b) => {
                f(a);
                f(b);
            }
        }
    }
}

/// Parses a condition.
pub(crate) fn parse(text: &str) -> Result<Check, Failure> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0 };
    let tree = parser.any()?;
    if let Some((place, token)) = parser.peek() {
        return Err(wrong(text, place, &format!("did not expect {}", token.words())));
    }
    let check = Check { text: text.to_owned(), tree };
    let mut views: Vec<String> = Vec::new();
    check.tree.each_term(&mut |t| {
        if let Term::Column(c) = t
            && !views.contains(&c.view)
        {
            views.push(c.view.clone());
        }
    });
    match views.as_slice() {
        [a, b, ..] => Err(Failure::usage(format!(
            "`{text}` goes through the rows of both `{a}` and `{b}`: write two conditions, or sum(), min(), max() for one of them"
        ))),
        [] if check.columns().is_empty() => {
            Err(Failure::usage(format!("`{text}` names no column: write for example `paths.lost_packets == 0`")))
        }
        _ => Ok(check),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<(usize, Token)> {
        self.tokens.get(self.at).cloned()
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Some((_, Token::Word(w))) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(there);
        there
    }

    fn take(&mut self, token: &Token) -> bool {
        let there = self.peek().is_some_and(|(_, t)| t == *token);
        self.at += usize::from(there);
        there
    }

    fn error(&self, what: &str) -> Failure {
        let place = self.peek().map_or(self.text.len(), |(place, _)| place);
        wrong(self.text, place, what)
    }

    fn any(&mut self) -> Result<Tree, Failure> {
        let mut tree = self.all()?;
        while self.take_word("or") {
            tree = Tree::Or(Box::new(tree), Box::new(self.all()?));
        }
        Ok(tree)
    }

    fn all(&mut self) -> Result<Tree, Failure> {
        let mut tree = self.one()?;
        while self.take_word("and") {
            tree = Tree::And(Box::new(tree), Box::new(self.one()?));
        }
        Ok(tree)
    }

    fn one(&mut self) -> Result<Tree, Failure> {
        if self.take_word("not") {
            return Ok(Tree::Not(Box::new(self.one()?)));
        }
        if self.take(&Token::Open) {
            let tree = self.any()?;
            return if self.take(&Token::Close) { Ok(tree) } else { Err(self.error("a `)` is missing here")) };
        }
        let left = self.term()?;
        let Some((_, Token::Operator(operator))) = self.peek() else {
            return Err(self.error("a comparison is missing here: == != < <= > >= ~"));
        };
        self.at += 1;
        let right = self.term()?;
        Ok(Tree::Compare(left, operator, right))
    }

    fn term(&mut self) -> Result<Term, Failure> {
        let Some((place, token)) = self.peek() else { return Err(self.error("a value is missing here")) };
        self.at += 1;
        match token {
            Token::Text(t) => Ok(Term::Constant(Constant::Text(t))),
            Token::Number(n) => number(&n).map(Term::Constant).ok_or_else(|| {
                wrong(self.text, place, &format!("`{n}` is not a number with a known unit; quote it if it is text"))
            }),
            Token::Word(w) if self.take(&Token::Open) => self.function(place, &w),
            Token::Word(w) => Ok(word(&w)),
            other => Err(wrong(self.text, place, &format!("did not expect {}", other.words()))),
        }
    }

    fn function(&mut self, place: usize, name: &str) -> Result<Term, Failure> {
        let function = match name {
            "count" => Function::Count,
            "sum" => Function::Sum,
            "min" => Function::Min,
            "max" => Function::Max,
            _ => return Err(wrong(self.text, place, "there are the functions count(), sum(), min() and max()")),
        };
        let Some((place, Token::Word(of))) = self.peek() else { return Err(self.error("a column is missing here")) };
        self.at += 1;
        if !self.take(&Token::Close) {
            return Err(self.error("a `)` is missing here"));
        }
        let column = match (of.split_once('.'), function) {
            (Some((view, name)), Function::Sum | Function::Min | Function::Max) => {
                Column { view: view.into(), name: name.into() }
            }
            (None, Function::Count) => Column { view: of, name: String::new() },
            (Some(_), Function::Count) => {
                return Err(wrong(self.text, place, "count() counts the rows of a view: count(flows)"));
            }
            (None, _) => return Err(wrong(self.text, place, "write the view before the column: paths.lost_packets")),
        };
        Ok(Term::All(function, column))
    }
}

fn word(word: &str) -> Term {
    match word {
        "null" => Term::Constant(Constant::Null),
        "true" => Term::Constant(Constant::Truth(true)),
        "false" => Term::Constant(Constant::Truth(false)),
        _ => match word.split_once('.') {
            Some((view, name)) => Term::Column(Column { view: view.to_owned(), name: name.to_owned() }),
            None => Term::Constant(Constant::Text(word.to_owned())),
        },
    }
}

/// A number and its unit, in the unit that columns use: ns, bytes, bit/s, shares of 1.
fn number(text: &str) -> Option<Constant> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor = match unit {
        "" | "ns" | "B" | "bit/s" => 1.0,
        "k" | "kB" | "kbit/s" | "us" | "µs" => 1e3,
        "M" | "MB" | "Mbit/s" | "ms" => 1e6,
        "G" | "GB" | "Gbit/s" | "s" => 1e9,
        "min" => 60e9,
        "h" => 3600e9,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "%" => 0.01,
        _ => return None,
    };
    if let Ok(n) = digits.parse::<i128>()
        && factor >= 1.0
    {
        return Some(Constant::Integer(n.checked_mul(factor as i128)?));
    }
    let real = digits.parse::<f64>().ok()? * factor;
    let whole = factor >= 1.0 && real.fract() == 0.0 && real.abs() < 9e15;
    Some(if whole { Constant::Integer(real as i128) } else { Constant::Real(real) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_the_units_of_columns() {
        for (text, want) in [
            ("50ms", Constant::Integer(50_000_000)),
            ("1.5s", Constant::Integer(1_500_000_000)),
            ("10MB", Constant::Integer(10_000_000)),
            ("2KiB", Constant::Integer(2048)),
            ("-3", Constant::Integer(-3)),
            ("1%", Constant::Real(0.01)),
            ("0.5", Constant::Real(0.5)),
            ("18446744073709551615", Constant::Integer(u64::MAX.into())),
        ] {
            assert_eq!(number(text), Some(want), "{text}");
        }
        assert_eq!(number("5parsec"), None);
    }

    #[test]
    fn errors_point_at_their_place() {
        for (text, what, caret) in [
            ("paths.lost_packets", "a comparison is missing here", 18),
            ("paths.lost == 0 paths.sent", "did not expect `paths.sent`", 16),
            ("(paths.lost == 0", "a `)` is missing", 16),
            ("paths.lost == 5parsec", "not a number with a known unit", 14),
            ("avg(paths.lost) == 1", "there are the functions", 0),
            ("count(paths.lost) == 1", "count() counts the rows", 6),
        ] {
            let e = parse(text).unwrap_err().text;
            assert!(e.contains(what), "{text}: {e}");
            assert_eq!(e.lines().last().map(|l| l.len() - 3), Some(caret), "{text}: {e}");
        }
        assert!(parse("paths.a == flows.b").unwrap_err().text.contains("rows of both `paths` and `flows`"));
        assert!(parse("1 == 1").unwrap_err().text.contains("names no column"));
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tightest() {
        let tree = parse("not a.x == 1 or a.y == 2 and a.z == word").unwrap().tree;
        let Tree::Or(left, right) = tree else { panic!("{tree:?}") };
        assert!(matches!(*left, Tree::Not(_)));
        assert!(matches!(*right, Tree::And(..)));
    }
}
