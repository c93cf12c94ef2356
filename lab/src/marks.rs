//! What a router does to packets, as written on the command line.
//!
//! In: text such as `sce=0.1,ce=0.01,drop=0.005,dir=up,proto=tcp+udp`. Out: a checked [`Marks`]. Pure.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which way a decision applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dir {
    /// Client to server.
    Up,
    /// Server to client.
    Down,
    #[default]
    Both,
}

/// Protocol classes that can be selected, with their bit in the kernel program.
const PROTOS: [(&str, u64); 4] = [("tcp", 1), ("udp", 2), ("icmp", 4), ("other", 8)];
const ALL_PROTOS: u64 = 15;

/// Probabilities and selection of one router. A single draw decides among drop, CE, SCE and bleaching.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Marks {
    pub(crate) sce: f64,
    pub(crate) ce: f64,
    pub(crate) drop: f64,
    pub(crate) bleach: f64,
    /// Clears AE (ESCE) on TCP packets, by an own draw.
    pub(crate) ae: f64,
    pub(crate) dir: Dir,
    /// Bits of `PROTO_*`.
    pub(crate) protos: u64,
    /// Only packets that carry payload.
    pub(crate) payload_only: bool,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            sce: 0.0,
            ce: 0.0,
            drop: 0.0,
            bleach: 0.0,
            ae: 0.0,
            dir: Dir::Both,
            protos: ALL_PROTOS,
            payload_only: false,
        }
    }
}

impl FromStr for Marks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut marks = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').ok_or_else(|| format!("{item:?} is not NAME=VALUE"))?;
            match name {
                "sce" => marks.sce = probability(name, value)?,
                "ce" => marks.ce = probability(name, value)?,
                "drop" => marks.drop = probability(name, value)?,
                "bleach" => marks.bleach = probability(name, value)?,
                "ae" => marks.ae = probability(name, value)?,
                "dir" => marks.dir = direction(value)?,
                "proto" => marks.protos = protos(value)?,
                "what" => marks.payload_only = payload_only(value)?,
                other => {
                    return Err(format!("{other:?} is unknown: use sce, ce, drop, bleach, ae, dir, proto or what"));
                }
            }
        }
        let sum = marks.drop + marks.ce + marks.sce + marks.bleach;
        if sum > 1.0 + 1e-9 {
            return Err(format!(
                "drop, ce, sce and bleach exclude each other, so they may add up to 1 at most, not {sum}"
            ));
        }
        Ok(marks)
    }
}

impl Marks {
    /// True when packets pass unchanged.
    pub(crate) fn is_quiet(&self) -> bool {
        self.sce + self.ce + self.drop + self.bleach + self.ae == 0.0
    }

    /// Whether the decisions apply to packets that go this way (`true`: client to server).
    pub(crate) fn applies(&self, up: bool) -> bool {
        match self.dir {
            Dir::Both => true,
            Dir::Up => up,
            Dir::Down => !up,
        }
    }
}

/// The share of a 32-bit draw that a probability takes, so that 1 takes all of it.
pub(crate) fn threshold(probability: f64) -> u64 {
    (probability * 4_294_967_296.0).round() as u64
}

fn probability(name: &str, value: &str) -> Result<f64, String> {
    match value.parse::<f64>() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        _ => Err(format!("{name}={value}: a probability is a number from 0 to 1")),
    }
}

fn direction(value: &str) -> Result<Dir, String> {
    match value {
        "up" => Ok(Dir::Up),
        "down" => Ok(Dir::Down),
        "both" => Ok(Dir::Both),
        _ => Err(format!("dir={value}: use up (client to server), down or both")),
    }
}

fn protos(value: &str) -> Result<u64, String> {
    if value == "all" {
        return Ok(ALL_PROTOS);
    }
    value.split('+').try_fold(0, |bits, name| {
        let found = PROTOS.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, bit)| bits | bit)
            .ok_or_else(|| format!("proto={name}: use tcp, udp, icmp, other, joined by +, or all"))
    })
}

fn payload_only(value: &str) -> Result<bool, String> {
    match value {
        "payload" => Ok(true),
        "all" => Ok(false),
        _ => Err(format!("what={value}: use payload or all")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_setting() {
        let marks: Marks =
            "sce=0.1, ce=0.01,drop=0.005,bleach=0.2,ae=1,dir=up,proto=tcp+icmp,what=payload".parse().unwrap();
        assert_eq!((marks.sce, marks.ce, marks.drop, marks.bleach, marks.ae), (0.1, 0.01, 0.005, 0.2, 1.0));
        assert_eq!((marks.dir, marks.protos, marks.payload_only), (Dir::Up, 5, true));
        assert!(marks.applies(true) && !marks.applies(false));
        assert!("".parse::<Marks>().unwrap().is_quiet());
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| text.parse::<Marks>().unwrap_err();
        assert!(error("sce").contains("NAME=VALUE"));
        assert!(error("sce=1.5").contains("from 0 to 1"));
        assert!(error("sce=nan").contains("from 0 to 1"));
        assert!(error("mark=1").contains("unknown"));
        assert!(error("sce=0.6,drop=0.6").contains("add up"));
        assert!(error("proto=sctp").contains("tcp, udp"));
        assert!(error("dir=left").contains("client to server"));
    }

    #[test]
    fn certainty_takes_every_draw() {
        assert_eq!(threshold(0.0), 0);
        assert_eq!(threshold(1.0), u64::from(u32::MAX) + 1);
        assert_eq!(threshold(0.5), 1 << 31);
    }
}
