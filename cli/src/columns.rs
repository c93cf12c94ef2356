//! Which columns are asked for and shown: `--columns a,b`, `+c,-d`, `up.*`, `help`.
//!
//! In: the option's text and the columns a view describes. Out: names in the order to print them.

use sce_proto::ColumnInfo;

use crate::args::Format;
use crate::exit::{Failure, nearest};

/// The columns to ask for. Empty: all that the view has.
pub(crate) fn wanted(spec: Option<&str>, known: &[ColumnInfo], format: Format) -> Result<Vec<String>, Failure> {
    let default = || -> Vec<String> {
        let shown = known.iter().filter(|c| c.default_shown || format != Format::Table);
        shown.map(|c| c.name.clone()).collect()
    };
    let Some(spec) = spec else {
        return Ok(if format == Format::Table { default() } else { Vec::new() });
    };
    let items: Vec<&str> = spec.split(',').map(str::trim).filter(|s| !s.is_empty()).collect();
    let changes = items.iter().all(|i| i.starts_with(['+', '-']));
    let mut out = if changes { default() } else { Vec::new() };
    for item in items {
        let (remove, name) = match (item.strip_prefix('-'), item.strip_prefix('+')) {
            (Some(name), _) => (true, name),
            (None, Some(name)) => (false, name),
            (None, None) => (false, item),
        };
        let matching = matching(name, known)?;
        out.retain(|c| !matching.contains(c));
        if !remove {
            out.extend(matching);
        }
    }
    if out.is_empty() {
        return Err(Failure::usage(format!("--columns {spec} leaves no column")));
    }
    Ok(out)
}

/// The columns of a name, of a group (`up` or `up.*`) or of a pattern with `*`.
fn matching(name: &str, known: &[ColumnInfo]) -> Result<Vec<String>, Failure> {
    if known.is_empty() {
        return Ok(vec![name.to_owned()]);
    }
    let group = format!("{name}.");
    let exact = known.iter().any(|c| c.name == name);
    let fits = |c: &&ColumnInfo| match name.split_once('*') {
        Some((head, tail)) => {
            c.name.len() >= head.len() + tail.len() && c.name.starts_with(head) && c.name.ends_with(tail)
        }
        None if exact => c.name == name,
        None => c.name.starts_with(&group),
    };
    let found: Vec<String> = known.iter().filter(fits).map(|c| c.name.clone()).collect();
    if found.is_empty() {
        let names = known.iter().map(|c| c.name.as_str());
        let near = nearest(name, names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        return Err(Failure::usage(format!("there is no column `{name}`{near}\n  --columns help lists them")));
    }
    Ok(found)
}

/// The text of `--columns help`: name, unit and meaning of every column.
pub(crate) fn help(view: &str, about: &str, known: &[ColumnInfo]) -> String {
    let name_width = known.iter().map(|c| c.name.len()).max().unwrap_or(0);
    let unit_width = known.iter().map(|c| c.unit.len()).max().unwrap_or(0);
    let mut out = format!("{view}: {about}\nColumns (* = shown unless told otherwise):\n");
    for c in known {
        let mark = if c.default_shown { '*' } else { ' ' };
        let line = format!("{mark} {:name_width$}  {:unit_width$}  {}", c.name, c.unit, c.help);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<ColumnInfo> {
        [("flow", true), ("up.packets", true), ("up.ce_packets", false), ("down.packets", true), ("upper", false)]
            .map(|(name, default_shown)| ColumnInfo { name: name.to_owned(), default_shown, ..ColumnInfo::default() })
            .to_vec()
    }

    fn of(spec: Option<&str>, format: Format) -> String {
        wanted(spec, &known(), format).unwrap().join(" ")
    }

    #[test]
    fn columns_are_chosen_added_and_removed() {
        assert_eq!(of(None, Format::Table), "flow up.packets down.packets");
        assert_eq!(of(None, Format::Json), "", "all");
        assert_eq!(of(Some("down.packets,flow"), Format::Csv), "down.packets flow");
        assert_eq!(of(Some("+up.ce_packets,-flow"), Format::Table), "up.packets down.packets up.ce_packets");
        assert_eq!(of(Some("-up.*"), Format::Csv), "flow down.packets upper");
        assert_eq!(of(Some("flow,up"), Format::Table), "flow up.packets up.ce_packets");
        assert_eq!(of(Some("*.packets"), Format::Table), "up.packets down.packets");
        assert_eq!(of(Some("flow,-flow,upper"), Format::Table), "upper");
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest_one() {
        let e = wanted(Some("up.packet"), &known(), Format::Table).unwrap_err();
        assert!(e.text.contains("did you mean `up.packets`?"), "{}", e.text);
        assert!(wanted(Some("-*"), &known(), Format::Table).unwrap_err().text.contains("leaves no column"));
    }
}
