//! Reading real disks.

#[expect(dead_code, reason = "another crate's tests use the rest")]
#[path = "../../../../../evidence/tests/evidence/disk_images.rs"]
mod disk_images;

use disk_images::{Ntfs, partitioned, qcow2};
use tempfile::TempDir;

use super::*;

/// A disk with both event logs and the log of start-up repair.
fn disk() -> (TempDir, DiskFiles) {
    let folder = tempfile::tempdir().unwrap();
    let ntfs = Ntfs::make(folder.path());
    for made in ["Windows", "Windows/System32", "Windows/System32/winevt", "Windows/System32/winevt/Logs"] {
        ntfs.make_folder(made);
    }
    for made in ["Windows/System32/LogFiles", "Windows/System32/LogFiles/Srt"] {
        ntfs.make_folder(made);
    }
    ntfs.put("Windows/System32/LogFiles/Srt/SrtTrail.txt", b"Startup Repair diagnosis and repair log");
    ntfs.put("Windows/System32/winevt/Logs/System.evtx", b"system log");
    ntfs.put("Windows/System32/winevt/Logs/Application.evtx", b"application log");
    let (raw, overlay) = (folder.path().join("disk.raw"), folder.path().join("disk.qcow2"));
    partitioned(&ntfs, &raw, "dos");
    qcow2(&raw, &overlay, None);
    (folder, DiskFiles { overlay, golden: PathBuf::from("no-such-disk") })
}

fn everything() -> Wanted {
    Wanted::New {
        before: BTreeSet::new(),
        had: Had::default(),
        logs: vec!["System.evtx", "Application.evtx"],
        earliest: Timestamp::UNIX_EPOCH,
    }
}

fn words(lacks: Lacks) -> String {
    format!("{:?}", crate::ladder::Climbed::lacking(lacks).with(0))
}

#[test]
fn each_file_is_given_as_it_comes() {
    let (folder, disk) = disk();
    let to = folder.path().join("copied");
    let given = |most: usize| {
        let mut given = Vec::new();
        let mut give = |file: Copied| {
            let there = std::fs::read_dir(&to).unwrap().count();
            assert_eq!(there, 1, "the next one is copied once this one is taken");
            std::fs::remove_file(&file.at).unwrap();
            given.push(file.task.path.rsplit('\\').next().unwrap().to_owned());
            given.len() < most
        };
        read(&disk, everything(), &to, 1 << 20, &AtomicBool::new(false), &mut give).unwrap();
        given
    };
    let all = given(usize::MAX);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all[..2].iter().all(|name| name.ends_with(".evtx")), "logs come first: {all:?}");
    assert_eq!(given(1).len(), 1, "nobody takes any more");
}

#[test]
fn a_log_that_is_cut_off_is_not_whole() {
    let (folder, disk) = disk();
    let mut whole = Vec::new();
    let mut give = |file: Copied| {
        whole.push(file.whole);
        true
    };
    let to = folder.path().join("copied");
    let (later, lacks) = read(&disk, everything(), &to, 17, &AtomicBool::new(false), &mut give).unwrap();
    assert!(later.is_empty());
    assert_eq!(whole.iter().filter(|whole| **whole).count(), 1, "{whole:?}");
    let words = words(lacks);
    assert!(words.contains(" bytes, ") && words.contains("of them were kept"), "{words}");
    assert!(words.contains("this arm's budget is used up"), "{words}");
}

#[test]
fn nothing_is_copied_once_its_time_is_over() {
    let (folder, disk) = disk();
    let mut give = |_| panic!("nobody waits for it");
    let to = folder.path().join("copied");
    let (_, lacks) = read(&disk, everything(), &to, 1 << 20, &AtomicBool::new(true), &mut give).unwrap();
    assert!(words(lacks).contains("its time was over"));
}

#[test]
fn what_is_small_comes_before_what_is_large() {
    let task = |path: &str, kind, live, size| Task {
        path: path.to_owned(),
        kind,
        live,
        size,
        modified: None,
        notes: Vec::new(),
    };
    let large = READ_LIMIT + 1;
    let tasks = vec![
        task("hive", EvidenceKind::RegistryHive, false, large),
        task("live", EvidenceKind::KernelDump, true, 9),
        task("MEMORY.DMP", EvidenceKind::KernelDump, false, large),
        task("raw", EvidenceKind::KernelDump, false, large),
        task("program", EvidenceKind::UserDump, false, large),
        task("log", EvidenceKind::EventLog, false, large),
        task("minidump", EvidenceKind::KernelDump, false, READ_LIMIT),
    ];
    let (now, later) = in_turn(tasks);
    let names = |tasks: &[Task]| tasks.iter().map(|task| task.path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&now), ["minidump", "log", "hive", "live"]);
    assert_eq!(names(&later), ["MEMORY.DMP", "raw", "program"]);
}
