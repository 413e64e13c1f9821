//! `coexist plan`, and the plan that `coexist run` carries out.

use std::collections::BTreeSet;
use std::path::Path;

use coexist_model::{Exit, Plan};

use crate::args::PlanArgs;

/// Prints the plan of a matrix.
pub(crate) fn plan(args: &PlanArgs) -> Exit {
    let plan = match make(&args.matrix, &args.cells) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    if !args.json {
        print!("{}", coexist_plan::render_text(&plan));
        return Exit::Clean;
    }
    match serde_json::to_string_pretty(&plan) {
        Ok(json) => {
            println!("{json}");
            Exit::Clean
        }
        Err(error) => {
            crate::complain(&error);
            Exit::Internal
        }
    }
}

/// The plan of a matrix, cut down to the cells that were asked for. Says itself why there is none.
pub(crate) fn make(matrix: &Path, only: &[String]) -> Result<Plan, Exit> {
    let planned = coexist_plan::load(matrix).and_then(|matrix| coexist_plan::plan(&matrix));
    let mut plan = match planned {
        Ok(plan) => plan,
        Err(report) => {
            eprint!("{report}");
            return Err(Exit::Usage);
        }
    };
    if !only.is_empty() {
        let known: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).collect();
        if let Some(unknown) = only.iter().find(|id| !known.contains(id.as_str())) {
            eprintln!("error: {} has no cell {unknown}; its cells are:", matrix.display());
            known.iter().for_each(|id| eprintln!("  {id}"));
            return Err(Exit::NothingSelected);
        }
        plan.cells.retain(|cell| only.iter().any(|id| id == cell.id.as_str()));
    }
    if plan.cells.is_empty() {
        eprintln!("error: {} selects no cell: its exclusions leave nothing", matrix.display());
        return Err(Exit::NothingSelected);
    }
    Ok(plan)
}
