//! What all views have in common: columns that know how to fill themselves, and the way from items to rows.
//!
//! In: a question and a view's items. Out: the rows that pass its filter, sorted and cut. Only the columns that the answer,
//! the filter or the order need are ever made.

use sce_proto::{Field, FlowInterval, Kind, Merge, Record, SelectRequest, ValueRef};
use tonic::Status;

use super::filter::eval::Matcher;
use super::filter::{Expr, FilterError, Name, names, parse};
use super::load::First;
use super::outline::Key;
use super::table::{self, Cell, Column};

/// A column and how an item fills it.
pub(super) struct Def<T> {
    pub(super) column: Column,
    pub(super) get: Get<T>,
}

type Get<T> = Box<dyn Fn(&T) -> Cell + Send + Sync>;

impl<T> Def<T> {
    pub(super) fn new(
        name: impl Into<String>,
        unit: &'static str,
        help: impl Into<String>,
        get: impl Fn(&T) -> Cell + Send + Sync + 'static,
    ) -> Def<T> {
        Def { column: Column::new(name, unit, help), get: Box::new(get) }
    }

    pub(super) fn shown(mut self) -> Def<T> {
        self.column.shown = true;
        self
    }
}

/// A question, resolved against the columns of a view.
pub(super) struct Plan {
    /// The filter.
    pub(super) expr: Expr,
    /// Columns that must be made: first those of the answer, then what filter and order need besides.
    pub(super) needed: Vec<usize>,
    /// How many of them are the answer.
    pub(super) width: usize,
    matcher: Matcher,
    sort: Vec<(usize, bool)>,
    limit: usize,
}

impl Plan {
    /// Resolves a question.
    pub(super) fn new(request: &SelectRequest, columns: &[Column]) -> Result<Plan, Status> {
        let refuse = |e: &FilterError| refusal(e, &request.filter);
        let expr = parse(&request.filter).map_err(|e| refuse(&e))?;
        let matcher = Matcher::new(&expr, columns).map_err(|e| refuse(&e))?;
        let mut needed = chosen(&request.columns, columns)?;
        let width = needed.len();
        let mut place = |column: usize| match needed.iter().position(|n| *n == column) {
            Some(at) => at,
            None => {
                needed.push(column);
                needed.len() - 1
            }
        };
        let mut sort = Vec::new();
        for name in &request.sort {
            let (text, down) = name.strip_prefix('-').map_or((name.as_str(), false), |n| (n, true));
            let name = Name { text: String::from(text), at: 0 };
            let found =
                names::resolve(&name, columns).map_err(|e| Status::invalid_argument(format!("sort: {}", e.text)))?;
            sort.push((place(found[0]), down));
        }
        for column in matcher.columns() {
            place(column);
        }
        let made: Vec<Column> = needed.iter().map(|i| columns[*i].clone()).collect();
        // The same names, now by their place in the rows that will be made.
        let matcher = Matcher::new(&expr, &made).map_err(|e| refuse(&e))?;
        let limit = if request.limit == 0 { usize::MAX } else { usize::try_from(request.limit).unwrap_or(usize::MAX) };
        Ok(Plan { expr, needed, width, matcher, sort, limit })
    }

    /// What of the flows of a window the answer begins with, if it shows a part and they can be put in its order by few fields.
    pub(super) fn first(&self, columns: &[Column]) -> Option<First> {
        let (key, down) = match self.sort.first() {
            None => (Key::First, false),
            Some((at, down)) => {
                let name = columns[self.needed[*at]].name.as_str();
                let field = |name: &str, direction| {
                    let field = FlowInterval::position(name)?;
                    let f = &FlowInterval::FIELDS[field];
                    let plain = matches!(f.merge, Merge::Sum | Merge::Max | Merge::Or | Merge::Last);
                    (f.kind == Kind::U64 && plain).then_some(Key::Field(field, direction))
                };
                let key = match name.split_once('.') {
                    None if name == "first_ns" => Some(Key::First),
                    None if name == "last_ns" => Some(Key::Last),
                    Some(("up", name)) => field(name, 0),
                    Some(("down", name)) => field(name, 1),
                    _ => None,
                };
                (key?, *down)
            }
        };
        (self.limit < usize::MAX).then_some(First { key, down, rows: self.limit })
    }

    /// The rows of the answer, and how many there were before the limit.
    pub(super) fn rows<T>(&self, defs: &[Def<T>], items: impl IntoIterator<Item = T>) -> (Vec<Vec<Cell>>, u64) {
        let items: Vec<T> = items.into_iter().collect();
        // Most cells of most items are never shown: first those that decide, with the item's number behind them.
        let mut decide: Vec<usize> = self.matcher.columns().into_iter().chain(self.sort.iter().map(|s| s.0)).collect();
        decide.sort_unstable();
        decide.dedup();
        let make = |(n, item): (usize, &T)| {
            let mut row = vec![Cell::None; self.needed.len() + 1];
            decide.iter().for_each(|at| row[*at] = (defs[self.needed[*at]].get)(item));
            row[self.needed.len()] = Cell::U(n as u64);
            row
        };
        let mut rows: Vec<Vec<Cell>> = items.iter().enumerate().map(make).filter(|r| self.matcher.holds(r)).collect();
        table::sort(&mut rows, &self.sort);
        let total = rows.len() as u64;
        rows.truncate(self.limit);
        for row in &mut rows {
            if let Some(Cell::U(n)) = row.pop() {
                let item = &items[n as usize];
                *row = self.needed.iter().map(|i| (defs[*i].get)(item)).collect();
            }
        }
        (rows, total)
    }
}

/// A filter's error as a status: the lines for people, the place for programs.
fn refusal(error: &FilterError, filter: &str) -> Status {
    let mut status = Status::invalid_argument(error.text.clone());
    let lines = error.lines(filter);
    for (key, value) in [("filter-at", error.at), ("filter-len", error.len)] {
        status.metadata_mut().insert(key, value.into());
    }
    tracing::debug!(lines, "A filter was refused");
    status
}

/// Positions of the columns asked for: by name, or all below a name (`up` for `up.packets` and the rest).
fn chosen(names: &[String], columns: &[Column]) -> Result<Vec<usize>, Status> {
    if names.is_empty() {
        return Ok((0..columns.len()).collect());
    }
    let mut out = Vec::new();
    for name in names {
        let below = format!("{name}.");
        let fits = |c: &Column| c.name == *name || c.name.starts_with(&below);
        let mut found: Vec<usize> = (0..columns.len()).filter(|i| fits(&columns[*i])).collect();
        if found.is_empty() {
            let wanted = Name { text: name.clone(), at: 0 };
            found = names::resolve(&wanted, columns).map_err(|e| Status::invalid_argument(e.text))?;
        }
        found.retain(|i| !out.contains(i));
        out.append(&mut found);
    }
    Ok(out)
}

/// Whether a field can be a column: opaque bytes cannot.
pub(super) fn printable(field: &Field) -> bool {
    field.kind != Kind::Bytes || field.name.ends_with("_ip")
}

/// The cell of a field.
pub(super) fn cell<R: Record>(record: &R, i: usize, count: Option<usize>) -> Cell {
    let field = &R::FIELDS[i];
    let value = record.get(i);
    if field.merge == Merge::Min {
        let measured = count.map_or(value.u64() != 0, |c| record.get(c).u64() != 0);
        if !measured {
            return Cell::None;
        }
    }
    match (field.kind, field.name) {
        (_, "flow" | "flow_key" | "op") => Cell::T(id(value.u64())),
        (_, "direction") => Cell::T(String::from(if value.u64() == 0 { "up" } else { "down" })),
        (Kind::I64, _) => Cell::I(value.i64()),
        (Kind::U64, _) => Cell::U(value.u64()),
        (Kind::Str, _) => Cell::text(value.str()),
        (Kind::Bytes, _) => Cell::ip(value.bytes()),
    }
}

/// An identifier as it is printed.
pub(super) fn id(value: u64) -> String {
    format!("{value:016x}")
}

/// Column definitions for the fields of a record that an item holds.
pub(super) fn fields<R: Record + 'static, T: 'static>(
    prefix: &str,
    wanted: impl Fn(&Field) -> bool,
    shown: &[&str],
    record: impl Fn(&T) -> Option<&R> + Copy + Send + Sync + 'static,
) -> Vec<Def<T>> {
    let mut out = Vec::new();
    for (i, field) in R::FIELDS.iter().enumerate().filter(|(_, f)| printable(f) && wanted(f)) {
        let count = R::position(field.count);
        let get = move |item: &T| record(item).map_or(Cell::None, |r| cell(r, i, count));
        let mut def = Def::new(format!("{prefix}{}", field.name), field.unit, field.help, get);
        def.column.shown = shown.contains(&field.name);
        out.push(def);
    }
    out
}

/// Sets a field by name; for tests and for records that are made here.
pub(super) fn position<R: Record>(name: &str) -> usize {
    R::position(name).unwrap_or(usize::MAX)
}

/// The unsigned value of a field by position; 0 where there is none.
pub(super) fn value<R: Record>(record: &R, i: usize) -> u64 {
    if i == usize::MAX { 0 } else { ValueRef::u64(record.get(i)) }
}
