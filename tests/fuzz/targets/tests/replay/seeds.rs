//! Small inputs of our own making, by the builders of the readers' tests and by the stand-in's vendors.

use fuzz_targets::zeros::shortened;
use standin_forge::vendors;

use crate::dump_builder::{self, ACME, DumpSpec, GLOBEX, Order};
use crate::event_log_builder::Story;
use crate::hive_builder::{self, Listed};
use crate::matrices::MATRICES;
use crate::memory_builder::{BITMAP, Machine};
use crate::signature_builder::{Certificates, signed};
use crate::user_dump_builder::{MinidumpSpec, ModuleSpec, Raised};

/// Target, file name, bytes.
pub(crate) type Seed = (&'static str, &'static str, Vec<u8>);

pub(crate) fn all() -> Vec<Seed> {
    let bytes = [kernel_dumps(), user_dumps(), pe_files(), hives(), disks(), guest_texts(), matrices()];
    let lines = [consoles(), machine_events()];
    let files = [big_dumps(), event_logs(), packed_files(), any_files()];
    [bytes.concat(), lines.concat(), files.concat(), pict_models(), pict_rows()].concat()
}

fn crash(order: Order) -> DumpSpec {
    let blocks = (0..4).map(|n| (GLOBEX + 0x40 * n, vec![0xe8; 0x40])).collect();
    DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], blocks, order, ..dump_builder::quiet() }
        .with_slot(0x40, GLOBEX + 0x1200)
}

fn kernel_dumps() -> Vec<Seed> {
    let header = DumpSpec { code: 0x50, ..dump_builder::quiet() }.header();
    vec![
        ("kernel_dump", "windows", crash(Order::Windows).build()),
        ("kernel_dump", "debugger", crash(Order::Debugger).build()),
        ("kernel_dump", "header", header),
    ]
}

/// Of each layout of physical memory, and a small one.
fn big_dumps() -> Vec<Seed> {
    let crash = crash(Order::Windows);
    // Runs of a full dump have room for 42 in its header, so this one has all pages.
    let layout = |kind| Machine::of(&crash, 1).dump(&crash, kind, (kind == 1).then_some(0x80)).whole();
    let seed = |name, bytes: Vec<u8>| ("big_dump", name, shortened(&bytes));
    vec![
        seed("full", layout(1)),
        seed("bitmap", layout(BITMAP)),
        seed("ranges", layout(8)),
        seed("ranges-complete", layout(10)),
        seed("small", crash.build()),
    ]
}

fn event_logs() -> Vec<Seed> {
    let story = |tell: fn(&mut Story)| {
        let mut story = Story::new();
        story.boot();
        tell(&mut story);
        story.bytes()
    };
    let crashed = story(|story| {
        story.boot().not_stopped().power("80", "0").reported("0x00000050").last_boot(false, 7);
    });
    let cut = crashed.get(..0x1a00).unwrap().to_vec();
    let seed = |name, bytes: Vec<u8>| ("event_log", name, shortened(&bytes));
    vec![
        seed(
            "clean",
            story(|story| {
                story.shut_down().boot();
            }),
        ),
        seed("crashed", crashed),
        seed("cut", cut),
    ]
}

/// Packed files by hand: a byte that chooses places, then frames without checksums, so that their bytes can be changed.
fn packed_files() -> Vec<Seed> {
    let frames = [stored(b"PAGEDU64 is the first of the plain bytes"), repeated(0, 0xff), stored(b"the last")];
    let seed = |name, bytes: Vec<u8>| ("packed", name, [vec![9], bytes].concat());
    vec![
        seed("frames", with_table(&frames)),
        seed("one", with_table(&frames[..1])),
        seed("empty", with_table(&[])),
        seed("unfinished", frames[0].0.clone()),
    ]
}

/// A frame and the plain bytes in it.
type Frame = (Vec<u8>, u8);

/// A frame of one block that is not compressed (RFC 8878, sections 3.1.1.1 and 3.1.1.2).
fn stored(plain: &[u8]) -> Frame {
    frame(u8::try_from(plain.len()).unwrap(), 0, plain)
}

/// A frame of one block that is one byte, again and again.
fn repeated(byte: u8, count: u8) -> Frame {
    frame(count, 1, &[byte])
}

fn frame(plain: u8, kind: u32, content: &[u8]) -> Frame {
    let last = 1;
    let block = (u32::from(plain) << 3 | kind << 1 | last).to_le_bytes();
    // One segment, its plain length in one byte, no checksum.
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0x20, plain];
    ([&head, &block[..3], content].concat(), plain)
}

fn with_table(frames: &[Frame]) -> Vec<u8> {
    let word = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let entries = frames.iter().flat_map(|(packed, plain)| [word(packed.len()), word(usize::from(*plain))]);
    let entries: Vec<u8> = entries.flatten().collect();
    let mut out: Vec<u8> = frames.iter().flat_map(|(packed, _)| packed.clone()).collect();
    out.extend([0x5e, 0x2a, 0x4d, 0x18]);
    out.extend(word(entries.len() + 9));
    out.extend(entries);
    out.extend(word(frames.len()));
    out.extend([0, 0xb1, 0xea, 0x92, 0x8f]);
    out
}

/// One file of each kind.
fn any_files() -> Vec<Seed> {
    let of = |seeds: Vec<Seed>, name: &str| seeds.into_iter().find(|seed| seed.1 == name).unwrap().2;
    let seed = |name, bytes: Vec<u8>| ("triage", name, shortened(&bytes));
    let short = |name, input: Vec<u8>| ("triage", name, input);
    let packed: Vec<Frame> = of(user_dumps(), "exception").chunks(0xff).map(stored).collect();
    vec![
        short("big-dump", of(big_dumps(), "bitmap")),
        short("event-log", of(event_logs(), "crashed")),
        seed("small-dump", of(kernel_dumps(), "windows")),
        seed("user-dump", of(user_dumps(), "exception")),
        seed("hive", of(hives(), "system")),
        seed("driver", of(pe_files(), "signed")),
        seed("packed", with_table(&packed)),
        seed("zip", b"PK\x03\x04".to_vec()),
    ]
}

fn consoles() -> Vec<Seed> {
    let screen = "\x1b[2J\x1b[1;1H*** STOP: 0x00000050 (0xFFFF840500000074,0x0000000000000000,\r\n\
                  0xFFFFF806715114ED,0x0000000000000002)\r\n";
    let twice = format!("{screen}Booting\r\n*** STOP: 0x000000E2 (none\r\n*** STOP: 0x0000");
    vec![("console", "stop", screen.as_bytes().to_vec()), ("console", "last-of-three", twice.into_bytes())]
}

fn machine_events() -> Vec<Seed> {
    let crash = r#"{"event":"GUEST_PANICKED","data":{"action":"run","info":{"type":"hyper-v","arg1":80,"arg2":18446744073709551615,"arg3":3,"arg4":4,"arg5":5}}}
{"event":"GUEST_CRASHLOADED","data":{"action":"run"}}
{"event":"RESET","data":{"guest":true,"reason":"guest-reset"}}
{"event":"SHUTDOWN","data":{"guest":false,"reason":"host-qmp-quit"}}
"#;
    let host = r#"{"event":"BLOCK_IO_ERROR","data":{"nospace":true,"operation":"write","action":"stop"}}
{"event":"STOP"}
{"event":"DUMP_COMPLETED","data":{"result":{"total":0,"status":"failed","completed":0},"error":"no room"}}
{"event":"DUMP_COMPLETED","data":{"result":{"total":4096,"status":"completed","completed":4096}}}
"#;
    let seed = |name, text: &str| ("machine_events", name, text.as_bytes().to_vec());
    vec![seed("crash", crash), seed("host", host)]
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
        ("disk", "no-partition", [&[0, 0, 235, 4][..], &[0; 4]].concat()),
        ("disk", "cluster-size", [&[1, 0, 6, 2][..], &[0xff, 0x80]].concat()),
        ("disk", "records", (2..60).flat_map(|sector| [sector, 0, 10, 2, 0xff, 0x7f]).collect()),
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
    let files = vec![
        ("matrix", "good", chosen(0, "3/nightly.yaml")),
        ("matrix", "bad", chosen(0, "1/nightly.yaml")),
        ("matrix", "recipe", chosen(1, "agents/globex-sensor.yaml")),
    ];
    let planned = MATRICES.iter().map(|(name, text)| ("matrix", *name, [&[0], text.as_bytes()].concat()));
    files.into_iter().chain(planned).collect()
}

/// The first byte chooses how the model is written.
fn pict_models() -> Vec<Seed> {
    let usual = "# all there is\nA: ~-1, 0 (3), 0x1F | big\nB: FAT, FAT32 | exFAT\nC: <B>, \"q\"\nD, 1, 2\n{ A, B } @ 2\n{ C, D }\n\n\
                 IF [A] = -1 OR NOT ([D] > 1 AND [B] LIKE \"F?T*\")\n# inside\nTHEN [C] NOT IN {\"FAT\", \"\\\"q\\\"\"}\n\
                 ELSE IsPositive(A);\n[B] <> [C] OR IsNegative() OR [D] <= 1;\n";
    let other = "A: !x; y/z\na: 1; 2\n{A; a} @ 1\nIF [A] = \"x\" THEN [a] = 1;\n";
    let wrong = "A: 1, 2\na: 3\n$R: 1\nB @ 3: 1\n{ A, Z }\n[A] = \"1\";\n[B] LIKE 3;\n[A] XOR;\n([A] = 1";
    let seed = |name, choice: u8, text: &str| ("pict_model", name, [&[choice], text.as_bytes()].concat());
    vec![seed("usual", 0, usual), seed("other", 1, other), seed("wrong", 0, wrong)]
}

fn pict_rows() -> Vec<Seed> {
    let usual = "\u{feff}b\tC c\tA\tQ\r\nUNO\t~-1\t2\tq\r\n\r\nnone\t\t3\ntwo\t2\t1\n";
    let seed = |name, text: &str| ("pict_rows", name, text.as_bytes().to_vec());
    vec![seed("usual", usual), seed("wrong", "A\ta\n"), seed("long", "A\n1\t2\n7\n")]
}
