//! What the tests of this crate share: a volume in a temporary directory over a kernel that is a list.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::process::{Cancel, Handles, Input, Output};
use crate::text::lock;
use crate::{BootIdentity, EventLogs, Kernel, LoadedDriver, Personality, Registry, System, Volume};

#[derive(Default)]
pub(crate) struct FakeKernel {
    pub(crate) loaded: Mutex<Vec<LoadedDriver>>,
    /// What was asked, as text.
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) refuse: Mutex<Option<u32>>,
    pub(crate) altitude: Option<String>,
}

impl Kernel for FakeKernel {
    fn load_driver(&self, service: &str, by_installer: bool) -> Result<(), u32> {
        lock(&self.asked).push(format!("load {service} {by_installer}"));
        if let Some(error) = *lock(&self.refuse) {
            return Err(error);
        }
        lock(&self.loaded).push(LoadedDriver {
            service: service.to_owned(),
            base_name: format!("{service}.sys"),
            altitude: Some(self.altitude.clone().unwrap_or_else(|| "321410".to_owned())),
        });
        Ok(())
    }
    fn unload_driver(&self, service: &str) -> Result<(), u32> {
        lock(&self.asked).push(format!("unload {service}"));
        let mut loaded = lock(&self.loaded);
        let before = loaded.len();
        loaded.retain(|it| !it.service.eq_ignore_ascii_case(service));
        if loaded.len() == before { Err(1062) } else { Ok(()) }
    }
    fn loaded_drivers(&self) -> Vec<LoadedDriver> {
        lock(&self.loaded).clone()
    }
    fn content_may_have_changed(&self) {
        lock(&self.asked).push("content".to_owned());
    }
    fn shutdown(&self, restart: bool, delay: Duration, reason: &str) {
        lock(&self.asked).push(format!("shutdown {restart} {} {reason}", delay.as_secs()));
    }
    fn boot(&self) -> BootIdentity {
        BootIdentity { boot_id: 1, started: SystemTime::UNIX_EPOCH }
    }
}

/// A machine after its first boot.
pub(crate) struct Machine {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) system: Arc<System>,
    pub(crate) kernel: Arc<FakeKernel>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let kernel = Arc::new(FakeKernel::default());
        let registry = Arc::new(Registry::load(&volume).unwrap());
        let logs = EventLogs::load(&volume).unwrap();
        let below: Arc<dyn Kernel> = Arc::clone(&kernel) as Arc<dyn Kernel>;
        let system = System::new(volume, registry, logs, below);
        crate::first_boot(&system, &Personality::default()).unwrap();
        let failed = system.services.start_automatic();
        assert_eq!(failed, []);
        lock(&kernel.asked).clear();
        Self { folder, system, kernel }
    }

    /// Runs a command; its output, its errors and its exit code.
    pub(crate) fn run(&self, command: &str) -> (String, String, u32) {
        let out = Arc::new(Mutex::new(Vec::new()));
        let err = Arc::new(Mutex::new(Vec::new()));
        let handles = Handles {
            stdin: Input::Nul,
            stdout: Output::Buffer(Arc::clone(&out)),
            stderr: Output::Buffer(Arc::clone(&err)),
        };
        let (system, command) = (Arc::clone(&self.system), command.to_owned());
        // As the server does: cmd within cmd goes deep.
        let thread = std::thread::Builder::new()
            .stack_size(crate::ssh::STACK)
            .spawn(move || system.run_command(&command, handles, Cancel::default()));
        let code = thread.unwrap().join().unwrap();
        let text = |buffer: &Mutex<Vec<u8>>| String::from_utf8(lock(buffer).clone()).unwrap();
        (text(&out), text(&err), code)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let at = self.system.volume.resolve(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.system.volume.resolve(path)).unwrap()
    }
}
