//! The combinations of a model that are wanted and feasible.

use super::{Coverage, Pairs, Triples, Wide};
use crate::error::{CoverError, MOST_BYTES};
use crate::ground::{Ground, bits_of};
use crate::logic::{Answer, Oracle};
use crate::random::Random;
use crate::space::{Cell, Space};
use crate::strength::Strength;

/// Valid rows that are looked at before the solver is asked about single combinations.
const WALKS: usize = 400;

/// Refuses what would not fit, before anything is allocated.
pub(crate) fn check_size(space: &Space, strength: &Strength) -> Result<(), CoverError> {
    let (mut combinations, mut bytes) = (0u64, 0u64);
    for each in strength.all() {
        let parameters = strength.parameters(each, space.width());
        let (count, sets) = count(space, &parameters, each);
        combinations = combinations.saturating_add(count);
        bytes = bytes.saturating_add(match each {
            2 => Pairs::bytes(space.cells()),
            3 => Triples::bytes(space, &parameters, count),
            _ => Wide::bytes(sets, count),
        });
    }
    if bytes > MOST_BYTES || combinations > u64::from(u32::MAX / 2) {
        return Err(CoverError::TooLarge { strength: strength.base, combinations, bytes });
    }
    Ok(())
}

/// Combinations of so many parameters, and sets of so many parameters.
fn count(space: &Space, parameters: &[usize], strength: usize) -> (u64, u64) {
    let (mut values, mut sets) = (vec![0u64; strength + 1], vec![0u64; strength + 1]);
    (values[0], sets[0]) = (1, 1);
    for &parameter in parameters {
        for size in (1..=strength).rev() {
            let more = values[size - 1].saturating_mul(space.count(parameter) as u64);
            values[size] = values[size].saturating_add(more);
            sets[size] = sets[size].saturating_add(sets[size - 1]);
        }
    }
    (values[strength], sets[strength])
}

impl Coverage {
    /// Everything wanted and feasible, none of it covered.
    pub(crate) fn new(ground: &Ground, oracle: &mut Oracle, strength: &Strength) -> Result<Self, CoverError> {
        check_size(&ground.space, strength)?;
        let mut coverage = Self::default();
        let (width, all) = (ground.space.width(), strength.all());
        if all.contains(&2) {
            coverage.pairs = Some(pairs(ground, strength));
        }
        if all.contains(&3) {
            let mut triples = Triples::wanted_by(ground, &strength.parameters(3, width), strength);
            decide_triples(&mut triples, ground, oracle)?;
            coverage.triples = Some(triples);
        }
        if all.iter().any(|strength| ![2, 3].contains(strength)) {
            let mut sets = Vec::new();
            each_wanted_set(strength, width, &mut |set| {
                if ![2, 3].contains(&set.len()) {
                    sets.push(set.to_vec());
                }
            });
            coverage.wide = Some(wide(ground, oracle, &sets)?);
        }
        Ok(coverage)
    }
}

/// Visits every set of parameters whose combinations are asked for, each once.
pub(crate) fn each_wanted_set(strength: &Strength, width: usize, visit: &mut dyn FnMut(&[usize])) {
    for each in strength.all() {
        each_set(&strength.parameters(each, width), each, &mut Vec::new(), &mut |set| {
            if strength.wants(set) {
                visit(set);
            }
        });
    }
}

fn each_set(parameters: &[usize], size: usize, chosen: &mut Vec<usize>, visit: &mut dyn FnMut(&[usize])) {
    if size == 0 {
        visit(chosen);
        return;
    }
    for at in 0..parameters.len().saturating_sub(size - 1) {
        chosen.push(parameters[at]);
        each_set(&parameters[at + 1..], size - 1, chosen, visit);
        chosen.pop();
    }
}

fn pairs(ground: &Ground, strength: &Strength) -> Pairs {
    let (space, words) = (&ground.space, ground.space.words());
    let mut wanted = vec![0; space.cells() * words];
    for one in 0..space.width() {
        for other in one + 1..space.width() {
            if !strength.wants(&[one, other]) {
                continue;
            }
            for a in space.values(one) {
                for b in space.values(other).filter(|&b| ground.pairs_agree(&[a, b]) && ground.counts_here(&[a, b])) {
                    crate::space::put(&mut wanted[a as usize * words..][..words], b);
                    crate::space::put(&mut wanted[b as usize * words..][..words], a);
                }
            }
        }
    }
    Pairs::new(space.cells(), words, wanted)
}

fn decide_triples(triples: &mut Triples, ground: &Ground, oracle: &mut Oracle) -> Result<(), CoverError> {
    let mut open = triples.undecided(ground);
    let mut row = ground.sample.clone();
    let (mut counts, mut random) = (ground.rules.counts(&row), Random::stream(2));
    for _ in 0..if open.is_empty() { 0 } else { WALKS } {
        open.witness(&row, &bits_of(&row, ground.space.words()));
        ground.wander(&mut row, &mut counts, &mut random);
    }
    while let Some(triple) = open.next() {
        match oracle.complete(&triple) {
            Answer::Row(mut row) => {
                let mut counts = ground.rules.counts(&row);
                for _ in 0..4 {
                    open.witness(&row, &bits_of(&row, ground.space.words()));
                    ground.wander(&mut row, &mut counts, &mut random);
                }
            }
            Answer::Impossible => triples.forbid(triple),
            Answer::TooHard => return Err(CoverError::TooHard),
        }
    }
    Ok(())
}

fn wide(ground: &Ground, oracle: &mut Oracle, sets: &[Vec<usize>]) -> Result<Wide, CoverError> {
    let mut wide = Wide::new(&ground.space, sets);
    let mut undecided = Vec::new();
    for number in wide.all() {
        let cells = wide.cells(number);
        if ground.counts_here(&cells) && ground.pairs_agree(&cells) {
            wide.want(number);
            if !ground.pairs_decide(&cells) {
                undecided.push(number);
            }
        }
    }
    let mut row = ground.sample.clone();
    let (mut counts, mut random) = (ground.rules.counts(&row), Random::stream(3));
    for _ in 0..if undecided.is_empty() { 0 } else { WALKS } {
        wide.add(&row);
        ground.wander(&mut row, &mut counts, &mut random);
    }
    let mut impossible = Vec::new();
    for number in undecided {
        if wide.is_uncovered(number) {
            match oracle.complete(&wide.cells(number)) {
                Answer::Row(row) => wide.add(&row),
                Answer::Impossible => impossible.push(number),
                Answer::TooHard => return Err(CoverError::TooHard),
            }
        }
    }
    wide.forget();
    impossible.into_iter().for_each(|number| wide.forbid(number));
    wide.settle();
    Ok(wide)
}

/// Triples that rules may forbid though they allow each pair.
pub(super) struct Undecided {
    /// For each two cells in order the third ones, all larger.
    pub(super) lines: Vec<u64>,
    pub(super) cells: usize,
    pub(super) words: usize,
    pub(super) at: usize,
}

impl Undecided {
    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A valid row decides its triples.
    fn witness(&mut self, row: &[Cell], bits: &[u64]) {
        for (at, &one) in row.iter().enumerate() {
            for &other in &row[at + 1..] {
                let line = (one as usize * self.cells + other as usize) * self.words;
                let line = &mut self.lines[line..][..self.words];
                line.iter_mut().zip(bits).for_each(|(open, row)| *open &= !row);
            }
        }
    }

    /// The next triple, which is taken out.
    fn next(&mut self) -> Option<[Cell; 3]> {
        let word = self.at + self.lines[self.at.min(self.lines.len())..].iter().position(|&word| word != 0)?;
        self.at = word;
        let bit = self.lines[word].trailing_zeros();
        self.lines[word] &= self.lines[word] - 1;
        let (line, third) = (word / self.words, (word % self.words) as Cell * 64 + bit);
        Some([(line / self.cells) as Cell, (line % self.cells) as Cell, third])
    }
}
