//! Two coordinators at once, and one that dies.

use std::sync::Barrier;

use coexist_ledger::Added;
use rusqlite::Connection;

use crate::{at, file, open, run, tested};

#[test]
fn two_writers_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (path, start) = (&path, &start);
            scope.spawn(move || {
                start.wait();
                // The tables are made by whoever comes first.
                let mut ledger = open(path);
                for n in 0..10 {
                    // Every run is added by two of them.
                    let name = format!("run-{}-{n}", writer / 2);
                    ledger.add(&run(&name, at(n), vec![tested("w11 acme@1 globex@2"); 3])).unwrap();
                }
            });
        }
    });
    let ledger = open(&path);
    assert_eq!(ledger.runs().unwrap().len(), 20);
    assert_eq!(ledger.cells(None).unwrap().len(), 60);
}

#[test]
fn a_writer_that_dies_half_way_leaves_nothing_of_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    open(&path).add(&run("before", at(0), vec![tested("w11 acme@1")])).unwrap();
    let whole = std::fs::read(&path).unwrap();
    // What a killed process leaves: pages already written, and the journal that says how they were.
    let dying = Connection::open(&path).unwrap();
    dying.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;").unwrap();
    for n in 0..3000 {
        let insert = "INSERT INTO parameters (kind, name) VALUES ('agent', ?1)";
        dying.execute(insert, [format!("half-{n}-{}", "x".repeat(200))]).unwrap();
    }
    let journal = path.with_extension("sqlite-journal");
    let crashed = folder.path().join("crashed.sqlite");
    std::fs::copy(&path, &crashed).unwrap();
    std::fs::copy(&journal, folder.path().join("crashed.sqlite-journal")).unwrap();
    drop(dying);
    assert_ne!(std::fs::read(&crashed).unwrap(), whole, "some of it had been written");
    let asked = coexist_ledger::Ledger::read(&crashed).unwrap().unwrap();
    assert_eq!(asked.runs().unwrap().len(), 1, "rolled back by whoever asks next");
    drop(asked);
    assert_eq!(open(&crashed).add(&run("after", at(1), vec![tested("w10 acme@1")])).unwrap(), Added::New);
    let half = "SELECT count(*) FROM parameters WHERE name LIKE 'half-%'";
    let left: i64 = Connection::open(&crashed).unwrap().query_row(half, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}
