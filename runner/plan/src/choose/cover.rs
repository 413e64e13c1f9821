//! Few rows that hold every combination that `coverage` asks for.

use std::collections::BTreeMap;

use coexist_cover::{CoverError, ModelError, OrderedPlan, Plan, Request, SequenceError};
use coexist_model::Standing;

use super::model::{Column, Space};
use super::rules::Rule;
use super::saved::SavedRows;
use super::sequence::Events;
use super::{Chosen, Row, id, order, replan, strength};
use crate::checked::{Checked, Coverage};
use crate::message::{Message, Mistake, Severity};
use crate::planning::Ask;
use crate::source::Span;
use crate::words::count;

const PAGE: &str = "matrix.md#coverage";

/// Included rows first, then the saved ones that still keep the rules, then those that the engine adds to them.
pub(crate) fn rows<'a>(
    checked: &'a Checked,
    coverage: &Coverage,
    rules: &[Rule<'_>],
    included: Vec<Row<'a>>,
    saved: Option<&SavedRows>,
    ask: &Ask,
    messages: &mut Vec<Message>,
) -> Option<Chosen<'a>> {
    let space = match Space::new(checked, rules) {
        Ok(space) => space,
        Err(mistakes) => {
            messages.push(no_model(&mistakes, coverage.span));
            return None;
        }
    };
    let Some(strength) = strength::of(checked, &space, coverage, ask.strength) else {
        messages.push(too_large("`also` names more groups of parameters than can be planned", coverage.span));
        return None;
    };
    let mut rows = included;
    for row in &mut rows {
        // Else the orders that are counted were those of no cell.
        order::fixed(checked, &mut row.set.members);
    }
    let names = rows.iter().map(id).collect();
    let Seeds { seeds, from_file } = gather(checked, &space, &rows, saved);
    let masked = masked(&space, &rows, ask);
    let request = Request {
        strength: strength.clone(),
        effort: ask.effort,
        seeds: seeds.clone(),
        masked,
        ..Request::strength(strength.base)
    };
    let events = Events::of(checked, &space);
    let kept = events.as_ref().map(|events| orders(events, &space, &rows, &from_file, saved)).unwrap_or_default();
    let (planned, masked) = match with_masked(&space, request, events.as_ref(), &kept) {
        Ok(planned) => planned,
        Err(error) => {
            messages.push(match error {
                SequenceError::Cover(error) => refused(&error, coverage.span, rules),
                other => too_large(other.to_string(), coverage.span),
            });
            return None;
        }
    };
    let sequences = events.as_ref().map(|events| events.sequences(&planned, &masked));
    let OrderedPlan { plan, orders, .. } = planned;
    messages.extend(impossible(checked, &space, &plan, rules));
    // Included rows were held against the rules before: what was dropped is from the file.
    let first = seeds.len() - from_file.len();
    let dropped = plan.dropped.iter().filter_map(|dropped| {
        let number = from_file.get(dropped.number.checked_sub(first)?)?;
        Some((*number, dropped.rules.iter().map(|rule| in_words(rule)).collect()))
    });
    let dropped = dropped.collect();
    for (number, values) in plan.rows.iter().enumerate().skip(first) {
        let Some(mut row) = space.row(values) else { continue };
        if let (Some(events), Some(order)) = (&events, orders.get(number)) {
            events.arrange(&mut row.set, order);
        }
        rows.push(row);
    }
    Some(Chosen { rows, included: names, space: Some(space), strength, dropped, sequences })
}

/// Cells that were broken or inconclusive when they last ran, as rows that shall not come again. What is included comes
/// all the same.
fn masked(space: &Space<'_>, included: &[Row<'_>], ask: &Ask) -> Vec<Vec<usize>> {
    if !ask.prefer_untested {
        return Vec::new();
    }
    let mut latest: BTreeMap<Vec<usize>, (jiff::Timestamp, Standing)> = BTreeMap::new();
    for past in &ask.history {
        let Some(values) = space.values_of_past(past) else { continue };
        let now = (past.at, past.standing);
        let known = latest.entry(values).or_insert(now);
        *known = (*known).max(now);
    }
    let included: Vec<_> = included.iter().filter_map(|row| space.values(row)).collect();
    let masked = latest
        .into_iter()
        .filter(|(values, (_, standing))| *standing == Standing::Masked && !included.contains(values));
    masked.map(|(values, _)| values).collect()
}

/// Orders of the seeds: those of included rows, then those of the rows file.
fn orders(
    events: &Events<'_>,
    space: &Space<'_>,
    included: &[Row<'_>],
    from_file: &[usize],
    saved: Option<&SavedRows>,
) -> Vec<Option<Vec<usize>>> {
    let included = included.iter().filter(|row| space.values(row).is_some()).map(|row| events.of_set(&row.set));
    let rows = saved.map_or(&[][..], |saved| &saved.rows);
    included.chain(from_file.iter().map(|number| rows.get(*number).map(|row| events.of_saved(row)))).collect()
}

/// Plans without the masked rows, but for those that alone can hold some combination: these are tried again. With the
/// rows that stay masked. No orders where the matrix fixes them.
fn with_masked(
    space: &Space<'_>,
    mut request: Request,
    events: Option<&Events<'_>>,
    kept: &[Option<Vec<usize>>],
) -> Result<(OrderedPlan, Vec<Vec<usize>>), SequenceError> {
    let plan = |request: &Request| match events {
        Some(events) => events.plan(space, request, kept),
        None => {
            let plan = coexist_cover::plan(&space.model, request)?;
            Ok(OrderedPlan { plan, orders: Vec::new(), for_order: 0, feasible: 0, open: Vec::new() })
        }
    };
    let planned = plan(&request)?;
    if planned.plan.only_masked.is_empty() {
        return Ok((planned, request.masked));
    }
    let holds = |row: &[usize], combination: &Vec<(usize, usize)>| {
        combination.iter().all(|(parameter, value)| row.get(*parameter) == Some(value))
    };
    request.masked.retain(|row| !planned.plan.only_masked.iter().any(|combination| holds(row, combination)));
    Ok((plan(&request)?, request.masked))
}

/// A rule as the engine tells it; it names masked rows by all their values, which the cell's name does already.
fn in_words(rule: &str) -> String {
    if rule.starts_with("masked row ") {
        "broken or inconclusive when it last ran: its combinations are tried in other cells".to_owned()
    } else {
        rule.to_owned()
    }
}

struct Seeds {
    /// Those of included rows, then those of the rows file. An included row with something that the matrix's lists do
    /// not have stands beside the plan.
    seeds: Vec<Vec<Option<usize>>>,
    /// For each seed of the rows file the number of its row there.
    from_file: Vec<usize>,
}

fn gather(checked: &Checked, space: &Space<'_>, included: &[Row<'_>], saved: Option<&SavedRows>) -> Seeds {
    let seeds = included.iter().filter_map(|row| space.values(row));
    let seeds = seeds.map(|values| values.into_iter().map(Some).collect()).collect();
    let mut all = Seeds { seeds, from_file: Vec::new() };
    let Some(saved) = saved else { return all };
    let included: Vec<String> = included.iter().map(id).collect();
    for seed in replan::seeds(checked, space, saved) {
        if !included.contains(&saved.rows[seed.number].cell) && !all.seeds.contains(&seed.values) {
            all.seeds.push(seed.values);
            all.from_file.push(seed.number);
        }
    }
    all
}

/// Values that stand in no row, each with the rules that keep it out.
fn impossible(checked: &Checked, space: &Space<'_>, plan: &Plan, rules: &[Rule<'_>]) -> Vec<Message> {
    let told = |&(parameter, value): &(usize, usize)| {
        let span = match space.columns.get(parameter)? {
            Column::Image => checked.images.get(value)?.span,
            Column::Setting(axis) => checked.axes.get(*axis)?.values.get(value)?.span,
            Column::Sets => checked.agents.sets().get(value)?.span,
            // *None* has no place of its own: that an agent is in every cell is no mistake.
            Column::Offer(_) => space.span_of_version(parameter, value)?,
        };
        let found = format!("no cell can have {}", space.words((parameter, value)));
        let message = Message::error(Mistake::ImpossibleValue, span, found, "stands in no cell")
            .help("take it out, or change a rule that keeps it out");
        let labels = coexist_cover::explain(&space.model, &[(parameter, value)]).ok().flatten().unwrap_or_default();
        Some(because(message, &labels, rules).severity(Severity::Warning).page("matrix.md#constraints"))
    };
    plan.impossible.iter().filter_map(told).collect()
}

/// Adds the rules that labels name, each at its place.
pub(crate) fn because(message: Message, labels: &[String], rules: &[Rule<'_>]) -> Message {
    let named = rules.iter().filter(|rule| labels.contains(&rule.label));
    named.fold(message, |message, rule| message.related(rule.span, rule.label.clone()))
}

/// What the engine says of a matrix that it cannot plan, in the author's words.
pub(crate) fn refused(error: &CoverError, span: Span, rules: &[Rule<'_>]) -> Message {
    match error {
        CoverError::Contradiction { rules: labels } => {
            let mut named = rules.iter().filter(|rule| labels.contains(&rule.label));
            let Some(first) = named.next() else {
                return Message::error(Mistake::Contradiction, span, "no cell keeps all rules", "nothing is left")
                    .page("matrix.md#constraints");
            };
            let found = format!("no cell keeps all rules: {} contradict each other", count(labels.len(), "rule"));
            let found = if labels.len() == 1 { "no cell keeps this rule".to_owned() } else { found };
            let message = Message::error(Mistake::Contradiction, first.span, found, first.label.clone());
            let message = named.fold(message, |message, rule| message.related(rule.span, rule.label.clone()));
            let help = if labels.len() == 1 {
                "without it there are cells"
            } else {
                "without any one of them there are cells"
            };
            message.help(help).page("matrix.md#constraints")
        }
        _ => too_large(error.to_string(), span),
    }
}

fn no_model(mistakes: &[ModelError], span: Span) -> Message {
    let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    too_large(all.join("; "), span)
}

fn too_large(found: impl Into<String>, span: Span) -> Message {
    Message::error(Mistake::TooManyCells, span, found, "cannot be planned")
        .help("ask for a lower strength, take values out, or split the matrix")
        .page(PAGE)
}
