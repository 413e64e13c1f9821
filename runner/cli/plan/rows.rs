//! The rows file beside a matrix: read, kept, and held against the plan.

use std::io::Write as _;
use std::path::Path;

use coexist_model::Exit;
use coexist_plan::{Ask, Planned, RowsFile};

use super::Made;
use crate::args::PlanArgs;
use crate::say;

/// The saved rows of a matrix, where there are some.
pub(crate) fn saved(matrix: &Path) -> Result<Option<RowsFile>, Exit> {
    RowsFile::of(matrix).map_err(|error| {
        crate::complain(&error);
        Exit::Usage
    })
}

/// For `--locked`: the saved rows are what the matrix needs now, byte for byte.
pub(crate) fn must_be_as_saved(matrix: &Path, saved: Option<&RowsFile>, planned: &Planned) -> Result<(), Exit> {
    let path = RowsFile::beside(matrix);
    let why = match saved {
        Some(saved) if saved.text() == planned.rows => return Ok(()),
        Some(_) => "is not what the matrix needs now",
        None => "is not there",
    };
    let what = planned.replanned.as_ref().map(|it| format!(": {}", coexist_plan::replanned_in_words(it)));
    let (path, what, matrix) = (path.display(), what.unwrap_or_default(), matrix.display());
    say::aside(&format!(
        "error: the rows file {path} {why}{what}\n  help: run `coexist plan --save {matrix}`, look at the change, and commit it"
    ));
    Err(Exit::Usage)
}

/// For `--save` and `--compact`: the plan from nothing, where that one is kept now.
pub(crate) fn keep(matrix: &Path, args: &PlanArgs, made: &Made) -> Result<Option<Planned>, Exit> {
    let compact = if args.show.compact { Some(compact(matrix, args, made)?) } else { None };
    if !args.show.save {
        return Ok(None);
    }
    let text = &compact.as_ref().unwrap_or(&made.planned).rows;
    let path = RowsFile::beside(matrix);
    write(&path, text).map_err(|error| {
        say::aside(&format!("error: {} cannot be written\n  because: {error}", path.display()));
        Exit::ReportNotWritten
    })?;
    say::aside(&format!("saved {} rows in {}", text.lines().count().saturating_sub(2), path.display()));
    Ok(compact)
}

fn compact(matrix: &Path, args: &PlanArgs, made: &Made) -> Result<Planned, Exit> {
    let ask = Ask { saved: None, ..args.wishes.ask(Some(&args.ledger.path))? };
    let mut compact = coexist_plan::plan(&made.resolved, &ask).map_err(|report| {
        say::aside(&report.render(false));
        Exit::Usage
    })?;
    say::aside(&coexist_plan::compared(&made.planned, &compact));
    super::select(&mut compact.plan, matrix, &args.cells)?;
    Ok(compact)
}

/// Whole or not at all: a plan that is cut off leaves the rows as they were.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // Readable as any file of the matrix's folder is: a temporary file is its owner's alone.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
