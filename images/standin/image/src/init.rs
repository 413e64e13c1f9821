//! Builds the guest's init with cargo: one static program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::Options;
use crate::error::BuildError;
use crate::run::run;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds the init, which takes no time when nothing changed, and returns its path.
pub(crate) fn build(options: &Options, progress: &dyn Fn(&str)) -> Result<PathBuf, BuildError> {
    let target_dir = options.out_dir.join("build");
    let program = target_dir.join(TARGET).join(&options.profile).join("standin");
    if !program.exists() {
        progress("compiling the guest (about a minute the first time)");
    }
    let mut cargo = Command::new(&options.cargo);
    for name in of_the_caller() {
        cargo.env_remove(name);
    }
    run(cargo
        .current_dir(&options.workspace)
        .args(["build", "--quiet", "--package", "standin", "--bin", "standin"])
        .args(["--profile", &options.profile, "--target", TARGET])
        .arg("--target-dir")
        .arg(&target_dir)
        // with --target these flags reach the guest's crates only, not build scripts
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET"))?;
    Ok(program)
}

/// What a cargo that runs or tests us says of our own package. Build scripts look at some of it, and would run again,
/// with minutes of compiling after them, whenever somebody else asks for the same guest.
fn of_the_caller() -> impl Iterator<Item = OsString> {
    const PREFIXES: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.to_str().is_some_and(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix))))
}
