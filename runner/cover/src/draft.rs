//! A row in the making: some cells are decided, and a valid row that has them all is always at hand.

use crate::error::CoverError;
use crate::ground::Ground;
use crate::logic::{Answer, Broken, Oracle};
use crate::random::Random;
use crate::space::{Cell, put, take};

/// Cells that are moved out of the way of a wanted one before the solver is asked.
const REPAIRS: usize = 6;

#[derive(Debug, Clone)]
pub(crate) struct Draft {
    row: Vec<Cell>,
    counts: Vec<u16>,
    fixed: Vec<bool>,
    set: Vec<u64>,
    cells: Vec<Cell>,
}

impl Draft {
    /// Nothing is decided; the row is valid.
    pub(crate) fn new(ground: &Ground, row: &[Cell]) -> Self {
        Self {
            row: row.to_vec(),
            counts: ground.rules.counts(row),
            fixed: vec![false; row.len()],
            set: vec![0; ground.space.words()],
            cells: Vec::with_capacity(row.len()),
        }
    }

    pub(crate) fn is_fixed(&self, parameter: usize) -> bool {
        self.fixed[parameter]
    }

    /// The decided cells as a set.
    pub(crate) fn set(&self) -> &[u64] {
        &self.set
    }

    /// The decided cells.
    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// A valid row with all decided cells.
    pub(crate) fn row(&self) -> &[Cell] {
        &self.row
    }

    /// Whether pairs allow the cell beside those that are decided.
    pub(crate) fn may(&self, ground: &Ground, cell: Cell) -> bool {
        ground.together_with(cell).iter().zip(&self.set).all(|(together, set)| set & !together == 0)
            && ground.is_alive(cell)
    }

    /// Decides for a cell, unless no valid row has it beside what is decided already.
    pub(crate) fn fix(
        &mut self,
        ground: &Ground,
        oracle: &mut Oracle,
        random: &mut Random,
        cell: Cell,
    ) -> Result<bool, CoverError> {
        let parameter = ground.space.owner(cell);
        if self.row[parameter] != cell {
            if !self.may(ground, cell) {
                return Ok(false);
            }
            if !self.step_aside(ground, random, parameter, cell) {
                let wanted: Vec<Cell> = self.cells.iter().copied().chain([cell]).collect();
                match oracle.complete(&wanted) {
                    Answer::Row(row) => {
                        self.counts = ground.rules.counts(&row);
                        self.row = row;
                    }
                    Answer::Impossible => return Ok(false),
                    Answer::TooHard => return Err(CoverError::TooHard),
                }
            }
        }
        self.fixed[parameter] = true;
        put(&mut self.set, cell);
        self.cells.push(cell);
        Ok(true)
    }

    /// Puts a cell into the row and moves undecided ones until the row is valid again; undoes it all where that fails.
    fn step_aside(&mut self, ground: &Ground, random: &mut Random, parameter: usize, cell: Cell) -> bool {
        let mut moved = vec![(parameter, self.row[parameter])];
        self.put_in(ground, parameter, cell);
        put(&mut self.set, cell);
        let done = loop {
            let touched: Vec<usize> = moved.iter().map(|&(parameter, _)| parameter).collect();
            let wants = match ground.rules.broken(&self.row, &self.counts, &touched) {
                Broken::Nothing => break true,
                Broken::Somehow => break false,
                Broken::Wants(_) if moved.len() > REPAIRS => break false,
                Broken::Wants(cells) => cells,
            };
            let Some(helper) = self.helper(ground, random, wants, &touched) else { break false };
            let parameter = ground.space.owner(helper);
            moved.push((parameter, self.row[parameter]));
            self.put_in(ground, parameter, helper);
        };
        take(&mut self.set, cell);
        if !done {
            for &(parameter, before) in moved.iter().rev() {
                self.put_in(ground, parameter, before);
            }
        }
        done
    }

    fn put_in(&mut self, ground: &Ground, parameter: usize, cell: Cell) {
        ground.rules.change(&mut self.counts, parameter, self.row[parameter], cell);
        self.row[parameter] = cell;
    }

    /// Of the cells that would help, one that breaks least.
    fn helper(&self, ground: &Ground, random: &mut Random, wants: &[Cell], touched: &[usize]) -> Option<Cell> {
        let mut best: Option<(u32, u64, Cell)> = None;
        for &cell in wants {
            let parameter = ground.space.owner(cell);
            let at_work = self.fixed[parameter] || touched.contains(&parameter);
            if at_work || wants.binary_search(&self.row[parameter]).is_ok() || !self.may(ground, cell) {
                continue;
            }
            let harm = ground.rules.harm(&self.row, &self.counts, parameter, cell);
            let candidate = (harm, random.next(), cell);
            if best.is_none_or(|best| candidate < best) {
                best = Some(candidate);
            }
        }
        best.map(|(_, _, cell)| cell)
    }

    /// A valid row again, one cell away: for polishing when everything is decided.
    pub(crate) fn allows(&self, ground: &Ground, parameter: usize, cell: Cell) -> bool {
        ground.rules.allows(&self.row, &self.counts, parameter, cell)
    }

    /// Changes one cell of a finished row to one that is allowed.
    pub(crate) fn exchange(&mut self, ground: &Ground, parameter: usize, cell: Cell) {
        take(&mut self.set, self.row[parameter]);
        put(&mut self.set, cell);
        self.put_in(ground, parameter, cell);
    }
}
