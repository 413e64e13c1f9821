//! Evidence of machines that never were, built by the stand-in's own writers.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use standin_formats::dump::{DumpDriver, SmallDump, Stack, UnloadedDriver};
use standin_formats::evtx::{Event, EventLog};

const KERNEL: u64 = 0xffff_f806_2240_0000;
/// Where the driver that is to blame was loaded.
pub(super) const FLT: u64 = 0xffff_f806_7143_0000;
/// FILETIME of 2026-11-23T08:00:00Z.
const NOW: u64 = 134_398_944_000_000_000;
const SECOND: u64 = 10_000_000;

/// A folder `case` with one file of each kind that tests can build.
pub(super) struct Evidence {
    folder: tempfile::TempDir,
}

impl Evidence {
    pub(super) fn new() -> Self {
        let evidence = Self { folder: tempfile::tempdir().unwrap() };
        let case = evidence.root().join("case");
        fs::create_dir_all(case.join("sub")).unwrap();
        let dump = dump("globexflt.sys");
        fs::write(case.join("minidump.dmp"), &dump).unwrap();
        fs::write(case.join("System.evtx"), log(r"C:\Windows\Minidump\112326-1-01.dmp")).unwrap();
        fs::write(case.join("readme.txt"), "what happened\n").unwrap();
        fs::write(case.join("sub/cut.dmp"), &dump[..0x3000]).unwrap();
        fs::write(case.join("sub/deep.evtx"), log(r"C:\Windows\MEMORY.DMP")).unwrap();
        // Far larger than what is read of a small dump.
        let mut page_file = File::create(case.join("pagefile.sys")).unwrap();
        page_file.write_all(&dump).unwrap();
        page_file.set_len(100 << 20).unwrap();
        evidence
    }

    /// Adds a folder `hostile` of names and texts that try to move a terminal.
    pub(super) fn hostile(&self) {
        let folder = self.root().join("hostile");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a\n::error::\u{1b}[2J\u{202e}.evtx"), log("C:\\\u{1b}[2J\n::error::x.dmp")).unwrap();
        fs::write(folder.join("b.dmp"), &dump("evil\u{1b}[31m\n::x\u{202e}.sys")[..0x3000]).unwrap();
    }

    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }
}

/// A dump of a process as Breakpad writes it on macOS: nothing in it but the platform.
pub(super) fn dump_of_macos() -> Vec<u8> {
    const SYSTEM_INFO: u32 = 7;
    const MACOS: u32 = 0x8101;
    let header = [u32::from_le_bytes(*b"MDMP"), 0xa793, 1, 32, 0, 0, 0, 0];
    let directory = [SYSTEM_INFO, 56, 44];
    let system = [9, 1, 10, 15, 0, MACOS, 0, 0, 0, 0, 0, 0, 0, 0];
    header.into_iter().chain(directory).chain(system).flat_map(u32::to_le_bytes).collect()
}

fn driver(name: &str, base: u64, size: u32) -> DumpDriver {
    DumpDriver { name: name.to_owned(), base, size, timestamp: 0x5f1a_2b3c, checksum: 1 }
}

/// A small dump of a page fault in one driver: the numbers of a public example.
fn dump(culprit: &str) -> Vec<u8> {
    let stack = Stack::of_words(0xffff_9405_8305_ec00, &[1, 2, KERNEL + 0x3f_d6f0, FLT + 0x1234, 5, 6, 7, 8]);
    SmallDump {
        build: 19041,
        processors: 2,
        system_time: NOW,
        uptime_100ns: 41_266_745,
        stop_code: 0x50,
        parameters: [0xffff_8405_0000_0074, 0, FLT + 0xe14ed, 2],
        drivers: vec![driver("ntoskrnl.exe", KERNEL, 0x0104_6000), driver(culprit, FLT, 0x0012_0000)],
        unloaded: vec![UnloadedDriver { name: "dam.sys".to_owned(), start: FLT - 0x10_0000, end: FLT - 0xf_0000 }],
        process_name: "System".to_owned(),
        context_rip: KERNEL + 0x3f_d6f0,
        context_rsp: 0xffff_9405_8305_ec00,
        stack,
    }
    .to_bytes()
}

/// Provider, number, and names with values.
type Told<'a> = (&'a str, u16, &'a [(&'a str, &'a str)]);

/// A System log: a clean boot, one that crashed, one that runs.
fn log(dump: &str) -> Vec<u8> {
    const GUID: &str = "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}";
    let stop = "0x00000050 (0xffff840500000074, 0x0000000000000000, 0xfffff806715114ed, 0x0000000000000002)";
    let crash = [
        ("BugcheckCode", "80"),
        ("BugcheckParameter1", "0xffff840500000074"),
        ("BugcheckParameter2", "0x0"),
        ("BugcheckParameter3", "0xfffff806715114ed"),
        ("BugcheckParameter4", "0x2"),
        ("PowerButtonTimestamp", "0"),
    ];
    let report = [("param1", stop), ("param2", dump), ("param3", "112326-1-01")];
    let (general, power) = ("Microsoft-Windows-Kernel-General", "Microsoft-Windows-Kernel-Power");
    let reporter = "Microsoft-Windows-WER-SystemErrorReporting";
    let story: &[Told<'_>] = &[
        (general, 12, &[("StartTime", "2026-11-23T08:00:00.5000000Z")]),
        ("EventLog", 6005, &[]),
        ("EventLog", 6006, &[]),
        (general, 13, &[("StopTime", "2026-11-23T08:10:00.0000000Z")]),
        (general, 12, &[("StartTime", "2026-11-23T08:11:00.5000000Z")]),
        ("EventLog", 6005, &[]),
        (general, 12, &[("StartTime", "2026-11-23T08:21:00.5000000Z")]),
        ("EventLog", 6005, &[]),
        (power, 41, &crash),
        (reporter, 1001, &report),
    ];
    let mut log = EventLog::new("System", "LAB-1");
    for (record_id, (provider, event_id, data)) in (1..).zip(story) {
        log.push(Event {
            provider: (*provider).to_owned(),
            guid: provider.starts_with("Microsoft").then(|| GUID.to_owned()),
            event_id: *event_id,
            level: 4,
            time: NOW + record_id * SECOND,
            record_id,
            event_data: data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Event::default()
        });
    }
    log.to_bytes()
}
