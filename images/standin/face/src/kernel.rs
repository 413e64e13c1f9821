//! What the face asks of the kernel beneath it.
//!
//! The guest implements [`Kernel`] with real modules, panics and resets; tests implement it with a list.

use std::time::{Duration, SystemTime};

/// A driver that is in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedDriver {
    /// Name of its service key.
    pub service: String,
    /// File name of its image, such as `acmeflt.sys`.
    pub base_name: String,
    /// Altitude at which it filters file systems; absent for a driver that is no minifilter.
    pub altitude: Option<String>,
}

/// Which boot this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootIdentity {
    /// Counts boots; one higher after each.
    pub boot_id: u32,
    /// When the kernel started.
    pub started: SystemTime,
}

/// The kernel, as the user-mode part of the stand-in sees it.
///
/// Errors are Win32 error codes (2 file not found, 193 bad image, 5 access denied …).
pub trait Kernel: Send + Sync {
    /// Loads the driver of this service. May never return: a bugcheck resets the machine.
    ///
    /// `by_installer` is true for every load that a running system was asked for (a package's `StartServices`, `sc start`,
    /// `fltmc load`) and false for those a starting system does on its own.
    ///
    /// # Errors
    /// The Win32 error the caller is to see.
    fn load_driver(&self, service: &str, by_installer: bool) -> Result<(), u32>;

    /// Unloads the driver of this service.
    ///
    /// # Errors
    /// The Win32 error the caller is to see: 1062 when it was not loaded.
    fn unload_driver(&self, service: &str) -> Result<(), u32>;

    /// All loaded drivers, in load order.
    fn loaded_drivers(&self) -> Vec<LoadedDriver>;

    /// A service was told to read its content again, or was started. May never return.
    fn content_may_have_changed(&self);

    /// Ends the system after `delay`; returns at once.
    fn shutdown(&self, restart: bool, delay: Duration, reason: &str);

    /// Takes back a [`Kernel::shutdown`] that has not begun; false when there is none.
    fn abort_shutdown(&self) -> bool {
        false
    }

    /// Tells who watches the machine, on its serial port where it has one.
    fn trace(&self, line: &str) {
        tracing::debug!(line);
    }

    /// Which boot this is.
    fn boot(&self) -> BootIdentity;
}
