//! How much work each effort is, and in what order it is done.

use crate::compact::Compaction;
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
    let limit = match effort {
        Effort::Quick => 10_000_000,
        Effort::Normal => 300_000_000,
        Effort::Long => 1_500_000_000,
    };
    let limit = if higher { limit * 12 } else { limit };
    Compaction::new(suite, 20).run(oracle, bound, limit)?;
    Ok(())
}
