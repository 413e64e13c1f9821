//! Small inputs of our own making, by the builders of the readers' tests and by the stand-in's vendors.

use standin_forge::vendors;

use crate::dump_builder::{self, ACME, DumpSpec, GLOBEX, Order};
use crate::hive_builder::{self, Listed};
use crate::signature_builder::{Certificates, signed};
use crate::user_dump_builder::{MinidumpSpec, ModuleSpec, Raised};

/// Target, file name, bytes.
pub(crate) type Seed = (&'static str, &'static str, Vec<u8>);

pub(crate) fn all() -> Vec<Seed> {
    [kernel_dumps(), user_dumps(), pe_files(), hives(), disks(), guest_texts(), matrices()].concat()
}

fn kernel_dumps() -> Vec<Seed> {
    let spec = |order| {
        let blocks = (0..4).map(|n| (GLOBEX + 0x40 * n, vec![0xe8; 0x40])).collect();
        DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], blocks, order, ..dump_builder::quiet() }
            .with_slot(0x40, GLOBEX + 0x1200)
            .build()
    };
    let header = DumpSpec { code: 0x50, ..dump_builder::quiet() }.header();
    vec![
        ("kernel_dump", "windows", spec(Order::Windows)),
        ("kernel_dump", "debugger", spec(Order::Debugger)),
        ("kernel_dump", "header", header),
    ]
}

fn user_dumps() -> Vec<Seed> {
    let outside = Raised { address: 0x1_9000_0000, ..Raised::default() };
    let unloaded = vec![ModuleSpec { path: r"C:\Acme\GoneHook.dll", base: 0x1_9000_0000, size: 0x1000 }];
    vec![
        ("user_dump", "exception", MinidumpSpec::default().build()),
        ("user_dump", "no-module", MinidumpSpec { raised: Some(outside), unloaded, ..MinidumpSpec::default() }.build()),
        ("user_dump", "no-exception", MinidumpSpec { raised: None, ..MinidumpSpec::default() }.build()),
        ("user_dump", "macos", MinidumpSpec { platform: 0x8101, ..MinidumpSpec::default() }.build()),
    ]
}

fn pe_files() -> Vec<Seed> {
    let driver = vendors::demo()[0].driver_file().unwrap();
    vec![
        ("pe_file", "signed", signed(&driver, Certificates::Both)),
        ("pe_file", "signed-by-nobody", signed(&driver, Certificates::None)),
        ("pe_file", "driver", driver),
    ]
}

fn hives() -> Vec<Seed> {
    let built = |listed| hive_builder::hive(&hive_builder::system(listed), "SYSTEM");
    vec![
        ("hive", "system", built(Listed::Hashed)),
        ("hive", "system-lists", built(Listed::InTwo)),
        ("hive", "software", hive_builder::hive(&hive_builder::software(), "SOFTWARE")),
    ]
}

/// Edits: sector and word, number of bytes, bytes.
fn disks() -> Vec<Seed> {
    vec![
        ("disk", "untouched", Vec::new()),
        ("disk", "no-partition", [&[0, 0, 223, 2][..], &[0, 0]].concat()),
        ("disk", "cluster-size", [&[1, 0, 6, 2][..], &[0xff, 0x80]].concat()),
        ("disk", "records", (2..24).flat_map(|sector| [sector, 0, 10, 2, 0xff, 0x7f]).collect()),
    ]
}

fn guest_texts() -> Vec<Seed> {
    let texts = [
        (
            "sc",
            "SERVICE_NAME: acmeflt\r\n        TYPE               : 2  FILE_SYSTEM_DRIVER\r\n        \
             STATE              : 4  RUNNING\r\n",
        ),
        (
            "reg",
            "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Acme\r\n    Version    REG_SZ    4.1\r\n    \
             (Default)    REG_DWORD    0x10\r\n\r\n",
        ),
        (
            "fltmc",
            "\r\nFilter Name                     Num Instances    Altitude    Frame\r\n\
             ------------------------------  -------------  ------------  -----\r\nacmeflt                                 \
             3       321310.5       0\r\nold                              <Legacy>\r\n",
        ),
        (
            "wevtutil",
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider \
             Name='EventLog'/><EventID Qualifiers='32768'>6008</EventID><TimeCreated \
             SystemTime='2026-01-02T03:04:05.0Z'/><EventRecordID>7</EventRecordID></System><EventData><Data \
             Name='param1'>a&amp;b&#x41;</Data><Data/></EventData></Event>",
        ),
    ];
    texts.into_iter().map(|(name, text)| ("guest_text", name, text.as_bytes().to_vec())).collect()
}

fn matrices() -> Vec<Seed> {
    let text = |place: &str| {
        let path = format!("{}/../../mending/{place}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let chosen = |choice: u8, place: &str| [vec![choice], text(place)].concat();
    vec![
        ("matrix", "good", chosen(0, "3/nightly.yaml")),
        ("matrix", "bad", chosen(0, "1/nightly.yaml")),
        ("matrix", "recipe", chosen(1, "agents/globex-sensor.yaml")),
    ]
}
