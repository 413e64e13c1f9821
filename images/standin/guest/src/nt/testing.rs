//! A kernel over a temporary folder and a machine that takes notes.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use standin_behaviour::{Card, SECTION};
use standin_face::{BootIdentity, EventLogs, Registry, ServiceConfig, System, Volume};

use super::{Hang, Machine, Nt, Stop};

/// What the machine was told.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) stops: Vec<Stop>,
    pub(crate) hangs: Vec<Hang>,
    pub(crate) silences: usize,
    pub(crate) pauses: Vec<Duration>,
    pub(crate) ends: Vec<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct NotedMachine(Mutex<Notes>);

impl NotedMachine {
    pub(crate) fn notes(&self) -> Notes {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Machine for NotedMachine {
    fn stop(&self, stop: Stop) {
        self.0.lock().unwrap().stops.push(stop);
    }
    fn hang(&self, hang: Hang) {
        self.0.lock().unwrap().hangs.push(hang);
    }
    fn end(&self, restart: bool) {
        self.0.lock().unwrap().ends.push(restart);
    }
    fn silence(&self) {
        self.0.lock().unwrap().silences += 1;
    }
    fn silence_for(&self, time: Duration) {
        self.0.lock().unwrap().pauses.push(time);
    }
    fn is_alive(&self) -> bool {
        true
    }
    fn uptime(&self) -> Duration {
        Duration::from_secs(5)
    }
}

/// One system in one boot.
pub(crate) struct Lab {
    folder: Arc<tempfile::TempDir>,
    pub(crate) system: Arc<System>,
    pub(crate) nt: Arc<Nt>,
    pub(crate) machine: Arc<NotedMachine>,
}

/// A system on an empty volume, in its first boot.
pub(crate) fn lab() -> Lab {
    Lab::on(Arc::new(tempfile::tempdir().unwrap()), 1)
}

impl Lab {
    fn on(folder: Arc<tempfile::TempDir>, boot_id: u32) -> Self {
        let volume = Volume::new(folder.path().to_owned());
        let registry = Arc::new(Registry::load(&volume).unwrap());
        let logs = EventLogs::load(&volume).unwrap();
        let machine = Arc::new(NotedMachine::default());
        let identity = BootIdentity { boot_id, started: SystemTime::now() };
        let under: Arc<dyn Machine> = Arc::clone(&machine) as _;
        let nt = Nt::new(volume.clone(), Arc::clone(&registry), under, identity, 26_100, 42);
        let system = System::new(volume, registry, logs, Arc::clone(&nt) as _);
        nt.attach(&system);
        Self { folder, system, nt, machine }
    }

    /// The same volume in its next boot, with all drivers of start types 0 and 1 in memory.
    pub(crate) fn next_boot(self) -> Self {
        use standin_face::Kernel as _;
        let next = Self::on(self.folder, self.nt.boot().boot_id + 1);
        for service in next.system.services.all().iter().filter(|it| it.is_driver() && it.start < 2) {
            next.nt.load_driver(&service.name, false).unwrap();
        }
        next
    }

    /// Puts a driver's file and its service on the volume.
    pub(crate) fn add_driver(&self, service: &str, card: &Card) {
        let path = format!(r"C:\Windows\System32\drivers\{service}.sys");
        self.write(&path, &driver_file(Some(card), 0x6650_0000));
        let image_path = format!(r"\SystemRoot\System32\drivers\{service}.sys");
        let config = ServiceConfig { service_type: 2, start: 1, ..ServiceConfig::new(service, &image_path) };
        self.system.services.create(&config).unwrap();
    }

    /// Writes a file of the volume.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.system.volume.resolve(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// A 64-bit PE file with a card section, as small as they come.
pub(crate) fn driver_file(card: Option<&Card>, timestamp: u32) -> Vec<u8> {
    let section = card.map(Card::to_bytes).unwrap_or_default();
    let raw = u32::try_from(section.len()).unwrap().next_multiple_of(0x200);
    let mut bytes = vec![0; 0x400];
    let pe = 0x40;
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x40;
    bytes[pe..pe + 4].copy_from_slice(b"PE\0\0");
    let sections = u16::from(card.is_some());
    for (at, value) in [(4, 0x8664_u16), (6, sections), (20, 240), (22, 0x22), (24, 0x20b)] {
        bytes[pe + at..pe + at + 2].copy_from_slice(&value.to_le_bytes());
    }
    let table = pe + 24 + 240;
    let fields = [
        (pe + 8, timestamp),
        (pe + 56, 0x1000),
        (pe + 60, 0x200),
        (pe + 80, 0x4000),
        (pe + 84, 0x400),
        (pe + 88, 0xbeef),
        (pe + 24 + 108, 16),
        (table + 8, u32::try_from(section.len()).unwrap()),
        (table + 12, 0x1000),
        (table + 16, raw),
        (table + 20, 0x400),
    ];
    for (at, value) in fields {
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    if card.is_some() {
        bytes[table..table + 8].copy_from_slice(SECTION.as_bytes());
    }
    bytes.extend(&section);
    bytes.resize(0x400 + raw as usize, 0);
    bytes
}
