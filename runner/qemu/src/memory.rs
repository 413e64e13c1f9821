//! The guest's memory as a file: QEMU writes it, in its own folder, and it is taken from there.
//!
//! ```text
//!   refused: too large, no room, file there
//!   windows form, where the machine offers it ── no note of the guest, or a bad one ──► ELF form
//!       └───────────────── done ─► looked at ─► linked out of QEMU's folder, or copied ◄── done ┘
//! ```
//!
//! QEMU cannot be told to stop writing. What it writes in ELF form is as large as the machine; in Windows' form the guest's
//! own driver says which pages belong to the dump, so a guest may make it as large as it likes. Such a QEMU is ended.
//!
//! Windows' form was tried with a guest of our own that hands over a note, not with a Windows and virtio-win's driver.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::time::Duration;

use coexist_lab::{Machine, MemoryForm};
use coexist_model::{FaultKind, LabFault};
use rustix::fs::{AtFlags, CWD};

use crate::command;
use crate::control::ControlError;
use crate::events::MEMORY_WRITTEN;
use crate::faults;
use crate::limits::Storage;
use crate::machine::QemuMachine;
use crate::overlay;
use crate::process::{self, Process};

const MIB: u64 = 1 << 20;
/// What a dump holds beside the guest's memory: the memory of the screen (16 MiB), firmware, registers. Measured with
/// QEMU 7.2: 16.1 MiB in ELF form.
const BESIDE: u64 = 32 * MIB;
/// How often the size of a growing dump is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often QEMU is asked whether it has tidied up after a dump: it takes milliseconds.
const TIDYING: Duration = Duration::from_millis(20);
/// What a command that writes memory is called.
const COMMAND: &str = "dump-guest-memory";

/// Why QEMU wrote no memory.
enum Failed {
    /// By its own word.
    Said(String),
    /// It could not say, or was not let.
    Fault(LabFault),
}

impl Failed {
    fn fault(self, machine: &QemuMachine) -> LabFault {
        match self {
            Self::Fault(fault) => fault,
            Self::Said(reason) => {
                let seen = format!("QEMU did not write the guest's memory: {reason}");
                match faults::want_in_words(&reason) {
                    Some(kind) => faults::fault(kind, seen),
                    None => faults::hung(seen, &machine.logs.qemu.last_words()),
                }
            }
        }
    }
}

/// What QEMU wrote: it goes when nobody wants it any more, also when nobody waits for its end.
struct Half<'a>(&'a Path);

impl Drop for Half<'_> {
    fn drop(&mut self) {
        remove(self.0);
    }
}

/// Writes the memory of a machine that is on into `to`.
pub(crate) async fn write(
    machine: &QemuMachine,
    process: &Process,
    to: &Path,
    limit: u64,
) -> Result<MemoryForm, LabFault> {
    let bytes = u64::from(machine.spec.image.machine.memory_mib) * MIB + BESIDE;
    refuse(bytes, limit, &machine.files.memory, to)?;
    let half = Half(&machine.files.memory);
    let mut form = MemoryForm::Elf;
    if command::tells_of_its_memory(&machine.spec.image) {
        match process.control().knows_windows_dumps().await {
            Ok(true) => form = MemoryForm::Windows,
            Ok(false) => {}
            Err(error) => return Err(machine.explain(process, error).await),
        }
    }
    // One time for both forms: who waits for them knows of one.
    let patience = machine.waits.whole_dump(machine.spec.image.machine.memory_mib);
    let until = tokio::time::Instant::now() + patience;
    let mut written = attempt(machine, process, form, bytes, until).await;
    if form == MemoryForm::Windows
        && let Err(Failed::Said(reason)) = &written
        && faults::want_in_words(reason).is_none()
    {
        process::note(&machine.logs.qemu, &format!("no Windows dump of the guest's memory: {reason}"));
        form = MemoryForm::Elf;
        remove(half.0);
        written = attempt(machine, process, form, bytes, until).await;
    }
    written.map_err(|failed| failed.fault(machine))?;
    let (from, to) = (machine.files.memory.clone(), to.to_owned());
    let taken = tokio::task::spawn_blocking(move || take(form, &from, &to, bytes)).await;
    taken.unwrap_or_else(|error| Err(faults::task("taking the guest's memory", &error)))?;
    Ok(form)
}

/// Says no before anything is written.
fn refuse(bytes: u64, limit: u64, from: &Path, to: &Path) -> Result<(), LabFault> {
    if to.symlink_metadata().is_ok() {
        let seen = format!("{} is there already: the guest's memory is not written over it", to.display());
        return Err(LabFault::new(FaultKind::HostFile, format!("{seen}; name another file")));
    }
    let mib = bytes / MIB;
    if bytes > limit {
        let seen = format!("the guest's memory takes up to {mib} MiB, and {} MiB are allowed for it", limit / MIB);
        return Err(LabFault::new(FaultKind::HostDiskFull, format!("{seen}; allow more, or do without it")));
    }
    // Where both lie on one disk, the second place costs nothing.
    for folder in [from, to].into_iter().filter_map(Path::parent) {
        let free = Storage::of(folder).map_or(0, |storage| storage.free_bytes);
        if free < bytes {
            let seen = format!("the guest's memory takes up to {mib} MiB, and {} has", folder.display());
            return Err(faults::fault(FaultKind::HostDiskFull, format!("{seen} {} MiB left", free / MIB)));
        }
    }
    Ok(())
}

/// Has QEMU write, and waits for the end of it. There is room for `most` bytes.
async fn attempt(
    machine: &QemuMachine,
    process: &Process,
    form: MemoryForm,
    most: u64,
    until: tokio::time::Instant,
) -> Result<(), Failed> {
    let file = &machine.files.memory;
    let begun = tokio::time::Instant::now();
    let end = process.next_dump_end();
    let name = command::speakable(file).unwrap_or_default();
    match process.control().begin_dump(name, form == MemoryForm::Windows).await {
        Ok(()) => {}
        Err(ControlError::Refused { reason, .. }) => return Err(Failed::Said(reason)),
        Err(error) => return Err(Failed::Fault(machine.explain(process, error).await)),
    }
    tokio::select! {
        end = tokio::time::timeout_at(until, end) => match end {
            Ok(Some(end)) => {
                goes_on(machine, process).await?;
                end.map_err(Failed::Said)
            }
            Ok(None) => {
                let ended = ControlError::Broken { command: COMMAND, reason: "QEMU ended while it wrote".to_owned() };
                Err(Failed::Fault(machine.explain(process, ended).await))
            }
            Err(_late) => {
                let seen = format!("QEMU did not write the guest's memory within {} s", begun.elapsed().as_secs());
                let message = format!("{seen}, and writes on until it is ended; the host's disk is stuck or very busy");
                Err(Failed::Fault(LabFault::new(FaultKind::Deadline, message)))
            }
        },
        () = outgrown(file, most) => {
            machine.cut_power().await.map_err(Failed::Fault)?;
            let seen = format!("the guest makes the dump of its memory larger than that is: beyond {} MiB", most / MIB);
            let message = format!("{seen}: its power was cut; look at the guest, it is broken or hostile");
            Err(Failed::Fault(LabFault::new(FaultKind::GuestDisagrees, message)))
        }
    }
}

/// Waits until the guest is let go on: QEMU tells the end of a dump before it has tidied up after it, and mixes up two that
/// follow each other too closely (`dump/dump.c`, `dump_process`).
async fn goes_on(machine: &QemuMachine, process: &Process) -> Result<(), Failed> {
    let patience = machine.waits.end;
    let tidied = async {
        loop {
            match process.control().run_state().await {
                Ok(state) if state == MEMORY_WRITTEN => tokio::time::sleep(TIDYING).await,
                Ok(_) => return Ok(()),
                Err(error) => return Err(Failed::Fault(machine.explain(process, error).await)),
            }
        }
    };
    tokio::time::timeout(patience, tidied).await.unwrap_or_else(|_late| {
        let seen = format!("QEMU wrote the guest's memory and did not let it go on within {patience:?}");
        Err(Failed::Fault(faults::hung(seen, &machine.logs.qemu.last_words())))
    })
}

/// Ends when the file is larger than it may be.
async fn outgrown(file: &Path, most: u64) {
    while tokio::fs::symlink_metadata(file).await.map_or(0, |meta| meta.len()) <= most {
        tokio::time::sleep(LOOK).await;
    }
}

/// Removes what QEMU wrote, if it wrote anything.
fn remove(file: &Path) {
    if let Err(error) = std::fs::remove_file(file)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "half a dump of a guest's memory stays until the machine is destroyed");
    }
}

/// Takes a dump out of QEMU's folder, and sees to it that nothing is left there.
fn take(form: MemoryForm, from: &Path, to: &Path, most: u64) -> Result<(), LabFault> {
    let taken = checked(form, from, most).and_then(|file| hand_over(&file, to, most));
    remove(from);
    taken.map_err(|error| faults::file("taking the guest's memory, for", to, &error))
}

/// The dump as a file of ours. Whoever broke out of the guest may have put something else there: a link to a file that
/// only we can read, for one.
fn checked(form: MemoryForm, from: &Path, most: u64) -> io::Result<File> {
    let file = overlay::open_written(from)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.nlink() != 1 || meta.len() > most {
        return Err(io::Error::other("QEMU left something else there"));
    }
    fchown(&file, Some(rustix::process::geteuid().as_raw()), Some(rustix::process::getegid().as_raw()))?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    let mut begin = [0; 4];
    (&file).read_exact(&mut begin)?;
    let expected = match form {
        MemoryForm::Windows => b"PAGE",
        MemoryForm::Elf => b"\x7fELF",
    };
    if begin != *expected {
        return Err(io::Error::other("what QEMU wrote does not begin as it should"));
    }
    io::Seek::rewind(&mut &file)?;
    Ok(file)
}

/// Gives this very file another name, or its bytes where that cannot be. Never replaces anything.
fn hand_over(file: &File, to: &Path, most: u64) -> io::Result<()> {
    let open_file = format!("/proc/self/fd/{}", file.as_raw_fd());
    match rustix::fs::linkat(CWD, open_file, CWD, to, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => return Ok(()),
        Err(error) if error == rustix::io::Errno::EXIST => return Err(error.into()),
        // Another disk, or one that knows no links.
        Err(error) => tracing::debug!(%error, "the guest's memory is copied"),
    }
    let mut target = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    let copied = io::copy(&mut file.take(most), &mut target);
    if copied.is_err() {
        remove(to);
    }
    copied.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_before_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("vm/memory.dump"), folder.path().join("memory.elf"));
        refuse(MIB, MIB, &from, &to).unwrap();
        let fault = refuse(64 * MIB + BESIDE, 80 * MIB, &from, &to).unwrap_err();
        assert_eq!(fault.kind, FaultKind::HostDiskFull);
        assert!(fault.message.starts_with("the guest's memory takes up to 96 MiB, and 80 MiB are allowed"), "{fault}");
        let fault = refuse(1 << 60, u64::MAX, &from, &to).unwrap_err();
        assert_eq!(fault.kind, FaultKind::HostDiskFull);
        assert!(fault.message.contains(" MiB left; free some room"), "{fault}");
        std::os::unix::fs::symlink("/nowhere", &to).unwrap();
        let fault = refuse(MIB, MIB, &from, &to).unwrap_err();
        assert!(fault.kind == FaultKind::HostFile && fault.message.contains("is there already"), "{fault}");
    }

    #[test]
    fn only_a_whole_file_of_one_name_is_taken_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let elf = b"\x7fELF and more";
        std::fs::write(&from, elf).unwrap();
        take(MemoryForm::Elf, &from, &to, 100).unwrap();
        assert!(std::fs::read(&to).unwrap() == elf && !from.exists());

        let refused = |words: &str| {
            let fault = take(MemoryForm::Elf, &from, &to, 100).unwrap_err();
            assert!(fault.message.contains(words), "{fault}");
            assert!(from.symlink_metadata().is_err(), "{words}: nothing stays");
        };
        std::fs::write(&from, elf).unwrap();
        refused("File exists");
        std::fs::remove_file(&to).unwrap();
        std::fs::write(&from, b"PAGEDU64").unwrap();
        refused("does not begin as it should");
        std::fs::write(&from, vec![0; 101]).unwrap();
        refused("something else");
        std::os::unix::fs::symlink("/etc/hostname", &from).unwrap();
        refused("Too many levels of symbolic links");
        let secret = folder.path().join("secret");
        std::fs::write(&secret, elf).unwrap();
        std::fs::hard_link(&secret, &from).unwrap();
        refused("something else");
        assert!(!to.exists());
    }

    #[test]
    fn a_dump_that_cannot_be_linked_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::write(&from, b"PAGEDU64").unwrap();
        let file = File::open(&from).unwrap();
        std::fs::remove_file(&from).unwrap();
        hand_over(&file, &to, 100).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"PAGEDU64");
        assert_eq!(hand_over(&file, &to, 100).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
