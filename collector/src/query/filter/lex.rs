//! From text to tokens.

use super::{FilterError, Op};

/// A token and the bytes it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
    pub(super) len: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Name, number, address, pattern or keyword.
    Word(String),
    /// Text in quotes.
    Text(String),
    Op(Op),
    Glob,
    NotGlob,
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
}

/// The longest operators first.
const SIGNS: [(&str, Kind); 16] = [
    ("==", Kind::Op(Op::Eq)),
    ("!=", Kind::Op(Op::Ne)),
    ("<=", Kind::Op(Op::Le)),
    (">=", Kind::Op(Op::Ge)),
    ("!~", Kind::NotGlob),
    ("=~", Kind::Glob),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("=", Kind::Op(Op::Eq)),
    ("<", Kind::Op(Op::Lt)),
    (">", Kind::Op(Op::Gt)),
    ("~", Kind::Glob),
    ("(", Kind::Open),
    (")", Kind::Close),
    (",", Kind::Comma),
    ("!", Kind::Not),
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (kind, len) = token(text, at, c)?;
        out.push(Token { kind, at, len });
        at += len;
    }
    Ok(out)
}

fn token(text: &str, at: usize, first: char) -> Result<(Kind, usize), FilterError> {
    let rest = &text[at..];
    if first == '"' || first == '\'' {
        let end = rest[1..].find(first).ok_or_else(|| FilterError::new("the quote is not closed", at, rest.len()))?;
        return Ok((Kind::Text(String::from(&rest[1..=end])), end + 2));
    }
    if let Some((sign, kind)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Ok((kind.clone(), sign.len()));
    }
    let word = |c: char| c.is_alphanumeric() || "_.:/%*?+-[]@".contains(c);
    let len = rest.find(|c: char| !word(c)).unwrap_or(rest.len());
    if len == 0 {
        let text = format!("`{first}` means nothing here");
        return Err(FilterError::new(text, at, first.len_utf8()));
    }
    let kind = match rest[..len].to_ascii_lowercase().as_str() {
        "and" => Kind::And,
        "or" => Kind::Or,
        "not" => Kind::Not,
        _ => Kind::Word(String::from(&rest[..len])),
    };
    Ok((kind, len))
}
