//! The kernel as the face sees it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use standin_behaviour::{CutShort, Moment};
use standin_face::{BootIdentity, Kernel, LoadedDriver, Registry, System, Volume, errors};
use standin_formats::dump::{DumpDriver, SmallDump, UnloadedDriver};

use super::bugcheck::{self, Culprit, Scene};
use super::conduct::Outcome;
use super::history::{History, Noticed};
use super::image::Image;
use super::inbox;
use super::machine::{Machine, Stop};
use super::memory::Memory;
use crate::platform::serial::mark;
use crate::session::events;

/// Longest first line of a content file, in bytes.
const LONGEST_VERSION: u64 = 4096;
/// A shutdown never comes sooner: the answer to whoever asked for it has to get through first.
const SHORTEST_DELAY: Duration = Duration::from_millis(300);

/// A driver in memory.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) service: String,
    pub(super) image: Arc<Image>,
    pub(super) base: u64,
    /// Version of the content it last read.
    pub(super) content: Option<String>,
    /// Changes with each load and each content read; timers of an older one are void.
    epoch: u64,
}

#[derive(Debug)]
struct Inner {
    drivers: Vec<Loaded>,
    unloaded: Vec<UnloadedDriver>,
    inbox: Vec<DumpDriver>,
    memory: Memory,
    epochs: u64,
    /// The number of the shutdown that is due; another number means that it was taken back.
    shutdown: Option<u64>,
    /// Services that a driver wants stopped, until the automatic ones have been started.
    unwanted: Option<Vec<String>>,
}

/// The kernel.
pub(crate) struct Nt {
    volume: Volume,
    registry: Arc<Registry>,
    machine: Arc<dyn Machine>,
    identity: BootIdentity,
    build: u32,
    inner: Mutex<Inner>,
    system: OnceLock<Weak<System>>,
    itself: Weak<Self>,
    /// Set once the boot is good: loads before that are the starting system's own.
    up: OnceLock<()>,
    /// Set once a driver keeps the power button from being heard.
    button_ignored: OnceLock<()>,
}

impl Nt {
    /// A kernel with nothing but Windows' own images in memory.
    pub(crate) fn new(
        volume: Volume,
        registry: Arc<Registry>,
        machine: Arc<dyn Machine>,
        identity: BootIdentity,
        build: u32,
        seed: u64,
    ) -> Arc<Self> {
        let mut memory = Memory::new(seed);
        let inbox = inbox::LOADED
            .iter()
            .enumerate()
            .map(|(number, it)| DumpDriver {
                name: it.base_name.to_owned(),
                base: if number == 0 { memory.kernel() } else { memory.place(it.size) },
                size: it.size,
                timestamp: inbox::timestamp(it.base_name),
                checksum: inbox::timestamp(it.base_name) & 0x00ff_ffff,
            })
            .collect();
        let inner = Inner {
            drivers: Vec::new(),
            unloaded: Vec::new(),
            inbox,
            memory,
            epochs: 0,
            shutdown: None,
            unwanted: Some(Vec::new()),
        };
        Arc::new_cyclic(|itself| Self {
            volume,
            registry,
            machine,
            identity,
            build,
            inner: Mutex::new(inner),
            system: OnceLock::new(),
            itself: itself.clone(),
            up: OnceLock::new(),
            button_ignored: OnceLock::new(),
        })
    }

    /// Makes the system's user-mode part known, once it exists.
    pub(crate) fn attach(&self, system: &Arc<System>) {
        self.system.set(Arc::downgrade(system)).ok();
    }

    /// Lets every loaded driver have its boot. Returns the services of those that refused, with their error; returns at
    /// all only when the boot is good so far.
    pub(crate) fn boot_drivers(&self) -> Vec<(String, u32)> {
        let drivers = self.lock().drivers.clone();
        let mut refused = Vec::new();
        for driver in &drivers {
            for moment in [Moment::ContentLoad, Moment::Boot] {
                if let Outcome::Refused(error) = self.moment(driver, moment) {
                    self.forget(&driver.service);
                    refused.push((driver.service.clone(), error));
                    break;
                }
            }
        }
        refused
    }

    /// The boot is good: timers start, and loads are installers' from now on.
    pub(crate) fn is_up(&self) {
        self.up.set(()).ok();
        let drivers = self.lock().drivers.clone();
        drivers.iter().for_each(|it| self.start_timers(it));
    }

    /// The machine's power button: a shutdown nobody has to be told of first, unless a driver keeps it from being heard.
    pub(crate) fn power_button(&self) {
        if !self.machine.is_alive() {
            return;
        }
        crate::session::record::button_pressed(&self.registry, SystemTime::now()).ok();
        if self.button_ignored.get().is_none() {
            self.end_of_session(false);
        }
    }

    /// From now on the power button does nothing.
    pub(super) fn ignore_power_button(&self) {
        self.button_ignored.set(()).ok();
    }

    /// Stops the system. Returns in tests only.
    pub(crate) fn bugcheck(&self, code: u32, parameters: [u64; 4], culprit: Option<&Culprit>) {
        self.stop(code, parameters, culprit, None);
    }

    /// As [`Nt::bugcheck`]; where `cut` is there, the power fails while the dump is written.
    pub(super) fn stop(&self, code: u32, parameters: [u64; 4], culprit: Option<&Culprit>, cut: Option<CutShort>) {
        let dump = self.dump(code, parameters, culprit);
        self.machine.stop(Stop { dump, failed: culprit.map(|it| it.base_name.clone()), cut });
    }

    /// What a dump of this moment tells.
    pub(super) fn dump(&self, code: u32, parameters: [u64; 4], culprit: Option<&Culprit>) -> SmallDump {
        let mut inner = self.lock();
        let mut images = inner.inbox.clone();
        images.extend(inner.drivers.iter().map(|it| DumpDriver {
            name: it.image.base_name.clone(),
            base: it.base,
            size: it.image.size,
            timestamp: it.image.timestamp,
            checksum: it.image.checksum,
        }));
        let unloaded = inner.unloaded.clone();
        let scene = Scene {
            build: self.build,
            now: SystemTime::now(),
            uptime: self.machine.uptime(),
            images: &images,
            windows: inbox::LOADED.len(),
            unloaded: &unloaded,
        };
        bugcheck::dump(&scene, code, parameters, culprit, &mut inner.memory)
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn machine(&self) -> &dyn Machine {
        &*self.machine
    }

    pub(super) fn identity(&self) -> BootIdentity {
        self.identity
    }

    pub(super) fn is_loaded(&self, base_name: &str) -> bool {
        let inner = self.lock();
        inner.drivers.iter().any(|it| it.image.base_name.eq_ignore_ascii_case(base_name))
            || inner.inbox.iter().any(|it| it.name.eq_ignore_ascii_case(base_name))
    }

    /// The version of its content that the driver last read.
    pub(super) fn content_of(&self, driver: &Loaded) -> Option<String> {
        let inner = self.lock();
        let current = inner.drivers.iter().find(|it| it.service == driver.service);
        current.unwrap_or(driver).content.clone()
    }

    /// The automatic services have been started: those that a driver wants stopped go now.
    pub(crate) fn services_are_started(&self) {
        let unwanted = self.lock().unwanted.take();
        unwanted.unwrap_or_default().iter().for_each(|it| self.stop_service(it));
    }

    pub(super) fn stop_service(&self, name: &str) {
        if let Some(unwanted) = &mut self.lock().unwanted {
            unwanted.push(name.to_owned());
            return;
        }
        self.with_system(|system| {
            system.services.stop(name).ok();
        });
    }

    /// Does something to the user-mode part of the system, once it exists.
    pub(super) fn with_system(&self, act: impl FnOnce(&Arc<System>)) {
        if let Some(system) = self.system.get().and_then(Weak::upgrade) {
            act(&system);
        }
    }

    fn history(&self) -> History<'_> {
        History { registry: &self.registry, boot_id: self.identity.boot_id }
    }

    /// First line of a driver's content file.
    fn read_content(&self, image: &Image) -> Option<String> {
        let file = File::open(self.volume.resolve(image.card.content.as_deref()?)).ok()?;
        let mut line = Vec::new();
        BufReader::new(file.take(LONGEST_VERSION)).read_until(b'\n', &mut line).ok()?;
        Some(String::from_utf8_lossy(&line).trim().trim_start_matches('\u{feff}').to_owned())
    }

    /// Puts an image into memory and notes what is new. The flag says whether the driver is new on this system.
    fn put(&self, service: &str, image: Image, noticed: Noticed) -> Result<(Loaded, bool), u32> {
        let content = self.read_content(&image);
        let write_fault = |_| errors::WRITE_FAULT;
        let new = self.history().note_driver(service, &image.digest, noticed).map_err(write_fault)?;
        if let Some(version) = &content {
            self.history().note_content(service, version, noticed).map_err(write_fault)?;
        }
        let mut inner = self.lock();
        if inner.drivers.iter().any(|it| it.service.eq_ignore_ascii_case(service)) {
            return Err(errors::SERVICE_ALREADY_RUNNING);
        }
        inner.epochs += 1;
        let loaded = Loaded {
            service: service.to_owned(),
            base: inner.memory.place(image.size),
            image: Arc::new(image),
            content,
            epoch: inner.epochs,
        };
        inner.drivers.push(loaded.clone());
        Ok((loaded, new))
    }

    pub(super) fn forget(&self, service: &str) -> Option<Loaded> {
        let mut inner = self.lock();
        let at = inner.drivers.iter().position(|it| it.service.eq_ignore_ascii_case(service))?;
        let driver = inner.drivers.remove(at);
        let end = driver.base + u64::from(driver.image.size);
        let gone = UnloadedDriver { name: driver.image.base_name.clone(), start: driver.base, end };
        inner.unloaded.insert(0, gone);
        Some(driver)
    }

    fn start_timers(&self, driver: &Loaded) {
        for (after, place) in Self::timers(driver) {
            let (itself, service, epoch) = (self.itself.clone(), driver.service.clone(), driver.epoch);
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(after));
                let Some(nt) = itself.upgrade() else { return };
                let current = nt.lock().drivers.iter().find(|it| it.service == service && it.epoch == epoch).cloned();
                if let Some(driver) = current {
                    nt.time_is_up(&driver, place);
                }
            });
        }
    }

    /// A driver whose content has another version than the one it works from, brought up to date.
    fn reread(&self, driver: &Loaded) -> Option<Loaded> {
        let version = self.read_content(&driver.image)?;
        let mut inner = self.lock();
        inner.epochs += 1;
        let epoch = inner.epochs;
        let current = inner.drivers.iter_mut().find(|it| it.service == driver.service)?;
        if current.content.as_ref() == Some(&version) {
            return None;
        }
        current.content = Some(version);
        current.epoch = epoch;
        Some(current.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_of_session(&self, restart: bool) {
        if let Some(system) = self.system.get().and_then(Weak::upgrade) {
            system.logs.system.append_all(events::stopped(restart, SystemTime::now()).to_vec()).ok();
        }
        crate::session::record::stopped(&self.registry).ok();
        self.machine.end(restart);
    }
}

impl Kernel for Nt {
    fn load_driver(&self, service: &str, by_installer: bool) -> Result<(), u32> {
        let system = self.system.get().and_then(Weak::upgrade).ok_or(errors::ACCESS_DENIED)?;
        let config = system.services.config(service).ok_or(errors::SERVICE_DOES_NOT_EXIST)?;
        if inbox::LOADED.iter().any(|it| it.service.is_some_and(|it| it.eq_ignore_ascii_case(service))) {
            return Err(errors::SERVICE_ALREADY_RUNNING);
        }
        let file = system.services.image(&config).ok_or(errors::FILE_NOT_FOUND)?;
        let image = Image::read(&file).map_err(|unfit| {
            mark!("driver {service}: {unfit}");
            unfit.error()
        })?;
        let up = self.up.get().is_some();
        let noticed = if by_installer { Noticed::Live } else { Noticed::AtBoot };
        let (driver, new) = self.put(&config.name, image, noticed)?;
        if !up {
            // its moments come when all drivers are in memory
            return Ok(());
        }
        let moments = match (by_installer, new) {
            (true, true) => vec![Moment::Install, Moment::ContentLoad],
            (true, false) => vec![Moment::ContentLoad],
            (false, _) => vec![Moment::ContentLoad, Moment::Boot],
        };
        for moment in moments {
            if let Outcome::Refused(error) = self.moment(&driver, moment) {
                self.forget(&driver.service);
                return Err(error);
            }
        }
        self.start_timers(&driver);
        Ok(())
    }

    fn unload_driver(&self, service: &str) -> Result<(), u32> {
        if inbox::LOADED.iter().any(|it| it.service.is_some_and(|it| it.eq_ignore_ascii_case(service))) {
            return Err(errors::INVALID_SERVICE_CONTROL);
        }
        self.forget(service).map(drop).ok_or(errors::SERVICE_NOT_ACTIVE)
    }

    fn loaded_drivers(&self) -> Vec<LoadedDriver> {
        let inner = self.lock();
        let inbox = inbox::LOADED.iter().filter_map(|it| {
            Some(LoadedDriver {
                service: it.service?.to_owned(),
                base_name: it.base_name.to_owned(),
                altitude: it.altitude.map(str::to_owned),
            })
        });
        let others = inner.drivers.iter().map(|it| LoadedDriver {
            service: it.service.clone(),
            base_name: it.image.base_name.clone(),
            altitude: it.image.card.altitude.clone(),
        });
        inbox.chain(others).collect()
    }

    fn content_may_have_changed(&self) {
        if self.up.get().is_none() {
            return;
        }
        let drivers = self.lock().drivers.clone();
        for driver in drivers.iter().filter_map(|it| self.reread(it)) {
            if let Some(version) = &driver.content {
                self.history().note_content(&driver.service, version, Noticed::Live).ok();
            }
            // a driver that is in memory cannot refuse to be loaded any more
            self.moment(&driver, Moment::ContentLoad);
            self.start_timers(&driver);
        }
    }

    fn shutdown(&self, restart: bool, delay: Duration, reason: &str) {
        if let Some(system) = self.system.get().and_then(Weak::upgrade) {
            let computer = system.computer_name();
            system.logs.system.append(events::asked_for(&computer, restart, reason)).ok();
        }
        let number = {
            let mut inner = self.lock();
            inner.epochs += 1;
            inner.shutdown = Some(inner.epochs);
            inner.epochs
        };
        let itself = self.itself.clone();
        std::thread::spawn(move || {
            std::thread::sleep(delay.max(SHORTEST_DELAY));
            let Some(nt) = itself.upgrade() else { return };
            let due = nt.lock().shutdown.take_if(|it| *it == number).is_some();
            if due {
                nt.end_of_session(restart);
            }
        });
    }

    fn abort_shutdown(&self) -> bool {
        self.lock().shutdown.take().is_some()
    }

    fn trace(&self, line: &str) {
        mark!("{line}");
    }

    fn boot(&self) -> BootIdentity {
        self.identity
    }
}
