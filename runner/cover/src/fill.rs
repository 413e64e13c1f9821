//! Cells that no combination needs: filled by weight, then as the request likes.

mod alike;
mod higher;
mod weight;

use crate::model::{Model, Parameter};
use crate::plan::Fill;
use crate::space::Cell;
use crate::strength::Strength;
use crate::suite::{Scratch, Suite};

/// Fills every cell that may change without uncovering anything.
pub(crate) fn fill(model: &Model, fill: &Fill, strength: &Strength, suite: &mut Suite<'_>) {
    weight::draw(model, suite);
    // What weights decided stays.
    let mut open: Vec<bool> = model.parameters().iter().map(|parameter| !is_weighted(parameter)).collect();
    if let Fill::Alike(parameters) = fill {
        alike::join(parameters, model, suite);
        parameters.iter().for_each(|&parameter| open[parameter] = false);
    }
    higher::cover(strength, &open, suite);
}

/// Whether some values are liked more than others.
fn is_weighted(parameter: &Parameter) -> bool {
    parameter.values.iter().any(|value| value.weight != parameter.values[0].weight)
}

/// What a cell of a row can become without uncovering anything or breaking a rule, and what it is.
fn free(suite: &Suite<'_>, at: usize, parameter: usize, scratch: &mut Scratch) -> Vec<Cell> {
    let (ground, now) = (suite.ground, suite.row(at)[parameter]);
    let harmless = |&cell: &Cell| {
        cell == now
            || (ground.rules.allows(suite.row(at), suite.counts(at), parameter, cell)
                && suite.delta(at, &[cell], 0, scratch) >= 0)
    };
    ground.space.values(parameter).filter(harmless).collect()
}
