//! `msiexec`: a Windows Installer for real packages.
//!
//! ```text
//! command line ─► package ─► InstallExecuteSequence, action by action
//!                              immediate actions act at once; between InstallInitialize and InstallFinalize
//!                              the others write a script
//!                            InstallFinalize runs the script; a step that fails rolls back all before it
//! ```
//! Not here: user interface (without `/qn` it runs as with it), patches, transforms, merge modules, costs, file version
//! rules (files are always replaced), actions in DLLs. Codes: facts of `msi/error-codes` [R]; where Wine gives 1627 or 2,
//! Windows' 1603, 1619 and 1620 are given.

mod actions;
mod command;
mod condition;
mod custom;
mod directories;
mod files;
mod formatted;
mod journal;
mod log;
mod package;
mod products;
mod registry;
mod services;
mod session;
#[cfg(test)]
mod tests;

use crate::process::Process;
use crate::tools::Arguments;
use command::{Command, Verb};
use package::Package;
use session::{Mode, Session};

/// Exit codes.
mod codes {
    pub(super) const FAILURE: u32 = 1603;
    pub(super) const UNKNOWN_PRODUCT: u32 = 1605;
    pub(super) const ALREADY_RUNNING: u32 = 1618;
    pub(super) const OPEN_FAILED: u32 = 1619;
    pub(super) const INVALID_PACKAGE: u32 = 1620;
    pub(super) const LOG_FAILURE: u32 = 1622;
    pub(super) const PRODUCT_VERSION: u32 = 1638;
    pub(super) const BAD_COMMAND_LINE: u32 = 1639;
    pub(super) const REBOOT_INITIATED: u32 = 1641;
    pub(super) const REBOOT_REQUIRED: u32 = 3010;
}

/// `msiexec …`
pub(crate) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let Some(command) = Command::parse(&arguments.words) else { return codes::BAD_COMMAND_LINE };
    let mut log = match log::Log::open(process, command.log.as_deref()) {
        Ok(log) => log,
        Err(_) => return codes::LOG_FAILURE,
    };
    let code = run_command(process, &command, &mut log);
    log.line(&format!("MainEngineThread is returning {code}"));
    log.close();
    code
}

fn run_command(process: &Process, command: &Command, log: &mut log::Log) -> u32 {
    let system = &process.system;
    // One installation at a time, even within one: a custom action that calls msiexec is told the same.
    let Ok(_only) = system.installer.try_lock() else { return codes::ALREADY_RUNNING };
    let (package, source) = match open(process, command) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let Some(product) = package.property("ProductCode") else { return codes::INVALID_PACKAGE };
    let installed = products::find(&system.registry, &product);
    let mode = match (command.verb, &installed) {
        (Verb::Remove, None) => return codes::UNKNOWN_PRODUCT,
        (Verb::Remove, Some(_)) => Mode::Remove,
        (Verb::Repair, None) => return codes::UNKNOWN_PRODUCT,
        (Verb::Repair, Some(_)) => Mode::Repair,
        (Verb::Install, Some(product)) if product.package_code != package.code => return codes::PRODUCT_VERSION,
        (Verb::Install, Some(_)) if command.property("REMOVE").is_some_and(|it| it.eq_ignore_ascii_case("ALL")) => {
            Mode::Remove
        }
        (Verb::Install, Some(_)) if command.property("REINSTALL").is_some() => Mode::Repair,
        (Verb::Install, Some(_)) => Mode::Maintain,
        (Verb::Install, None) => Mode::Install,
    };
    let mut session = Session::new(process, package, source, mode, installed.as_ref(), &command.properties, log);
    let outcome = session.run();
    let reboot = session.reboot;
    match outcome {
        Err(session::Failed) => codes::FAILURE,
        Ok(()) if command.force_restart || (reboot && !command.no_restart()) => {
            system.kernel.shutdown(true, std::time::Duration::ZERO, "Windows Installer");
            codes::REBOOT_INITIATED
        }
        Ok(()) if reboot => codes::REBOOT_REQUIRED,
        Ok(()) => 0,
    }
}

/// The package a command line names, by file or by product, and its Windows path.
fn open(process: &Process, command: &Command) -> Result<(Package, String), u32> {
    let system = &process.system;
    let path = if command.target.starts_with('{') {
        let product = products::find(&system.registry, &command.target).ok_or(codes::UNKNOWN_PRODUCT)?;
        product.local_package
    } else {
        process.absolute(&command.target)
    };
    let file = std::fs::File::open(system.volume.resolve(&path)).map_err(|_| codes::OPEN_FAILED)?;
    if !file.metadata().is_ok_and(|it| it.is_file()) {
        return Err(codes::OPEN_FAILED);
    }
    let package = Package::read(file).map_err(|_| codes::INVALID_PACKAGE)?;
    Ok((package, path))
}
