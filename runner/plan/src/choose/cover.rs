//! Few rows that hold every combination that `coverage` asks for.

use coexist_cover::{CoverError, ModelError, Plan, Request};

use super::model::{Column, Space};
use super::rules::Rule;
use super::saved::SavedRows;
use super::{Chosen, Row, id, replan, strength};
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
    let names = included.iter().map(id).collect();
    let mut rows = included;
    let Seeds { seeds, from_file } = gather(checked, &space, &rows, saved);
    let request = Request {
        strength: strength.clone(),
        effort: ask.effort,
        seeds: seeds.clone(),
        ..Request::strength(strength.base)
    };
    let plan = match coexist_cover::plan(&space.model, &request) {
        Ok(plan) => plan,
        Err(error) => {
            messages.push(refused(&error, coverage.span, rules));
            return None;
        }
    };
    messages.extend(impossible(checked, &space, &plan, rules));
    // Included rows were held against the rules before: what was dropped is from the file.
    let first = seeds.len() - from_file.len();
    let dropped = plan.dropped.iter().filter_map(|dropped| {
        let number = from_file.get(dropped.number.checked_sub(first)?)?;
        Some((*number, dropped.rules.clone()))
    });
    let dropped = dropped.collect();
    rows.extend(plan.rows.iter().skip(first).filter_map(|values| space.row(values)));
    Some(Chosen { rows, included: names, space: Some(space), strength, dropped })
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
        let message = Message::error(Mistake::ImpossibleValue, span, found, "stands in no cell");
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
            message.help("without any one of them there are cells").page("matrix.md#constraints")
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
