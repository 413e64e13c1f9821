//! What dumps say, and which of them is of this crash.

use std::io::{self, Read as _};
use std::path::Path;

use coexist_evidence::dump::{DumpError, stated_length};
use coexist_evidence::{DriverOwners, crash_from, read_dump_file};
use coexist_model::Crash;
use jiff::Timestamp;

use super::incoming;

/// Most of a file that is read into memory. Dumps up to this are small ones, which are sought before large ones.
pub(super) const READ_LIMIT: u64 = 64 << 20;
/// Enough of a dump to know how long it says it is.
const HEADER: u64 = 0x2080;

/// What a dump of this arm says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where the guest has it.
    pub(super) path: String,
    /// The facts.
    pub(super) crash: Crash,
    /// Whether nothing of the dump is missing.
    pub(super) whole: bool,
    /// Whether Windows had made no file of it yet.
    pub(super) raw: bool,
}

/// What reading a dump came to.
#[derive(Debug)]
pub(super) enum Reading {
    /// Facts of this arm.
    Found(Box<Found>),
    /// It is of an older crash.
    Old,
    /// It gives no facts.
    Unreadable(DumpError),
}

impl Found {
    /// What is told of a dump that does not speak.
    pub(super) fn of_another_stop(&self) -> String {
        format!("{} is of another stop, {}: it proves nothing here", self.path, self.crash.stop_code)
    }
}

/// Reads a dump on this host that the guest has at `guest_path`, of which `whole` says whether all of the guest's file is
/// there. No crash of this arm has a time before `earliest`.
///
/// # Errors
/// When the host refuses the file.
pub(super) fn read(
    guest_path: &str,
    file: &Path,
    whole: bool,
    owners: &DriverOwners,
    earliest: Timestamp,
) -> io::Result<Reading> {
    let (mut source, size) = incoming::open(file)?;
    let mut header = Vec::new();
    source.by_ref().take(HEADER).read_to_end(&mut header)?;
    let dump = match read_dump_file(source) {
        Ok(dump) => dump,
        Err(error) => return Ok(Reading::Unreadable(error)),
    };
    if dump.time.is_some_and(|time| time < earliest) {
        return Ok(Reading::Old);
    }
    let cut_short = dump.cut_short;
    let mut crash = crash_from(&dump, owners);
    // [K] that large dumps state their length as small ones do. Where they state more, a rung more is climbed.
    let stated = stated_length(&header).unwrap_or(size);
    if stated > size {
        crash.notes.push(format!("the dump is cut off: it says that it has {stated} bytes, there are {size}"));
    }
    let whole = whole && stated <= size && !cut_short;
    Ok(Reading::Found(Box::new(Found { path: guest_path.to_owned(), crash, whole, raw: false })))
}

/// Of several dumps of an arm the newest is of the crash that ended it. Of two of one crash the one that says more
/// speaks.
pub(super) fn of_this_crash<'a>(found: impl IntoIterator<Item = &'a Found>) -> Option<&'a Found> {
    let rank = |it: &&Found| (it.crash.time, it.whole, it.crash.blame.strength, it.crash.drivers.len());
    found.into_iter().max_by_key(rank)
}

/// Stops by an interrupt tell nothing of who hangs: their code is that of a hardware failure, for all alike.
const NMI_HARDWARE_FAILURE: u64 = 0x80;
/// What QEMU writes into a dump of a Windows that had not stopped (`dump/win_dump.c`, `patch_bugcheck_data`). Windows
/// itself uses it for dumps of a system that lives on.
const LIVE_SYSTEM_DUMP: u64 = 0x161;

/// Whether a crash is what an injected interrupt makes of any guest.
pub(super) fn is_of_an_interrupt(crash: &Crash) -> bool {
    crash.stop_code.0 == NMI_HARDWARE_FAILURE
}

/// Whether a dump is of a system that had not stopped.
pub(super) fn is_of_a_living_system(crash: &Crash) -> bool {
    crash.stop_code.0 == LIVE_SYSTEM_DUMP
}

/// A crash in half a line.
pub(super) fn headline(crash: &Crash) -> String {
    let name = crash.stop_name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let place = match (&crash.blame.module, crash.blame.offset) {
        (Some(module), Some(offset)) => format!(" in {module}+{offset}"),
        (Some(module), None) => format!(" in {module}"),
        (None, _) => String::new(),
    };
    let vendor = crash.blame.vendor.as_deref().map(|vendor| format!(" ({vendor})")).unwrap_or_default();
    format!("stop {}{name}{place}{vendor}", crash.stop_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coexist_model::{Blame, Bucket, Strength};

    fn found(code: u64, time: Option<&str>, whole: bool, strength: Strength) -> Found {
        let mut crash = super::super::panic::crash_of([code, 1, 2, 3, 4].map(coexist_model::Hex));
        crash.time = time.map(|time| time.parse().unwrap());
        crash.blame = Blame { strength, ..crash.blame };
        crash.bucket = Bucket(code.to_string());
        Found { path: "a.dmp".to_owned(), crash, whole, raw: false }
    }

    fn spoken(found: Vec<Found>) -> Option<u64> {
        of_this_crash(&found).map(|it| it.crash.stop_code.0)
    }

    #[test]
    fn the_newest_dump_speaks() {
        let [old, new] = ["2026-11-23T05:00:00Z", "2026-11-23T05:10:00Z"].map(Some);
        let strong = |code, time| found(code, time, true, Strength::Strong);
        assert_eq!(spoken(vec![strong(1, new), strong(2, old)]), Some(1));
        assert_eq!(spoken(vec![strong(1, old), strong(2, new)]), Some(2));
        assert_eq!(spoken(vec![strong(1, old), found(2, new, false, Strength::None)]), Some(2), "though it is cut off");
        assert_eq!(spoken(vec![strong(1, old), strong(2, None)]), Some(1), "a time is better than none");
        assert_eq!(spoken(vec![]), None);
    }

    #[test]
    fn of_one_crash_the_dump_that_says_more_speaks() {
        let time = Some("2026-11-23T05:00:00Z");
        let cut = found(1, time, false, Strength::Strong);
        let whole = found(2, time, true, Strength::None);
        assert_eq!(spoken(vec![whole.clone(), cut.clone()]), Some(2));
        assert_eq!(spoken(vec![cut, whole.clone()]), Some(2));
        assert_eq!(spoken(vec![found(3, time, true, Strength::Likely), whole]), Some(3));
    }

    #[test]
    fn what_is_no_dump_gives_no_facts() {
        let owners = DriverOwners::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dmp");
        std::fs::write(&path, "bytes").unwrap();
        let read = read("a.dmp", &path, true, &owners, Timestamp::UNIX_EPOCH).unwrap();
        assert!(matches!(read, Reading::Unreadable(DumpError::NotADump)), "{read:?}");
    }
}
