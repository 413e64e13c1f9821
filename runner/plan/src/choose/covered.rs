//! Which combinations rows hold, which no row can hold and why, and which were left out.

use std::collections::{BTreeMap, HashSet};

use coexist_cover::{CoverError, Strength};
use coexist_model::{PlanCoverage, StrengthCoverage};

use super::model::Space;
use super::orders::Orders;

/// Uncovered combinations that are listed.
const MOST_LISTED: usize = 100_000;
/// Combinations, and those that stand in rows, beyond which impossible ones are only counted.
const MOST_LOOKED_AT: u64 = 20_000_000;
/// Impossible combinations whose rules are looked for.
const MOST_EXPLAINED: usize = 20_000;

/// What the cells of a plan cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// Numbers by strength.
    pub summary: PlanCoverage,
    /// Impossible combinations of the first strength by the rules that forbid them, most first. Together fewer than the
    /// summary says where there are too many to look at each.
    pub impossible: Vec<ImpossibleGroup>,
    /// Feasible combinations that no cell holds, in words: the first hundred thousand.
    pub uncovered: Vec<Vec<String>>,
    /// In which orders agents meet; `None` where the matrix fixes the order.
    pub orders: Option<Orders>,
}

/// Combinations that the same rules forbid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImpossibleGroup {
    /// The fewest rules found, in the author's words.
    pub rules: Vec<String>,
    /// How many combinations they forbid.
    pub combinations: u64,
    /// One of them, in words.
    pub example: Vec<String>,
}

/// Looks at the rows of a plan. `all` are the rows that cover everything, of which `rows` may be a part.
pub(crate) fn look(
    space: &Space<'_>,
    strength: &Strength,
    all: &[Vec<usize>],
    rows: &[Vec<usize>],
    left_out: usize,
) -> Result<Covered, CoverError> {
    let mut strengths = Vec::new();
    let mut uncovered = Vec::new();
    let mut before = (0, 0);
    let mut asked = Strength::uniform(strength.base.min(space.columns.len()));
    let mut of_groups: Vec<usize> = strength.groups.iter().map(|group| group.strength).collect();
    of_groups.sort_unstable();
    of_groups.dedup();
    // Groups come on top of the base, strength by strength: what each adds is its own.
    for each in std::iter::once(asked.base).chain(of_groups) {
        let groups = strength.groups.iter().filter(|group| group.strength == each && each != asked.base);
        let groups: Vec<_> = groups.cloned().collect();
        let total = if each == asked.base {
            combinations(space, each)
        } else {
            groups.iter().map(|group| product(space, &group.parameters)).fold(0, u64::saturating_add)
        };
        asked.groups.extend(groups);
        let measure = coexist_cover::measure(&space.model, &asked, rows, MOST_LISTED)?;
        let (feasible, covered) = (measure.feasible - before.0, measure.covered - before.1);
        before = (measure.feasible, measure.covered);
        strengths.push(StrengthCoverage {
            strength: each,
            feasible,
            covered,
            impossible: total.saturating_sub(feasible),
        });
        uncovered = measure.missing;
    }
    let words = |combination: &Vec<(usize, usize)>| combination.iter().map(|it| space.words(*it)).collect();
    Ok(Covered {
        summary: PlanCoverage { strengths, left_out },
        impossible: impossible(space, asked.base, all)?,
        uncovered: uncovered.iter().map(words).collect(),
        orders: None,
    })
}

/// Combinations of so many parameters, before rules are looked at.
fn combinations(space: &Space<'_>, strength: usize) -> u64 {
    // `of[n]`: combinations of n of the parameters that were looked at.
    let mut of = vec![0_u64; strength + 1];
    of[0] = 1;
    for parameter in space.model.parameters() {
        for size in (1..=strength).rev() {
            of[size] = of[size].saturating_add(of[size - 1].saturating_mul(parameter.values.len() as u64));
        }
    }
    of[strength]
}

fn product(space: &Space<'_>, parameters: &[usize]) -> u64 {
    let counts = parameters.iter().filter_map(|&number| space.model.parameters().get(number));
    counts.fold(1, |product, parameter| product.saturating_mul(parameter.values.len() as u64))
}

/// Groups of impossible combinations. A plan covers every feasible one: what stands in no row of it is impossible.
fn impossible(space: &Space<'_>, strength: usize, all: &[Vec<usize>]) -> Result<Vec<ImpossibleGroup>, CoverError> {
    let width = space.columns.len();
    let sets = combinations_of(width, strength);
    let in_rows = sets.saturating_mul(all.len() as u64);
    if combinations(space, strength).max(in_rows) > MOST_LOOKED_AT {
        return Ok(Vec::new());
    }
    let mut parameters: Vec<usize> = (0..strength).collect();
    let mut found: Vec<Vec<(usize, usize)>> = Vec::new();
    loop {
        missing(space, &parameters, all, &mut found);
        // The next set in the order of numbers.
        let Some(at) = (0..strength).rev().find(|&at| parameters[at] < width - strength + at) else { break };
        parameters[at] += 1;
        for next in at + 1..strength {
            parameters[next] = parameters[next - 1] + 1;
        }
    }
    found.truncate(MOST_EXPLAINED);
    let reasons = coexist_cover::explain_each(&space.model, &found)?;
    let mut groups: BTreeMap<Vec<String>, ImpossibleGroup> = BTreeMap::new();
    for (combination, rules) in found.iter().zip(reasons) {
        let Some(rules) = rules else { continue };
        let group = groups.entry(rules.clone()).or_insert_with(|| ImpossibleGroup {
            rules,
            combinations: 0,
            example: combination.iter().map(|it| space.words(*it)).collect(),
        });
        group.combinations += 1;
    }
    let mut groups: Vec<ImpossibleGroup> = groups.into_values().collect();
    groups.sort_by(|one, other| other.combinations.cmp(&one.combinations).then_with(|| one.rules.cmp(&other.rules)));
    Ok(groups)
}

/// How many sets of so many parameters there are.
fn combinations_of(width: usize, strength: usize) -> u64 {
    (0..strength as u64).fold(1, |sets: u64, at| sets.saturating_mul((width as u64).saturating_sub(at)) / (at + 1))
}

/// Adds the combinations of these parameters that stand in no row.
fn missing(space: &Space<'_>, parameters: &[usize], all: &[Vec<usize>], found: &mut Vec<Vec<(usize, usize)>>) {
    let count = |number: usize| space.model.parameters().get(number).map_or(0, |it| it.values.len());
    // A combination is a number whose digits are its values.
    let number = |row: &Vec<usize>| {
        parameters
            .iter()
            .fold(0_u64, |so_far, &at| so_far * count(at) as u64 + row.get(at).copied().unwrap_or(0) as u64)
    };
    let held: HashSet<u64> = all.iter().map(number).collect();
    for one in (0..product(space, parameters)).filter(|one| !held.contains(one)) {
        let mut left = one;
        let mut combination: Vec<(usize, usize)> = Vec::with_capacity(parameters.len());
        for &parameter in parameters.iter().rev() {
            let values = count(parameter).max(1) as u64;
            combination.push((parameter, (left % values) as usize));
            left /= values;
        }
        combination.reverse();
        found.push(combination);
    }
}
