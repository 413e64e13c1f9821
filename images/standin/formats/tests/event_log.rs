//! Event logs read back by two readers nobody here wrote: python-evtx and the `evtx` crate.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use std::path::Path;
use std::process::Command;

use evtx::{EvtxParser, ParserSettings};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use serde_json::Value;
use standin_formats::evtx::{Event, EventLog, UserData, to_xml};
use standin_formats::filetime;

const START: u64 = 134_011_495_819_236_675;
const KERNEL_GENERAL: &str = "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}";

fn event(provider: &str, event_id: u16, guid: Option<&str>, data: &[(&str, &str)]) -> Event {
    Event {
        provider: provider.to_owned(),
        guid: guid.map(str::to_owned),
        event_id,
        level: 4,
        event_data: data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Event::default()
    }
}

/// The events of a boot that follows a bugcheck, as the guest writes them.
fn boot_after_bugcheck() -> Vec<Event> {
    let wer = Some("{abce23e7-de45-4366-8631-84fa6c525952}");
    let mut events = vec![
        event(
            "Microsoft-Windows-Kernel-General",
            12,
            Some(KERNEL_GENERAL),
            &[("StartTime", "2025-08-31T21:33:01.5000000Z")],
        ),
        event(
            "Microsoft-Windows-Kernel-Boot",
            20,
            Some("{15ca44ff-4d7a-4baa-bba5-0998955e531e}"),
            &[("LastShutdownGood", "false"), ("LastBootGood", "true"), ("LastBootId", "17"), ("BootStatusPolicy", "1")],
        ),
        Event {
            level: 1,
            ..event(
                "Microsoft-Windows-Kernel-Power",
                41,
                Some("{331c3b3a-2005-44c2-ac5e-77220c37d6b4}"),
                &[
                    ("BugcheckCode", "80"),
                    ("BugcheckParameter1", "0xffff840500000074"),
                    ("BugcheckParameter2", "0x0"),
                    ("BugcheckParameter3", "0xfffff806715114ed"),
                    ("BugcheckParameter4", "0x2"),
                ],
            )
        },
        event("EventLog", 6005, None, &[]),
        event(
            "EventLog",
            6008,
            None,
            &[("", "9:33:01 PM"), ("", "\u{200e}8/31/2025"), ("", ""), ("Binary", "E9070800")],
        ),
        Event {
            level: 2,
            event_source_name: Some("BugCheck".to_owned()),
            ..event(
                "Microsoft-Windows-WER-SystemErrorReporting",
                1001,
                wer,
                &[
                    (
                        "param1",
                        "0x00000050 (0xffff840500000074, 0x0000000000000000, 0xfffff806715114ed, 0x0000000000000002)",
                    ),
                    ("param2", r"C:\Windows\Minidump\083125-14875-01.dmp"),
                    ("param3", "083125-14875-01"),
                ],
            )
        },
        event(
            "User32",
            1074,
            None,
            &[("param1", r"C:\Windows\system32\shutdown.exe (STANDIN)"), ("param6", "a <b> & 'c' \"d\"")],
        ),
        event("EventLog", 6006, None, &[]),
        event(
            "Microsoft-Windows-Kernel-General",
            13,
            Some(KERNEL_GENERAL),
            &[("StopTime", "2025-08-31T21:40:00.0000001Z")],
        ),
    ];
    for (number, event) in (1u64..).zip(&mut events) {
        event.record_id = number;
        event.time = START + number * 12_345_678;
    }
    events
}

fn log_of(events: &[Event]) -> EventLog {
    let mut log = EventLog::new("System", "STANDIN-7");
    events.iter().for_each(|event| log.push(event.clone()));
    log
}

fn python_reads(bytes: &[u8]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("System.evtx");
    std::fs::write(&file, bytes).unwrap();
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_event_log.py");
    let output = Command::new("python3").arg(reader).arg(&file).output().expect("python3 must be on PATH");
    assert!(
        output.status.success(),
        "python3 with python-evtx (Debian: python3-evtx) must read the log: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// python-evtx pads hexadecimal numbers, writes `True`, and times with a blank and inexact microseconds.
fn same_value(theirs: &str, ours: &str) -> bool {
    let number = |text: &str| text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let time = |text: &str| {
        let (seconds, fraction) = text.split_at(text.len().min(19));
        let digits = fraction.trim_start_matches('.').chars().take_while(char::is_ascii_digit).take(3);
        (seconds.replace('T', " "), format!("{:0<3}", digits.collect::<String>()))
    };
    theirs == ours
        || number(theirs).is_some_and(|it| Some(it) == number(ours))
        || theirs.eq_ignore_ascii_case(ours)
        || (ours.ends_with('Z') && ours.len() == 28 && time(theirs) == time(ours))
}

#[test]
fn python_evtx_reads_every_record() {
    let events = boot_after_bugcheck();
    let records = python_reads(&log_of(&events).to_bytes());
    assert_eq!(records.len(), events.len());
    for (record, event) in records.iter().zip(&events) {
        assert_eq!(record["number"], event.record_id);
        assert_eq!(record["record_id"], event.record_id);
        assert_eq!(record["provider"], event.provider);
        assert_eq!(record["source"].as_str(), event.event_source_name.as_deref());
        assert_eq!(record["guid"].as_str(), event.guid.as_deref());
        assert_eq!(record["id"], event.event_id);
        assert_eq!(record["level"], event.level);
        assert_eq!(record["channel"], "System");
        assert_eq!(record["computer"], "STANDIN-7");
        let time = filetime::to_text(event.time);
        assert!(same_value(record["time"].as_str().unwrap(), &time), "{} {time}", record["time"]);
        let data: Vec<_> = event.event_data.iter().filter(|(name, _)| name != "Binary").collect();
        let theirs = record["data"].as_array().unwrap();
        assert_eq!(theirs.len(), data.len());
        for (theirs, (name, value)) in theirs.iter().zip(data) {
            assert_eq!(theirs[0], name.as_str());
            assert!(same_value(theirs[1].as_str().unwrap(), value), "{theirs} {value}");
        }
    }
    assert_eq!(records[4]["binary"][0], "6QcIAA==", "python-evtx prints binary data as base64");
}

fn crate_reads(bytes: Vec<u8>) -> Vec<(u64, Value)> {
    let settings = ParserSettings::new().validate_checksums(true).separate_json_attributes(true);
    let mut parser = EvtxParser::from_buffer(bytes).unwrap().with_configuration(settings);
    parser
        .records_json_value()
        .map(|record| {
            let record = record.unwrap();
            (record.event_record_id, record.data)
        })
        .collect()
}

#[test]
fn the_evtx_crate_reads_every_record() {
    let events = boot_after_bugcheck();
    let records = crate_reads(log_of(&events).to_bytes());
    assert_eq!(records.len(), events.len());
    for ((id, record), event) in records.iter().zip(&events) {
        let system = &record["Event"]["System"];
        assert_eq!(*id, event.record_id);
        assert_eq!(system["EventID"], event.event_id, "{record}");
        assert_eq!(system["Provider_attributes"]["Name"], event.provider);
        let time = system["TimeCreated_attributes"]["SystemTime"].as_str().unwrap();
        assert!(same_value(time, &filetime::to_text(event.time)), "{time}");
    }
    let power = &records[2].1["Event"]["EventData"];
    assert_eq!(power["BugcheckCode"], 80);
    assert_eq!(power["BugcheckParameter1"], "0xffff840500000074");
    assert_eq!(records[1].1["Event"]["EventData"]["LastShutdownGood"], false);
    assert_eq!(records[5].1["Event"]["EventData"]["param3"], "083125-14875-01");
}

const EVENT_LOG: &str = "http://manifests.microsoft.com/win/2004/08/windows/eventlog";

/// A log that was cleared, as Windows tells it.
fn cleared() -> Event {
    let values = [("SubjectUserName", "lab"), ("SubjectDomainName", "STANDIN-7"), ("Channel", "System")];
    let user_data = UserData { element: "LogFileCleared".to_owned(), namespace: EVENT_LOG.to_owned() };
    let guid = Some("{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}");
    Event {
        task: 104,
        record_id: 1,
        time: START,
        user_data: Some(user_data),
        ..event("Microsoft-Windows-Eventlog", 104, guid, &values)
    }
}

#[test]
fn data_in_a_shape_of_its_own_comes_back() {
    let mut later = boot_after_bugcheck().remove(0);
    later.record_id = 2;
    let log = log_of(&[cleared(), later]).to_bytes();
    let python = python_reads(&log);
    assert_eq!(python[0]["shape"], format!("{{{EVENT_LOG}}}LogFileCleared"));
    let values =
        serde_json::json!([["SubjectUserName", "lab"], ["SubjectDomainName", "STANDIN-7"], ["Channel", "System"]]);
    assert_eq!((&python[0]["user_data"], &python[0]["task"]), (&values, &serde_json::json!(104)));
    assert_eq!(python[1]["task"], 0);
    let records = crate_reads(log);
    assert_eq!(records[0].1["Event"]["UserData"]["LogFileCleared"]["Channel"], "System");
    assert!(to_xml(&cleared(), "System", "S").contains("<Task>104</Task><Opcode>0</Opcode>"));
    assert!(to_xml(&cleared(), "System", "S").ends_with(
        "<UserData><LogFileCleared xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog'>\
         <SubjectUserName>lab</SubjectUserName><SubjectDomainName>STANDIN-7</SubjectDomainName>\
         <Channel>System</Channel></LogFileCleared></UserData></Event>"
    ));
}

#[test]
fn long_logs_run_over_many_chunks() {
    let events: Vec<Event> = (1..=2_000)
        .map(|number| Event {
            record_id: number,
            time: START + number,
            ..boot_after_bugcheck()[(number % 9) as usize].clone()
        })
        .collect();
    let bytes = log_of(&events).to_bytes();
    assert!(bytes.len() > 4096 + 5 * 0x1_0000, "{}", bytes.len());
    assert_eq!((bytes.len() - 4096) % 0x1_0000, 0);
    let ids: Vec<u64> = (1..=2_000).collect();
    let python: Vec<u64> = python_reads(&bytes).iter().map(|record| record["record_id"].as_u64().unwrap()).collect();
    assert_eq!(python, ids);
    assert_eq!(crate_reads(bytes).iter().map(|record| record.0).collect::<Vec<_>>(), ids);
}

#[test]
fn an_empty_log_is_a_log() {
    let bytes = EventLog::new("System", "STANDIN-7").to_bytes();
    assert_eq!(python_reads(&bytes).len(), 0);
    assert_eq!(crate_reads(bytes).len(), 0);
}

#[test]
fn an_event_of_any_size_fits() {
    let long = "\u{1f600}x".repeat(60_000);
    let data: Vec<(&str, &str)> = std::iter::repeat_n((long.as_str(), long.as_str()), 300).collect();
    let mut event = event(&long, 1, Some(&long), &data);
    event.record_id = 1;
    let records = crate_reads(log_of(&[event.clone(), event]).to_bytes());
    assert_eq!(records.len(), 2);
}

#[test]
fn xml_is_what_wevtutil_prints() {
    let events = boot_after_bugcheck();
    assert_eq!(
        to_xml(&events[2], "System", "STANDIN-7"),
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
         <Provider Name='Microsoft-Windows-Kernel-Power' Guid='{331c3b3a-2005-44c2-ac5e-77220c37d6b4}'/>\
         <EventID>41</EventID><Version>0</Version><Level>1</Level><Task>0</Task><Opcode>0</Opcode>\
         <Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2025-08-31T21:33:05.6273709Z'/>\
         <EventRecordID>3</EventRecordID><Correlation/><Execution ProcessID='4' ThreadID='8'/>\
         <Channel>System</Channel><Computer>STANDIN-7</Computer><Security/></System><EventData>\
         <Data Name='BugcheckCode'>80</Data><Data Name='BugcheckParameter1'>0xffff840500000074</Data>\
         <Data Name='BugcheckParameter2'>0x0</Data><Data Name='BugcheckParameter3'>0xfffff806715114ed</Data>\
         <Data Name='BugcheckParameter4'>0x2</Data></EventData></Event>"
    );
    let classic = to_xml(&events[4], "System", "STANDIN-7");
    assert!(classic.contains("<Provider Name='EventLog'/><EventID Qualifiers='16384'>6008</EventID>"), "{classic}");
    assert!(classic.contains("<Data>9:33:01 PM</Data>"), "{classic}");
    assert!(classic.ends_with("<Data></Data><Binary>E9070800</Binary></EventData></Event>"), "{classic}");
    assert!(to_xml(&events[6], "System", "S").contains("a &lt;b&gt; &amp; &apos;c&apos; &quot;d&quot;"));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::string::string_regex("[ -~\u{a1}-\u{24ff}]{0,40}").unwrap(),
        Just("0x10".to_owned()),
        Just("7".to_owned())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_event_comes_back(provider in "[A-Za-z][A-Za-z-]{0,30}", id in any::<u16>(), values in prop::collection::vec(text(), 0..12)) {
        let data: Vec<(String, String)> =
            values.iter().enumerate().map(|(index, value)| (format!("d{index}"), value.clone())).collect();
        let event = Event { provider: provider.clone(), event_id: id, event_data: data, record_id: 1, time: START, ..Event::default() };
        let records = crate_reads(log_of(&[event]).to_bytes());
        prop_assert_eq!(records.len(), 1);
        let back = &records[0].1["Event"];
        prop_assert_eq!(&back["System"]["EventID"], id);
        prop_assert_eq!(&back["System"]["Provider_attributes"]["Name"], &provider);
        for (index, value) in values.iter().enumerate() {
            let theirs = &back["EventData"][format!("d{index}")];
            let same = theirs == value || (value.is_empty() && theirs.is_null());
            prop_assert_eq!(same, true, "{} is not {:?}", theirs, value);
        }
    }
}
