//! Which cells count: the rule of what was tested and what was masked.
//!
//! A combination counts as tested in a cell only when the verdict on the cell says so, both arms came to an outcome of the
//! product's, and every agent and setting of the cell was attested where the candidate was. One row for each verdict:
//!
//! | verdict | the arms | what stood in the cell |
//! |---|---|---|
//! | `compatible` | both up | tested, when both arms attest every agent and setting; else masked |
//! | `fixed` | baseline failed, candidate up | tested, when the candidate arm attests every agent and setting; else masked |
//! | `regressed` | candidate failed | masked: which of its combinations failed is not proved, and the others ran in a guest that failed |
//! | `flaky` | candidate failed in some repeats | masked, as `regressed` |
//! | `already-broken` | both failed alike | masked: no combination was seen beyond the failure |
//! | `inconclusive` | a fault of the lab, or a baseline that fails earlier | masked |
//! | `not-run` | an arm never ran | nothing: the cell is not remembered |
//!
//! An arm **attests** an agent when its probe step looked at the agent at least once and every look passed, and a setting
//! when the probe step read it back as wanted: a product that is asked nothing proves nothing by being installed, so an agent
//! without a service, driver or probe in its recipe is never tested. In `fixed`, the baseline is not asked to attest: that
//! it failed is its outcome, and the candidate arm held the same products.

use std::collections::BTreeSet;

use crate::{Action, Arm, ArmOutcome, ArmRecord, Arms, Cell, CheckOutcome, Step, Verdict};

/// Whether the combinations of a cell were tested in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Both arms reached a verdict with every agent and setting attested.
    Tested,
    /// The cell was broken or inconclusive: what stood in it was not tested.
    Masked,
}

impl Standing {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Tested, Self::Masked];

    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tested => "tested",
            Self::Masked => "masked",
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a cell's record and verdict say of its combinations, by the table above. A record that contradicts its verdict
/// masks.
#[must_use]
pub fn standing(cell: &Cell, records: &Arms<ArmRecord>, verdict: Verdict) -> Standing {
    let attesting: &[Arm] = match verdict {
        Verdict::Compatible => &Arm::BOTH,
        Verdict::Fixed => &[Arm::Candidate],
        Verdict::Regressed | Verdict::Flaky | Verdict::AlreadyBroken | Verdict::Inconclusive | Verdict::NotRun => {
            return Standing::Masked;
        }
    };
    let ended = Arm::BOTH
        .iter()
        .all(|&arm| records[arm].ended && matches!(records[arm].outcome, ArmOutcome::Up | ArmOutcome::Failed { .. }));
    let attested = attesting.iter().all(|&arm| attests(cell, &cell.arms[arm], &records[arm]));
    if ended && attested { Standing::Tested } else { Standing::Masked }
}

/// Whether an arm came up with every agent and setting of its cell attested by its probe step.
fn attests(cell: &Cell, steps: &[Step], record: &ArmRecord) -> bool {
    let mut settings = BTreeSet::new();
    let mut agents = BTreeSet::new();
    let mut refuted = record.outcome != ArmOutcome::Up;
    for step in steps {
        let Action::Probe { settings: read, probes, .. } = &step.action else { continue };
        // One check per setting, then one per probe.
        let passed: Vec<bool> = step
            .checks
            .iter()
            .map(|check| record.checks.get(&check.name).is_some_and(|it| it.outcome == CheckOutcome::Passed))
            .collect();
        refuted |= passed.contains(&false) || passed.len() < read.len() + probes.len();
        settings.extend(read.iter().map(|it| (it.setting.as_str(), it.value.as_str())));
        agents.extend(probes.iter().map(|it| &it.agent));
    }
    !refuted
        && cell.settings.iter().all(|(setting, value)| settings.contains(&(setting.as_str(), value.as_str())))
        && cell.agents.iter().all(|agent| agents.contains(&agent.id))
}
