//! Builds `bpf/*.bpf.c` with clang into `OUT_DIR`.
//!
//! Without clang an object is left empty: the probe still builds, and says what to install when a program is asked for.

use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: [&str; 3] = ["sockets", "capture", "sctp"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=bpf");
    println!("cargo::rerun-if-env-changed=CLANG");
    if std::env::var_os("CARGO_FEATURE_EBPF").is_none() {
        return;
    }
    let out_dir = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let mut missing: Vec<(&str, String)> = Vec::new();
    for name in PROGRAMS {
        let object = out_dir.join(format!("{name}.bpf.o"));
        if let Err(reason) = compile(&Path::new("bpf").join(format!("{name}.bpf.c")), &object) {
            missing.push((name, reason));
            if let Err(error) = std::fs::write(&object, []) {
                println!("cargo::error=cannot write {}: {error}", object.display());
            }
        }
    }
    if let [(_, reason), ..] = missing.as_slice() {
        let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        println!(
            "cargo::warning=kernel programs not built ({names}): {reason}; sce-probe will do without them and say so"
        );
        // A path that never exists makes cargo try again at the next build, when clang may be there.
        println!("cargo::rerun-if-changed={}", out_dir.join("retry").display());
    }
}

fn compile(source: &Path, object: &Path) -> Result<(), String> {
    let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang".into());
    // -mcpu=v3: 32-bit jumps, Linux 5.1. -g: the BTF that lets the kernel's struct layouts be looked up at load time.
    let output = Command::new(&clang)
        .args(["-O2", "-g", "-Wall", "-Werror", "-target", "bpf", "-mcpu=v3", "-c"])
        .arg(source)
        .arg("-o")
        .arg(object)
        .output()
        .map_err(|error| format!("{clang}: {error}, install clang"))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(format!("{clang}: {}", message.lines().next().unwrap_or("failed without a message")))
}
