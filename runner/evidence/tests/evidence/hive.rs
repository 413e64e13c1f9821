//! Registry hives: real ones against what python-registry says of them, built ones for what no sample has.

use std::path::Path;

use coexist_evidence::{HiveError, read_hive};
use coexist_model::{CrashSettings, DriverService};
use proptest::prelude::*;

use crate::disk_images::run_for_bytes;
use crate::hive_builder::{Data, Listed, hive, key, software, system};
use crate::samples::samples;

fn unpacked(folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join("hives").join(name);
    run_for_bytes("xz-utils", "xz", &["-dc", path.to_str().unwrap()], "")
}

#[test]
fn a_real_system_hive() {
    let Some(folder) = samples("a_real_system_hive") else { return };
    let facts = read_hive(&unpacked(&folder, "regipy_SYSTEM.xz")).unwrap();
    assert_eq!((facts.name.as_deref(), facts.control_set), (Some("system"), Some(1)));
    assert_eq!((facts.damaged, &facts.notes), (false, &Vec::new()));
    let settings = facts.crash_settings.unwrap();
    let expected = CrashSettings {
        crash_dump_enabled: Some(2),
        dump_file: Some(r"%SystemRoot%\MEMORY.DMP".to_owned()),
        minidump_dir: Some(r"%SystemRoot%\Minidump".to_owned()),
        auto_reboot: Some(true),
        overwrite: Some(true),
        ..CrashSettings::default()
    };
    assert_eq!(settings, expected);
    assert_eq!((facts.services, facts.drivers.len()), (Some(467), 255));
    assert!(facts.drivers.iter().all(|driver| driver.start.is_some()));
}

#[test]
fn a_damaged_system_hive() {
    let Some(folder) = samples("a_damaged_system_hive") else { return };
    let facts = read_hive(&unpacked(&folder, "regipy_corrupted_system_hive.xz")).unwrap();
    let settings = facts.crash_settings.unwrap();
    assert_eq!((settings.crash_dump_enabled, settings.auto_reboot), (Some(3), Some(true)));
    assert_eq!((facts.services, facts.drivers.len(), facts.damaged), (Some(198), 121, true));
    assert_eq!(
        facts.notes,
        ["Services: 64 not read whole, the first because a reference leads out of the hive (0xf70f0)"]
    );
}

#[test]
fn real_hives_cut_off() {
    let Some(folder) = samples("real_hives_cut_off") else { return };
    let bytes = unpacked(&folder, "regipy_SYSTEM.xz");
    for length in (0x1000..bytes.len()).step_by(0x8_1000) {
        let facts = read_hive(&bytes[..length]).unwrap();
        assert!(facts.damaged && facts.notes[0].starts_with("cut off: "), "{length:#x}: {:?}", facts.notes);
    }
}

fn driver(name: &str, kind: u32, image_path: Option<&str>, group: Option<&str>) -> DriverService {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    DriverService { name: name.to_owned(), kind, start: Some(0), image_path: owned(image_path), group: owned(group) }
}

#[test]
fn a_built_system_hive_however_its_keys_are_listed() {
    for listed in [Listed::Fast, Listed::Hashed, Listed::Plain, Listed::InTwo] {
        let facts = read_hive(&hive(&system(listed), r"emRoot\System32\Config\SYSTEM")).unwrap();
        assert_eq!((facts.name.as_deref(), facts.root.as_deref()), (Some("system"), Some("ROOT")));
        assert_eq!(facts.time.unwrap().to_string(), "2026-01-02T03:04:05Z");
        let expected = CrashSettings {
            crash_dump_enabled: Some(7),
            filter_pages: None,
            dump_file: Some(r"%SystemRoot%\MEMORY.DMP".to_owned()),
            minidump_dir: Some(r"%SystemRoot%\Minidump".to_owned()),
            dedicated_dump_file: Some(r"D:\dedicated.sys".to_owned()),
            auto_reboot: Some(true),
            overwrite: Some(false),
            always_keep_memory_dump: Some(true),
        };
        assert_eq!((facts.control_set, facts.crash_settings), (Some(3), Some(expected)));
        let filter = driver("acmeflt", 2, Some(r"system32\drivers\acmeflt.sys"), Some("FSFilter Anti-Virus"));
        assert_eq!((facts.services, facts.drivers), (Some(4), vec![filter, driver("disk", 1, None, None)]));
        assert_eq!((facts.damaged, facts.notes), (false, Vec::new()));
    }
}

#[test]
fn a_built_software_hive() {
    let facts = read_hive(&hive(&software(), r"temRoot\System32\Config\SOFTWARE")).unwrap();
    let expected = r#"{"name":"software","root":"ROOT","time":"2026-01-02T03:04:05Z","build":22631,"revision":4317}"#;
    assert_eq!(serde_json::to_string(&facts).unwrap(), expected);
}

#[test]
fn a_hive_that_was_not_written_to_its_end() {
    let whole = hive(&system(Listed::Fast), "SYSTEM");
    for at in [4, 8, 508] {
        let mut dirty = whole.clone();
        dirty[at] ^= 1;
        let facts = read_hive(&dirty).unwrap();
        assert!(facts.notes[0].starts_with("not written to its end: its transaction logs are not replayed"), "{at}");
        assert!(!facts.damaged && facts.drivers.len() == 2);
    }
}

/// A log has its hive's header, with the length of the hive in it, and changed pages behind that.
#[test]
fn a_transaction_log_is_no_damaged_hive() {
    for kind in [1, 2, 6] {
        let mut log = hive(&system(Listed::Fast), r"temRoot\System32\Config\SYSTEM");
        log[0x1c] = kind;
        log[0x200..0x204].copy_from_slice(b"HvLE");
        log[0x1000..].fill(0xa5);
        log.truncate(0x1800);
        let facts = read_hive(&log).unwrap();
        assert_eq!(facts.notes, ["the transaction log of a hive, not a hive: it is not replayed"]);
        assert_eq!((facts.damaged, facts.name.as_deref(), facts.root), (false, Some("system"), None));
    }
    // Another type is damage of a hive, which is read all the same.
    let mut other = hive(&system(Listed::Fast), "SYSTEM");
    other[0x1c] = 7;
    assert_eq!(read_hive(&other).unwrap().drivers.len(), 2);
}

#[test]
fn keys_that_are_not_there() {
    let facts = read_hive(&hive(&key("ROOT", &[], Vec::new()), "SAM")).unwrap();
    assert_eq!((facts.control_set, facts.crash_settings, facts.notes), (None, None, Vec::new()));
    let select = key("Select", &[("Current", Data::Number(9))], Vec::new());
    let facts = read_hive(&hive(&key("ROOT", &[], vec![select]), "SYSTEM")).unwrap();
    assert_eq!(facts.notes, ["ControlSet009, which Select names, is not there"]);
    assert!(facts.damaged);
    for bytes in [&b""[..], b"regf", &[0; 0x2000]] {
        assert_eq!(read_hive(bytes), Err(HiveError::NotAHive));
    }
}

/// Facts must stay in proportion to the bytes they come from.
fn survive(bytes: &[u8]) {
    let Ok(facts) = read_hive(bytes) else { return };
    assert!(facts.notes.len() <= 32);
    assert!(facts.drivers.len() <= 4096);
    assert!(serde_json::to_vec(&facts).unwrap().len() <= 0x10_0000);
}

/// Offset in the file of the cell with this name in it, as keys (`nk`) and values (`vk`) have it.
fn cell(bytes: &[u8], signature: &[u8; 2], name: &str) -> usize {
    let at = (0x1000..bytes.len()).find(|&at| bytes[at..].starts_with(name.as_bytes())).unwrap();
    let start = at - if signature == b"nk" { 0x4c } else { 0x14 };
    assert_eq!(&bytes[start..start + 2], signature);
    start
}

#[test]
fn a_value_that_cannot_be_read_costs_itself_alone() {
    let whole = hive(&system(Listed::Fast), "SYSTEM");
    let settings = |bytes: &[u8]| {
        let facts = read_hive(bytes).unwrap();
        (facts.crash_settings.unwrap(), facts.notes)
    };
    let (expected, _) = settings(&whole);
    // The value itself, then where its data lies: the settings before and behind it stay.
    let at = cell(&whole, b"vk", "DumpFile");
    for (offset, with) in [(0, 0), (8, u32::MAX - 8)] {
        let mut damaged = whole.clone();
        damaged[at + offset..at + offset + 4].copy_from_slice(&u32::to_le_bytes(with));
        let (found, notes) = settings(&damaged);
        assert_eq!(found, CrashSettings { dump_file: None, ..expected.clone() });
        assert!(notes.iter().any(|note| note.starts_with(r"CrashControl\DumpFile: ")), "{notes:?}");
    }
    // Of a driver likewise.
    let mut damaged = whole.clone();
    damaged[cell(&whole, b"vk", "Group")..][..2].fill(0);
    let facts = read_hive(&damaged).unwrap();
    let filter = driver("acmeflt", 2, Some(r"system32\drivers\acmeflt.sys"), None);
    assert_eq!((facts.drivers.len(), &facts.drivers[0], facts.damaged), (2, &filter, true));
    assert!(
        facts.notes[0].starts_with("Services: 1 not read whole, the first because no value at "),
        "{:?}",
        facts.notes
    );
}

#[test]
fn keys_that_are_listed_again_and_again_are_told_once() {
    let names: Vec<String> = (0..4000).map(|number| format!("driver{number}")).collect();
    let path = "\u{fffd}".repeat(320);
    let values = [("Type", Data::Number(1)), ("ImagePath", Data::Text(&path))];
    let services: Vec<_> = names.iter().map(|name| key(name, &values, Vec::new())).collect();
    let set = key("ControlSet001", &[], vec![key("Services", &[], services)]);
    let select = key("Select", &[("Current", Data::Number(1))], Vec::new());
    let bytes = hive(&key("ROOT", &[], vec![set, select]), "SYSTEM");
    let long = read_hive(&bytes).unwrap();
    let left_out = 4000 - long.drivers.len();
    assert!(long.damaged && long.drivers.len() > 200);
    assert_eq!(
        long.notes,
        [format!("Services: {left_out} drivers left out, their texts are longer than any Windows has")]
    );
    survive(&bytes);

    // Every entry of the list is the first key.
    let list = (0x1000..bytes.len()).find(|&at| bytes[at..].starts_with(b"lh\xa0\x0f")).unwrap();
    let mut shared = bytes;
    for entry in 1..4000 {
        shared.copy_within(list + 4..list + 8, list + 4 + 8 * entry);
    }
    let once = read_hive(&shared).unwrap();
    assert_eq!((once.services, once.drivers.len(), once.damaged), (Some(1), 1, true));
    assert_eq!(once.notes, ["Services: 3999 listed more than once"]);
}

#[test]
fn keys_that_refer_to_themselves() {
    let whole = hive(&system(Listed::InTwo), "SYSTEM");
    let lists: Vec<usize> =
        (0x1000..whole.len() - 8).filter(|&at| matches!(&whole[at..at + 2], b"ri" | b"li")).collect();
    assert!(lists.len() >= 3);
    for &list in &lists {
        for &other in &lists {
            let mut circle = whole.clone();
            circle[list + 2..list + 4].copy_from_slice(&[0xff, 0xff]);
            circle[list + 4..list + 8].copy_from_slice(&u32::try_from(other - 4 - 0x1000).unwrap().to_le_bytes());
            survive(&circle);
        }
    }
}

#[test]
fn every_word() {
    let whole = hive(&system(Listed::Hashed), "SYSTEM");
    let used = whole.iter().rposition(|&byte| byte != 0).unwrap();
    for at in (0..0x60).chain(0x1000..used).step_by(2) {
        for value in [0, 0x20, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let mut damaged = whole.clone();
            damaged[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
            survive(&damaged);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_two_words(at in prop::array::uniform2(0x1000_usize..0x1ffe), value: [u16; 2], cut in 0_usize..0x800) {
        let mut bytes = hive(&system(Listed::InTwo), "SYSTEM");
        for (at, value) in at.into_iter().zip(value) {
            bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        survive(&bytes);
        bytes.truncate(0x2000 - cut);
        survive(&bytes);
    }
}
