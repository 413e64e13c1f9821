//! Triples of cells, of all parameters or of some.

mod count;
mod look;
mod want;

use super::UNWANTED;
use crate::ground::Ground;
use crate::random::Random;
use crate::space::{Cell, Space, members};

type Triple = [Cell; 3];

/// Uncovered triples that are listed one by one; the list is given up at four times as many.
const FEW: usize = 512;

/// Guesses at an uncovered triple before all of them are gone through.
const GUESSES: usize = 4096;

/// What a parameter's cells have instead of a slot when no triple of them is wanted.
const NO_SLOT: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(crate) struct Triples {
    words: usize,
    /// Parameters that have a part in any wanted triple.
    inside: Vec<bool>,
    /// For each cell of such a parameter its place among them.
    slots: Vec<u32>,
    slot_count: usize,
    /// The cells of those parameters, by slot.
    cells: Vec<Cell>,
    /// For each two cells the third ones that stand in no row with them.
    uncovered: Vec<u64>,
    /// For each two cells the third ones that stand with them in exactly one row.
    once: Vec<u64>,
    /// For each cell, how many uncovered triples it is part of.
    promises: Vec<u32>,
    /// Where the counters of two cells begin, less the first cell that can be third.
    bases: Vec<u32>,
    counts: Vec<u16>,
    /// The uncovered triples, when they are few.
    few: Option<Vec<Triple>>,
    left: u64,
    wanted: u64,
}

impl Triples {
    /// Bytes that it takes for the parameters named, which have so many triples.
    pub(crate) fn bytes(space: &Space, parameters: &[usize], triples: u64) -> u64 {
        let cells: u64 = parameters.iter().map(|&parameter| space.count(parameter) as u64).sum();
        triples.saturating_mul(2) + cells * cells * (4 + 24 * space.words() as u64)
    }

    /// Nothing is wanted yet.
    pub(crate) fn new(space: &Space, parameters: &[usize]) -> Self {
        let mut inside = vec![false; space.width()];
        let mut slots = vec![NO_SLOT; space.cells()];
        let mut cells = Vec::new();
        for &parameter in parameters {
            inside[parameter] = true;
            cells.extend(space.values(parameter));
        }
        cells.iter().enumerate().for_each(|(slot, &cell)| slots[cell as usize] = slot as u32);
        let (words, slot_count) = (space.words(), cells.len());
        let mut bases = vec![0; slot_count * slot_count];
        let mut next = 0u32;
        for (one, &first) in cells.iter().enumerate() {
            for (other, &second) in cells.iter().enumerate() {
                if space.owner(first) < space.owner(second) {
                    let after = cells.partition_point(|&cell| space.owner(cell) <= space.owner(second));
                    bases[one * slot_count + other] = next.wrapping_sub(after as u32);
                    next += (slot_count - after) as u32;
                }
            }
        }
        Self {
            words,
            inside,
            slots,
            slot_count,
            cells,
            uncovered: vec![0; slot_count * slot_count * words],
            once: vec![0; slot_count * slot_count * words],
            promises: vec![0; space.cells()],
            bases,
            counts: vec![UNWANTED; next as usize],
            few: None,
            left: 0,
            wanted: 0,
        }
    }

    fn line(&self, one: Cell, other: Cell) -> usize {
        (self.slots[one as usize] as usize * self.slot_count + self.slots[other as usize] as usize) * self.words
    }

    /// The three are in order.
    fn at(&self, [one, other, third]: Triple) -> usize {
        let base =
            self.bases[self.slots[one as usize] as usize * self.slot_count + self.slots[other as usize] as usize];
        base.wrapping_add(self.slots[third as usize]) as usize
    }

    /// Whether the triple, in order, is wanted, covered or not.
    pub(crate) fn asks_for(&self, triple: Triple) -> bool {
        triple.iter().all(|&cell| self.slots[cell as usize] != NO_SLOT) && self.counts[self.at(triple)] < UNWANTED
    }

    /// The most uncovered triples of any three parameters: each needs a row of its own.
    pub(crate) fn densest(&self, ground: &Ground) -> usize {
        let space = &ground.space;
        let inside: Vec<usize> = (0..space.width()).filter(|&parameter| self.inside[parameter]).collect();
        let mut most = 0;
        for (at, &one) in inside.iter().enumerate() {
            for (next, &other) in inside.iter().enumerate().skip(at + 1) {
                for &third in &inside[next + 1..] {
                    if space.count(one) * space.count(other) * space.count(third) <= most {
                        continue;
                    }
                    let mut uncovered = 0;
                    for a in space.values(one) {
                        for b in space.values(other) {
                            let open = |&c: &Cell| self.counts[self.at([a, b, c])] == 0;
                            uncovered += space.values(third).filter(open).count();
                        }
                    }
                    most = most.max(uncovered);
                }
            }
        }
        most
    }

    /// Uncovered triples, in order.
    fn each_uncovered(&self) -> impl Iterator<Item = Triple> + '_ {
        self.cells.iter().enumerate().flat_map(move |(at, &one)| {
            self.cells[at + 1..].iter().flat_map(move |&other| {
                let line = self.line(one, other);
                let thirds = members(&self.uncovered[line..][..self.words]);
                thirds.filter(move |&third| third > other).map(move |third| [one, other, third])
            })
        })
    }

    /// Uncovered triples, in order.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Vec<Cell>> + '_ {
        self.each_uncovered().map(Vec::from)
    }

    pub(crate) fn uncovered(&self) -> u64 {
        self.left
    }

    pub(crate) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Where the counters of two cells in order begin, for a third cell's slot to be added.
    #[inline]
    fn base(&self, one: Cell, other: Cell) -> u32 {
        self.bases[self.slots[one as usize] as usize * self.slot_count + self.slots[other as usize] as usize]
    }

    pub(crate) fn pick(&mut self, random: &mut Random) -> Option<Vec<Cell>> {
        if self.few.is_none() && self.left <= FEW as u64 {
            self.few = Some(self.each_uncovered().collect());
        }
        match &self.few {
            Some(few) => few.get(random.below(few.len())).map(|triple| triple.to_vec()),
            None => {
                (0..GUESSES).find_map(|_| self.guess(random)).or_else(|| self.each_uncovered().next().map(Vec::from))
            }
        }
    }

    fn guess(&self, random: &mut Random) -> Option<Vec<Cell>> {
        let (one, other) = (random.below(self.cells.len()), random.below(self.cells.len()));
        let line = (one * self.slot_count + other) * self.words;
        let set = &self.uncovered[line..][..self.words];
        let count: usize = set.iter().map(|word| word.count_ones() as usize).sum();
        let third = members(set).nth(random.below(count))?;
        let mut triple = vec![self.cells[one], self.cells[other], third];
        triple.sort_unstable();
        Some(triple)
    }
}
