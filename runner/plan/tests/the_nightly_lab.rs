//! The nightly lab: its committed rows are what its matrix needs, and each planted fault has a cell in which it shows.
//!
//! No package and no disk is needed: a plan is made of their digests, so empty files stand for them here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coexist_plan::{Ask, OnHost, Planned, Replanned, RowsFile, Telling, load, plan, render};
use coexist_plan_checker::check_matrix;

const MATRIX: &str = "matrices/nightly.yaml";
const ROWS: &str = "matrices/nightly.rows.tsv";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn rows() -> String {
    std::fs::read_to_string(root().join(ROWS)).unwrap()
}

/// The matrix, the recipes and the images of the repository, with files that are there in name only.
fn lab() -> tempfile::TempDir {
    let (root, lab) = (root(), tempfile::tempdir().unwrap());
    let write = |path: &str, text: &str| {
        let path = lab.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let copy = |path: &str| write(path, &std::fs::read_to_string(root.join(path)).unwrap());
    let names = |folder: &str| {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    copy(MATRIX);
    names("matrices/agents").iter().for_each(|name| copy(&format!("matrices/agents/{name}")));
    let images = names("images").into_iter().map(|name| format!("images/{name}/image.yaml"));
    images.filter(|image| root.join(image).is_file()).for_each(|image| copy(&image));
    for line in std::fs::read_to_string(root.join("images/standin/forge/packages.sha256")).unwrap().lines() {
        let (_, name) = line.split_once("  ").unwrap();
        write(&format!("images/standin/out/packages/{name}"), "");
    }
    write("images/standin/out/standin.qcow2", "");
    write("images/standin/out/standin.qcow2.sha256", &format!("{}  standin.qcow2\n", "ab".repeat(32)));
    write("images/standin/out/host_key.pub", &format!("ssh-ed25519 {} lab@lab\n", "A".repeat(68)));
    write("images/standin/out/id_ed25519", "");
    lab
}

fn planned(saved: Option<RowsFile>) -> Planned {
    planned_in(lab().path(), saved)
}

fn planned_in(lab: &Path, saved: Option<RowsFile>) -> Planned {
    let resolved = load(&lab.join(MATRIX)).unwrap_or_else(|report| panic!("{report}"));
    plan(&resolved, &Ask { saved, ..Ask::default() }).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn the_committed_rows_are_what_the_matrix_needs() {
    let saved = RowsFile::of(&root().join(MATRIX)).unwrap();
    assert!(saved.is_some(), "{ROWS} is not there");
    let planned = planned(saved);
    let help = "`coexist plan --save matrices/nightly.yaml`, then look at the difference";
    assert_eq!(planned.rows, rows(), "{help}");
    let kept = rows().lines().count() - 2;
    assert_eq!(planned.replanned, Some(Replanned { kept, ..Replanned::default() }), "{help}");
    let covered = planned.covered.unwrap();
    assert!(covered.uncovered.is_empty(), "{}", covered.summary);
    assert!(covered.summary.strengths.iter().all(|it| it.feasible > 0 && it.covered == it.feasible));
}

/// The lab as it is, and as it might be: what is planned for it is found whole by a checker that shares nothing with the
/// planner.
#[test]
fn plans_are_found_whole_by_another_reader_of_the_matrix() {
    let variants: [&[(&str, &str)]; 6] = [
        &[],
        &[("order: pairs", "order: triples"), ("at-most: 4", "at-most: 5")],
        &[("    - [agent, agent, hvci]", "    - [image, verifier, hvci]\n    - [agent, agent, defender, image]")],
        &[("kind: upgrade", "kind: fresh"), ("at-least: 2", "at-least: 1")],
        &[
            ("order: pairs", "order: [hooli-shield, initech-guard]"),
            ("    initech-guard:", "    initech-guard: {with: [HOOLI]}"),
        ],
        &[("version: \"7.2\"", "version: \"7.2\"\n  signing: test"), ("at-most: 4\n", "at-most: 3\n")],
    ];
    for changes in variants {
        let lab = lab();
        let path = lab.path().join(MATRIX);
        let mut text = std::fs::read_to_string(&path).unwrap();
        for (old, new) in changes {
            assert!(text.contains(old), "{old}");
            text = text.replacen(old, new, 1);
        }
        if changes.iter().any(|(_, new)| new.contains("signing")) {
            // What its one row says of the test-signing is what the signature keeps out.
            text = text.replacen("      test-signing: \"off\"", "      test-signing: \"on\"", 1);
        }
        std::fs::write(&path, text).unwrap();
        let resolved = load(&path).unwrap_or_else(|report| panic!("{changes:?}: {report}"));
        let planned = plan(&resolved, &Ask::default()).unwrap_or_else(|report| panic!("{changes:?}: {report}"));
        let found = check_matrix(&path, &planned.rows, None).unwrap_or_else(|error| panic!("{changes:?}: {error}"));
        assert!(found.all_good(), "{changes:?}: {found}");
        let told: u64 = planned.covered.unwrap().summary.strengths.iter().map(|it| it.feasible).sum();
        assert_eq!(found.rows.feasible, told, "{changes:?}: {found}");
    }
}

/// The page leaves lines out, and adds and reorders none.
#[test]
fn the_page_shows_what_the_plan_says() {
    let page = std::fs::read_to_string(root().join("docs/nightly.md")).unwrap();
    let shown = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(shown.lines().count() > 5, "{shown}");
    let planned = planned(RowsFile::of(&root().join(MATRIX)).unwrap());
    let said = render(&planned, &Telling { steps: false, on_host: None });
    let mut said_lines = said.lines();
    for line in shown.lines() {
        assert!(said_lines.any(|it| it == line), "docs/nightly.md: `{line}` is not what is said:\n{said}");
    }
}

/// The plan from nothing as it is kept, printed and saved in a run.
fn all_that_is_told(lab: &Path) -> String {
    let planned = planned_in(lab, None);
    let json = coexist_plan::json(&planned, &OnHost::default()).unwrap();
    let text = render(&planned, &Telling { steps: true, on_host: None });
    [planned.rows, text, serde_json::to_string_pretty(&json).unwrap()].concat()
}

#[test]
fn the_plan_is_the_same_in_one_two_and_four_threads() {
    // Paths of packages are in it, so that all plan in one folder.
    let lab = lab();
    let once = all_that_is_told(lab.path());
    assert!(once.lines().count() > 1000, "a whole plan");
    for threads in [2, 4] {
        std::thread::scope(|scope| {
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(|| all_that_is_told(lab.path()))).collect();
            for thread in started {
                // Hash tables are seeded anew in each thread: what follows their order differs here.
                assert!(thread.join().unwrap() == once, "another plan in one of {threads} threads");
            }
        });
    }
}

/// One row, by its columns.
struct Row<'a> {
    columns: BTreeMap<&'a str, &'a str>,
    agents: Vec<&'a str>,
}

impl Row<'_> {
    fn is(&self, column: &str, value: &str) -> bool {
        *self.columns.get(column).unwrap_or_else(|| panic!("no column {column}")) == value
    }

    fn place(&self, agent: &str) -> Option<usize> {
        self.agents.iter().position(|it| *it == agent)
    }

    fn has(&self, agent: &str) -> bool {
        self.place(agent).is_some()
    }

    /// What of the table in docs/nightly.md meets in this row, by its number there.
    fn faults(&self) -> Vec<usize> {
        let lock_after_guard = match (self.place("initech-guard"), self.place("tyrell-lock")) {
            (Some(guard), Some(lock)) => guard < lock,
            _ => false,
        };
        let meets = [
            self.has("vandelay-vault") && self.is("short-names", "off"),
            self.has("acme-endpoint") && self.has("tyrell-lock") && self.is("hvci", "on"),
            self.is("image", "standin-server-2019") && self.is("verifier", "standard"),
            self.has("hooli-insight") && self.is("lsa-protection", "on"),
            lock_after_guard,
            self.has("vandelay-vault") && self.is("verifier", "low-resources"),
            self.has("initech-guard") && self.is("hvci", "on"),
        ];
        meets.into_iter().zip(1..).filter(|(meets, _)| *meets).map(|(_, number)| number).collect()
    }
}

#[test]
fn every_planted_fault_stands_alone_in_some_cell() {
    let text = rows();
    let mut lines = text.lines().skip(1);
    let names: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let mut alone = Vec::new();
    for line in lines {
        let columns: BTreeMap<&str, &str> = names.iter().copied().zip(line.split('\t')).collect();
        let agents = columns["agents"].split(' ').map(|agent| agent.split('@').next().unwrap()).collect();
        let row = Row { columns, agents };
        let faults = row.faults();
        assert!(!faults.contains(&7), "kept out by a rule, and yet here: {line}");
        // Beside a value out of range nothing else counts as tested.
        if let [only] = faults[..]
            && (only == 6) == row.is("verifier", "low-resources")
        {
            alone.push(only);
        }
    }
    alone.sort_unstable();
    alone.dedup();
    assert_eq!(alone, [1, 2, 3, 4, 5, 6], "the others of docs/nightly.md show in no planned cell");
}
