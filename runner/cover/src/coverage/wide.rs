//! Combinations of any number of cells, as one table for each set of parameters. Slower than pairs and triples.

use super::open::Open;
use super::{Change, UNWANTED};
use crate::random::Random;
use crate::space::{Cell, Space};

/// One set of parameters whose combinations are counted.
#[derive(Debug, Clone)]
struct Group {
    parameters: Vec<u32>,
    /// Of each parameter: how far the counter moves for the next value.
    strides: Vec<u32>,
    base: u32,
    size: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Wide {
    space: Space,
    groups: Vec<Group>,
    /// For each parameter the groups it is in.
    groups_of: Vec<Vec<u32>>,
    counts: Vec<u16>,
    open: Open<u32>,
    left: u64,
    wanted: u64,
}

impl Wide {
    /// Bytes that it takes for sets of parameters with so many combinations in all.
    pub(crate) fn bytes(groups: u64, combinations: u64) -> u64 {
        combinations.saturating_mul(2 + 4).saturating_add(groups.saturating_mul(128))
    }

    /// Nothing is wanted yet. Parameters of a set are in order.
    pub(crate) fn new(space: &Space, sets: &[Vec<usize>]) -> Self {
        let mut groups_of = vec![Vec::new(); space.width()];
        let (mut groups, mut next) = (Vec::with_capacity(sets.len()), 0);
        for (number, set) in sets.iter().enumerate() {
            let (mut strides, mut size) = (vec![0; set.len()], 1);
            for (stride, &parameter) in strides.iter_mut().zip(set).rev() {
                *stride = size;
                size *= space.count(parameter) as u32;
                groups_of[parameter].push(number as u32);
            }
            let parameters = set.iter().map(|&parameter| parameter as u32).collect();
            groups.push(Group { parameters, strides, base: next, size });
            next += size;
        }
        let counts = vec![UNWANTED; next as usize];
        Self { space: space.clone(), groups, groups_of, counts, open: Open::default(), left: 0, wanted: 0 }
    }

    /// Every combination there is, by its number.
    pub(crate) fn all(&self) -> std::ops::Range<u32> {
        0..self.counts.len() as u32
    }

    /// The cells of a combination, in order.
    pub(crate) fn cells(&self, number: u32) -> Vec<Cell> {
        let group = &self.groups[self.groups.partition_point(|group| group.base <= number) - 1];
        let mut rest = (number - group.base) % group.size;
        let mut cells = Vec::with_capacity(group.strides.len());
        for (&parameter, &stride) in group.parameters.iter().zip(&group.strides) {
            cells.push(self.space.cell(parameter as usize, (rest / stride) as usize));
            rest %= stride;
        }
        cells
    }

    pub(crate) fn want(&mut self, number: u32) {
        self.counts[number as usize] = 0;
        self.left += 1;
        self.wanted += 1;
    }

    /// Asks no more for a combination that no row is counted with.
    pub(crate) fn forbid(&mut self, number: u32) {
        self.counts[number as usize] = UNWANTED;
        self.left -= 1;
        self.wanted -= 1;
    }

    pub(crate) fn is_uncovered(&self, number: u32) -> bool {
        self.counts[number as usize] == 0
    }

    /// Counts no row any more.
    pub(crate) fn forget(&mut self) {
        self.counts.iter_mut().for_each(|count| *count = if *count < UNWANTED { 0 } else { UNWANTED });
        self.left = self.wanted;
    }

    /// Prepares for drawing, after the last combination was asked for.
    pub(crate) fn settle(&mut self) {
        let open = self.all().filter(|&number| self.is_uncovered(number)).collect();
        self.open.fill(open);
    }

    pub(crate) fn uncovered(&self) -> u64 {
        self.left
    }

    pub(crate) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Whether a combination is wanted, covered or not.
    pub(crate) fn asks_for(&self, cells: &[Cell]) -> bool {
        let owners = || cells.iter().map(|&cell| self.space.owner(cell) as u32);
        let group = self.groups.iter().find(|group| group.parameters.iter().copied().eq(owners()));
        group.is_some_and(|group| {
            let places =
                cells.iter().zip(&group.strides).map(|(&cell, &stride)| self.space.value(cell) as u32 * stride);
            self.counts[(group.base + places.sum::<u32>()) as usize] < UNWANTED
        })
    }

    /// The most uncovered combinations of any set of parameters: each needs a row of its own.
    pub(crate) fn densest(&self) -> usize {
        let of = |group: &Group| &self.counts[group.base as usize..(group.base + group.size) as usize];
        self.groups.iter().map(|group| of(group).iter().filter(|&&count| count == 0).count()).max().unwrap_or(0)
    }

    /// Groups of a parameter, at most.
    pub(crate) fn cost(&self) -> usize {
        self.groups_of.iter().map(Vec::len).max().unwrap_or(0)
    }

    #[inline]
    fn number(&self, group: &Group, cell: impl Fn(usize) -> Cell) -> usize {
        let mut number = group.base;
        for (&parameter, &stride) in group.parameters.iter().zip(&group.strides) {
            number += self.space.value(cell(parameter as usize)) as u32 * stride;
        }
        number as usize
    }

    fn more(&mut self, number: usize) {
        self.counts[number] += 1;
        self.left -= u64::from(self.counts[number] == 1);
    }

    fn less(&mut self, number: usize) {
        self.counts[number] -= 1;
        if self.counts[number] == 0 {
            self.left += 1;
            let counts = &self.counts;
            self.open.push(number as u32, self.left, |number| counts[number as usize] == 0);
        }
    }

    fn numbers(&self, row: &[Cell]) -> Vec<usize> {
        self.groups.iter().map(|group| self.number(group, |parameter| row[parameter])).collect()
    }

    pub(crate) fn add(&mut self, row: &[Cell]) {
        self.numbers(row).into_iter().for_each(|number| self.more(number));
    }

    pub(crate) fn remove(&mut self, row: &[Cell]) {
        self.numbers(row).into_iter().for_each(|number| self.less(number));
    }

    pub(crate) fn change(&mut self, row: &[Cell], parameter: usize, to: Cell) {
        for at in 0..self.groups_of[parameter].len() {
            let group = &self.groups[self.groups_of[parameter][at] as usize];
            let before = self.number(group, |p| row[p]);
            let after = self.number(group, |p| if p == parameter { to } else { row[p] });
            self.less(before);
            self.more(after);
        }
    }

    pub(crate) fn delta(&self, change: Change<'_>) -> i64 {
        let changed: Vec<usize> = change.old.iter().map(|&cell| self.space.owner(cell)).collect();
        let mut delta = 0;
        for (at, &parameter) in changed.iter().enumerate() {
            for &group in &self.groups_of[parameter] {
                let group = &self.groups[group as usize];
                if changed[..at].iter().any(|&earlier| group.parameters.contains(&(earlier as u32))) {
                    continue;
                }
                let after =
                    |p| changed.iter().position(|&changed| changed == p).map_or(change.row[p], |at| change.new[at]);
                delta += i64::from(self.counts[self.number(group, after)] == 0);
                delta -= i64::from(self.counts[self.number(group, |p| change.row[p])] == 1);
            }
        }
        delta
    }

    /// For each value of a parameter, the uncovered combinations that it makes with the chosen cells of others. Gives back
    /// how many sets of parameters were looked at.
    pub(crate) fn fresh_values(&self, parameter: usize, chosen: &[Cell], fresh: &mut [u64]) -> usize {
        const OPEN: u32 = u32::MAX;
        let mut values = vec![OPEN; self.space.width()];
        chosen.iter().for_each(|&cell| values[self.space.owner(cell)] = self.space.value(cell) as u32);
        values[parameter] = 0;
        for &group in &self.groups_of[parameter] {
            let group = &self.groups[group as usize];
            let (mut at, mut own) = (group.base, 0);
            for (&other, &stride) in group.parameters.iter().zip(&group.strides) {
                match values[other as usize] {
                    OPEN => {
                        own = 0;
                        break;
                    }
                    _ if other as usize == parameter => own = stride,
                    value => at += value * stride,
                }
            }
            // No stride is 0: a parameter of the set that is open leaves nothing to count.
            if own > 0 {
                let counts = self.counts[at as usize..].iter().step_by(own as usize);
                fresh.iter_mut().zip(counts).for_each(|(fresh, &count)| *fresh += u64::from(count == 0));
            }
        }
        self.groups_of[parameter].len()
    }

    pub(crate) fn fresh_row(&self, row: &[Cell], _bits: &[u64]) -> u64 {
        self.numbers(row).into_iter().filter(|&number| self.counts[number] == 0).count() as u64
    }

    /// Not known cheaply; the other layers and chance decide.
    pub(crate) fn promise(&self, _cell: Cell) -> u64 {
        0
    }

    pub(crate) fn unique(&self, row: &[Cell], _bits: &[u64]) -> u64 {
        self.numbers(row).into_iter().filter(|&number| self.counts[number] == 1).count() as u64
    }

    /// Uncovered combinations, in order.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Vec<Cell>> + '_ {
        self.all().filter(|&number| self.is_uncovered(number)).map(|number| self.cells(number))
    }

    pub(crate) fn pick(&mut self, random: &mut Random) -> Option<Vec<Cell>> {
        let counts = &self.counts;
        let number = self.open.pick(random, |number| counts[number as usize] == 0)?;
        Some(self.cells(number))
    }
}
