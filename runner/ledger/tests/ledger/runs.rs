//! What goes in comes out, once.

use coexist_ledger::{Added, LedgerError};
use coexist_model::{PastCell, PastRun};

use crate::{at, file, open, regressed, run, tested};

#[test]
fn what_goes_in_comes_out_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&file(&folder));
    let newer = run("b", at(2000), vec![tested("w11 hvci=on acme@4.1 globex@7.0"), regressed("w10 zz@1 acme@4.2")]);
    let older = run("z", at(1000), vec![tested("w11")]);
    assert_eq!(ledger.add(&newer).unwrap(), Added::New);
    assert_eq!(ledger.add(&older).unwrap(), Added::New);
    let expected: Vec<PastCell> = older.cells.iter().chain(&newer.cells).cloned().collect();
    assert_eq!(ledger.cells(None).unwrap(), expected);
    assert_eq!(ledger.cells(Some(at(1001))).unwrap(), newer.cells);
    assert_eq!(ledger.cells(Some(at(2000))).unwrap(), newer.cells, "at the moment itself counts");
    assert_eq!(ledger.cells(Some(at(2001))).unwrap(), []);
    drop(ledger);
    assert_eq!(open(&file(&folder)).cells(None).unwrap(), expected, "by another program later");
}

#[test]
fn the_same_run_twice_changes_nothing_and_a_later_state_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&file(&folder));
    let half = run("a", at(1000), vec![tested("w11 acme@4.1 globex@7.0")]);
    let whole = run("a", at(5000), vec![tested("w11 acme@4.1 globex@7.0"), tested("w10 acme@4.1 initech@1")]);
    assert_eq!(ledger.add(&half).unwrap(), Added::New);
    assert_eq!(ledger.add(&half).unwrap(), Added::Known);
    assert_eq!(ledger.cells(None).unwrap(), half.cells);
    assert_eq!(ledger.add(&whole).unwrap(), Added::Updated);
    assert_eq!(ledger.add(&half).unwrap(), Added::Known, "an earlier state tells nothing new");
    assert_eq!(ledger.cells(None).unwrap(), whole.cells);
    let runs = ledger.runs().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].tested, runs[0].masked, runs[0].at), (2, 0, at(5000)));
}

#[test]
fn a_forgotten_run_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&file(&folder));
    ledger.add(&run("a", at(1000), vec![tested("w11 acme@4.1")])).unwrap();
    ledger.add(&run("b", at(2000), vec![regressed("w10 umbrella-secret@9")])).unwrap();
    assert!(ledger.forget(&"b".into()).unwrap());
    assert!(!ledger.forget(&"b".into()).unwrap(), "it is not there any more");
    let left: Vec<_> = ledger.runs().unwrap().into_iter().map(|it| it.run).collect();
    assert_eq!(left, ["a".into()]);
    assert_eq!(ledger.cells(None).unwrap().len(), 1);
    let name = rusqlite::Connection::open(file(&folder)).unwrap().query_row(
        "SELECT count(*) FROM parameters WHERE name LIKE 'umbrella%'",
        [],
        |row| row.get::<_, i64>(0),
    );
    assert_eq!(name.unwrap(), 0, "nor the name of a product");
}

#[test]
fn a_run_that_no_plan_makes_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&file(&folder));
    let twice = run("a", at(0), vec![tested("w11 acme@4.1"), tested("w11 acme@4.1 acme@4.2")]);
    let long = run("b", at(0), vec![tested(&"x".repeat(5000))]);
    let many = run("c", at(0), vec![tested("w11"); 20_001]);
    let wide: Vec<String> = (0..500).map(|n| format!("s{n}=on")).collect();
    let wide = run("d", at(0), vec![tested(&format!("w11 {}", wide.join(" ")))]);
    let named = PastRun {
        matrix: coexist_model::MatrixRef { title: Some("x".repeat(5000)), ..twice.matrix.clone() },
        ..run("e", at(0), vec![])
    };
    for refused in [twice, long, many, wide, named] {
        let error = ledger.add(&refused).unwrap_err();
        assert!(matches!(error, LedgerError::Run { .. }), "{error}");
    }
    assert_eq!(ledger.runs().unwrap(), []);
}
