//! A guest that came back: whether it came as it was asked to, and whether it stays.

use std::time::Duration;

use coexist_lab::{BootRecord, Guest};
use coexist_model::{BootIdentity, Bucket, FailureState, FaultKind, MachineSign, StepFailure, failing};

use crate::arm::ArmRun;
use crate::boot::no_machine;
use crate::silence::times;
use crate::stop::Stop;

/// A machine that restarts tells so at once; on a busy host its word may come this much later than the guest's.
const LATE_SIGN: Duration = Duration::from_secs(5);
/// A guest that came back from a failed boot is watched this long, whether it goes on failing: a driver that stops one
/// boot as it starts stops the next one soon. No longer on a slow host: this is paid by every ordinary stop.
const GOES_ON: Duration = Duration::from_secs(3);
/// One that came back after boots that had answered and failed is watched until it is as old as these became, up to this.
const AS_OLD: Duration = Duration::from_secs(60);

impl ArmRun<'_> {
    /// The guest is there: how its boots until now failed, if they did.
    pub(crate) async fn arrived(
        &mut self,
        guest: Box<dyn Guest>,
        identity: BootIdentity,
        asked: usize,
    ) -> Result<Option<StepFailure>, Stop> {
        let before = self.identity.replace(identity);
        if before.is_none() {
            let text = self.identity.as_ref().and_then(|identity| identity.start_time.as_deref());
            self.guest_began = text.and_then(|text| text.parse().ok());
        }
        let record = match &before {
            Some(before) => Some(guest.boot_record(Some(before)).await),
            None => None,
        };
        self.guest = Some(guest);
        if before.is_some() {
            self.is_the_same_machine().await?;
        }
        self.sign(MachineSign::Answered);
        let glance = self.glance();
        if glance.crashes > 0 {
            let message = format!("the guest stopped {} and came back", times(glance.crashes));
            return Ok(Some(failure(FailureState::Bugcheck, message, None)));
        }
        let record = match record {
            None => BootRecord::default(),
            Some(Ok(record)) => record,
            Some(Err(error)) => {
                if glance.edges <= asked {
                    // The restart was the one that was asked for: what broke is the question, and nothing before it.
                    self.judged = self.told;
                }
                return Err(error.into());
            }
        };
        let failed = self.by_record(&record, glance.edges.saturating_sub(asked), asked);
        if failed.is_none() {
            // What was looked at is judged here, and nothing that came after.
            self.judged = self.told;
        }
        Ok(failed)
    }

    /// What the guest's own log says of a guest that came without a sign of a stop, after this many restarts more than it
    /// was asked for.
    fn by_record(&self, record: &BootRecord, unasked: usize, asked: usize) -> Option<StepFailure> {
        if let Some([code, ..]) = record.unexpected.iter().rev().find_map(|end| end.stop) {
            let message = format!("the guest's own log tells of a stop with {code}, and the guest came back");
            return Some(failure(FailureState::Bugcheck, message, None));
        }
        match (record.unexpected.is_empty(), unasked, asked) {
            (true, 0, _) => None,
            // Servicing of Windows restarts more than once, in order each time.
            (true, more, 1..) => {
                self.note(format!("the guest restarted {} more than it was asked to, in order each time", times(more)));
                None
            }
            (true, more, 0) => Some(failure(
                FailureState::UnexpectedRestart,
                format!("the guest restarted {} in order, although nobody asked it to", times(more)),
                Some("restart|in-order"),
            )),
            (false, ..) => Some(failure(
                FailureState::UnexpectedRestart,
                "a boot of the guest ended out of order, without a word of why".to_owned(),
                Some("restart|out-of-order"),
            )),
        }
    }

    /// Whether a guest that came back from failed boots stays.
    pub(crate) async fn stays(&mut self) -> bool {
        let Some(machine) = &self.machine else { return true };
        let journal = machine.journal();
        let failed = failing(&journal.since(0));
        let clock = self.scene.ports.clock.clone();
        let watched = GOES_ON + failed.longest_life.min(AS_OLD);
        tokio::select! {
            biased;
            () = journal.more_than(self.told) => false,
            () = clock.sleep(watched) => true,
        }
    }

    /// A guest is in another boot only after its machine restarted. Where it did not, somebody else answers: another
    /// machine has got the forwarded port.
    async fn is_the_same_machine(&mut self) -> Result<(), Stop> {
        let Some(machine) = &self.machine else { return Err(no_machine()) };
        let (journal, endpoint) = (machine.journal(), machine.endpoint());
        let clock = self.scene.ports.clock.clone();
        let late = clock.sleep(self.paced(LATE_SIGN));
        tokio::pin!(late);
        loop {
            let glance = self.glance();
            if glance.edges > 0 || glance.crashes > 0 || glance.fault.is_some() {
                return Ok(());
            }
            tokio::select! {
                () = journal.more_than(self.told) => {}
                () = &mut late => break,
            }
        }
        let message = format!(
            "a guest in another boot answers at {endpoint}, but the machine did not restart: another machine answers there \
             (see who else forwards that port), or the guest's log of its boots was changed under it"
        );
        Err(Stop::fault(FaultKind::WrongMachine, message))
    }
}

fn failure(state: FailureState, message: String, bucket: Option<&str>) -> StepFailure {
    StepFailure { state, message, bucket: bucket.map(|it| Bucket(it.to_owned())), crash: None }
}
