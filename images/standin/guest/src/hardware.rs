//! The machine under the little kernel: the real one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crate::nt::{Machine, Stop};
use crate::platform::panic_device::{PanicDevice, Tell};
use crate::platform::serial::{mark, uptime_ms};
use crate::platform::{console, mounts, network, power};
use crate::session::dump_file::DumpFile;

/// How long the file system may take to put its own house in order after a crash.
const SYNC: Duration = Duration::from_secs(3);
/// Stop code of a non-maskable interrupt: it comes through even when nothing else does.
pub(crate) const NMI_HARDWARE_FAILURE: u32 = 0x80;

/// What a stop needs, settled while the system is still well.
#[derive(Debug)]
pub(crate) struct Preparations {
    /// Where the dump goes; nothing when none is to be written.
    pub(crate) dump_file: Option<DumpFile>,
    /// Whether the machine restarts by itself.
    pub(crate) restart: bool,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Hardware {
    panic_device: PanicDevice,
    preparations: OnceLock<Preparations>,
    stopping: AtomicBool,
    hung: AtomicBool,
}

impl Hardware {
    /// The machine, not yet prepared for a crash.
    pub(crate) fn new(panic_device: PanicDevice) -> Self {
        Self {
            panic_device,
            preparations: OnceLock::new(),
            stopping: AtomicBool::new(false),
            hung: AtomicBool::new(false),
        }
    }

    /// Tells the machine where dumps go in this boot.
    pub(crate) fn prepare(&self, preparations: Preparations) {
        self.preparations.set(preparations).ok();
    }

    /// The file dumps go to in this boot.
    pub(crate) fn dump_file(&self) -> Option<&DumpFile> {
        self.preparations.get()?.dump_file.as_ref()
    }

    /// The system cannot even start: what Windows calls an inaccessible boot device.
    pub(crate) fn give_up(&self, why: &str) -> ! {
        mark!("cannot start: {why}");
        console::blue_screen(&["Stop code: INACCESSIBLE_BOOT_DEVICE (0x7B)".to_owned()]);
        self.panic_device.tell(Tell::Panicked).ok();
        power::reset()
    }

    /// Writes the dump, telling the host at the first dump I/O that one is coming, or that there will be none (pvpanic's
    /// Windows driver does it in this order: bugcheck.c).
    fn write_dump(&self, stop: &Stop) {
        let told = match self.dump_file() {
            Some(file) => {
                let bytes = stop.dump.to_bytes();
                let told = self.panic_device.tell(Tell::CrashLoaded);
                match file.write(&bytes) {
                    Ok(()) => mark!("stopped: dump of {} bytes written", bytes.len()),
                    Err(error) => mark!("stopped: no dump: {error}"),
                }
                told
            }
            None => {
                mark!("stopped: no dump is to be written");
                self.panic_device.tell(Tell::Panicked)
            }
        };
        if let Err(error) = told {
            mark!("panic device: {error}");
        }
    }
}

impl Machine for Hardware {
    fn stop(&self, stop: Stop) {
        let held = self.hung.load(Ordering::SeqCst) && stop.dump.stop_code != NMI_HARDWARE_FAILURE;
        if held || self.stopping.swap(true, Ordering::SeqCst) {
            power::park();
        }
        network::silence();
        console::blue_screen(&blue_screen(&stop));
        self.write_dump(&stop);
        // NTFS has a journal for this moment, ntfs-3g has not: let it finish what it was doing
        let (done, finished) = mpsc::channel();
        std::thread::spawn(move || {
            rustix::fs::sync();
            done.send(()).ok();
        });
        finished.recv_timeout(SYNC).ok();
        if self.preparations.get().is_some_and(|it| !it.restart) {
            mark!("stopped: no restart is wanted");
            power::park();
        }
        power::reset()
    }

    fn hang(&self) {
        self.hung.store(true, Ordering::SeqCst);
        network::silence();
        power::park()
    }

    fn end(&self, restart: bool) {
        if self.hung.load(Ordering::SeqCst) || self.stopping.swap(true, Ordering::SeqCst) {
            power::park();
        }
        network::silence();
        if let Err(error) = mounts::unmount_volume() {
            mark!("unmounting: {error}");
        }
        mark!("{}", if restart { "restart" } else { "power off" });
        if restart { power::reset() } else { power::off() }
    }

    fn silence(&self) {
        network::silence();
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(uptime_ms())
    }
}

fn blue_screen(stop: &Stop) -> Vec<String> {
    let mut lines = vec![
        "Your PC ran into a problem and needs to restart.".to_owned(),
        String::new(),
        format!("Stop code: 0x{:08X}", stop.dump.stop_code),
    ];
    lines.extend(stop.dump.parameters.iter().map(|it| format!("           0x{it:016X}")));
    if let Some(name) = &stop.failed {
        lines.push(format!("What failed: {name}"));
    }
    lines.extend([String::new(), "(This is Coexist's stand-in guest, not Windows.)".to_owned()]);
    lines
}
