//! The inputs kept in `tests/fuzz/corpus`: every one through its target, and the seeds among them as their builders make
//! them. `cargo xtask soak seeds` writes the seeds again.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests: helpers fail by panic, and say what they replayed"
)]

#[path = "../../../../../runner/evidence/tests/evidence/dump_builder.rs"]
#[allow(dead_code, reason = "shared with the readers' own tests")]
mod dump_builder;
#[path = "../../../../../runner/evidence/tests/evidence/event_log_builder.rs"]
#[allow(dead_code, reason = "shared with the readers' own tests")]
mod event_log_builder;
#[path = "../../../../../runner/evidence/tests/evidence/hive_builder.rs"]
#[allow(dead_code, reason = "shared with the readers' own tests")]
mod hive_builder;
#[path = "../../../../../runner/evidence/tests/evidence/memory_builder.rs"]
#[allow(dead_code, reason = "shared with the readers' own tests")]
mod memory_builder;
#[path = "../../../../../runner/evidence/tests/evidence/signature_builder.rs"]
#[allow(dead_code, reason = "shared with the readers' own tests")]
mod signature_builder;
#[path = "../../../../../runner/evidence/tests/evidence/user_dump_builder.rs"]
#[allow(dead_code, reason = "shared with the readers' own tests")]
mod user_dump_builder;

mod matrices;
mod seeds;
mod zeros;

use std::collections::BTreeSet;
use std::path::PathBuf;

use coexist_evidence::{DriverOwners, triage};
use fuzz_targets::zeros::written_out;
use fuzz_targets::{TARGETS, run};

/// Bytes of one kept input: small ones, so that the repository stays small and the fuzzer fast.
const MOST: usize = 0x6000;

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus")).join(target)
}

#[test]
fn every_kept_input() {
    for target in TARGETS {
        let folder = corpus(target.name);
        let mut inputs: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{} has no input", folder.display());
        for input in &inputs {
            let bytes = std::fs::read(input).unwrap();
            assert!(bytes.len() <= MOST, "{} has {} bytes", input.display(), bytes.len());
            println!("{}", input.display());
            run(target.name, &bytes);
        }
    }
}

/// An input for each target that takes the reader to its end, not only to its first refusal.
#[test]
fn seeds_are_what_their_builders_make() {
    let accept = std::env::var_os("COEXIST_ACCEPT").is_some();
    let mut named = BTreeSet::new();
    for (target, name, bytes) in seeds::all() {
        named.insert(target);
        let path = corpus(target).join(name);
        if accept {
            std::fs::create_dir_all(corpus(target)).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        let kept = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(kept == bytes, "{} is not what its builder makes now: cargo xtask soak seeds", path.display());
    }
    assert_eq!(named, TARGETS.iter().map(|target| target.name).collect());
}

/// Files of each kind give whole facts before anything is changed in them.
#[test]
fn seeds_of_files_are_read_to_their_end() {
    for (target, name, input) in seeds::all() {
        // One is cut, one is of no kind that is read.
        if !["big_dump", "event_log", "triage"].contains(&target) || ["cut", "zip"].contains(&name) {
            continue;
        }
        let file = std::io::Cursor::new(written_out(&input));
        let findings = triage(file, &DriverOwners::default()).unwrap();
        assert!(findings.read_whole() && findings.facts.is_some(), "{target} {name}: {findings:?}");
    }
}

/// The fuzzer's programs are those that are replayed.
#[test]
fn every_target_has_a_program() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).unwrap();
    let programs: Vec<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .map(|bin| bin.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().trim_matches('"'))
        .collect();
    assert_eq!(programs, TARGETS.iter().map(|target| target.name).collect::<Vec<_>>());
    for name in programs {
        let path = format!("{}/../fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        let program = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(program.contains(&format!("run_or_abort(\"{name}\", bytes)")), "{path}");
    }
}
