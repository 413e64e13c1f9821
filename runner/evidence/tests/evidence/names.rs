//! Names of drivers: cut, unreadable, and those of files that lie beside a dump.

use coexist_evidence::{DriverOwners, blame, crash_from, read_kernel_dump};
use coexist_model::{DriverFile, Hex, Strength};

use crate::blame::UNLOADED;
use crate::callers::NAMELESS;
use crate::dump_builder::{ACME, DumpSpec, quiet};

#[test]
fn a_cut_name_finds_its_vendor_and_says_so() {
    let spec = |name| DumpSpec {
        code: 0xd1,
        parameters: [0, 2, 8, UNLOADED + 0x10],
        unloaded: vec![(name, UNLOADED, UNLOADED + 0x3_3000)],
        ..quiet()
    };
    for (name, vendor) in
        [("SentinelMonitor.sys", Some("SentinelOne")), ("csagent.sys", Some("CrowdStrike")), ("sentinelmon", None)]
    {
        let bytes = spec(name).build();
        let blame = blame(&read_kernel_dump(&bytes).unwrap(), &DriverOwners::default());
        assert_eq!((blame.strength, blame.vendor.as_deref()), (Strength::Likely, vendor), "{name}");
        assert_eq!(
            blame.reason.contains("so begins sentinelmonitor.sys"),
            name.starts_with("SentinelM"),
            "{}",
            blame.reason
        );
    }
}

#[test]
fn a_file_speaks_for_its_own_image_only() {
    let bytes = DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], ..quiet() }.build();
    let dump = read_kernel_dump(&bytes).unwrap();
    let file = |timestamp| DriverFile {
        company: Some("Acme".to_owned()),
        timestamp: Some(Hex(timestamp)),
        size: Some(0x4_0000),
        ..DriverFile::default()
    };
    let with = |timestamp| crash_from(&dump, &DriverOwners::default().with_files([("acmeflt.sys", file(timestamp))]));
    let same = with(0x5f1a_2b3c);
    assert_eq!((same.blame.vendor.as_deref(), same.notes.as_slice()), (Some("Acme"), &[][..]));
    let other = with(0x5f1a_2b3d);
    assert_eq!(other.blame.vendor, None);
    assert_eq!(other.notes, ["a file acmeflt.sys is at hand, but of another image: it does not say who made this one"]);
}

#[test]
fn an_unreadable_name_is_absent() {
    let bytes = DumpSpec { unloaded: vec![("", UNLOADED, UNLOADED + 0x1000)], ..quiet() }
        .with_module("", NAMELESS)
        .with_slot(0, NAMELESS + 0x1100)
        .build();
    let crash = crash_from(&read_kernel_dump(&bytes).unwrap(), &DriverOwners::default());
    let json = serde_json::to_value(&crash).unwrap();
    assert_eq!(
        json["drivers"][4],
        serde_json::json!({"base": "0xfffff80270000000", "size": 0x8000, "timestamp": "0x61000001"})
    );
    assert_eq!(json["unloaded"][0], serde_json::json!({"start": "0xfffff80240000000", "end": "0xfffff80240001000"}));
    assert!(crash.stack.is_empty());
    assert!(!json.to_string().contains('?'), "{json}");
}
