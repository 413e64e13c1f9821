//! Makes machines on this host.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU16;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coexist_lab::{Clock, Machine, MachineSpec, Provider, SystemClock};
use coexist_model::{FaultKind, Firmware, Host, LabFault};
use tokio::sync::Mutex;

use crate::digest::Digests;
use crate::faults;
use crate::host::{DiscoverError, FirmwareFiles, Found, HostReport, Wishes, discover};
use crate::identity::{Starter, User};
use crate::log::{self, BoundedLog, SharedLog};
use crate::machine::{QemuMachine, State, log_files};
use crate::overlay::{self, Files};
use crate::port;
use crate::process::{self, Logs};
use crate::proof::{Accelerator, KVM};
use crate::signs::Signs;
use crate::waits::Waits;

/// How machines are to be made.
#[derive(Clone)]
pub struct QemuOptions {
    /// QEMU's program; looked for in `PATH` when absent.
    pub qemu: Option<PathBuf>,
    /// The program that makes overlays; looked for in `PATH` when absent.
    pub qemu_img: Option<PathBuf>,
    /// Whether KVM is used where it proves to work.
    pub allow_kvm: bool,
    /// How long QEMU may take to answer on its control socket before it counts as hung; longer on a slow host.
    pub patience: Duration,
    /// Where the signs of machines get their time from.
    pub clock: Arc<dyn Clock>,
}

impl Default for QemuOptions {
    fn default() -> Self {
        Self {
            qemu: None,
            qemu_img: None,
            allow_kvm: true,
            // A picture of the screen takes 10 ms; a start under emulation on a host with every core busy, a second.
            patience: Duration::from_secs(20),
            clock: Arc::new(SystemClock::default()),
        }
    }
}

/// Makes machines as QEMU processes.
pub struct QemuProvider {
    host: Arc<Found>,
    digests: Digests,
    clock: Arc<dyn Clock>,
    waits: Waits,
    restrictions: StdMutex<Vec<String>>,
}

impl QemuProvider {
    /// Finds QEMU and proves what it can do here. Takes a fraction of a second, and below two where KVM is there but
    /// does not work.
    ///
    /// # Errors
    /// When a program is missing, too old, or cannot run anything.
    pub async fn discover(options: QemuOptions) -> Result<Self, DiscoverError> {
        let QemuOptions { qemu, qemu_img, allow_kvm, patience, clock } = options;
        let host = discover(&Wishes { qemu, qemu_img, allow_kvm }).await?;
        let waits = Waits::at_pace(patience, host.pace);
        let restrictions = StdMutex::new(host.restrictions.clone());
        Ok(Self { host: Arc::new(host), digests: Digests::default(), clock, waits, restrictions })
    }

    /// What was found of QEMU.
    pub async fn report(&self) -> HostReport {
        HostReport { restrictions: self.restrictions(), ..self.host.report().await }
    }

    /// What runs guests.
    #[must_use]
    pub fn accelerator(&self) -> Accelerator {
        self.host.acceleration.accelerator
    }

    /// What of QEMU's confinement was not possible so far, one sentence each. Grows as machines are made: whether QEMU
    /// may run as another user depends on where their files lie.
    #[must_use]
    pub fn restrictions(&self) -> Vec<String> {
        self.restrictions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn restrict(&self, note: String) {
        let mut restrictions = self.restrictions.lock().unwrap_or_else(PoisonError::into_inner);
        if !restrictions.contains(&note) {
            tracing::warn!("{note}");
            restrictions.push(note);
        }
    }

    /// Hands a machine's files to QEMU's user, when that user can reach all it needs.
    async fn settle_user(&self, files: &Files, golden: &Path) -> Starter {
        let starter = &self.host.starter;
        if starter.user == User::Own {
            return starter.clone();
        }
        let own = starter.as_user(User::Own);
        if let Err(error) = files.give_to_nobody() {
            self.restrict(format!("QEMU runs as root: its files cannot be given to another user ({error})"));
            return own;
        }
        let mut needs = vec![("-r", golden), ("-w", files.folder.as_path()), ("-w", files.overlay.as_path())];
        if self.host.acceleration.accelerator == Accelerator::Kvm {
            needs.push(("-w", Path::new(KVM)));
        }
        for (access, path) in needs {
            if !starter.may(access, path, self.waits.test).await {
                // A path of its own for every arm would make a note of its own for every arm.
                let path =
                    if path.starts_with(&files.folder) { "the run's folder".into() } else { path.to_string_lossy() };
                self.restrict(format!("QEMU runs as root: no other user may use {path}"));
                if let Err(fault) = files.seal() {
                    tracing::warn!(%fault, "the files of a machine stay with another user");
                }
                return own;
            }
        }
        starter.clone()
    }

    async fn prepare(&self, spec: &MachineSpec, files: &Files) -> Result<Prepared, LabFault> {
        let digests = self.digests.clone();
        let disk = spec.image.disk.clone();
        let checked = tokio::task::spawn_blocking(move || digests.check(&disk)).await;
        let golden = checked.unwrap_or_else(|error| Err(faults::task("checking the image", &error)))?;
        let firmware = match spec.image.machine.firmware {
            Firmware::Bios => None,
            Firmware::Uefi => Some(self.host.firmware().ok_or_else(|| {
                let message = "the image needs UEFI firmware, which is not installed; `apt-get install ovmf`";
                LabFault::new(FaultKind::QemuStart, message)
            })?),
        };
        let Found { qemu_img, starter, .. } = &*self.host;
        overlay::create(qemu_img, starter, &golden, &files.overlay, self.waits.overlay).await?;
        if let Some(firmware) = &firmware {
            files.copy_variables(&firmware.variables)?;
        }
        let starter = self.settle_user(files, &golden).await;
        Ok(Prepared { golden, firmware, starter })
    }
}

struct Prepared {
    golden: PathBuf,
    firmware: Option<FirmwareFiles>,
    starter: Starter,
}

#[async_trait]
impl Provider for QemuProvider {
    fn host(&self) -> Host {
        self.host.described(&self.restrictions())
    }

    async fn create(&self, mut spec: MachineSpec) -> Result<Box<dyn Machine>, LabFault> {
        let opening = |error| faults::file("opening the folder", &spec.folder, &error);
        spec.folder = spec.folder.canonicalize().map_err(opening)?;
        let port = port::candidate().map_err(|error| faults::no_port(&error))?;
        let log_files = log_files(&spec.folder);
        let mut logs = log_files.iter().zip([log::SERIAL, log::QEMU]).map(|(file, bounds)| {
            let log = BoundedLog::create(&file.path, bounds);
            log.map(SharedLog::new).map_err(|error| faults::file("making the log", &file.path, &error))
        });
        let missing = || LabFault::new(FaultKind::HostFile, "a log of the machine was not made: a bug of coexist");
        let serial = logs.next().ok_or_else(missing)??;
        let qemu = logs.next().ok_or_else(missing)??;
        drop(logs);
        let files = Files::below(&spec.folder);
        files.make_folder()?;
        let prepared = match self.prepare(&spec, &files).await {
            Ok(prepared) => prepared,
            Err(fault) => {
                if let Err(left) = files.remove() {
                    tracing::warn!(%left, "a machine that was not made left something behind");
                }
                return Err(fault);
            }
        };
        let acceleration = &self.host.acceleration;
        process::note(
            &qemu,
            &format!("QEMU {}, {}: {}", self.host.version, acceleration.accelerator, acceleration.reason),
        );
        for restriction in self.restrictions() {
            process::note(&qemu, &restriction);
        }
        Ok(Box::new(QemuMachine {
            host: Arc::clone(&self.host),
            spec,
            golden: prepared.golden,
            files,
            firmware: prepared.firmware,
            starter: prepared.starter,
            logs: Logs { qemu, serial },
            log_files,
            signs: Arc::new(Signs::new(Arc::clone(&self.clock))),
            port: AtomicU16::new(port),
            waits: self.waits,
            camera: Mutex::default(),
            writing_memory: Mutex::default(),
            state: Mutex::new(State::Ready),
        }))
    }
}
