//! Cells that no combination needs, filled by weight.

use crate::model::Model;
use crate::random::Random;
use crate::space::Cell;
use crate::suite::{Scratch, Suite};

/// Draws a value by weight for each cell that may change without uncovering anything. Nothing changes in a model
/// without weights.
pub(crate) fn by_weight(model: &Model, suite: &mut Suite<'_>) {
    if !model.has_weights() {
        return;
    }
    let ground = suite.ground;
    let mut random = Random::stream(4);
    let mut scratch = Scratch::default();
    for at in 0..suite.len() {
        for (parameter, values) in model.parameters().iter().enumerate() {
            if suite.holds(at, parameter) || values.values.iter().all(|value| value.weight == values.values[0].weight) {
                continue;
            }
            let now = suite.row(at)[parameter];
            let mut free: Vec<(Cell, u64)> = Vec::new();
            for cell in ground.space.values(parameter) {
                let harmless = cell == now
                    || (ground.rules.allows(suite.row(at), suite.counts(at), parameter, cell)
                        && suite.delta(at, &[cell], 0, &mut scratch) >= 0);
                if harmless {
                    free.push((cell, u64::from(values.values[ground.space.value(cell)].weight)));
                }
            }
            let all: u64 = free.iter().map(|(_, weight)| weight).sum();
            let mut draw = random.below(all as usize) as u64;
            let drawn = free.into_iter().find(|&(_, weight)| {
                let here = draw < weight;
                draw = draw.saturating_sub(weight);
                here
            });
            if let Some((cell, _)) = drawn.filter(|&(cell, _)| cell != now) {
                suite.set(at, parameter, cell);
            }
        }
    }
}
