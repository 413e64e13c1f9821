//! `cargo xtask test`: every suite, what each took, what was skipped and why.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::tell::tell;
use crate::{debian, process, standin};

/// Readers nobody here wrote, from the Python package index.
const READERS: &[&str] =
    &["junitparser==5.0.3", "junit2html==31.1.4", "python-evtx==0.8.1", "jsonschema==4.26.0", "PyYAML==6.0.3"];

/// What one suite came to.
struct Outcome {
    name: &'static str,
    took: Duration,
    passed: u64,
    failed: u64,
    good: bool,
    skipped: Vec<String>,
}

/// Sets up and runs every suite; all of them run even when one fails.
///
/// # Errors
/// When the machine cannot be set up.
pub(crate) fn test(root: &Path) -> Result<ExitCode, String> {
    let begun = Instant::now();
    debian::ensure(debian::Purpose::Test)?;
    let python = readers(root)?;
    tell(&format!("set-up: {}", minutes(begun.elapsed())));

    let mut suites = Vec::new();
    let build = Instant::now();
    // Whatever is selected, it is selected from the whole workspace: a smaller selection would ask for other features of
    // shared dependencies, and build them once more.
    process::run(process::cargo(root, &["build", "--quiet", "--workspace", "--bins", "--tests", "--examples"]))?;
    process::run(process::cargo(root, &["test", "--quiet", "--workspace", "--test", "live", "--no-run"]))?;
    tell(&format!("building every test: {}", minutes(build.elapsed())));
    let image = Instant::now();
    standin::ensure(root)?;
    tell(&format!("stand-in image and packages: {}", minutes(image.elapsed())));

    suites.push(suite(root, &python, "all that needs no cell", &["--workspace"], None)?);
    // Two labs at a time, each with a machine for both arms: one waits while the other computes. On two processors a
    // boot takes three times as long then, which the tests' deadlines allow for.
    suites.push(suite(root, &python, "live, on real machines", &["--workspace", "--test", "live"], Some(2))?);
    Ok(close(&suites, begun.elapsed()))
}

/// A folder whose `python3` has the readers.
fn readers(root: &Path) -> Result<PathBuf, String> {
    let folder = standin::out(root).join("python");
    let marker = folder.join("readers");
    let wanted = READERS.join("\n");
    if std::fs::read_to_string(&marker).is_ok_and(|there| there == wanted) {
        return Ok(folder.join("bin"));
    }
    tell(&format!("Installing the readers that check our output: {}", READERS.join(", ")));
    let place = folder.to_string_lossy().into_owned();
    process::run(process::command(root, "python3", &["-m", "venv", "--clear", &place]))?;
    let mut install = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    install.extend_from_slice(READERS);
    process::run(process::command(root, folder.join("bin/python3"), &install))?;
    std::fs::write(&marker, wanted).map_err(|error| format!("{}: {error}", marker.display()))?;
    Ok(folder.join("bin"))
}

fn suite(
    root: &Path,
    python: &Path,
    name: &'static str,
    what: &[&str],
    threads: Option<u32>,
) -> Result<Outcome, String> {
    tell(&format!("\n== {name}"));
    let mut arguments = vec!["test", "--no-fail-fast"];
    arguments.extend_from_slice(what);
    arguments.extend_from_slice(&["--", "--show-output"]);
    let threads = threads.map(|count| format!("--test-threads={count}"));
    arguments.extend(threads.as_deref());
    let mut command = process::cargo(root, &arguments);
    environment(&mut command, root, python);

    let begun = Instant::now();
    let mut outcome = Outcome { name, took: Duration::ZERO, passed: 0, failed: 0, good: false, skipped: Vec::new() };
    let status = process::watch(command, |line| {
        if let Some(reason) = line.strip_prefix("SKIPPED ") {
            outcome.skipped.push(reason.to_owned());
        }
        if let Some((passed, failed)) = counts(line) {
            outcome.passed += passed;
            outcome.failed += failed;
        }
        // A live test takes a minute: each one that ends is a sign of life.
        if is_worth_showing(line) || (threads.is_some() && line.starts_with("test ")) {
            tell(line);
        }
    })?;
    outcome.took = begun.elapsed();
    outcome.good = status.success();
    Ok(outcome)
}

/// What suites are told: where optional data lies, and what may not be skipped.
fn environment(command: &mut Command, root: &Path, python: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(python.to_owned()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(paths) {
        command.env("PATH", path);
    }
    command.env("COEXIST_REQUIRE_READERS", "1");
    if debian::in_ci() {
        command.env("COEXIST_REQUIRE_WINE", "1");
    }
    let shared = root.parent().map(|parent| parent.join("shared")).filter(|shared| shared.is_dir());
    if let Some(shared) = shared {
        command.env("COEXIST_SAMPLES", shared.join("samples")).env("COEXIST_SHARED", shared);
    }
}

/// Passed and failed of one `test result:` line of cargo's.
fn counts(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("test result: ")?;
    let number = |word: &str| {
        let part = rest.split(['.', ';']).map(str::trim).find(|part| part.ends_with(word))?;
        part.strip_suffix(word)?.trim().parse().ok()
    };
    Some((number("passed")?, number("failed")?))
}

/// Cargo's headings, results and failures; not the lines of tests that passed.
fn is_worth_showing(line: &str) -> bool {
    let passed = line.starts_with("test ") && line.ends_with("... ok");
    !(passed || line.is_empty() || line.starts_with("running ") || line.starts_with("successes:"))
}

fn close(suites: &[Outcome], took: Duration) -> ExitCode {
    tell("\n== suites");
    for suite in suites {
        let word = if suite.good { "passed" } else { "FAILED" };
        tell(&format!(
            "{word}  {:<28} {:>4} passed, {} failed, {}",
            suite.name,
            suite.passed,
            suite.failed,
            minutes(suite.took)
        ));
    }
    let skipped: Vec<&String> = suites.iter().flat_map(|suite| &suite.skipped).collect();
    for reason in &skipped {
        tell(&format!("skipped {reason}"));
    }
    if debian::in_ci() && !skipped.is_empty() {
        tell("FAILED  in CI nothing may be skipped: what the lines above name must be there");
    }
    tell(&format!("all of it: {}", minutes(took)));
    let sum = |of: fn(&Outcome) -> u64| suites.iter().map(of).sum::<u64>();
    tell(&format!("{} passed, {} failed, {} skipped", sum(|it| it.passed), sum(|it| it.failed), skipped.len()));
    if all_good(suites, debian::in_ci()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether every suite passed, and something ran at all; in CI whatever was skipped did not pass.
fn all_good(suites: &[Outcome], in_ci: bool) -> bool {
    let complete = !in_ci || suites.iter().all(|suite| suite.skipped.is_empty());
    complete && suites.iter().all(|suite| suite.good) && suites.iter().any(|suite| suite.passed > 0)
}

fn minutes(time: Duration) -> String {
    format!("{:.1} min", time.as_secs_f64() / 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_fails_in_ci_only() {
        let outcome = |passed, good, skipped: &[&str]| {
            let skipped = skipped.iter().map(|&reason| reason.to_owned()).collect();
            vec![Outcome { name: "suite", took: Duration::ZERO, passed, failed: 0, good, skipped }]
        };
        for (suites, elsewhere, in_ci) in [
            (outcome(3, true, &[]), true, true),
            (outcome(3, true, &["wine: not there"]), true, false),
            (outcome(3, false, &[]), false, false),
            (outcome(0, true, &[]), false, false),
        ] {
            let good = (all_good(&suites, false), all_good(&suites, true));
            assert_eq!(good, (elsewhere, in_ci), "{:?}", suites[0].skipped);
        }
    }

    #[test]
    fn cargo_s_results_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.1s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("test result: ok. 0 passed; 0 failed; 0 ignored"), Some((0, 0)));
        assert_eq!(counts("test foo ... ok"), None);
    }
}
