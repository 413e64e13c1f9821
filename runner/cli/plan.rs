//! `coexist plan`, and the plan that `coexist run` carries out.

mod rows;
mod wishes;

use std::collections::BTreeSet;
use std::path::Path;

use coexist_model::{Exit, Plan};
use coexist_plan::{Planned, Report, Resolved, Telling};

pub(crate) use wishes::{Show, Wishes};

use crate::args::{Color, PlanArgs};
use crate::say;

/// A plan, and what it was made from.
pub(crate) struct Made {
    pub(crate) resolved: Resolved,
    /// Cut down to the cells that were asked for; its rows are those of all.
    pub(crate) planned: Planned,
}

/// Prints the plan of a matrix, or the rows of a PICT model.
pub(crate) fn plan(args: &PlanArgs) -> Exit {
    if let Some((option, about)) = args.misplaced() {
        say::aside(&format!("error: {option} is about {about}"));
        return Exit::Usage;
    }
    if let Some(model) = &args.pict.pict {
        return crate::pict::plan(model, &args.pict, &args.wishes, args.json);
    }
    // The parser lets nothing through that has neither.
    let Some(matrix) = &args.matrix else { return Exit::Internal };
    if let Some(asked) = &args.show.explain {
        return explain(matrix, args, asked);
    }
    let made = match make(matrix, &args.cells, &args.wishes, Some(&args.ledger.path), Color::Auto) {
        Ok(made) => made,
        Err(exit) => return exit,
    };
    let planned = match rows::keep(matrix, args, &made) {
        Ok(None) => made.planned,
        Ok(Some(compact)) => compact,
        Err(exit) => return exit,
    };
    let on_host = crate::packages::on_host(&planned.plan);
    if !args.json {
        let telling = Telling { steps: args.show.steps || !args.cells.is_empty(), on_host: Some(on_host) };
        return say::say(&coexist_plan::render(&planned, &telling), Exit::Clean);
    }
    match coexist_plan::json(&planned, &on_host).and_then(|json| serde_json::to_string_pretty(&json)) {
        Ok(json) => say::say(&format!("{json}\n"), Exit::Clean),
        Err(error) => {
            crate::complain(&error);
            Exit::Internal
        }
    }
}

/// Says what a cell is there for, or where a combination is.
fn explain(matrix: &Path, args: &PlanArgs, asked: &str) -> Exit {
    let told = |report: Report| {
        say::aside(&report.render(Color::Auto.enabled()));
        Exit::Usage
    };
    let explained = rows::saved(matrix).and_then(|saved| {
        let ask = coexist_plan::Ask { saved, ..args.wishes.ask(Some(&args.ledger.path))? };
        let resolved = coexist_plan::load(matrix).map_err(told)?;
        coexist_plan::explain(&resolved, &ask, asked).map_err(told)
    });
    match explained {
        Ok(Ok(text)) => say::say(&text, Exit::Clean),
        Ok(Err(error)) => {
            crate::complain(&error);
            Exit::Usage
        }
        Err(exit) => exit,
    }
}

/// The plan of a matrix, cut down to the cells that were asked for. Tells its warnings, and says itself why there is
/// no plan.
pub(crate) fn make(
    matrix: &Path,
    only: &[String],
    wishes: &Wishes,
    ledger: Option<&Path>,
    color: Color,
) -> Result<Made, Exit> {
    let tell = |report: &Report| say::aside(&report.render(color.enabled()));
    let told = |report: Report| {
        tell(&report);
        Exit::Usage
    };
    let saved = rows::saved(matrix)?;
    let resolved = coexist_plan::load(matrix).map_err(told)?;
    let ask = coexist_plan::Ask { saved, ..wishes.ask(ledger)? };
    let mut planned = coexist_plan::plan(&resolved, &ask).map_err(told)?;
    if !planned.warnings.messages().is_empty() {
        tell(&planned.warnings);
    }
    if planned.plan.cells.is_empty() {
        let why = if ask.budget.is_some() && planned.covered.is_some() {
            "the budget is less than any cell takes; `coexist plan` without one tells what they take"
        } else {
            "its exclusions leave nothing"
        };
        say::aside(&format!("error: {} selects no cell: {why}", matrix.display()));
        return Err(Exit::NothingSelected);
    }
    if wishes.locked {
        rows::must_be_as_saved(matrix, ask.saved.as_ref(), &planned)?;
    }
    select(&mut planned.plan, matrix, only)?;
    Ok(Made { resolved, planned })
}

/// Keeps the cells that were asked for. An id that is not there is a wrong request; when none of them is there, nothing
/// is selected.
fn select(plan: &mut Plan, matrix: &Path, only: &[String]) -> Result<(), Exit> {
    if only.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).collect();
    let unknown: Vec<&str> = only.iter().map(String::as_str).filter(|id| !known.contains(id)).collect();
    if !unknown.is_empty() {
        let mut text = format!("error: {} has no cell {}; its cells are:\n", matrix.display(), unknown.join(", "));
        known.iter().for_each(|id| text.push_str(&format!("  {id}\n")));
        say::aside(&text);
        return Err(if unknown.len() == only.len() { Exit::NothingSelected } else { Exit::Usage });
    }
    plan.cells.retain(|cell| only.iter().any(|id| id == cell.id.as_str()));
    Ok(())
}
