//! A checker that shares nothing with the planner: it tries every row there is.

use std::collections::BTreeSet;

use coexist_cover::{Demand, Expression, Model, Predicate, Strength};

/// A combination: parameters with a value each, in order.
pub(crate) type Combination = Vec<(usize, usize)>;

fn is(predicate: &Predicate, row: &[usize]) -> bool {
    predicate.values.contains(&row[predicate.parameter])
}

fn holds(expression: &Expression, row: &[usize]) -> bool {
    match expression {
        Expression::Is(predicate) => is(predicate, row),
        Expression::Related { left, right, allowed } => allowed[row[*left]].contains(&row[*right]),
        Expression::Not(inner) => !holds(inner, row),
        Expression::All(parts) => parts.iter().all(|part| holds(part, row)),
        Expression::Any(parts) => parts.iter().any(|part| holds(part, row)),
        Expression::Implies(when, then) => !holds(when, row) || holds(then, row),
    }
}

/// Values out of range in a row.
pub(crate) fn negatives(model: &Model, row: &[usize]) -> usize {
    row.iter().zip(model.parameters()).filter(|(value, parameter)| parameter.values[**value].negative).count()
}

pub(crate) fn breaks(model: &Model, rule: usize, row: &[usize]) -> bool {
    match &model.rules()[rule].demand {
        Demand::Holds(expression) => !holds(expression, row),
        Demand::AtLeast(least, of) => of.iter().filter(|predicate| is(predicate, row)).count() < *least,
        Demand::AtMost(most, of) => of.iter().filter(|predicate| is(predicate, row)).count() > *most,
    }
}

pub(crate) fn is_valid(model: &Model, row: &[usize]) -> bool {
    negatives(model, row) <= 1 && (0..model.rules().len()).all(|rule| !breaks(model, rule, row))
}

/// Every row of the model, valid or not.
pub(crate) fn every_row(model: &Model) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new()];
    for parameter in model.parameters() {
        let longer = |row: &Vec<usize>| {
            let row = row.clone();
            (0..parameter.values.len()).map(move |value| [row.clone(), vec![value]].concat())
        };
        rows = rows.iter().flat_map(longer).collect();
    }
    rows
}

fn sets(model: &Model, strength: &Strength) -> BTreeSet<Vec<usize>> {
    let width = model.parameters().len();
    let all = |size: usize| (0u32..1 << width).filter(move |set| set.count_ones() as usize == size);
    let members = |set: u32| (0..width).filter(|p| set >> p & 1 == 1).collect::<Vec<_>>();
    let within = |set: &[usize], group: &[usize]| set.iter().filter(|p| group.contains(p)).count();
    let base = strength.base.min(width);
    let mut wanted: BTreeSet<Vec<usize>> = all(base)
        .map(members)
        .filter(|set| strength.groups.iter().all(|g| g.strength >= base || within(set, &g.parameters) <= g.strength))
        .collect();
    for group in &strength.groups {
        wanted.extend(all(group.strength).map(members).filter(|set| within(set, &group.parameters) == set.len()));
    }
    wanted
}

/// The combinations of rows that count: those with a value out of range only together with it.
pub(crate) fn combinations(model: &Model, strength: &Strength, rows: &[Vec<usize>]) -> BTreeSet<Combination> {
    let mut found = BTreeSet::new();
    let sets = sets(model, strength);
    for row in rows.iter().filter(|row| is_valid(model, row)) {
        for set in &sets {
            let negative = set.iter().filter(|&&p| model.parameters()[p].values[row[p]].negative).count();
            if negative == negatives(model, row) {
                found.insert(set.iter().map(|&parameter| (parameter, row[parameter])).collect());
            }
        }
    }
    found
}
