//! Rules that select flows: source, destination, ports and protocol, each a value, a list or any.
//!
//! In: the first packet of a flow. Out: whether a rule names it, in either direction. Rules are evaluated once per flow.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::packet::Packet;

/// One rule. An empty list matches everything; all five must match.
///
/// As text: `SRC DST SPORT DPORT PROTO`, fields separated by blanks, `-` for any, `[a,b]` for a list, addresses with an
/// optional prefix length, protocols by name or number.
///
/// ```
/// use sce_meter::Rule;
///
/// let rule: Rule = "10.0.0.0/8 - - [80,443] tcp".parse().unwrap();
/// assert_eq!(rule.to_string(), "10.0.0.0/8 - - [80,443] tcp");
/// let wrong = "10.0.0.300 - - - udp".parse::<Rule>().unwrap_err();
/// assert_eq!(wrong.to_string(), "`10.0.0.300` is not an address: write an IPv4 or IPv6 address, with or without /length");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Addresses of the source.
    pub sources: Vec<Prefix>,
    /// Addresses of the destination.
    pub destinations: Vec<Prefix>,
    /// Ports of the source.
    pub source_ports: Vec<u16>,
    /// Ports of the destination.
    pub destination_ports: Vec<u16>,
    /// IP protocol numbers.
    pub protocols: Vec<u8>,
}

/// An address with the number of its leading bits that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// The address.
    pub ip: IpAddr,
    /// Leading bits that count: at most 32 for IPv4, 128 for IPv6.
    pub bits: u8,
}

/// Why a rule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleError {
    /// Not five fields.
    Fields(usize),
    /// A field that is no address.
    Address(String),
    /// A field that is no port.
    Port(String),
    /// A field that is no protocol.
    Protocol(String),
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleError::Fields(n) => {
                write!(f, "a rule has 5 fields, this one {n}: write SRC DST SPORT DPORT PROTO, with - for any")
            }
            RuleError::Address(t) => {
                write!(f, "`{t}` is not an address: write an IPv4 or IPv6 address, with or without /length")
            }
            RuleError::Port(t) => write!(f, "`{t}` is not a port: write a number from 0 to 65535"),
            RuleError::Protocol(t) => {
                write!(f, "`{t}` is not a protocol: write tcp, udp, sctp, icmp, icmpv6, dccp, udplite or a number")
            }
        }
    }
}

impl std::error::Error for RuleError {}

const PROTOCOLS: [(&str, u8); 7] =
    [("icmp", 1), ("tcp", 6), ("udp", 17), ("dccp", 33), ("icmpv6", 58), ("sctp", 132), ("udplite", 136)];

impl Rule {
    /// All UDP flows.
    pub(crate) fn udp() -> Rule {
        Rule { protocols: vec![17], ..Rule::default() }
    }

    /// UDP flows to or from a port.
    pub(crate) fn udp_port(port: u16) -> Rule {
        Rule { destination_ports: vec![port], ..Rule::udp() }
    }

    /// Whether the rule names the flow of a packet: as it goes, or as its answer would go.
    pub(crate) fn selects_flow(&self, p: &Packet<'_>) -> bool {
        let (src, dst) = ((p.src.ip(p.v6), p.src_port), (p.dst.ip(p.v6), p.dst_port));
        let protocol = self.protocols.is_empty() || self.protocols.contains(&p.ip_proto);
        protocol && (self.matches(src, dst) || self.matches(dst, src))
    }

    fn matches(&self, src: (IpAddr, u16), dst: (IpAddr, u16)) -> bool {
        let address = |list: &[Prefix], ip| list.is_empty() || list.iter().any(|p| p.contains(ip));
        let port = |list: &[u16], port: u16| list.is_empty() || list.contains(&port);
        address(&self.sources, src.0)
            && address(&self.destinations, dst.0)
            && port(&self.source_ports, src.1)
            && port(&self.destination_ports, dst.1)
    }
}

impl Prefix {
    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let bits = u32::from(self.bits);
        match (self.ip, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                bits == 0 || (a.to_bits() ^ b.to_bits()) >> 32u32.saturating_sub(bits).min(31) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                bits == 0 || (a.to_bits() ^ b.to_bits()) >> 128u32.saturating_sub(bits).min(127) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Prefix {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Address(text.to_owned());
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
        let whole = if ip.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(whole), |b| b.parse().map_err(|_| wrong()))?;
        if bits > whole { Err(wrong()) } else { Ok(Prefix { ip, bits }) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bits == if self.ip.is_ipv4() { 32 } else { 128 } {
            write!(f, "{}", self.ip)
        } else {
            write!(f, "{}/{}", self.ip, self.bits)
        }
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [src, dst, sport, dport, proto] = fields[..] else {
            return Err(RuleError::Fields(fields.len()));
        };
        let port = |t: &str| t.parse().map_err(|_| RuleError::Port(t.to_owned()));
        let protocol = |t: &str| {
            let named = PROTOCOLS.iter().find(|p| p.0 == t.to_ascii_lowercase());
            named.map_or_else(|| t.parse().map_err(|_| RuleError::Protocol(t.to_owned())), |p| Ok(p.1))
        };
        Ok(Rule {
            sources: list(src, str::parse)?,
            destinations: list(dst, str::parse)?,
            source_ports: list(sport, port)?,
            destination_ports: list(dport, port)?,
            protocols: list(proto, protocol)?,
        })
    }
}

/// `-`, one value, or values in brackets.
fn list<T>(field: &str, read: impl Fn(&str) -> Result<T, RuleError>) -> Result<Vec<T>, RuleError> {
    if field == "-" {
        return Ok(Vec::new());
    }
    let inner = field.strip_prefix('[').and_then(|f| f.strip_suffix(']')).unwrap_or(field);
    inner.split(',').map(read).collect()
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |texts: Vec<String>| match texts.len() {
            0 => "-".to_owned(),
            1 => texts.concat(),
            _ => format!("[{}]", texts.join(",")),
        };
        let name = |n: &u8| PROTOCOLS.iter().find(|p| p.1 == *n).map_or_else(|| n.to_string(), |p| p.0.to_owned());
        write!(
            f,
            "{} {} {} {} {}",
            join(self.sources.iter().map(ToString::to_string).collect()),
            join(self.destinations.iter().map(ToString::to_string).collect()),
            join(self.source_ports.iter().map(ToString::to_string).collect()),
            join(self.destination_ports.iter().map(ToString::to_string).collect()),
            join(self.protocols.iter().map(name).collect()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(rule: &str, src: (&str, u16), dst: (&str, u16)) -> bool {
        let rule: Rule = rule.parse().unwrap();
        rule.matches((src.0.parse().unwrap(), src.1), (dst.0.parse().unwrap(), dst.1))
    }

    #[test]
    fn fields_are_and_lists_are_or() {
        let (a, b) = (("10.1.2.3", 4000), ("192.0.2.9", 443));
        assert!(matches("- - - - -", a, b));
        assert!(matches("10.1.0.0/16 192.0.2.9 - [80,443] tcp", a, b));
        assert!(!matches("10.1.0.0/16 192.0.2.9 - [80,8443] tcp", a, b));
        assert!(!matches("10.1.2.3 192.0.2.8 - - -", a, b));
        assert!(matches("[10.9.9.9,10.1.2.3] - 4000 - -", a, b));
        assert!(matches("2001:db8::/32 - - - -", ("2001:db8:1::1", 1), ("::1", 2)));
        assert!(!matches("2001:db8::/32 - - - -", a, b));
        assert!(matches("0.0.0.0/0 - - - -", a, b));
    }

    #[test]
    fn errors_name_the_field() {
        let cases = [
            ("a b c", RuleError::Fields(3)),
            ("10.0.0.0/33 - - - -", RuleError::Address("10.0.0.0/33".into())),
            ("- - 70000 - -", RuleError::Port("70000".into())),
            ("- - - [1,x] -", RuleError::Port("x".into())),
            ("- - - - tpc", RuleError::Protocol("tpc".into())),
        ];
        for (text, want) in cases {
            assert_eq!(text.parse::<Rule>(), Err(want), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_rule_prints_as_it_reads(
            sports in proptest::collection::vec(any::<u16>(), 0..3), protocols in proptest::collection::vec(any::<u8>(), 0..3),
            ip in any::<u32>(), bits in 0u8..33,
        ) {
            let source = Prefix { ip: IpAddr::V4(ip.into()), bits };
            let rule = Rule { sources: vec![source], source_ports: sports, protocols, ..Rule::default() };
            prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
        }
    }
}
