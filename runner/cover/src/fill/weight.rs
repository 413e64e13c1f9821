//! Values by weight.

use super::{free, is_weighted};
use crate::model::Model;
use crate::random::Random;
use crate::space::Cell;
use crate::suite::{Scratch, Suite};

/// Draws a value by weight for each free cell of a parameter whose values differ in weight.
pub(super) fn draw(model: &Model, suite: &mut Suite<'_>) {
    let mut random = Random::stream(4);
    let mut scratch = Scratch::default();
    for at in 0..suite.len() {
        for (parameter, values) in model.parameters().iter().enumerate().filter(|(_, values)| is_weighted(values)) {
            if suite.holds(at, parameter) {
                continue;
            }
            let weight = |cell: Cell| u64::from(values.values[suite.ground.space.value(cell)].weight);
            let free: Vec<(Cell, u64)> =
                free(suite, at, parameter, &mut scratch).into_iter().map(|cell| (cell, weight(cell))).collect();
            let all: u64 = free.iter().map(|(_, weight)| weight).sum();
            let mut draw = random.below(all as usize) as u64;
            let drawn = free.into_iter().find(|&(_, weight)| {
                let here = draw < weight;
                draw = draw.saturating_sub(weight);
                here
            });
            if let Some((cell, _)) = drawn.filter(|&(cell, _)| cell != suite.row(at)[parameter]) {
                suite.set(at, parameter, cell);
            }
        }
    }
}
