//! `coexist plan`, and the plan that `coexist run` carries out.

use std::collections::BTreeSet;
use std::path::Path;

use coexist_model::{Exit, Plan};
use coexist_plan::{Planned, Report};

use crate::args::{Color, PlanArgs};
use crate::say;

/// Prints the plan of a matrix, or of a PICT model.
pub(crate) fn plan(args: &PlanArgs) -> Exit {
    if let Some(model) = &args.pict.pict {
        return crate::pict::plan(model, &args.pict, args.json);
    }
    // The parser cannot say this: what an option requires is not asked for where it conflicts with what was given.
    if let Some(option) = args.pict.without_model() {
        say::aside(&format!(
            "error: {option} is about a PICT model: give one with --pict MODEL in place of the matrix"
        ));
        return Exit::Usage;
    }
    // The parser lets nothing through that has neither.
    let Some(matrix) = &args.matrix else { return Exit::Internal };
    let plan = match make(matrix, &args.cells, Color::Auto) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    if !args.json {
        return say::say(&coexist_plan::render_text(&plan), Exit::Clean);
    }
    match serde_json::to_string_pretty(&plan) {
        Ok(json) => say::say(&format!("{json}\n"), Exit::Clean),
        Err(error) => {
            crate::complain(&error);
            Exit::Internal
        }
    }
}

/// The plan of a matrix, cut down to the cells that were asked for. Tells its warnings, and says itself why there is
/// no plan.
pub(crate) fn make(matrix: &Path, only: &[String], color: Color) -> Result<Plan, Exit> {
    let tell = |report: &Report| say::aside(&report.render(color.enabled()));
    let planned =
        coexist_plan::load(matrix).and_then(|matrix| coexist_plan::plan(&matrix, &coexist_plan::Ask::default()));
    let Planned { mut plan, warnings } = planned.map_err(|report| {
        tell(&report);
        Exit::Usage
    })?;
    if !warnings.messages().is_empty() {
        tell(&warnings);
    }
    if plan.cells.is_empty() {
        say::aside(&format!("error: {} selects no cell: its exclusions leave nothing", matrix.display()));
        return Err(Exit::NothingSelected);
    }
    select(&mut plan, matrix, only)?;
    Ok(plan)
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
