//! Triples of cells, of all parameters or of some.

use super::build::Undecided;
use super::{Change, UNWANTED};
use crate::ground::Ground;
use crate::logic::Part;
use crate::random::Random;
use crate::space::{Cell, Space, has, members, put, shared, take};
use crate::strength::Strength;

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

    /// Everything among the parameters that a strength asks for and pairs allow.
    pub(crate) fn wanted_by(ground: &Ground, parameters: &[usize], strength: &Strength) -> Self {
        let mut triples = Self::new(&ground.space, parameters);
        let (space, words) = (&ground.space, triples.words);
        for (at, &one) in parameters.iter().enumerate() {
            for &other in &parameters[at + 1..] {
                let thirds = triples.thirds(space, parameters, strength, one, other);
                for first in space.values(one) {
                    let together = ground.together_with(first);
                    for second in space.values(other).filter(|&second| has(together, second)) {
                        let out_of_range = has(&ground.negative, first) || has(&ground.negative, second);
                        let any = ground.part == Part::Usual || out_of_range;
                        let sets = together.iter().zip(ground.together_with(second)).zip(&thirds).zip(&ground.negative);
                        let set: Vec<u64> =
                            sets.map(|(((a, b), c), negative)| a & b & c & if any { !0 } else { *negative }).collect();
                        triples.want(first, second, &set, words);
                    }
                }
            }
        }
        triples.left = triples.counts.iter().filter(|&&count| count == 0).count() as u64;
        triples.wanted = triples.left;
        triples
    }

    /// The values of third parameters that complete two to a set that is asked for.
    fn thirds(&self, space: &Space, parameters: &[usize], strength: &Strength, one: usize, other: usize) -> Vec<u64> {
        let mut thirds = vec![0; self.words];
        for &third in parameters.iter().filter(|&&third| third != one && third != other) {
            let mut set = [one, other, third];
            set.sort_unstable();
            if strength.wants(&set) {
                space.values(third).for_each(|cell| put(&mut thirds, cell));
            }
        }
        thirds
    }

    fn want(&mut self, first: Cell, second: Cell, set: &[u64], words: usize) {
        for line in [self.line(first, second), self.line(second, first)] {
            self.uncovered[line..][..words].copy_from_slice(set);
        }
        for third in members(set) {
            // Each triple is met three times, once for each third.
            self.promises[third as usize] += 1;
            if third > second {
                let at = self.at([first, second, third]);
                self.counts[at] = 0;
            }
        }
    }

    /// The triples that only a solver or a valid row can tell about: rules tie all three parameters together.
    pub(super) fn undecided(&self, ground: &Ground) -> Undecided {
        let (space, words) = (&ground.space, self.words);
        let cells = space.cells();
        let mut undecided = Undecided { lines: Vec::new(), cells, words, at: 0 };
        let mut of_group = std::collections::BTreeMap::new();
        for cell in 0..cells as Cell {
            let set = of_group.entry(ground.groups[space.owner(cell)]).or_insert_with(|| vec![0; words]);
            put(set, cell);
        }
        if (0..space.width()).all(|parameter| !ground.rules.bind(parameter)) {
            return undecided;
        }
        undecided.lines = vec![0; cells * cells * words];
        for first in (0..cells as Cell).filter(|&cell| self.slots[cell as usize] != NO_SLOT) {
            let group = &of_group[&ground.groups[space.owner(first)]];
            for second in members(group).filter(|&c| c > first && self.slots[c as usize] != NO_SLOT) {
                let line = self.line(first, second);
                let set = self.uncovered[line..][..words].iter().zip(group).map(|(wanted, group)| wanted & group);
                let open = &mut undecided.lines[(first as usize * cells + second as usize) * words..][..words];
                open.iter_mut().zip(set).for_each(|(open, set)| *open = set);
                let smaller: Vec<Cell> = members(open).take_while(|&cell| cell <= second).collect();
                smaller.into_iter().for_each(|cell| take(open, cell));
            }
        }
        undecided
    }

    /// Asks no more for a triple that no row is counted with.
    pub(crate) fn forbid(&mut self, triple: Triple) {
        let at = self.at(triple);
        if self.counts[at] == 0 {
            self.counts[at] = UNWANTED;
            self.flip_uncovered(triple, take);
            triple.iter().for_each(|&cell| self.promises[cell as usize] -= 1);
            self.left -= 1;
            self.wanted -= 1;
        }
    }

    /// The most wanted triples of any three parameters: each needs a row of its own.
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
                    let mut wanted = 0;
                    for a in space.values(one) {
                        for b in space.values(other) {
                            let wants = |&c: &Cell| self.counts[self.at([a, b, c])] < UNWANTED;
                            wanted += space.values(third).filter(wants).count();
                        }
                    }
                    most = most.max(wanted);
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

    fn flip(sets: &mut [u64], lines: [usize; 3], words: usize, [a, b, c]: Triple, how: fn(&mut [u64], Cell)) {
        how(&mut sets[lines[0]..][..words], c);
        how(&mut sets[lines[1]..][..words], b);
        how(&mut sets[lines[2]..][..words], a);
    }

    fn lines(&self, [a, b, c]: Triple) -> ([usize; 3], [usize; 3]) {
        ([self.line(a, b), self.line(a, c), self.line(b, c)], [self.line(b, a), self.line(c, a), self.line(c, b)])
    }

    fn flip_uncovered(&mut self, triple: Triple, how: fn(&mut [u64], Cell)) {
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

    /// Where the counters of two cells in order begin, for a third cell's slot to be added.
    #[inline]
    fn base(&self, one: Cell, other: Cell) -> u32 {
        self.bases[self.slots[one as usize] as usize * self.slot_count + self.slots[other as usize] as usize]
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
