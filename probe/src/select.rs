//! What is metered and how sequence numbers are found, as people write it: `--rule`, `--rules`, `--extract`, `--extractors`.
//!
//! In: text of the command line or of a file. Out: [`Rule`]s and [`Extractor`]s of the meter, or a line that says what is
//! wrong and where. `docs/rules.md` is the description for users.

use std::fmt::Display;
use std::str::FromStr;

use sce_meter::{Anchor, Extractor, Rule, Stamp, StampFormat, Thresholds, Word};

/// The lines of a file that each are a `T`; empty ones and those that begin with `#` are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines<T>(pub Vec<T>);

/// Reads a file given on the command line.
///
/// # Errors
/// The file cannot be read, or the first line that is wrong, with its number.
pub fn lines<T: FromStr<Err: Display>>(path: &str) -> Result<Lines<T>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let of_interest = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    let parsed = of_interest
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(n, line)| line.parse().map_err(|e| format!("{path}, line {n}: {e}")));
    parsed.collect::<Result<_, String>>().map(Lines)
}

/// One `--extract`: an extractor, or those of a built-in profile on flows of the user's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extract(pub Vec<Extractor>);

/// All keys, for the hint after a wrong one.
const KEYS: &str = "name, profile, src, dst, sport, dport, proto, at, width, order, find, mask, search, stream, step, modulus, \
                    time, plausible, small, restart";
/// What `--extract` describes where it does not say otherwise: 32 bits at the start of the payload, in network order.
const WIDTH: u8 = 4;

impl FromStr for Extract {
    type Err = String;

    /// Reads `KEY=VALUE` words separated by blanks.
    fn from_str(text: &str) -> Result<Extract, String> {
        let words = Words::new(text)?;
        let flows = words.flows()?;
        let mut extractors = match words.get("profile") {
            Some(name) => words.profile(name)?,
            None => vec![words.extractor()?],
        };
        for e in &mut extractors {
            e.flows.clone_from(&flows);
            if let Some(name) = words.get("name") {
                name.clone_into(&mut e.name);
            }
            let Thresholds { small, restart } = e.thresholds;
            e.thresholds = Thresholds {
                small: words.number("small")?.unwrap_or(small),
                restart: words.number("restart")?.unwrap_or(restart),
            };
        }
        Ok(Extract(extractors))
    }
}

/// The words of one description.
struct Words<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Result<Words<'a>, String> {
        let known: Vec<&str> = KEYS.split(',').map(str::trim).collect();
        let mut out: Vec<(&str, &str)> = Vec::new();
        for word in text.split_whitespace() {
            let (key, value) =
                word.split_once('=').ok_or_else(|| format!("`{word}` is not KEY=VALUE; keys: {KEYS}"))?;
            if !known.contains(&key) {
                return Err(format!("unknown key `{key}`; keys: {KEYS}"));
            }
            if out.iter().any(|(k, _)| *k == key) {
                return Err(format!("`{key}` is given twice"));
            }
            out.push((key, value));
        }
        if out.is_empty() {
            return Err("nothing is described: write for example `dport=7000 at=0 width=4`".to_owned());
        }
        Ok(Words(out))
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
    }

    /// A number, decimal or with `0x`.
    fn number(&self, key: &str) -> Result<Option<u64>, String> {
        self.get(key).map(|v| number(key, v)).transpose()
    }

    /// The flows it is for: the fields of a rule, each any unless given, UDP unless another protocol is named.
    fn flows(&self) -> Result<Rule, String> {
        let field = |key| self.get(key).unwrap_or("-");
        let proto = self.get("proto").unwrap_or("udp");
        let text = format!("{} {} {} {} {proto}", field("src"), field("dst"), field("sport"), field("dport"));
        text.parse().map_err(|e: sce_meter::RuleError| e.to_string())
    }

    fn profile(&self, name: &str) -> Result<Vec<Extractor>, String> {
        let own = ["at", "width", "order", "find", "mask", "search", "stream", "step", "modulus", "time", "plausible"];
        if let Some((key, _)) = self.0.iter().find(|(k, _)| own.contains(k)) {
            return Err(format!("`{key}` is part of what profile={name} stands for: leave out one of them"));
        }
        let all = Extractor::profiles();
        let found: Vec<Extractor> = all.iter().filter(|e| e.name == name).cloned().collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let mut names: Vec<&str> = all.iter().map(|e| e.name.as_str()).collect();
        names.dedup();
        Err(format!("there is no profile `{name}`; there are: {}", names.join(", ")))
    }

    fn extractor(&self) -> Result<Extractor, String> {
        let width = self.number("width")?.unwrap_or(WIDTH.into());
        let sequence = Word {
            offset: offset("at", self.number("at")?.unwrap_or(0))?,
            width: width_of("width", width)?,
            little_endian: match self.get("order") {
                None | Some("big") => false,
                Some("little") => true,
                Some(other) => return Err(format!("order=`{other}`: write big (network order) or little")),
            },
        };
        let modulus = self.number("modulus")?.unwrap_or(0);
        if modulus == 1 || (sequence.width < 8 && modulus > 1 << (8 * u32::from(sequence.width))) {
            return Err(format!("modulus={modulus}: numbers of {width} bytes cannot wrap there"));
        }
        let step = self.number("step")?.unwrap_or(1);
        if step == 0 {
            return Err("step=0: consecutive packets must differ".to_owned());
        }
        Ok(Extractor {
            name: "user".to_owned(),
            flows: Rule::default(),
            anchor: self.anchor()?,
            sequence,
            stream: self.get("stream").map(|v| stream(v, sequence.little_endian)).transpose()?,
            step,
            modulus,
            time: self.get("time").map(|v| self.stamp(v)).transpose()?,
            thresholds: Thresholds {
                restart: if sequence.width > 2 { 1 << 20 } else { Thresholds::default().restart },
                ..Thresholds::default()
            },
        })
    }

    fn anchor(&self) -> Result<Option<Anchor>, String> {
        let Some(find) = self.get("find") else {
            let lonely = ["mask", "search"].into_iter().find(|k| self.get(k).is_some());
            return lonely.map_or(Ok(None), |k| Err(format!("`{k}` needs find=HEX, the bytes to look for")));
        };
        let bytes = hex("find", find)?;
        let mask = self.get("mask").map_or(Ok(Vec::new()), |m| hex("mask", m))?;
        if mask.len() > bytes.len() {
            return Err("mask is longer than find".to_owned());
        }
        // An anchor with bits outside of its mask would never be found.
        let masked = bytes.iter().enumerate().map(|(i, b)| b & mask.get(i).copied().unwrap_or(0xff)).collect();
        let search = offset("search", self.number("search")?.unwrap_or(1))?;
        Ok(Some(Anchor { bytes: masked, mask, search: search.max(1) }))
    }

    /// `OFFSET:FORMAT`.
    fn stamp(&self, text: &str) -> Result<Stamp, String> {
        let wrong = || format!("time=`{text}`: write OFFSET:FORMAT, with a format of ns, s-us, ntp, rtp");
        let (at, format) = text.split_once(':').ok_or_else(wrong)?;
        let format = match format {
            "ns" => StampFormat::Nanoseconds,
            "s-us" => StampFormat::SecondsMicroseconds,
            "ntp" => StampFormat::Ntp,
            "rtp" => StampFormat::Rtp,
            _ => return Err(wrong()),
        };
        let plausible = self.get("plausible").map_or(Ok(std::time::Duration::ZERO), crate::units::duration)?;
        Ok(Stamp { offset: offset("time", number("time", at)?)?, format, plausible_ns: crate::args::ns(plausible) })
    }
}

/// `OFFSET:WIDTH`.
fn stream(text: &str, little_endian: bool) -> Result<Word, String> {
    let (at, width) = text.split_once(':').ok_or_else(|| format!("stream=`{text}`: write OFFSET:WIDTH"))?;
    let (at, width) = (number("stream", at)?, number("stream", width)?);
    Ok(Word { offset: offset("stream", at)?, width: width_of("stream", width)?, little_endian })
}

fn number(key: &str, text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{key}=`{text}`: write a whole number, such as 12 or 0xc"))
}

fn offset(key: &str, value: u64) -> Result<usize, String> {
    // No payload is longer.
    if value <= 0xffff { Ok(value as usize) } else { Err(format!("{key}={value} lies beyond every payload")) }
}

fn width_of(key: &str, bytes: u64) -> Result<u8, String> {
    if (1..=8).contains(&bytes) {
        Ok(bytes as u8)
    } else {
        Err(format!("{key}: a width of {bytes} bytes; write 1 to 8"))
    }
}

fn hex(key: &str, text: &str) -> Result<Vec<u8>, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let pair = |p: &[u8]| std::str::from_utf8(p).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(|p| if p.len() == 2 { pair(p) } else { None }).collect();
    bytes
        .filter(|b| !b.is_empty())
        .ok_or_else(|| format!("{key}=`{text}`: write bytes as pairs of hexadecimal digits, such as cafe01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Extractor {
        let Extract(mut all) = text.parse().unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn wrong(text: &str) -> String {
        text.parse::<Extract>().unwrap_err()
    }

    #[test]
    fn a_description_says_where_the_number_stands() {
        let e = one("dport=7000");
        assert_eq!((e.name.as_str(), e.flows.to_string().as_str()), ("user", "- - - 7000 udp"));
        assert_eq!(e.sequence, Word { offset: 0, width: 4, little_endian: false });
        let e =
            one("name=game src=10.0.0.0/8 dport=[7000,7001] find=cafe mask=fff0 search=20 at=2 width=3 order=little \
             stream=8:4 step=10 modulus=1000 time=16:ns plausible=1h small=5 restart=90");
        assert_eq!((e.name.as_str(), e.flows.to_string().as_str()), ("game", "10.0.0.0/8 - - [7000,7001] udp"));
        assert_eq!(e.sequence, Word { offset: 2, width: 3, little_endian: true });
        assert_eq!(e.anchor, Some(Anchor { bytes: vec![0xca, 0xf0], mask: vec![0xff, 0xf0], search: 20 }));
        assert_eq!(e.stream, Some(Word { offset: 8, width: 4, little_endian: true }));
        assert_eq!((e.step, e.modulus, e.thresholds), (10, 1000, Thresholds { small: 5, restart: 90 }));
        let hour_ns = 3_600_000_000_000;
        assert_eq!(e.time, Some(Stamp { offset: 16, format: StampFormat::Nanoseconds, plausible_ns: hour_ns }));
        assert_eq!(one("proto=icmp at=4").flows.to_string(), "- - - - icmp");
    }

    #[test]
    fn a_profile_serves_the_flows_that_are_named() {
        let e = one("profile=iperf3 dport=9999");
        assert_eq!((e.name.as_str(), e.flows.to_string().as_str()), ("iperf3", "- - - 9999 udp"));
        assert_eq!("profile=irtt".parse::<Extract>().unwrap().0.len(), 2, "with and without HMAC");
        assert_eq!(one("profile=rtp dport=4000").name, "rtp");
    }

    #[test]
    fn mistakes_are_named() {
        assert!(wrong("offset=4").starts_with("unknown key `offset`; keys: name,"));
        assert!(wrong("at").starts_with("`at` is not KEY=VALUE"));
        assert_eq!(wrong("at=1 at=2"), "`at` is given twice");
        assert_eq!(wrong("at=x"), "at=`x`: write a whole number, such as 12 or 0xc");
        assert_eq!(wrong("width=9"), "width: a width of 9 bytes; write 1 to 8");
        assert_eq!(wrong("at=70000"), "at=70000 lies beyond every payload");
        assert_eq!(wrong("width=2 modulus=65537"), "modulus=65537: numbers of 2 bytes cannot wrap there");
        assert_eq!(wrong("step=0"), "step=0: consecutive packets must differ");
        assert_eq!(wrong("mask=ff"), "`mask` needs find=HEX, the bytes to look for");
        assert!(wrong("find=abc").starts_with("find=`abc`: write bytes as pairs"));
        assert!(wrong("find=zz").starts_with("find=`zz`"));
        assert!(wrong("time=4").starts_with("time=`4`: write OFFSET:FORMAT"));
        assert!(wrong("dport=99999").starts_with("`99999` is not a port"));
        assert!(wrong("profile=iperf9").starts_with("there is no profile `iperf9`; there are: irtt, antler, pktgen"));
        assert!(wrong("profile=rtp at=2").starts_with("`at` is part of what profile=rtp stands for"));
        assert!(wrong("").starts_with("nothing is described"));
    }

    #[test]
    fn a_file_has_one_a_line_and_comments() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rules");
        std::fs::write(&path, "# testbed\n10.0.0.0/8 - - [80,443] tcp\n\n  - - - 5201 -\n").unwrap();
        let Lines(rules) = lines::<Rule>(path.to_str().unwrap()).unwrap();
        assert_eq!(
            rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/8 - - [80,443] tcp", "- - - 5201 -"]
        );
        std::fs::write(&path, "- - - - tcp\n- - tcp\n").unwrap();
        let error = lines::<Rule>(path.to_str().unwrap()).unwrap_err();
        assert!(error.contains(", line 2: a rule has 5 fields, this one 3"), "{error}");
        assert!(lines::<Rule>("/nonexistent").unwrap_err().starts_with("/nonexistent: "));
    }
}
