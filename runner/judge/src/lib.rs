//! Both arms of a cell to a verdict, by one table; and cells that fail alike to problems. Pure.
//!
//! ```text
//! Run ─► per arm: what the record proves (record.rs)
//!        per cell: (baseline, candidate) ─► rule (table.rs) ─► verdict and reason (words.rs)
//!        regressed cells, by bucket ─► problems (problems.rs)
//! ```
//! One run per arm gives no rates, so nothing here says `flaky` yet.

mod problems;
mod record;
mod table;
mod words;

pub use record::proved;

use coexist_model::{ArmOutcome, Cell, Judgement, Run, Verdict, Verdicts};

/// What there is to say of a run, whole or cut off.
#[must_use]
pub fn verdicts(run: &Run) -> Verdicts {
    let cells = record::judge_run(run);
    let problems = problems::problems(run, &cells);
    Verdicts { cells, problems }
}

/// The verdict on a cell, from what came of its two arms.
///
/// The reason is one line in plain words. It may repeat what a guest said, so whoever shows it must sanitise it.
#[must_use]
pub fn judge(cell: &Cell, baseline: &ArmOutcome, candidate: &ArmOutcome) -> Judgement {
    let rule = table::rule(cell, baseline, candidate);
    Judgement { verdict: verdict_of(&rule), reason: words::reason(&rule) }
}

fn verdict_of(rule: &table::Rule<'_>) -> Verdict {
    use table::Rule;
    match rule {
        Rule::BothUp => Verdict::Compatible,
        Rule::Broke { .. } | Rule::Changed { .. } => Verdict::Regressed,
        Rule::Mended { .. } => Verdict::Fixed,
        Rule::Same { .. } => Verdict::AlreadyBroken,
        Rule::Masked { .. }
        | Rule::BaselineFault { .. }
        | Rule::CandidateFault { .. }
        | Rule::OutsideThePlan { .. } => Verdict::Inconclusive,
        Rule::NotRun { .. } => Verdict::NotRun,
    }
}

#[cfg(test)]
mod tests;
