//! Counters, and the sets that follow them: rows come, go and change.

use super::{FEW, Triple, Triples};
use crate::space::{Cell, put, take};

impl Triples {
    fn flip(sets: &mut [u64], lines: [usize; 3], words: usize, [a, b, c]: Triple, how: fn(&mut [u64], Cell)) {
        how(&mut sets[lines[0]..][..words], c);
        how(&mut sets[lines[1]..][..words], b);
        how(&mut sets[lines[2]..][..words], a);
    }

    fn lines(&self, [a, b, c]: Triple) -> ([usize; 3], [usize; 3]) {
        ([self.line(a, b), self.line(a, c), self.line(b, c)], [self.line(b, a), self.line(c, a), self.line(c, b)])
    }

    pub(super) fn flip_uncovered(&mut self, triple: Triple, how: fn(&mut [u64], Cell)) {
        let (one_way, other_way) = self.lines(triple);
        Self::flip(&mut self.uncovered, one_way, self.words, triple, how);
        Self::flip(&mut self.uncovered, other_way, self.words, triple, how);
    }

    fn flip_once(&mut self, triple: Triple, how: fn(&mut [u64], Cell)) {
        let (one_way, other_way) = self.lines(triple);
        Self::flip(&mut self.once, one_way, self.words, triple, how);
        Self::flip(&mut self.once, other_way, self.words, triple, how);
    }

    /// A triple whose counter went up.
    #[inline]
    fn rose(&mut self, triple: Triple, count: u16) {
        match count {
            1 => {
                self.flip_uncovered(triple, take);
                self.flip_once(triple, put);
                triple.iter().for_each(|&cell| self.promises[cell as usize] -= 1);
                self.left -= 1;
                if let Some(few) = &mut self.few
                    && let Some(at) = few.iter().position(|few| *few == triple)
                {
                    few.swap_remove(at);
                }
            }
            2 => self.flip_once(triple, take),
            _ => {}
        }
    }

    /// A triple whose counter went down.
    #[inline]
    fn fell(&mut self, triple: Triple, count: u16) {
        match count {
            0 => {
                self.flip_once(triple, take);
                self.flip_uncovered(triple, put);
                triple.iter().for_each(|&cell| self.promises[cell as usize] += 1);
                self.left += 1;
                self.few.as_mut().into_iter().for_each(|few| few.push(triple));
                self.few = self.few.take().filter(|few| few.len() <= 4 * FEW);
            }
            1 => self.flip_once(triple, put),
            _ => {}
        }
    }

    fn more(&mut self, triple: Triple) {
        let at = self.at(triple);
        self.counts[at] += 1;
        self.rose(triple, self.counts[at]);
    }

    fn less(&mut self, triple: Triple) {
        let at = self.at(triple);
        self.counts[at] -= 1;
        self.fell(triple, self.counts[at]);
    }

    /// One triple loses a cell and another has the new cell in its place; `places` are their counters.
    #[inline]
    fn exchange(&mut self, places: [u32; 2], gone: impl Fn() -> Triple, come: impl Fn() -> Triple) {
        let [before, after] = places.map(|place| place as usize);
        self.counts[before] -= 1;
        if self.counts[before] < 2 {
            self.fell(gone(), self.counts[before]);
        }
        self.counts[after] += 1;
        if self.counts[after] < 3 {
            self.rose(come(), self.counts[after]);
        }
    }

    fn each(&self, row: &[Cell]) -> Vec<Cell> {
        row.iter().enumerate().filter(|&(parameter, _)| self.inside[parameter]).map(|(_, &cell)| cell).collect()
    }

    pub(crate) fn add(&mut self, row: &[Cell]) {
        let cells = self.each(row);
        for (at, &one) in cells.iter().enumerate() {
            for (next, &other) in cells.iter().enumerate().skip(at + 1) {
                cells[next + 1..].iter().for_each(|&third| self.more([one, other, third]));
            }
        }
    }

    pub(crate) fn remove(&mut self, row: &[Cell]) {
        let cells = self.each(row);
        for (at, &one) in cells.iter().enumerate() {
            for (next, &other) in cells.iter().enumerate().skip(at + 1) {
                cells[next + 1..].iter().for_each(|&third| self.less([one, other, third]));
            }
        }
    }

    pub(crate) fn change(&mut self, row: &[Cell], parameter: usize, to: Cell) {
        if !self.inside[parameter] {
            return;
        }
        let from = row[parameter];
        let cells = self.each(row);
        let slots: Vec<u32> = cells.iter().map(|&cell| self.slots[cell as usize]).collect();
        let here = cells.partition_point(|&cell| cell < from);
        let [old, new] = [from, to].map(|cell| self.slots[cell as usize]);
        for at in 0..here {
            let one = cells[at];
            for &other in &cells[at + 1..here] {
                let base = self.base(one, other);
                let places = [base.wrapping_add(old), base.wrapping_add(new)];
                self.exchange(places, || [one, other, from], || [one, other, to]);
            }
            let [before, after] = [self.base(one, from), self.base(one, to)];
            for next in here + 1..cells.len() {
                let other = cells[next];
                let places = [before, after].map(|base| base.wrapping_add(slots[next]));
                self.exchange(places, || [one, from, other], || [one, to, other]);
            }
        }
        for at in here + 1..cells.len() {
            let one = cells[at];
            let [before, after] = [self.base(from, one), self.base(to, one)];
            for next in at + 1..cells.len() {
                let other = cells[next];
                let places = [before, after].map(|base| base.wrapping_add(slots[next]));
                self.exchange(places, || [from, one, other], || [to, one, other]);
            }
        }
    }
}
