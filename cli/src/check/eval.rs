//! Conditions against rows. Comparisons with what was not measured are neither true nor false (Kleene's logic).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sce_proto::value::Kind;
use sce_proto::{Row, Value};

use super::parse::{Check, Column, Constant, Function, Operator, Term, Tree};
use crate::aggregate;
use crate::client::Answer;
use crate::exit::Failure;

/// What became of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Rows looked at; 1 for a condition about all rows at once.
    pub(crate) rows: usize,
    /// Positions of the rows that do not hold, in the answer of the condition's view.
    pub(crate) failing: Vec<usize>,
}

/// Evaluates a condition. `answers` has the rows of every view it names.
pub(crate) fn evaluate(check: &Check, answers: &BTreeMap<String, Answer>) -> Result<Outcome, Failure> {
    let Some(view) = check.row_view() else {
        let holds = tree(&check.tree, answers, None)? == Some(true);
        return Ok(Outcome { rows: 1, failing: if holds { Vec::new() } else { vec![0] } });
    };
    let rows = &of(answers, &view)?.rows;
    let mut failing = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        if tree(&check.tree, answers, Some(row))? != Some(true) {
            failing.push(i);
        }
    }
    Ok(Outcome { rows: rows.len(), failing })
}

fn of<'a>(answers: &'a BTreeMap<String, Answer>, view: &str) -> Result<&'a Answer, Failure> {
    answers.get(view).ok_or_else(|| Failure::new(format!("`{view}` was not asked for")))
}

fn tree(t: &Tree, answers: &BTreeMap<String, Answer>, row: Option<&Row>) -> Result<Option<bool>, Failure> {
    Ok(match t {
        Tree::And(a, b) => match (tree(a, answers, row)?, tree(b, answers, row)?) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Tree::Or(a, b) => match (tree(a, answers, row)?, tree(b, answers, row)?) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Tree::Not(a) => tree(a, answers, row)?.map(|held| !held),
        Tree::Compare(a, operator, b) => {
            let (left, right) = (term(a, answers, row)?, term(b, answers, row)?);
            let asks_for_null = [a, b].iter().any(|t| **t == Term::Constant(Constant::Null));
            compare(&left, *operator, &right, asks_for_null)?
        }
    })
}

fn term(t: &Term, answers: &BTreeMap<String, Answer>, row: Option<&Row>) -> Result<Constant, Failure> {
    match t {
        Term::Constant(c) => Ok(c.clone()),
        Term::Column(c) => {
            let i = place(answers, c)?;
            Ok(row.and_then(|r| r.values.get(i)).map_or(Constant::Null, constant))
        }
        Term::All(Function::Count, c) => Ok(Constant::Integer(of(answers, &c.view)?.rows.len() as i128)),
        Term::All(function, c) => {
            let i = place(answers, c)?;
            let values = of(answers, &c.view)?.rows.iter().filter_map(|r| r.values.get(i)).map(constant);
            Ok(fold(*function, values.filter(|v| *v != Constant::Null)))
        }
    }
}

fn place(answers: &BTreeMap<String, Answer>, c: &Column) -> Result<usize, Failure> {
    aggregate::position(&of(answers, &c.view)?.columns, &c.name)
        .map_err(|e| Failure::usage(format!("view `{}`: {}", c.view, e.text)))
}

fn fold(function: Function, values: impl Iterator<Item = Constant>) -> Constant {
    let better = |a: &Constant, b: &Constant| match function {
        Function::Min => order(a, b) == Some(Ordering::Greater),
        _ => order(a, b) == Some(Ordering::Less),
    };
    values
        .reduce(|a, b| match (function, &a, &b) {
            (Function::Sum | Function::Count, Constant::Integer(x), Constant::Integer(y)) => Constant::Integer(x + y),
            (Function::Sum | Function::Count, x, y) => Constant::Real(real(x) + real(y)),
            _ if better(&a, &b) => b,
            _ => a,
        })
        .unwrap_or(Constant::Null)
}

fn real(c: &Constant) -> f64 {
    match c {
        Constant::Integer(n) => *n as f64,
        Constant::Real(r) => *r,
        _ => f64::NAN,
    }
}

fn constant(value: &Value) -> Constant {
    match &value.kind {
        None => Constant::Null,
        Some(Kind::Unsigned(n)) => Constant::Integer(i128::from(*n)),
        Some(Kind::Signed(n)) => Constant::Integer(i128::from(*n)),
        Some(Kind::Real(r)) => Constant::Real(*r),
        Some(Kind::Text(t)) => Constant::Text(t.clone()),
        Some(Kind::Truth(t)) => Constant::Truth(*t),
        Some(Kind::List(l)) => {
            let items = l.values.iter().map(|v| if let Some(Kind::Text(t)) = &v.kind { t.as_str() } else { "" });
            Constant::Text(items.collect::<Vec<_>>().join(" "))
        }
    }
}

fn compare(a: &Constant, operator: Operator, b: &Constant, asks_for_null: bool) -> Result<Option<bool>, Failure> {
    if *a == Constant::Null || *b == Constant::Null {
        let same = a == b;
        return Ok(match operator {
            Operator::Equal if asks_for_null => Some(same),
            Operator::Unequal if asks_for_null => Some(!same),
            _ => None,
        });
    }
    if operator == Operator::Like {
        return match (a, b) {
            (Constant::Text(text), Constant::Text(pattern)) => Ok(Some(like(text, pattern))),
            _ => Err(Failure::usage("`~` compares texts: write for example verify.verdict ~ \"complete*\"")),
        };
    }
    let Some(order) = order(a, b) else {
        return Err(Failure::usage(format!("{} and {} cannot be compared", words(a), words(b))));
    };
    Ok(Some(match operator {
        Operator::Equal | Operator::Like => order == Ordering::Equal,
        Operator::Unequal => order != Ordering::Equal,
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::More => order == Ordering::Greater,
        Operator::MoreOrEqual => order != Ordering::Less,
    }))
}

fn order(a: &Constant, b: &Constant) -> Option<Ordering> {
    match (a, b) {
        (Constant::Integer(x), Constant::Integer(y)) => Some(x.cmp(y)),
        (Constant::Integer(_) | Constant::Real(_), Constant::Integer(_) | Constant::Real(_)) => {
            real(a).partial_cmp(&real(b))
        }
        (Constant::Text(x), Constant::Text(y)) => Some(x.cmp(y)),
        (Constant::Truth(x), Constant::Truth(y)) => Some(x.cmp(y)),
        _ => None,
    }
}

fn words(c: &Constant) -> String {
    match c {
        Constant::Null => "null".to_owned(),
        Constant::Truth(t) => format!("{t} (a truth value)"),
        Constant::Integer(n) => format!("{n} (a number)"),
        Constant::Real(r) => format!("{r} (a number)"),
        Constant::Text(t) => format!("\"{t}\" (a text)"),
    }
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::parse;
    use sce_proto::ColumnInfo;

    fn outcome(text: &str) -> Outcome {
        evaluate(&parse(text).unwrap(), &answers()).unwrap()
    }

    fn answers() -> BTreeMap<String, Answer> {
        let column = |name: &str| ColumnInfo { name: name.to_owned(), ..ColumnInfo::default() };
        let row = |lost: u64, owd: Option<i64>, verdict: &str| Row {
            values: vec![
                Value { kind: Some(Kind::Unsigned(lost)) },
                Value { kind: owd.map(Kind::Signed) },
                Value { kind: Some(Kind::Text(verdict.to_owned())) },
            ],
        };
        let answer = Answer {
            columns: vec![column("lost"), column("owd.p99"), column("verdict")],
            rows: vec![row(0, Some(5_000_000), "complete"), row(7, None, "incomplete"), row(0, Some(-90), "complete")],
            ..Answer::default()
        };
        BTreeMap::from([("v".to_owned(), answer)])
    }

    #[test]
    fn rows_that_do_not_hold_are_found() {
        assert_eq!(outcome("v.lost == 0"), Outcome { rows: 3, failing: vec![1] });
        assert_eq!(outcome("v.verdict == complete or v.lost > 5").failing, [0; 0]);
        assert_eq!(outcome("v.verdict ~ '*complete'").failing, [0; 0]);
        assert_eq!(outcome("v.verdict ~ 'c*e'").failing, [1]);
        assert_eq!(outcome("not v.lost == 0").failing, [0, 2]);
        assert_eq!(outcome("0 == v.lost").failing, [1]);
    }

    #[test]
    fn what_was_not_measured_does_not_hold_either_way() {
        assert_eq!(outcome("v.owd.p99 < 10ms").failing, [1]);
        assert_eq!(outcome("not v.owd.p99 < 10ms").failing, [0, 1, 2]);
        assert_eq!(outcome("v.owd.p99 == null or v.owd.p99 < 10ms").failing, [0; 0]);
        assert_eq!(outcome("v.owd.p99 != null").failing, [1]);
    }

    #[test]
    fn functions_speak_of_all_rows() {
        assert_eq!(outcome("count(v) == 3 and sum(v.lost) == 7 and max(v.owd.p99) == 5ms").failing, [0; 0]);
        assert_eq!(outcome("min(v.owd.p99) >= 0"), Outcome { rows: 1, failing: vec![0] });
        assert_eq!(outcome("v.lost < sum(v.lost)").failing, [1], "mixed with rows");
    }

    #[test]
    fn kinds_that_do_not_compare_are_refused() {
        let e = evaluate(&parse("v.lost == none").unwrap(), &answers()).unwrap_err();
        assert!(e.text.contains("cannot be compared"), "{}", e.text);
        let e = evaluate(&parse("v.lots == 0").unwrap(), &answers()).unwrap_err();
        assert!(e.text.contains("did you mean `lost`?"), "{}", e.text);
    }
}
