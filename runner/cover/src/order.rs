//! Rows in an order in which the first few cover most: what a budget can pay for is then the best of the plan.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::coverage::Coverage;
use crate::error::CoverError;
use crate::ground::{Ground, bits_of};
use crate::model::Model;
use crate::space::{Cell, Space};
use crate::strength::Strength;

/// Numbers of the rows, the one that covers most first, then the one that adds most to it, and so on. Rows that add
/// nothing, and invalid ones, come last in the order they have.
///
/// # Errors
/// As for [`measure`](crate::measure).
pub fn most_first(model: &Model, strength: &Strength, rows: &[Vec<usize>]) -> Result<Vec<usize>, CoverError> {
    most_first_after(model, strength, rows, &[])
}

/// As [`most_first`], where other rows count already: those with most that was not tested lately come first. When all
/// is covered the rest follow as if nothing had been counted.
///
/// # Errors
/// As for [`measure`](crate::measure), and [`CoverError::Unfit`] for a counted row that does not fit the model.
pub fn most_first_after(
    model: &Model,
    strength: &Strength,
    rows: &[Vec<usize>],
    counted: &[Vec<usize>],
) -> Result<Vec<usize>, CoverError> {
    if let Some(number) = rows.iter().position(|row| !model.fits(row)) {
        return Err(CoverError::Seed { number });
    }
    crate::tested::fit(model, "counted row", counted)?;
    let strength = strength.check(model)?;
    let space = Space::new(model.parameters());
    crate::coverage::check_size(&space, &strength)?;
    let rows: Vec<Vec<Cell>> = rows.iter().map(|row| space.row(row)).collect();
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    for (ground, mut oracle) in crate::parts::of(model)? {
        let valid = |row: &Vec<Cell>| ground.rules.valid(row, &ground.rules.counts(row));
        let mut left: Vec<usize> = (0..rows.len()).filter(|&number| valid(&rows[number])).collect();
        let mut coverage = Coverage::new(&ground, &mut oracle, &strength)?;
        if counted.is_empty() {
            fresh.extend(rank(&ground, &mut coverage, &rows, &left));
            continue;
        }
        let mut all = coverage.clone();
        crate::tested::count(&ground, &mut coverage, counted);
        let first = rank(&ground, &mut coverage, &rows, &left);
        let mut ranked = vec![false; rows.len()];
        for &(_, number) in &first {
            all.add(&rows[number]);
            ranked[number] = true;
        }
        left.retain(|&number| !ranked[number]);
        again.extend(rank(&ground, &mut all, &rows, &left));
        fresh.extend(first);
    }
    let mut order = Vec::with_capacity(rows.len());
    for mut ranked in [fresh, again] {
        ranked.sort_by_key(|&(fresh, _)| Reverse(fresh));
        order.extend(ranked.into_iter().map(|(_, number)| number));
    }
    let mut chosen = vec![false; rows.len()];
    order.iter().for_each(|&number| chosen[number] = true);
    order.extend((0..rows.len()).filter(|&number| !chosen[number]));
    Ok(order)
}

/// Rows by what each adds to those before it, and how much that is; those that add nothing are left out.
fn rank(ground: &Ground, coverage: &mut Coverage, rows: &[Vec<Cell>], among: &[usize]) -> Vec<(u64, usize)> {
    let fresh = |coverage: &Coverage, number: usize| {
        coverage.fresh_row(&rows[number], &bits_of(&rows[number], ground.space.words()))
    };
    // What a row adds only ever falls: an old figure is a bound, and the best of all bounds that is exact is the best.
    let mut heap: BinaryHeap<(u64, Reverse<usize>)> =
        among.iter().map(|&number| (fresh(coverage, number), Reverse(number))).collect();
    let mut ranked = Vec::new();
    while let Some((bound, Reverse(number))) = heap.pop() {
        let exact = fresh(coverage, number);
        if exact < bound {
            heap.push((exact, Reverse(number)));
        } else if exact > 0 {
            coverage.add(&rows[number]);
            ranked.push((exact, number));
        }
    }
    ranked
}
