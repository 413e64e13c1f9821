//! `bcdedit /set` and `/enum` for the one loader entry. Words of Windows 10. [K]

use super::Arguments;
use crate::bcd::{BootStatusPolicy, BootStore};
use crate::process::Process;

/// Longest name of an element, with its gap.
const COLUMN: usize = 24;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    match arguments.word(0).to_ascii_lowercase().as_str() {
        "" | "/enum" | "-enum" => show(process),
        "/set" | "-set" => set(process, arguments),
        _ => wrong(process, "The specified command-line option is not valid."),
    }
}

fn wrong(process: &Process, what: &str) -> u32 {
    process.err(what);
    process.err("Run \"bcdedit /?\" for command line assistance.");
    1
}

/// `/set [{id}] <element> <value>`; without an id it is the current entry.
fn set(process: &Process, arguments: &Arguments) -> u32 {
    let mut words = arguments.words[1..].iter().map(String::as_str);
    let mut element = words.next().unwrap_or_default();
    if element.starts_with('{') {
        if !["{default}", "{current}"].iter().any(|it| it.eq_ignore_ascii_case(element)) {
            return wrong(process, "The entry specified does not exist in the store.");
        }
        element = words.next().unwrap_or_default();
    }
    let value = words.next().unwrap_or_default();
    let store = BootStore::new(&process.system.registry);
    let written = match element.to_ascii_lowercase().as_str() {
        "recoveryenabled" => yes_or_no(value).map(|it| store.set_recovery_enabled(it)),
        "testsigning" => yes_or_no(value).map(|it| store.set_test_signing(it)),
        "bootstatuspolicy" => BootStatusPolicy::named(value).map(|it| store.set_policy(it)),
        _ => return wrong(process, "The element data type specified is not recognized, or does not apply."),
    };
    match written {
        Some(Ok(())) => {
            process.out("The operation completed successfully.");
            0
        }
        Some(Err(_)) => wrong(process, "The boot configuration data store could not be written."),
        None => wrong(process, "The integer or boolean data is not valid as specified."),
    }
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" | "1" => Some(true),
        "no" | "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn show(process: &Process) -> u32 {
    let store = BootStore::new(&process.system.registry);
    process.out("");
    process.out("Windows Boot Loader");
    process.out("-------------------");
    let yes_no = |it| if it { "Yes" } else { "No" };
    let mut elements = vec![
        ("identifier", "{current}"),
        ("device", "partition=C:"),
        ("path", r"\Windows\system32\winload.exe"),
        ("description", "Coexist's stand-in guest"),
        ("recoveryenabled", yes_no(store.recovery_enabled())),
        ("osdevice", "partition=C:"),
        ("systemroot", r"\Windows"),
        ("bootstatuspolicy", store.policy().name()),
    ];
    // Windows lists only what is set.
    if let Some(it) = store.test_signing() {
        elements.insert(5, ("testsigning", yes_no(it)));
    }
    for (name, value) in elements {
        process.out(format!("{name:COLUMN$}{value}"));
    }
    0
}
