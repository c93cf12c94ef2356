//! What the integration tests share.
#![allow(dead_code, reason = "not every test uses everything")]

use std::path::PathBuf;

/// The folder of shared captures beside the workspace. Without it a test says so and passes, except on CI.
pub(crate) fn captures() -> Option<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures");
    if dir.join("open").is_dir() {
        return Some(dir);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing and CI is set", dir.display());
    eprintln!("SKIPPED: {} is missing", dir.display());
    None
}

/// Every capture with the oracle's account of it: (capture, expected).
pub(crate) fn with_oracle() -> Vec<(PathBuf, serde_json::Value)> {
    let Some(dir) = captures() else { return Vec::new() };
    let mut out = Vec::new();
    for (captures, expected) in [("open", ""), ("open/malformed", "malformed"), ("lab", "lab__")] {
        for entry in std::fs::read_dir(dir.join(captures)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let json = match expected {
                "malformed" => dir.join("expected/oracle/malformed").join(format!("{name}.json")),
                prefix => dir.join("expected/oracle").join(format!("{prefix}{name}.json")),
            };
            if path.is_file() {
                let text = std::fs::read_to_string(&json).unwrap_or_else(|e| panic!("{}: {e}", json.display()));
                out.push((path, serde_json::from_str(&text).unwrap()));
            }
        }
    }
    assert!(out.len() > 100, "only {} captures found", out.len());
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// A classic capture file (little endian, us) of these frames: (time in us, wire length, bytes).
pub(crate) fn pcap(frames: &[(u64, u32, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for v in [0xa1b2_c3d4u32, 4 << 16 | 2, 0, 0, 65_535, 1] {
        out.extend(v.to_le_bytes());
    }
    for (us, wire, data) in frames {
        for v in [(us / 1_000_000) as u32, (us % 1_000_000) as u32, data.len() as u32, *wire] {
            out.extend(v.to_le_bytes());
        }
        out.extend(*data);
    }
    out
}
