//! Memory, processors and disks: how much there is, and how many machines it is enough for.

use std::path::Path;

use coexist_model::MachineProfile;
use coexist_qemu::{Accelerator, Fit, Memory, Processors, Room, Scarce, Storage};
use serde_json::{Map, Value, json};

use super::finding::Finding;

const MIB: u64 = 1 << 20;
/// Below this not even the overlays of two small machines and the record fit.
const LEAST_DISK: u64 = 256 * MIB;
/// Below this the overlays of two Windows guests, which grow by gigabytes, may not fit.
const SCARCE_DISK: u64 = 8 << 30;
/// Files of one run: its evidence and reports, at least, and with many cells.
const LEAST_FILES: u64 = 1_000;
const SCARCE_FILES: u64 = 50_000;
/// Temporary files are a test disk of one MiB, and what is downloaded.
const SCARCE_TEMPORARY: u64 = 64 * MIB;

/// Memory, processors, and how many machines like `example` they are enough for.
pub(super) fn findings(
    room: &Room,
    example: Option<(&str, &MachineProfile)>,
    accelerator: Accelerator,
) -> Vec<Finding> {
    let mut findings = vec![memory(room.memory.as_ref()), processors(room.processors)];
    findings.extend(example.map(|(image, profile)| machines(image, room.fits(profile, accelerator))));
    findings
}

fn memory(memory: Option<&Memory>) -> Finding {
    let Some(memory) = memory else {
        return Finding::warning("memory", "this host does not tell: /proc/meminfo cannot be read", "mount /proc");
    };
    let Memory { total_mib, available_mib, swap_mib, host_mib, limited_by } = memory;
    let swap = if *swap_mib == 0 { "no swap".to_owned() } else { format!("{swap_mib} MiB of swap") };
    let limit = match limited_by {
        Some(file) => format!("; {} leaves that of {host_mib} MiB", file.display()),
        None => String::new(),
    };
    Finding::ok("memory", format!("{total_mib} MiB, {available_mib} MiB available, {swap}{limit}"))
}

fn processors(processors: Processors) -> Finding {
    let found = match processors {
        Processors { usable, online: Some(online) } if online > usable => {
            format!("{usable} of {online}: affinity or a control group's quota leaves no more")
        }
        Processors { usable, .. } => usable.to_string(),
    };
    Finding::ok("processors", found)
}

fn machines(image: &str, fit: Fit) -> Finding {
    let Fit { machines, bound, machine_mib } = fit;
    let each = format!("at most {machine_mib} MiB each; the bound is {}", bound.as_str());
    let mend = match bound {
        Scarce::Processors => "give this host or container more processors",
        Scarce::Memory => "free memory, or give this host or container more",
    };
    match machines {
        // A bound, no measurement: a run tries it all the same.
        0 => Finding::warning("machines", format!("perhaps not one of {image} ({each})"), mend),
        1 => {
            let found = format!("1 of {image} at once ({each}): the arms of a cell run one after the other");
            Finding::warning("machines", found, mend)
        }
        more => Finding::ok("machines", format!("{more} of {image} at once ({each})")),
    }
}

/// Where runs and their overlays go.
pub(super) fn runs(storage: Option<&Storage>, folder: &str) -> Finding {
    let Some(storage) = storage else {
        let found = format!("nothing is known of the disk for runs ({folder})");
        return Finding::warning("disk", found, "start coexist in a folder that can be reached");
    };
    let found = format!("{} for runs and their overlays ({folder})", told(storage));
    let Storage { free_bytes, free_files, file_system, writable, .. } = storage;
    let elsewhere = "name another folder with --out";
    if !writable {
        return Finding::problem("disk", format!("{found}; it cannot be written to"), elsewhere);
    }
    let free_files = free_files.unwrap_or(u64::MAX);
    let free = format!("free some room (`df -h`, `df -i`), or {elsewhere}");
    if *free_bytes < LEAST_DISK || free_files < LEAST_FILES {
        return Finding::problem("disk", found, free);
    }
    if let Some(trouble) = file_system.as_deref().and_then(trouble) {
        return Finding::warning("disk", format!("{found}; {trouble}"), elsewhere);
    }
    if *free_bytes < SCARCE_DISK || free_files < SCARCE_FILES {
        return Finding::warning("disk", format!("{found}; overlays of Windows guests grow by gigabytes"), free);
    }
    Finding::ok("disk", found)
}

/// What is wrong with a kind of file system for overlays.
fn trouble(file_system: &str) -> Option<&'static str> {
    match file_system {
        "tmpfs" | "ramfs" => Some("what is written there counts as memory"),
        "nfs" | "nfs4" | "cifs" | "smb3" | "9p" | "ceph" | "glusterfs" => {
            Some("over the network QEMU's locks may fail, and every write of a guest waits for it")
        }
        "vfat" | "msdos" | "exfat" => Some("it knows neither owners nor links, and FAT no large files"),
        _ => None,
    }
}

/// Where temporary files go.
pub(super) fn temporary(storage: Option<&Storage>, folder: &Path) -> Finding {
    const NAME: &str = "temporary files";
    const ELSEWHERE: &str = "free some room, or name another folder in TMPDIR";
    match storage {
        None => Finding::problem(NAME, format!("{} cannot be reached", folder.display()), ELSEWHERE),
        Some(storage) if !storage.writable => {
            Finding::problem(NAME, format!("{}; it cannot be written to", told(storage)), ELSEWHERE)
        }
        Some(storage) if storage.free_bytes < SCARCE_TEMPORARY => Finding::warning(NAME, told(storage), ELSEWHERE),
        Some(storage) => Finding::ok(NAME, told(storage)),
    }
}

fn told(storage: &Storage) -> String {
    let Storage { folder, free_bytes, free_files, file_system, .. } = storage;
    let room =
        if *free_bytes >= 10 << 30 { format!("{} GiB", free_bytes >> 30) } else { format!("{} MiB", free_bytes / MIB) };
    let files = free_files.map(|files| format!(", {files} files")).unwrap_or_default();
    let kind = file_system.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
    format!("{room}{files} free at {}{kind}", folder.display())
}

pub(super) fn as_json(
    room: &Room,
    example: Option<(&str, &MachineProfile)>,
    accelerator: Accelerator,
) -> Map<String, Value> {
    let mut value = Map::new();
    if let Some(Memory { total_mib, available_mib, swap_mib, host_mib, limited_by }) = &room.memory {
        let mut part = json!({"total": total_mib, "available": available_mib, "swap": swap_mib, "host": host_mib});
        if let Some(file) = limited_by {
            part["limited_by"] = json!(file);
        }
        value.insert("memory_mib".to_owned(), part);
    }
    let mut processors = json!({"usable": room.processors.usable});
    if let Some(online) = room.processors.online {
        processors["online"] = json!(online);
    }
    value.insert("processors".to_owned(), processors);
    if let Some((image, profile)) = example {
        let Fit { machines, bound, machine_mib } = room.fits(profile, accelerator);
        let part = json!({"image": image, "at_once": machines, "bound": bound.as_str(), "machine_mib": machine_mib});
        value.insert("machines".to_owned(), part);
    }
    value
}

pub(super) fn storage_as_json(storage: &Storage) -> Value {
    let Storage { folder, free_bytes, free_files, file_system, writable } = storage;
    let mut value = json!({"folder": folder, "free_bytes": free_bytes, "writable": writable});
    if let Some(files) = free_files {
        value["free_files"] = json!(files);
    }
    if let Some(kind) = file_system {
        value["file_system"] = json!(kind);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    fn disk() -> Storage {
        Storage {
            folder: "/runs".into(),
            free_bytes: 20 << 30,
            free_files: Some(100_000),
            file_system: Some("ext4".to_owned()),
            writable: true,
        }
    }

    #[test]
    fn disks_are_judged_by_room_kind_and_access() {
        let kind = |kind: &str| Storage { file_system: Some(kind.to_owned()), ..disk() };
        let table = [
            (disk(), State::Ok, ""),
            (kind("overlay"), State::Ok, ""),
            (Storage { file_system: None, free_files: None, ..disk() }, State::Ok, ""),
            (kind("tmpfs"), State::Warning, "counts as memory"),
            (kind("nfs4"), State::Warning, "locks"),
            (kind("vfat"), State::Warning, "owners"),
            (Storage { free_bytes: 4 << 30, ..disk() }, State::Warning, "4096 MiB"),
            (Storage { free_files: Some(2_000), ..disk() }, State::Warning, "2000 files"),
            (Storage { free_bytes: 100 * MIB, ..disk() }, State::Problem, "100 MiB"),
            (Storage { free_files: Some(10), ..disk() }, State::Problem, "10 files"),
            (Storage { writable: false, ..disk() }, State::Problem, "cannot be written"),
        ];
        for (storage, state, words) in table {
            let finding = runs(Some(&storage), "reports/out");
            assert_eq!(finding.state, state, "{storage:?}");
            assert!(finding.found.contains(words), "{finding:?}");
            assert_eq!(finding.mend.is_some(), state != State::Ok);
        }
        assert_eq!(runs(None, "reports/out").state, State::Warning);
        let state = |storage: Option<&Storage>| temporary(storage, Path::new("/tmp")).state;
        assert_eq!((state(Some(&disk())), state(None)), (State::Ok, State::Problem));
        assert_eq!(state(Some(&Storage { free_bytes: MIB, ..disk() })), State::Warning);
        assert_eq!(state(Some(&Storage { writable: false, ..disk() })), State::Problem);
    }

    #[test]
    fn one_machine_is_slow_and_none_is_too_few() {
        let found = |machines, bound| machines_at_once(machines, bound);
        assert_eq!(found(2, Scarce::Processors).state, State::Ok);
        assert_eq!(found(1, Scarce::Memory).mend.as_deref(), Some("free memory, or give this host or container more"));
        assert_eq!(found(1, Scarce::Processors).state, State::Warning);
        assert_eq!(found(0, Scarce::Memory).state, State::Warning);
    }

    fn machines_at_once(machines: u64, bound: Scarce) -> Finding {
        super::machines("standin-client", Fit { machines, bound, machine_mib: 384 })
    }

    #[test]
    fn what_bounds_a_container_is_told() {
        let room =
            Memory { total_mib: 512, available_mib: 300, swap_mib: 0, host_mib: 8000, limited_by: Some("/m".into()) };
        assert_eq!(memory(Some(&room)).found, "512 MiB, 300 MiB available, no swap; /m leaves that of 8000 MiB");
        assert_eq!(memory(None).state, State::Warning);
        assert_eq!(processors(Processors { usable: 2, online: Some(2) }).found, "2");
        assert!(processors(Processors { usable: 2, online: Some(8) }).found.starts_with("2 of 8: "));
    }
}
