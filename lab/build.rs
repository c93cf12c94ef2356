//! Builds `bpf/path.bpf.c` with clang into `OUT_DIR/path.bpf.o`.
//!
//! Without clang the object is left empty: the binary still builds, and says what to install when it needs the program.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let source = Path::new("bpf/path.bpf.c");
    let out_dir = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let object = out_dir.join("path.bpf.o");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", source.display());
    println!("cargo::rerun-if-env-changed=CLANG");

    if let Err(reason) = compile(source, &object) {
        println!(
            "cargo::warning=path program not built ({reason}): sce-lab will make networks, but cannot mark or count"
        );
        // A path that never exists makes cargo try again at the next build, when clang may be there.
        println!("cargo::rerun-if-changed={}", out_dir.join("retry").display());
        if let Err(error) = std::fs::write(&object, []) {
            println!("cargo::error=cannot write {}: {error}", object.display());
        }
    }
}

fn compile(source: &Path, object: &Path) -> Result<(), String> {
    let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang".into());
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    // Debian and Ubuntu keep asm/types.h in a directory per architecture, which `-target bpf` does not search.
    let include = format!("-I/usr/include/{arch}-linux-gnu");
    let output = Command::new(&clang)
        .args(["-O2", "-g", "-Wall", "-Werror", "-target", "bpf", "-mcpu=v3", &include, "-c"])
        .arg(source)
        .arg("-o")
        .arg(object)
        .output()
        .map_err(|error| format!("{clang}: {error}; install clang and linux-libc-dev"))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(format!("{clang}: {}", message.lines().next().unwrap_or("failed without a message")))
}
