//! The service control manager.
//!
//! ```text
//!             start                    stop, control stop
//! Stopped ───────────► Running ───────────────────────────► Stopped
//! ```
//! The database lies in the registry as on Windows; states live in memory and begin as Stopped at each boot. A driver's
//! state is what the [`Kernel`] says. Errors are Win32 codes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::text::lock;
use crate::{Kernel, RegValue, Registry, Volume};

/// Registry key that holds the database.
pub const SERVICES_KEY: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";

/// Win32 errors a service call may end in.
pub mod errors {
    /// The system cannot find the file specified.
    pub const FILE_NOT_FOUND: u32 = 2;
    /// Access is denied.
    pub const ACCESS_DENIED: u32 = 5;
    /// Not a valid Win32 application.
    pub const BAD_EXE_FORMAT: u32 = 193;
    /// The requested control is not valid for this service.
    pub const INVALID_SERVICE_CONTROL: u32 = 1052;
    /// An instance of the service is already running.
    pub const SERVICE_ALREADY_RUNNING: u32 = 1056;
    /// The service cannot be started because it is disabled.
    pub const SERVICE_DISABLED: u32 = 1058;
    /// The specified service does not exist as an installed service.
    pub const SERVICE_DOES_NOT_EXIST: u32 = 1060;
    /// The service has not been started.
    pub const SERVICE_NOT_ACTIVE: u32 = 1062;
    /// The dependency service failed to start.
    pub const SERVICE_DEPENDENCY_FAIL: u32 = 1068;
    /// The specified service already exists.
    pub const SERVICE_EXISTS: u32 = 1073;
    /// The device could not write the database; what a full disk looks like from here.
    pub const WRITE_FAULT: u32 = 29;
}

/// What the registry says of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Name of its key.
    pub name: String,
    /// 1 kernel driver, 2 file-system driver, 0x10 own process, 0x20 shared process.
    pub service_type: u32,
    /// 0 boot, 1 system, 2 automatic, 3 demand, 4 disabled.
    pub start: u32,
    /// 0 ignore, 1 normal, 2 severe, 3 critical.
    pub error_control: u32,
    /// Command line of the service, or image of the driver.
    pub image_path: String,
    /// Name shown to people.
    pub display_name: String,
    /// Account it runs under; empty for a driver.
    pub account: String,
    /// Load-order group.
    pub group: String,
    /// Services it needs.
    pub depends: Vec<String>,
}

impl ServiceConfig {
    /// A service of its own process under LocalSystem, started on demand.
    #[must_use]
    pub fn new(name: &str, image_path: &str) -> Self {
        Self {
            name: name.to_owned(),
            service_type: 0x10,
            start: 3,
            error_control: 1,
            image_path: image_path.to_owned(),
            display_name: name.to_owned(),
            account: "LocalSystem".to_owned(),
            group: String::new(),
            depends: Vec::new(),
        }
    }

    /// Whether it is a kernel or file-system driver.
    #[must_use]
    pub fn is_driver(&self) -> bool {
        matches!(self.service_type, 1 | 2 | 8)
    }
}

/// Where a service is in its life. The numbers are those `sc query` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not running.
    Stopped = 1,
    /// Running.
    Running = 4,
}

/// What `sc queryex` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Now.
    pub state: State,
    /// Win32 exit code of the last run; 1077 when it never ran in this boot.
    pub exit_code: u32,
    /// Process number; 0 for a driver or a stopped service.
    pub pid: u32,
}

/// The service control manager.
pub struct Services {
    registry: Arc<Registry>,
    volume: Volume,
    kernel: Arc<dyn Kernel>,
    running: Mutex<BTreeMap<String, Status>>,
    next_pid: AtomicU32,
    sshd: watch::Sender<bool>,
}

/// ERROR_SERVICE_NEVER_STARTED: what a service that has not run in this boot reports.
const NEVER_STARTED: u32 = 1077;
/// ERROR_PROCESS_ABORTED: what a service whose process is gone reports.
const PROCESS_ABORTED: u32 = 1067;

impl Services {
    /// The manager of this database. Everything is stopped, except that the SSH server may listen until told otherwise.
    #[must_use]
    pub fn new(registry: Arc<Registry>, volume: Volume, kernel: Arc<dyn Kernel>) -> Self {
        let (sshd, _) = watch::channel(true);
        Self { registry, volume, kernel, running: Mutex::default(), next_pid: AtomicU32::new(712), sshd }
    }

    /// Whether the service `sshd` may serve; [`crate::serve`] obeys it.
    #[must_use]
    pub fn sshd(&self) -> watch::Receiver<bool> {
        self.sshd.subscribe()
    }

    fn key(name: &str) -> String {
        format!("{SERVICES_KEY}\\{name}")
    }

    /// All services and drivers, sorted by name.
    #[must_use]
    pub fn all(&self) -> Vec<ServiceConfig> {
        self.registry.subkeys(SERVICES_KEY).iter().filter_map(|name| self.config(name)).collect()
    }

    /// One service's entry; a key without `Type` is none.
    #[must_use]
    pub fn config(&self, name: &str) -> Option<ServiceConfig> {
        if name.is_empty() || name.contains('\\') {
            return None;
        }
        let key = Self::key(name);
        let number = |value, otherwise| self.registry.get(&key, value).and_then(|it| it.as_u32()).unwrap_or(otherwise);
        let text = |value| self.registry.text(&key, value);
        let service_type = self.registry.get(&key, "Type")?.as_u32()?;
        let spelled = self.registry.spelled(&key)?;
        let name = spelled.rsplit('\\').next().unwrap_or(name).to_owned();
        let depends = match self.registry.get(&key, "DependOnService") {
            Some(RegValue::MultiSz(names)) => names,
            _ => Vec::new(),
        };
        Some(ServiceConfig {
            display_name: text("DisplayName").filter(|it| !it.is_empty()).unwrap_or_else(|| name.clone()),
            name,
            service_type,
            start: number("Start", 3),
            error_control: number("ErrorControl", 1),
            image_path: text("ImagePath").unwrap_or_default(),
            account: text("ObjectName").unwrap_or_default(),
            group: text("Group").unwrap_or_default(),
            depends,
        })
    }

    /// Name of the service that has this name or this display name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<String> {
        self.config(name)
            .map(|it| it.name)
            .or_else(|| self.all().into_iter().find(|it| it.display_name.eq_ignore_ascii_case(name)).map(|it| it.name))
    }

    /// Adds a service to the database.
    ///
    /// # Errors
    /// 1073 when it exists, 29 when it cannot be written.
    pub fn create(&self, config: &ServiceConfig) -> Result<(), u32> {
        if self.config(&config.name).is_some() {
            return Err(errors::SERVICE_EXISTS);
        }
        self.write(config)
    }

    /// Writes a service's entry, whether it exists or not.
    ///
    /// # Errors
    /// 29 when it cannot be written.
    pub fn write(&self, config: &ServiceConfig) -> Result<(), u32> {
        let key = Self::key(&config.name);
        let held = self.registry.hold();
        let mut values = vec![
            ("Type", RegValue::Dword(config.service_type)),
            ("Start", RegValue::Dword(config.start)),
            ("ErrorControl", RegValue::Dword(config.error_control)),
            ("ImagePath", RegValue::ExpandSz(config.image_path.clone())),
            ("DisplayName", RegValue::Sz(config.display_name.clone())),
        ];
        if !config.is_driver() {
            values.push(("ObjectName", RegValue::Sz(config.account.clone())));
        }
        if !config.group.is_empty() {
            values.push(("Group", RegValue::Sz(config.group.clone())));
        }
        if !config.depends.is_empty() {
            values.push(("DependOnService", RegValue::MultiSz(config.depends.clone())));
        }
        for (name, value) in values {
            self.registry.set(&key, name, value).map_err(|_| errors::WRITE_FAULT)?;
        }
        held.release().map_err(|_| errors::WRITE_FAULT)
    }

    /// Removes a service from the database. One that still runs disappears too, unlike on Windows, which would only mark
    /// it (1072); nobody in the lab tells the difference.
    ///
    /// # Errors
    /// 1060 when it does not exist, 29 when it cannot be written.
    pub fn delete(&self, name: &str) -> Result<(), u32> {
        let config = self.config(name).ok_or(errors::SERVICE_DOES_NOT_EXIST)?;
        self.registry.delete_key(&Self::key(&config.name)).map_err(|_| errors::WRITE_FAULT)?;
        if !config.is_driver() {
            lock(&self.running).remove(&config.name.to_lowercase());
        }
        Ok(())
    }

    /// How a service is.
    ///
    /// # Errors
    /// 1060 when it does not exist.
    pub fn status(&self, name: &str) -> Result<Status, u32> {
        let config = self.config(name).ok_or(errors::SERVICE_DOES_NOT_EXIST)?;
        if config.is_driver() {
            let loaded = self.kernel.loaded_drivers().iter().any(|it| it.service.eq_ignore_ascii_case(name));
            let (state, exit_code) = if loaded { (State::Running, 0) } else { (State::Stopped, NEVER_STARTED) };
            return Ok(Status { state, exit_code, pid: 0 });
        }
        let never = Status { state: State::Stopped, exit_code: NEVER_STARTED, pid: 0 };
        Ok(lock(&self.running).get(&config.name.to_lowercase()).copied().unwrap_or(never))
    }

    /// Starts a service, or loads a driver; may never return (see [`Kernel`]).
    ///
    /// # Errors
    /// 1060, 1056, 1058, 1068, 2 without an image on the disk, 193 when it is no PE file, or what the kernel said.
    pub fn start(&self, name: &str) -> Result<(), u32> {
        self.start_as(name, true, 0)
    }

    fn start_as(&self, name: &str, by_installer: bool, depth: u8) -> Result<(), u32> {
        let config = self.config(name).ok_or(errors::SERVICE_DOES_NOT_EXIST)?;
        if self.status(name)?.state == State::Running {
            return Err(errors::SERVICE_ALREADY_RUNNING);
        }
        if config.start == 4 {
            return Err(errors::SERVICE_DISABLED);
        }
        for other in &config.depends {
            let there = self.status(other).map(|it| it.state);
            let ok = match there {
                Ok(State::Running) => true,
                Ok(State::Stopped) if depth < 16 => self.start_as(other, by_installer, depth + 1).is_ok(),
                _ => false,
            };
            if !ok {
                return Err(errors::SERVICE_DEPENDENCY_FAIL);
            }
        }
        let image = self.image(&config).ok_or(errors::FILE_NOT_FOUND)?;
        if !is_pe(&image) {
            return Err(errors::BAD_EXE_FORMAT);
        }
        if config.is_driver() {
            return self.kernel.load_driver(&config.name, by_installer);
        }
        let pid = self.next_pid.fetch_add(4, Ordering::Relaxed);
        lock(&self.running).insert(config.name.to_lowercase(), Status { state: State::Running, exit_code: 0, pid });
        if config.name.eq_ignore_ascii_case("sshd") {
            self.sshd.send_replace(true);
        }
        self.kernel.content_may_have_changed();
        Ok(())
    }

    /// Stops a service, or unloads a driver.
    ///
    /// # Errors
    /// 1060, 1062, or what the kernel said.
    pub fn stop(&self, name: &str) -> Result<(), u32> {
        let config = self.config(name).ok_or(errors::SERVICE_DOES_NOT_EXIST)?;
        if self.status(name)?.state == State::Stopped {
            return Err(errors::SERVICE_NOT_ACTIVE);
        }
        if config.is_driver() {
            return self.kernel.unload_driver(&config.name);
        }
        lock(&self.running).insert(config.name.to_lowercase(), Status { state: State::Stopped, exit_code: 0, pid: 0 });
        if config.name.eq_ignore_ascii_case("sshd") {
            self.sshd.send_replace(false);
        }
        Ok(())
    }

    /// Ends a service's process as a crash of its program does, and returns the service's display name. What it reports
    /// from then on is ERROR_PROCESS_ABORTED.
    pub(crate) fn end(&self, name: &str) -> Result<String, u32> {
        let config = self.config(name).ok_or(errors::SERVICE_DOES_NOT_EXIST)?;
        if config.is_driver() {
            return Err(errors::INVALID_SERVICE_CONTROL);
        }
        self.stop(name)?;
        let ended = Status { state: State::Stopped, exit_code: PROCESS_ABORTED, pid: 0 };
        lock(&self.running).insert(config.name.to_lowercase(), ended);
        Ok(config.display_name)
    }

    /// Sends `paramchange` or a control of the vendor's own (128 to 255).
    ///
    /// # Errors
    /// 1060, 1062, 1052 for a driver.
    pub fn notify(&self, name: &str) -> Result<(), u32> {
        let config = self.config(name).ok_or(errors::SERVICE_DOES_NOT_EXIST)?;
        if config.is_driver() {
            return Err(errors::INVALID_SERVICE_CONTROL);
        }
        if self.status(name)?.state == State::Stopped {
            return Err(errors::SERVICE_NOT_ACTIVE);
        }
        self.kernel.content_may_have_changed();
        Ok(())
    }

    /// What a starting system starts: boot and system drivers, then automatic drivers and services, each group in the
    /// order of names. Drivers the kernel has loaded already are left alone. Returns those that failed, with their error.
    pub fn start_automatic(&self) -> Vec<(String, u32)> {
        let mut wanted: Vec<_> = self.all().into_iter().filter(|it| it.start <= 2).collect();
        wanted.sort_by_key(|it| (it.start, !it.is_driver()));
        let mut failed = Vec::new();
        for config in wanted {
            match self.start_as(&config.name, false, 0) {
                Ok(()) | Err(errors::SERVICE_ALREADY_RUNNING) => {}
                Err(error) => failed.push((config.name, error)),
            }
        }
        failed
    }

    /// The image file of a service or driver, when it is on the disk. Paths with spaces and no quotes are tried up to each
    /// space, as Windows does.
    #[must_use]
    pub fn image(&self, config: &ServiceConfig) -> Option<std::path::PathBuf> {
        let text = expand_system(&config.image_path);
        let text = text.trim();
        let candidates: Vec<String> = if let Some(quoted) = text.strip_prefix('"') {
            vec![quoted.split('"').next().unwrap_or_default().to_owned()]
        } else if text.is_empty() && config.is_driver() {
            vec![format!("C:\\Windows\\System32\\drivers\\{}.sys", config.name)]
        } else {
            text.match_indices(' ').map(|(end, _)| text[..end].to_owned()).chain([text.to_owned()]).collect()
        };
        candidates.into_iter().find_map(|path| {
            let rooted = path.contains(':') || path.starts_with('\\');
            let full = if rooted { path } else { format!("C:\\Windows\\{path}") };
            [full.clone(), format!("{full}.exe")].iter().map(|it| self.volume.resolve(it)).find(|it| it.is_file())
        })
    }
}

/// Replaces what service entries and expandable values use for the system's directories.
#[must_use]
pub(crate) fn expand_system(text: &str) -> String {
    let mut out = text.to_owned();
    for (from, to) in [
        ("%systemroot%", "C:\\Windows"),
        ("%windir%", "C:\\Windows"),
        ("\\systemroot\\", "C:\\Windows\\"),
        ("%programfiles%", "C:\\Program Files"),
        ("%programdata%", "C:\\ProgramData"),
    ] {
        while let Some(at) = out.to_ascii_lowercase().find(from) {
            out.replace_range(at..at + from.len(), to);
        }
    }
    out
}

/// Whether a file begins like a PE image.
fn is_pe(path: &std::path::Path) -> bool {
    use std::io::Read;
    let mut mark = [0; 2];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut mark)).is_ok() && &mark == b"MZ"
}
