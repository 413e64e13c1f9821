//! Writing the reports of a run's folder, and splitting JUnit files.

use coexist_model::{CheckOutcome, Run, Verdicts};
use coexist_reports::{CASES_PER_FILE, FILE_LIMIT, JunitOptions, Report, ReportError, junit, write_reports};

use crate::{sample, samples};

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn reports_may_be_written_after_any_event_and_say_the_same_of_the_same() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("junit-001.xml"), "stale").unwrap();
    std::fs::write(folder.path().join("junit-notes.xml"), "somebody's").unwrap();
    let events = sample::events();
    let mut tests = None;
    for cut in [1, 2, 40, 200, events.len()] {
        let run = Run::fold(events[..cut].iter().cloned()).unwrap();
        let verdicts = coexist_judge::verdicts(&run);
        let report = Report::new(&run, &verdicts).unwrap();
        let first = write_reports(report, folder.path(), &JunitOptions::default()).unwrap();
        let bytes = std::fs::read(&first.junit[0]).unwrap();
        let second = write_reports(report, folder.path(), &JunitOptions::default()).unwrap();
        assert_eq!(first, second);
        assert!(std::fs::read(&second.junit[0]).unwrap() == bytes);
        // The same cases whatever came of them.
        assert_eq!(*tests.get_or_insert(first.totals.tests), first.totals.tests);
        let expected = ["index.html", "junit-notes.xml", "junit.xml", "run.json", "summary.md"];
        assert_eq!(names(folder.path()), expected);
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let run = samples::run();
    let verdicts = coexist_judge::verdicts(&run);
    let folder = tempfile::tempdir().unwrap().path().join("gone");
    let error = write_reports(Report::new(&run, &verdicts).unwrap(), &folder, &JunitOptions::default()).unwrap_err();
    assert!(matches!(&error, ReportError::File { path, .. } if path.ends_with("gone/junit.xml")), "{error}");
}

#[test]
fn verdicts_must_be_those_of_the_run() {
    let run = samples::run();
    let none = Verdicts { cells: Vec::new(), problems: Vec::new() };
    assert!(matches!(Report::new(&run, &none), Err(ReportError::Verdicts { verdicts: 0, cells: 6 })));
}

/// The sample's regressed cell, many times under other names.
fn many(cells: usize) -> Run {
    let mut run = samples::run();
    let (cell, arms) = (run.plan.cells[2].clone(), run.cells[2].clone());
    run.plan.cells.clear();
    run.cells.clear();
    for index in 0..cells {
        let mut cell = cell.clone();
        cell.id = format!("image.default.c{index}").into();
        run.plan.cells.push(cell);
        run.cells.push(arms.clone());
    }
    run
}

fn split(run: &Run) -> Vec<(String, usize)> {
    let verdicts = coexist_judge::verdicts(run);
    let documents = junit(Report::new(run, &verdicts).unwrap(), &JunitOptions::default()).unwrap();
    for document in &documents {
        assert!(document.xml.len() <= FILE_LIMIT && document.totals.tests <= CASES_PER_FILE);
        assert_eq!(document.xml.matches("<testcase ").count(), document.totals.tests);
        assert_eq!(document.xml.matches("<testsuite ").count(), document.xml.matches("</testsuite>").count());
    }
    documents.into_iter().map(|it| (it.name, it.totals.tests)).collect()
}

#[test]
fn files_are_split_by_whole_suites_where_readers_have_limits() {
    let per_cell = split(&many(1))[0].1;
    assert_eq!(split(&many(CASES_PER_FILE / per_cell)).len(), 1);

    let cells = CASES_PER_FILE / per_cell + 1;
    let files = split(&many(cells));
    assert_eq!(files.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["junit-001.xml", "junit-002.xml"]);
    assert_eq!(files.iter().map(|it| it.1).sum::<usize>(), cells * per_cell);
}

#[test]
fn files_are_split_by_size_too() {
    let mut run = many(32);
    for arms in &mut run.cells {
        for check in arms.candidate.checks.values_mut() {
            if let CheckOutcome::Failed { failure } = &mut check.outcome {
                failure.message = "x".repeat(70_000);
                failure.crash = None;
            }
        }
        // Every check as bad as can be: a body of its own at the limit.
        let worst =
            arms.candidate.checks.values().find(|it| matches!(it.outcome, CheckOutcome::Failed { .. })).cloned();
        arms.candidate.checks.values_mut().for_each(|it| *it = worst.clone().unwrap());
    }
    let files = split(&run);
    assert!(files.len() > 1, "{files:?}");
}
