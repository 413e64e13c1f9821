//! The guest's disk, once its power is cut.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coexist_model::{EvidenceKind, Rung};

use super::known::inner_path;
use super::needs::{Need, needs};
use super::{Climbed, Ladder};

mod reading;

use reading::{Copied, Refused, Wanted, Wish};

/// Where Windows keeps its event logs.
const LOGS: &str = r"\Windows\System32\winevt\Logs";
/// Where Windows keeps the machine's part of its registry.
const HIVES: &str = r"\Windows\System32\config";
/// Where drivers lie.
const DRIVERS: &str = r"\Windows\System32\drivers";
/// Where Windows writes large dumps.
const LARGE_DUMP: &str = r"\Windows\MEMORY.DMP";

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
        if let Some(module) = self.blamed().filter(|module| !self.store.has_path(&format!(r"{DRIVERS}\{module}"))) {
            let driver = Wish::optional(format!(r"{DRIVERS}\{module}"), module, EvidenceKind::Driver);
            // The disk was read a moment ago.
            let _ = self.read_disk(Wanted::only(driver), &mut lacks).await;
        }
        if needs(self.state).contains(&Need::Dump) && !self.safe.contains(&Need::Dump) {
            lacks.push(self.no_dump("there is no dump of this crash"));
        }
        Climbed::lacking(lacks)
    }

    /// What is still missing, and what only a disk gives.
    fn wanted(&self) -> Wanted {
        let missing = |need| needs(self.state).contains(&need) && !self.safe.contains(&need);
        let mut files = Vec::new();
        for (need, log) in [(Need::SystemLog, "System"), (Need::ApplicationLog, "Application")] {
            if missing(need) {
                let name = format!("{}.evtx", log.to_lowercase());
                files.push(Wish {
                    needed: true,
                    ..Wish::optional(format!(r"{LOGS}\{log}.evtx"), name, EvidenceKind::EventLog)
                });
            }
        }
        files.push(Wish::optional(LARGE_DUMP, "MEMORY.DMP", EvidenceKind::KernelDump));
        for hive in ["SYSTEM", "SOFTWARE"] {
            let name = format!("{}.hive", hive.to_lowercase());
            files.push(Wish::optional(format!(r"{HIVES}\{hive}"), name, EvidenceKind::RegistryHive));
        }
        let known: BTreeSet<String> = self.arm.files_before.iter().map(|(path, ..)| inner_path(path)).collect();
        Wanted { dumps: true, files, known, earliest: self.arm.earliest() }
    }

    /// Reads files off the disk and makes them safe.
    async fn read_disk(&mut self, mut wanted: Wanted, lacks: &mut Vec<String>) -> Result<(), Refused> {
        let Some(machine) = &self.arm.machine else { return Ok(()) };
        let disk = machine.disk();
        let broken = |error: std::io::Error| Refused::Broken(error.to_string());
        let folder = self.store.part(&self.arm.evidence("disk")).map_err(broken)?;
        wanted.known.extend(self.store.paths());
        let (left, stop) = (self.store.left(), Arc::new(AtomicBool::new(false)));
        let stopper = Stopper(stop.clone());
        let at = folder.clone();
        let read = tokio::task::spawn_blocking(move || reading::read(&disk, &wanted, &at, left, &stop)).await;
        drop(stopper);
        let (copied, missing) = read.map_err(|panic| Refused::Broken(panic.to_string()))??;
        lacks.extend(missing);
        for file in copied {
            if let Err(error) = self.keep_copied(&file).await {
                lacks.push(format!("{}: {error}", file.name));
            }
        }
        let _ = tokio::fs::remove_dir_all(&folder).await;
        Ok(())
    }

    async fn keep_copied(&mut self, file: &Copied) -> std::io::Result<()> {
        let Copied { at, path, name, kind, size, whole, notes } = file;
        let name = self.free_name(name);
        self.keep(at, name.clone(), *kind, Rung::Disk).await?;
        let kept: PathBuf = self.store.path(&name);
        match kind {
            EvidenceKind::KernelDump => {
                self.learn(path, &kept, *whole, notes)?;
            }
            EvidenceKind::EventLog if path.ends_with("System.evtx") => drop(self.safe.insert(Need::SystemLog)),
            EvidenceKind::EventLog => drop(self.safe.insert(Need::ApplicationLog)),
            _ => {}
        }
        if *whole {
            self.store.remember(path, *size);
        }
        Ok(())
    }
}
