//! From tokens to an expression.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::lex::{Kind, Token, tokens};
use super::{Expr, FilterError, Name, Op, Operand, Side, Test, proto_number, value};

/// Depth of parentheses and negations.
const DEPTH: usize = 64;
/// Longest filter, bytes.
const LENGTH: usize = 16 << 10;

/// Reads a filter; an empty one holds for every row.
///
/// # Errors
/// [`FilterError`] with the position.
pub fn parse(text: &str) -> Result<Expr, FilterError> {
    if text.len() > LENGTH {
        return Err(FilterError::new(format!("the filter is longer than {LENGTH} bytes"), 0, 1));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.len(), depth: 0 };
    if parser.tokens.is_empty() {
        return Ok(Expr::And(Vec::new()));
    }
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(FilterError::new("this closes nothing", token.at, token.len)),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn kind(&self) -> Option<&Kind> {
        self.peek().map(|t| &t.kind)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn eat(&mut self, kind: &Kind) -> bool {
        let found = self.kind() == Some(kind);
        self.next += usize::from(found);
        found
    }

    /// What is missing at the next token or at the end.
    fn missing(&self, what: &str) -> FilterError {
        match self.peek() {
            Some(token) => FilterError::new(format!("{what} is expected here"), token.at, token.len),
            None => FilterError::new(format!("{what} is missing at the end"), self.end, 1),
        }
    }

    fn or(&mut self) -> Result<Expr, FilterError> {
        let mut any = vec![self.and()?];
        while self.eat(&Kind::Or) {
            any.push(self.and()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Expr::Or(any) })
    }

    /// `and` may be left out between two tests, as tcpdump's users sometimes do.
    fn and(&mut self) -> Result<Expr, FilterError> {
        let mut all = vec![self.not()?];
        while self.eat(&Kind::And)
            || matches!(self.kind(), Some(Kind::Word(_) | Kind::Text(_) | Kind::Open | Kind::Not))
        {
            all.push(self.not()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn not(&mut self) -> Result<Expr, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.missing("less nesting"));
        }
        let expr = if self.eat(&Kind::Not) {
            Expr::Not(Box::new(self.not()?))
        } else if self.eat(&Kind::Open) {
            let inner = self.or()?;
            if !self.eat(&Kind::Close) {
                return Err(self.missing("`)`"));
            }
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn word(&mut self, what: &str) -> Result<Name, FilterError> {
        match self.peek().cloned() {
            Some(Token { kind: Kind::Word(text) | Kind::Text(text), at, .. }) => {
                self.next += 1;
                Ok(Name { text, at })
            }
            _ => Err(self.missing(what)),
        }
    }

    fn test(&mut self) -> Result<Expr, FilterError> {
        let name = self.word("a column, `host`, `net`, `port` or a protocol")?;
        let side = match name.text.as_str() {
            "src" => Side::Src,
            "dst" => Side::Dst,
            _ => Side::Any,
        };
        let compares = matches!(self.kind(), Some(Kind::Op(_) | Kind::Glob | Kind::NotGlob)) || self.at_in();
        match name.text.as_str() {
            "src" | "dst" if !compares => self.sided(side),
            "host" | "net" if !compares => self.network(Side::Any).map(Expr::Test),
            "port" if !compares => self.port(Side::Any),
            _ if compares => self.compare(name),
            _ => Ok(Expr::Test(match super::PROTOS.iter().find(|p| p.0 == name.text) {
                Some((_, number)) => Test::Proto(vec![*number]),
                None => Test::Set(name),
            })),
        }
    }

    fn at_in(&self) -> bool {
        let open = self.tokens.get(self.next + 1).map(|t| &t.kind) == Some(&Kind::Open);
        open && matches!(self.kind(), Some(Kind::Word(w)) if w.eq_ignore_ascii_case("in"))
    }

    /// `src host X`, `dst port N`, `src X`.
    fn sided(&mut self, side: Side) -> Result<Expr, FilterError> {
        match self.kind() {
            Some(Kind::Word(w)) if w == "port" => {
                self.next += 1;
                self.port(side)
            }
            Some(Kind::Word(w)) if w == "host" || w == "net" => {
                self.next += 1;
                self.network(side).map(Expr::Test)
            }
            _ => self.network(side).map(Expr::Test),
        }
    }

    fn network(&mut self, side: Side) -> Result<Test, FilterError> {
        let name = self.word("an address or a network")?;
        let (low, high) = network(&name)?;
        Ok(Test::Net(side, low, high))
    }

    fn port(&mut self, side: Side) -> Result<Expr, FilterError> {
        let name = self.word("a port")?;
        Ok(Expr::Test(Test::Port(side, Op::Eq, vec![port(&name)?])))
    }

    fn compare(&mut self, name: Name) -> Result<Expr, FilterError> {
        let (op, negate) = match self.take().map(|t| t.kind) {
            Some(Kind::Op(op)) => (Some(op), false),
            Some(Kind::Glob) => (None, false),
            Some(Kind::NotGlob) => (None, true),
            _ => return self.list(&name),
        };
        let Some(op) = op else {
            let pattern = self.word("a pattern")?.text;
            let glob = Expr::Test(Test::Glob(name, pattern));
            return Ok(if negate { Expr::Not(Box::new(glob)) } else { glob });
        };
        let equality = matches!(op, Op::Eq | Op::Ne);
        let special = |test: Test| {
            let expr = Expr::Test(test);
            if op == Op::Ne { Expr::Not(Box::new(expr)) } else { expr }
        };
        match subject(&name.text) {
            Some(Subject::Net(side)) if equality => Ok(special(self.network(side)?)),
            Some(Subject::Port(side)) => {
                let value = self.word("a port")?;
                // "neither side is" and not "one side is not".
                let positive = if op == Op::Ne { Op::Eq } else { op };
                Ok(special(Test::Port(side, positive, vec![port(&value)?])))
            }
            Some(Subject::Proto) if equality => {
                let value = self.word("a protocol")?;
                Ok(special(Test::Proto(vec![protocol(&value)?])))
            }
            Some(_) => Err(FilterError::new(format!("`{}` knows only = and !=", name.text), name.at, name.text.len())),
            None => {
                let operand = self.operand()?;
                Ok(Expr::Test(Test::Compare(name, op, operand)))
            }
        }
    }

    fn operand(&mut self) -> Result<Operand, FilterError> {
        match self.take() {
            Some(Token { kind: Kind::Text(text), .. }) => Ok(Operand::Text(text)),
            Some(Token { kind: Kind::Word(text), at, len }) => match value::number(&text) {
                Some(Ok(number)) => Ok(Operand::Number(number, text)),
                // An address or an identifier that begins with a digit is a word.
                Some(Err(unit))
                    if text.parse::<IpAddr>().is_err() && !unit.starts_with(['.', ':', '-', '/']) && !hex(&text) =>
                {
                    let known = value::KNOWN;
                    Err(FilterError::new(format!("`{unit}` is not a unit; known are {known}"), at, len))
                }
                _ => Ok(Operand::Word(Name { text, at })),
            },
            _ => {
                self.next -= 1;
                Err(self.missing("a value"))
            }
        }
    }

    /// `name in (a, b)`.
    fn list(&mut self, name: &Name) -> Result<Expr, FilterError> {
        self.next += 1;
        let mut items = Vec::new();
        loop {
            let at = self.next;
            items.push((self.operand()?, at));
            if self.eat(&Kind::Close) {
                break;
            }
            if !self.eat(&Kind::Comma) {
                return Err(self.missing("`,` or `)`"));
            }
        }
        let names = items.iter().map(|(_, at)| match &self.tokens[*at] {
            Token { kind: Kind::Word(text) | Kind::Text(text), at, .. } => Name { text: text.clone(), at: *at },
            token => Name { text: String::new(), at: token.at },
        });
        Ok(match subject(&name.text) {
            Some(Subject::Net(side)) => {
                let nets = names.map(|n| network(&n).map(|(low, high)| Expr::Test(Test::Net(side, low, high))));
                Expr::Or(nets.collect::<Result<_, _>>()?)
            }
            Some(Subject::Port(side)) => {
                let ports = names.map(|n| port(&n)).collect::<Result<_, _>>()?;
                Expr::Test(Test::Port(side, Op::Eq, ports))
            }
            Some(Subject::Proto) => Expr::Test(Test::Proto(names.map(|n| protocol(&n)).collect::<Result<_, _>>()?)),
            None => Expr::Test(Test::In(name.clone(), items.into_iter().map(|i| i.0).collect())),
        })
    }
}

/// Names with a meaning of their own.
enum Subject {
    Net(Side),
    Port(Side),
    Proto,
}

fn subject(name: &str) -> Option<Subject> {
    Some(match name {
        "host" | "net" | "ip" => Subject::Net(Side::Any),
        "src" => Subject::Net(Side::Src),
        "dst" => Subject::Net(Side::Dst),
        "port" => Subject::Port(Side::Any),
        "sport" => Subject::Port(Side::Src),
        "dport" => Subject::Port(Side::Dst),
        "proto" => Subject::Proto,
        _ => return None,
    })
}

fn hex(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn port(name: &Name) -> Result<u16, FilterError> {
    let wrong = || FilterError::new(format!("`{}` is not a port (0 to 65535)", name.text), name.at, name.text.len());
    name.text.parse().map_err(|_| wrong())
}

fn protocol(name: &Name) -> Result<u8, FilterError> {
    let wrong = || {
        let text = format!("`{}` is not a protocol; write tcp, udp, icmp, icmpv6, sctp or a number", name.text);
        FilterError::new(text, name.at, name.text.len())
    };
    proto_number(&name.text).ok_or_else(wrong)
}

/// First and last address of `10.0.0.1`, `10.0.0.0/8`, `10/8`, `10.1`, `fe80::/10`.
fn network(name: &Name) -> Result<(IpAddr, IpAddr), FilterError> {
    let wrong = || {
        let text = format!("`{}` is not an address or a network like 10.0.0.0/8", name.text);
        FilterError::new(text, name.at, name.text.len())
    };
    let (address, bits) = match name.text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| wrong())?)),
        None => (name.text.as_str(), None),
    };
    let address = address.trim_start_matches('[').trim_end_matches(']');
    if let Ok(v6) = address.parse::<Ipv6Addr>() {
        let bits = bits.unwrap_or(128);
        let hosts = if bits > 128 { return Err(wrong()) } else { u128::MAX.checked_shr(bits).unwrap_or(0) };
        let low = u128::from(v6) & !hosts;
        return Ok((Ipv6Addr::from(low).into(), Ipv6Addr::from(low | hosts).into()));
    }
    let parts: Vec<u8> = address.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    if parts.len() > 4 || (parts.len() < 4 && bits.is_none() && parts.len() == 1) {
        return Err(wrong());
    }
    let bits = bits.unwrap_or(parts.len() as u32 * 8);
    let hosts = if bits > 32 { return Err(wrong()) } else { u32::MAX.checked_shr(bits).unwrap_or(0) };
    let full: Vec<u8> = parts.into_iter().chain([0; 4]).take(4).collect();
    let low = full.iter().fold(0u32, |all, part| (all << 8) | u32::from(*part)) & !hosts;
    Ok((Ipv4Addr::from(low).into(), Ipv4Addr::from(low | hosts).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (String, usize, usize) {
        let e = parse(text).unwrap_err();
        (e.text, e.at, e.len)
    }

    #[test]
    fn tcpdump_reflexes_work() {
        let same = |a: &str, b: &str| assert_eq!(parse(a).unwrap(), parse(b).unwrap(), "{a} | {b}");
        same("host 10.0.0.1", "host=10.0.0.1");
        same("net 10/8", "net=10.0.0.0/8");
        same("src net 10/8 and dst port 443", "src=10.0.0.0/8 dport=443");
        same("tcp and port 443", "proto=tcp && port == 443");
        same("src 10.0.0.1 or dst 10.0.0.2", "src=10.0.0.1 || dst=10.0.0.2");
        same("not udp", "!udp");
        same("dport in (443, 8443)", "dport in (443,8443)");
    }

    #[test]
    fn errors_know_their_place() {
        assert_eq!(error("up.lost>"), (String::from("a value is missing at the end"), 8, 1));
        assert_eq!((error("port 70000").1, error("port 70000").2), (5, 5));
        assert_eq!(error("(tcp").0, "`)` is missing at the end");
        assert_eq!(error("tcp)").1, 3);
        assert_eq!(error("rtt>5lightyears").1, 4);
        assert_eq!(error("host 10.0.0.300").1, 5);
        assert_eq!(error("a='b").1, 2);
        assert!(parse(&"(".repeat(5000)).is_err());
        assert_eq!(parse("x = §").unwrap_err().lines("x = §"), "`§` means nothing here\n  x = §\n      ^");
    }

    #[test]
    fn an_empty_filter_holds_always() {
        assert_eq!(parse("  ").unwrap(), Expr::And(vec![]));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            if let Err(e) = parse(&text) {
                proptest::prop_assert!(e.at <= text.len());
                let _ = e.lines(&text);
            }
        }
        #[test]
        fn no_words_panic(words in proptest::collection::vec("(and|or|not|\\(|\\)|host|src|port|10/8|443|in|,|=|>|~|a\\.b|5ms|\")", 0..12)) {
            let _ = parse(&words.join(" "));
        }
    }
}
