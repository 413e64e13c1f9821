//! Pairs of cells.

use super::open::Open;
use super::{Change, UNWANTED};
use crate::random::Random;
use crate::space::{Cell, has, members, put, shared, take};

#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    cells: usize,
    words: usize,
    /// For each cell those it is uncovered with.
    uncovered: Vec<u64>,
    /// For each cell those it stands with in exactly one row.
    once: Vec<u64>,
    /// For each cell how many it is uncovered with.
    promises: Vec<u32>,
    /// How many rows have both, at the smaller cell's line.
    counts: Vec<u16>,
    open: Open<(Cell, Cell)>,
    left: u64,
    wanted: u64,
}

impl Pairs {
    /// Bytes that it takes.
    pub(crate) fn bytes(cells: usize) -> u64 {
        let (cells, words) = (cells as u64, cells.div_ceil(64) as u64);
        cells * cells * (2 + 8) + 2 * cells * words * 8
    }

    /// `wanted` says for each cell with which it shall stand in a row; it is symmetric.
    pub(crate) fn new(cells: usize, words: usize, wanted: Vec<u64>) -> Self {
        let mut pairs = Self {
            cells,
            words,
            uncovered: wanted,
            once: vec![0; cells * words],
            promises: vec![0; cells],
            counts: vec![UNWANTED; cells * cells],
            open: Open::default(),
            left: 0,
            wanted: 0,
        };
        let mut open = Vec::new();
        for one in 0..cells {
            pairs.promises[one] = members(&pairs.uncovered[one * words..][..words]).count() as u32;
            for other in members(&pairs.uncovered[one * words..][..words]).filter(|&other| one < other as usize) {
                pairs.counts[one * cells + other as usize] = 0;
                open.push((one as Cell, other));
            }
        }
        pairs.left = open.len() as u64;
        pairs.wanted = pairs.left;
        pairs.open.fill(open);
        pairs
    }

    pub(crate) fn uncovered(&self) -> u64 {
        self.left
    }

    pub(crate) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// The cells that a cell stands in no row with, and shall.
    pub(crate) fn uncovered_with(&self, cell: Cell) -> &[u64] {
        &self.uncovered[cell as usize * self.words..][..self.words]
    }

    /// Whether the pair is wanted, covered or not.
    pub(crate) fn asks_for(&self, one: Cell, other: Cell) -> bool {
        self.counts[self.at(one, other)] < UNWANTED
    }

    fn once_with(&self, cell: Cell) -> &[u64] {
        &self.once[cell as usize * self.words..][..self.words]
    }

    fn at(&self, one: Cell, other: Cell) -> usize {
        one.min(other) as usize * self.cells + one.max(other) as usize
    }

    #[inline]
    fn more(&mut self, one: Cell, other: Cell) {
        let at = self.at(one, other);
        self.counts[at] += 1;
        match self.counts[at] {
            1 => {
                flip(&mut self.uncovered, self.words, one, other, take);
                flip(&mut self.once, self.words, one, other, put);
                [one, other].iter().for_each(|&cell| self.promises[cell as usize] -= 1);
                self.left -= 1;
            }
            2 => flip(&mut self.once, self.words, one, other, take),
            _ => {}
        }
    }

    #[inline]
    fn less(&mut self, one: Cell, other: Cell) {
        let at = self.at(one, other);
        self.counts[at] -= 1;
        match self.counts[at] {
            0 => {
                flip(&mut self.once, self.words, one, other, take);
                flip(&mut self.uncovered, self.words, one, other, put);
                [one, other].iter().for_each(|&cell| self.promises[cell as usize] += 1);
                self.left += 1;
                let (uncovered, words) = (&self.uncovered, self.words);
                let still = |(one, other): (Cell, Cell)| has(&uncovered[one as usize * words..][..words], other);
                self.open.push((one.min(other), one.max(other)), self.left, still);
            }
            1 => flip(&mut self.once, self.words, one, other, put),
            _ => {}
        }
    }

    pub(crate) fn add(&mut self, row: &[Cell]) {
        for (at, &one) in row.iter().enumerate() {
            row[at + 1..].iter().for_each(|&other| self.more(one, other));
        }
    }

    pub(crate) fn remove(&mut self, row: &[Cell]) {
        for (at, &one) in row.iter().enumerate() {
            row[at + 1..].iter().for_each(|&other| self.less(one, other));
        }
    }

    pub(crate) fn change(&mut self, row: &[Cell], parameter: usize, to: Cell) {
        let from = row[parameter];
        for (at, &other) in row.iter().enumerate() {
            if at != parameter {
                self.less(from, other);
                self.more(to, other);
            }
        }
    }

    #[inline]
    pub(crate) fn delta(&self, change: Change<'_>) -> i64 {
        let mut delta = 0;
        for (at, (&old, &new)) in change.old.iter().zip(change.new).enumerate() {
            let (gain, loss) = (self.uncovered_with(new), self.once_with(old));
            delta += i64::from(shared(gain, change.rest)) - i64::from(shared(loss, change.rest));
            for (&other_old, &other_new) in change.old[..at].iter().zip(change.new) {
                delta += i64::from(has(gain, other_new)) - i64::from(has(loss, other_old));
            }
        }
        delta
    }

    pub(crate) fn fresh(&self, cell: Cell, set: &[u64], _chosen: &[Cell]) -> u64 {
        if self.promises[cell as usize] == 0 { 0 } else { u64::from(shared(self.uncovered_with(cell), set)) }
    }

    pub(crate) fn fresh_row(&self, row: &[Cell], bits: &[u64]) -> u64 {
        row.iter().map(|&cell| self.fresh(cell, bits, row)).sum::<u64>() / 2
    }

    pub(crate) fn promise(&self, cell: Cell) -> u64 {
        u64::from(self.promises[cell as usize])
    }

    pub(crate) fn unique(&self, row: &[Cell], bits: &[u64]) -> u64 {
        row.iter().map(|&cell| u64::from(shared(self.once_with(cell), bits))).sum::<u64>() / 2
    }

    /// Uncovered pairs, in order.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Vec<Cell>> + '_ {
        let others = |one: Cell| members(self.uncovered_with(one)).filter(move |&other| other > one);
        (0..self.cells as Cell).flat_map(move |one| others(one).map(move |other| vec![one, other]))
    }

    pub(crate) fn pick(&mut self, random: &mut Random) -> Option<Vec<Cell>> {
        let (uncovered, words) = (&self.uncovered, self.words);
        let still = |(one, other): (Cell, Cell)| has(&uncovered[one as usize * words..][..words], other);
        self.open.pick(random, still).map(|(one, other)| vec![one, other])
    }
}

#[inline]
fn flip(sets: &mut [u64], words: usize, one: Cell, other: Cell, how: fn(&mut [u64], Cell)) {
    how(&mut sets[one as usize * words..][..words], other);
    how(&mut sets[other as usize * words..][..words], one);
}
