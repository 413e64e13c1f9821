//! The guest's own files, while it answers: its dumps first, because a guest that crashed may do so again any moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use coexist_lab::{GuestError, RemoteFile};
use coexist_model::{Action, EvidenceKind, FailureState, FaultKind, Rung};

use super::crashes::{self, READ_LIMIT, Reading};
use super::incoming::Form;
use super::known::{file_name, host_name, inner_path, most_of};
use super::needs::{Need, needs};
use super::nmi::Ours;
use super::transfer::{Missed, REOPEN};
use super::{Climbed, Ladder, programs};
use crate::stop::Stop;

/// A guest that came back from a crash makes a file of its dump some time after it answers.
const DUMP_WAIT: Duration = Duration::from_secs(45);
/// Between two looks for that file.
const DUMP_LOOK: Duration = Duration::from_secs(1);
/// Largest event log or installer's log.
const LOG_LIMIT: u64 = 32 << 20;
/// Largest driver file.
const DRIVER_LIMIT: u64 = 64 << 20;
/// Where drivers lie, for SFTP.
const DRIVERS: &str = "/C:/Windows/System32/drivers/";

impl Ladder<'_, '_> {
    pub(super) async fn sftp(&mut self) -> Climbed {
        if self.arm.guest.is_none() {
            return Climbed::nothing(absent(self.state));
        }
        let mut lacks = Vec::new();
        match self.guest_files(&mut lacks).await {
            Ok(()) => {}
            Err(why) => lacks.push(why),
        }
        Climbed::lacking(lacks)
    }

    /// Everything that the guest can give, what matters most first. An error when it gives no more.
    async fn guest_files(&mut self, lacks: &mut Vec<String>) -> Result<(), String> {
        let files = self.new_files(self.state == FailureState::Bugcheck).await?;
        let (small, large) = chosen(files, lacks);
        self.dumps(&small, Rung::Sftp, lacks).await?;
        for (channel, need) in [("System", Need::SystemLog), ("Application", Need::ApplicationLog)] {
            if needs(self.state).contains(&need) {
                let logged = or_missed(self.log(channel, Rung::Sftp).await, lacks)?;
                self.safe.extend(logged.map(|()| need));
            }
        }
        if needs(self.state).contains(&Need::SetupLog) {
            let logged = or_missed(self.setup_log().await, lacks)?;
            self.safe.extend(logged.map(|()| Need::SetupLog));
        }
        for file in small.iter().filter(|file| file.kind != EvidenceKind::KernelDump || file.live) {
            self.take(file, lacks).await?;
        }
        self.driver(lacks).await?;
        for file in &large {
            self.take(file, lacks).await?;
        }
        let files: Vec<_> = small.iter().chain(&large).collect();
        if files.iter().all(|file| self.store.has(&file.path, file.size)) {
            self.safe.insert(Need::NewFiles);
        }
        if needs(self.state).contains(&Need::Dump) && !self.safe.contains(&Need::Dump) {
            lacks.extend(self.dumps_prove_nothing(&files));
        }
        Ok(())
    }

    /// Why the guest's dumps do not do, unless it was told of each that it could not be fetched.
    fn dumps_prove_nothing(&self, files: &[&RemoteFile]) -> Option<String> {
        let mut dumps = files.iter().filter(|file| file.kind == EvidenceKind::KernelDump && !file.live).peekable();
        if dumps.peek().is_none() {
            let told = if self.no_dump_comes() { ", and told that it wrote none" } else { "" };
            return Some(format!("the guest holds no dump of this crash{told}"));
        }
        let fetched = dumps.any(|file| self.store.has(&file.path, file.size));
        fetched.then(|| self.no_dump("the guest's dumps are not of this crash"))
    }

    /// Kernel dumps of a size that can be read.
    pub(super) async fn dumps(
        &mut self,
        files: &[RemoteFile],
        rung: Rung,
        lacks: &mut Vec<String>,
    ) -> Result<(), String> {
        for file in files.iter().filter(|file| file.kind == EvidenceKind::KernelDump && !file.live) {
            let small = inner_path(&file.path).contains("/minidump/");
            let name = if small { "minidump-1.dmp".to_owned() } else { host_name(&file.path) };
            or_missed(self.take_as(file, &name, rung).await, lacks)?;
        }
        Ok(())
    }

    /// Fetches one file under its own name.
    async fn take(&mut self, file: &RemoteFile, lacks: &mut Vec<String>) -> Result<(), String> {
        or_missed(self.take_as(file, &host_name(&file.path), Rung::Sftp).await, lacks)?;
        Ok(())
    }

    async fn take_as(&mut self, file: &RemoteFile, name: &str, rung: Rung) -> Result<(), Missed> {
        if self.store.has(&file.path, file.size) {
            return Ok(());
        }
        let form = Form::of(file.kind, file.size);
        let name = self.free_name(&form.name(name));
        let (part, whole) = self.fetch(file, &name, form).await?;
        let path = self.store.path(&name);
        let host = |error: std::io::Error| Missed::File(format!("{name}: {error}"));
        self.keep(&part, name.clone(), file.kind, rung).await.map_err(host)?;
        self.learn_of(file.kind, file.live, &file.path, &path, whole, &[]).map_err(host)?;
        if !whole {
            return Err(Missed::File(format!("{} was shorter than the guest said", file.path)));
        }
        self.store.remember(&file.path, file.size);
        Ok(())
    }

    /// What a file says that is safe.
    ///
    /// # Errors
    /// When the host refuses it.
    pub(super) fn learn_of(
        &mut self,
        kind: EvidenceKind,
        live: bool,
        guest_path: &str,
        file: &Path,
        whole: bool,
        notes: &[String],
    ) -> std::io::Result<()> {
        match kind {
            EvidenceKind::KernelDump if !live => self.learn(guest_path, file, whole, notes)?,
            EvidenceKind::UserDump => self.programs.push(programs::program_words(guest_path, file)),
            EvidenceKind::Driver => {
                self.drivers.extend(programs::driver_facts(file).map(|facts| (guest_path.to_owned(), facts)));
            }
            _ => {}
        }
        Ok(())
    }

    /// What a dump says, if it is of this arm at all.
    fn learn(&mut self, name: &str, file: &Path, whole: bool, notes: &[String]) -> std::io::Result<()> {
        match crashes::read(file, whole, &self.owners(), self.arm.earliest())? {
            Reading::Found(mut found) => {
                found.crash.notes.extend_from_slice(notes);
                let ours = self.ours(&found.crash);
                if found.whole && crashes::can_be_of(&found.crash, self.told) && ours != Some(Ours::BootAfterIt) {
                    self.safe.insert(Need::Dump);
                }
                match ours {
                    Some(ours) => self.arm.note(format!("{name} {}", ours.words())),
                    None => self.crashes.push(*found),
                }
            }
            Reading::Old => self.arm.note(format!("{name} is of an older crash and proves nothing here")),
            Reading::Unreadable(error) => self.arm.note(format!("{name} cannot be read as a kernel dump: {error}")),
        }
        Ok(())
    }

    /// Why there is no whole dump so far.
    pub(super) fn no_dump(&self, none: &str) -> String {
        if self.crashes.is_empty() { none } else { "the dump of this crash is cut off" }.to_owned()
    }

    /// The files that were not there before. After a crash they are waited for: until there is a dump and the list stands
    /// still.
    pub(super) async fn new_files(&mut self, wait: bool) -> Result<Vec<RemoteFile>, String> {
        let clock = self.arm.scene.ports.clock.clone();
        let (begun, patience) = (clock.elapsed(), self.arm.paced(DUMP_WAIT));
        let wait = wait && !self.no_dump_comes();
        let mut last = None;
        loop {
            let mut files = self.listed().await?;
            files.retain(|file| !self.arm.files_before.contains(&file_name(file)));
            files.sort_by_key(|file| (file.modified, file.path.clone()));
            let names: Vec<_> = files.iter().map(file_name).collect();
            let a_dump = files.iter().any(|file| file.kind == EvidenceKind::KernelDump && !file.live);
            let settled = a_dump && last.as_ref() == Some(&names);
            if settled || !wait || clock.elapsed().saturating_sub(begun) >= patience {
                return Ok(files);
            }
            last = Some(names);
            clock.sleep(DUMP_LOOK).await;
        }
    }

    /// The guest's list, by another session where this one breaks.
    async fn listed(&mut self) -> Result<Vec<RemoteFile>, String> {
        let why = match self.arm.guest.as_deref() {
            None => "there is no session".to_owned(),
            Some(guest) => match guest.evidence_files().await {
                Ok(files) => return Ok(files),
                Err(error) => error.to_string(),
            },
        };
        if self.reopen(REOPEN).await.is_some()
            && let Some(guest) = self.arm.guest.as_deref()
        {
            return guest.evidence_files().await.map_err(|error| error.to_string());
        }
        Err(why)
    }

    /// An event log.
    pub(super) async fn log(&mut self, channel: &str, rung: Rung) -> Result<(), Missed> {
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
    async fn setup_log(&mut self) -> Result<(), Missed> {
        let Some(step) = self.step else { return Ok(()) };
        let Action::Install(install) = &step.action else { return Ok(()) };
        let Some(path) = self.arm.guest.as_deref().and_then(|guest| guest.setup_log(install)) else {
            return Ok(());
        };
        let name = format!("{}.log", step.id);
        self.take_unlisted(path, EvidenceKind::SetupLog, &name, LOG_LIMIT).await
    }

    /// The file of the driver that is blamed: it tells company, version and signer.
    async fn driver(&mut self, lacks: &mut Vec<String>) -> Result<(), String> {
        let Some(module) = self.blamed() else { return Ok(()) };
        let path = format!("{DRIVERS}{module}");
        or_missed(self.take_unlisted(path, EvidenceKind::Driver, &module, DRIVER_LIMIT).await, lacks)?;
        Ok(())
    }

    /// The driver that is blamed most so far, by a name that can be a file's.
    pub(super) fn blamed(&self) -> Option<String> {
        let module = crashes::of_this_crash(&self.crashes)?.blame.module.as_ref()?;
        (host_name(module) == *module).then(|| module.clone())
    }

    /// A file of which the guest has not told the size.
    async fn take_unlisted(&mut self, path: String, kind: EvidenceKind, name: &str, limit: u64) -> Result<(), Missed> {
        let limit = limit.min(self.store.left());
        let file = self.free_name(name);
        let remote = RemoteFile { path, kind, size: limit, modified: 0, live: false };
        // Shorter than the limit is what is hoped for.
        let (part, _) = self.fetch(&remote, &file, Form::Plain).await?;
        let size = std::fs::metadata(&part).map(|it| it.len()).unwrap_or_default();
        let host = |error: std::io::Error| Missed::File(format!("{file}: {error}"));
        self.keep(&part, file.clone(), kind, Rung::Sftp).await.map_err(host)?;
        self.learn_of(kind, false, &remote.path, &self.store.path(&file), true, &[]).map_err(host)?;
        self.store.remember(&remote.path, size);
        Ok(())
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
        let part = incoming.finish().map_err(host)?;
        self.keep(&part, file.clone(), EvidenceKind::EventLog, Rung::Sftp).await.map_err(host)
    }
}

/// A file that is missed is told; a guest that gives no more ends the rung.
pub(super) fn or_missed<T>(done: Result<T, Missed>, lacks: &mut Vec<String>) -> Result<Option<T>, String> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Missed::File(why)) => {
            lacks.push(why);
            Ok(None)
        }
        Err(Missed::Guest(why)) => Err(why),
    }
}

/// The newest files of each kind: those that are fetched and read first, and those that are too large to be read.
fn chosen(files: Vec<RemoteFile>, lacks: &mut Vec<String>) -> (Vec<RemoteFile>, Vec<RemoteFile>) {
    let mut counts: BTreeMap<(EvidenceKind, bool), usize> = BTreeMap::new();
    // Newest first; then oldest first again, as they came.
    let mut chosen: Vec<_> = files
        .into_iter()
        .rev()
        .filter(|file| {
            let count = counts.entry((file.kind, file.live)).or_default();
            *count += 1;
            *count <= most_of(file.kind)
        })
        .collect();
    chosen.reverse();
    for ((kind, _), count) in counts.into_iter().filter(|((kind, _), count)| *count > most_of(*kind)) {
        lacks.push(format!("only the newest {} of {count} files of a kind were fetched", most_of(kind)));
    }
    chosen.into_iter().partition(|file| file.size <= READ_LIMIT)
}

/// Why there is no session, by what is known of the guest.
fn absent(state: FailureState) -> &'static str {
    match state {
        FailureState::Bugcheck | FailureState::UnexpectedRestart => "the guest did not come back",
        FailureState::Loop => "the guest never settled",
        FailureState::Recovery => "the guest shows its recovery screen",
        FailureState::Hang
        | FailureState::Unreachable
        | FailureState::Install
        | FailureState::InstallTimeout
        | FailureState::Unhealthy
        | FailureState::Exercise => "the guest does not answer",
    }
}
