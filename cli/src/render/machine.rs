//! JSON, NDJSON, CSV and TSV: raw integers under stable names.
//!
//! In: columns and rows, and one of these formats. Out: bytes on a writer, row by row, so that any number of rows takes little memory.

use std::io::{self, Write};

use sce_proto::value::Kind;
use sce_proto::{ColumnInfo, Row, Value};
use serde_json::{Map, Number, Value as Json};

use super::cell::{self, Sort, Style};
use crate::args::Format;
use crate::time;

/// Writes rows as they come.
pub(crate) struct Writer<'a, W> {
    out: W,
    format: Format,
    columns: &'a [ColumnInfo],
    sorts: Vec<Sort>,
    style: &'a Style,
    rows: u64,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Starts the output. `headers`: with the line of names (CSV, TSV).
    pub(crate) fn new(
        mut out: W,
        format: Format,
        columns: &'a [ColumnInfo],
        style: &'a Style,
        headers: bool,
    ) -> io::Result<Self> {
        match format {
            Format::Csv | Format::Tsv if headers => {
                let names = columns.iter().map(|c| field(&c.name, format));
                writeln!(out, "{}", names.collect::<Vec<_>>().join(separator(format)))?;
            }
            Format::Json => write!(out, "[")?,
            _ => {}
        }
        let sorts = columns.iter().map(cell::sort).collect();
        Ok(Writer { out, format, columns, sorts, style, rows: 0 })
    }

    /// Writes one row.
    pub(crate) fn row(&mut self, row: &Row) -> io::Result<()> {
        match self.format {
            Format::Json => {
                let comma = if self.rows == 0 { "\n" } else { ",\n" };
                write!(self.out, "{comma}{}", Json::Object(object(self.columns, &row.values, self.style)))?;
            }
            Format::Ndjson => writeln!(self.out, "{}", Json::Object(object(self.columns, &row.values, self.style)))?,
            _ => {
                let cells =
                    row.values.iter().zip(&self.sorts).map(|(v, s)| field(&plain(v, *s, self.style), self.format));
                writeln!(self.out, "{}", cells.collect::<Vec<_>>().join(separator(self.format)))?;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Ends the output. Returns the number of rows.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        if self.format == Format::Json {
            writeln!(self.out, "{}", if self.rows == 0 { "]" } else { "\n]" })?;
        }
        self.out.flush()?;
        Ok(self.rows)
    }
}

/// A row as an object. Dots in names nest; a nested group without any value is left out.
pub(crate) fn object(columns: &[ColumnInfo], values: &[Value], style: &Style) -> Map<String, Json> {
    let mut top = Map::new();
    for (column, value) in columns.iter().zip(values) {
        insert(&mut top, &column.name, json(value, cell::sort(column), style));
    }
    for value in top.values_mut() {
        prune(value);
    }
    top
}

fn insert(object: &mut Map<String, Json>, name: &str, value: Json) {
    let Some((head, rest)) = name.split_once('.') else {
        object.insert(name.to_owned(), value);
        return;
    };
    let inner = object.entry(head).or_insert_with(|| Json::Object(Map::new()));
    match inner {
        Json::Object(inner) => insert(inner, rest, value),
        // A column and a group of the same name: the column keeps the name, the member its dots.
        _ => drop(object.insert(name.to_owned(), value)),
    }
}

/// Leaves out groups that hold nothing but null, below the first level.
fn prune(value: &mut Json) {
    let Json::Object(inner) = value else { return };
    for value in inner.values_mut() {
        prune(value);
    }
    inner.retain(|_, v| match v {
        Json::Object(members) => members.values().any(|m| !m.is_null()),
        _ => true,
    });
}

/// A value as JSON: integers stay integers.
pub(crate) fn json(value: &Value, sort: Sort, style: &Style) -> Json {
    match &value.kind {
        None => Json::Null,
        Some(Kind::Unsigned(n)) => match (sort, style.time) {
            (Sort::Time, Some(_)) if *n == 0 => Json::Null,
            (Sort::Time, Some(t)) => Json::String(time::show(*n, t, &style.now)),
            _ => Json::Number((*n).into()),
        },
        Some(Kind::Signed(n)) => Json::Number((*n).into()),
        Some(Kind::Real(r)) => Number::from_f64(*r).map_or(Json::Null, Json::Number),
        Some(Kind::Text(t)) => Json::String(t.clone()),
        Some(Kind::Truth(t)) => Json::Bool(*t),
        Some(Kind::List(list)) => Json::Array(list.values.iter().map(|v| json(v, sort, style)).collect()),
    }
}

/// A value as a CSV field: empty where nothing was measured, lists separated by spaces.
fn plain(value: &Value, sort: Sort, style: &Style) -> String {
    match json(value, sort, style) {
        Json::Null => String::new(),
        Json::String(t) => t,
        Json::Array(items) => {
            let items = items.iter().map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_owned));
            items.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

fn separator(format: Format) -> &'static str {
    if format == Format::Tsv { "\t" } else { "," }
}

/// Quotes a CSV field where RFC 4180 asks for it; replaces tabs and line ends in TSV.
fn field(text: &str, format: Format) -> String {
    if format == Format::Tsv {
        return text.replace(['\t', '\n', '\r'], " ");
    }
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::UnitStyle;

    fn style() -> Style {
        Style { units: UnitStyle::Si, time: None, now: jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC) }
    }

    fn column(name: &str) -> ColumnInfo {
        ColumnInfo { name: name.to_owned(), ..ColumnInfo::default() }
    }

    fn n(v: u64) -> Value {
        Value { kind: Some(Kind::Unsigned(v)) }
    }

    fn t(v: &str) -> Value {
        Value { kind: Some(Kind::Text(v.to_owned())) }
    }

    fn write(format: Format, columns: &[ColumnInfo], rows: &[Row]) -> String {
        let mut out = Vec::new();
        let style = style();
        let mut w = Writer::new(&mut out, format, columns, &style, true).unwrap();
        for r in rows {
            w.row(r).unwrap();
        }
        w.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dots_nest_and_groups_without_a_value_are_left_out() {
        let columns = [
            "flow",
            "transitions.ect0_to_ce.packets",
            "transitions.ect0_to_ce.bytes",
            "transitions.ect0_to_ect1.packets",
            "up.rtt",
        ]
        .map(column);
        let row = Row { values: vec![t("a"), n(3), n(u64::MAX), Value::default(), Value::default()] };
        let text = write(Format::Ndjson, &columns, &[row]);
        assert_eq!(
            text,
            "{\"flow\":\"a\",\"transitions\":{\"ect0_to_ce\":{\"packets\":3,\"bytes\":18446744073709551615}},\"up\":{\"rtt\":null}}\n"
        );
    }

    #[test]
    fn json_is_one_array_even_when_empty() {
        let columns = [column("a")];
        for count in [0, 1, 3] {
            let rows = vec![Row { values: vec![n(1)] }; count];
            let parsed: Json = serde_json::from_str(&write(Format::Json, &columns, &rows)).unwrap();
            assert_eq!(parsed.as_array().unwrap().len(), count);
        }
    }

    #[test]
    fn csv_and_tsv_keep_their_shape_whatever_the_text() {
        let columns = [column("a"), column("b,c")];
        let rows = [Row { values: vec![t("say \"hi\"\n"), Value::default()] }];
        assert_eq!(write(Format::Csv, &columns, &rows), "a,\"b,c\"\n\"say \"\"hi\"\"\n\",\n");
        assert_eq!(write(Format::Tsv, &columns, &[Row { values: vec![t("x\ty"), n(7)] }]), "a\tb,c\nx y\t7\n");
    }
}
