//! The ledger on the command line: runs go in from their folders, are shown and forgotten.

use std::path::PathBuf;
use std::process::Output;

use crate::{command, repository, stderr, stdout};

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// A ledger that is not there yet, and the sample run's folder.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        let record = repository().join("reports/samples/events.jsonl");
        std::fs::copy(record, folder.path().join("run/events.jsonl")).unwrap();
        Self { folder }
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("below/ledger.sqlite")
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = command(arguments);
        command.current_dir(self.folder.path()).env("COEXIST_LEDGER", self.ledger());
        command.output().unwrap()
    }
}

#[test]
fn a_run_goes_in_once_is_shown_and_forgotten() {
    let desk = Desk::new();
    let empty = desk.ask(&["ledger", "show"]);
    assert_eq!(empty.status.code(), Some(0));
    assert!(stdout(&empty).contains("no run is remembered yet"), "{}", stdout(&empty));
    assert!(!desk.ledger().exists(), "to look makes nothing");

    let added = desk.ask(&["ledger", "add", "run"]);
    assert_eq!((added.status.code(), stderr(&added).as_str()), (Some(0), ""));
    // Six cells, one of which never ran; the sample's probe steps look at no agent.
    assert!(stdout(&added).starts_with("added    "), "{}", stdout(&added));
    assert!(stdout(&added).ends_with(": 0 cells tested, 5 masked\n"), "{}", stdout(&added));
    assert!(stdout(&desk.ask(&["ledger", "add", "run", "run"])).starts_with("known    "));

    let shown = stdout(&desk.ask(&["ledger", "show"]));
    assert_eq!(shown.lines().count(), 2, "{shown}");
    let id = shown.lines().nth(1).and_then(|line| line.split_whitespace().next()).unwrap();
    let forgotten = desk.ask(&["ledger", "forget", id]);
    assert_eq!(forgotten.status.code(), Some(0), "{}", stderr(&forgotten));
    let again = desk.ask(&["ledger", "forget", id]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("coexist ledger show"), "{}", stderr(&again));
    assert!(stdout(&desk.ask(&["ledger", "show"])).contains("no run is remembered yet"));
}

#[test]
fn a_wrong_folder_or_file_changes_nothing() {
    let desk = Desk::new();
    let wrong = desk.ask(&["ledger", "add", "run", "nowhere"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(!desk.ledger().exists(), "every record is read first");
    assert_eq!(desk.ask(&["ledger", "forget", "r"]).status.code(), Some(2));
    assert!(!desk.ledger().exists());

    std::fs::create_dir(desk.folder.path().join("below")).unwrap();
    std::fs::write(desk.ledger(), "my notes, which are no ledger\n".repeat(100)).unwrap();
    for arguments in [&["ledger", "show"][..], &["ledger", "add", "run"], &["ledger", "forget", "r"]] {
        let output = desk.ask(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("is no ledger of coexist"), "{}", stderr(&output));
    }
    assert!(std::fs::read_to_string(desk.ledger()).unwrap().starts_with("my notes"));
}

#[test]
fn coverage_is_of_a_matrix_or_of_a_suite() {
    let desk = Desk::new();
    let wrong: [&[&str]; 6] = [
        &["coverage"],
        &["coverage", "nowhere.yaml"],
        &["coverage", "nowhere.yaml", "--pict", "m", "--rows", "r"],
        &["coverage", "--pict", "m"],
        &["coverage", "m.yaml", "--since", "yesterday"],
        &["coverage", "m.yaml", "--strength", "4"],
    ];
    for arguments in wrong {
        let output = desk.ask(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty());
    }
}
