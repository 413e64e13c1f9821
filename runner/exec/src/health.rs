//! Services, drivers and filters that were there when a quiet time began must be there at its end.
//!
//! What vanished is a change that nobody asked for, even if the next boot brings it back. It is told at once, and it
//! counts in the step that asks whether the product is whole: a service that dies a moment after each start may be seen
//! before or after that moment, and in which step its product fails must not hang on that.

use std::time::Duration;

use coexist_lab::{GuestError, Reading};
use coexist_model::{
    Action, BootStage, Bucket, CheckOutcome, FailureState, PlannedProbe, Probe, Seconds, StepFailure, StepId,
};

use crate::arm::ArmRun;
use crate::stop::Stop;

/// A product that brings itself up to date ends its service and starts it again: what is back within this long has not
/// vanished.
const AWAY: Duration = Duration::from_secs(15);
/// Between two looks for it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Something that was there and went while the guest was left alone.
pub(crate) struct Vanished {
    planned: PlannedProbe,
    step: StepId,
}

impl ArmRun<'_> {
    /// What this arm's plan looks at that can vanish, and how long one look may take.
    fn watched(&self) -> impl Iterator<Item = (&PlannedProbe, Seconds)> {
        let probes = self.cell.arms[self.of.arm].iter().filter_map(|step| match &step.action {
            Action::Probe { probes, look, .. } => Some(probes.iter().map(move |probe| (probe, *look))),
            _ => None,
        });
        let can_vanish = |probe: &Probe| match probe {
            Probe::Service { .. } | Probe::Driver { .. } | Probe::Filter { .. } => true,
            Probe::Registry { .. } | Probe::File { .. } | Probe::Command { .. } => false,
        };
        probes.flatten().filter(move |(it, _)| can_vanish(&it.probe) && self.installed.contains(&it.agent))
    }

    /// Services, drivers and filters that are there now.
    pub(crate) async fn what_is_there(&self) -> Result<Vec<(PlannedProbe, Seconds)>, Stop> {
        let mut there = Vec::new();
        let mut watched = 0;
        for (planned, look) in self.watched() {
            watched += 1;
            match self.guest()?.look(&planned.probe, look.to_duration()).await {
                Ok(reading) if reading.holds => there.push((planned.clone(), look)),
                // What gives no answer that says anything is told by the plan's own probes.
                Ok(_) | Err(GuestError::Disagrees { .. }) => {}
                // A guest that is asked in vain is not asked for everything.
                Err(GuestError::TimedOut { .. }) => return Ok(there),
                Err(error) => return Err(error.into()),
            }
        }
        if watched > 0 && there.len() == watched {
            self.reach(BootStage::Services);
        }
        Ok(there)
    }

    /// Remembers what of all that was there is not there any more.
    pub(crate) async fn look_for_vanished(
        &mut self,
        step: &StepId,
        there: Vec<(PlannedProbe, Seconds)>,
    ) -> Result<(), Stop> {
        for (planned, look) in there {
            if let Some(found) = self.stays_away(&planned, look).await? {
                self.note(format!("{}: {}: vanished in step {step}, found {found}", planned.agent, planned.probe));
                self.vanished.push(Vanished { planned, step: step.clone() });
            }
        }
        Ok(())
    }

    /// What a probe came to: a product is whole if all is there that must be, and was all the while.
    pub(crate) fn health(&self, planned: &PlannedProbe, reading: &Reading) -> CheckOutcome {
        let vanished = self.vanished.iter().find(|it| it.planned == *planned).map(|it| &it.step);
        let found = match (reading.holds, vanished) {
            (true, None) => return CheckOutcome::Passed,
            (true, Some(step)) => format!("so again, but it vanished in step {step}, which nobody asked for"),
            (false, None) => format!("found {}", reading.found),
            (false, Some(step)) => format!("found {}; it vanished in step {step}", reading.found),
        };
        let PlannedProbe { agent, probe } = planned;
        CheckOutcome::Failed {
            failure: StepFailure {
                state: FailureState::Unhealthy,
                message: format!("{agent}: {probe}: {found}"),
                bucket: Some(Bucket(format!("unhealthy|{agent}|{probe}"))),
                crash: None,
            },
        }
    }

    /// What was found instead of something that does not come back; nothing if it is there, or nobody can say.
    async fn stays_away(&self, planned: &PlannedProbe, look: Seconds) -> Result<Option<String>, Stop> {
        let clock = &self.scene.ports.clock;
        let begun = clock.elapsed();
        loop {
            let found = match self.guest()?.look(&planned.probe, look.to_duration()).await {
                Ok(Reading { holds: false, found, .. }) => found,
                Ok(Reading { holds: true, .. }) | Err(GuestError::TimedOut { .. } | GuestError::Disagrees { .. }) => {
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            if clock.elapsed().saturating_sub(begun) >= self.paced(AWAY) {
                return Ok(Some(found));
            }
            clock.sleep(LOOK_AGAIN).await;
        }
        if clock.elapsed().saturating_sub(begun) >= LOOK_AGAIN {
            self.note(format!("{}: {}: not so for a moment at the end of a quiet time", planned.agent, planned.probe));
        }
        Ok(None)
    }
}
