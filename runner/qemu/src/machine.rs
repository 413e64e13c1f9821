//! One machine: the lifecycle of the crate's documentation.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use coexist_lab::{Activity, DiskFiles, Journal, LogFile, Machine, MachineSpec, MemoryForm};
use coexist_model::{EvidenceKind, FaultKind, LabFault};
use tokio::sync::Mutex;

use crate::command::{self, FirmwareDisks, Hardware};
use crate::control::ControlError;
use crate::digest;
use crate::events::{IO_ERROR, MEMORY_WRITTEN, RUNNING};
use crate::faults;
use crate::host::{FirmwareFiles, Found};
use crate::identity::{Starter, User};
use crate::memory;
use crate::overlay::{self, Files};
use crate::port;
use crate::process::{self, LaunchError, Logs, Process};
use crate::signs::Signs;
use crate::waits::Waits;

/// A machine made by [`QemuProvider`](crate::QemuProvider).
pub(crate) struct QemuMachine {
    pub(crate) host: Arc<Found>,
    pub(crate) spec: MachineSpec,
    pub(crate) golden: PathBuf,
    pub(crate) files: Files,
    pub(crate) firmware: Option<FirmwareFiles>,
    pub(crate) starter: Starter,
    pub(crate) logs: Logs,
    pub(crate) log_files: Vec<LogFile>,
    pub(crate) signs: Arc<Signs>,
    pub(crate) port: AtomicU16,
    pub(crate) waits: Waits,
    /// Held while a picture is taken: each lies in the same file at first.
    pub(crate) camera: Mutex<()>,
    /// Held while the guest's memory is written.
    pub(crate) writing_memory: Mutex<()>,
    pub(crate) state: Mutex<State>,
}

/// Where a machine is in its life.
#[derive(Clone)]
pub(crate) enum State {
    /// Made, never started.
    Ready,
    /// Powered on; the process may have ended by itself.
    On(Arc<Process>),
    /// Powered off, its disk at rest.
    Off,
    /// Its files are removed.
    Gone,
}

impl QemuMachine {
    fn arguments(&self) -> Result<Vec<String>, LabFault> {
        let unspeakable = |path: &Path| {
            let seen = format!("{} cannot be named to QEMU: it is no text, or has a line break", path.display());
            LabFault::new(FaultKind::HostFile, format!("{seen}; rename it"))
        };
        let speak = |path| command::speakable(path).ok_or_else(|| unspeakable(path));
        let firmware = match &self.firmware {
            Some(files) => Some(FirmwareDisks { code: speak(&files.code)?, variables: speak(&self.files.variables)? }),
            None => None,
        };
        let name = format!("coexist {} {}", self.spec.run, self.spec.arm);
        Ok(command::arguments(&Hardware {
            name: &name,
            image: &self.spec.image,
            accelerator: self.host.acceleration.accelerator,
            sandbox: self.host.sandbox,
            overlay: speak(&self.files.overlay)?,
            firmware,
            ssh_port: self.port.load(Ordering::SeqCst),
        }))
    }

    async fn launch(&self) -> Result<Process, LabFault> {
        let mut offered = Vec::new();
        loop {
            let arguments = self.arguments()?;
            process::note(&self.logs.qemu, &format!("{} {}", self.host.qemu.display(), arguments.join(" ")));
            let launched =
                process::launch(&self.host.qemu, &self.starter, &arguments, &self.logs, &self.signs, self.waits);
            match launched.await {
                Ok(process) => return Ok(process),
                Err(LaunchError::Ended { last_words, .. }) if faults::says_port_taken(&last_words) => {
                    // Somebody was faster. Another one, then.
                    tracing::debug!(%last_words, "the port of the SSH forward is taken");
                    offered.push(self.port.load(Ordering::SeqCst));
                    if offered.len() == port::ATTEMPTS {
                        return Err(faults::ports_taken(&offered, &last_words));
                    }
                    self.port.store(port::candidate().map_err(|error| faults::no_port(&error))?, Ordering::SeqCst);
                }
                Err(LaunchError::Ended { end, last_words }) => return Err(faults::start(&end, &last_words)),
                Err(LaunchError::Spawn(error)) => return Err(faults::spawn(&error)),
                Err(LaunchError::Control(error)) => {
                    return Err(faults::hung(format!("QEMU started, but: {error}"), &self.logs.qemu.last_words()));
                }
            }
        }
    }

    async fn end(&self, state: &mut State) -> Result<(), LabFault> {
        let State::On(process) = state else { return Ok(()) };
        if !process.end().await {
            let seen = "QEMU does not end, not even killed: the host's disk or kernel is stuck";
            return Err(faults::hung(seen, &self.logs.qemu.last_words()));
        }
        *state = State::Off;
        self.files.seal()
    }

    /// What it means that QEMU does not let the guest run.
    fn paused(&self, state: &str) -> LabFault {
        if state == IO_ERROR && self.signs.paused_for_room() {
            let overlay = self.files.overlay.display();
            return faults::fault(
                FaultKind::HostDiskFull,
                format!("QEMU paused the machine: the host's disk has no room left for {overlay}"),
            );
        }
        faults::hung(format!("QEMU does not let the guest run: its state is `{state}`"), &self.logs.qemu.last_words())
    }

    /// The process of a machine that is on; one that is off cannot do this.
    async fn running(&self, what: &str) -> Result<Arc<Process>, LabFault> {
        match &*self.state.lock().await {
            State::On(process) => Ok(Arc::clone(process)),
            _ => Err(LabFault::new(FaultKind::QemuHung, format!("a machine that is off {what}"))),
        }
    }

    /// A picture of the screen, as PNG.
    async fn picture(&self, process: &Process) -> Result<Vec<u8>, LabFault> {
        let _alone = self.camera.lock().await;
        let name = command::speakable(&self.files.picture).unwrap_or_default();
        if let Err(error) = process.control().picture(name).await {
            return Err(self.explain(process, error).await);
        }
        let file = self.files.picture.clone();
        let taken = tokio::task::spawn_blocking(move || overlay::take_picture(&file)).await;
        taken.unwrap_or_else(|error| Err(faults::task("taking the picture", &error)))
    }

    /// Why a command failed: QEMU died, hangs, or said no.
    pub(crate) async fn explain(&self, process: &Process, error: ControlError) -> LabFault {
        if matches!(error, ControlError::Broken { .. }) && process.ended_within(self.waits.end).await {
            return faults::died(&process.end_seen().unwrap_or_default(), &self.logs.qemu.last_words());
        }
        match &error {
            ControlError::Refused { reason, .. } if let Some(kind) = faults::want_in_words(reason) => {
                faults::fault(kind, error)
            }
            // It lives, or it could not say no.
            ControlError::Refused { .. } => LabFault::new(FaultKind::QemuHung, error.to_string()),
            _ => faults::hung(error, &self.logs.qemu.last_words()),
        }
    }
}

#[async_trait]
impl Machine for QemuMachine {
    async fn start(&self) -> Result<(), LabFault> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Ready | State::Off => {
                if self.starter.user != User::Own {
                    let given = self.files.give_to_nobody();
                    given.map_err(|error| faults::file("giving away", &self.files.folder, &error))?;
                }
                *state = State::On(Arc::new(self.launch().await?));
                Ok(())
            }
            State::On(_) => Err(LabFault::new(FaultKind::QemuStart, "the machine is on already")),
            State::Gone => Err(LabFault::new(FaultKind::QemuStart, "the machine was destroyed")),
        }
    }

    /// Settled once the machine is on: a port that was taken meanwhile is replaced during the start.
    fn endpoint(&self) -> SocketAddr {
        port::endpoint(self.port.load(Ordering::SeqCst))
    }

    fn journal(&self) -> Arc<Journal> {
        self.signs.journal()
    }

    async fn check(&self) -> Result<(), LabFault> {
        let state = self.state.lock().await.clone();
        let State::On(process) = state else {
            return Err(LabFault::new(FaultKind::QemuDied, "the machine is off: there is no QEMU"));
        };
        match process.control().run_state_within(self.waits.check).await {
            // While its memory is written, it stands still because the lab asked for that.
            Ok(state) if [RUNNING, MEMORY_WRITTEN].contains(&state.as_str()) => Ok(()),
            Ok(state) => Err(self.paused(&state)),
            Err(error) => Err(self.explain(&process, error).await),
        }
    }

    async fn screenshot(&self, file: &Path) -> Result<(), LabFault> {
        let process = self.running("has no screen").await?;
        let picture = self.picture(&process).await?;
        let written = tokio::fs::write(file, picture).await;
        written.map_err(|error| faults::file("writing the picture", file, &error))
    }

    async fn activity(&self) -> Result<Activity, LabFault> {
        let process = self.running("does nothing").await?;
        let picture = self.picture(&process).await?;
        let disk_operations = match process.control().disk_operations(command::DISK).await {
            Ok(operations) => operations,
            Err(error) => return Err(self.explain(&process, error).await),
        };
        let screen = Some(digest::of_bytes(&picture).to_string());
        Ok(Activity { screen, console_bytes: self.logs.serial.seen(), disk_operations })
    }

    async fn inject_nmi(&self) -> Result<(), LabFault> {
        let process = self.running("cannot be interrupted").await?;
        match process.control().interrupt().await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.explain(&process, error).await),
        }
    }

    async fn dump_memory(&self, file: &Path, limit: u64) -> Result<MemoryForm, LabFault> {
        let process = self.running("has no memory").await?;
        let Ok(_alone) = self.writing_memory.try_lock() else {
            return Err(LabFault::new(FaultKind::QemuHung, "the machine's memory is being written already"));
        };
        memory::write(self, &process, file, limit).await
    }

    async fn cut_power(&self) -> Result<(), LabFault> {
        self.end(&mut *self.state.lock().await).await
    }

    fn disk(&self) -> DiskFiles {
        DiskFiles { overlay: self.files.overlay.clone(), golden: self.golden.clone() }
    }

    fn logs(&self) -> Vec<LogFile> {
        self.log_files.clone()
    }

    async fn destroy(&self) -> Result<(), LabFault> {
        let mut state = self.state.lock().await;
        let ended = self.end(&mut state).await;
        if matches!(*state, State::On(_)) {
            return ended;
        }
        // A file that QEMU replaced goes with the others.
        *state = State::Gone;
        self.files.remove()
    }
}

/// Log files of a machine in `folder`.
pub(crate) fn log_files(folder: &Path) -> Vec<LogFile> {
    vec![
        LogFile { kind: EvidenceKind::SerialLog, path: folder.join("serial.log") },
        LogFile { kind: EvidenceKind::QemuLog, path: folder.join("qemu.log") },
    ]
}
