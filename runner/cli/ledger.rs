//! `coexist ledger`, and what `coexist run` leaves in it.

use std::path::Path;

use coexist_exec::{RunFolder, read_log};
use coexist_ledger::{Added, Ledger, LedgerError};
use coexist_model::{Exit, PastRun, Run, RunId, Standing, past_run};

use crate::args::{LedgerArgs, LedgerCommand};
use crate::{complain, printable, say};

/// Adds runs, shows them, forgets them.
pub(crate) fn ledger(args: &LedgerArgs) -> Exit {
    match &args.what {
        LedgerCommand::Add { runs, ledger } => add(&ledger.path, runs),
        LedgerCommand::Show { ledger } => show(&ledger.path),
        LedgerCommand::Forget { runs, ledger } => forget(&ledger.path, runs),
    }
}

/// Remembers a run that just ended. A ledger that cannot be written changes nothing of what the run came to: it is told,
/// and the run can be added later.
pub(crate) fn remember(path: &Path, run: &Run, folder: &Path) {
    let past = past_run(run, &coexist_judge::verdicts(run));
    // A run that was stopped before its first cell tested nothing.
    if past.cells.is_empty() {
        return;
    }
    if let Err(error) = Ledger::open(path).and_then(|mut ledger| ledger.add(&past)) {
        complain(&error);
        let folder = printable::line(&folder.to_string_lossy());
        say::aside(&format!(
            "the run is not remembered; its reports are whole: `coexist ledger add {folder}` adds it later"
        ));
    }
}

/// Opens a ledger to ask it; says itself why not. Nothing where there is none yet.
pub(crate) fn read(path: &Path) -> Result<Option<Ledger>, Exit> {
    Ledger::read(path).map_err(|error| refused(&error))
}

/// Says why a ledger did not answer.
pub(crate) fn refused(error: &LedgerError) -> Exit {
    complain(error);
    Exit::Usage
}

fn add(path: &Path, runs: &[std::path::PathBuf]) -> Exit {
    // Every record is read before the ledger is touched: a wrong folder changes nothing.
    let mut all = Vec::new();
    for folder in runs {
        match from_record(folder) {
            Ok(past) => all.push(past),
            Err(exit) => return exit,
        }
    }
    let mut ledger = match Ledger::open(path) {
        Ok(ledger) => ledger,
        Err(error) => return refused(&error),
    };
    let mut text = String::new();
    for past in &all {
        let added = match ledger.add(past) {
            Ok(added) => added,
            Err(error) => {
                let _ = say::say(&text, Exit::Usage);
                return refused(&error);
            }
        };
        let tested = past.cells.iter().filter(|cell| cell.standing == Standing::Tested).count();
        let came = match added {
            Added::New => "added",
            Added::Updated => "updated",
            Added::Known => "known",
        };
        let run = printable::line(past.run.as_str());
        text.push_str(&format!("{came:<8} {run}: {tested} cells tested, {} masked\n", past.cells.len() - tested));
    }
    say::say(&text, Exit::Clean)
}

fn from_record(folder: &Path) -> Result<PastRun, Exit> {
    let told = |error: &dyn std::error::Error| {
        complain(error);
        Exit::Usage
    };
    let events = read_log(&RunFolder::new(folder).events()).map_err(|error| told(&error))?;
    let run = Run::fold(events).map_err(|error| told(&error))?;
    Ok(past_run(&run, &coexist_judge::verdicts(&run)))
}

fn show(path: &Path) -> Exit {
    let runs = match read(path) {
        Ok(Some(ledger)) => ledger.runs(),
        Ok(None) => Ok(Vec::new()),
        Err(exit) => return exit,
    };
    let runs = match runs {
        Ok(runs) => runs,
        Err(error) => return refused(&error),
    };
    let mut text = format!("{:<26}  {:<20}  {:>6}  {:>6}  matrix and candidate\n", "run", "ended", "tested", "masked");
    for run in &runs {
        let (agent, version) = &run.candidate;
        text.push_str(&format!(
            "{:<26}  {:<20}  {:>6}  {:>6}  {}, {} {}\n",
            printable::line(run.run.as_str()),
            format!("{:.0}", run.at),
            run.tested,
            run.masked,
            printable::line(&run.matrix),
            printable::line(agent),
            printable::line(version),
        ));
    }
    if runs.is_empty() {
        text = format!("{}: no run is remembered yet\n", printable::line(&path.to_string_lossy()));
    }
    say::say(&text, Exit::Clean)
}

fn forget(path: &Path, runs: &[String]) -> Exit {
    // Opening to write would make a file that nobody asked for.
    match read(path) {
        Ok(Some(_)) => {}
        Ok(None) => {
            say::aside(&format!("error: there is no ledger at {}", printable::line(&path.to_string_lossy())));
            return Exit::Usage;
        }
        Err(exit) => return exit,
    }
    let mut ledger = match Ledger::open(path) {
        Ok(ledger) => ledger,
        Err(error) => return refused(&error),
    };
    let mut exit = Exit::Clean;
    for run in runs {
        match ledger.forget(&RunId::from(run.as_str())) {
            Ok(true) => say::aside(&format!("forgotten {}", printable::line(run))),
            Ok(false) => {
                say::aside(&format!(
                    "error: no run {} is remembered: `coexist ledger show` lists them",
                    printable::line(run)
                ));
                exit = Exit::Usage;
            }
            Err(error) => return refused(&error),
        }
    }
    exit
}
