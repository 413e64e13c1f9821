//! What of a disk is evidence, and the raw dump that no file was made of.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use coexist_evidence::disk::{DiskError, DiskFile, PAGE_FILE, RawDump, SRT_TRAIL};
use coexist_model::EvidenceKind;

use crate::disk::{pattern, raw_disk};
use crate::disk_images::Ntfs;
use crate::dump_builder::{put32, put64, quiet};

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

#[test]
fn every_place_is_looked_into() {
    use EvidenceKind::{EventLog, KernelDump, RegistryHive, SetupLog, UserDump};
    let wanted = [
        ("Windows/MEMORY.DMP", KernelDump, false),
        ("Windows/System32/winevt/Logs/System.evtx", EventLog, false),
        ("Windows/System32/winevt/Logs/Application.evtx", EventLog, false),
        ("Windows/System32/config/SYSTEM", RegistryHive, false),
        ("Windows/System32/config/SOFTWARE", RegistryHive, false),
        ("Windows/INF/setupapi.dev.log", SetupLog, false),
        ("Windows/System32/LogFiles/Srt/SrtTrail.txt", SetupLog, false),
        ("Windows/Minidump/071924-4000-01.dmp", KernelDump, false),
        ("Windows/LiveKernelReports/USBHUB3/USBHUB3-20240719-1.dmp", KernelDump, true),
        ("Windows/LiveKernelReports/whole.DMP", KernelDump, true),
        ("coexist/logs/install-acme.log", SetupLog, false),
        ("Windows/System32/config/systemprofile/AppData/Local/CrashDumps/agent.exe.4.dmp", UserDump, false),
        ("Windows/ServiceProfiles/LocalService/AppData/Local/CrashDumps/b.dmp", UserDump, false),
        ("Windows/ServiceProfiles/NetworkService/AppData/Local/CrashDumps/c.dmp", UserDump, false),
        ("ProgramData/Microsoft/Windows/WER/ReportQueue/AppCrash_a.exe_1/triagedump.dmp", UserDump, false),
        ("ProgramData/Microsoft/Windows/WER/Temp/WER1090.tmp.mdmp", UserDump, false),
        ("Users/Ann Bé/AppData/Local/CrashDumps/tool.exe.1.dmp", UserDump, false),
        ("Users/lab/AppData/Local/CrashDumps/tool.exe.2.dmp", UserDump, false),
    ];
    let others = [
        "Windows/bootstat.dat",
        "Windows/Minidump/readme.txt",
        "Windows/Minidump/deep/x.dmp",
        "Windows/System32/winevt/Logs/Security.evtx",
        "ProgramData/Microsoft/Windows/WER/ReportQueue/AppCrash_a.exe_1/Report.wer",
        "ProgramData/Microsoft/Windows/WER/one/two/three/too-deep.dmp",
        "coexist/logs/System.evtx",
        "Users/lab/x.dmp",
    ];
    let temp = tempfile::tempdir().unwrap();
    let begun = now();
    let paths: Vec<_> = wanted.iter().map(|(path, ..)| *path).chain(others).collect();
    let disk = raw_disk(temp.path(), &volume_with(temp.path(), &paths));

    let found = disk.evidence_files();
    assert_eq!(found.notes, Vec::<String>::new());
    for file in &found.files {
        assert!((begun..=now()).contains(&file.modified), "{file:?}");
    }
    let expected: Vec<_> = wanted
        .iter()
        .enumerate()
        .map(|(number, (path, kind, live))| {
            (format!("\\{}", path.replace('/', "\\")), *kind, 1000 + number as u64, *live)
        })
        .collect();
    let told: Vec<_> = found.files.iter().map(|file| (file.path.clone(), file.kind, file.size, file.live)).collect();
    assert_eq!(told, expected);
    assert!(found.files.iter().any(|file| file.path == SRT_TRAIL));
    for file in &found.files {
        let mut copied = Vec::new();
        assert_eq!(disk.copy_file(&file.path, u64::MAX, &mut copied).unwrap(), file.size, "{file:?}");
        assert_eq!(copied.len() as u64, file.size);
    }
}

#[test]
fn what_leads_elsewhere_or_is_packed_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = volume_with(
        temp.path(),
        &[
            "Windows/Minidump/link.dmp",
            "Windows/Minidump/packed.dmp",
            "Windows/LiveKernelReports/junction/x.dmp",
            "Users/All Users/AppData/Local/CrashDumps/y.dmp",
        ],
    );
    for name in ["link.dmp", "junction", "All Users"] {
        ntfs.set_attributes(name, 0x400);
    }
    ntfs.set_data_flags("packed.dmp", 1);
    let disk = raw_disk(temp.path(), &ntfs);
    let found = disk.evidence_files();
    let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [r"\Windows\Minidump\packed.dmp"]);
    let elsewhere = |path: &str| format!(r"{path} cannot be read: it is damaged or leads elsewhere");
    let expected = [r"\Windows\Minidump\link.dmp", r"\Windows\LiveKernelReports\junction"].map(elsewhere);
    assert_eq!(found.notes, expected, "links of Windows' own between profiles are nothing to tell");
    assert!(matches!(disk.copy_file(paths[0], 9, &mut Vec::new()), Err(DiskError::Packed(_))));
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
