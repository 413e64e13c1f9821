//! As many combinations of one parameter more than the strength as free cells can hold.

use super::free;
use crate::space::{Cell, has, members, take};
use crate::strength::Strength;
use crate::suite::{Scratch, Suite};

/// Words looked at before filling ends: a tenth of a second or so.
const WORK: u64 = 60_000_000;

/// Takes for each open and free cell the value with which the row holds most combinations that no other row holds:
/// triples where all pairs are covered, pairs where all values are. Nothing at other strengths.
pub(super) fn cover(strength: &Strength, open: &[bool], suite: &mut Suite<'_>) {
    if !(1..=2).contains(&strength.base) {
        return;
    }
    let mut scratch = Scratch::default();
    let mut work = 0;
    for at in 0..suite.len() {
        for (parameter, _) in open.iter().enumerate().filter(|(_, open)| **open) {
            if suite.holds(at, parameter) || suite.ground.space.count(parameter) < 2 {
                continue;
            }
            if work + scratch.looked > WORK {
                return;
            }
            let now = suite.row(at)[parameter];
            work += suite.ground.space.words() as u64 * 8 * suite.ground.space.count(parameter) as u64;
            let free = free(suite, at, parameter, &mut scratch);
            if free.len() < 2 {
                continue;
            }
            // The value that is there stays unless another is better.
            let new =
                |cell: Cell, work: &mut u64| (held_nowhere_else(suite, at, cell, strength.base, work), cell == now);
            let best = free.into_iter().map(|cell| (new(cell, &mut work), cell)).max();
            if let Some((_, cell)) = best.filter(|&(_, cell)| cell != now) {
                suite.set(at, parameter, cell);
            }
        }
    }
}

/// Sets of so many of the row's other cells that no other row has beside this cell.
fn held_nowhere_else(suite: &Suite<'_>, at: usize, cell: Cell, many: usize, work: &mut u64) -> usize {
    let space = &suite.ground.space;
    let words = space.words();
    let mut rest = suite.bits(at).to_vec();
    take(&mut rest, suite.row(at)[space.owner(cell)]);
    // For each of the row's cells those that it stands with in another row that has the cell; with itself too.
    let mut held = vec![0u64; suite.row(at).len() * words];
    for other in (0..suite.len()).filter(|&other| other != at && has(suite.bits(other), cell)) {
        let both: Vec<u64> = suite.bits(other).iter().zip(&rest).map(|(other, rest)| other & rest).collect();
        for member in members(&both) {
            let line = &mut held[space.owner(member) * words..][..words];
            line.iter_mut().zip(&both).for_each(|(held, both)| *held |= both);
            *work += 4 + words as u64;
        }
    }
    *work += (suite.len() * (1 + words)) as u64;
    let others = suite.row(at).len() - 1;
    let lines = held.chunks(words).zip(suite.row(at)).filter(|(_, member)| has(&rest, **member));
    match many {
        1 => lines.filter(|(line, member)| !has(line, **member)).count(),
        _ => {
            lines
                .map(|(line, member)| {
                    others
                        - line.iter().map(|w| w.count_ones() as usize).sum::<usize>()
                        - usize::from(!has(line, *member))
                })
                .sum::<usize>()
                / 2
        }
    }
}
