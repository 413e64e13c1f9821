//! What rows and changes would cover, without counting them.

use super::super::Change;
use super::{NO_SLOT, Triples};
use crate::space::{Cell, has, shared};

impl Triples {
    /// Members that the sets of `cell` with each cell of the row share with `rest`; each triple is met twice.
    /// It ends early when there are more than `most`.
    #[inline]
    fn twice(&self, sets: &[u64], cell: Cell, row: &[Cell], rest: &[u64], most: i64, looked: &mut u64) -> i64 {
        let slot = self.slots[cell as usize] as usize * self.slot_count;
        let mut sum = 0;
        for (parameter, &other) in row.iter().enumerate() {
            if self.inside[parameter] && has(rest, other) {
                let line = (slot + self.slots[other as usize] as usize) * self.words;
                sum += i64::from(shared(&sets[line..][..self.words], rest));
                *looked += 4 + 4 * self.words as u64;
                if sum > most {
                    break;
                }
            }
        }
        sum
    }

    /// Members of a kind that cells make among each other and with `rest`; it ends early beyond `most`.
    fn with(&self, sets: &[u64], cells: &[Cell], change: Change<'_>, most: i64, looked: &mut u64) -> i64 {
        let mut sum = 0;
        for (at, &one) in cells.iter().enumerate() {
            if self.slots[one as usize] == NO_SLOT {
                continue;
            }
            for (next, &other) in
                cells[..at].iter().enumerate().filter(|(_, other)| self.slots[**other as usize] != NO_SLOT)
            {
                let set = &sets[self.line(one, other)..][..self.words];
                sum += i64::from(shared(set, change.rest));
                sum += cells[..next].iter().filter(|&&third| has(set, third)).count() as i64;
            }
            sum += self.twice(
                sets,
                one,
                change.row,
                change.rest,
                (most - sum).saturating_mul(2).saturating_add(1),
                looked,
            ) / 2;
        }
        sum
    }

    pub(crate) fn delta(&self, change: Change<'_>, floor: i64, looked: &mut u64) -> i64 {
        let gain = match &self.few {
            Some(few) if few.len() < change.row.len() * self.words => {
                *looked += 4 * few.len() as u64;
                let shown = |&cell: &Cell| has(change.rest, cell) || change.new.contains(&cell);
                few.iter().filter(|triple| triple.iter().all(shown)).count() as i64
            }
            _ => self.with(&self.uncovered, change.new, change, i64::MAX, looked),
        };
        gain - self.with(&self.once, change.old, change, gain.saturating_sub(floor), looked)
    }

    pub(crate) fn fresh(&self, cell: Cell, set: &[u64], chosen: &[Cell]) -> u64 {
        let slot = self.slots[cell as usize];
        if slot == NO_SLOT || self.promises[cell as usize] == 0 {
            return 0;
        }
        let lines = chosen.iter().filter(|&&other| other != cell && self.slots[other as usize] != NO_SLOT);
        lines.map(|&other| u64::from(shared(&self.uncovered[self.line(cell, other)..][..self.words], set))).sum::<u64>()
            / 2
    }

    pub(crate) fn fresh_row(&self, row: &[Cell], bits: &[u64]) -> u64 {
        row.iter().map(|&cell| self.fresh(cell, bits, row)).sum::<u64>() / 3
    }

    pub(crate) fn promise(&self, cell: Cell) -> u64 {
        u64::from(self.promises[cell as usize])
    }

    pub(crate) fn unique(&self, row: &[Cell], bits: &[u64]) -> u64 {
        let cells = row.iter().filter(|&&cell| self.slots[cell as usize] != NO_SLOT);
        cells.map(|&cell| self.twice(&self.once, cell, row, bits, i64::MAX, &mut 0)).sum::<i64>() as u64 / 6
    }
}
