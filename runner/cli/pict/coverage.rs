//! `coexist coverage --pict`: what an existing suite covers.

use coexist_cover::pict::{PictModel, PictRows};
use coexist_cover::{Measure, measure};
use coexist_model::Exit;
use serde_json::{Value, json};
use std::path::Path;

use super::{combination, print_json, read, refused, shown, text};
use crate::args::CoverageArgs;
use crate::say;

/// A suite beside what it covers.
pub(super) struct Measured<'a> {
    pub(super) rows_file: &'a Path,
    pub(super) model_file: &'a Path,
    pub(super) strength: usize,
    pub(super) model: PictModel,
    pub(super) rows: PictRows,
    /// For each row that was measured its number in the file; the others have open cells.
    pub(super) complete: Vec<usize>,
    pub(super) measure: Measure,
}

/// Prints what a suite covers. The exit code says whether it is all there is to cover.
pub(crate) fn coverage(args: &CoverageArgs, rows: &Path, model: &Path) -> Exit {
    let measured = match make(args, rows, model) {
        Ok(measured) => measured,
        Err(exit) => return exit,
    };
    // The code is the contract's; its meaning for a suite stands in the command's help.
    let exit = if measured.is_whole() { Exit::Clean } else { Exit::ProductFailure };
    if args.json { print_json(&measured.json(), exit) } else { say::say(&text::coverage(&measured), exit) }
}

fn make<'a>(args: &CoverageArgs, rows_file: &'a Path, model_file: &'a Path) -> Result<Measured<'a>, Exit> {
    let (dialect, strength) = (args.suite.dialect.read(), args.strength);
    let model = read::model(model_file, &dialect)?;
    let rows = read::rows(rows_file, &model, &dialect)?;
    if let Some(parameter) = rows.without.first().and_then(|&number| model.model.parameters().get(number)) {
        let more = match rows.without.len() {
            1 => String::new(),
            all => format!(", nor for {} more", all - 1),
        };
        let what =
            format!("the heading has no column for parameter {:?}{more}: a suite has one for each", parameter.name);
        say::aside(&format!("error: {}: {what}", shown(rows_file)));
        return Err(Exit::Usage);
    }
    let whole: Vec<Option<Vec<usize>>> = rows.rows.iter().map(|row| row.iter().copied().collect()).collect();
    let complete = (0..whole.len()).filter(|&number| whole.get(number).is_some_and(Option::is_some)).collect();
    let whole: Vec<Vec<usize>> = whole.into_iter().flatten().collect();
    let measure = measure(&model.model, &model.strength(strength), &whole, args.suite.missing)
        .map_err(|error| refused(model_file, &error))?;
    Ok(Measured { rows_file, model_file, strength, model, rows, complete, measure })
}

impl Measured<'_> {
    fn is_whole(&self) -> bool {
        self.measure.covered == self.measure.feasible
            && self.measure.invalid.is_empty()
            && self.complete.len() == self.rows.rows.len()
    }

    /// The line of a row that was measured.
    pub(super) fn line(&self, number: usize) -> usize {
        self.complete.get(number).and_then(|&number| self.rows.lines.get(number)).copied().unwrap_or_default()
    }

    /// Lines of valid rows all whose combinations stand in rows before them.
    pub(super) fn adding_nothing(&self) -> Vec<usize> {
        let invalid = |number: usize| self.measure.invalid.iter().any(|row| row.number == number);
        let first = self.measure.first.iter().enumerate();
        first.filter(|&(number, &first)| first == 0 && !invalid(number)).map(|(number, _)| self.line(number)).collect()
    }

    /// Rows with open cells: their lines, and the parameters without a known value.
    pub(super) fn open(&self) -> Vec<(usize, Vec<&str>)> {
        let open = |row: &[Option<usize>]| {
            let cells = row.iter().zip(self.model.model.parameters());
            cells.filter(|(value, _)| value.is_none()).map(|(_, parameter)| &*parameter.name).collect::<Vec<_>>()
        };
        let rows = self.rows.rows.iter().zip(&self.rows.lines);
        rows.map(|(row, &line)| (line, open(row))).filter(|(_, open)| !open.is_empty()).collect()
    }

    /// Hundredths of a percent, rounded down: all is only what is all.
    pub(super) fn basis_points(&self) -> u64 {
        let (covered, feasible) = (u128::from(self.measure.covered), u128::from(self.measure.feasible));
        (covered * 10_000).checked_div(feasible).map_or(10_000, |points| u64::try_from(points).unwrap_or_default())
    }

    fn json(&self) -> Value {
        let invalid = self.measure.invalid.iter().map(|row| json!({"line": self.line(row.number), "rules": row.rules}));
        let open = self.open().into_iter().map(|(line, parameters)| json!({"line": line, "parameters": parameters}));
        let missing = self.measure.missing.iter().map(|cells| combination(&self.model.model, cells));
        json!({
            "schema": "coexist.pict-coverage/1",
            "model": self.model_file.to_string_lossy(),
            "rows_file": self.rows_file.to_string_lossy(),
            "strength": self.strength,
            "rows": self.rows.rows.len(),
            "feasible": self.measure.feasible,
            "covered": self.measure.covered,
            "percent": self.basis_points() as f64 / 100.0,
            "invalid": invalid.collect::<Value>(),
            "open": open.collect::<Value>(),
            "adds_nothing": self.adding_nothing(),
            "missing": missing.collect::<Value>(),
        })
    }
}
