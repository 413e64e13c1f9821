//! What is told of logs that tests build.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use coexist_evidence::{EventLogError, read_event_log};
use coexist_model::{BootHistory, LoggedEnd};
use jiff::Timestamp;
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use serde_json::{Value, json};

use crate::event_log_builder::{KERNEL_GENERAL, KERNEL_POWER, SECOND, Story};

impl Story {
    fn history(&self) -> BootHistory {
        read(&self.bytes())
    }
}

fn read(bytes: &[u8]) -> BootHistory {
    read_event_log(&mut Cursor::new(bytes)).unwrap()
}

fn ends(history: &BootHistory) -> Vec<&'static str> {
    history.boots.iter().map(|boot| boot.ended.map_or("?", LoggedEnd::as_str)).collect()
}

fn first_records(history: &BootHistory) -> Vec<Option<u64>> {
    history.boots.iter().map(|boot| boot.first_record).collect()
}

#[test]
fn every_way_a_boot_can_end() {
    type Tell = fn(&mut Story);
    let rows: [(&str, &str, Tell); 13] = [
        ("a proper shutdown", "clean", |story| {
            story.shut_down().boot();
        }),
        ("41 with a code", "bugcheck", |story| {
            story.boot().power("80", "0");
        }),
        ("1001 alone", "bugcheck", |story| {
            story.boot().reported("0x00000050");
        }),
        ("41 of zeros, 1001", "bugcheck", |story| {
            story.boot().power("0", "0").reported("0x00000050");
        }),
        ("41 of zeros", "power-loss", |story| {
            story.boot().not_stopped().power("0", "0");
        }),
        ("41 with a held button", "power-button", |story| {
            story.boot().power("0", "133000000000000000");
        }),
        ("zeros where no dump can be", "unexpected", |story| {
            story.event("volmgr", 46, &[]).boot().power("0", "0");
        }),
        ("41 that says nothing of a stop", "unexpected", |story| {
            story.boot().not_stopped().event(KERNEL_POWER, 41, &[("PowerButtonTimestamp", "0")]);
        }),
        ("41 with a code that is no number", "unexpected", |story| {
            story.boot().power("", "0");
        }),
        ("41 that says nothing of a stop, 1001", "bugcheck", |story| {
            story.boot().event(KERNEL_POWER, 41, &[]).reported("0x00000050");
        }),
        ("41 with nothing but a held button", "power-button", |story| {
            story.boot().event(KERNEL_POWER, 41, &[("PowerButtonTimestamp", "133000000000000000")]);
        }),
        ("6008 alone", "unexpected", |story| {
            story.boot().not_stopped();
        }),
        ("20 alone", "unexpected", |story| {
            story.boot().last_boot(false, 7);
        }),
    ];
    for (what, ended, tell) in rows {
        let mut story = Story::new();
        story.boot().work(3);
        tell(&mut story);
        let history = story.history();
        assert_eq!(ends(&history), [ended, "running"], "{what}: {history:?}");
        let boot = &history.boots[0];
        assert_eq!(boot.stop_code.map(|code| code.0), (ended == "bugcheck").then_some(0x50), "{what}");
        assert_eq!(boot.parameters.len(), if ended == "bugcheck" { 4 } else { 0 }, "{what}");
        assert!(!history.damaged, "{what}: {:?}", history.notes);
    }
}

#[test]
fn a_bugcheck_has_code_parameters_dump_and_moment() {
    let mut story = Story::new();
    story.boot().boot().not_stopped().power("80", "0").reported("0x00000050");
    let history = story.history();
    assert_eq!(
        serde_json::to_value(&history).unwrap(),
        json!({"boots": [
            {"first_record": 1, "started": "2026-11-23T08:00:00Z", "ended": "bugcheck",
             "ended_at": "2025-08-31T21:33:01.5Z", "stop_code": "0x50",
             "parameters": ["0xffff840500000074", "0x0", "0xfffff806715114ed", "0x2"],
             "dump": "C:\\Windows\\Minidump\\1.dmp"},
            {"first_record": 4, "started": "2026-11-23T08:00:03Z", "ended": "running"},
        ], "last_event": "2026-11-23T08:00:09Z"})
    );
}

#[test]
fn a_stop_that_is_not_told_of_is_not_denied() {
    let mut story = Story::new();
    story.boot().boot().not_stopped().event(KERNEL_POWER, 41, &[("PowerButtonTimestamp", "0")]);
    assert_eq!(story.history().notes, ["the boot before record 4: record 8 does not say whether there was a stop"]);
}

/// As logs of Windows 7 and 10 have it: the log's first records come before the records of the shutdown before them.
#[test]
fn late_records_of_a_shutdown_belong_to_the_boot_that_ended() {
    let mut story = Story::new();
    story.boot().work(300).log_stop().log_start().work(20).kernel_stop().kernel_start().work(300).log_stop();
    story.log_start().kernel_stop().kernel_start();
    let history = story.history();
    assert_eq!(ends(&history), ["clean", "clean", "running"]);
    assert_eq!(first_records(&history), [Some(1), Some(306), Some(632)]);
    let stopped: Timestamp = "2026-11-23T08:05:27Z".parse().unwrap();
    assert_eq!(history.boots[0].ended_at, Some(stopped));
}

/// After a crash the service writes 6008 before its 6009, and the kernel's start may come before or behind them.
#[test]
fn a_crash_belongs_to_one_boot_in_either_order() {
    for kernel_first in [true, false] {
        let mut story = Story::new();
        story.boot().work(2);
        if kernel_first {
            story.kernel_start().not_stopped().log_start();
        } else {
            story.not_stopped().log_start().kernel_start();
        }
        story.power("80", "0");
        let history = story.history();
        assert_eq!(ends(&history), ["bugcheck", "running"], "{kernel_first} {history:?}");
        assert_eq!(first_records(&history), [Some(1), Some(6)], "{kernel_first}");
    }
}

/// What the kernel says of the boot before may come in front of its own start; what comes soon behind a start is of that
/// boot, even where the next one begins right behind.
#[test]
fn a_crash_told_before_the_beginning_belongs_to_the_boot_before_it() {
    let mut story = Story::new();
    story.boot().work(300).power("80", "0").boot().work(5).boot();
    let history = story.history();
    assert_eq!((ends(&history), history.boots[1].first_record), (vec!["bugcheck", "unexpected", "running"], Some(304)));
    let mut story = Story::new();
    story.boot().work(300).boot().power("80", "0").power("0", "0").boot().work(5);
    assert_eq!(ends(&story.history()), ["bugcheck", "power-loss", "running"], "a loop of short boots");
    let mut story = Story::new();
    story.boot().work(300).boot().power("80", "0").boot().work(5);
    assert_eq!(ends(&story.history()), ["bugcheck", "unexpected", "running"], "its own, not of the next one");
}

#[test]
fn a_clock_that_is_set_back_changes_nothing() {
    let mut story = Story::new();
    story.boot().shut_down();
    story.now -= 86_400 * SECOND;
    story.boot().work(2).boot().power("0", "0");
    let history = story.history();
    assert_eq!(ends(&history), ["clean", "power-loss", "running"]);
    assert!(history.boots[1].started < history.boots[0].started);
}

#[test]
fn boots_that_left_no_record_are_told_of_by_the_next_one() {
    // The log begins with the boot after the crash.
    let mut story = Story::new();
    story.boot().power("80", "0");
    let history = story.history();
    assert_eq!((ends(&history), first_records(&history)), (vec!["bugcheck", "running"], vec![None, Some(1)]));

    // A proper shutdown, then a loop of boots of which none came as far as the log.
    for (ids, between) in [(Some((3, 7)), true), (Some((3, 4)), false), (None, true)] {
        let mut story = Story::new();
        story.boot();
        if let Some((id, _)) = ids {
            story.last_boot(true, id);
        }
        story.shut_down().boot();
        if let Some((_, id)) = ids {
            story.last_boot(false, id);
        }
        story.power("80", "0");
        let history = story.history();
        let expected = if between { vec!["clean", "bugcheck", "running"] } else { vec!["bugcheck", "running"] };
        assert_eq!(ends(&history), expected, "{ids:?}");
        let counted = history.notes.iter().any(|note| note.starts_with("3 boots before record"));
        assert_eq!(counted, ids == Some((3, 7)), "{:?}", history.notes);
    }

    // The log's service had stopped, the kernel not: it crashed as it shut down.
    let mut story = Story::new();
    story.boot().log_stop().boot().power("80", "0");
    assert_eq!(ends(&story.history()), ["bugcheck", "running"]);
}

#[test]
fn look_alikes_tell_nothing() {
    let mut story = Story::new();
    story.boot();
    story.event("Windows Error Reporting", 1001, &[("param1", "0x00000050 (0x1, 0x2, 0x3, 0x4)")]);
    story.event("Acme Agent", 41, &[("BugcheckCode", "80")]).event("Acme Agent", 6008, &[]).event(
        "Acme Agent",
        12,
        &[],
    );
    story.event("Acme Agent", 6005, &[]).event(KERNEL_POWER, 13, &[]).event(KERNEL_GENERAL, 41, &[]);
    let history = story.history();
    assert_eq!(ends(&history), ["running"]);
    assert_eq!(history.notes, Vec::<String>::new());
}

#[test]
fn a_report_of_an_older_crash_does_not_change_a_clean_end() {
    let mut story = Story::new();
    story.boot().shut_down().boot().reported("0x00000050");
    let history = story.history();
    assert_eq!(ends(&history), ["clean", "running"]);
    assert_eq!(history.notes, ["record 10: a report of stop 0x50 in an earlier boot"]);
}

#[test]
fn two_codes_for_one_stop_are_said() {
    let mut story = Story::new();
    story.boot().boot().power("80", "0").reported("0x0000007e");
    let history = story.history();
    assert_eq!(history.boots[0].stop_code.unwrap().0, 0x50);
    assert_eq!(history.boots[0].dump, None, "the dump is of the other stop");
    assert_eq!(history.notes, ["the boot before record 4: record 8 reports stop code 0x7e, the kernel 0x50"]);
}

#[test]
fn a_log_service_that_starts_again_is_no_boot() {
    let mut story = Story::new();
    story.boot().work(400).event("EventLog", 6006, &[]).log_start().work(400).shut_down().boot();
    let history = story.history();
    assert_eq!((ends(&history), first_records(&history)), (vec!["clean", "running"], vec![Some(1), Some(810)]));
    assert_eq!(history.notes, ["record 405: the log's service started again, without a boot"]);
}

#[test]
fn a_log_that_begins_within_a_boot_does_not_say_when_it_began() {
    let mut story = Story::new();
    story.work(5).shut_down().boot();
    let history = story.history();
    assert_eq!(ends(&history), ["clean", "running"]);
    assert_eq!((history.boots[0].first_record, history.boots[0].started), (Some(1), None));
}

#[test]
fn other_channels_and_empty_logs_tell_of_no_boots() {
    let mut story = Story::new();
    story.channel = "Application";
    story.boot().boot().power("80", "0");
    let history = story.history();
    assert!(!history.damaged && history.boots.is_empty());
    assert_eq!(history.notes, ["a log of Application: only the System log tells of boots"]);

    // A guest can name a channel as it likes.
    story.channel = "Up\u{1b}[A and\u{202e}back";
    let notes = story.history().notes;
    assert_eq!(notes, ["a log of Up\u{fffd}[A and\u{fffd}back: only the System log tells of boots"]);

    let empty = Story::new().history();
    assert!(!empty.damaged && empty.boots.is_empty());
    assert_eq!(empty.notes, ["the log holds no record"]);
}

#[test]
fn what_is_no_log_is_an_error() {
    for bytes in [&b""[..], b"ElfFil", b"regf and more", &[0; 5000]] {
        assert!(matches!(read_event_log(&mut Cursor::new(bytes)), Err(EventLogError::NotALog)), "{bytes:?}");
    }
}

/// Room that Windows takes in advance costs nothing, and neither does a file that claims to be endless.
#[test]
fn empty_room_is_passed_over() {
    let mut story = Story::new();
    story.boot().shut_down();
    let bytes = story.bytes();
    for (length, damaged) in [(256 << 20, false), (1 << 40, true)] {
        let history = read_event_log(&mut Padded { bytes: &bytes, length, position: 0 }).unwrap();
        assert_eq!((ends(&history), history.damaged), (vec!["clean"], damaged), "{:?}", history.notes);
    }
}

/// Bytes, and zeroes behind them.
struct Padded<'a> {
    bytes: &'a [u8],
    length: u64,
    position: u64,
}

impl Read for Padded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = self.length.saturating_sub(self.position).min(buffer.len() as u64);
        let buffer = &mut buffer[..usize::try_from(there).unwrap()];
        buffer.fill(0);
        let start = usize::try_from(self.position).unwrap().min(self.bytes.len());
        let known = (self.bytes.len() - start).min(buffer.len());
        buffer[..known].copy_from_slice(&self.bytes[start..start + known]);
        self.position += there;
        Ok(buffer.len())
    }
}

impl Seek for Padded<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(back) => self.length.checked_add_signed(back).unwrap(),
            SeekFrom::Current(on) => self.position.checked_add_signed(on).unwrap(),
        };
        Ok(self.position)
    }
}

/// A long story of eight boots over several chunks, of which the second and the fifth crashed.
fn long_story() -> Story {
    let mut story = Story::new();
    for number in 0..8 {
        story.boot();
        if number == 2 || number == 5 {
            story.not_stopped().power("80", "0").reported("0x00000050");
        }
        story.work(200);
        if number != 1 && number != 4 {
            story.shut_down();
        }
    }
    story
}

const CHUNK: usize = 0x1_0000;
const HEADER: usize = 4096;

#[test]
fn chunks_are_read_in_the_order_of_their_records() {
    let bytes = long_story().bytes();
    let told = read(&bytes);
    assert_eq!(ends(&told), ["clean", "bugcheck", "clean", "clean", "bugcheck", "clean", "clean", "clean"]);
    assert!(bytes.len() >= HEADER + 3 * CHUNK, "{}", bytes.len());
    // As Windows writes a full log: the newest records in front of the oldest.
    let mut turned = bytes[..HEADER].to_vec();
    turned.extend_from_slice(&bytes[HEADER + 2 * CHUNK..]);
    turned.extend_from_slice(&bytes[HEADER..HEADER + 2 * CHUNK]);
    assert_eq!(read(&turned), told);
}

#[test]
fn a_lost_chunk_leaves_the_rest_and_a_note() {
    let bytes = long_story().bytes();
    let whole = read(&bytes);
    for (chunk, damage) in [(0, "signature"), (1, "signature"), (1, "zeroes"), (1, "a record"), (2, "signature")] {
        let mut damaged = bytes.clone();
        let start = HEADER + chunk * CHUNK;
        match damage {
            "signature" => damaged[start..start + 8].fill(b'x'),
            "zeroes" => damaged[start..start + CHUNK].fill(0),
            _ => damaged[start + 20_000..start + 24_000].fill(0xff),
        }
        let told = read(&damaged);
        assert!(told.damaged, "{chunk} {damage}");
        let names_it = told.notes.iter().any(|note| note.starts_with(&format!("chunk {chunk}: ")));
        assert!(names_it || damage == "zeroes", "{chunk} {damage} {:?}", told.notes);
        assert!(!told.boots.is_empty());
        for boot in told.boots.iter().filter(|boot| boot.started.is_some() && boot.first_record.is_some()) {
            let Some(same) = whole.boots.iter().find(|same| same.first_record == boot.first_record) else { continue };
            assert!(boot.ended.is_none() || boot.ended == same.ended, "{chunk} {damage} {boot:?} {same:?}");
        }
    }
}

/// A log whose machine lost its power before the header of its last chunk was written again.
#[test]
fn records_that_a_header_does_not_know_of_are_read() {
    let mut early = Story::new();
    early.boot().work(3);
    let known = early.bytes();
    let mut late = Story::new();
    late.boot().work(3).boot().power("80", "0").work(2);
    let told = late.history();
    let mut bytes = late.bytes();
    // Header of the chunk as it was after the first six records; the records behind them stay.
    bytes[HEADER..HEADER + 128].copy_from_slice(&known[HEADER..HEADER + 128]);
    // Without check sums, which the writer of the test makes of the tables behind, too.
    bytes[HEADER + 120] |= 4;
    let history = read(&bytes);
    assert_eq!((&history.boots, history.damaged), (&told.boots, false), "{:?}", history.notes);
    assert_eq!(history.notes, ["chunk 0: 6 records that its header does not know of yet"]);
    // Records of an earlier pass have older numbers.
    let at = HEADER + usize::try_from(u32::from_le_bytes(bytes[HEADER + 48..HEADER + 52].try_into().unwrap())).unwrap();
    bytes[at + 8] = 3;
    let history = read(&bytes);
    assert_eq!((ends(&history), history.notes), (vec!["running"], Vec::new()));
}

#[test]
fn several_computers_in_one_log() {
    let mut story = long_story();
    let renamed = EventLogOf::two(&story, |number| number < 300);
    assert_eq!(ends(&read(&renamed)), ends(&story.history()), "a rename is no other computer");
    story.events.truncate(400);
    let told = read(&EventLogOf::two(&story, |number| number % 5 != 0));
    let note = "records of several computers: the boots are those of LAB-1, not of 1 others";
    assert!(told.notes.iter().any(|found| found == note), "{:?}", told.notes);
}

/// A log with the records of two computers: two logs' chunks cannot be mixed, so the name is changed in the bytes.
struct EventLogOf;

impl EventLogOf {
    fn two(story: &Story, first: impl Fn(u64) -> bool) -> Vec<u8> {
        let mut bytes = story.bytes();
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let (one, other) = (utf16("LAB-1"), utf16("LAB-2"));
        let mut records = 0;
        let mut position = HEADER;
        while position + one.len() < bytes.len() {
            records += u64::from(bytes[position..].starts_with(b"**\0\0"));
            if bytes[position..].starts_with(&one) && !first(records) {
                bytes[position..position + one.len()].copy_from_slice(&other);
            }
            position += 1;
        }
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damage_anywhere_never_fails(
        spots in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = small();
        for (at, value) in spots {
            let at = at.index(bytes.len() - 8) + 8;
            bytes[at] = value;
        }
        if cuts {
            bytes.truncate(8 + cut.index(bytes.len() - 8));
        }
        let history = read(&bytes);
        let _: Value = serde_json::to_value(&history).unwrap();
    }
}

fn small() -> Vec<u8> {
    let mut story = Story::new();
    story.boot().work(20).boot().not_stopped().power("80", "0").reported("0x00000050").shut_down();
    story.bytes()
}
