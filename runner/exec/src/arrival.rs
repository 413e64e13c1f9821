//! A guest that came back: whether it came as it was asked to, and whether it stays.

use std::time::Duration;

use coexist_lab::{BootRecord, Guest, GuestError};
use coexist_model::{BootIdentity, Bucket, FailureState, FaultKind, MachineEvent, MachineSign, StepFailure, failing};

use crate::arm::ArmRun;
use crate::boot::no_machine;
use crate::signs::Glance;
use crate::silence::{LOOP, a_loop, times};
use crate::stop::Stop;

/// A machine that restarts tells so at once; on a busy host its word may come this much later than the guest's.
const LATE_SIGN: Duration = Duration::from_secs(5);
/// A guest that came back from a failed boot is watched this long, whether it goes on failing: a driver that stops one
/// boot as it starts stops the next one soon. No longer on a slow host: this is paid by every ordinary stop.
const GOES_ON: Duration = Duration::from_secs(3);
/// One that came back after boots that had answered and failed is watched until it is as old as these became, up to this.
const AS_OLD: Duration = Duration::from_secs(60);

/// A guest that came.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// How its boots until now failed, if they did.
    Judged(Option<StepFailure>),
    /// It runs this boot, and did not tell of those before.
    Untold(BootIdentity, GuestError),
}

impl ArmRun<'_> {
    /// The guest is there.
    pub(crate) async fn arrived(
        &mut self,
        guest: Box<dyn Guest>,
        identity: BootIdentity,
        asked: usize,
    ) -> Result<Arrived, Stop> {
        let before = self.identity.clone();
        if before.is_none() {
            self.guest_began = identity.start_time.as_deref().and_then(|text| text.parse().ok());
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
            self.identity = Some(identity);
            return Ok(Arrived::Judged(Some(failure(FailureState::Bugcheck, message, None))));
        }
        let record = match record {
            None => BootRecord::default(),
            Some(Ok(record)) => record,
            Some(Err(error)) => return Ok(Arrived::Untold(identity, error)),
        };
        self.identity = Some(identity);
        let failed = self.by_record(&record, &glance, asked);
        if failed.is_none() {
            // What was looked at is judged here, and nothing that came after.
            self.judged = self.told;
        }
        Ok(Arrived::Judged(failed))
    }

    /// The guest is there in this boot, and what its log says of those before cannot be had.
    pub(crate) fn arrived_untold(
        &mut self,
        identity: BootIdentity,
        error: GuestError,
        asked: usize,
    ) -> Result<Option<StepFailure>, Stop> {
        self.identity = Some(identity);
        let glance = self.glance();
        if glance.edges <= asked && glance.crashes == 0 {
            // The restart was the one that was asked for: what broke is the question, and nothing before it.
            self.judged = self.told;
            return Err(error.into());
        }
        let why = format!("its own log does not tell why: {error}");
        if glance.crashes > 0 {
            let message = format!("the guest stopped {}", times(glance.crashes));
            return Ok(Some(failure(FailureState::Bugcheck, message, None)));
        }
        if glance.failing.boots >= LOOP {
            let a_loop = a_loop(glance.failing);
            return Ok(Some(StepFailure { message: format!("{}; {why}", a_loop.message), ..a_loop }));
        }
        let more = times(glance.edges.saturating_sub(asked));
        let message = format!("the guest restarted {more}, which nobody asked it to, and {why}");
        Ok(Some(failure(FailureState::UnexpectedRestart, message, None)))
    }

    /// What the guest's own log says of a guest that came without a sign of a stop.
    fn by_record(&mut self, record: &BootRecord, glance: &Glance, asked: usize) -> Option<StepFailure> {
        let known = usize::try_from(record.boots).unwrap_or(usize::MAX);
        // A boot of which the log knows nothing ended before it could be in order.
        let in_order = record.unexpected.is_empty() && known >= glance.edges;
        if glance.failing.boots >= LOOP && !in_order {
            let a_loop = a_loop(glance.failing);
            let message = format!("{}; then it came back, and its own log {}", a_loop.message, told_by(record));
            let bucket = a_loop.bucket.filter(|_| record.unexpected.iter().all(|end| end.stop.is_none()));
            return Some(StepFailure { message, bucket, ..a_loop });
        }
        if let Some([code, ..]) = record.unexpected.iter().rev().find_map(|end| end.stop) {
            let message = format!("the guest's own log tells of a stop with {code}, and the guest came back");
            return Some(failure(FailureState::Bugcheck, message, None));
        }
        match (record.unexpected.is_empty(), glance.edges.saturating_sub(asked), asked) {
            (true, 0, _) => None,
            // Servicing of Windows restarts more than once, in order each time.
            (true, more, 1..) => {
                let how =
                    if in_order { "in order each time".to_owned() } else { format!("its log {}", told_by(record)) };
                if in_order {
                    self.allowed_restarts += more;
                    // These boots are in no row with any that fails from now on.
                    let reset = |sign: &MachineEvent| matches!(sign.what, MachineSign::Reset { .. });
                    self.row_from = self.signs().iter().take(self.told).rposition(reset).unwrap_or(self.row_from);
                }
                self.note(format!("the guest restarted {} more than it was asked to, {how}", times(more)));
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
        let failed = failing(&journal.since(self.row_from));
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

/// What a log tells of boots, to follow its name.
fn told_by(record: &BootRecord) -> String {
    let stop = match record.unexpected.iter().rev().find_map(|end| end.stop) {
        Some([code, ..]) => format!(", the last stop with {code}"),
        None => String::new(),
    };
    let boots = if record.boots == 1 { "1 boot".to_owned() } else { format!("{} boots", record.boots) };
    format!("knows of {boots}, and of {} that ended out of order{stop}", record.unexpected.len())
}

fn failure(state: FailureState, message: String, bucket: Option<&str>) -> StepFailure {
    StepFailure { state, message, bucket: bucket.map(|it| Bucket(it.to_owned())), crash: None }
}
