//! The guest's disk, once its power is cut.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coexist_evidence::disk::MINIDUMP_FOLDER;
use coexist_evidence::read_event_log;
use coexist_model::{EvidenceKind, LogSpan, Rung};

use super::known::{host_name, inner_path};
use super::needs::{Need, needs};
use super::{Climbed, Ladder};

mod reading;

use reading::{Copied, Refused, Wanted};

/// Event logs, by the ends of their paths.
const SYSTEM: &str = "System.evtx";
const APPLICATION: &str = "Application.evtx";

/// Says to the thread that reads the disk that nobody waits for it any more.
struct Stopper(Arc<AtomicBool>);

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Ladder<'_, '_> {
    pub(super) async fn disk(&mut self) -> Climbed {
        let Some(machine) = &self.arm.machine else { return Climbed::Broken("there is no machine".to_owned()) };
        if let Err(fault) = machine.cut_power().await {
            return Climbed::Broken(format!("the power could not be cut: {fault}"));
        }
        // A session with a guest that is off would be waited for in vain.
        self.arm.guest = None;
        let mut lacks = Vec::new();
        match self.read_disk(self.wanted(), &mut lacks).await {
            Ok(()) => {}
            Err(Refused::Encrypted) => return Climbed::Encrypted,
            Err(Refused::Broken(why)) => return Climbed::Broken(why),
        }
        self.witness().await;
        if let Some(module) = self.blamed().filter(|module| !self.store.has_name(module)) {
            // The disk was read a moment ago, and a driver's file proves nothing by itself.
            let _ = self.read_disk(Wanted::Driver(module), &mut Vec::new()).await;
        }
        if needs(self.state).contains(&Need::Dump) && !self.safe.contains(&Need::Dump) {
            lacks.push(self.no_dump("there is no dump of this crash"));
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

    /// The last boot that a System log tells of.
    fn last_boot_in(log: &Path) -> Option<LogSpan> {
        let mut log = std::fs::File::open(log).ok()?;
        let history = read_event_log(&mut log).ok()?;
        Some(LogSpan { began: history.boots.last()?.started?, last_record: history.last_event? })
    }

    /// What is not known, and the event logs that are still missing.
    fn wanted(&self) -> Wanted {
        let missing = |need| needs(self.state).contains(&need) && !self.safe.contains(&need);
        let logs = [(Need::SystemLog, SYSTEM), (Need::ApplicationLog, APPLICATION)];
        Wanted::New {
            before: self.arm.files_before.iter().map(|(path, size, time)| (inner_path(path), *size, *time)).collect(),
            safe: self.store.whole().iter().cloned().collect(),
            logs: logs.into_iter().filter(|(need, _)| missing(*need)).map(|(_, log)| log).collect(),
            earliest: self.arm.earliest(),
        }
    }

    /// Reads files off the disk and makes them safe.
    async fn read_disk(&mut self, wanted: Wanted, lacks: &mut Vec<String>) -> Result<(), Refused> {
        let Some(machine) = &self.arm.machine else { return Ok(()) };
        let disk = machine.disk();
        let broken = |error: std::io::Error| Refused::Broken(error.to_string());
        let folder = self.store.part(&self.arm.evidence("disk")).map_err(broken)?;
        let (left, stop) = (self.store.left(), Arc::new(AtomicBool::new(false)));
        let stopper = Stopper(stop.clone());
        let at = folder.clone();
        let read = tokio::task::spawn_blocking(move || reading::read(&disk, &wanted, &at, left, &stop)).await;
        drop(stopper);
        let (copied, missing) = read.map_err(|panic| Refused::Broken(panic.to_string()))??;
        lacks.extend(missing);
        for file in copied {
            if let Err(error) = self.keep_copied(&file).await {
                lacks.push(format!("{}: {error}", file.path));
            }
        }
        let _ = tokio::fs::remove_dir_all(&folder).await;
        Ok(())
    }

    async fn keep_copied(&mut self, file: &Copied) -> std::io::Result<()> {
        let Copied { at, path, kind, live, form, size, whole, notes } = file;
        let name = self.free_name(&form.name(&name_of(file)));
        self.keep(at, name.clone(), *kind, Rung::Disk).await?;
        self.learn_of(*kind, *live, path, &self.store.path(&name), *whole, notes)?;
        if *kind == EvidenceKind::EventLog && path.ends_with(SYSTEM) {
            self.witness.last_boot = Self::last_boot_in(&self.store.path(&name));
        }
        if *kind == EvidenceKind::EventLog {
            self.safe.insert(if path.ends_with(SYSTEM) { Need::SystemLog } else { Need::ApplicationLog });
        }
        if *whole {
            self.store.remember(path, *size);
        }
        Ok(())
    }
}

/// What a file of a disk is called on this host.
fn name_of(file: &Copied) -> String {
    let name = host_name(&file.path);
    match file.kind {
        EvidenceKind::KernelDump if name.ends_with(".sys") => name.replace(".sys", ".dmp"),
        EvidenceKind::KernelDump if inner_path(&file.path).starts_with(&inner_path(MINIDUMP_FOLDER)) => {
            "minidump-1.dmp".to_owned()
        }
        EvidenceKind::EventLog => name.to_lowercase(),
        EvidenceKind::RegistryHive => format!("{}.hive", name.to_lowercase()),
        _ => name,
    }
}
