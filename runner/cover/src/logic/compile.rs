//! A model's rules as constraints of three kinds: clauses, counts, and trees for what would become too many clauses.

use std::collections::BTreeSet;

use super::form::{self, Clause, Form};
use crate::model::{Demand, Model, Predicate};
use crate::space::{Cell, Space};

/// Which rows are meant. Out-of-range values mask what stands beside them, so their rows are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Rows without a value that is out of range.
    Usual,
    /// Rows with exactly one.
    OutOfRange,
}

/// Where a constraint comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The rule with this number.
    Rule(usize),
    /// What a value that is out of range brings by itself.
    Range,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Constraint {
    /// One of these cells.
    OneOf(Clause),
    /// At least `need` of the sets have a cell in the row.
    Count { need: usize, of: Vec<Clause> },
    /// Whatever else.
    Tree(Form),
}

impl Constraint {
    /// Whether a row keeps it.
    pub(crate) fn holds(&self, row: &[Cell]) -> bool {
        let has = |cell: &Cell| row.contains(cell);
        match self {
            Self::OneOf(cells) => row.iter().any(|cell| cells.binary_search(cell).is_ok()),
            Self::Count { need, of } => of.iter().filter(|cells| cells.iter().any(has)).count() >= *need,
            Self::Tree(form) => form.holds(&|cell| has(&cell)),
        }
    }
}

pub(crate) fn constraints(model: &Model, space: &Space, part: Part) -> Vec<(Source, Constraint)> {
    let mut all = Vec::new();
    for (number, rule) in model.rules().iter().enumerate() {
        let source = Source::Rule(number);
        match &rule.demand {
            Demand::Holds(expression) => {
                let form = Form::of(expression, space, false);
                match form.clauses(space) {
                    Some(clauses) => {
                        all.extend(clauses.into_iter().map(|clause| (source, Constraint::OneOf(clause))));
                    }
                    None => all.push((source, Constraint::Tree(form))),
                }
            }
            Demand::AtLeast(need, predicates) => all.extend(at_least(*need, predicates, space, source)),
            Demand::AtMost(most, predicates) => all.extend(at_most(*most, predicates, space, source)),
        }
    }
    all.extend(range(model, space, part).into_iter().map(|constraint| (Source::Range, constraint)));
    all
}

fn at_least(need: usize, predicates: &[Predicate], space: &Space, source: Source) -> Option<(Source, Constraint)> {
    let of = predicates.iter().map(|predicate| form::cells(predicate, space, false)).collect();
    count(need, of).map(|constraint| (source, constraint))
}

fn at_most(most: usize, predicates: &[Predicate], space: &Space, source: Source) -> Option<(Source, Constraint)> {
    let of: Vec<_> = predicates.iter().map(|predicate| form::cells(predicate, space, true)).collect();
    count(of.len().saturating_sub(most), of).map(|constraint| (source, constraint))
}

fn count(need: usize, of: Vec<Clause>) -> Option<Constraint> {
    match need {
        0 => None,
        1 => {
            let cells: BTreeSet<_> = of.into_iter().flatten().collect();
            Some(Constraint::OneOf(cells.into_iter().collect()))
        }
        _ => Some(Constraint::Count { need, of }),
    }
}

/// No value out of range, or exactly one, when the model has any.
fn range(model: &Model, space: &Space, part: Part) -> Vec<Constraint> {
    if !model.has_negative_values() {
        return Vec::new();
    }
    let inside: Vec<Clause> = (0..space.width())
        .map(|parameter| space.values(parameter).filter(|&cell| !negative(model, space, cell)).collect::<Clause>())
        .collect();
    let usual: Vec<Clause> =
        inside.into_iter().enumerate().filter(|(p, c)| c.len() < space.count(*p)).map(|(_, c)| c).collect();
    match part {
        Part::Usual => usual.into_iter().map(Constraint::OneOf).collect(),
        Part::OutOfRange => {
            let outside = (0..space.cells() as u32).filter(|&cell| negative(model, space, cell)).collect();
            let most = count(usual.len().saturating_sub(1), usual);
            std::iter::once(Constraint::OneOf(outside)).chain(most).collect()
        }
    }
}

pub(crate) fn negative(model: &Model, space: &Space, cell: u32) -> bool {
    model.parameters()[space.owner(cell)].values[space.value(cell)].negative
}
