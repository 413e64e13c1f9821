//! `coexist coverage`: of a matrix, by what the ledger remembers; of a suite, by a PICT model.

use std::path::Path;

use coexist_ledger::{Ask, Ledger, LedgerError};
use coexist_model::{Exit, Met, PartKind};
use coexist_reports::{
    Answers, Coverage, MOST_STRENGTH, Memory, coverage_html, coverage_json, coverage_text, write_page,
};
use jiff::Timestamp;

use crate::args::{Color, CoverageArgs};
use crate::plan::Wishes;
use crate::{complain, ledger, pict, plan, say};

/// Tells what is covered.
pub(crate) fn coverage(args: &CoverageArgs) -> Exit {
    match (&args.matrix, &args.suite.rows, &args.suite.pict) {
        (None, Some(rows), Some(model)) => pict::coverage(args, rows, model),
        (Some(matrix), ..) => of_matrix(args, matrix),
        _ => {
            say::aside("error: name a matrix, or a suite with --rows and --pict");
            Exit::Usage
        }
    }
}

fn of_matrix(args: &CoverageArgs, matrix: &Path) -> Exit {
    if !(1..=MOST_STRENGTH).contains(&args.strength) {
        say::aside(&format!("error: --strength {}: 1 to {MOST_STRENGTH} are counted of a matrix", args.strength));
        return Exit::Usage;
    }
    let plan = match plan::make(matrix, &[], &Wishes::default(), None, Color::Auto) {
        Ok(made) => made.planned.plan,
        Err(exit) => return exit,
    };
    // The only clock: everything below tells ages from this moment.
    let now = Timestamp::now();
    let since = args.since.map(|ago| now.checked_sub(ago.0).unwrap_or(Timestamp::MIN));
    let (memory, answers) = match asked(&args.ledger.path, since) {
        Ok(asked) => asked,
        Err(exit) => return exit,
    };
    let coverage = match Coverage::new(&plan, memory, &answers, since, now, args.strength) {
        Ok(coverage) => coverage,
        Err(error) => {
            complain(&error);
            return Exit::Usage;
        }
    };
    if let Some(page) = &args.html
        && let Err(error) = write_page(page, &coverage_html(&coverage))
    {
        complain(&error);
        return Exit::ReportNotWritten;
    }
    if !args.json {
        return say::say(&coverage_text(&coverage), Exit::Clean);
    }
    match coverage_json(&coverage) {
        Ok(json) => say::say(&json, Exit::Clean),
        Err(error) => {
            complain(&error);
            Exit::Internal
        }
    }
}

/// What the ledger remembers; nothing where there is none yet.
fn asked(path: &Path, since: Option<Timestamp>) -> Result<(Memory, Answers), Exit> {
    let memory = Memory { path: path.to_string_lossy().into_owned(), runs: 0, newest: None };
    match ledger::read(path)? {
        None => Ok((memory, Answers::default())),
        Some(ledger) => ask(&ledger, memory, since).map_err(|error| ledger::refused(&error)),
    }
}

fn ask(ledger: &Ledger, memory: Memory, since: Option<Timestamp>) -> Result<(Memory, Answers), LedgerError> {
    let runs = ledger.runs()?;
    let counting: Vec<_> = runs.iter().filter(|run| since.is_none_or(|since| run.at >= since)).collect();
    let newest = counting.iter().map(|run| run.at).max();
    let memory = Memory { runs: counting.len() as u64, newest, ..memory };
    let combinations = |of: &[PartKind], in_sequence| -> Result<Vec<Met>, LedgerError> {
        ledger.combinations(Ask { of, in_sequence, since })
    };
    let agents = [PartKind::Agent; 2];
    let answers = Answers {
        pairs: combinations(&agents, false)?,
        sequences: combinations(&agents, true)?,
        images: combinations(&[PartKind::Image, PartKind::Agent], false)?,
        settings: combinations(&[PartKind::Setting, PartKind::Agent], false)?,
        cells: ledger.cells(since)?,
    };
    Ok((memory, answers))
}
