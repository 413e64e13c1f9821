//! Files that are no ledger, or none of ours, or damaged: told apart, and left as they are.

use std::fs;
use std::path::Path;

use coexist_ledger::{Ledger, LedgerError};
use rusqlite::Connection;

use crate::{at, file, open, run, tested};

/// Both ways of opening refuse it, and neither changes a byte.
fn refusal(path: &Path) -> LedgerError {
    let before = fs::read(path).unwrap();
    let asked = Ledger::read(path).unwrap_err();
    let written = Ledger::open(path).unwrap_err();
    assert_eq!(asked.to_string(), written.to_string());
    assert_eq!(fs::read(path).unwrap(), before, "left as it is");
    written
}

#[test]
fn no_file_is_no_ledger_and_an_empty_one_becomes_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    assert!(Ledger::read(&path).unwrap().is_none());
    assert!(!path.exists(), "asking makes nothing");
    fs::write(&path, "").unwrap();
    assert!(Ledger::read(&path).unwrap().is_none());
    assert_eq!(open(&path).runs().unwrap(), []);
    assert!(Ledger::read(&path).unwrap().is_some());
}

#[test]
fn another_kind_of_file_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "not a database\n".repeat(200)).unwrap();
    let error = refusal(&path);
    assert!(matches!(error, LedgerError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("notes.txt is no ledger"), "{error}");
}

#[test]
fn another_program_s_database_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.sqlite");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    assert!(matches!(refusal(&path), LedgerError::Foreign { .. }));
}

#[test]
fn a_ledger_with_a_trigger_or_another_table_is_not_trusted() {
    for addition in ["CREATE TABLE more (a)", "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM cells; END"] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(&file(&folder)));
        Connection::open(file(&folder)).unwrap().execute_batch(addition).unwrap();
        assert!(matches!(refusal(&file(&folder)), LedgerError::Foreign { .. }), "{addition}");
    }
}

#[test]
fn another_version_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&file(&folder)));
    Connection::open(file(&folder)).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let error = refusal(&file(&folder));
    assert!(matches!(error, LedgerError::Version { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("coexist ledger add RUN"), "{error}");
}

#[test]
fn a_torn_ledger_is_damaged_wherever_it_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&file(&folder));
    for n in 0..40 {
        let cells = vec![tested(&format!("w11 hvci=on acme@4.{n} globex@7.{n}")); 5];
        ledger.add(&run(&format!("run-{n}"), at(n), cells)).unwrap();
    }
    drop(ledger);
    let whole = fs::read(file(&folder)).unwrap();
    let mut damaged = 0;
    for page in 1..whole.len() / 4096 {
        let mut torn = whole.clone();
        torn[page * 4096..(page + 1) * 4096].fill(0x5a);
        fs::write(file(&folder), &torn).unwrap();
        // Either it is noticed or the page was one that the question does not need; it is never a wrong answer or a panic.
        let told = Ledger::read(&file(&folder)).map(|ledger| ledger.unwrap().cells(None));
        match told {
            Err(LedgerError::Damaged { .. }) | Ok(Err(LedgerError::Damaged { .. })) => damaged += 1,
            Ok(Ok(cells)) => assert_eq!(cells.len(), 200, "page {page}"),
            other => panic!("page {page}: {other:?}"),
        }
        assert_eq!(fs::read(file(&folder)).unwrap(), torn, "left as it is");
    }
    assert!(damaged > 3, "{damaged} pages");
    fs::write(file(&folder), &whole[..whole.len() / 2]).unwrap();
    let told = Ledger::read(&file(&folder)).and_then(|ledger| ledger.unwrap().cells(None));
    assert!(matches!(told, Err(LedgerError::Damaged { .. })), "{told:?}");
}

#[test]
fn a_word_that_nobody_knows_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&file(&folder));
    ledger.add(&run("a", at(0), vec![tested("w11 acme@1 globex@2")])).unwrap();
    let other = Connection::open(file(&folder)).unwrap();
    other.execute("UPDATE cells SET standing = 'blessed'", []).unwrap();
    let error = ledger.cells(None).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("blessed"), "{error}");
}

#[test]
fn what_sqlite_means_by_other_names_is_a_file_here() {
    assert!(matches!(Ledger::open(Path::new("")).unwrap_err(), LedgerError::File { .. }));
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("file:x?mode=memory");
    open(&odd).add(&run("a", at(0), vec![tested("w11")])).unwrap();
    assert_eq!(open(&odd).runs().unwrap().len(), 1, "it was kept");
    let error = Ledger::open(folder.path()).unwrap_err();
    assert!(matches!(error, LedgerError::File { .. }), "{error:?}");
}
