//! What the registry says of where a guest keeps its evidence.

use coexist_model::EvidenceSettings;

use super::HiveError;
use super::format::{Damage, Hive, Key, Value};

/// Keys below `LocalDumps` that are looked at: one for each program that somebody set up.
const PROGRAMS: usize = 64;

/// Adds what a `SYSTEM` hive says. \[K\] `ExistingPageFiles`, as Windows shows it while it runs.
///
/// # Errors
/// When it is no hive, or what is looked for lies in a damaged part of it; what was read until then is kept.
pub(crate) fn from_system(bytes: &[u8], settings: &mut EvidenceSettings) -> Result<(), String> {
    let root = root(bytes)?;
    let Some(select) = known(root.subkey("Select"))? else { return Ok(()) };
    let current = only(&select, "Current")?;
    let Some(number) = known(current.map_or(Ok(None), |value| value.number()))? else { return Ok(()) };
    let Some(control) = known(root.path(&[&format!("ControlSet{number:03}"), "Control"]))? else { return Ok(()) };
    if let Some(crash) = known(control.subkey("CrashControl"))? {
        let values = known(crash.values(["DumpFile", "MinidumpDir", "DedicatedDumpFile"]))?;
        let [dump_file, small, dedicated] = values.found;
        settings.dump_file = text(dump_file)?;
        settings.minidump_dir = text(small)?;
        settings.dedicated_dump_file = text(dedicated)?;
        known(values.complete())?;
        if let Some(live) = known(crash.subkey("LiveKernelReports"))? {
            let path = only(&live, "LiveKernelReportsPath")?;
            settings.live_reports = text(path)?;
        }
    }
    if let Some(memory) = known(control.path(&["Session Manager", "Memory Management"]))? {
        let files = only(&memory, "ExistingPageFiles")?;
        settings.page_files = known(files.map_or(Ok(Vec::new()), |value| value.texts()))?;
    }
    Ok(())
}

/// Adds what a `SOFTWARE` hive says. \[K\] The names of `ProfileList`.
///
/// # Errors
/// As for [`from_system`].
pub(crate) fn from_software(bytes: &[u8], settings: &mut EvidenceSettings) -> Result<(), String> {
    let root = root(bytes)?;
    let Some(microsoft) = known(root.subkey("Microsoft"))? else { return Ok(()) };
    if let Some(version) = known(microsoft.path(&["Windows NT", "CurrentVersion"]))? {
        let system = only(&version, "SystemRoot")?;
        settings.system_root = text(system)?;
        if let Some(profiles) = known(version.subkey("ProfileList"))? {
            let values = known(profiles.values(["ProfilesDirectory", "ProgramData"]))?;
            let [folder, data] = values.found;
            settings.profiles = text(folder)?;
            settings.program_data = text(data)?;
            known(values.complete())?;
        }
    }
    let reporting = known(microsoft.path(&["Windows", "Windows Error Reporting", "LocalDumps"]))?;
    if let Some(dumps) = reporting {
        for key in std::iter::once(Ok(dumps)).chain(dumps.subkeys().take(PROGRAMS)) {
            let folder = only(&known(key)?, "DumpFolder")?;
            settings.dump_folders.extend(text(folder)?);
        }
    }
    Ok(())
}

fn root(bytes: &[u8]) -> Result<Key<'_>, String> {
    known(Hive::new(bytes).ok_or(HiveError::NotAHive).map_err(|error| error.to_string())?.root())
}

fn known<T>(read: Result<T, Damage>) -> Result<T, String> {
    read.map_err(|damage| damage.to_string())
}

fn only<'h>(key: &Key<'h>, name: &str) -> Result<Option<Value<'h>>, String> {
    known(known(key.values([name]))?.only())
}

fn text(value: Option<Value<'_>>) -> Result<Option<String>, String> {
    known(value.map_or(Ok(None), |value| value.text()))
}
