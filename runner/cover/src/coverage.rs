//! Which combinations stand in how many rows. Pairs and triples are sets of bits, so that what a changed cell gains and
//! loses is a few words to count; other strengths are tables.

mod build;
mod open;
mod pairs;
mod triples;
mod wide;

pub(crate) use build::{check_size, each_wanted_set};
pub(crate) use pairs::Pairs;
pub(crate) use triples::Triples;
pub(crate) use wide::Wide;

use crate::random::Random;
use crate::space::Cell;

/// Rows that counters can hold.
pub(crate) const MOST_ROWS: usize = 30_000;

/// What a counter of a combination that nobody wants starts from: it never comes down to 0 or 1.
const UNWANTED: u16 = 0x8000;

/// A changed row as counting sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    /// The row before.
    pub(crate) row: &'a [Cell],
    /// The cells that stay, as a set.
    pub(crate) rest: &'a [u64],
    /// Cells that go.
    pub(crate) old: &'a [Cell],
    /// Cells that come, in the order of `old`.
    pub(crate) new: &'a [Cell],
}

/// Everything that a plan has to cover.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coverage {
    pub(crate) pairs: Option<Pairs>,
    pub(crate) triples: Option<Triples>,
    pub(crate) wide: Option<Wide>,
}

/// Calls the same on each layer that there is, and adds up.
macro_rules! sum {
    ($self:ident, $call:ident($($argument:expr),*)) => {
        $self.pairs.as_ref().map_or(0, |layer| layer.$call($($argument),*))
            + $self.triples.as_ref().map_or(0, |layer| layer.$call($($argument),*))
            + $self.wide.as_ref().map_or(0, |layer| layer.$call($($argument),*))
    };
}

macro_rules! each {
    ($self:ident, $call:ident($($argument:expr),*)) => {
        if let Some(layer) = &mut $self.pairs {
            layer.$call($($argument),*);
        }
        if let Some(layer) = &mut $self.triples {
            layer.$call($($argument),*);
        }
        if let Some(layer) = &mut $self.wide {
            layer.$call($($argument),*);
        }
    };
}

impl Coverage {
    /// Combinations that are wanted and stand in no row.
    pub(crate) fn uncovered(&self) -> u64 {
        sum!(self, uncovered())
    }

    /// Combinations that are wanted.
    pub(crate) fn wanted(&self) -> u64 {
        sum!(self, wanted())
    }

    /// Whether a combination, its cells in order, is wanted.
    pub(crate) fn asks_for(&self, cells: &[Cell]) -> bool {
        match *cells {
            [one, other] => self.pairs.as_ref().is_some_and(|pairs| pairs.asks_for(one, other)),
            [one, other, third] => self.triples.as_ref().is_some_and(|triples| triples.asks_for([one, other, third])),
            _ => self.wide.as_ref().is_some_and(|wide| wide.asks_for(cells)),
        }
    }

    pub(crate) fn add(&mut self, row: &[Cell]) {
        each!(self, add(row));
    }

    pub(crate) fn remove(&mut self, row: &[Cell]) {
        each!(self, remove(row));
    }

    /// One cell of a row that is counted becomes another.
    pub(crate) fn change(&mut self, row: &[Cell], parameter: usize, to: Cell) {
        each!(self, change(row, parameter, to));
    }

    /// Combinations that a change would cover, less those that would be covered no more. What is less than `floor` need
    /// not be exact. `looked` grows by about the nanoseconds it took.
    #[inline]
    pub(crate) fn delta(&self, change: Change<'_>, floor: i64, looked: &mut u64) -> i64 {
        let mut delta = 0;
        if let Some(pairs) = &self.pairs {
            delta += pairs.delta(change);
        }
        if let Some(wide) = &self.wide {
            delta += wide.delta(change);
        }
        if let Some(triples) = &self.triples {
            delta += triples.delta(change, floor - delta, looked);
        }
        delta
    }

    /// Uncovered pairs and triples that a cell makes with chosen cells of a row: `chosen` as a set and as a list.
    pub(crate) fn fresh(&self, cell: Cell, set: &[u64], chosen: &[Cell]) -> u64 {
        self.pairs.as_ref().map_or(0, |pairs| pairs.fresh(cell, set, chosen))
            + self.triples.as_ref().map_or(0, |triples| triples.fresh(cell, set, chosen))
    }

    /// Other uncovered combinations that each of so many values of a parameter makes with chosen cells of a row. `looked`
    /// grows by about the nanoseconds it took.
    pub(crate) fn fresh_beyond(&self, parameter: usize, values: usize, chosen: &[Cell], looked: &mut u64) -> Vec<u64> {
        let mut fresh = vec![0; values];
        if let Some(wide) = &self.wide {
            *looked += 10 * wide.fresh_values(parameter, chosen, &mut fresh) as u64;
        }
        fresh
    }

    /// Uncovered combinations of a row that is not counted yet.
    pub(crate) fn fresh_row(&self, row: &[Cell], bits: &[u64]) -> u64 {
        sum!(self, fresh_row(row, bits))
    }

    /// Uncovered combinations that a cell is part of, roughly.
    pub(crate) fn promise(&self, cell: Cell) -> u64 {
        sum!(self, promise(cell))
    }

    /// Combinations that stand in this row only.
    pub(crate) fn unique(&self, row: &[Cell], bits: &[u64]) -> u64 {
        sum!(self, unique(row, bits))
    }

    /// An uncovered combination, each as likely as any other.
    pub(crate) fn pick(&mut self, random: &mut Random) -> Option<Vec<Cell>> {
        let uncovered = self.uncovered();
        let mut at = random.below(usize::try_from(uncovered).ok().filter(|&count| count > 0)?) as u64;
        let pairs = self.pairs.as_ref().map_or(0, Pairs::uncovered);
        if at < pairs {
            return self.pairs.as_mut()?.pick(random);
        }
        at -= pairs;
        if at < self.triples.as_ref().map_or(0, Triples::uncovered) {
            return self.triples.as_mut()?.pick(random);
        }
        self.wide.as_mut()?.pick(random)
    }

    /// Uncovered combinations, the first so many.
    pub(crate) fn missing(&self, most: usize) -> Vec<Vec<Cell>> {
        let pairs = self.pairs.iter().flat_map(Pairs::missing);
        let triples = self.triples.iter().flat_map(Triples::missing);
        let wide = self.wide.iter().flat_map(Wide::missing);
        pairs.chain(triples).chain(wide).take(most).collect()
    }

    /// About how long one look at a changed cell takes, in steps of about a nanosecond; triples
    /// count for themselves.
    pub(crate) fn cost(&self, words: usize) -> u64 {
        let pairs = self.pairs.as_ref().map_or(0, |_| 4 * words);
        let wide = self.wide.as_ref().map_or(0, |layer| layer.cost() * 20);
        (20 + pairs + wide) as u64
    }

    /// About how long one changed cell takes, likewise.
    pub(crate) fn change_cost(&self, width: usize) -> u64 {
        let pairs = self.pairs.as_ref().map_or(0, |_| 8 * width);
        let triples = self.triples.as_ref().map_or(0, |_| width * width);
        let wide = self.wide.as_ref().map_or(0, |layer| layer.cost() * 20);
        (40 + pairs + triples + wide) as u64
    }
}
