//! Evidence: what a guest gives while it answers, what its disk and console give when it does not.

use std::path::{Path, PathBuf};

use coexist_evidence::disk::{FoundDump, GuestDisk, ImageFormat, MINIDUMP_FOLDER};
use coexist_evidence::{DriverOwners, crash_from, read_kernel_dump};
use coexist_lab::RemoteFile;
use coexist_model::{Crash, Evidence, EvidenceKind, FailureState, Happening, Hex, Rung, Sha256, Step, StepFailure};
use sha2::Digest;

use crate::RunFolder;
use crate::arm::ArmRun;
use crate::stop::Stop;

/// Largest dump that is fetched or read into memory.
const DUMP_LIMIT: u64 = 64 << 20;
/// Largest event log or installer's log.
const LOG_LIMIT: u64 = 32 << 20;
/// Most dumps of one arm that are fetched.
const DUMPS: usize = 5;
/// A guest's clock may be this far off (a real-time clock in local time is the usual reason).
const CLOCK_SLACK: jiff::SignedDuration = jiff::SignedDuration::from_hours(15);

impl ArmRun<'_> {
    /// Makes a failure's evidence safe and learns from it what it proves.
    pub(crate) async fn collect_failure(&mut self, step: &Step, mut failure: StepFailure) -> StepFailure {
        let crash = match failure.state {
            FailureState::Install | FailureState::InstallTimeout | FailureState::Unhealthy | FailureState::Exercise => {
                self.collect_console().await;
                return failure;
            }
            FailureState::Bugcheck | FailureState::UnexpectedRestart if self.guest.is_some() => {
                self.collect_logs().await;
                let crash = self.crash_from_guest().await;
                if let Err(stop) = self.collect_records().await {
                    self.note_stop("the event log could not be fetched", &stop);
                }
                crash
            }
            FailureState::Bugcheck
            | FailureState::UnexpectedRestart
            | FailureState::Loop
            | FailureState::Hang
            | FailureState::Recovery
            | FailureState::Unreachable => {
                self.collect_console().await;
                self.crash_from_disk().await
            }
        };
        // A hang or a silent network is told from an old dump by the dump's time; see `is_of_this_arm`.
        if let Some(stop) = self.told_stop().filter(|_| crash.is_none()) {
            failure.message = format!("{}: {}", failure.message, told(stop));
        }
        if let Some(crash) = crash {
            failure.message = format!("{}: {}", failure.message, headline(&crash));
            failure.bucket = Some(crash.bucket.clone());
            failure.crash = Some(Box::new(crash));
        }
        tracing::debug!(arm = %self.of, step = %step.id, state = %failure.state, "failure's evidence is safe");
        failure
    }

    /// Screen, serial port and QEMU's own words.
    pub(crate) async fn collect_console(&mut self) {
        let file = RunFolder::evidence(&self.of, "screen.png");
        let path = self.folder.root().join(&file);
        if let Some(machine) = self.machine.as_ref().filter(|machine| machine.journal().end().is_none()) {
            let taken = match make_parent(&path).await {
                Ok(()) => machine.screenshot(&path).await.map_err(Stop::from),
                Err(stop) => Err(stop),
            };
            match taken {
                Ok(()) => self.keep(file, EvidenceKind::Screenshot, Rung::Console).await,
                Err(stop) => self.note_stop("no picture of the screen", &stop),
            }
        }
        self.collect_logs().await;
    }

    async fn collect_logs(&mut self) {
        let Some(machine) = &self.machine else { return };
        for log in machine.logs() {
            let (name, rung) = match log.kind {
                EvidenceKind::SerialLog => ("serial.log", Rung::Console),
                _ => ("qemu.log", Rung::Host),
            };
            let file = RunFolder::evidence(&self.of, name);
            let path = self.folder.root().join(&file);
            let copied = match make_parent(&path).await {
                Ok(()) => tokio::fs::copy(&log.path, &path).await.map_err(|error| crate::arm::host_file(&path, &error)),
                Err(stop) => Err(stop),
            };
            match copied {
                Ok(0) => drop(tokio::fs::remove_file(&path).await),
                Ok(_) => self.keep(file, log.kind, rung).await,
                Err(stop) => self.note_stop("a log could not be kept", &stop),
            }
        }
    }

    /// The guest's System event log.
    pub(crate) async fn collect_records(&mut self) -> Result<(), Stop> {
        let file = RunFolder::evidence(&self.of, "system.evtx");
        let path = self.folder.root().join(&file);
        make_parent(&path).await?;
        self.guest()?.event_log(&path, LOG_LIMIT).await?;
        self.keep(file, EvidenceKind::EventLog, Rung::Sftp).await;
        Ok(())
    }

    pub(crate) async fn collect_setup_log(&mut self, step: &Step, remote: &str) {
        let file = RunFolder::evidence(&self.of, &format!("{}.log", step.id));
        let path = self.folder.root().join(&file);
        let fetched = match (make_parent(&path).await, self.guest()) {
            (Ok(()), Ok(guest)) => guest.fetch(remote, &path, LOG_LIMIT).await.map_err(Stop::from),
            (Err(stop), _) | (_, Err(stop)) => Err(stop),
        };
        match fetched {
            Ok(_) => self.keep(file, EvidenceKind::SetupLog, Rung::Sftp).await,
            Err(stop) => self.note_stop("the installer's log could not be fetched", &stop),
        }
    }

    /// Dumps that a guest which came back made files of; the newest speaks.
    async fn crash_from_guest(&mut self) -> Option<Crash> {
        let mut files: Vec<RemoteFile> = match self.guest.as_ref()?.crash_files().await {
            Ok(files) => files.into_iter().filter(|file| !self.dumps_before.contains(&file.path)).collect(),
            Err(error) => {
                self.recorder.note(&self.of, format!("the guest's dumps could not be listed: {error}"));
                return None;
            }
        };
        files.sort_by_key(|file| (file.modified, file.path.clone()));
        if files.len() > DUMPS {
            self.recorder.note(&self.of, format!("{} dumps, only the newest {DUMPS} are kept", files.len()));
            files.drain(..files.len() - DUMPS);
        }
        let mut crash = None;
        for (number, file) in files.iter().enumerate() {
            let name = RunFolder::evidence(&self.of, &format!("minidump-{}.dmp", number + 1));
            let path = self.folder.root().join(&name);
            if file.size > DUMP_LIMIT {
                self.recorder.note(&self.of, format!("{} has {} bytes and stays in the guest", file.path, file.size));
                continue;
            }
            let fetched = match (make_parent(&path).await, &self.guest) {
                (Ok(()), Some(guest)) => guest.fetch(&file.path, &path, DUMP_LIMIT).await.map_err(Stop::from),
                (Err(stop), _) => Err(stop),
                (Ok(()), None) => return crash,
            };
            match fetched {
                Ok(_) => {
                    self.keep(name, EvidenceKind::KernelDump, Rung::Sftp).await;
                    let bytes = tokio::fs::read(&path).await.unwrap_or_default();
                    crash = self.read_dump(&file.path, &bytes, &[]).or(crash);
                }
                Err(stop) => self.note_stop("a dump could not be fetched", &stop),
            }
        }
        crash
    }

    /// Dumps on the disk of a guest that did not come back: files, and the raw one in its page file, which is newer.
    async fn crash_from_disk(&mut self) -> Option<Crash> {
        let machine = self.machine.as_ref()?;
        if let Err(fault) = machine.cut_power().await {
            self.recorder.note(&self.of, format!("the disk cannot be read: {fault}"));
            return None;
        }
        let disk = machine.disk();
        let known = self.dumps_before.clone();
        let read = tokio::task::spawn_blocking(move || dumps_on(&disk.overlay, &disk.golden, &known)).await;
        let dumps = match read {
            Ok(Ok(dumps)) => dumps,
            Ok(Err(error)) => {
                self.recorder.note(&self.of, format!("the guest's disk cannot be read: {error}"));
                return None;
            }
            Err(panic) => {
                self.recorder.note(&self.of, format!("reading the guest's disk failed: {panic}"));
                return None;
            }
        };
        let mut crash = None;
        for (number, dump) in dumps.iter().enumerate() {
            let name = if dump.name.eq_ignore_ascii_case("pagefile.sys") {
                "pagefile.dmp".to_owned()
            } else {
                format!("minidump-{}.dmp", number + 1)
            };
            let file = RunFolder::evidence(&self.of, &name);
            let path = self.folder.root().join(&file);
            let written = match make_parent(&path).await {
                Ok(()) => tokio::fs::write(&path, &dump.bytes).await.map_err(|e| crate::arm::host_file(&path, &e)),
                Err(stop) => Err(stop),
            };
            match written {
                Ok(()) => self.keep(file, EvidenceKind::KernelDump, Rung::Disk).await,
                Err(stop) => self.note_stop("a dump could not be kept", &stop),
            }
            crash = self.read_dump(&dump.name, &dump.bytes, &dump.notes).or(crash);
        }
        crash
    }

    /// What a dump says, if it is of this arm at all.
    fn read_dump(&self, name: &str, bytes: &[u8], notes: &[String]) -> Option<Crash> {
        let owners: DriverOwners = self.plan.driver_owners.iter().collect();
        match read_kernel_dump(bytes) {
            Err(error) => {
                self.recorder.note(&self.of, format!("{name} cannot be read as a kernel dump: {error}"));
                None
            }
            Ok(dump) => {
                let mut crash = crash_from(&dump, &owners);
                crash.notes.extend_from_slice(notes);
                if crash.time.is_some_and(|time| time < self.started - CLOCK_SLACK) {
                    self.recorder.note(&self.of, format!("{name} is of an older crash and proves nothing here"));
                    return None;
                }
                Some(crash)
            }
        }
    }

    /// Tells of a piece of evidence that is safe on the host.
    async fn keep(&self, file: String, kind: EvidenceKind, rung: Rung) {
        let path = self.folder.root().join(&file);
        match tokio::task::spawn_blocking(move || digest(&path)).await {
            Ok(Ok((sha256, size))) => {
                let evidence = Evidence { path: file, kind, rung, sha256, size };
                self.recorder.tell(Happening::EvidenceTaken { of: self.of.clone(), evidence });
            }
            Ok(Err(error)) => self.recorder.note(&self.of, format!("{file}: {error}")),
            Err(panic) => self.recorder.note(&self.of, format!("{file}: {panic}")),
        }
    }

    fn note_stop(&self, what: &str, stop: &Stop) {
        let why = match stop {
            Stop::Failure(failure) => failure.message.clone(),
            Stop::Fault(fault) => fault.message.clone(),
            Stop::Lost(error) => error.to_string(),
        };
        self.recorder.note(&self.of, format!("{what}: {why}"));
    }
}

fn dumps_on(
    overlay: &Path,
    golden: &Path,
    known: &std::collections::BTreeSet<String>,
) -> Result<Vec<FoundDump>, coexist_evidence::disk::DiskError> {
    let disk = GuestDisk::open(overlay, ImageFormat::Qcow2, &[PathBuf::from(golden)])?;
    let is_known =
        |name: &str| known.iter().any(|path| path.to_lowercase().ends_with(&format!("/{}", name.to_lowercase())));
    let mut dumps = disk.minidumps(MINIDUMP_FOLDER, DUMP_LIMIT)?;
    dumps.retain(|dump| !is_known(&dump.name));
    if dumps.len() > DUMPS {
        dumps.drain(..dumps.len() - DUMPS);
    }
    dumps.extend(disk.page_file_dump(DUMP_LIMIT)?);
    Ok(dumps)
}

fn digest(path: &Path) -> std::io::Result<(Sha256, u64)> {
    let mut hasher = sha2::Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let count = std::io::Read::read(&mut file, &mut buffer)?;
        if count == 0 {
            break;
        }
        size += count as u64;
        hasher.update(&buffer[..count]);
    }
    let digits: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((Sha256::from(digits), size))
}

async fn make_parent(path: &Path) -> Result<(), Stop> {
    let parent = path.parent().unwrap_or(path);
    tokio::fs::create_dir_all(parent).await.map_err(|error| crate::arm::host_file(parent, &error))
}

/// What the hypervisor passed on of a stop: a code, but nothing that tells one crash of that code from another.
fn told(stop: [Hex; 5]) -> String {
    let [code, ..] = stop;
    let name = u32::try_from(code.0).ok().and_then(coexist_evidence::stop_codes::name);
    format!("stop {code} {} (told by the hypervisor; no dump was got)", name.unwrap_or_default())
}

/// A crash in half a line.
fn headline(crash: &Crash) -> String {
    let name = crash.stop_name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let place = match (&crash.blame.module, crash.blame.offset) {
        (Some(module), Some(offset)) => format!(" in {module}+{offset}"),
        (Some(module), None) => format!(" in {module}"),
        (None, _) => String::new(),
    };
    let vendor = crash.blame.vendor.as_deref().map(|vendor| format!(" ({vendor})")).unwrap_or_default();
    format!("stop {}{name}{place}{vendor}", crash.stop_code)
}
