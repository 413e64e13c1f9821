//! What is known of a model before the first row is chosen: which cells can stand together in a valid row.

mod classify;

use crate::error::CoverError;
use crate::logic::{Answer, Oracle, Part, Rules};
use crate::model::Model;
use crate::random::Random;
use crate::space::{Cell, Space, has, put};

/// Facts about a model that never change while a plan is made.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) space: Space,
    pub(crate) rules: Rules,
    /// For each cell those it can stand with in a valid row.
    together: Vec<u64>,
    /// Cells that no valid row has.
    pub(crate) dead: Vec<Cell>,
    /// Parameters that rules tie together have the same number.
    pub(crate) groups: Vec<u32>,
    /// Which cells are out of range.
    pub(crate) negative: Vec<u64>,
    pub(crate) part: Part,
    /// Some valid row.
    pub(crate) sample: Vec<Cell>,
}

impl Ground {
    /// The facts, and the solver that found them; nothing when no row at all is valid.
    pub(crate) fn new(model: &Model, part: Part) -> Result<Option<(Self, Oracle)>, CoverError> {
        let space = Space::new(model.parameters());
        let constraints = crate::logic::constraints(model, &space, part);
        let constraints: Vec<_> = constraints.into_iter().map(|(_, constraint)| constraint).collect();
        let rules = Rules::new(&constraints, &space);
        let mut oracle = Oracle::new(&constraints, &space);
        let sample = match oracle.complete(&[]) {
            _ if rules.contradictory() => return Ok(None),
            Answer::Row(row) => row,
            Answer::Impossible => return Ok(None),
            Answer::TooHard => return Err(CoverError::TooHard),
        };
        let mut negative = vec![0; space.words()];
        for cell in 0..space.cells() as Cell {
            if crate::logic::negative(model, &space, cell) {
                put(&mut negative, cell);
            }
        }
        let groups = rules.groups(&space);
        let together = vec![0; space.cells() * space.words()];
        let mut ground = Self { space, rules, together, dead: Vec::new(), groups, negative, part, sample };
        ground.classify_pairs(&constraints, &mut oracle)?;
        Ok(Some((ground, oracle)))
    }

    /// The cells that can stand in a valid row with this one; none of its own parameter.
    pub(crate) fn together_with(&self, cell: Cell) -> &[u64] {
        let words = self.space.words();
        &self.together[cell as usize * words..][..words]
    }

    pub(crate) fn is_alive(&self, cell: Cell) -> bool {
        self.dead.binary_search(&cell).is_err()
    }

    /// Whether a combination of this part's rows counts: it has a value out of range if and only if the part has.
    pub(crate) fn counts_here(&self, cells: &[Cell]) -> bool {
        let negative = cells.iter().filter(|&&cell| has(&self.negative, cell)).count();
        match self.part {
            Part::Usual => negative == 0,
            Part::OutOfRange => negative == 1,
        }
    }

    /// Whether cells are in a valid row together, as far as pairs tell.
    pub(crate) fn pairs_agree(&self, cells: &[Cell]) -> bool {
        cells.iter().enumerate().all(|(at, &one)| {
            self.is_alive(one) && cells[at + 1..].iter().all(|&other| has(self.together_with(one), other))
        })
    }

    /// Whether pairs tell everything about the cells: rules tie no three of them together.
    pub(crate) fn pairs_decide(&self, cells: &[Cell]) -> bool {
        let group = |cell: Cell| self.groups[self.space.owner(cell)];
        cells.iter().all(|&one| cells.iter().filter(|&&other| group(other) == group(one)).count() <= 2)
    }

    /// Valid rows that are near to the given one: each differs from the one before in a cell, where any can.
    pub(crate) fn wander(&self, row: &mut [Cell], counts: &mut [u16], random: &mut Random) {
        for parameter in 0..row.len() {
            let cell = self.space.cell(parameter, random.below(self.space.count(parameter)));
            if cell != row[parameter] && self.rules.allows(row, counts, parameter, cell) {
                self.rules.change(counts, parameter, row[parameter], cell);
                row[parameter] = cell;
            }
        }
    }
}

/// A row as a set.
pub(crate) fn bits_of(row: &[Cell], words: usize) -> Vec<u64> {
    let mut bits = vec![0; words];
    row.iter().for_each(|&cell| put(&mut bits, cell));
    bits
}
