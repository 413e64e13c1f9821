//! `coverage` as the engine's strengths.

use coexist_cover::{Group, Strength};

use super::model::{Column, Space};
use crate::checked::{Agents, Checked, Coverage, Factor};

/// Groups of parameters that `also` may come to; each is held against every set of parameters.
const MOST_GROUPS: usize = 5_000;

/// The base strength, and a group for every way in which parameters can stand for what a list of `also` names. `None`
/// when there are too many.
pub(crate) fn of(checked: &Checked, space: &Space<'_>, coverage: &Coverage, base: Option<usize>) -> Option<Strength> {
    let base = base.unwrap_or(coverage.strength).max(1);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for also in &coverage.also {
        let mut ways: Vec<Vec<usize>> = vec![Vec::new()];
        for factor in &also.factors {
            let columns = columns(checked, space, factor);
            let mut longer: Vec<Vec<usize>> = Vec::new();
            for way in &ways {
                for &column in &columns {
                    let mut way = way.clone();
                    // Listed sets are one parameter, whichever agent is meant.
                    if !way.contains(&column) {
                        way.push(column);
                    } else if matches!(checked.agents, Agents::Choice(_)) {
                        continue;
                    }
                    way.sort_unstable();
                    longer.push(way);
                }
            }
            longer.sort_unstable();
            longer.dedup();
            if longer.len() > MOST_GROUPS {
                return None;
            }
            ways = longer;
        }
        // What is no larger than the base is covered anyway.
        groups.extend(ways.into_iter().filter(|way| way.len() > base));
    }
    groups.sort();
    groups.dedup();
    let groups = groups.into_iter().map(|parameters| Group { strength: parameters.len(), parameters });
    let groups: Vec<Group> = groups.collect();
    (groups.len() <= MOST_GROUPS).then_some(Strength { base, groups })
}

/// The parameters that a factor can stand for.
fn columns(checked: &Checked, space: &Space<'_>, factor: &Factor) -> Vec<usize> {
    let stands = |column: &Column| match (factor, *column) {
        (Factor::Image, Column::Image) => true,
        (Factor::Setting(name), Column::Setting(axis)) => checked.axes.get(axis).is_some_and(|it| it.name == *name),
        (Factor::AnyAgent, Column::Sets | Column::Offer(_)) => true,
        (Factor::Agent(_), Column::Sets) => true,
        (Factor::Agent(id), Column::Offer(number)) => match &checked.agents {
            Agents::Choice(pool) => pool.offers.get(number).is_some_and(|offer| offer.agent == *id),
            Agents::Sets(_) => false,
        },
        _ => false,
    };
    let all = space.columns.iter().enumerate();
    all.filter(|(_, column)| stands(column)).map(|(number, _)| number).collect()
}
