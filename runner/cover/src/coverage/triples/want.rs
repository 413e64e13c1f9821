//! Which triples are asked for.

use super::super::UNWANTED;
use super::super::build::Undecided;
use super::{NO_SLOT, Triple, Triples};
use crate::ground::Ground;
use crate::logic::Part;
use crate::space::{Cell, Space, has, members, put, take};
use crate::strength::Strength;

impl Triples {
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
    pub(in crate::coverage) fn undecided(&self, ground: &Ground) -> Undecided {
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
}
