//! The guest's own files, while it answers: its dumps first, because a guest that crashed may do so again any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coexist_lab::RemoteFile;
use coexist_model::{EvidenceKind, FailureState, Rung};

use super::crashes::READ_LIMIT;
use super::incoming::Form;
use super::known::{FileName, file_name, host_name, inner_path, most_of};
use super::learn::{Safe, Sought};
use super::needs::Need;
use super::transfer::{Missed, REOPEN};
use super::{Climbed, Lacks, Ladder};

/// A guest that came back from a crash makes a file of its dump some time after it answers.
const DUMP_WAIT: Duration = Duration::from_secs(45);
/// Between two looks for that file.
const DUMP_LOOK: Duration = Duration::from_secs(1);
/// Largest driver file.
const DRIVER_LIMIT: u64 = 64 << 20;
/// Where drivers lie, for SFTP.
const DRIVERS: &str = "/C:/Windows/System32/drivers/";

impl Ladder<'_, '_> {
    pub(super) async fn sftp(&mut self) -> Climbed {
        if self.arm.guest.is_none() {
            return Climbed::nothing(absent(self.state));
        }
        let mut lacks = Lacks::default();
        if let Err(why) = self.guest_files(Rung::Sftp, self.state == FailureState::Bugcheck, &mut lacks).await {
            lacks.failed(why);
        }
        Climbed::lacking(lacks)
    }

    /// Everything that the guest can give, what matters most first, large files last: time may end before they are here.
    /// An error when it gives no more.
    pub(super) async fn guest_files(&mut self, rung: Rung, wait: bool, lacks: &mut Lacks) -> Result<(), String> {
        let files = self.awaited_dumps(rung, wait, lacks).await?;
        let Chosen { small, large, left_out } = chosen(files);
        left_out.iter().for_each(|why| lacks.absent(why));
        self.logs_of_the_guest(rung, lacks).await?;
        for file in small.iter().filter(|file| !is_crash_dump(file)) {
            self.take(file, rung, lacks).await?;
        }
        self.driver(rung, lacks).await?;
        for file in &large {
            self.take(file, rung, lacks).await?;
        }
        let files: Vec<_> = small.iter().chain(&large).collect();
        if files.iter().all(|file| self.had(file)) {
            self.safe.insert(Need::NewFiles);
        }
        if self.is_missing(Need::Dump) {
            self.dumps_prove_nothing(&files, lacks);
        }
        Ok(())
    }

    /// Why the guest's dumps do not do, unless it was told of each that it could not be fetched.
    fn dumps_prove_nothing(&self, files: &[&RemoteFile], lacks: &mut Lacks) {
        let mut dumps = files.iter().filter(|file| is_crash_dump(file)).peekable();
        if dumps.peek().is_none() {
            let told = if self.no_dump_comes() { ", and told that it wrote none" } else { "" };
            lacks.absent(format!("the guest holds no dump of this crash{told}"));
        } else if self.sought == Sought::Read || dumps.any(|file| self.had(file)) {
            lacks.absent(self.no_dump("the guest's dumps are not of this crash"));
        }
    }

    /// Looks which files are new, and fetches and reads their small dumps. After a crash they are waited for: until a dump
    /// of that crash was read, or there is one that is too large to be read at once, and the list stands still. A dump of
    /// an earlier crash is none: the file of the last may be in the making.
    async fn awaited_dumps(&mut self, rung: Rung, wait: bool, lacks: &mut Lacks) -> Result<Vec<RemoteFile>, String> {
        let clock = self.arm.scene.ports.clock.clone();
        let (begun, patience) = (clock.elapsed(), self.arm.paced(DUMP_WAIT));
        let wait = wait && !self.no_dump_comes();
        let (mut last, mut tried) = (None, BTreeSet::new());
        loop {
            let files = self.new_files().await?;
            let names: Vec<_> = files.iter().map(file_name).collect();
            let stands = last.as_ref() == Some(&names);
            let over = !wait || clock.elapsed().saturating_sub(begun) >= patience;
            let Chosen { small, large, .. } = chosen(files.clone());
            if stands || over {
                self.dumps(&small, rung, &mut tried, lacks).await?;
            }
            if over || (stands && (self.sought != Sought::Missing || large.iter().any(is_crash_dump))) {
                return Ok(files);
            }
            last = Some(names);
            clock.sleep(DUMP_LOOK).await;
        }
    }

    /// Kernel dumps, each tried once.
    async fn dumps(
        &mut self,
        files: &[RemoteFile],
        rung: Rung,
        tried: &mut BTreeSet<FileName>,
        lacks: &mut Lacks,
    ) -> Result<(), String> {
        for file in files.iter().filter(|file| is_crash_dump(file)) {
            if tried.insert(file_name(file)) {
                let small = inner_path(&file.path).contains("/minidump/");
                let name = if small { "minidump-1.dmp".to_owned() } else { host_name(&file.path) };
                or_missed(self.take_as(file, &name, rung).await, lacks)?;
            }
        }
        Ok(())
    }

    /// Fetches one file under its own name.
    async fn take(&mut self, file: &RemoteFile, rung: Rung, lacks: &mut Lacks) -> Result<(), String> {
        or_missed(self.take_as(file, &host_name(&file.path), rung).await, lacks)?;
        Ok(())
    }

    fn had(&self, file: &RemoteFile) -> bool {
        self.store.had.has(&file.path, file.size, file.modified)
    }

    /// Fetches one file, unless it is safe already, and reads it.
    pub(super) async fn take_as(&mut self, file: &RemoteFile, name: &str, rung: Rung) -> Result<(), Missed> {
        if self.had(file) {
            return Ok(());
        }
        let form = Form::of(file.kind, file.size);
        let name = self.free_name(&form.name(name));
        let (part, whole) = self.fetch(file, &name, form).await?;
        let host = |error: std::io::Error| Missed::File(format!("{name}: {error}"));
        self.keep(&part, name.clone(), file.kind, rung).await.map_err(host)?;
        let RemoteFile { path, size, modified, kind, live } = file;
        let at = self.store.path(&name);
        self.learn_of(Safe { file: &at, path, kind: *kind, live: *live, whole, raw: false, notes: &[] })
            .await
            .map_err(host)?;
        if !whole {
            return Err(Missed::File(format!("{path} was shorter than the guest said")));
        }
        self.store.had.remember(path, *size, Some(*modified));
        Ok(())
    }

    /// The files that were not there before, oldest first.
    async fn new_files(&mut self) -> Result<Vec<RemoteFile>, String> {
        let mut files = self.listed().await?;
        files.retain(|file| !self.arm.files_before.contains(&file_name(file)));
        files.sort_by_key(|file| (file.modified, file.path.clone()));
        Ok(files)
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

    /// The file of the driver that is blamed: it tells company, version and signer.
    async fn driver(&mut self, rung: Rung, lacks: &mut Lacks) -> Result<(), String> {
        let Some(module) = self.blamed() else { return Ok(()) };
        let path = format!("{DRIVERS}{module}");
        or_missed(self.take_unlisted(path, EvidenceKind::Driver, &module, DRIVER_LIMIT, rung).await, lacks)?;
        Ok(())
    }

    /// A file of which the guest has not told the size. One that reaches the limit is kept, and is not had whole.
    pub(super) async fn take_unlisted(
        &mut self,
        path: String,
        kind: EvidenceKind,
        name: &str,
        limit: u64,
        rung: Rung,
    ) -> Result<(), Missed> {
        let limit = limit.min(self.store.left());
        if limit == 0 {
            return Err(Missed::File(format!("{path} was not fetched: this arm's budget is used up")));
        }
        let name = self.free_name(name);
        let remote = RemoteFile { path, kind, size: limit, modified: 0, live: false };
        let (part, at_limit) = self.fetch(&remote, &name, Form::Plain).await?;
        let size = std::fs::metadata(&part).map(|it| it.len()).unwrap_or_default();
        let host = |error: std::io::Error| Missed::File(format!("{name}: {error}"));
        self.keep(&part, name.clone(), kind, rung).await.map_err(host)?;
        let (at, path) = (self.store.path(&name), &remote.path);
        let whole = !at_limit;
        self.learn_of(Safe { file: &at, path, kind, live: false, whole, raw: false, notes: &[] })
            .await
            .map_err(host)?;
        if !whole {
            return Err(Missed::File(format!("of {path} the first {size} bytes were fetched, more are not kept")));
        }
        self.store.had.remember(path, size, None);
        Ok(())
    }
}

/// Whether a file is the dump of a crash of the kernel.
fn is_crash_dump(file: &RemoteFile) -> bool {
    file.kind == EvidenceKind::KernelDump && !file.live
}

/// A file that is missed is told; a guest that gives no more ends the rung.
pub(super) fn or_missed<T>(done: Result<T, Missed>, lacks: &mut Lacks) -> Result<Option<T>, String> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Missed::File(why)) => {
            lacks.failed(why);
            Ok(None)
        }
        Err(Missed::Guest(why)) => Err(why),
    }
}

/// The newest files of each kind.
struct Chosen {
    /// Those that are fetched and read first.
    small: Vec<RemoteFile>,
    /// Those that are too large to be read at once, dumps of crashes first: the budget may end before the rest.
    large: Vec<RemoteFile>,
    /// What was left out.
    left_out: Vec<String>,
}

fn chosen(files: Vec<RemoteFile>) -> Chosen {
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
    let too_many = counts.into_iter().filter(|((kind, _), count)| *count > most_of(*kind));
    let left_out = too_many
        .map(|((kind, _), count)| format!("only the newest {} of {count} files of a kind were fetched", most_of(kind)))
        .collect();
    let (small, mut large): (_, Vec<_>) = chosen.into_iter().partition(|file| file.size <= READ_LIMIT);
    large.sort_by_key(|file| !is_crash_dump(file));
    Chosen { small, large, left_out }
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
