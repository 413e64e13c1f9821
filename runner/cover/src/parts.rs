//! The kinds of rows of a model: the usual ones, and those with a value out of range.

use crate::error::CoverError;
use crate::ground::Ground;
use crate::logic::{Explainer, Oracle, Part, Source};
use crate::model::Model;
use crate::plan::RANGE_LABEL;
use crate::space::{Cell, Space};

/// The kinds there may be.
pub(crate) fn kinds(model: &Model) -> &'static [Part] {
    if model.has_negative_values() { &[Part::Usual, Part::OutOfRange] } else { &[Part::Usual] }
}

/// What is known of each kind that has any valid row.
pub(crate) fn of(model: &Model) -> Result<Vec<(Ground, Oracle)>, CoverError> {
    let mut parts = Vec::new();
    for &kind in kinds(model) {
        parts.extend(Ground::new(model, kind)?);
    }
    if parts.is_empty() {
        return Err(contradiction(model));
    }
    Ok(parts)
}

fn contradiction(model: &Model) -> CoverError {
    why_not(model, &[]).map_or(CoverError::TooHard, |rules| CoverError::Contradiction { rules })
}

/// Labels of the fewest rules found that keep cells out of every kind of row; nothing when some kind has them.
pub(crate) fn why_not(model: &Model, cells: &[Cell]) -> Option<Vec<String>> {
    let usual = forbidden(model, Part::Usual, cells)?;
    if !model.has_negative_values() {
        return Some(usual);
    }
    let out_of_range = forbidden(model, Part::OutOfRange, cells)?;
    Some(if out_of_range.len() < usual.len() { out_of_range } else { usual })
}

/// Labels of the fewest rules found that a row breaks where it would belong: with values out of range when it has one.
pub(crate) fn reasons(model: &Model, parts: &[(Ground, Oracle)], cells: &[Cell]) -> Vec<String> {
    let Some((ground, _)) = parts.first() else { return Vec::new() };
    let negative = cells.iter().any(|&cell| crate::space::has(&ground.negative, cell));
    let part = if negative { Part::OutOfRange } else { Part::Usual };
    forbidden(model, part, cells).unwrap_or_default()
}

/// Labels of the fewest rules found that forbid cells to stand in one row; nothing when they are not forbidden.
pub(crate) fn forbidden(model: &Model, part: Part, cells: &[Cell]) -> Option<Vec<String>> {
    let space = Space::new(model.parameters());
    let rules = Explainer::new(model, &space, part).rules(cells)?;
    Some(rules.into_iter().map(|rule| label(model, rule)).collect())
}

/// How a rule is told.
pub(crate) fn label(model: &Model, source: Source) -> String {
    match source {
        Source::Rule(number) => model.rules().get(number).map_or(String::new(), |rule| rule.label.clone()),
        Source::Range => RANGE_LABEL.to_string(),
    }
}

/// Values that no kind of valid row can hold.
pub(crate) fn impossible(parts: &[(Ground, Oracle)]) -> Vec<(usize, usize)> {
    let Some((first, rest)) = parts.split_first() else { return Vec::new() };
    let dead = first.0.dead.iter().filter(|cell| rest.iter().all(|(ground, _)| !ground.is_alive(**cell)));
    dead.map(|&cell| (first.0.space.owner(cell), first.0.space.value(cell))).collect()
}
