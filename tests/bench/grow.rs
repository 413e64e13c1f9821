//! What one more value costs: for PICT models in a folder, plans without some value, then with it, the old rows kept.
//!
//! `bench-grow FOLDER [--values N] [--effort quick|normal|long]`, always a release build. Of each model N values (8 unless told), spread over
//! its parameters, are added in turn: a model with a rule against the value is planned, then the model itself with those
//! rows as seeds. Tells the rows kept, the new ones, and the fewest that there have to be: values that the new one has
//! to meet and that exclude each other need a row each. Exits with 1 when a row is lost or more than two are added beyond that.
#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use coexist_cover::pict::{self, Dialect};
use coexist_cover::{Effort, Expression, Model, Plan, Request, Rule, plan};

type Failure = Box<dyn Error>;

/// New rows beyond the fewest there have to be.
const GRACE: usize = 2;

fn main() -> Result<ExitCode, Failure> {
    let mut words = std::env::args().skip(1);
    let folder: PathBuf = words.next().ok_or("a folder of models was expected")?.into();
    let (mut many, mut effort) = (8, Effort::Normal);
    while let Some(word) = words.next() {
        match (&*word, words.next().as_deref()) {
            ("--values", Some(number)) => many = number.parse()?,
            ("--effort", Some("quick")) => effort = Effort::Quick,
            ("--effort", Some("normal")) => effort = Effort::Normal,
            ("--effort", Some("long")) => effort = Effort::Long,
            (word, value) => return Err(format!("{word} {value:?} is not known").into()),
        }
    }
    let mut models: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "pict"))
        .collect();
    models.sort();
    println!("model                          added value                before  fresh  new  least");
    let (mut tried, mut missed) = (0, 0);
    for path in models {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(parsed) = pict::parse(&std::fs::read_to_string(&path)?, &Dialect::default()) else { continue };
        for value in values(&parsed.model, many) {
            let Some(grown) = grow(&parsed.model, value, effort)? else { continue };
            let parameter = &parsed.model.parameters()[value.0];
            let added = format!("{} = {}", parameter.name, parameter.values[value.1].names[0]);
            let beyond = grown.new > grown.least + GRACE;
            println!(
                "{name:<30} {added:<26} {:>6} {:>6} {:>4} {:>6}{}{}",
                grown.before,
                grown.fresh,
                grown.new,
                grown.least,
                if beyond { "  MORE THAN NEEDED" } else { "" },
                if grown.kept { "" } else { "  ROWS LOST" },
            );
            tried += 1;
            missed += usize::from(beyond || !grown.kept);
        }
    }
    println!("{tried} values added, {missed} of them at more than {GRACE} rows beyond what there has to be");
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// So many values, one of a parameter each, spread evenly.
fn values(model: &Model, many: usize) -> Vec<(usize, usize)> {
    let wide: Vec<usize> = (0..model.parameters().len()).filter(|&p| model.parameters()[p].values.len() > 1).collect();
    let step = wide.len().div_ceil(many.max(1)).max(1);
    wide.into_iter()
        .step_by(step)
        .map(|parameter| (parameter, model.parameters()[parameter].values.len() - 1))
        .collect()
}

struct Grown {
    before: usize,
    fresh: usize,
    new: usize,
    least: usize,
    kept: bool,
}

/// Plans without the value, then with it; nothing where there is no row without it.
fn grow(model: &Model, (parameter, value): (usize, usize), effort: Effort) -> Result<Option<Grown>, Failure> {
    let mut rules = model.rules().to_vec();
    rules.push(Rule::holds("not yet", Expression::is(parameter, value).negated()));
    let Ok(smaller) = Model::new(model.parameters().to_vec(), rules) else { return Ok(None) };
    let request = Request { effort, ..Request::strength(2) };
    let Ok(Plan { rows: before, mut impossible, .. }) = plan(&smaller, &request) else { return Ok(None) };
    let fresh = plan(model, &request)?;
    impossible.retain(|&other| other != (parameter, value));
    if impossible != fresh.impossible {
        // Other values need this one: more than one is added.
        return Ok(None);
    }
    let seeds = before.iter().map(|row| row.iter().copied().map(Some).collect()).collect();
    let after = plan(model, &Request { seeds, ..request })?;
    Ok(Some(Grown {
        before: before.len(),
        fresh: fresh.rows.len(),
        new: after.rows.len().saturating_sub(before.len()),
        least: after.least_new,
        kept: after.rows.starts_with(&before),
    }))
}
