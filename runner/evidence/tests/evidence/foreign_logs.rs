//! Logs that were exported, collected or renamed, as they were met in public collections.

use std::io::Cursor;

use coexist_evidence::read_event_log;
use coexist_model::{BootHistory, LoggedEnd};

use crate::event_log_builder::{BUGCHECK, Story};

fn read(bytes: &[u8]) -> BootHistory {
    read_event_log(&mut Cursor::new(bytes)).unwrap()
}

fn ends(history: &BootHistory) -> Vec<&'static str> {
    history.boots.iter().map(|boot| boot.ended.map_or("?", LoggedEnd::as_str)).collect()
}

const HEADER: usize = 4096;

/// Exports have the moment of the export in the records' headers, and zero in that of the last.
#[test]
fn times_of_an_exported_log_are_those_of_its_events() {
    let mut story = Story::new();
    story.log_start().shut_down().log_start().work(2);
    let mut bytes = story.bytes();
    let told = read(&bytes);
    assert_eq!(told.last_event.unwrap().to_string(), "2026-11-23T08:00:09Z");
    let records: Vec<usize> = (HEADER..bytes.len() - 4).filter(|&at| bytes[at..].starts_with(b"**\0\0")).collect();
    assert_eq!(records.len(), story.events.len());
    for (number, at) in records.iter().enumerate() {
        let time = if number + 1 == records.len() { 0_u64 } else { 1 << 56 };
        bytes[at + 16..at + 24].copy_from_slice(&time.to_le_bytes());
    }
    // Without check sums.
    bytes[HEADER + 120] |= 4;
    assert_eq!(read(&bytes), told);
}

/// A computer that joins a domain is the same one in all of its records.
#[test]
fn a_member_of_a_domain_is_one_computer() {
    let mut story = Story::new();
    story.computer = "LAB-1.one";
    story.boot().work(3).boot().power("0", "0").shut_down().boot();
    let mut bytes = story.bytes();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let (name, other) = (utf16("LAB-1.one"), utf16("Lab-1.two"));
    let places: Vec<usize> = (HEADER..bytes.len() - name.len()).filter(|&at| bytes[at..].starts_with(&name)).collect();
    assert_eq!(places.len(), story.events.len());
    for at in places.iter().step_by(2) {
        bytes[*at..*at + other.len()].copy_from_slice(&other);
    }
    bytes[HEADER + 120] |= 4;
    let history = read(&bytes);
    assert_eq!((ends(&history), &history.notes), (vec!["power-loss", "clean", "running"], &Vec::new()));
}

/// The first boot of an installation says that the last shutdown was bad, of a boot 0 that there was not.
#[test]
fn nothing_comes_before_the_first_boot_of_an_installation() {
    for (id, expected) in [(0, vec!["clean", "running"]), (1, vec!["unexpected", "clean", "running"])] {
        let mut story = Story::new();
        story.boot().last_boot(false, id).shut_down().boot().last_boot(true, id + 1);
        assert_eq!(ends(&read(&story.bytes())), expected, "{id}");
    }
    // What else says that a boot ended badly is believed.
    let mut story = Story::new();
    story.boot().boot().last_boot(false, 0).power("80", "0");
    assert_eq!(ends(&read(&story.bytes())), ["bugcheck", "running"]);
}

#[test]
fn a_bugcheck_whose_dump_was_not_saved_is_one() {
    let mut story = Story::new();
    story.boot().boot().not_stopped().event(BUGCHECK, 1000, &[("param1", "0x00000050 (0x1, 0x2, 0x3, 0x4)")]);
    // Of another provider it is a program's crash.
    story.event("Application Error", 1000, &[("param1", "0x0000007e (0x1, 0x2, 0x3, 0x4)")]);
    let boot = &read(&story.bytes()).boots[0];
    assert_eq!((boot.ended, boot.stop_code.unwrap().0), (Some(LoggedEnd::Bugcheck), 0x50));
    assert_eq!((boot.parameters.len(), &boot.dump), (4, &None));
}
