//! The world's guests, seen from inside.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coexist_lab::{BootRecord, Guest, GuestError, InstallReport, Reading, RemoteFile, Whose};
use coexist_model::{Apply, BootIdentity, Edition, EvidenceKind, Exercise, Install, Probe, WindowsFacts};

use crate::script::Blow;
use crate::world::{Inside, Part, State, asked_reset};

/// A session with a scripted guest during one boot.
pub(crate) struct ScriptedGuest {
    pub(crate) inside: Arc<Inside>,
    pub(crate) boot: u32,
}

impl ScriptedGuest {
    fn alive(&self, during: &str) -> Result<(), GuestError> {
        if self.inside.state() == (State::Up, self.boot) {
            return Ok(());
        }
        Err(lost(during))
    }
}

impl ScriptedGuest {
    async fn record_breaks(&self) -> Result<(), GuestError> {
        let script = &self.inside.script;
        {
            let mut left = self.inside.records_break.lock().unwrap();
            if *left == 0 || !*self.inside.candidate.lock().unwrap() {
                return Ok(());
            }
            *left -= 1;
            if *left + 1 < script.records_break {
                return Err(self.broken_record());
            }
        }
        if let Some(blow) = script.at_record {
            self.inside.strike(blow).await;
        }
        Err(self.broken_record())
    }

    fn broken_record(&self) -> GuestError {
        if !self.inside.script.records_odd {
            return lost("boot record");
        }
        GuestError::Disagrees {
            during: "boot record".to_owned(),
            expected: "a log".to_owned(),
            found: "nothing".to_owned(),
        }
    }
}

fn never_ended(order: &Install) -> GuestError {
    GuestError::TimedOut { during: "install".to_owned(), after: order.deadline.to_duration(), of: Whose::Product }
}

fn lost(during: &str) -> GuestError {
    GuestError::Lost { during: during.to_owned(), detail: "reset by peer".to_owned(), transfer: false }
}

fn good() -> Result<Reading, GuestError> {
    Ok(Reading { holds: true, found: "as it must be".to_owned(), exit_code: None })
}

#[async_trait]
impl Guest for ScriptedGuest {
    async fn identify(&self) -> Result<WindowsFacts, GuestError> {
        self.alive("identify")?;
        Ok(WindowsFacts { build: 26100, edition: Edition::Client })
    }
    async fn boot_identity(&self) -> Result<BootIdentity, GuestError> {
        if self.inside.state() == (State::Contained, self.boot) {
            let found = "it starts no command".to_owned();
            return Err(GuestError::Refused { during: "boot identity".to_owned(), found });
        }
        self.alive("boot identity")?;
        let off = jiff::SignedDuration::from_hours(self.inside.script.clock_off);
        let start_time = (!off.is_zero()).then(|| (jiff::Timestamp::UNIX_EPOCH + off).to_string());
        Ok(BootIdentity { boot_id: self.boot, start_time })
    }
    async fn boot_record(&self, since: Option<&BootIdentity>) -> Result<BootRecord, GuestError> {
        self.alive("boot record")?;
        self.record_breaks().await?;
        let begun = self.boot - since.map_or(0, |since| since.boot_id);
        let mut unexpected = std::mem::take(&mut *self.inside.ends.lock().unwrap());
        if self.boot > 1 {
            unexpected.extend(self.inside.script.log.clone());
        }
        let unlogged = std::mem::take(&mut *self.inside.unlogged.lock().unwrap());
        Ok(BootRecord { boots: begun - unlogged, unexpected })
    }
    async fn restart(&self) -> Result<(), GuestError> {
        self.alive("restart")?;
        if let Some(blow) = self.inside.script.no_restart.filter(|_| *self.inside.candidate.lock().unwrap()) {
            self.inside.strike(blow).await;
            return Ok(());
        }
        self.inside.sign(asked_reset());
        self.inside.begin_boot();
        Ok(())
    }
    fn setup_log(&self, _order: &Install) -> Option<String> {
        Some("/C:/coexist/acme.log".to_owned())
    }
    async fn install(&self, order: &Install, _file: &Path) -> Result<InstallReport, GuestError> {
        self.alive("install")?;
        *self.inside.candidate.lock().unwrap() |= order.version == "2";
        if let Some(blow) = self.inside.script.dwell.filter(|_| order.version == "2") {
            // Falls a while after the last installation, when the arm is quiet.
            let (inside, boot) = (self.inside.clone(), self.boot);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                if inside.state() == (State::Up, boot) {
                    inside.strike(blow).await;
                }
            });
        }
        let blow = self.inside.script.candidate.filter(|_| order.version == "2");
        let report =
            |code| InstallReport { exit_code: Some(code), then_failed: None, output: String::new(), log: None };
        match blow {
            None => Ok(report(0)),
            Some(Blow::Busy(_)) => {
                let mut busy = self.inside.busy.lock().unwrap();
                if *busy == 0 {
                    return Ok(report(0));
                }
                *busy -= 1;
                Ok(report(1618))
            }
            Some(Blow::Code(code)) => {
                let inside = self.inside.clone();
                tokio::spawn(async move { inside.strike(Blow::Code(code)).await });
                Ok(report(code))
            }
            Some(Blow::CodeAndRestart(code)) => {
                self.inside.strike(Blow::Restart).await;
                Ok(report(code))
            }
            Some(Blow::RestartInTransfer) => {
                self.inside.strike(Blow::Restart).await;
                Err(GuestError::Lost {
                    during: "sending the package".to_owned(),
                    detail: "reset by peer".to_owned(),
                    transfer: true,
                })
            }
            Some(Blow::CutTransfer) => Err(GuestError::Lost {
                during: "sending the package".to_owned(),
                detail: "reset by peer".to_owned(),
                transfer: true,
            }),
            Some(Blow::RestartUnnoticed) => {
                self.inside.strike(Blow::RestartUnnoticed).await;
                tokio::time::sleep(order.deadline.to_duration()).await;
                Err(never_ended(order))
            }
            Some(blow @ (Blow::ShortWrite | Blow::ShortWriteInCrash)) => {
                self.inside.strike(blow).await;
                Err(GuestError::ShortWrite { file: "acme.msi".to_owned(), written: 1_000, found: 512 })
            }
            Some(Blow::GuestFull) => Err(GuestError::DiskFull { what: "acme.msi".to_owned() }),
            Some(Blow::Contain) => {
                Err(GuestError::Refused { during: "install".to_owned(), found: "it starts no command".to_owned() })
            }
            Some(Blow::Never) => Err(never_ended(order)),
            Some(blow) => {
                self.inside.strike(blow).await;
                Err(lost("install"))
            }
        }
    }
    async fn then(&self, _order: &Install) -> Result<Option<String>, GuestError> {
        self.alive("then")?;
        Ok(None)
    }
    async fn apply(&self, _change: &Apply, _deadline: Duration) -> Result<Reading, GuestError> {
        self.alive("apply")?;
        *self.inside.settings.lock().unwrap() = !self.inside.script.stubborn;
        good()
    }
    async fn look(&self, probe: &Probe, deadline: Duration) -> Result<Reading, GuestError> {
        self.alive("look")?;
        let holds = match probe {
            Probe::Registry { .. } => *self.inside.settings.lock().unwrap(),
            Probe::Service { .. } => !self.inside.script.sick && self.inside.has(Part::Service),
            Probe::Filter { .. } if self.inside.script.slow => {
                tokio::time::sleep(deadline).await;
                let count = {
                    let mut looks = self.inside.slow_looks.lock().unwrap();
                    *looks += 1;
                    *looks
                };
                if count == self.inside.script.hangs_after_slow {
                    self.inside.later(State::Still);
                }
                return Err(GuestError::TimedOut { during: "fltmc".to_owned(), after: deadline, of: Whose::Lab });
            }
            Probe::Filter { .. } if self.inside.script.odd => {
                return Err(GuestError::Disagrees {
                    during: "fltmc".to_owned(),
                    expected: "a table".to_owned(),
                    found: "nothing".to_owned(),
                });
            }
            Probe::Filter { .. } => self.inside.has(Part::Filter),
            _ => true,
        };
        Ok(Reading { holds, found: if holds { "yes" } else { "no" }.to_owned(), exit_code: None })
    }
    async fn exercise(&self, _work: &Exercise, _deadline: Duration) -> Result<Reading, GuestError> {
        self.alive("exercise")?;
        if self.inside.script.feeble {
            return Ok(Reading { holds: false, found: "access is denied".to_owned(), exit_code: Some(5) });
        }
        good()
    }
    async fn evidence_files(&self) -> Result<Vec<RemoteFile>, GuestError> {
        self.alive("evidence files")?;
        let (dumps, candidate) = (*self.inside.dumps.lock().unwrap(), *self.inside.candidate.lock().unwrap());
        let loot = &self.inside.script.loot;
        let mut files = loot.files(dumps, candidate);
        let mut looks = self.inside.looks.lock().unwrap();
        *looks += u32::from(dumps > 0);
        files.extend(loot.late.iter().filter(|(from, _)| *looks >= *from).map(|(_, item)| item.clone()));
        Ok(files.into_iter().map(|item| item.file).collect())
    }
    async fn fetch(&self, remote: &str, from: u64, limit: u64, to: &mut (dyn Write + Send)) -> Result<u64, GuestError> {
        self.alive("fetch")?;
        let loot = &self.inside.script.loot;
        if loot.drips {
            std::future::pending::<()>().await;
        }
        let content = loot.content(remote);
        let end = content.len().min(usize::try_from(limit).unwrap());
        let rest = content.get(usize::try_from(from).unwrap()..end).unwrap_or_default();
        let mut cuts = self.inside.cuts.lock().unwrap();
        if *cuts > 0 {
            *cuts -= 1;
            to.write_all(&rest[..rest.len() / 2]).unwrap();
            if loot.gone_when_cut {
                self.inside.set(State::Silent);
            }
            let (during, detail) = (format!("fetching {remote}"), "reset by peer".to_owned());
            return Err(GuestError::Lost { during, detail, transfer: true });
        }
        to.write_all(rest).unwrap();
        Ok(rest.len() as u64)
    }
    async fn export_log(&self, channel: &str) -> Result<RemoteFile, GuestError> {
        self.alive("event log")?;
        let path = format!("/C:/coexist/logs/{channel}.evtx");
        let size = self.inside.script.loot.content(&path).len() as u64;
        Ok(RemoteFile { path, kind: EvidenceKind::EventLog, size, modified: 0, live: false })
    }
}
