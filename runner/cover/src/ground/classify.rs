//! Every pair of cells classified once: valid rows prove most, the solver decides the rest.

use super::{Ground, bits_of};
use crate::error::CoverError;
use crate::logic::{Answer, Constraint, Oracle};
use crate::random::Random;
use crate::space::{Cell, has, members, put, take};

/// Valid rows that are looked at before the solver is asked about single pairs.
const WALKS: usize = 64;

impl Ground {
    pub(super) fn classify_pairs(&mut self, constraints: &[Constraint], oracle: &mut Oracle) -> Result<(), CoverError> {
        let mut random = Random::stream(1);
        let (mut row, mut alive) = (self.sample.clone(), vec![0; self.space.words()]);
        let mut counts = self.rules.counts(&row);
        for _ in 0..WALKS {
            self.witness(&row, &counts, &mut alive);
            self.wander(&mut row, &mut counts, &mut random);
        }
        self.cells_alive(oracle, &mut alive)?;
        let open = self.undecided(constraints, &alive);
        self.decide(&open, oracle, &mut alive)
    }

    /// A valid row, and those one cell away, prove their pairs.
    fn witness(&mut self, row: &[Cell], counts: &[u16], alive: &mut [u64]) {
        let bits = bits_of(row, self.space.words());
        for parameter in 0..row.len() {
            for cell in self.space.values(parameter) {
                if cell == row[parameter] || self.rules.allows(row, counts, parameter, cell) {
                    put(alive, cell);
                    self.join(cell, &bits);
                }
            }
        }
    }

    /// The cell can stand with every cell of a row; the one it replaces is taken out at the end, with its own parameter.
    fn join(&mut self, cell: Cell, bits: &[u64]) {
        let words = self.space.words();
        let line = &mut self.together[cell as usize * words..][..words];
        line.iter_mut().zip(bits).for_each(|(known, row)| *known |= row);
    }

    fn cells_alive(&mut self, oracle: &mut Oracle, alive: &mut [u64]) -> Result<(), CoverError> {
        for cell in 0..self.space.cells() as Cell {
            if has(alive, cell) {
                continue;
            }
            match oracle.complete(&[cell]) {
                Answer::Row(row) => {
                    let counts = self.rules.counts(&row);
                    self.witness(&row, &counts, alive);
                }
                Answer::Impossible => self.dead.push(cell),
                Answer::TooHard => return Err(CoverError::TooHard),
            }
        }
        Ok(())
    }

    /// For each cell the larger cells that nothing is known about: rules tie them together and no row proved them.
    fn undecided(&mut self, constraints: &[Constraint], alive: &[u64]) -> Vec<u64> {
        let words = self.space.words();
        let mut open = vec![0; self.space.cells() * words];
        let groups: Vec<u32> =
            (0..self.space.cells() as Cell).map(|cell| self.groups[self.space.owner(cell)]).collect();
        for one in members(alive) {
            for other in members(alive).filter(|&other| other > one && self.space.owner(other) != self.space.owner(one))
            {
                if groups[one as usize] != groups[other as usize] {
                    put(&mut self.together[one as usize * words..][..words], other);
                } else if !has(self.together_with(one), other) && !has(self.together_with(other), one) {
                    put(&mut open[one as usize * words..][..words], other);
                }
            }
        }
        for constraint in constraints {
            self.forbidden_outright(constraint, &mut open);
        }
        open
    }

    /// A clause over two parameters forbids pairs by itself.
    fn forbidden_outright(&self, constraint: &Constraint, open: &mut [u64]) {
        let Constraint::OneOf(cells) = constraint else { return };
        let mut owners: Vec<usize> = cells.iter().map(|&cell| self.space.owner(cell)).collect();
        owners.dedup();
        let &[first, second] = &owners[..] else { return };
        let missing = |parameter| self.space.values(parameter).filter(|cell| cells.binary_search(cell).is_err());
        for one in missing(first) {
            let line = &mut open[one as usize * self.space.words()..][..self.space.words()];
            missing(second).for_each(|other| take(line, other));
        }
    }

    fn decide(&mut self, open: &[u64], oracle: &mut Oracle, alive: &mut [u64]) -> Result<(), CoverError> {
        let words = self.space.words();
        for one in 0..self.space.cells() as Cell {
            let others: Vec<Cell> = members(&open[one as usize * words..][..words]).collect();
            for other in others {
                if has(self.together_with(one), other) || has(self.together_with(other), one) {
                    continue;
                }
                match oracle.complete(&[one, other]) {
                    Answer::Row(row) => {
                        let counts = self.rules.counts(&row);
                        self.witness(&row, &counts, alive);
                    }
                    Answer::Impossible => {}
                    Answer::TooHard => return Err(CoverError::TooHard),
                }
            }
        }
        self.mirror();
        Ok(())
    }

    fn mirror(&mut self) {
        let words = self.space.words();
        for one in 0..self.space.cells() as Cell {
            let others: Vec<Cell> = members(self.together_with(one)).collect();
            for other in others {
                if self.space.owner(one) == self.space.owner(other) {
                    take(&mut self.together[one as usize * words..][..words], other);
                } else {
                    put(&mut self.together[other as usize * words..][..words], one);
                }
            }
        }
    }
}
