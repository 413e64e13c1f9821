//! `cargo xtask soak fuzz`: every target of `tests/fuzz` for some minutes, from the inputs kept in the repository.
//!
//! cargo-fuzz runs on the pinned stable toolchain: without a sanitizer it asks for no unstable option. The readers are
//! Rust without `unsafe`; what a sanitizer would find is left to their libraries' own fuzzing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::process;

/// Minutes for each target unless the command line says otherwise.
const MINUTES: u64 = 10;
/// An input that takes longer is a finding, like a crash.
const SECONDS_AN_INPUT: u32 = 20;
/// Megabytes that one target may use, the fuzzer's own tables with it.
const MEGABYTES: u32 = 1024;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    minutes: u64,
    /// All where it is empty.
    targets: Vec<String>,
}

impl Wanted {
    /// Reads `[--minutes N] [TARGET…]`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut wanted = Self { minutes: MINUTES, targets: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            match argument {
                "--minutes" => {
                    let number = arguments.next().and_then(|text| text.parse().ok()).filter(|&minutes| minutes > 0);
                    wanted.minutes = number.ok_or("--minutes wants a number above 0")?;
                }
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                target => wanted.targets.push(target.to_owned()),
            }
        }
        Ok(wanted)
    }
}

/// Runs the targets one after the other, and says of each how far it came.
///
/// # Errors
/// When something that it needs is missing, or no such target exists.
pub(crate) fn fuzz(root: &Path, wanted: &Wanted) -> Result<ExitCode, String> {
    let cargo_fuzz = cargo_fuzz(root)?;
    let known = targets(root)?;
    if let Some(unknown) = wanted.targets.iter().find(|target| !known.contains(target)) {
        return Err(format!("no target {unknown}; there are {}", known.join(", ")));
    }
    let chosen = if wanted.targets.is_empty() { &known } else { &wanted.targets };
    println!("Building the targets with coverage; the first time takes minutes.");
    process::run(subcommand(root, &cargo_fuzz, "build", &[]))?;
    let mut broken = Vec::new();
    for target in chosen {
        println!("\n== {target}, {} min", wanted.minutes);
        match soak(root, &cargo_fuzz, target, wanted.minutes)? {
            Outcome { crash: None, status } => println!("{target}: clean; {status}"),
            Outcome { crash: Some(input), status } => {
                println!("{target}: BROKEN by {input}; {status}");
                println!("again: cargo fuzz run --fuzz-dir tests/fuzz -s none {target} {input}");
                broken.push(target.as_str());
            }
        }
    }
    println!("\n{} of {} targets clean", chosen.len() - broken.len(), chosen.len());
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes the seeds of every target again, as their builders make them.
///
/// # Errors
/// When they cannot be made, or a target breaks on them.
pub(crate) fn seeds(root: &Path) -> Result<ExitCode, String> {
    let mut command = process::cargo(root, &["test", "--quiet", "-p", "fuzz-targets", "--test", "replay", "seeds"]);
    command.env("COEXIST_ACCEPT", "1");
    process::run(command).map(|()| ExitCode::SUCCESS)
}

/// Where the fuzzer is built, keeps what it finds, and may be installed.
fn place(root: &Path) -> PathBuf {
    root.join("target/fuzz")
}

/// cargo-fuzz, from the path, or from where the message about its absence would have it installed.
fn cargo_fuzz(root: &Path) -> Result<PathBuf, String> {
    let own = place(root).join("cargo-fuzz");
    let found = [PathBuf::from("cargo-fuzz"), own.join("bin/cargo-fuzz")].into_iter().find(|program| answers(program));
    let missing =
        || format!("cargo-fuzz is missing, which drives the fuzzer: cargo install cargo-fuzz --root {}", own.display());
    let program = found.ok_or_else(missing)?;
    if !answers(Path::new("c++")) {
        return Err("a C++ compiler is missing, which builds the fuzzer's runtime: apt-get install g++".to_owned());
    }
    Ok(program)
}

fn answers(program: &Path) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Names of the targets: the folders of the corpus, which a test keeps equal to the programs.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let corpus = root.join("tests/fuzz/corpus");
    let entries = std::fs::read_dir(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn subcommand(root: &Path, cargo_fuzz: &Path, name: &str, rest: &[&str]) -> Command {
    let mut arguments = vec!["fuzz", name, "--fuzz-dir", "tests/fuzz", "--sanitizer", "none"];
    arguments.extend_from_slice(rest);
    let mut command = process::command(root, cargo_fuzz, &arguments);
    command.env("CARGO_TARGET_DIR", place(root).join("target"));
    command
}

/// What one target came to.
struct Outcome {
    /// The input that broke it.
    crash: Option<String>,
    /// Inputs tried and coverage, as the fuzzer said last.
    status: String,
}

fn soak(root: &Path, cargo_fuzz: &Path, target: &str, minutes: u64) -> Result<Outcome, String> {
    let found = place(root).join("corpus").join(target);
    std::fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    // New inputs go into the first folder; those of the repository are only read. One that breaks the target goes where
    // cargo-fuzz has them, tests/fuzz/artifacts.
    let (found, kept) = (found.to_string_lossy().into_owned(), format!("tests/fuzz/corpus/{target}"));
    let time = format!("-max_total_time={}", minutes * 60);
    let timeout = format!("-timeout={SECONDS_AN_INPUT}");
    let memory = format!("-rss_limit_mb={MEGABYTES}");
    let rest = [target, &found, &kept, "--", &time, &timeout, &memory, "-print_final_stats=1"];
    let command = subcommand(root, cargo_fuzz, "run", &rest);
    let mut progress = Progress::default();
    let good = process::watch_errors(command, |line| progress.see(line))?.success();
    if !good && progress.crash.is_none() {
        return Err(format!("{target} ended without a word of why; its last line: {}", progress.last));
    }
    Ok(Outcome { status: progress.status(), crash: progress.crash })
}

/// What the fuzzer says on its way.
#[derive(Default)]
struct Progress {
    coverage: Option<String>,
    executions: Option<String>,
    a_second: Option<String>,
    crash: Option<String>,
    last: String,
}

impl Progress {
    fn see(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(at) = words.iter().position(|&word| word == "cov:") {
            self.coverage = words.get(at + 1).map(|&word| word.to_owned());
        }
        let after = |start: &str| line.strip_prefix(start).map(|rest| rest.trim().to_owned());
        self.executions = after("stat::number_of_executed_units:").or(self.executions.take());
        self.a_second = after("stat::average_exec_per_sec:").or(self.a_second.take());
        let written = line.split_once("Test unit written to ").map(|(_, path)| path.trim().to_owned());
        self.crash = self.crash.take().or(written);
        if !line.trim().is_empty() {
            line.clone_into(&mut self.last);
        }
    }

    fn status(&self) -> String {
        let or_unknown = |value: &Option<String>| value.clone().unwrap_or_else(|| "an unknown number of".to_owned());
        format!(
            "{} inputs, {} a second, {} places covered",
            or_unknown(&self.executions),
            or_unknown(&self.a_second),
            or_unknown(&self.coverage)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for() {
        let wanted = |minutes, targets: &[&str]| {
            Ok(Wanted { minutes, targets: targets.iter().map(|&target| target.to_owned()).collect() })
        };
        assert_eq!(Wanted::parse(&[]), wanted(10, &[]));
        assert_eq!(Wanted::parse(&["hive", "--minutes", "1", "disk"]), wanted(1, &["hive", "disk"]));
        for bad in [&["--minutes"][..], &["--minutes", "0"], &["--minutes", "hive"], &["--seconds", "3"]] {
            assert!(Wanted::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_the_fuzzer_says() {
        let mut progress = Progress::default();
        for line in [
            "#2      INITED cov: 1120 ft: 1121 corp: 1/1b exec/s: 0 rss: 41Mb",
            "#65536  pulse  cov: 1340 ft: 2900 corp: 80/64Kb lim: 4096 exec/s: 21845 rss: 60Mb",
            "stat::number_of_executed_units: 70000",
            "stat::average_exec_per_sec:     21000",
            "",
        ] {
            progress.see(line);
        }
        assert_eq!((progress.crash.clone(), progress.last.as_str()), (None, "stat::average_exec_per_sec:     21000"));
        assert_eq!(progress.status(), "70000 inputs, 21000 a second, 1340 places covered");
        progress.see("artifact_prefix='/x/'; Test unit written to /x/crash-adc83b19");
        assert_eq!(progress.crash.as_deref(), Some("/x/crash-adc83b19"));
    }
}
