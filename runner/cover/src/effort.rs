//! How much work each effort is, and in what order it is done.

use crate::compact::{Budget, Compaction};
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
    let drafts = if higher { 3 } else { 16 };
    greedy.finish(suite, oracle, drafts)?;
    if !higher
        && !(0..suite.len()).any(|row| suite.stays(row))
        && let Some(rows) = crate::orthogonal::rows(suite.ground, suite.len())
    {
        suite.become_rows(&rows);
    }
    let budget = budget(effort, higher, suite.coverage.wanted());
    Compaction::new(suite, 20).run(oracle, bound, budget)?;
    Ok(())
}

/// Steps of about a nanosecond on a desk of 2024.
fn budget(effort: Effort, higher: bool, combinations: u64) -> Budget {
    let all = match (effort, higher) {
        (Effort::Quick, false) => 100_000_000,
        (Effort::Normal, false) | (Effort::Quick, true) => 1_000_000_000,
        (Effort::Long, false) => 5_000_000_000,
        (Effort::Normal, true) => 22_000_000_000,
        (Effort::Long, true) => 34_000_000_000,
    };
    let each = match effort {
        Effort::Quick => 3_000,
        Effort::Normal => 300_000,
        Effort::Long => 500_000,
    };
    Budget { all, fruitless: combinations.saturating_mul(each).saturating_add(1_000_000) }
}
