//! From the text of a condition to its words.

use super::parse::Operator;
use crate::exit::Failure;

/// A word of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(String),
    Number(String),
    Text(String),
    Operator(Operator),
    Open,
    Close,
}

impl Token {
    /// As errors name it.
    pub(super) fn words(&self) -> String {
        match self {
            Token::Word(w) | Token::Number(w) => format!("`{w}`"),
            Token::Text(t) => format!("\"{t}\""),
            Token::Operator(_) => "another comparison".to_owned(),
            Token::Open => "`(`".to_owned(),
            Token::Close => "`)`".to_owned(),
        }
    }
}

const OPERATORS: [(&str, Operator); 8] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::MoreOrEqual),
    ("<", Operator::Less),
    (">", Operator::More),
    ("=", Operator::Equal),
    ("~", Operator::Like),
];

/// The words of a condition, each with its place.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Failure> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (length, token) = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if let Some((sign, operator)) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            (sign.len(), Token::Operator(*operator))
        } else if c == '(' || c == ')' {
            (1, if c == '(' { Token::Open } else { Token::Close })
        } else if c == '"' || c == '\'' {
            let end = rest[1..].find(c).ok_or_else(|| wrong(text, at, "this text has no end"))?;
            (end + 2, Token::Text(rest[1..=end].to_owned()))
        } else if c.is_ascii_digit() || c == '-' {
            let length = rest.find(|c: char| !(c.is_alphanumeric() || "-._/%:".contains(c))).unwrap_or(rest.len());
            (length, Token::Number(rest[..length].to_owned()))
        } else if c.is_alphabetic() {
            let length = rest.find(|c: char| !(c.is_alphanumeric() || "._:-".contains(c))).unwrap_or(rest.len());
            (length, Token::Word(rest[..length].to_owned()))
        } else {
            return Err(wrong(text, at, &format!("did not expect `{c}`")));
        };
        out.push((at, token));
        at += length;
    }
    Ok(out)
}

/// An error with a caret under its place.
pub(super) fn wrong(text: &str, at: usize, what: &str) -> Failure {
    let before = text[..at].chars().count();
    Failure::usage(format!("{what}\n  {text}\n  {}^", " ".repeat(before)))
}
