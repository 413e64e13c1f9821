//! How much work each effort is, and in what order it is done.

use crate::compact::{Budget, Compaction};
use crate::coverage::{Coverage, Pairs};
use crate::error::CoverError;
use crate::greedy::Greedy;
use crate::logic::Oracle;
use crate::plan::Effort;
use crate::strength::Strength;
use crate::suite::Suite;

/// Covers everything, then makes do with fewer rows until the work that the effort allows is done.
pub(crate) fn spend(
    effort: Effort,
    strength: &Strength,
    suite: &mut Suite<'_>,
    greedy: &mut Greedy<'_>,
    oracle: &mut Oracle,
    bound: usize,
) -> Result<(), CoverError> {
    let higher = strength.all().iter().any(|&each| each > 2);
    // Where rows are many, or a draft takes long, there are fewer drafts for each.
    let drafts = match &suite.coverage {
        coverage if coverage.wide.is_some() => 1,
        _ if higher => 3,
        _ => (6400 / bound.max(1)).clamp(4, 16),
    };
    greedy.finish(suite, oracle, drafts)?;
    if !higher
        && !(0..suite.len()).any(|row| suite.stays(row))
        && let Some(rows) = crate::orthogonal::rows(suite.ground, suite.len())
    {
        suite.become_rows(&rows);
    }
    let budget = budget(effort, &suite.coverage);
    Compaction::new(suite, 20).run(oracle, bound, budget);
    Ok(())
}

/// Steps of about a nanosecond on a desk of 2024. Combinations beyond pairs are allowed more: each move costs more there.
fn budget(effort: Effort, coverage: &Coverage) -> Budget {
    let (pairs, each_beyond, most, each_fruitless) = match effort {
        Effort::Quick => (100_000_000, 1_000, 1_000_000_000, 3_000),
        Effort::Normal => (1_000_000_000, 20_000, 12_000_000_000, 300_000),
        Effort::Long => (5_000_000_000, 50_000, 20_000_000_000, 1_000_000),
    };
    let beyond = coverage.wanted() - coverage.pairs.as_ref().map_or(0, Pairs::wanted);
    let all = beyond.saturating_mul(each_beyond).saturating_add(pairs).min(most);
    Budget { all, fruitless: coverage.wanted().saturating_mul(each_fruitless).saturating_add(1_000_000) }
}
