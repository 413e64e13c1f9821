//! Rows with everything about them kept up to date: what they cover, and how much each gives to each rule.

use crate::coverage::{Change, Coverage};
use crate::ground::{Ground, bits_of};
use crate::space::{Cell, put, take};

/// Cells of a row that nobody may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    /// All may be changed, and the row taken out.
    Nothing,
    /// These parameters' cells stay.
    Parameters(Vec<bool>),
}

/// What changes are looked at in, so that nothing is allocated for each.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    old: Vec<Cell>,
    rest: Vec<u64>,
    /// Nanoseconds it took, about; the same on every machine.
    pub(crate) looked: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Suite<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) coverage: Coverage,
    rows: Vec<Vec<Cell>>,
    bits: Vec<Vec<u64>>,
    counts: Vec<Vec<u16>>,
    held: Vec<Held>,
}

impl<'a> Suite<'a> {
    pub(crate) fn new(ground: &'a Ground, coverage: Coverage) -> Self {
        Self { ground, coverage, rows: Vec::new(), bits: Vec::new(), counts: Vec::new(), held: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    pub(crate) fn row(&self, at: usize) -> &[Cell] {
        &self.rows[at]
    }

    pub(crate) fn bits(&self, at: usize) -> &[u64] {
        &self.bits[at]
    }

    pub(crate) fn counts(&self, at: usize) -> &[u16] {
        &self.counts[at]
    }

    pub(crate) fn holds(&self, at: usize, parameter: usize) -> bool {
        match &self.held[at] {
            Held::Nothing => false,
            Held::Parameters(held) => held[parameter],
        }
    }

    /// Whether the row has to stay.
    pub(crate) fn stays(&self, at: usize) -> bool {
        self.held[at] != Held::Nothing
    }

    /// Adds a valid row.
    pub(crate) fn push(&mut self, row: Vec<Cell>, held: Held) {
        self.coverage.add(&row);
        self.bits.push(bits_of(&row, self.ground.space.words()));
        self.counts.push(self.ground.rules.counts(&row));
        self.held.push(held);
        self.rows.push(row);
    }

    /// Takes a row out; the last one takes its place.
    pub(crate) fn take_out(&mut self, at: usize) {
        let row = self.rows.swap_remove(at);
        self.coverage.remove(&row);
        self.bits.swap_remove(at);
        self.counts.swap_remove(at);
        self.held.swap_remove(at);
    }

    /// Makes the rows those given. What differs from now is changed; rows that stay are in the same places in both.
    pub(crate) fn become_rows(&mut self, rows: &[Vec<Cell>]) {
        while self.rows.len() > rows.len() {
            self.take_out(self.rows.len() - 1);
        }
        for (at, row) in rows.iter().enumerate() {
            if at == self.rows.len() {
                self.push(row.clone(), Held::Nothing);
            }
            for (parameter, &cell) in row.iter().enumerate() {
                if self.rows[at][parameter] != cell {
                    self.set(at, parameter, cell);
                }
            }
        }
    }

    /// One cell of a row becomes another. Whether the row is valid then is for the caller to know.
    #[inline]
    pub(crate) fn set(&mut self, at: usize, parameter: usize, cell: Cell) {
        let from = self.rows[at][parameter];
        self.coverage.change(&self.rows[at], parameter, cell);
        self.ground.rules.change(&mut self.counts[at], parameter, from, cell);
        take(&mut self.bits[at], from);
        put(&mut self.bits[at], cell);
        self.rows[at][parameter] = cell;
    }

    /// What changing cells of a row would gain, less what it would lose; when that is less than `floor`, not exactly.
    #[inline]
    pub(crate) fn delta(&self, at: usize, new: &[Cell], floor: i64, scratch: &mut Scratch) -> i64 {
        let Scratch { old, rest, looked } = scratch;
        old.clear();
        rest.clone_from(&self.bits[at]);
        for &cell in new {
            let before = self.rows[at][self.ground.space.owner(cell)];
            take(rest, before);
            old.push(before);
        }
        self.coverage.delta(Change { row: &self.rows[at], rest, old, new }, floor, looked)
    }

    /// The row whose leaving would uncover least, of those that may leave.
    pub(crate) fn least(&self) -> Option<usize> {
        (0..self.len()).filter(|&at| !self.stays(at)).min_by_key(|&at| {
            let unique = self.coverage.unique(&self.rows[at], &self.bits[at]);
            (unique, at)
        })
    }
}
