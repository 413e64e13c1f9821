//! Rows that share their values of some parameters: what costs a restart changes less often.

use std::collections::BTreeMap;

use crate::model::Model;
use crate::space::Cell;
use crate::suite::{Scratch, Suite};

/// Cells looked at before joining ends.
const WORK: usize = 50_000_000;

/// Gives rows the values that most other rows have of these parameters, where that uncovers nothing and breaks no rule.
/// Rows whose values are rarest come first; negative and weighted values are left where they are.
pub(super) fn join(parameters: &[usize], model: &Model, suite: &mut Suite<'_>) {
    let mut parameters: Vec<usize> =
        parameters.iter().copied().filter(|&parameter| !super::is_weighted(&model.parameters()[parameter])).collect();
    parameters.sort_unstable();
    parameters.dedup();
    let values = |suite: &Suite<'_>, at: usize| -> Vec<Cell> {
        parameters.iter().map(|&parameter| suite.row(at)[parameter]).collect()
    };
    let mut rows_with: BTreeMap<Vec<Cell>, usize> = BTreeMap::new();
    for at in 0..suite.len() {
        *rows_with.entry(values(suite, at)).or_default() += 1;
    }
    let mut rarest: Vec<usize> = (0..suite.len()).collect();
    rarest.sort_by_key(|&at| (rows_with[&values(suite, at)], at));
    let mut scratch = Scratch::default();
    let mut work = 0;
    for at in rarest {
        let now = values(suite, at);
        let here = rows_with[&now];
        let mut common: Vec<(usize, &Vec<Cell>)> =
            rows_with.iter().filter(|&(_, &rows)| rows >= here).map(|(values, &rows)| (rows, values)).collect();
        common.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        let mut found = None;
        for (_, wanted) in common.into_iter().filter(|(_, wanted)| **wanted != now) {
            work += 10 * parameters.len() + suite.counts(at).len();
            if work + scratch.looked as usize > WORK {
                return;
            }
            let changed: Vec<Cell> =
                wanted.iter().zip(&now).filter(|(one, other)| one != other).map(|(&c, _)| c).collect();
            if may_change(suite, at, &changed) && suite.delta(at, &changed, 0, &mut scratch) >= 0 {
                found = Some((wanted.clone(), changed));
                break;
            }
        }
        if let Some((wanted, changed)) = found {
            changed.into_iter().for_each(|cell| suite.set(at, suite.ground.space.owner(cell), cell));
            *rows_with.entry(wanted).or_default() += 1;
            if here == 1 {
                rows_with.remove(&now);
            } else {
                rows_with.insert(now, here - 1);
            }
        }
    }
}

/// Whether the row stays valid with all these cells changed at once, and none of them is held.
fn may_change(suite: &Suite<'_>, at: usize, changed: &[Cell]) -> bool {
    let ground = suite.ground;
    if changed.iter().any(|&cell| suite.holds(at, ground.space.owner(cell))) {
        return false;
    }
    let mut row = suite.row(at).to_vec();
    let mut counts = suite.counts(at).to_vec();
    for &cell in changed {
        let parameter = ground.space.owner(cell);
        ground.rules.change(&mut counts, parameter, row[parameter], cell);
        row[parameter] = cell;
    }
    ground.rules.valid(&row, &counts)
}
