//! The Windows face of the stand-in: SSH, SFTP, cmd and the tools the runner uses.
//!
//! ```text
//! ssh client ─► ssh (exec, sftp) ─► cmd ─► tools, msi ─► System { volume, registry, log, services } ─► Kernel
//! ```
//! Everything works over a plain directory that is the C: drive, so that it runs as an ordinary process too. What drivers
//! do is the business of the [`Kernel`], which the guest brings.

mod bcd;
mod cmd;
mod first_boot;
mod kernel;
mod log;
mod msi;
mod process;
mod registry;
mod services;
mod ssh;
#[cfg(test)]
mod testing;
mod text;
mod tools;
mod volume;
mod wer;

use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use bcd::{BootStatusPolicy, BootStore};
pub use first_boot::{Personality, first_boot};
pub use kernel::{BootIdentity, Kernel, LoadedDriver};
pub use log::{ChannelLog, EventLogs};
pub use process::{CANCELLED, Cancel, ClientInput, Environment, Handles, Input, Output, Process};
pub use registry::{Held, RegValue, Registry};
pub use services::{SERVICES_KEY, ServiceConfig, Services, State, Status, errors};
pub use ssh::{KeyError, SshFilter, SshKeys, serve};
pub use standin_formats::evtx::Event;
pub use volume::Volume;
pub use wer::Report;

/// The one account, an administrator.
pub const USER: &str = "lab";

/// The machine as its user-mode part sees it.
pub struct System {
    /// The C: drive.
    pub volume: Volume,
    /// The registry.
    pub registry: Arc<Registry>,
    /// The event logs.
    pub logs: EventLogs,
    /// The service control manager.
    pub services: Services,
    /// What drivers put in the way of the SSH server.
    pub ssh_filter: Arc<SshFilter>,
    /// What lies beneath.
    pub kernel: Arc<dyn Kernel>,
    /// Held by the one installation that may run.
    installer: Mutex<()>,
}

impl System {
    /// A system of these parts, its services stopped.
    #[must_use]
    pub fn new(volume: Volume, registry: Arc<Registry>, logs: EventLogs, kernel: Arc<dyn Kernel>) -> Arc<Self> {
        let services = Services::new(Arc::clone(&registry), volume.clone(), Arc::clone(&kernel));
        let (ssh_filter, installer) = (Arc::default(), Mutex::new(()));
        let system = Self { volume, registry, logs, services, ssh_filter, kernel, installer };
        system.name_computer(&system.computer_name());
        Arc::new(system)
    }

    /// Name of the computer as the registry has it.
    #[must_use]
    pub fn computer_name(&self) -> String {
        self.registry
            .text(r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName", "ComputerName")
            .unwrap_or_else(|| "STANDIN".to_owned())
    }

    /// Names the computer in its logs.
    pub(crate) fn name_computer(&self, name: &str) {
        [&self.logs.system, &self.logs.application].into_iter().for_each(|it| it.set_computer(name));
    }

    /// A service's process ends without a word: the service manager tells it in the log.
    ///
    /// # Errors
    /// 1060, 1062, 1052 for a driver.
    pub fn end_service(&self, name: &str) -> Result<(), u32> {
        let display_name = self.services.end(name)?;
        log::service_ended(&self.logs.system, &display_name);
        Ok(())
    }

    /// Keeps Windows Installer busy, from the end of the installation that runs now, if one does. Returns at once.
    pub fn keep_installer_busy(self: &Arc<Self>, time: Duration) {
        let system = Arc::clone(self);
        std::thread::spawn(move || {
            let _busy = text::lock(&system.installer);
            std::thread::sleep(time);
        });
    }

    /// Runs a command line as `sshd` does, with `cmd.exe /c "…"`, in this thread, and returns its exit code.
    #[must_use]
    pub fn run_command(self: &Arc<Self>, command: &str, handles: Handles, cancel: Cancel) -> u32 {
        cmd::Shell::main(Process::of_session(self, handles, cancel), &format!("/c \"{command}\""))
    }
}
