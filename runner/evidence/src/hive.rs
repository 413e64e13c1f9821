//! Registry hives: what a guest was told to do at a stop, and which drivers it loads.
//!
//! The format is read here ([`format`]), not by a crate: of the two with a permissive licence, `notatin` 1.0.1 does not
//! build with the versions that it asks for, and `frnsc-hive` 0.13 brings a forensic framework for the walk of three
//! kinds of cell. Transaction logs (`SYSTEM.LOG1`) are not replayed; they, and a hive that waits for them, say so in a note.

mod format;
mod whereabouts;

pub(crate) use whereabouts::{from_software, from_system};

use std::collections::HashSet;

use coexist_model::{CrashSettings, DriverService, HiveFacts};

use crate::bytes::base_name;
use format::{Damage, Hive, Key, Value, Values};

/// Notes kept of one hive; further ones would only repeat that it is damaged.
const MAX_NOTES: usize = 32;
/// Services that are looked at: a Windows has some seven hundred.
const MAX_SERVICES: usize = 4096;
/// Bytes of text kept of all drivers: those of a Windows have some fifty thousand. Cells may be shared, so that a small
/// hive names thousands of drivers with one long text.
const MAX_TEXT: usize = 0x4_0000;

/// Why bytes give no facts at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HiveError {
    /// The signature is missing, or the header is cut off.
    #[error("not a registry hive")]
    NotAHive,
}

/// Reads the facts of a hive, at most a small multiple of `bytes` in memory.
///
/// # Errors
/// Only when it is no hive; any other damage is a note beside the facts that remain.
pub fn read_hive(bytes: &[u8]) -> Result<HiveFacts, HiveError> {
    let hive = Hive::new(bytes).ok_or(HiveError::NotAHive)?;
    let mut reading = Reading { facts: HiveFacts { name: hive.name(), time: hive.written(), ..HiveFacts::default() } };
    if hive.is_log() {
        reading.note("the transaction log of a hive, not a hive: it is not replayed");
        return Ok(reading.facts);
    }
    if hive.is_dirty() {
        reading.note("not written to its end: its transaction logs are not replayed, the last changes may be missing");
    }
    if let Some(missing) = hive.missing_bytes() {
        reading.damage(format!("cut off: {missing} bytes are missing"));
    }
    match hive.root() {
        Ok(root) => {
            reading.facts.root = Some(root.name());
            reading.system(&root);
            reading.software(&root);
        }
        Err(damage) => reading.damage(format!("root key: {damage}")),
    }
    Ok(reading.facts)
}

/// The facts so far.
struct Reading {
    facts: HiveFacts,
}

impl Reading {
    fn note(&mut self, text: impl Into<String>) {
        if self.facts.notes.len() < MAX_NOTES {
            self.facts.notes.push(text.into());
        }
    }

    fn damage(&mut self, text: String) {
        self.facts.damaged = true;
        self.note(text);
    }

    /// What was read; damage is noted, with what could not be read.
    fn known<T>(&mut self, what: &str, result: Result<Option<T>, Damage>) -> Option<T> {
        result.unwrap_or_else(|damage| {
            self.damage(format!("{what}: {damage}"));
            None
        })
    }

    fn system(&mut self, root: &Key<'_>) {
        let Some(select) = self.known("Select", root.subkey("Select")) else { return };
        let Some(number) = self.number(r"Select", &select, "Current") else {
            return self.note(r"no Select\Current: the control set in use is unknown");
        };
        self.facts.control_set = Some(number);
        let name = format!("ControlSet{number:03}");
        let Some(set) = self.known(&name, root.subkey(&name)) else {
            return self.damage(format!("{name}, which Select names, is not there"));
        };
        if let Some(control) = self.known(r"Control\CrashControl", set.path(&["Control", "CrashControl"])) {
            self.crash_control(&control);
        }
        if let Some(services) = self.known("Services", set.subkey("Services")) {
            self.services(&services);
        }
    }

    fn crash_control(&mut self, key: &Key<'_>) {
        const KEY: &str = "CrashControl";
        let mut number = |name| self.number(KEY, key, name);
        let mut settings = CrashSettings {
            crash_dump_enabled: number("CrashDumpEnabled"),
            filter_pages: number("FilterPages"),
            auto_reboot: number("AutoReboot").map(|value| value != 0),
            overwrite: number("Overwrite").map(|value| value != 0),
            always_keep_memory_dump: number("AlwaysKeepMemoryDump").map(|value| value != 0),
            ..CrashSettings::default()
        };
        let mut text = |name| self.text(KEY, key, name);
        settings.dump_file = text("DumpFile");
        settings.minidump_dir = text("MinidumpDir");
        settings.dedicated_dump_file = text("DedicatedDumpFile");
        self.facts.crash_settings = Some(settings);
    }

    fn services(&mut self, key: &Key<'_>) {
        let (mut places, mut lost) = (HashSet::new(), Vec::new());
        let (mut repeated, mut left_out, mut text) = (0_usize, 0_usize, 0);
        let mut services = key.subkeys();
        for service in services.by_ref().take(MAX_SERVICES) {
            let service = match service {
                Ok(service) if !places.insert(service.place()) => {
                    repeated += 1;
                    continue;
                }
                Ok(service) => service,
                Err(damage) => {
                    lost.push(damage);
                    continue;
                }
            };
            let (driver, damage) = driver(&service);
            lost.extend(damage);
            text += driver.as_ref().map_or(0, length);
            if text > MAX_TEXT {
                left_out += usize::from(driver.is_some());
            } else {
                self.facts.drivers.extend(driver);
            }
        }
        self.facts.services = u32::try_from(places.len()).ok();
        if services.next().is_some() {
            self.damage(format!("Services: more than {MAX_SERVICES}, the rest is left out"));
        }
        if let Some(first) = lost.first() {
            self.damage(format!("Services: {} not read whole, the first because {first}", lost.len()));
        }
        if repeated > 0 {
            self.damage(format!("Services: {repeated} listed more than once"));
        }
        if left_out > 0 {
            self.damage(format!("Services: {left_out} drivers left out, their texts are longer than any Windows has"));
        }
    }

    /// [K] Names as `reg query` shows them on a running Windows; no `SOFTWARE` hive is at hand.
    fn software(&mut self, root: &Key<'_>) {
        let path = ["Microsoft", "Windows NT", "CurrentVersion"];
        let Some(version) = self.known("CurrentVersion", root.path(&path)) else { return };
        let build = self.text("CurrentVersion", &version, "CurrentBuildNumber");
        self.facts.build = build.and_then(|build| build.parse().ok());
        self.facts.revision = self.number("CurrentVersion", &version, "UBR");
    }

    fn number(&mut self, of: &str, key: &Key<'_>, name: &str) -> Option<u32> {
        let value = key.values([name]).and_then(Values::only);
        let read = value.and_then(|value| value.map_or(Ok(None), |value| value.number()));
        self.known(&format!(r"{of}\{name}"), read)
    }

    fn text(&mut self, of: &str, key: &Key<'_>, name: &str) -> Option<String> {
        let value = key.values([name]).and_then(Values::only);
        let read = value.and_then(|value| value.map_or(Ok(None), |value| value.text()));
        self.known(&format!(r"{of}\{name}"), read)
    }
}

/// A service that is a driver (`SERVICE_KERNEL_DRIVER` or `SERVICE_FILE_SYSTEM_DRIVER`), as far as its values can be read,
/// and the first damage among them.
fn driver(service: &Key<'_>) -> (Option<DriverService>, Option<Damage>) {
    let Values { found, mut lost } = match service.values(["Type", "Start", "ImagePath", "Group"]) {
        Ok(values) => values,
        Err(damage) => return (None, Some(damage)),
    };
    let [kind, start, image_path, group] = found;
    let Some(kind) = read(kind, Value::number, &mut lost).filter(|kind| matches!(kind, 1 | 2)) else {
        return (None, lost);
    };
    let driver = DriverService {
        name: service.name(),
        kind,
        start: read(start, Value::number, &mut lost),
        image_path: read(image_path, Value::text, &mut lost),
        group: read(group, Value::text, &mut lost),
    };
    (Some(driver), lost)
}

/// What a value says, if it is there; the first damage is kept.
fn read<'h, T>(
    value: Option<Value<'h>>,
    say: impl Fn(&Value<'h>) -> Result<Option<T>, Damage>,
    lost: &mut Option<Damage>,
) -> Option<T> {
    value.and_then(|value| {
        say(&value).unwrap_or_else(|damage| {
            lost.get_or_insert(damage);
            None
        })
    })
}

/// Bytes of a driver's texts.
fn length(driver: &DriverService) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    driver.name.len() + text(&driver.image_path) + text(&driver.group)
}

/// Lower-case base name of the path in a hive's header.
fn own_name(path: &str) -> Option<String> {
    Some(base_name(path)).filter(|name| !name.is_empty())
}
