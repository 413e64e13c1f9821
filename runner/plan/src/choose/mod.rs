//! Which combinations become cells.
//!
//! ```text
//! Checked ─► rules ─┬─► full    the product of everything, without what rules forbid (no `coverage:`)
//!                   └─► model ─► coexist_cover ─► cover    few rows that hold every combination asked for
//! ```
//!
//! [`rules`] lists what every row keeps, once; `full` looks at rows with it, `model` writes it for the engine.

mod cover;
pub(crate) mod covered;
pub(crate) mod explain;
mod full;
mod id;
mod model;
mod order;
pub(crate) mod orders;
mod replan;
mod rules;
pub(crate) mod running;
pub(crate) mod saved;
mod sequence;
mod sets;
mod strength;

pub(crate) use id::id;

use crate::checked::{AgentSet, AxisValue, Checked, IncludeRow, ListedImage};
use crate::message::{Message, Mistake};
use crate::planning::Ask;
use crate::source::Sources;
use coexist_cover::{CoverError, Strength};
use model::Space;
use rules::Rule;
use saved::SavedRows;
use sequence::Sequences;

/// The strength by which a full product is measured where no other is given.
const PAIRS: usize = 2;

/// One chosen combination.
#[derive(Debug, Clone)]
pub(crate) struct Row<'a> {
    pub(crate) image: &'a ListedImage,
    /// One value for each axis, in the axes' order.
    pub(crate) values: Vec<&'a AxisValue>,
    /// In the order of installation.
    pub(crate) set: AgentSet,
}

/// Rows, and what they were chosen by.
#[derive(Debug, Clone)]
pub(crate) struct Chosen<'a> {
    pub(crate) rows: Vec<Row<'a>>,
    /// Names of those that the matrix includes.
    pub(crate) included: Vec<String>,
    /// The matrix as the engine sees it; `None` where it is too large for it and a full product was asked for.
    pub(crate) space: Option<Space<'a>>,
    /// What was asked for; of a full product, every pair.
    pub(crate) strength: Strength,
    /// Saved rows that could not be kept, by their number, with the rules that they break.
    pub(crate) dropped: Vec<(usize, Vec<String>)>,
    /// What is known of the orders of agents; `None` where the matrix fixes the order.
    pub(crate) sequences: Option<Sequences>,
}

/// Chooses rows: those that the matrix includes come first where coverage is asked for, and last in a full product, as
/// they are additions there. Saved rows keep their places. `None` after an error; no row at all is a warning.
pub(crate) fn choose<'a>(
    checked: &'a Checked,
    sources: &Sources,
    saved: Option<&SavedRows>,
    ask: &Ask,
    messages: &mut Vec<Message>,
) -> Option<Chosen<'a>> {
    let rules = rules::of(checked, sources);
    let included = included(checked, &rules, messages);
    let chosen = match &checked.coverage {
        Some(coverage) => cover::rows(checked, coverage, &rules, included?, saved, ask, messages),
        None => {
            let names = included.iter().flatten().map(id).collect();
            let mut rows = full::rows(checked, sources, &rules, included, messages)?;
            if let Some(saved) = saved {
                saved::in_saved_order(saved, &mut rows);
            }
            let space = Space::new(checked, &rules).ok();
            let strength = Strength::uniform(PAIRS);
            Some(Chosen { rows, included: names, space, strength, dropped: Vec::new(), sequences: None })
        }
    };
    messages.extend(chosen.iter().flat_map(|chosen| running::without_cells(checked, &chosen.rows)));
    chosen
}

/// What the engine says of a matrix that it cannot look at, in the author's words.
pub(crate) fn refused(checked: &Checked, sources: &Sources, error: &CoverError) -> Message {
    let span = checked.coverage.as_ref().map_or(checked.name_span, |coverage| coverage.span);
    cover::refused(error, span, &rules::of(checked, sources))
}

/// The rows that the matrix includes, once each; `None` when one of them breaks a rule.
fn included<'a>(checked: &'a Checked, rules: &[Rule<'_>], messages: &mut Vec<Message>) -> Option<Vec<Row<'a>>> {
    let before = messages.len();
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (included, row) in checked.include.iter().map(|included| (included, of_included(included))) {
        let broken: Vec<&Rule<'_>> = rules.iter().filter(|rule| !rule.kept_by(&row)).collect();
        if let Some(message) = against(included.span, &broken) {
            messages.push(message);
        } else if !rows.iter().any(|other| id(other) == id(&row)) {
            rows.push(row);
        }
    }
    (messages.len() == before).then_some(rows)
}

fn of_included(included: &IncludeRow) -> Row<'_> {
    Row { image: &included.image, values: included.values.iter().collect(), set: included.set.clone() }
}

fn against(span: crate::source::Span, broken: &[&Rule<'_>]) -> Option<Message> {
    let excluded = broken.iter().find(|rule| rule.excludes());
    let message = match (excluded, broken.first()) {
        (Some(rule), _) => {
            let found = "this row is excluded as well";
            Message::error(Mistake::IncludedAndExcluded, span, found, "included here")
                .related(rule.span, "excluded here")
        }
        (None, Some(_)) => {
            let found = format!("this row breaks {}", crate::words::count(broken.len(), "rule"));
            let message = Message::error(Mistake::IncludedAgainstRule, span, found, "included here");
            let message =
                message.help("change the row so that it keeps every rule, or the rule so that it lets the row be");
            broken.iter().fold(message, |message, rule| message.related(rule.span, rule.label.clone()))
        }
        (None, None) => return None,
    };
    Some(message.page("matrix.md#include"))
}
