//! Expressions without negation, over sets of values: "the row has one of these".

use crate::model::{Expression, Predicate};
use crate::space::{Cell, Space};

/// A clause: true in a row that has one of its cells. Sorted, none twice.
pub(crate) type Clause = Vec<Cell>;

/// Clauses that alternatives may be multiplied out to. Beyond it the rule is kept as a tree.
const PRODUCT: usize = 256;
/// Clauses of one rule, and cells in all of them, likewise.
const CLAUSES: usize = 20_000;
const CELLS: usize = 4_000_000;

/// An expression in negation normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    OneOf(Clause),
    All(Vec<Form>),
    Any(Vec<Form>),
}

impl Form {
    pub(crate) fn of(expression: &Expression, space: &Space, negated: bool) -> Self {
        let parts = |parts: &[Expression], negated| parts.iter().map(|part| Self::of(part, space, negated)).collect();
        match expression {
            Expression::Is(predicate) => Self::OneOf(cells(predicate, space, negated)),
            Expression::Not(inner) => Self::of(inner, space, !negated),
            Expression::All(inner) if !negated => Self::All(parts(inner, false)),
            Expression::Any(inner) if negated => Self::All(parts(inner, true)),
            Expression::All(inner) | Expression::Any(inner) => Self::Any(parts(inner, negated)),
            Expression::Implies(when, then) if !negated => {
                Self::Any(vec![Self::of(when, space, true), Self::of(then, space, false)])
            }
            Expression::Implies(when, then) => {
                Self::All(vec![Self::of(when, space, false), Self::of(then, space, true)])
            }
            Expression::Related { left, right, allowed } => Self::All(related(*left, *right, allowed, space, negated)),
        }
    }

    /// The same as clauses, all of which hold; nothing when they are too many.
    pub(crate) fn clauses(&self, space: &Space) -> Option<Vec<Clause>> {
        let mut clauses = match self {
            Self::OneOf(cells) => vec![cells.clone()],
            Self::All(parts) => {
                let mut clauses = Vec::new();
                for part in parts {
                    clauses.extend(part.clauses(space)?);
                    if clauses.len() > CLAUSES {
                        return None;
                    }
                }
                clauses
            }
            Self::Any(parts) => {
                let mut product = vec![Vec::new()];
                for part in parts {
                    let factor = part.clauses(space)?;
                    if product.len() * factor.len() > PRODUCT {
                        return None;
                    }
                    product = product.iter().flat_map(|one| factor.iter().map(|other| union(one, other))).collect();
                }
                product
            }
        };
        clauses.retain(|clause| !always_true(clause, space));
        clauses.sort();
        clauses.dedup();
        (clauses.len() <= CLAUSES && clauses.iter().map(Vec::len).sum::<usize>() <= CELLS).then_some(clauses)
    }

    pub(crate) fn holds(&self, has: &dyn Fn(Cell) -> bool) -> bool {
        match self {
            Self::OneOf(cells) => cells.iter().any(|&cell| has(cell)),
            Self::All(parts) => parts.iter().all(|part| part.holds(has)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(has)),
        }
    }

    /// Every cell it speaks of, some more than once.
    pub(crate) fn cells(&self, into: &mut Vec<Cell>) {
        match self {
            Self::OneOf(cells) => into.extend(cells),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.cells(into)),
        }
    }
}

/// The cells that make a predicate true, or false.
pub(crate) fn cells(predicate: &Predicate, space: &Space, negated: bool) -> Clause {
    let mut wanted = vec![negated; space.count(predicate.parameter)];
    predicate.values.iter().for_each(|&value| wanted[value] = !negated);
    space.values(predicate.parameter).zip(wanted).filter_map(|(cell, wanted)| wanted.then_some(cell)).collect()
}

/// For each value of the left, what the right may be; values of the left with the same answer share a clause.
fn related(left: usize, right: usize, allowed: &[Vec<usize>], space: &Space, negated: bool) -> Vec<Form> {
    let mut groups: std::collections::BTreeMap<Clause, Vec<usize>> = std::collections::BTreeMap::new();
    for (value, allowed) in allowed.iter().enumerate() {
        let right = cells(&Predicate::one_of(right, allowed.clone()), space, negated);
        groups.entry(right).or_default().push(value);
    }
    groups
        .into_iter()
        .map(|(right, values)| {
            let elsewhere = cells(&Predicate::one_of(left, values), space, true);
            Form::OneOf(union(&elsewhere, &right))
        })
        .collect()
}

fn union(one: &[Cell], other: &[Cell]) -> Clause {
    let mut both = [one, other].concat();
    both.sort_unstable();
    both.dedup();
    both
}

fn always_true(clause: &[Cell], space: &Space) -> bool {
    clause
        .chunk_by(|one, other| space.owner(*one) == space.owner(*other))
        .any(|chunk| chunk.len() == space.count(space.owner(chunk[0])))
}
