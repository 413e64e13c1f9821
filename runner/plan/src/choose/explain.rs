//! What a cell is there for, and why a combination stands where it does, or nowhere.

use std::collections::BTreeMap;

use coexist_cover::Strength;

use super::Chosen;
use super::model::{Column, Space};
use crate::checked::{Agents, Checked};
use crate::words::{alternatives, count, quote};

/// Combinations of one kind, and cells, that are told.
const MOST_TOLD: usize = 12;
/// Sets of parameters beyond which a cell is not looked at.
const MOST_SETS: usize = 200_000;

/// Why there is no explanation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExplainError(pub(crate) String);

/// Values of parameters.
type Combination = Vec<(usize, usize)>;

/// Which combinations stand in one cell alone, kind by kind.
pub(crate) fn cell(chosen: &Chosen<'_>, ids: &[String], cell: &str) -> Result<String, ExplainError> {
    let space = space(chosen)?;
    let Some(at) = ids.iter().position(|id| id == cell) else {
        let near = crate::words::nearest(cell, ids.iter().map(String::as_str));
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        return Err(ExplainError(format!("the plan has no cell {}{near}", quote(cell))));
    };
    let Some(own) = chosen.rows.get(at).and_then(|row| space.values(row)) else {
        return Ok(format!("{cell}\n  included: it has something that the lists of the matrix do not have\n"));
    };
    let others = chosen.rows.iter().enumerate().filter(|(number, _)| *number != at);
    let others: Vec<Vec<usize>> = others.filter_map(|(_, row)| space.values(row)).collect();
    let mut kinds: BTreeMap<(usize, String), Vec<Combination>> = BTreeMap::new();
    let mut all = 0;
    for set in sets(space, &chosen.strength)? {
        if !others.iter().any(|other| set.iter().all(|&parameter| other[parameter] == own[parameter])) {
            let kind = set.iter().map(|&parameter| kind(space, parameter)).collect::<Vec<_>>().join(" × ");
            kinds.entry((set.len(), kind)).or_default().push(set.iter().map(|&it| (it, own[it])).collect());
            all += 1;
        }
    }
    let included = if chosen.included.iter().any(|id| id == cell) { "included; " } else { "" };
    let mut text = format!("{cell}\n  {included}{} only here\n", combinations(all));
    for ((_, kind), found) in kinds {
        text.push_str(&format!("  {kind}: {}\n", found.len()));
        for combination in found.iter().take(MOST_TOLD) {
            text.push_str(&format!("    {}\n", words(space, combination)));
        }
        if let Some(more @ 1..) = found.len().checked_sub(MOST_TOLD) {
            text.push_str(&format!("    and {more} more\n"));
        }
    }
    Ok(text)
}

/// Why a combination such as `hvci=on,acme-endpoint=4.1` is impossible, or which cells hold it.
pub(crate) fn combination(
    checked: &Checked,
    chosen: &Chosen<'_>,
    ids: &[String],
    asked: &str,
) -> Result<String, ExplainError> {
    let space = space(chosen)?;
    let mut combination: Combination = Vec::new();
    for part in asked.split(',') {
        let value = value(checked, space, part.trim())?;
        if combination.iter().any(|(parameter, _)| *parameter == value.0) {
            return Err(ExplainError(format!("{} is the second value of its parameter", quote(part.trim()))));
        }
        combination.push(value);
    }
    combination.sort_unstable();
    let told = words(space, &combination);
    let reason = coexist_cover::explain(&space.model, &combination).map_err(|error| ExplainError(error.to_string()))?;
    if let Some(rules) = reason {
        let rules: String = rules.iter().map(|rule| format!("  {rule}\n")).collect();
        return Ok(format!("{told}: impossible, by the fewest rules that forbid it:\n{rules}"));
    }
    let holds = |row: &super::Row<'_>| {
        space
            .values(row)
            .is_some_and(|values| combination.iter().all(|(parameter, value)| values[*parameter] == *value))
    };
    let cells: Vec<&String> = chosen.rows.iter().zip(ids).filter(|(row, _)| holds(row)).map(|(_, id)| id).collect();
    if cells.is_empty() {
        return Ok(format!("{told}: possible, and in no cell: the coverage does not ask for it\n"));
    }
    let mut text = format!("{told}: in {}\n", count(cells.len(), "cell"));
    cells.iter().take(MOST_TOLD).for_each(|id| text.push_str(&format!("  {id}\n")));
    if let Some(more @ 1..) = cells.len().checked_sub(MOST_TOLD) {
        text.push_str(&format!("  and {more} more\n"));
    }
    Ok(text)
}

fn space<'s, 'a>(chosen: &'s Chosen<'a>) -> Result<&'s Space<'a>, ExplainError> {
    let too_large = || ExplainError("the matrix has too many values to look at its combinations".to_owned());
    chosen.space.as_ref().ok_or_else(too_large)
}

fn combinations(number: usize) -> String {
    count(number, "combination")
}

fn words(space: &Space<'_>, combination: &[(usize, usize)]) -> String {
    combination.iter().map(|it| space.words(*it)).collect::<Vec<_>>().join(" with ")
}

fn kind(space: &Space<'_>, parameter: usize) -> &'static str {
    match space.columns.get(parameter) {
        Some(Column::Image) | None => "image",
        Some(Column::Setting(_)) => "setting",
        Some(Column::Sets) => "agents",
        Some(Column::Offer(_)) => "agent",
    }
}

/// Every set of parameters whose combinations are asked for.
fn sets(space: &Space<'_>, strength: &Strength) -> Result<Vec<Vec<usize>>, ExplainError> {
    let width = space.columns.len();
    let size = strength.base.min(width);
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size {
        let longer = sets.iter().flat_map(|set| {
            let from = set.last().map_or(0, |last| last + 1);
            (from..width).map(move |next| set.iter().copied().chain([next]).collect::<Vec<_>>())
        });
        sets = longer.take(MOST_SETS + 1).collect();
        if sets.len() > MOST_SETS {
            return Err(ExplainError("there are too many combinations to look at each".to_owned()));
        }
    }
    sets.extend(strength.groups.iter().map(|group| group.parameters.clone()));
    Ok(sets)
}

/// The parameter and value of `hvci=on`, `image=w11-24h2`, `acme-endpoint=4.1` or `acme-endpoint=none`.
fn value(checked: &Checked, space: &Space<'_>, part: &str) -> Result<(usize, usize), ExplainError> {
    let Some((name, wanted)) = part.split_once('=').map(|(name, value)| (name.trim(), value.trim())) else {
        return Err(ExplainError(format!("{} is no combination: expected `name=value,name=value`", quote(part))));
    };
    let offer = |number: usize| match &checked.agents {
        Agents::Choice(pool) => pool.offers.get(number),
        Agents::Sets(_) => None,
    };
    let named = |column: &Column| match *column {
        Column::Image => "image",
        Column::Sets => "agents",
        Column::Setting(axis) => checked.axes.get(axis).map_or("", |axis| axis.name.as_str()),
        Column::Offer(number) => offer(number).map_or("", |offer| offer.agent.as_str()),
    };
    let Some(parameter) = space.columns.iter().position(|column| named(column) == name) else {
        let known = alternatives(space.columns.iter().map(named));
        return Err(ExplainError(format!("the matrix has no {}: expected {known}", quote(name))));
    };
    let values: Vec<&str> = space.model.parameters().get(parameter).map_or_else(Vec::new, |parameter| {
        parameter.values.iter().filter_map(|value| value.names.first()).map(String::as_str).collect()
    });
    let value = values.iter().position(|value| *value == wanted);
    let unknown = || {
        ExplainError(format!(
            "{} has no value {}: expected {}",
            quote(name),
            quote(wanted),
            alternatives(values.iter().copied())
        ))
    };
    Ok((parameter, value.ok_or_else(unknown)?))
}
