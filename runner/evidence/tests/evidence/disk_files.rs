//! What of a disk is evidence, and the raw dump that no file was made of.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use coexist_evidence::disk::{DiskError, DiskFile, PAGE_FILE, RawDump, SRT_TRAIL};
use coexist_model::{EvidenceFolder, EvidenceKind, EvidencePlaces, EvidenceSettings, Holds};

use crate::disk::{pattern, raw_disk};
use crate::disk_images::Ntfs;
use crate::dump_builder::{put32, put64, quiet};
use crate::hive_builder::{Data, KeySpec, hive, key};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn volume_with(folder: &std::path::Path, files: &[&str]) -> Ntfs {
    let ntfs = Ntfs::make(folder);
    for (number, path) in files.iter().enumerate() {
        if let Some((above, _)) = path.rsplit_once('/') {
            ntfs.make_folders(above);
        }
        ntfs.put(path, &pattern(1000 + number, 1));
    }
    ntfs
}

/// A file of every place of the list, as far down as folders are looked into, as the disk tells them.
fn in_every_place(places: &EvidencePlaces) -> BTreeSet<(String, EvidenceKind, bool)> {
    use EvidenceKind::{KernelDump, SetupLog, UserDump};
    let mut files = BTreeSet::new();
    let mut add = |path: &str, kind, holds: Holds| files.insert((path[2..].to_owned(), kind, holds.live()));
    for (path, holds) in &places.files {
        add(path, holds.kind(), *holds);
    }
    for EvidenceFolder { path, levels, holds } in places.folders.iter().chain(&places.of_account("Ann Bé")) {
        let deepest = format!(r"{path}{}", r"\below".repeat(levels - 1));
        let named: &[_] = match holds {
            Holds::KernelDumps { .. } => &[("030126-1-01.DMP", KernelDump)],
            Holds::ProgramDumps => &[("agent.exe.9.dmp", UserDump)],
            Holds::Reports => &[("Report.wer", SetupLog), ("memory.hdmp", UserDump), ("x.tmp.mdmp", UserDump)],
            Holds::Logs => &[("agent.log", SetupLog)],
            Holds::EventLog | Holds::Hive => &[],
        };
        for (name, kind) in named {
            add(&format!(r"{deepest}\{name}"), *kind, *holds);
        }
    }
    files
}

fn on_volume(path: &str) -> String {
    path.trim_start_matches('\\').replace('\\', "/")
}

/// A volume with small hives, so that only what they say is known, and these files.
fn windows_with<'a>(folder: &Path, system: &KeySpec<'_>, files: impl IntoIterator<Item = &'a str>) -> Ntfs {
    let files: Vec<_> = files.into_iter().filter(|path| !path.contains("System32/config/S")).collect();
    let ntfs = volume_with(folder, &files);
    ntfs.make_folders("Windows/System32/config");
    ntfs.put("Windows/System32/config/SYSTEM", &hive(system, "SYSTEM"));
    ntfs.put("Windows/System32/config/SOFTWARE", &hive(&software(), "SOFTWARE"));
    ntfs
}

#[test]
fn every_place_of_the_list_is_looked_into() {
    let expected = in_every_place(&EvidencePlaces::of(&EvidenceSettings::default(), &|_| None));
    let others = [
        r"\Windows\bootstat.dat",
        r"\Windows\Minidump\readme.txt",
        r"\Windows\Minidump\deep\x.dmp",
        r"\Windows\System32\winevt\Logs\Security.evtx",
        r"\ProgramData\Microsoft\Windows\WER\ReportQueue\report\within\too-deep.dmp",
        r"\coexist\logs\System.evtx",
        r"\Users\Ann Bé\x.dmp",
    ];
    let temp = tempfile::tempdir().unwrap();
    let begun = now();
    let on_disk: Vec<_> = expected.iter().map(|(path, ..)| path.as_str()).chain(others).map(on_volume).collect();
    let disk =
        raw_disk(temp.path(), &volume_with(temp.path(), &on_disk.iter().map(String::as_str).collect::<Vec<_>>()));

    let found = disk.evidence_files();
    // What lies there in place of the hives is none.
    let (hives, others): (Vec<_>, Vec<_>) = found.notes.iter().partition(|note| note.ends_with("not a registry hive"));
    assert_eq!((hives.len(), others), (2, Vec::<&String>::new()));
    let told: BTreeSet<_> = found.files.iter().map(|file| (file.path.clone(), file.kind, file.live)).collect();
    assert_eq!(told, expected);
    assert_eq!(found.files.len(), expected.len(), "each is told once");
    assert!(found.files.iter().any(|file| file.path == SRT_TRAIL));
    assert_eq!(found.raw, [PAGE_FILE]);
    for file in &found.files {
        assert!((begun..=now()).contains(&file.modified), "{file:?}");
        let mut copied = Vec::new();
        assert_eq!(disk.copy_file(&file.path, u64::MAX, &mut copied).unwrap(), file.size, "{file:?}");
        assert_eq!(copied.len() as u64, file.size);
    }
}

/// A `SOFTWARE` hive that says where things are kept, and where dumps of programs go.
fn software() -> KeySpec<'static> {
    let profiles = [
        ("ProfilesDirectory", Data::Expanding(r"%SystemDrive%\People")),
        ("ProgramData", Data::Expanding(r"%SystemDrive%\Data")),
    ];
    let profiles = key("ProfileList", &profiles, Vec::new());
    let version = key("CurrentVersion", &[("SystemRoot", Data::Text(r"C:\Windows"))], vec![profiles]);
    let agent = key("agent.exe", &[("DumpFolder", Data::Expanding(r"%LOCALAPPDATA%\own"))], Vec::new());
    let dumps = key("LocalDumps", &[("DumpFolder", Data::Text(r"C:\programs\"))], vec![agent]);
    let windows = key("Windows", &[], vec![key("Windows Error Reporting", &[], vec![dumps])]);
    key("ROOT", &[], vec![key("Microsoft", &[], vec![windows, key("Windows NT", &[], vec![version])])])
}

/// A `SYSTEM` hive that says this of crashes.
fn crash_control<'a>(values: &[(&'a str, Data<'a>)], live_reports: &'a str) -> KeySpec<'a> {
    let live = key("LiveKernelReports", &[("LiveKernelReportsPath", Data::Text(live_reports))], Vec::new());
    let page_files = Data::List(&[r"\??\C:\pagefile.sys", r"\??\C:\swap\second.sys"]);
    let memory = key("Memory Management", &[("ExistingPageFiles", page_files)], Vec::new());
    let sessions = key("Session Manager", &[], vec![memory]);
    let control = key("Control", &[], vec![key("CrashControl", values, vec![live]), sessions]);
    let select = key("Select", &[("Current", Data::Number(3))], Vec::new());
    key("ROOT", &[], vec![key("ControlSet003", &[], vec![control]), select])
}

#[test]
fn evidence_lies_where_the_registry_says() {
    let settings = [
        ("DumpFile", Data::Expanding(r"%SystemRoot%\kept\all.memory")),
        ("MinidumpDir", Data::Expanding(r"C:\Small Dumps")),
        ("DedicatedDumpFile", Data::Text(r"\??\c:\reserved\raw.sys")),
    ];
    let system = crash_control(&settings, r"\SystemRoot\live");
    let files = [
        "Windows/kept/all.memory",
        "Small Dumps/1.dmp",
        "Windows/live/2.dmp",
        "programs/agent.exe.1.dmp",
        "People/lab/AppData/Local/own/agent.exe.2.dmp",
        "Data/Microsoft/Windows/WER/ReportQueue/report/Report.wer",
    ];
    let temp = tempfile::tempdir().unwrap();
    let ntfs = windows_with(temp.path(), &system, files);
    let dump = quiet().build();
    ntfs.make_folders("reserved");
    ntfs.make_folders("swap");
    ntfs.put("reserved/raw.sys", &[&dump[..], &pattern(100_000, 3)].concat());
    ntfs.put("swap/second.sys", &pattern(100_000, 4));
    let disk = raw_disk(temp.path(), &ntfs);

    let found = disk.evidence_files();
    assert_eq!(found.notes, Vec::<String>::new());
    let told: Vec<_> = found.files.iter().map(|file| on_volume(&file.path)).collect();
    for file in files {
        assert!(told.contains(&file.to_owned()), "{file} in {told:?}");
    }
    assert_eq!(found.raw, [PAGE_FILE, r"\swap\second.sys", r"\reserved\raw.sys"]);
    let raw: Vec<_> = found.raw.iter().filter_map(|path| Some((path, disk.raw_dump(path).unwrap()?))).collect();
    let [(path, RawDump { length, notes })] = &raw[..] else { panic!("{raw:?}") };
    assert!(disk.read_file(path, *length).unwrap().bytes == dump && notes.is_empty(), "{notes:?}");
}

#[test]
fn what_lies_on_another_volume_is_told_and_not_guessed() {
    let settings = [
        ("DumpFile", Data::Expanding(r"E:\all.dmp")),
        ("MinidumpDir", Data::Expanding(r"%DUMPS%\small")),
        ("DedicatedDumpFile", Data::Text(r"E:\raw.sys")),
    ];
    let temp = tempfile::tempdir().unwrap();
    let files = ["all.dmp", "raw.sys", "small/1.dmp", "Windows/Minidump/2.dmp"];
    let ntfs = windows_with(temp.path(), &crash_control(&settings, ""), files);
    let found = raw_disk(temp.path(), &ntfs).evidence_files();
    assert_eq!(
        found.notes,
        [
            r"MinidumpDir is %DUMPS%\small, and nobody knows where that is",
            r"E:\raw.sys is on another volume than Windows, and was not looked for",
            r"E:\all.dmp is on another volume than Windows, and was not looked for",
        ]
    );
    let dumps: Vec<_> = found.files.iter().filter(|file| file.kind == EvidenceKind::KernelDump).collect();
    assert_eq!(dumps.len(), 1, "{dumps:?}");
    assert_eq!(dumps[0].path, r"\Windows\Minidump\2.dmp");
    assert_eq!(found.raw, [PAGE_FILE, r"\swap\second.sys"]);
}

#[test]
fn what_leads_elsewhere_or_is_packed_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = volume_with(
        temp.path(),
        &[
            "Windows/Minidump/link.dmp",
            "Windows/Minidump/packed.dmp",
            "Windows/Minidump/windows-packed.dmp",
            "Windows/LiveKernelReports/junction/x.dmp",
            "Users/All Users/AppData/Local/CrashDumps/y.dmp",
            "Windows/System32/drivers/packed.sys",
        ],
    );
    for name in ["link.dmp", "junction", "All Users"] {
        ntfs.set_attributes(name, 0x400);
    }
    ntfs.set_data_flags("packed.dmp", 0x4000);
    for name in ["windows-packed.dmp", "packed.sys"] {
        ntfs.set_reparse_tag(name, 0x8000_0017);
    }
    let disk = raw_disk(temp.path(), &ntfs);
    let found = disk.evidence_files();
    let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [r"\Windows\Minidump\packed.dmp"]);
    let packed = r"encrypted, deduplicated or compressed in a way that cannot be read here: \Windows\Minidump\windows-packed.dmp";
    let expected = [
        r"redirected on the guest's disk: \Windows\Minidump\link.dmp",
        packed,
        r"redirected on the guest's disk: \Windows\LiveKernelReports\junction",
    ];
    assert_eq!(found.notes, expected, "links of Windows' own between profiles are nothing to tell");
    for path in [paths[0], r"\Windows\Minidump\windows-packed.dmp"] {
        assert!(matches!(disk.copy_file(path, 9, &mut Vec::new()), Err(DiskError::Packed(_))), "{path}");
    }
    assert!(matches!(disk.driver_file("packed.sys"), Err(DiskError::Packed(_))));
}

/// One unit of 16 clusters that is packed into the first, one that is all zeros, and a last one as it is.
#[test]
fn what_ntfs_compressed_is_unpacked() {
    let temp = tempfile::tempdir().unwrap();
    // "ab", then what stands two back, 4094 bytes of it: a distance of four bits, a length of twelve. Chunks of
    // 4 KiB, the last of which ends the unit.
    let chunk = |length: u16| [&[0x04, 0xb0, 0x04, b'a', b'b'][..], &(0x1000 | (length - 3)).to_le_bytes()].concat();
    let mut packed: Vec<u8> = (0..16).flat_map(|_| chunk(4094)).collect();
    packed.resize(4096, 0);
    let last = pattern(10_000, 5);
    let ntfs = Ntfs::make(temp.path());
    ntfs.make_folders("Windows");
    let length = 2 * 65_536 + last.len();
    // Their clusters one behind another: what is packed, then what is as it is; the rest is given back to nobody.
    ntfs.put("Windows/packed.dmp", &[&packed[..], &last, &pattern(length - 4096 - last.len(), 6)].concat());
    assert_eq!(ntfs.pieces("Windows/packed.dmp"), 1);
    ntfs.set_data_flags("packed.dmp", 1);
    ntfs.set_runs("packed.dmp", &[(true, 1), (false, 31), (true, 3)]);
    let disk = raw_disk(temp.path(), &ntfs);
    let read = |most| disk.read_file(r"\Windows\packed.dmp", most).unwrap();
    let expected = [&b"ab".repeat(32_768)[..], &[0; 65_536], &last].concat();
    let whole = read(1 << 20);
    assert!(whole.is_whole() && whole.bytes == expected, "{} {}", whole.bytes.len(), whole.size);
    assert!(read(70_001).bytes == expected[..70_001]);

    // No length that a cluster could hold; and clusters that were never written.
    for content in [0xff, 0] {
        let damaged = tempfile::tempdir().unwrap();
        let ntfs = Ntfs::make(damaged.path());
        ntfs.put("packed.dmp", &vec![content; length]);
        ntfs.set_data_flags("packed.dmp", 1);
        ntfs.set_runs("packed.dmp", &[(true, 1), (false, 31), (true, 3)]);
        let read = raw_disk(damaged.path(), &ntfs).read_file(r"\packed.dmp", 1 << 20).map(|file| file.size);
        assert!(matches!(read, Err(DiskError::Damaged(_))), "{content}: {read:?}");
    }
}

#[test]
fn names_that_would_lead_elsewhere_are_told() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs =
        volume_with(temp.path(), &["Windows/Minidump/aXbXc.dmp", "Windows/Minidump/dots1.dmp", "Windows/cc.dmp"]);
    ntfs.rename("aXbXc.dmp", r"..\cc.dmp");
    ntfs.rename("dots1.dmp", "a\u{202e}b\nc.dmp");
    let found = raw_disk(temp.path(), &ntfs).evidence_files();
    assert_eq!(found.files, []);
    assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
    for note in &found.notes {
        assert!(note.starts_with("not a guest path") && !note.contains('\u{202e}') && !note.contains('\n'), "{note:?}");
    }
}

#[test]
fn drivers_by_their_names() {
    let temp = tempfile::tempdir().unwrap();
    let disk = raw_disk(
        temp.path(),
        &volume_with(
            temp.path(),
            &[
                "Windows/System32/drivers/AcmeFlt.sys",
                "Windows/System32/ntoskrnl.exe",
                "Windows/System32/drivers/etc/hosts",
            ],
        ),
    );
    let file = |name: &str| disk.driver_file(name).unwrap().map(|DiskFile { path, kind, size, .. }| (path, kind, size));
    let driver = |path: &str, size| Some((path.to_owned(), EvidenceKind::Driver, size));
    assert_eq!(file("acmeflt.sys"), driver(r"\Windows\System32\drivers\acmeflt.sys", 1000));
    assert_eq!(file("ntoskrnl.exe"), driver(r"\Windows\System32\ntoskrnl.exe", 1001));
    assert_eq!(file("none.sys"), None);
    for name in ["", r"..\x", r"etc\hosts", "etc/hosts", "..", "a:b"] {
        assert!(matches!(disk.driver_file(name), Err(DiskError::BadPath(_))), "{name}");
    }
    assert!(matches!(disk.driver_file("etc"), Err(DiskError::WrongKind(_))));
}

#[test]
fn a_driver_lies_where_its_service_says() {
    let service =
        |name, path| key(name, &[("Type", Data::Number(2)), ("ImagePath", Data::Expanding(path))], Vec::new());
    let services = vec![
        service("acmeflt", r"\SystemRoot\System32\drivers\Acme\AcmeFlt.sys"),
        service("other", r"\??\C:\Program Files\Other\other.sys"),
        service("gone", r"system32\drivers\gone\gone.sys"),
    ];
    let select = key("Select", &[("Current", Data::Number(1))], Vec::new());
    let set = key("ControlSet001", &[], vec![key("Services", &[], services)]);
    let temp = tempfile::tempdir().unwrap();
    let files = [
        "Windows/System32/drivers/Acme/acmeflt.sys",
        "Program Files/Other/other.sys",
        "Windows/System32/drivers/gone.sys",
    ];
    let disk = raw_disk(temp.path(), &windows_with(temp.path(), &key("ROOT", &[], vec![set, select]), files));
    let path = |name: &str| disk.driver_file(name).unwrap().map(|file| on_volume(&file.path).to_lowercase());
    for (name, file) in ["ACMEFLT.sys", "other.sys", "gone.sys"].into_iter().zip(files) {
        assert_eq!(path(name), Some(file.to_lowercase()), "{name}");
    }
}

/// The start of a bitmap dump whose pages begin at 0x4000, as public readers of such dumps describe it.
fn bitmap(stated: Option<u64>, pages: u64) -> Vec<u8> {
    let mut start = quiet().header();
    start.resize(0x2000, 0);
    put32(&mut start, 0xf98, 5);
    put64(&mut start, 0xfa0, stated.unwrap_or(u64::from_le_bytes(*b"PAGEPAGE")));
    start.extend(b"SDMPDUMP");
    start.resize(0x4000, 0);
    put64(&mut start, 0x2020, 0x4000);
    put64(&mut start, 0x2028, pages);
    start.extend(pattern(0x8000, 3));
    start
}

#[test]
fn the_length_of_a_large_raw_dump() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = Ntfs::make(temp.path());
    let whole = 0x4000 + 6 * 0x1000;
    for (name, dump) in [
        ("true.sys", bitmap(Some(whole), 6)),
        ("room.sys", bitmap(Some(whole + 0x800), 6)),
        ("silent.sys", bitmap(None, 6)),
        ("small.sys", bitmap(Some(0x3000), 6)),
        ("large.sys", bitmap(Some(1 << 40), 6)),
        ("wild.sys", bitmap(Some(whole), u64::MAX / 0x1000)),
        ("none.sys", bitmap(Some(whole), 0)),
    ] {
        ntfs.put(name, &dump);
    }
    let disk = raw_disk(temp.path(), &ntfs);
    let size = 0x4000 + 0x8000;
    let raw =
        |length, notes: &[&str]| Some(RawDump { length, notes: notes.iter().map(|note| (*note).to_owned()).collect() });
    let table = [
        ("true.sys", raw(whole, &[])),
        ("room.sys", raw(whole + 0x800, &[])),
        ("silent.sys", raw(whole, &["the dump does not say how long it is"])),
        ("small.sys", raw(whole, &["the dump says that it takes 12288 bytes, and its pages take 40960"])),
        ("large.sys", raw(size, &["the dump takes 1099511627776 bytes, the file has 49152"])),
        ("wild.sys", raw(whole, &[])),
        ("none.sys", raw(whole, &[])),
        ("absent.sys", None),
    ];
    for (name, expected) in table {
        assert_eq!(disk.raw_dump(&format!(r"D:\{name}")).unwrap(), expected, "{name}");
    }
    assert_eq!(disk.raw_dump(PAGE_FILE).unwrap(), None);
}

/// Takes so many bytes and no more.
struct Small(usize);

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_large_file_streams_up_to_its_limit() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = Ntfs::make(temp.path());
    ntfs.put("pagefile.sys", &pattern(5_000_000, 1));
    let disk = raw_disk(temp.path(), &ntfs);
    assert_eq!(disk.copy_file(PAGE_FILE, 3_000_001, &mut Small(3_000_001)).unwrap(), 5_000_000);
    let full = disk.copy_file(PAGE_FILE, u64::MAX, &mut Small(4_000_000)).unwrap_err();
    let DiskError::Write(error) = full else { panic!("{full}") };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}
