//! The two commands of the README, and what they share: `cargo xtask demo` and `cargo xtask test`.
//!
//! Only the standard library, so that the first thing a newcomer waits for is not this.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to people")]

mod debian;
mod demo;
mod mending;
mod process;
mod standin;
mod suites;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask demo    set up this machine, build the stand-in guest, run matrices/demo.yaml, show what it found
cargo xtask test    set up this machine and pass every test
cargo xtask setup   only set up this machine for both
cargo xtask pictures
                    draw docs/mending.svg again, from what `coexist check` says of tests/mending
cargo xtask bench boot [TIMES]
                    power-on until a command has run in the guest, for each firmware, against its limit
";

fn main() -> ExitCode {
    let command: Vec<String> = std::env::args().skip(1).collect();
    let root = root();
    let done = match command.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["demo"] => demo::demo(&root),
        ["test"] => suites::test(&root),
        ["pictures"] => pictures(&root),
        ["bench", "boot", times @ ..] => bench(&root, "bench-boot", times),
        ["setup"] => debian::ensure(debian::Purpose::Test).map(|()| ExitCode::SUCCESS),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Runs one benchmark, on what it needs.
fn bench(root: &Path, name: &str, arguments: &[&str]) -> Result<ExitCode, String> {
    debian::ensure(debian::Purpose::Demo)?;
    standin::build_programs(root)?;
    standin::ensure(root)?;
    let run = ["run", "--quiet", "-p", "coexist", "--example", name, "--"];
    process::run(process::cargo(root, &[&run, arguments].concat())).map(|()| ExitCode::SUCCESS)
}

/// Draws the pictures of the README that come from the program's own output.
fn pictures(root: &Path) -> Result<ExitCode, String> {
    process::run(process::cargo(root, &["build", "--quiet", "-p", "coexist"]))?;
    let picture = mending::picture(&process::built("coexist")?, root)?;
    let place = root.join(mending::PLACE);
    std::fs::write(&place, picture).map_err(|error| format!("{}: {error}", place.display()))?;
    println!("{} is what `coexist check` says now", mending::PLACE);
    Ok(ExitCode::SUCCESS)
}

/// The repository, wherever it was checked out.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
