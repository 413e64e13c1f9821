//! Restart and power-off, and the duties of process 1.

use std::time::Duration;

use rustix::process::{WaitOptions, wait};
use rustix::system::{RebootCommand, reboot};

/// Resets the machine at once: QEMU reports RESET with reason guest-reset.
pub(crate) fn reset() -> ! {
    reboot(RebootCommand::Restart).ok();
    park()
}

/// Switches the machine off.
pub(crate) fn off() -> ! {
    reboot(RebootCommand::PowerOff).ok();
    park()
}

/// Does nothing, for ever.
pub(crate) fn park() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Buries the orphans that process 1 inherits. Start it once no child of its own is waited for by name.
pub(crate) fn reap_orphans() {
    std::thread::spawn(|| {
        loop {
            // an error means that there is no child at all, not even the file system's helper
            if wait(WaitOptions::empty()).is_err() {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    });
}
