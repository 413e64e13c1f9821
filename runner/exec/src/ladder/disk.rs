//! The guest's disk, once its power is cut.
//!
//! A thread reads it and hands over each file as it is copied; what was handed over is safe whatever ends the rung. Small
//! files come first, then the file of the driver that they blame, then large dumps.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coexist_evidence::disk::MINIDUMP_FOLDER;
use coexist_evidence::read_event_log;
use coexist_model::{EvidenceKind, LogSpan, Rung};

use super::known::{host_name, inner_path};
use super::learn::Safe;
use super::needs::Need;
use super::{Climbed, Lacks, Ladder};

mod reading;

use reading::{Copied, Refused, Task, Wanted};

/// Event logs, by the ends of their paths.
const SYSTEM: &str = "System.evtx";
const APPLICATION: &str = "Application.evtx";
/// Files that were copied and are not safe yet, at most: each takes room beside the budget.
const AHEAD: usize = 1;

/// Says to the thread that reads the disk that nobody waits for it any more.
struct Stopper(Arc<AtomicBool>);

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Ladder<'_, '_> {
    pub(super) async fn disk(&mut self) -> Climbed {
        let Some(machine) = &self.arm.machine else { return Climbed::broken("there is no machine") };
        if let Err(fault) = machine.cut_power().await {
            return Climbed::broken(format!("the power could not be cut: {fault}"));
        }
        // A session with a guest that is off would be waited for in vain.
        self.arm.guest = None;
        self.witness().await;
        let mut lacks = Lacks::default();
        let large = match self.read_disk(self.wanted(), &mut lacks).await {
            Ok(large) => large,
            Err(Refused::Encrypted) => return Climbed::Encrypted,
            Err(Refused::Broken(why)) => return Climbed::broken(why),
        };
        if let Some(module) = self.blamed().filter(|module| !self.store.had.has_name(module)) {
            // The disk was read a moment ago, and a driver's file proves nothing by itself.
            let _ = self.read_disk(Wanted::Driver(module), &mut Lacks::default()).await;
        }
        if !large.is_empty()
            && let Err(Refused::Broken(why)) = self.read_disk(Wanted::These(large), &mut lacks).await
        {
            lacks.failed(why);
        }
        if self.is_missing(Need::Dump) {
            lacks.absent(self.no_dump("there is no dump of this crash"));
        }
        Climbed::lacking(lacks)
    }

    /// What the disk says of a boot that told nothing itself.
    async fn witness(&mut self) {
        let Some(machine) = &self.arm.machine else { return };
        let disk = machine.disk();
        let repair = tokio::task::spawn_blocking(move || reading::repair_log(&disk)).await;
        self.witness.repair_log = repair.unwrap_or_default();
    }

    /// What is not known, and the event logs that are still missing.
    fn wanted(&self) -> Wanted {
        let logs = [(Need::SystemLog, SYSTEM), (Need::ApplicationLog, APPLICATION)];
        Wanted::New {
            before: self.arm.files_before.iter().map(|(path, size, time)| (inner_path(path), *size, *time)).collect(),
            had: self.store.had.clone(),
            logs: logs.into_iter().filter(|(need, _)| self.is_missing(*need)).map(|(_, log)| log).collect(),
            earliest: self.arm.earliest(),
        }
    }

    /// Reads files off the disk and makes each safe as it comes. What is too large to be read first is returned.
    async fn read_disk(&mut self, wanted: Wanted, lacks: &mut Lacks) -> Result<Vec<Task>, Refused> {
        let Some(machine) = &self.arm.machine else { return Ok(Vec::new()) };
        let disk = machine.disk();
        let broken = |error: std::io::Error| Refused::Broken(error.to_string());
        let folder = self.store.part(&self.arm.evidence("disk")).map_err(broken)?;
        let (left, stop) = (self.store.left(), Arc::new(AtomicBool::new(false)));
        let _stopper = Stopper(stop.clone());
        let (give, mut copied) = tokio::sync::mpsc::channel(AHEAD);
        let at = folder.clone();
        let read = tokio::task::spawn_blocking(move || {
            // Nobody takes it once the rung is over.
            let mut give = |file| give.blocking_send(file).is_ok();
            reading::read(&disk, wanted, &at, left, &stop, &mut give)
        });
        while let Some(file) = copied.recv().await {
            if let Err(error) = self.keep_copied(&file).await {
                lacks.failed(format!("{}: {error}", file.task.path));
            }
        }
        let (later, missing) = read.await.map_err(|panic| Refused::Broken(panic.to_string()))??;
        lacks.append(missing);
        let _ = tokio::fs::remove_dir_all(&folder).await;
        Ok(later)
    }

    async fn keep_copied(&mut self, file: &Copied) -> std::io::Result<()> {
        let Copied { at, task: Task { path, kind, live, size, modified, notes }, form, whole } = file;
        let name = self.free_name(&form.name(&name_of(path, *kind)));
        self.keep(at, name.clone(), *kind, Rung::Disk).await?;
        let safe = self.store.path(&name);
        if *kind == EvidenceKind::EventLog && path.ends_with(SYSTEM) {
            let log = safe.clone();
            let read = tokio::task::spawn_blocking(move || last_boot_in(&log)).await;
            self.witness.last_boot = read.unwrap_or_default();
        }
        let raw = *kind == EvidenceKind::KernelDump && modified.is_none();
        self.learn_of(Safe { file: &safe, path, kind: *kind, live: *live, whole: *whole, raw, notes }).await?;
        // Half a log is evidence, and still half.
        if *whole {
            self.store.had.remember(path, *size, *modified);
            if *kind == EvidenceKind::EventLog {
                self.safe.insert(if path.ends_with(SYSTEM) { Need::SystemLog } else { Need::ApplicationLog });
            }
        }
        Ok(())
    }
}

/// The last boot that a System log tells of.
fn last_boot_in(log: &Path) -> Option<LogSpan> {
    let mut log = std::fs::File::open(log).ok()?;
    let history = read_event_log(&mut log).ok()?;
    Some(LogSpan { began: history.boots.last()?.started?, last_record: history.last_event? })
}

/// What a file of a disk is called on this host.
fn name_of(path: &str, kind: EvidenceKind) -> String {
    let name = host_name(path);
    match kind {
        EvidenceKind::KernelDump if name.ends_with(".sys") => name.replace(".sys", ".dmp"),
        EvidenceKind::KernelDump if inner_path(path).starts_with(&inner_path(MINIDUMP_FOLDER)) => {
            "minidump-1.dmp".to_owned()
        }
        EvidenceKind::EventLog => name.to_lowercase(),
        EvidenceKind::RegistryHive => format!("{}.hive", name.to_lowercase()),
        _ => name,
    }
}
