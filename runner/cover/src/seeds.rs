//! Rows that are given: which kind each belongs to, and which break rules.

use crate::error::CoverError;
use crate::ground::Ground;
use crate::logic::{Answer, Oracle};
use crate::model::Model;
use crate::plan::DroppedSeed;
use crate::space::Cell;

/// A seed that a valid row can have.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    /// Its place in the request.
    pub(crate) number: usize,
    part: usize,
    /// The cells that are given.
    pub(crate) cells: Vec<Cell>,
    /// For each parameter whether it is.
    pub(crate) held: Vec<bool>,
    /// Some valid row with them.
    pub(crate) valid: Vec<Cell>,
}

pub(crate) struct Seeds {
    kept: Vec<Seed>,
    pub(crate) dropped: Vec<DroppedSeed>,
}

impl Seeds {
    pub(crate) fn of_part(&self, part: usize) -> impl Iterator<Item = &Seed> {
        self.kept.iter().filter(move |seed| seed.part == part)
    }
}

pub(crate) fn sort(
    model: &Model,
    parts: &mut [(Ground, Oracle)],
    seeds: &[Vec<Option<usize>>],
) -> Result<Seeds, CoverError> {
    let mut sorted = Seeds { kept: Vec::new(), dropped: Vec::new() };
    for (number, seed) in seeds.iter().enumerate() {
        let fits = |(value, parameter): (&Option<usize>, &crate::model::Parameter)| {
            value.is_none_or(|value| value < parameter.values.len())
        };
        if seed.len() != model.parameters().len() || !seed.iter().zip(model.parameters()).all(fits) {
            return Err(CoverError::Seed { number });
        }
        match place(number, seed, parts)? {
            Some(seed) => sorted.kept.push(seed),
            None => {
                let cells = parts.first().map(|(ground, _)| cells(ground, seed)).unwrap_or_default();
                sorted.dropped.push(DroppedSeed { number, rules: crate::parts::reasons(model, parts, &cells) });
            }
        }
    }
    Ok(sorted)
}

fn cells(ground: &Ground, seed: &[Option<usize>]) -> Vec<Cell> {
    let given = seed.iter().enumerate().filter_map(|(parameter, value)| Some((parameter, (*value)?)));
    given.map(|(parameter, value)| ground.space.cell(parameter, value)).collect()
}

fn place(number: usize, seed: &[Option<usize>], parts: &mut [(Ground, Oracle)]) -> Result<Option<Seed>, CoverError> {
    for (part, (ground, oracle)) in parts.iter_mut().enumerate() {
        let cells = cells(ground, seed);
        match oracle.complete(&cells) {
            Answer::Row(valid) => {
                let held = seed.iter().map(Option::is_some).collect();
                return Ok(Some(Seed { number, part, cells, held, valid }));
            }
            Answer::Impossible => {}
            Answer::TooHard => return Err(CoverError::TooHard),
        }
    }
    Ok(None)
}
