//! Evidence: what a guest gives while it answers, what its disk and console give when it does not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use coexist_evidence::disk::{FoundDump, GuestDisk, ImageFormat, MINIDUMP_FOLDER};
use coexist_evidence::{DriverOwners, crash_from, read_kernel_dump};
use coexist_lab::RemoteFile;
use coexist_model::{
    Action, Crash, Evidence, EvidenceKind, FailureState, FaultKind, Happening, Hex, LabFault, Rung, Sha256, Step,
    StepFailure,
};
use sha2::Digest;

use crate::arm::{ArmRun, DumpName, dump_name};
use crate::stop::Stop;

/// Largest dump that is fetched or read into memory.
const DUMP_LIMIT: u64 = 64 << 20;
/// Largest event log or installer's log.
const LOG_LIMIT: u64 = 32 << 20;
/// Most dumps of one arm that are fetched.
const DUMPS: usize = 5;
/// Where the guest's own clock is not known, a dump may be this much older than the arm and still be its: a real-time
/// clock in local time is the usual reason.
const CLOCK_SLACK: jiff::SignedDuration = jiff::SignedDuration::from_hours(15);
/// A guest that came back from a crash makes a file of its dump some time after it answers.
const DUMP_WAIT: Duration = Duration::from_secs(45);
/// Between two looks for that file.
const DUMP_LOOK: Duration = Duration::from_secs(1);
/// All evidence of one step: a guest that drips must not keep the lab.
const ALL: Duration = Duration::from_secs(600);
/// The same once the user wants to stop.
const WHEN_HALTED: Duration = Duration::from_secs(20);

impl ArmRun<'_> {
    /// Collects within a bound; none when the bound came first, which is told.
    pub(crate) async fn bounded_collection<T>(&mut self, collect: impl AsyncFnOnce(&mut Self) -> T) -> Option<T> {
        let clock = self.scene.ports.clock.clone();
        let mut halt = self.halt.clone();
        let all = self.paced(ALL);
        let bound = async {
            tokio::select! {
                () = clock.sleep(all) => {}
                () = async { halt.wait().await; clock.sleep(WHEN_HALTED).await; } => {}
            }
        };
        let collected = tokio::select! {
            collected = collect(self) => Some(collected),
            () = bound => None,
        };
        if collected.is_none() {
            self.note("there was no time to collect all evidence; what is missing was left behind");
        }
        collected
    }

    /// Makes a failure's evidence safe and learns from it what it proves. A fault when the machine itself turns out to
    /// be what hangs.
    pub(crate) async fn collect_failure(&mut self, step: &Step, failure: &mut StepFailure) -> Option<LabFault> {
        let console = self.collect_console().await;
        let crash = match failure.state {
            FailureState::Install | FailureState::InstallTimeout | FailureState::Unhealthy | FailureState::Exercise => {
                self.collect_setup_log(step).await;
                self.collect_event_log().await;
                return None;
            }
            FailureState::Bugcheck | FailureState::UnexpectedRestart => {
                let (crash, whole) = self.crash_from_guest(failure.state).await;
                self.collect_event_log().await;
                if whole { crash } else { self.crash_from_disk().await.or(crash) }
            }
            FailureState::Hang | FailureState::Unreachable if let Some(fault) = console => return Some(fault),
            FailureState::Loop | FailureState::Hang | FailureState::Recovery | FailureState::Unreachable => {
                self.crash_from_disk().await
            }
        };
        if let Some(stop) = self.told_stop().filter(|_| crash.is_none()) {
            failure.message = format!("{}: {}", failure.message, told(stop));
        }
        if let Some(crash) = crash {
            failure.message = format!("{}: {}", failure.message, headline(&crash));
            failure.bucket = Some(crash.bucket.clone());
            failure.crash = Some(Box::new(crash));
        }
        tracing::debug!(state = %failure.state, "the failure's evidence is safe");
        None
    }

    async fn collect_event_log(&mut self) {
        if self.guest.is_some()
            && let Err(stop) = self.collect_records(self.paced(ALL)).await
        {
            self.note_stop("the event log could not be fetched", &stop);
        }
    }

    /// Screen, serial port and QEMU's own words.
    /// A fault when the machine does not give a picture because it hangs itself.
    pub(crate) async fn collect_console(&mut self) -> Option<LabFault> {
        let mut hung = None;
        let file = self.evidence("screen.png");
        let path = self.scene.folder.root().join(&file);
        if let Some(machine) = self.machine.as_ref().filter(|machine| machine.journal().end().is_none()) {
            let taken = match make_parent(&path).await {
                Ok(()) => machine.screenshot(&path).await.map_err(Stop::from),
                Err(stop) => Err(stop),
            };
            match taken {
                Ok(()) => self.keep(file, EvidenceKind::Screenshot, Rung::Console).await,
                Err(stop) => {
                    self.note_stop("no picture of the screen", &stop);
                    if let Stop::Fault(fault) = stop
                        && matches!(fault.kind, FaultKind::QemuHung | FaultKind::QemuDied)
                    {
                        hung = Some(fault);
                    }
                }
            }
        }
        self.collect_logs().await;
        hung
    }

    async fn collect_logs(&mut self) {
        let Some(machine) = &self.machine else { return };
        for log in machine.logs() {
            let (name, rung) = match log.kind {
                EvidenceKind::SerialLog => ("serial.log", Rung::Console),
                _ => ("qemu.log", Rung::Host),
            };
            let file = self.evidence(name);
            let path = self.scene.folder.root().join(&file);
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
    pub(crate) async fn collect_records(&mut self, deadline: Duration) -> Result<(), Stop> {
        let file = self.evidence("system.evtx");
        let path = self.scene.folder.root().join(&file);
        tokio::select! {
            fetched = self.fetch_log(&path) => fetched?,
            () = self.scene.ports.clock.sleep(deadline) => {
                let message = format!("the event log was not there within {} s", deadline.as_secs());
                return Err(Stop::fault(FaultKind::Deadline, message));
            }
        }
        self.keep(file, EvidenceKind::EventLog, Rung::Sftp).await;
        Ok(())
    }

    async fn fetch_log(&self, to: &Path) -> Result<(), Stop> {
        let log = self.guest()?.export_log("System").await?;
        self.fetch_file(&log.path, to, LOG_LIMIT).await
    }

    /// Fetches a whole file of the guest.
    async fn fetch_file(&self, remote: &str, to: &Path, limit: u64) -> Result<(), Stop> {
        make_parent(to).await?;
        let mut file = std::fs::File::create(to).map_err(|error| crate::arm::host_file(to, &error))?;
        let fetched = self.guest()?.fetch(remote, 0, limit, &mut file).await;
        if fetched.is_err() {
            // Half a file proves nothing.
            let _ = tokio::fs::remove_file(to).await;
        }
        fetched?;
        Ok(())
    }

    /// The log of the step's installer, where it writes one.
    async fn collect_setup_log(&mut self, step: &Step) {
        let (Action::Install(install), Ok(guest)) = (&step.action, self.guest()) else { return };
        let Some(remote) = guest.setup_log(install) else { return };
        let file = self.evidence(&format!("{}.log", step.id));
        let path = self.scene.folder.root().join(&file);
        match self.fetch_file(&remote, &path, LOG_LIMIT).await {
            Ok(()) => self.keep(file, EvidenceKind::SetupLog, Rung::Sftp).await,
            Err(stop) => self.note_stop("the installer's log could not be fetched", &stop),
        }
    }

    /// Dumps that a guest which came back made files of; the newest speaks. Whether all of them could be had.
    async fn crash_from_guest(&mut self, state: FailureState) -> (Option<Crash>, bool) {
        let files = match self.new_dumps(state).await {
            Ok(files) => files,
            Err(stop) => {
                self.note_stop("the guest's dumps could not be listed", &stop);
                return (None, false);
            }
        };
        let (mut crash, mut whole) = (None, !files.is_empty() || state != FailureState::Bugcheck);
        for (number, file) in files.iter().enumerate() {
            let name = self.evidence(&format!("minidump-{}.dmp", number + 1));
            match self.fetch_dump(file, &name).await {
                Ok(bytes) => crash = self.read_dump(&file.path, &bytes, &[]).or(crash),
                Err(stop) => {
                    self.note_stop("a dump could not be fetched", &stop);
                    whole = false;
                }
            }
        }
        (crash, whole)
    }

    /// The newest dump files that were not there before, once there is one and the list stands still.
    async fn new_dumps(&mut self, state: FailureState) -> Result<Vec<RemoteFile>, Stop> {
        let clock = self.scene.ports.clock.clone();
        let begun = clock.elapsed();
        let mut last: Option<Vec<DumpName>> = None;
        loop {
            let mut files = self.guest()?.evidence_files().await?;
            files.retain(|file| !file.live && !self.dumps_before.contains(&dump_name(file)));
            files.sort_by_key(|file| (file.modified, file.path.clone()));
            let names: Vec<DumpName> = files.iter().map(dump_name).collect();
            let settled = !names.is_empty() && last.as_ref() == Some(&names);
            let waited = clock.elapsed().saturating_sub(begun);
            if settled || state != FailureState::Bugcheck || waited >= self.paced(DUMP_WAIT) {
                if files.len() > DUMPS {
                    self.note(format!("{} dumps, only the newest {DUMPS} are kept", files.len()));
                    files.drain(..files.len() - DUMPS);
                }
                return Ok(files);
            }
            last = Some(names);
            clock.sleep(DUMP_LOOK).await;
        }
    }

    async fn fetch_dump(&mut self, file: &RemoteFile, name: &str) -> Result<Vec<u8>, Stop> {
        if file.size > DUMP_LIMIT {
            let message = format!("{} has {} bytes and stays in the guest", file.path, file.size);
            return Err(Stop::fault(FaultKind::GuestDisagrees, message));
        }
        let path = self.scene.folder.root().join(name);
        self.fetch_file(&file.path, &path, DUMP_LIMIT).await?;
        self.keep(name.to_owned(), EvidenceKind::KernelDump, Rung::Sftp).await;
        tokio::fs::read(&path).await.map_err(|error| crate::arm::host_file(&path, &error))
    }

    /// Dumps on the disk of a guest that did not come back: files, and the raw one in its page file, which is newer.
    async fn crash_from_disk(&mut self) -> Option<Crash> {
        let machine = self.machine.as_ref()?;
        if let Err(fault) = machine.cut_power().await {
            self.note(format!("the disk cannot be read: {fault}"));
            return None;
        }
        let disk = machine.disk();
        let known: Vec<String> = self.dumps_before.iter().map(|(path, ..)| path.to_lowercase()).collect();
        let read = tokio::task::spawn_blocking(move || dumps_on(&disk.overlay, &disk.golden, &known)).await;
        let dumps = match read {
            Ok(Ok(dumps)) => dumps,
            Ok(Err(error)) => {
                self.note(format!("the guest's disk cannot be read: {error}"));
                return None;
            }
            Err(panic) => {
                self.note(format!("reading the guest's disk failed: {panic}"));
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
            let file = self.evidence(&name);
            let path = self.scene.folder.root().join(&file);
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
        let owners: DriverOwners = self.scene.plan.driver_owners.iter().collect();
        match read_kernel_dump(bytes) {
            Err(error) => {
                self.note(format!("{name} cannot be read as a kernel dump: {error}"));
                None
            }
            Ok(dump) => {
                let mut crash = crash_from(&dump, &owners);
                crash.notes.extend_from_slice(notes);
                if crash.time.is_some_and(|time| time < self.earliest()) {
                    self.note(format!("{name} is of an older crash and proves nothing here"));
                    return None;
                }
                Some(crash)
            }
        }
    }

    /// No crash of this arm has a time before this.
    fn earliest(&self) -> jiff::Timestamp {
        self.guest_began.unwrap_or_else(|| self.scene.ports.clock.now() - CLOCK_SLACK)
    }

    /// Tells of a piece of evidence that is safe on the host.
    async fn keep(&self, file: String, kind: EvidenceKind, rung: Rung) {
        let path = self.scene.folder.root().join(&file);
        match tokio::task::spawn_blocking(move || digest(&path)).await {
            Ok(Ok((sha256, size))) => {
                let evidence = Evidence { path: file, kind, rung, sha256, size };
                self.scene.recorder.tell(Happening::EvidenceTaken { of: self.of.clone(), evidence });
            }
            Ok(Err(error)) => self.note(format!("{file}: {error}")),
            Err(panic) => self.note(format!("{file}: {panic}")),
        }
    }

    fn note_stop(&self, what: &str, stop: &Stop) {
        let why = match stop {
            Stop::Failure(failure) => failure.message.clone(),
            Stop::Fault(fault) | Stop::KeptOut(fault) => fault.message.clone(),
            Stop::Lost(error) => error.to_string(),
            Stop::Unrest => "the machine gave signs of a restart".to_owned(),
        };
        self.note(format!("{what}: {why}"));
    }
}

fn dumps_on(
    overlay: &Path,
    golden: &Path,
    known: &[String],
) -> Result<Vec<FoundDump>, coexist_evidence::disk::DiskError> {
    let disk = GuestDisk::open(overlay, ImageFormat::Qcow2, &[PathBuf::from(golden)])?;
    let is_new = |name: &str| !known.iter().any(|path| path.ends_with(&format!("/{}", name.to_lowercase())));
    let mut dumps = disk.minidumps(MINIDUMP_FOLDER, is_new, DUMPS, DUMP_LIMIT)?;
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
