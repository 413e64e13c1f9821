//! The machine under the little kernel: the real one.
//!
//! ```text
//! Alive ──────────────────────► Over: blue screen, dump, reset; or volume closed, restart or off; or recovery
//!   ├──► Hung, interruptible ────► Over, by a non-maskable interrupt
//!   └──► Hung, deaf
//! ```

use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use standin_behaviour::CutShort;

use crate::nt::{Hang, Machine, Stop};
use crate::platform::panic_device::{PanicDevice, Tell};
use crate::platform::serial::{mark, uptime_ms};
use crate::platform::{console, emergency, mounts, network, power, serial};
use crate::session::crash_settings::DumpKind;
use crate::session::dump_file::DumpFile;
use crate::session::recovery;

/// How long the file system may take to put its own house in order after a crash.
const SYNC: Duration = Duration::from_secs(3);
/// What the kernel's pool holds, and how much of it a dump of the kernel's memory has: no transfer brings it in one piece.
const POOL: u8 = 0x5a;
const POOL_LENGTH: usize = 1 << 20;
/// Stop code of a non-maskable interrupt: it comes through even when nothing else does.
pub(crate) const NMI_HARDWARE_FAILURE: u32 = 0x80;

/// What a stop needs, settled while the system is still well.
#[derive(Debug)]
pub(crate) struct Preparations {
    /// Where the dump goes; nothing when none is to be written.
    pub(crate) dump_file: Option<DumpFile>,
    /// Which dump that is.
    pub(crate) kind: DumpKind,
    /// Whether the machine restarts by itself.
    pub(crate) restart: bool,
}

/// Where the system is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Hung(Hang),
    /// It stops, ends or is in its recovery environment.
    Over,
}

impl Life {
    /// Whether a stop with this code gets through.
    fn can_stop(self, code: u32) -> bool {
        match self {
            Self::Alive => true,
            Self::Hung(Hang::Interruptible) => code == NMI_HARDWARE_FAILURE,
            Self::Hung(Hang::Deaf) | Self::Over => false,
        }
    }
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Hardware {
    panic_device: PanicDevice,
    preparations: OnceLock<Preparations>,
    life: Arc<Mutex<Life>>,
}

impl Hardware {
    /// The machine, not yet prepared for a crash.
    pub(crate) fn new(panic_device: PanicDevice) -> Self {
        Self { panic_device, preparations: OnceLock::new(), life: Arc::new(Mutex::new(Life::Alive)) }
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

    /// The recovery environment: a screen that stands still, no network, the volume closed.
    pub(crate) fn recover(&self) -> ! {
        self.change(|_| true, Life::Over);
        network::silence();
        console::screen(&recovery::SCREEN.map(str::to_owned));
        if let Err(error) = mounts::unmount_volume() {
            mark!("unmounting: {error}");
        }
        mark!("recovery environment");
        power::park()
    }

    /// Makes a move, unless where the system is forbids it.
    fn change(&self, allowed: impl FnOnce(Life) -> bool, to: Life) -> bool {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = allowed(*life);
        if allowed {
            *life = to;
        }
        allowed
    }

    /// Writes the dump, telling the host at the first dump I/O that one is coming, or that there will be none (pvpanic's
    /// Windows driver does it in this order: bugcheck.c).
    fn write_dump(&self, stop: &Stop) {
        let prepared = self.preparations.get().and_then(|it| Some((it.dump_file.as_ref()?, it.kind)));
        let told = match prepared {
            Some((file, kind)) => {
                let mut bytes = dump_bytes(stop, kind);
                if stop.cut.is_some() {
                    bytes.truncate(bytes.len() / 2);
                }
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

/// Windows makes the small dump out of the kernel's; the stand-in lays it ready behind that.
fn dump_bytes(stop: &Stop, kind: DumpKind) -> Vec<u8> {
    match kind {
        DumpKind::None => Vec::new(),
        DumpKind::Small => stop.dump.to_bytes(),
        DumpKind::Kernel => [stop.dump.to_kernel_dump(&vec![POOL; POOL_LENGTH]), stop.dump.to_bytes()].concat(),
    }
}

impl Machine for Hardware {
    fn stop(&self, stop: Stop) {
        let code = stop.dump.stop_code;
        if !self.change(|life| life.can_stop(code), Life::Over) {
            power::park();
        }
        network::silence();
        console::blue_screen(&blue_screen(&stop));
        serial::write(&emergency::bugcheck(code, stop.dump.parameters));
        self.write_dump(&stop);
        // NTFS has a journal for this moment, ntfs-3g has not: let it finish what it was doing
        let (done, finished) = mpsc::channel();
        std::thread::spawn(move || {
            rustix::fs::sync();
            done.send(()).ok();
        });
        finished.recv_timeout(SYNC).ok();
        match stop.cut {
            Some(CutShort::PowerOff) => power::off(),
            Some(CutShort::StandStill) => power::park(),
            Some(CutShort::Reset) => power::reset(),
            None => {}
        }
        if self.preparations.get().is_some_and(|it| !it.restart) {
            mark!("stopped: no restart is wanted");
            power::park();
        }
        power::reset()
    }

    fn hang(&self, hang: Hang) {
        self.change(|life| life == Life::Alive, Life::Hung(hang));
        network::silence();
        power::park()
    }

    fn end(&self, restart: bool) {
        if !self.change(|life| life == Life::Alive, Life::Over) {
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

    fn silence_for(&self, time: Duration) {
        network::silence();
        let life = Arc::clone(&self.life);
        std::thread::spawn(move || {
            std::thread::sleep(time);
            // held meanwhile: a stop that comes now waits, and silences the card again
            let life = life.lock().unwrap_or_else(PoisonError::into_inner);
            if *life == Life::Alive
                && let Err(error) = network::restore()
            {
                mark!("network: {error}");
            }
        });
    }

    fn is_alive(&self) -> bool {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) == Life::Alive
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_interrupt_stops_a_system_that_hangs_and_nothing_stops_a_deaf_one() {
        let other = 0x50;
        assert!(Life::Alive.can_stop(other));
        assert!(Life::Hung(Hang::Interruptible).can_stop(NMI_HARDWARE_FAILURE));
        assert!(!Life::Hung(Hang::Interruptible).can_stop(other));
        assert!(!Life::Hung(Hang::Deaf).can_stop(NMI_HARDWARE_FAILURE));
        assert!(!Life::Over.can_stop(NMI_HARDWARE_FAILURE));
    }
}
