//! Rows that no plan can do without.

use crate::coverage::{Coverage, Pairs};
use crate::ground::{Ground, bits_of};
use crate::space::{Cell, has, members, put, shared, take};

/// How many rows more there have to be for everything to be covered, at least.
pub(crate) fn lower_bound(ground: &Ground, coverage: &Coverage) -> usize {
    let pairs = coverage.pairs.as_ref().map_or(0, |pairs| fans(ground, pairs));
    let triples = coverage.triples.as_ref().map_or(0, |triples| triples.densest(ground));
    let wide = coverage.wide.as_ref().map_or(0, |wide| wide.densest());
    let free = coverage.pairs.as_ref().map_or(0, |pairs| binary(ground, pairs));
    let groups = coverage.pairs.as_ref().map_or(0, |pairs| groups(ground, pairs));
    pairs.max(triples).max(wide).max(free).max(groups).max(usize::from(coverage.uncovered() > 0))
}

/// Rows without which two values of each free parameter do not meet two of each other one (Kleitman and Spencer, 1973).
fn binary(ground: &Ground, pairs: &Pairs) -> usize {
    let space = &ground.space;
    let mut free: Vec<[Cell; 2]> = Vec::new();
    for parameter in (0..space.width()).filter(|&parameter| space.count(parameter) > 1) {
        let two = [space.cell(parameter, 0), space.cell(parameter, 1)];
        let meets = |other: &[Cell; 2]| {
            two.iter().all(|&cell| other.iter().all(|&other| has(pairs.uncovered_with(cell), other)))
        };
        if free.iter().all(meets) {
            free.push(two);
        }
    }
    let enough = |&rows: &usize| choose(rows - 1, rows.div_ceil(2)) >= free.len();
    if free.len() < 2 { 0 } else { (4..).find(enough).unwrap_or(0) }
}

fn choose(of: usize, many: usize) -> usize {
    (0..many).fold(1, |sum, at| sum * (of - at) / (at + 1))
}

/// Pairs of parameters around which more is looked for.
const TRIED: usize = 32;

/// Cells that exclude each other, each with all values of one more parameter: no two of these pairs share a row.
///
/// The cells of one parameter are such a set, and two agents that never run together are too.
fn fans(ground: &Ground, pairs: &Pairs) -> usize {
    let space = &ground.space;
    let mut plain: Vec<(usize, usize, usize)> = Vec::new();
    for pivot in 0..space.width() {
        for start in (0..space.width()).filter(|&start| start != pivot) {
            let sum = space.values(start).map(|cell| weight(ground, pairs, pivot, cell)).sum();
            plain.push((sum, pivot, start));
        }
    }
    plain.sort_unstable_by(|one, other| other.cmp(one));
    let most = plain.first().map_or(0, |&(sum, ..)| sum);
    let tied = plain.iter().filter(|&&(.., start)| ground.rules.bind(start)).take(TRIED);
    tied.map(|&(_, pivot, start)| fan(ground, pairs, pivot, start)).max().unwrap_or(0).max(most)
}

/// Values of the pivot that a cell is wanted with.
fn weight(ground: &Ground, pairs: &Pairs, pivot: usize, cell: Cell) -> usize {
    ground.space.values(pivot).filter(|&value| has(pairs.uncovered_with(cell), value)).count()
}

/// All cells of a parameter, and what else keeps out of their way.
fn fan(ground: &Ground, pairs: &Pairs, pivot: usize, start: usize) -> usize {
    let space = &ground.space;
    let mut heavy: Vec<(usize, Cell)> = (0..space.cells() as Cell)
        .filter(|&cell| ground.is_alive(cell) && space.owner(cell) != pivot)
        .map(|cell| (weight(ground, pairs, pivot, cell), cell))
        .filter(|&(weight, _)| weight > 0)
        .collect();
    heavy.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    let (mut fan, mut sum) = (Vec::new(), 0);
    let of_start = heavy.iter().filter(|&&(_, cell)| space.owner(cell) == start);
    let others = heavy.iter().filter(|&&(_, cell)| space.owner(cell) != start);
    for &(weight, cell) in of_start.chain(others) {
        if fan.iter().all(|&other| !has(ground.together_with(other), cell)) {
            fan.push(cell);
            sum += weight;
        }
    }
    exchange(ground, &heavy, &fan, sum)
}

/// The fan without one of its cells, filled up again: "none" of an agent makes place for another's.
fn exchange(ground: &Ground, heavy: &[(usize, Cell)], fan: &[Cell], sum: usize) -> usize {
    let words = ground.space.words();
    // A cell that goes with two or more of the fan has no place in it, whichever one of them is left out.
    let against = bits_of(fan, words);
    let hopeful: Vec<(usize, Cell)> = heavy
        .iter()
        .copied()
        .filter(|&(_, cell)| !has(&against, cell) && shared(ground.together_with(cell), &against) < 2)
        .collect();
    let mut most = sum;
    for &out in fan {
        let mut kept = against.clone();
        take(&mut kept, out);
        let mut total = sum - heavy.iter().find(|&&(_, cell)| cell == out).map_or(0, |&(weight, _)| weight);
        for &(weight, cell) in &hopeful {
            if !has(&kept, cell) && shared(ground.together_with(cell), &kept) == 0 {
                put(&mut kept, cell);
                total += weight;
            }
        }
        most = most.max(total);
    }
    most
}

/// Cells that exclude each other and that one more cell has to meet: the most there are for the cells that want most.
///
/// After one added value little else is left to cover, and this is what it costs at least.
fn groups(ground: &Ground, pairs: &Pairs) -> usize {
    let mut heavy: Vec<(u64, Cell)> = (0..ground.space.cells() as Cell)
        .map(|cell| (pairs.promise(cell), cell))
        .filter(|&(most, _)| most > 0)
        .collect();
    heavy.sort_unstable_by(|one, other| other.cmp(one));
    heavy.into_iter().take(TRIED).map(|(_, cell)| group(ground, pairs.uncovered_with(cell))).max().unwrap_or(0)
}

/// A large group of cells among these of which no two share a row.
fn group(ground: &Ground, cells: &[u64]) -> usize {
    let cells: Vec<Cell> = members(cells).collect();
    let words = ground.space.words();
    let excludes = |cell: Cell| -> Vec<u64> {
        let mut set = bits_of(&cells, words);
        set.iter_mut().zip(ground.together_with(cell)).for_each(|(set, together)| *set &= !together);
        take(&mut set, cell);
        set
    };
    let excluded: std::collections::BTreeMap<Cell, Vec<u64>> =
        cells.iter().map(|&cell| (cell, excludes(cell))).collect();
    let degree = |set: &[u64], cell: Cell| shared(set, &excluded[&cell]);
    let mut most = 0;
    for &start in &cells {
        let (mut size, mut left) = (1, excluded[&start].clone());
        // The cell that leaves most to choose from comes next.
        while let Some(next) = members(&left).max_by_key(|&cell| (degree(&left, cell), std::cmp::Reverse(cell))) {
            size += 1;
            left.iter_mut().zip(&excluded[&next]).for_each(|(left, next)| *left &= next);
        }
        most = most.max(size);
    }
    most
}
