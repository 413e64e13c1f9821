//! The two commands of the README, and what they share: `cargo xtask demo` and `cargo xtask test`.
//!
//! Only the standard library, so that the first thing a newcomer waits for is not this.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to people")]

mod debian;
mod demo;
mod mending;
mod process;
mod soak;
mod standin;
mod suites;
mod tell;

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
cargo xtask bench sftp [TIMES]
                    a gigabyte from this machine's OpenSSH server, by its own sftp and by us; fails below 0.7 of it
cargo xtask bench evidence
                    a small dump, a sparse bitmap dump of 8 GB and an event log, each against its limit; COEXIST_SAMPLES
                    names a folder of real ones to measure beside the built ones
cargo xtask bench plan [--models FOLDER]… [--effort quick|normal|long]… [--only pairs|triples|extension]…
                    plans of the models in folders, or else of labs and classic ones: rows beside PICT's, CPU time, and
                    the checker's word, each against its limit; a `pict` on the path runs in the same run
cargo xtask soak fuzz [--minutes N] [TARGET…]
                    fuzz every reader of outside bytes, 10 minutes each; needs cargo-fuzz and a C++ compiler
cargo xtask soak seeds
                    write the seeds in tests/fuzz/corpus again, from the tests' builders
";

fn main() -> ExitCode {
    let command: Vec<String> = std::env::args().skip(1).collect();
    let root = root();
    let done = match command.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["demo"] => demo::demo(&root),
        ["test"] => suites::test(&root),
        ["pictures"] => pictures(&root),
        ["bench", "boot", times @ ..] => bench_boot(&root, times),
        ["bench", "sftp", times @ ..] => bench_sftp(&root, times),
        ["bench", "evidence"] => bench_evidence(&root),
        ["bench", "plan", options @ ..] => bench_plan(&root, options),
        ["soak", "seeds"] => soak::seeds(&root),
        ["soak", "fuzz", wanted @ ..] => soak::Wanted::parse(wanted).and_then(|wanted| soak::fuzz(&root, &wanted)),
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

/// Measures boots, on what they need.
fn bench_boot(root: &Path, times: &[&str]) -> Result<ExitCode, String> {
    debian::ensure(debian::Purpose::Demo)?;
    standin::build_programs(root)?;
    standin::ensure(root)?;
    let run = ["run", "--quiet", "-p", "coexist", "--example", "bench-boot", "--"];
    process::run(process::cargo(root, &[&run, times].concat())).map(|()| ExitCode::SUCCESS)
}

/// Measures fetching. Of the release build only what takes part in it is built.
fn bench_sftp(root: &Path, times: &[&str]) -> Result<ExitCode, String> {
    let run = ["run", "--quiet", "--release", "-p", "coexist-windows", "--example", "bench-sftp", "--"];
    process::run(process::cargo(root, &[&run, times].concat())).map(|()| ExitCode::SUCCESS)
}

/// Measures how long evidence takes to read.
fn bench_evidence(root: &Path) -> Result<ExitCode, String> {
    process::run(process::cargo(root, &["bench", "--quiet", "-p", "coexist-evidence", "--bench", "evidence"]))
        .map(|()| ExitCode::SUCCESS)
}

/// Measures plans: how many rows, how long, and whether they are complete.
fn bench_plan(root: &Path, options: &[&str]) -> Result<ExitCode, String> {
    let run = ["run", "--quiet", "--release", "-p", "coexist-plan-checker", "--example", "bench-plan", "--"];
    process::run(process::cargo(root, &[&run, options].concat())).map(|()| ExitCode::SUCCESS)
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
