//! `verifier`: which drivers Driver Verifier watches from the next boot on.
//!
//! Switches and exit codes are those of Microsoft's "Driver Verifier command syntax"; the values it leaves in the registry
//! are those of "How to use Driver Verifier" (KB244617). How it prints them is reduced to two facts. [K]

use super::{Arguments, is_switch};
use crate::process::Process;
use crate::registry::{RegValue, Registry};

const KEY: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management";
const DRIVERS: &str = "VerifyDrivers";
const LEVEL: &str = "VerifyDriverLevel";
/// What `/standard` stands for.
const STANDARD: u32 = 0x209bb;
/// Every driver there is.
const ALL: &str = "*";

const DONE: u32 = 0;
const FAILED: u32 = 1;
const RESTART_NEEDED: u32 = 2;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let registry = &process.system.registry;
    if arguments.has("querysettings") {
        show(process);
        return DONE;
    }
    if arguments.has("reset") {
        return if reset(registry) {
            process.out("You must restart the computer for the changes to take effect.");
            RESTART_NEEDED
        } else {
            process.out("No settings were changed.");
            DONE
        };
    }
    let (Some(level), Some(drivers)) = (level(arguments), drivers(arguments)) else {
        process.err("The syntax of the command is not correct.");
        return FAILED;
    };
    let written = registry
        .set(KEY, LEVEL, RegValue::Dword(level))
        .and_then(|()| registry.set(KEY, DRIVERS, RegValue::Sz(drivers)));
    if written.is_err() {
        process.err("The settings could not be written.");
        return FAILED;
    }
    show(process);
    process.out("You must restart the computer for the changes to take effect.");
    RESTART_NEEDED
}

/// `/standard`, or `/flags` with a decimal or hexadecimal number.
fn level(arguments: &Arguments) -> Option<u32> {
    if arguments.has("standard") {
        return Some(STANDARD);
    }
    let text = arguments.after("flags")?.to_ascii_lowercase();
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `/all`, or the names after `/driver`, each of them a file's.
fn drivers(arguments: &Arguments) -> Option<String> {
    if arguments.has("all") {
        return Some(ALL.to_owned());
    }
    let at = arguments.words.iter().position(|word| is_switch(word, "driver"))?;
    let names: Vec<&str> = arguments.words[at + 1..].iter().map(String::as_str).collect();
    let are_files = names.iter().all(|it| it.to_ascii_lowercase().ends_with(".sys") && !it.contains(['*', '\\', '/']));
    (!names.is_empty() && are_files).then(|| names.join(" "))
}

/// Forgets everything; false when there was nothing.
fn reset(registry: &Registry) -> bool {
    let forget = |name| registry.delete_value(KEY, name).unwrap_or(false);
    let (level, drivers) = (forget(LEVEL), forget(DRIVERS));
    level || drivers
}

fn show(process: &Process) {
    let registry = &process.system.registry;
    let level = registry.get(KEY, LEVEL).and_then(|it| it.as_u32()).unwrap_or(0);
    process.out("");
    process.out(format!("Verifier Flags: {level:#010x}"));
    process.out("");
    process.out("Verified Drivers:");
    let drivers = registry.text(KEY, DRIVERS).unwrap_or_else(|| "None".to_owned());
    drivers.split(' ').for_each(|name| process.out(format!("  {name}")));
}
