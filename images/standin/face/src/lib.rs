//! The Windows face of the stand-in: SSH, SFTP, cmd and the tools the runner uses.
//!
//! ```text
//! ssh client ─► ssh (exec, sftp) ─► cmd ─► tools, msi ─► System { volume, registry, log, services } ─► Kernel
//! ```
//! Everything works over a plain directory that is the C: drive, so that it runs as an ordinary process too. What drivers
//! do is the business of the [`Kernel`], which the guest brings.

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

use std::sync::{Arc, Mutex};

pub use first_boot::{Personality, first_boot};
pub use kernel::{BootIdentity, Kernel, LoadedDriver};
pub use log::SystemLog;
pub use process::{CANCELLED, Cancel, ClientInput, Environment, Handles, Input, Output, Process};
pub use registry::{Held, RegValue, Registry};
pub use services::{SERVICES_KEY, ServiceConfig, Services, State, Status, errors};
pub use ssh::{KeyError, SshKeys, serve};
pub use standin_formats::evtx::Event;
pub use volume::Volume;

/// The one account, an administrator.
pub const USER: &str = "lab";

/// The machine as its user-mode part sees it.
pub struct System {
    /// The C: drive.
    pub volume: Volume,
    /// The registry.
    pub registry: Arc<Registry>,
    /// The System event log.
    pub log: Arc<SystemLog>,
    /// The service control manager.
    pub services: Services,
    /// What lies beneath.
    pub kernel: Arc<dyn Kernel>,
    /// Held by the one installation that may run.
    installer: Mutex<()>,
}

impl System {
    /// A system of these parts, its services stopped.
    #[must_use]
    pub fn new(volume: Volume, registry: Arc<Registry>, log: Arc<SystemLog>, kernel: Arc<dyn Kernel>) -> Arc<Self> {
        let services = Services::new(Arc::clone(&registry), volume.clone(), Arc::clone(&kernel));
        let system = Self { volume, registry, log, services, kernel, installer: Mutex::new(()) };
        system.log.set_computer(&system.computer_name());
        Arc::new(system)
    }

    /// Name of the computer as the registry has it.
    #[must_use]
    pub fn computer_name(&self) -> String {
        self.registry
            .text(r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName", "ComputerName")
            .unwrap_or_else(|| "STANDIN".to_owned())
    }

    /// Runs a command line as `sshd` does, with `cmd.exe /c "…"`, in this thread, and returns its exit code.
    #[must_use]
    pub fn run_command(self: &Arc<Self>, command: &str, handles: Handles, cancel: Cancel) -> u32 {
        cmd::Shell::main(Process::of_session(self, handles, cancel), &format!("/c \"{command}\""))
    }
}
