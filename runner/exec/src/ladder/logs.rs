//! Event logs and installers' logs of a guest that answers.

use std::time::Duration;

use coexist_lab::{GuestError, RemoteFile};
use coexist_model::{Action, EvidenceKind, FaultKind, Rung};

use super::incoming::Form;
use super::needs::{Need, needs};
use super::sftp::or_missed;
use super::transfer::{Missed, REOPEN};
use super::{Lacks, Ladder};
use crate::stop::Stop;

/// Largest event log or installer's log. Windows lets an event log grow to 20 MiB unless told otherwise.
const LOG_LIMIT: u64 = 32 << 20;

impl Ladder<'_, '_> {
    /// The logs that a failure of this state needs and that are not safe yet.
    pub(super) async fn logs_of_the_guest(&mut self, rung: Rung, lacks: &mut Lacks) -> Result<(), String> {
        for (channel, need) in [("System", Need::SystemLog), ("Application", Need::ApplicationLog)] {
            if self.is_missing(need) {
                let logged = or_missed(self.log(channel, rung).await, lacks)?;
                self.safe.extend(logged.map(|()| need));
            }
        }
        if self.is_missing(Need::SetupLog) {
            let logged = or_missed(self.setup_log(rung).await, lacks)?;
            self.safe.extend(logged.map(|()| Need::SetupLog));
        }
        Ok(())
    }

    /// Whether something is needed and not safe.
    pub(super) fn is_missing(&self, need: Need) -> bool {
        needs(self.state).contains(&need) && !self.safe.contains(&need)
    }

    /// An event log.
    async fn log(&mut self, channel: &str, rung: Rung) -> Result<(), Missed> {
        let log = self.exported(channel).await?;
        let name = format!("{}.evtx", channel.to_lowercase());
        if log.size > LOG_LIMIT {
            return Err(Missed::File(format!("the {channel} log has {} bytes", log.size)));
        }
        self.take_as(&log, &name, rung).await
    }

    async fn exported(&mut self, channel: &str) -> Result<RemoteFile, Missed> {
        let missed = |error: GuestError| Missed::File(format!("the {channel} log: {error}"));
        let why = match self.arm.guest.as_deref() {
            None => return Err(Missed::Guest("there is no session".to_owned())),
            Some(guest) => match guest.export_log(channel).await {
                Ok(log) => return Ok(log),
                Err(error @ GuestError::Lost { .. }) => error.to_string(),
                Err(error) => return Err(missed(error)),
            },
        };
        let gone = || Missed::Guest(format!("{why}, and the guest did not answer again"));
        self.reopen(REOPEN).await.ok_or_else(gone)?;
        self.arm.guest.as_deref().ok_or_else(gone)?.export_log(channel).await.map_err(missed)
    }

    /// The log of the step's installer, where it writes one.
    async fn setup_log(&mut self, rung: Rung) -> Result<(), Missed> {
        let Some(step) = self.step else { return Ok(()) };
        let Action::Install(install) = &step.action else { return Ok(()) };
        let Some(path) = self.arm.guest.as_deref().and_then(|guest| guest.setup_log(install)) else {
            return Ok(());
        };
        let name = format!("{}.log", step.id);
        self.take_unlisted(path, EvidenceKind::SetupLog, &name, LOG_LIMIT, rung).await
    }

    /// The System log alone, as the last step of an arm that is well: a session that breaks then is explained first.
    pub(super) async fn records(&mut self, deadline: Duration) -> Result<(), Stop> {
        let clock = self.arm.scene.ports.clock.clone();
        let fetched = tokio::select! {
            fetched = self.system_log() => fetched,
            () = clock.sleep(deadline) => {
                let message = format!("the event log was not there within {} s", deadline.as_secs());
                Err(Stop::fault(FaultKind::Deadline, message))
            }
        };
        self.store.drop_partial();
        fetched
    }

    async fn system_log(&mut self) -> Result<(), Stop> {
        let log = self.arm.guest()?.export_log("System").await?;
        let file = self.free_name("system.evtx");
        let path = self.store.path(&file);
        let host = |error: std::io::Error| crate::arm::host_file(&path, &error);
        let mut incoming = self.store.begin(&file, Form::Plain).map_err(host)?;
        self.arm.guest()?.fetch(&log.path, 0, log.size.min(LOG_LIMIT), &mut incoming).await?;
        let written = incoming.written();
        let part = incoming.finish().map_err(host)?;
        self.keep(&part, file.clone(), EvidenceKind::EventLog, Rung::Sftp).await.map_err(host)?;
        if written < log.size {
            self.arm.note(format!("the System log has {} bytes, {written} of them were fetched", log.size));
        }
        Ok(())
    }
}
