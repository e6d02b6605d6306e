//! Tells the program which compiler built it: `rolewarden_build_info` says so.

use std::process::Command;

fn main() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().map(|output| output.stdout);
    let text = String::from_utf8_lossy(&output.unwrap_or_default()).into_owned();
    let version = text.split(' ').nth(1).unwrap_or("unknown");
    println!("cargo::rustc-env=ROLEWARDEN_RUSTC={version}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ROLEWARDEN_REVISION");
}
