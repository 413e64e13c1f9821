//! One record: which event it is, and what that says of boots.

use coexist_model::Hex;
use evtx::SerializedEvtxRecord;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use crate::bytes::one_line;

/// Characters of the longest text taken over from a guest, or said of its bytes.
pub(super) const LONGEST: usize = 300;

/// Bytes of the longest text of a record. Its binary form has at most a chunk's 64 KiB; a crafted one unfolds to 16 MiB, and
/// to many times that as values in memory.
const MAX_UNFOLDED: usize = 1 << 20;

/// One event that says something of boots.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sign {
    pub(super) record: u64,
    /// By the guest's clock.
    pub(super) at: Option<Timestamp>,
    /// Index of the computer's name.
    pub(super) computer: usize,
    pub(super) what: What,
}

/// What a sign says. Fields and their forms as seen in logs of Windows 7 and 10; [K] for later ones.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// Kernel-General 12: the kernel started.
    KernelStart { started: Option<Timestamp> },
    /// Kernel-General 13: the kernel stopped in order. Windows may write it behind the next boot's first records.
    KernelStop { stopped: Option<Timestamp> },
    /// EventLog 6009: the log's service tells the system's version as it starts.
    LogVersion,
    /// EventLog 6005: the log's service started.
    LogStart,
    /// EventLog 6006: the log's service stopped in order.
    LogStop,
    /// EventLog 6008: the last boot had not ended in order; it was last known to run at this time.
    NotStopped { last_alive: Option<Timestamp> },
    /// Kernel-Power 41: the system restarted without having been shut down. Its stop code is 0 where Windows recorded no
    /// stop, and none where the event does not have it.
    NotShutDown { code: Option<u64>, parameters: Vec<Hex>, button: bool },
    /// WER-SystemErrorReporting 1001: there was a bugcheck, and its dump is in this file. 1000: its dump was not saved
    /// \[K\], with the same first field, as public lists of the provider's events have it; no log with one is at hand.
    Reported { code: u64, parameters: Vec<Hex>, dump: Option<String> },
    /// Kernel-Boot 20: how the last shutdown went, and the last boot's number.
    LastBoot { shutdown_good: Option<bool>, id: Option<u64> },
    /// volmgr 46: a crash of this boot leaves no dump, for there is no file to write it to.
    NoDumpFile,
    /// Records are missing before this one, enough of them to hold a boot's beginning.
    Lost,
    /// Records may be missing behind the last one.
    LostEnd,
}

/// What is kept of one record.
pub(super) struct Record {
    pub(super) number: u64,
    /// By the guest's clock.
    pub(super) at: Option<Timestamp>,
    pub(super) channel: String,
    pub(super) computer: String,
    pub(super) what: Option<What>,
    /// Name of a log that was cleared (Microsoft-Windows-Eventlog 104).
    pub(super) cleared: Option<String>,
    /// Bytes of the text that it unfolds to.
    pub(super) unfolded: u64,
}

/// The crate's JSON of an event: of most events only this much is looked at.
#[derive(Deserialize)]
struct Rendered {
    #[serde(rename = "Event")]
    event: RenderedEvent,
}

#[derive(Deserialize)]
struct RenderedEvent {
    #[serde(rename = "System")]
    system: System,
}

#[derive(Deserialize)]
struct System {
    #[serde(rename = "Provider_attributes", default)]
    provider: Provider,
    #[serde(rename = "EventID", default)]
    id: Value,
    #[serde(rename = "TimeCreated_attributes", default)]
    created: Created,
    #[serde(rename = "Channel", default)]
    channel: Value,
    #[serde(rename = "Computer", default)]
    computer: Value,
}

#[derive(Deserialize, Default)]
struct Provider {
    #[serde(rename = "Name", default)]
    name: Value,
}

#[derive(Deserialize, Default)]
struct Created {
    #[serde(rename = "SystemTime", default)]
    at: Value,
}

impl Record {
    /// A record that says nothing, for tests.
    #[cfg(test)]
    pub(super) fn of(channel: &str) -> Self {
        let channel = channel.to_owned();
        Self { number: 0, at: None, channel, computer: String::new(), what: None, cleared: None, unfolded: 0 }
    }

    /// Or why the record is not an event, or not one that a log of Windows can hold.
    pub(super) fn read(record: &SerializedEvtxRecord<String>) -> Result<Self, String> {
        let (number, length) = (record.event_record_id, record.data.len());
        if length > MAX_UNFOLDED {
            return Err(format!("record {number} unfolds to {length} bytes, more than any event has"));
        }
        Self::event(record).ok_or_else(|| format!("record {number} has no event in it"))
    }

    fn event(record: &SerializedEvtxRecord<String>) -> Option<Self> {
        let Rendered { event: RenderedEvent { system } } = serde_json::from_str(&record.data).ok()?;
        let provider = system.provider.name.as_str().unwrap_or_default();
        // Logs that a collector wrote have it as text.
        let id = number(&system.id)?;
        let body = || serde_json::from_str::<Value>(&record.data).ok().map(|whole| whole["Event"].clone());
        let what = is_sign(provider, id).then(body).flatten().and_then(|event| sign(id, &event["EventData"]));
        let clears = id == 104 && provider.eq_ignore_ascii_case("Microsoft-Windows-Eventlog");
        let cleared = clears.then(body).flatten().map(|event| {
            let name = &event["UserData"]["LogFileCleared"]["Channel"];
            name.as_str().map_or_else(|| "of an unknown channel".to_owned(), said)
        });
        Some(Self {
            number: record.event_record_id,
            // An exported log has other times in its records' headers, and zero in that of the last.
            at: time(&system.created.at).or(Some(record.timestamp).filter(|at| *at != NO_TIME)),
            channel: said(system.channel.as_str().unwrap_or_default()),
            computer: said(system.computer.as_str().unwrap_or_default()),
            what,
            cleared,
            unfolded: record.data.len() as u64,
        })
    }
}

/// What a moment is that was never set: the beginning of FILETIME, 1601-01-01T00:00:00Z.
const NO_TIME: Timestamp = Timestamp::constant(-11_644_473_600, 0);

const EVENT_LOG: &str = "EventLog";
const KERNEL_BOOT: &str = "Microsoft-Windows-Kernel-Boot";
const KERNEL_GENERAL: &str = "Microsoft-Windows-Kernel-General";
const KERNEL_POWER: &str = "Microsoft-Windows-Kernel-Power";
const VOLUME_MANAGER: &str = "volmgr";
/// Not `Windows Error Reporting`, whose 1001 is about programs.
const BUGCHECK_REPORT: &str = "Microsoft-Windows-WER-SystemErrorReporting";

const SIGNS: &[(&str, &[u64])] = &[
    (EVENT_LOG, &[6005, 6006, 6008, 6009]),
    (KERNEL_BOOT, &[20]),
    (KERNEL_GENERAL, &[12, 13]),
    (KERNEL_POWER, &[41]),
    (VOLUME_MANAGER, &[46]),
    (BUGCHECK_REPORT, &[1000, 1001]),
];

fn is_sign(provider: &str, id: u64) -> bool {
    SIGNS.iter().any(|(name, ids)| name.eq_ignore_ascii_case(provider) && ids.contains(&id))
}

/// Of [`SIGNS`], no two providers share a number.
fn sign(id: u64, data: &Value) -> Option<What> {
    Some(match id {
        12 => What::KernelStart { started: time(&data["StartTime"]) },
        13 => What::KernelStop { stopped: time(&data["StopTime"]) },
        20 => What::LastBoot { shutdown_good: boolean(&data["LastShutdownGood"]), id: number(&data["LastBootId"]) },
        41 => not_shut_down(data),
        46 => What::NoDumpFile,
        1000 | 1001 => reported(data)?,
        6005 => What::LogStart,
        6006 => What::LogStop,
        6008 => What::NotStopped { last_alive: last_alive(data) },
        6009 => What::LogVersion,
        _ => return None,
    })
}

/// The code is decimal here, and the parameters are hexadecimal text.
fn not_shut_down(data: &Value) -> What {
    let code = number(&data["BugcheckCode"]);
    let names = ["BugcheckParameter1", "BugcheckParameter2", "BugcheckParameter3", "BugcheckParameter4"];
    let parameters: Option<Vec<Hex>> = names.iter().map(|name| number(&data[*name]).map(Hex)).collect();
    // [K] The second is of Windows 10 and later.
    let button = number(&data["PowerButtonTimestamp"]).is_some_and(|at| at != 0)
        || boolean(&data["LongPowerButtonPressDetected"]) == Some(true);
    What::NotShutDown { code, parameters: parameters.unwrap_or_default(), button }
}

/// `param1` is `0x00000050 (0x…, 0x…, 0x…, 0x…)`, `param2` of 1001 the dump's path.
fn reported(data: &Value) -> Option<What> {
    let text = |index: usize, name: &str| {
        let unnamed = data["Data"]["#text"].get(index).or_else(|| data["Data"].get(index));
        data[name].as_str().or_else(|| unnamed.and_then(Value::as_str)).map(str::to_owned)
    };
    let stop = text(0, "param1")?;
    let mut numbers = stop.split(['(', ')', ',', ' ']).filter(|word| !word.is_empty()).map(str::parse::<Hex>);
    let code = numbers.next()?.ok()?.0;
    let parameters: Vec<Hex> = numbers.map_while(Result::ok).take(4).collect();
    let parameters = if parameters.len() == 4 { parameters } else { Vec::new() };
    let dump = text(1, "param2").map(|path| said(&path)).filter(|path| !path.is_empty());
    Some(What::Reported { code, parameters, dump })
}

/// The second of the two SYSTEMTIMEs in 6008's binary part, which is in UTC. The event's text has the moment in the
/// words and the zone of the guest.
fn last_alive(data: &Value) -> Option<Timestamp> {
    const UTC: usize = 16;
    let hex = data["Binary"].as_str()?;
    let word = |index: usize| {
        let start = (UTC + 2 * index) * 2;
        let low = u8::from_str_radix(hex.get(start..start + 2)?, 16).ok()?;
        let high = u8::from_str_radix(hex.get(start + 2..start + 4)?, 16).ok()?;
        Some(i16::from_le_bytes([low, high]))
    };
    let small = |index: usize| i8::try_from(word(index)?).ok();
    // Year, month, day of the week, day, hour, minute, second, milliseconds.
    let nanosecond = i32::from(word(7)?).checked_mul(1_000_000)?;
    let moment = DateTime::new(word(0)?, small(1)?, small(3)?, small(4)?, small(5)?, small(6)?, nanosecond).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok().filter(|at| *at != NO_TIME)
}

/// A number, decimal text, or hexadecimal text that says so.
fn number(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(number) => return number.as_u64(),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::Number(number) => number.as_u64().map(|number| number != 0),
        _ => None,
    }
}

fn said(text: &str) -> String {
    one_line(text, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfolded(data: String) -> SerializedEvtxRecord<String> {
        SerializedEvtxRecord { event_record_id: 7, timestamp: NO_TIME, data, recovered: false }
    }

    #[test]
    fn a_record_that_unfolds_to_more_than_an_event_is_not_taken_apart() {
        let event = r#"{"Event":{"System":{"EventID":6005,"Channel":"System"}}}"#;
        for (length, read) in [(event.len(), true), (MAX_UNFOLDED, true), (MAX_UNFOLDED + 1, false)] {
            let data = format!("{event}{}", " ".repeat(length - event.len()));
            let error = Record::read(&unfolded(data)).err();
            let told = "record 7 unfolds to 1048577 bytes, more than any event has".to_owned();
            assert_eq!(error, (!read).then_some(told), "{length}");
        }
    }
    /// As collectors of events write them, and as the log's service does.
    #[test]
    fn the_number_of_an_event_may_be_text() {
        for (id, read) in [("6005", Some(true)), (r#""6005""#, Some(true)), (r#""1116""#, Some(false))] {
            let data = format!(
                r#"{{"Event":{{"System":{{"Provider_attributes":{{"Name":"EventLog"}},"EventID":{id},"Channel":"System"}}}}}}"#
            );
            let record = Record::read(&unfolded(data)).ok();
            assert_eq!(record.map(|record| record.what == Some(What::LogStart)), read, "{id}");
        }
        for id in [r#""""#, r#""an event""#, "-1", "null", "[]"] {
            let data = format!(r#"{{"Event":{{"System":{{"EventID":{id}}}}}}}"#);
            assert!(Record::read(&unfolded(data)).is_err(), "{id}");
        }
    }

    /// The event's own time counts; that of the record's header stands in for it; a time that was never set is none.
    #[test]
    fn when_a_record_was_written() {
        let moment = |text: &str| text.parse::<Timestamp>().unwrap();
        let (own, header) = ("2019-03-19T23:35:07.5244100Z", "2026-11-23T08:00:00Z");
        for (created, header, at) in [
            (own, Some(header), Some(own)),
            (own, None, Some(own)),
            ("1601-01-01T00:00:00.0000000Z", Some(header), Some(header)),
            ("0000-00-00T00:00:00.0000000Z", Some(header), Some(header)),
            ("yesterday", None, None),
            ("1601-01-01T00:00:00.0000000Z", None, None),
        ] {
            let system = format!(r#"{{"EventID":1,"TimeCreated_attributes":{{"SystemTime":"{created}"}}}}"#);
            let mut record = unfolded(format!(r#"{{"Event":{{"System":{system}}}}}"#));
            record.timestamp = header.map_or(NO_TIME, moment);
            assert_eq!(Record::read(&record).unwrap().at, at.map(moment), "{created} {header:?}");
        }
        assert_eq!(NO_TIME, moment("1601-01-01T00:00:00Z"));
    }
}
