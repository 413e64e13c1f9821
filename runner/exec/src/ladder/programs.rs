//! Programs of the guest that crashed in this arm, and what drivers say of themselves.

use std::io::{self, Read as _};
use std::path::Path;

use coexist_evidence::{DriverOwners, FileAtHand, ImageId, read_driver_file, read_user_dump};
use coexist_model::{Crash, DriverFile};

use super::crashes::READ_LIMIT;
use super::incoming;
use super::known::host_name;

/// What every dump of the kernel begins with.
const KERNEL_DUMP: &[u8] = b"PAGE";

/// What a dump of a program says, in half a line; its file's name where it says nothing. None of a dump of the kernel:
/// error reports hold copies of those too, and no program crashed for them.
pub(super) fn program_words(guest_path: &str, file: &Path) -> Option<String> {
    let bytes = beginning(file).unwrap_or_default();
    (!bytes.starts_with(KERNEL_DUMP)).then(|| words(&bytes, host_name(guest_path)))
}

fn words(dump: &[u8], name: String) -> String {
    let Ok(crash) = read_user_dump(dump) else { return name };
    let program = crash.process.unwrap_or(name);
    let Some(exception) = crash.exception else { return program };
    let place = match (exception.module, exception.offset) {
        (Some(module), Some(offset)) => format!(" in {module}+{offset}"),
        (Some(module), None) => format!(" in {module}"),
        (None, _) => String::new(),
    };
    format!("{program} ({}{place})", exception.name.unwrap_or_else(|| exception.code.to_string()))
}

/// What a driver's file says of who made it.
pub(super) fn driver_facts(file: &Path) -> Option<DriverFile> {
    read_driver_file(&beginning(file).ok()?).ok()
}

/// Adds to a crash what the blamed driver's file says, if it is the file of the image that crashed.
pub(super) fn name_maker(crash: &mut Crash, owners: &DriverOwners) {
    let Some(module) = &crash.blame.module else { return };
    let blamed = crash.drivers.iter().find(|driver| driver.name.as_ref() == Some(module));
    let image = blamed.and_then(ImageId::of);
    if let FileAtHand::Same(DriverFile { company, version, signer, .. }) = owners.file(module, image) {
        let facts = [("company", company), ("version", version), ("signer", signer)];
        let said: Vec<_> = facts.iter().filter_map(|(name, it)| Some(format!("{name} {}", it.as_ref()?))).collect();
        if !said.is_empty() {
            crash.notes.push(format!("the file of {module} says of itself: {}", said.join(", ")));
        }
    }
    if crash.blame.vendor.is_none() {
        crash.blame.vendor = owners.vendor(module, image).map(str::to_owned);
    }
}

/// As much of a file as is read into memory.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    incoming::open(path)?.0.take(READ_LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}
