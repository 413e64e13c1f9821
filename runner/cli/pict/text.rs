//! Plans and suites of PICT models, for people.

use coexist_cover::Model;

use super::coverage::Measured;
use super::plan::Chosen;
use super::{TOLD, names, shown};
use crate::printable;

/// A list under a heading; lines after the first stand below each other.
fn entry(text: &mut String, heading: &str, lines: impl IntoIterator<Item = String>) {
    for (number, line) in lines.into_iter().enumerate() {
        let heading = if number == 0 { heading } else { "" };
        text.push_str(&format!("  {heading:<14}{}\n", printable::line(&line)));
    }
}

/// The first of many, and how many more there are.
fn first(all: impl ExactSizeIterator<Item = String>, what: &str) -> Vec<String> {
    let more = all.len().saturating_sub(TOLD);
    let mut told: Vec<String> = all.take(TOLD).collect();
    if more > 0 {
        told.push(format!("and {more} more {what}"));
    }
    told
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn size(model: &Model) -> String {
    let values = model.parameters().iter().map(|parameter| parameter.values.len()).sum();
    [
        count(model.parameters().len(), "parameter", "parameters"),
        count(values, "value", "values"),
        count(model.rules().len(), "rule", "rules"),
    ]
    .join(", ")
}

/// What there is to say of a plan.
pub(super) fn plan(chosen: &Chosen<'_>) -> String {
    let (plan, model) = (&chosen.plan, &chosen.model.model);
    let mut text = format!("{}: {}\n", shown(chosen.place), size(model));
    entry(&mut text, "rows", [format!("{}, at least {} in any plan without seeds", plan.rows.len(), plan.lower_bound)]);
    let order = if chosen.model.sub_models.is_empty() { "" } else { ", sub-models as they say" };
    entry(&mut text, "covered", [format!("all {} combinations of {}{order}", plan.combinations, chosen.strength)]);
    if let Some(impossible) = chosen.impossible {
        entry(&mut text, "impossible", [format!("{impossible} more, which the rules forbid")]);
    }
    let value = |&(parameter, value): &(usize, usize)| {
        let (parameter, value) = names(model, parameter, value);
        format!("{parameter}: {value}")
    };
    entry(&mut text, "in no row", first(plan.impossible.iter().map(value), "values"));
    if !chosen.seeds.rows.is_empty() {
        entry(&mut text, "seed rows", [format!("{} kept, {} dropped", plan.seeds, plan.dropped.len())]);
    }
    entry(&mut text, "effort", [chosen.effort.to_owned()]);
    text.push_str("the rows themselves: --rows\n");
    text
}

/// What a suite covers, and what is wrong with it.
pub(super) fn coverage(measured: &Measured<'_>) -> String {
    let (measure, model) = (&measured.measure, &measured.model.model);
    let rows = count(measured.rows.rows.len(), "row", "rows");
    let mut text =
        format!("{}: {rows} for {}: {}\n", shown(measured.rows_file), shown(measured.model_file), size(model));
    let points = measured.basis_points();
    let percent = format!("{}.{:02} %", points / 100, points % 100);
    let strength = measured.strength;
    let covered = format!("{percent}: {} of {} feasible combinations of {strength}", measure.covered, measure.feasible);
    entry(&mut text, "covered", [covered]);
    let invalid = measure.invalid.iter().map(|row| {
        let rules = row.rules.join("; ");
        format!("line {} covers nothing: it breaks {rules}", measured.line(row.number))
    });
    entry(&mut text, "invalid", first(invalid, "rows"));
    let open = measured.open().into_iter();
    let open =
        open.map(|(line, names)| format!("line {line} covers nothing: it has no known value of {}", names.join(", ")));
    entry(&mut text, "open", first(open, "rows"));
    let idle = measured.adding_nothing();
    let idle = idle.iter().map(|line| format!("line {line} adds nothing to the rows before it"));
    entry(&mut text, "could go", first(idle, "rows"));
    let missing = measure.missing.iter().map(|cells| {
        let cell = |&(parameter, value): &(usize, usize)| {
            let (parameter, value) = names(model, parameter, value);
            format!("{parameter}: {value}")
        };
        cells.iter().map(cell).collect::<Vec<_>>().join(", ")
    });
    let unlisted = (measure.feasible - measure.covered).saturating_sub(measure.missing.len() as u64);
    let more = (unlisted > 0).then(|| format!("and {unlisted} more: --missing N lists as many"));
    entry(&mut text, "missing", missing.chain(more));
    text
}
