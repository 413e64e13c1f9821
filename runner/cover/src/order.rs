//! Rows in an order in which the first few cover most: what a budget can pay for is then the best of the plan.

use std::collections::BinaryHeap;

use crate::coverage::Coverage;
use crate::error::CoverError;
use crate::ground::bits_of;
use crate::model::Model;
use crate::space::Space;
use crate::strength::Strength;

/// Numbers of the rows, the one that covers most first, then the one that adds most to it, and so on. Rows that add
/// nothing, and invalid ones, come last in the order they have.
///
/// # Errors
/// As for [`measure`](crate::measure).
pub fn most_first(model: &Model, strength: &Strength, rows: &[Vec<usize>]) -> Result<Vec<usize>, CoverError> {
    if let Some(number) = rows.iter().position(|row| !model.fits(row)) {
        return Err(CoverError::Seed { number });
    }
    let strength = strength.check(model)?;
    let space = Space::new(model.parameters());
    crate::coverage::check_size(&space, &strength)?;
    let mut ranked: Vec<(u64, usize)> = Vec::new();
    for (ground, mut oracle) in crate::parts::of(model)? {
        let mut coverage = Coverage::new(&ground, &mut oracle, &strength)?;
        let fresh = |coverage: &Coverage, number: usize| {
            let row = space.row(&rows[number]);
            coverage.fresh_row(&row, &bits_of(&row, space.words()))
        };
        // What a row adds only ever falls: an old figure is a bound, and the best of all bounds that is exact is the best.
        let mut heap: BinaryHeap<(u64, std::cmp::Reverse<usize>)> = BinaryHeap::new();
        for (number, row) in rows.iter().enumerate() {
            let row = space.row(row);
            if ground.rules.valid(&row, &ground.rules.counts(&row)) {
                heap.push((fresh(&coverage, number), std::cmp::Reverse(number)));
            }
        }
        while let Some((bound, std::cmp::Reverse(number))) = heap.pop() {
            let exact = fresh(&coverage, number);
            if exact < bound {
                heap.push((exact, std::cmp::Reverse(number)));
            } else if exact > 0 {
                coverage.add(&space.row(&rows[number]));
                ranked.push((exact, number));
            }
        }
    }
    ranked.sort_by_key(|&(fresh, _)| std::cmp::Reverse(fresh));
    let mut order: Vec<usize> = ranked.into_iter().map(|(_, number)| number).collect();
    let mut chosen = vec![false; rows.len()];
    order.iter().for_each(|&number| chosen[number] = true);
    order.extend((0..rows.len()).filter(|&number| !chosen[number]));
    Ok(order)
}
