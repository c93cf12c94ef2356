//! Keeps `src/generated` and `docs/metrics.md` in step with `sce/v1/*.proto`.
//!
//! `UPDATE=1 cargo test -p sce-proto --test generated` rewrites the files; without it the test compares. protox compiles the
//! files in Rust, so nobody needs protoc.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

const FILES: [&str; 4] = ["sce/v1/records.proto", "sce/v1/ingest.proto", "sce/v1/query.proto", "sce/v1/admin.proto"];

#[test]
fn generated_code_matches_the_proto_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(FILES.map(|f| root.join(f)), [root]).expect("the .proto files compile");
    let out = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .out_dir(out.path())
        .bytes(".sce.v1.Batch.payload")
        .codec_path("crate::codec::Messages")
        .client_mod_attribute(".", "#[cfg(feature = \"rpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"rpc\")]")
        .compile_fds(descriptors.clone())
        .unwrap();
    let code = std::fs::read_to_string(out.path().join("sce.v1.rs")).unwrap();
    let records = descriptors.file.iter().find(|f| f.name().ends_with("records.proto")).unwrap();
    settle(root, "src/generated/sce.v1.rs", code.as_bytes());
    settle(root, "src/generated/fields.rs", field_lists(records).as_bytes());
    settle(root, "../docs/metrics.md", reference(records).as_bytes());
    settle(
        root,
        "src/generated/descriptors.bin",
        &prost::Message::encode_to_vec(&without_comments(descriptors.clone())),
    );
}

/// Compares, or with `UPDATE=1` writes.
fn settle(root: &Path, name: &str, new: &[u8]) {
    let path: PathBuf = root.join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, new).unwrap();
    }
    let old = std::fs::read(&path).unwrap_or_default();
    assert!(old == new, "{name} is out of date: run `UPDATE=1 cargo test -p sce-proto --test generated`");
}

/// Reflection serves names and types; comments would only make the binaries larger.
fn without_comments(mut set: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut set.file {
        file.source_code_info = None;
    }
    set
}

/// The `Record` implementations of all messages in records.proto.
fn field_lists(file: &FileDescriptorProto) -> String {
    let mut out = String::from("// @generated from records.proto by tests/generated.rs. Do not edit.\n");
    for (at, message) in file.message_type.iter().enumerate() {
        record(&mut out, message, |field| comment(file, &[4, at as i32, 2, field as i32]));
    }
    out
}

fn record(out: &mut String, message: &DescriptorProto, help: impl Fn(usize) -> String) {
    let name = message.name();
    let names: Vec<&str> = message.field.iter().map(|f| f.name()).collect();
    writeln!(out, "impl Record for {name} {{").unwrap();
    writeln!(out, "    const TABLE: &'static str = {:?};", snake(name)).unwrap();
    writeln!(out, "    const FIELDS: &'static [Field] = &[").unwrap();
    for (i, field) in message.field.iter().enumerate() {
        let help = help(i);
        let (key, help) = match help.strip_prefix("Key: ") {
            Some(rest) => (true, rest.to_owned()),
            None => (false, help),
        };
        assert!(!help.is_empty(), "{name}.{} has no comment", field.name());
        let kind = kind(field.r#type());
        let merge = if key { "Key" } else { merge(field.name(), kind) };
        let count = if matches!(merge, "Min") { count_of(field.name(), &names) } else { None };
        writeln!(
            out,
            "        Field {{ number: {}, name: {:?}, kind: Kind::{kind}, merge: Merge::{merge}, count: {:?}, unit: {:?}, help: {:?} }},",
            field.number(),
            field.name(),
            count.unwrap_or(""),
            unit(field.name(), kind),
            help
        )
        .unwrap();
    }
    writeln!(out, "    ];").unwrap();
    writeln!(out, "    fn get(&self, field: usize) -> ValueRef<'_> {{\n        match field {{").unwrap();
    for (i, field) in message.field.iter().enumerate() {
        let value = match field.r#type() {
            Type::Uint64 => format!("ValueRef::U64(self.{})", field.name()),
            Type::Uint32 => format!("ValueRef::U64(u64::from(self.{}))", field.name()),
            Type::Int64 => format!("ValueRef::I64(self.{})", field.name()),
            Type::String => format!("ValueRef::Str(&self.{})", field.name()),
            Type::Bytes => format!("ValueRef::Bytes(&self.{})", field.name()),
            other => panic!("{name}.{}: records are flat, {other:?} is not allowed", field.name()),
        };
        writeln!(out, "            {i} => {value},").unwrap();
    }
    writeln!(out, "            _ => ValueRef::U64(0),\n        }}\n    }}").unwrap();
    writeln!(out, "    fn for_each_set<'a>(&'a self, mut each: impl FnMut(usize, ValueRef<'a>)) {{").unwrap();
    for (i, field) in message.field.iter().enumerate() {
        let name = field.name();
        let (set, value) = match field.r#type() {
            Type::Uint64 => (format!("self.{name} != 0"), format!("ValueRef::U64(self.{name})")),
            Type::Uint32 => (format!("self.{name} != 0"), format!("ValueRef::U64(u64::from(self.{name}))")),
            Type::Int64 => (format!("self.{name} != 0"), format!("ValueRef::I64(self.{name})")),
            Type::String => (format!("!self.{name}.is_empty()"), format!("ValueRef::Str(&self.{name})")),
            _ => (format!("!self.{name}.is_empty()"), format!("ValueRef::Bytes(&self.{name})")),
        };
        writeln!(out, "        if {set} {{\n            each({i}, {value});\n        }}").unwrap();
    }
    writeln!(out, "    }}").unwrap();
    writeln!(out, "    fn set(&mut self, field: usize, value: ValueRef<'_>) {{\n        match field {{").unwrap();
    for (i, field) in message.field.iter().enumerate() {
        let value = match field.r#type() {
            Type::Uint64 => "value.u64()",
            Type::Uint32 => "u32::try_from(value.u64()).unwrap_or(u32::MAX)",
            Type::Int64 => "value.i64()",
            Type::String => "value.str().to_owned()",
            _ => "value.bytes().to_vec()",
        };
        writeln!(out, "            {i} => self.{} = {value},", field.name()).unwrap();
    }
    writeln!(out, "            _ => {{}}\n        }}\n    }}\n}}").unwrap();
}

/// The reference of all fields, for people.
fn reference(file: &FileDescriptorProto) -> String {
    let mut out = String::from(
        "# Metrics: every field of every record\n\n\
         Generated from `proto/sce/v1/records.proto`; do not edit. The same names are columns, JSON keys and `--columns`.\n\
         *Merge* tells how values of several intervals become one: `key` is what the record is about, the others are what\n\
         their names say. Every counter is a difference since the record before; sums over a flow's life are exact.\n",
    );
    for (at, message) in file.message_type.iter().enumerate() {
        let about = leading(file, &[4, at as i32]);
        writeln!(
            out,
            "\n## {}\n\n{about}\n\n| field | unit | merge | meaning |\n| --- | --- | --- | --- |",
            message.name()
        )
        .unwrap();
        for (i, field) in message.field.iter().enumerate() {
            let help = comment(file, &[4, at as i32, 2, i as i32]);
            let kind = kind(field.r#type());
            let (rule, help) = match help.strip_prefix("Key: ") {
                Some(rest) => ("key".to_owned(), rest.to_owned()),
                None => (merge(field.name(), kind).to_lowercase(), help),
            };
            let help = help.replace('|', "\\|").replace('<', "&lt;");
            writeln!(out, "| `{}` | {} | {rule} | {help} |", field.name(), unit(field.name(), kind)).unwrap();
        }
    }
    out
}

fn kind(t: Type) -> &'static str {
    match t {
        Type::Int64 => "I64",
        Type::String => "Str",
        Type::Bytes => "Bytes",
        _ => "U64",
    }
}

/// The grammar of names: how two values of one field become one.
fn merge(name: &str, kind: &str) -> &'static str {
    let is = |suffix: &str| name.ends_with(suffix);
    match kind {
        _ if is("_last") => "Last",
        _ if is("_sketch") => "Sketch",
        "Str" | "Bytes" => panic!("{name}: text and bytes are keys, _last or _sketch"),
        _ if is("_min") || name.starts_with("first_") => "Min",
        _ if is("_max") || name.starts_with("last_") => "Max",
        _ if is("_bits") => "Or",
        _ => "Sum",
    }
}

/// The field that tells whether a minimum was measured: `rtt_count` for `rtt_ns_min`, else `packets`.
fn count_of<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    if name.starts_with("first_") && name != "first_ns" {
        return None; // the time of the first packet of some kind: 0 where there was none
    }
    let stem =
        name.trim_end_matches("_min").trim_end_matches("_ns").trim_end_matches("_bytes").trim_end_matches("_packets");
    let own = format!("{stem}_count");
    names.iter().find(|n| **n == own).or_else(|| names.iter().find(|n| **n == "packets")).copied()
}

fn unit(name: &str, kind: &str) -> &'static str {
    let stem = ["_min", "_max", "_last", "_sum"].iter().fold(name, |n, s| n.strip_suffix(s).unwrap_or(n));
    match () {
        () if kind == "Str" || kind == "Bytes" => "",
        () if stem.ends_with("_ns") || stem.contains("_ns_") => "ns",
        () if stem.ends_with("_ppm") => "ppm",
        () if stem.ends_with("_us2") => "us^2",
        () if stem.ends_with("bytes") => "bytes",
        () if stem.ends_with("packets") || stem.ends_with("acks") => "packets",
        () if stem.ends_with("segments") || stem.starts_with("tcp_") => "segments",
        () if stem.ends_with("frames") => "frames",
        () if stem.ends_with("chunks") => "chunks",
        () if stem.ends_with("_bits") => "bit set",
        () => "",
    }
}

fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let info = file.source_code_info.as_ref().expect("protox keeps comments");
    let location = info.location.iter().find(|l| l.path == path);
    // A field's comment stands behind it; a heading of a group may stand before it.
    let text =
        location.map(|l| if l.trailing_comments().is_empty() { l.leading_comments() } else { l.trailing_comments() });
    text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The comment before a message; what follows its brace belongs to the first field.
fn leading(file: &FileDescriptorProto, path: &[i32]) -> String {
    let info = file.source_code_info.as_ref().expect("protox keeps comments");
    let text = info.location.iter().find(|l| l.path == path).map(|l| l.leading_comments()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
