//! Real event logs, compared with what python-evtx makes of them; see `samples.rs` for where they are.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use coexist_evidence::read_event_log;
use coexist_model::{BootHistory, LoggedEnd};
use serde_json::{Value, json};

use crate::samples::{read, samples};

fn history(folder: &Path, name: &str) -> BootHistory {
    read_event_log(&mut Cursor::new(read(folder, &format!("evtx/{name}")))).unwrap()
}

/// How each boot ended, in short.
fn ends(history: &BootHistory) -> Vec<&'static str> {
    history.boots.iter().map(|boot| boot.ended.map_or("?", LoggedEnd::as_str)).collect()
}

#[test]
fn a_bugcheck_and_a_power_loss_among_clean_boots() {
    let Some(folder) = samples("a_bugcheck_and_a_power_loss_among_clean_boots") else { return };
    let history = history(&folder, "python-evtx_system.evtx");
    assert!(!history.damaged && history.notes.is_empty(), "{:?}", history.notes);
    assert_eq!(ends(&history), ["clean", "clean", "clean", "bugcheck", "power-loss", "running"]);
    assert_eq!(
        serde_json::to_value(&history.boots[3..]).unwrap(),
        json!([
            {"first_record": 12505, "started": "2012-03-15T22:34:05.5Z", "ended": "bugcheck",
             "ended_at": "2012-04-06T13:59:13.029Z", "stop_code": "0x10001", "parameters": ["0x0", "0x0", "0x0", "0x0"],
             "dump": "C:\\Windows\\MEMORY.DMP"},
            {"first_record": 13386, "started": "2012-04-06T14:06:51.5Z", "ended": "power-loss",
             "ended_at": "2012-04-06T19:09:23.331Z"},
            {"first_record": 13528, "started": "2012-04-06T19:11:16.5Z", "ended": "running"},
        ])
    );
    assert_eq!(serde_json::to_value(&history.boots[0]).unwrap().get("started"), None, "the log does not hold it");
}

#[test]
fn boots_of_a_renamed_computer_with_a_clock_that_was_set() {
    let Some(folder) = samples("boots_of_a_renamed_computer_with_a_clock_that_was_set") else { return };
    let history = history(&folder, "omerbenamram_system.evtx");
    assert_eq!(ends(&history), ["clean", "clean", "running"]);
    assert_eq!(history.boots.iter().map(|boot| boot.first_record.unwrap()).collect::<Vec<_>>(), [1, 175, 309]);
    assert_eq!(history.notes, ["the log Microsoft-Windows-Sysmon/Operational was cleared 2 times"]);
}

/// Times by python-evtx are floats: right to some microseconds.
fn same_moment(ours: &Value, theirs: &Value) -> bool {
    let parse = |value: &Value| value.as_str().unwrap().replace(' ', "T").replace("+00:00", "Z").parse().unwrap();
    let (ours, theirs): (jiff::Timestamp, jiff::Timestamp) = (parse(ours), parse(theirs));
    ours.duration_since(theirs).abs() < jiff::SignedDuration::from_millis(1)
}

#[test]
fn boots_as_python_evtx_sees_them() {
    let Some(folder) = samples("boots_as_python_evtx_sees_them") else { return };
    for name in ["python-evtx_system.evtx", "omerbenamram_system.evtx"] {
        let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence/boots.py");
        let output = Command::new("python3").arg(reader).arg(folder.join("evtx").join(name)).output().unwrap();
        assert!(
            output.status.success(),
            "python3 with python-evtx (Debian: python3-evtx) must read the log: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
        let history = history(&folder, name);
        let ours = serde_json::to_value(&history.boots).unwrap();
        let (ours, boots) = (ours.as_array().unwrap(), theirs["boots"].as_array().unwrap());
        assert_eq!(ours.len(), boots.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(boots) {
            assert_eq!(ours["ended"], theirs["ended"], "{name}: {ours}");
            assert_eq!(ours.get("started").is_some(), theirs.get("started").is_some(), "{name}: {ours}");
            assert!(theirs.get("started").is_none_or(|started| same_moment(&ours["started"], started)), "{ours}");
            assert_eq!(ours.get("dump"), theirs.get("dump"), "{name}: {ours}");
            let code = theirs.get("stop_code").map(|code| json!(format!("{:#x}", code.as_u64().unwrap())));
            assert_eq!(ours.get("stop_code"), code.as_ref(), "{name}: {ours}");
        }
    }
}

#[test]
fn logs_of_other_channels_tell_of_no_boots() {
    let Some(folder) = samples("logs_of_other_channels_tell_of_no_boots") else { return };
    // 44 times `Windows Error Reporting` 1001, which is about programs.
    let history = history(&folder, "hayabusa_many-events-application.evtx");
    assert!(!history.damaged && history.boots.is_empty(), "{history:?}");
    assert_eq!(history.notes, ["a log of Application: only the System log tells of boots"]);
}

#[test]
fn damaged_logs_say_where() {
    let Some(folder) = samples("damaged_logs_say_where") else { return };
    let cut = history(&folder, "plaso_System2_corrupt.evtx");
    assert!(cut.damaged);
    assert_eq!(cut.notes[..2], ["truncated: 3 of 96 chunks", "chunk 2: cut after 64832 of 65536 bytes"]);
    let bad = history(&folder, "omerbenamram_bad_chunk_magic.evtx");
    assert!(bad.damaged);
    for note in ["chunk 6: its header is damaged", "chunk 10: its header is damaged"] {
        assert!(bad.notes.iter().any(|found| found == note), "{:?}", bad.notes);
    }
}

#[test]
fn a_real_log_cut_anywhere() {
    let Some(folder) = samples("a_real_log_cut_anywhere") else { return };
    let bytes = read(&folder, "evtx/python-evtx_system.evtx");
    let whole = history(&folder, "python-evtx_system.evtx");
    for length in (8..bytes.len()).step_by(79_979) {
        let cut = read_event_log(&mut Cursor::new(&bytes[..length])).unwrap();
        // Windows took room for 17 chunks; nine hold records.
        assert_eq!(cut.damaged, length < 4096 + 9 * 0x1_0000, "{length}");
        // What is told is true: only how the last boots ended becomes unknown.
        for (index, (cut, whole)) in cut.boots.iter().zip(&whole.boots).enumerate() {
            assert_eq!(cut.first_record, whole.first_record, "{length} {index}");
            assert!(cut.ended.is_none() || cut.ended == whole.ended, "{length} {index} {cut:?}");
        }
    }
}
