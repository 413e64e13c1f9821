//! Which boot a guest is in, and what its log says of the boots before.

use std::time::Duration;

use coexist_lab::{BootRecord, GuestError, UnexpectedEnd};
use coexist_model::{BootIdentity, Hex};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::parse::events::{LogEvent, events};
use crate::parse::registry;
use crate::session::{QUERY, Session, disagrees};
use crate::text::{Keep, bounded};

const KERNEL_GENERAL: &str = "Microsoft-Windows-Kernel-General";
const KERNEL_BOOT: &str = "Microsoft-Windows-Kernel-Boot";
const KERNEL_POWER: &str = "Microsoft-Windows-Kernel-Power";
const EVENT_LOG: &str = "EventLog";
/// Not `Windows Error Reporting`, whose 1001 is about programs.
const BUGCHECK_REPORT: &str = "Microsoft-Windows-WER-SystemErrorReporting";

/// Newest events that a boot record is made from.
const RECORD_EVENTS: u32 = 400;

/// Longest time for the boot identity, whatever the guest answers.
const IDENTITY: Duration = Duration::from_secs(20);

/// Longest wait for the log to hold both events of the present boot: the service that writes it may start after sshd.
const LOG_PATIENCE: Duration = Duration::from_secs(15);

/// Between two looks at a log that does not yet tell which boot this is.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

const READING_IDENTITY: &str = "reading the boot identity";

async fn query(
    session: &Session,
    during: &str,
    xpath: &str,
    count: u32,
    deadline: Duration,
) -> Result<Vec<LogEvent>, GuestError> {
    let command = format!("wevtutil.exe qe System /q:\"{xpath}\" /c:{count} /rd:true /f:xml");
    let output = session.run(during, &command, Keep::DATA, deadline).await?;
    if output.code != 0 || !output.stdout.is_whole() {
        return Err(disagrees(during, "events from wevtutil", &output.summary()));
    }
    events(&output.stdout.to_text())
        .map_err(|error| disagrees(during, "events as XML", &format!("{error}: {}", output.stdout.to_text())))
}

async fn newest(session: &Session, provider: &str, id: u32, until: Instant) -> Result<Option<LogEvent>, GuestError> {
    let xpath = format!("*[System[Provider[@Name='{provider}'] and (EventID={id})]]");
    let found = query(session, READING_IDENTITY, &xpath, 1, left(until)).await?;
    Ok(found.into_iter().find(|event| event.is(provider, id)))
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Whether the two events are of one boot.
///
/// Seen in the System logs of Windows 7 and 10: Kernel-General 12 comes first, Kernel-Boot 20 two records and a millisecond
/// later. While a guest starts, the log may hold the new one of the first and the old one of the second.
fn of_one_boot(start: &LogEvent, boot: &LogEvent) -> bool {
    match (start.time, boot.time) {
        (Some(start), Some(boot)) => {
            let after = boot.duration_since(start);
            after >= SignedDuration::from_secs(-2) && after <= SignedDuration::from_secs(20)
        }
        _ => true,
    }
}

/// The guest's own name for its present boot. `LastBootId` is taken as an opaque number: only equality counts.
///
/// While a guest starts or stops, its tools fail in odd ways (`0xc0000142` because the session ends, no RPC server, a
/// channel refused): any answer that is none is asked for again until the time is over.
pub(crate) async fn identity(session: &Session) -> Result<BootIdentity, GuestError> {
    let begun = Instant::now();
    let (until, patient_until) = (begun + session.paced(IDENTITY), begun + session.paced(LOG_PATIENCE));
    loop {
        let answer = ask_identity(session, until, patient_until).await;
        let asks_again = matches!(answer, Ok(None) | Err(GuestError::Disagrees { .. } | GuestError::Refused { .. }));
        if asks_again && Instant::now() < patient_until {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            continue;
        }
        let of_two_boots = || disagrees(READING_IDENTITY, "the events of one boot", "those of two boots");
        return answer.and_then(|identity| identity.ok_or_else(of_two_boots));
    }
}

/// One look; nothing when the log does not yet tell.
async fn ask_identity(
    session: &Session,
    until: Instant,
    patient_until: Instant,
) -> Result<Option<BootIdentity>, GuestError> {
    let start = newest(session, KERNEL_GENERAL, 12, until).await?;
    let boot = newest(session, KERNEL_BOOT, 20, until).await?;
    let boot_id = match told(start.as_ref(), boot.as_ref(), Instant::now() < patient_until) {
        Told::Nothing => return Ok(None),
        Told::BootId(event) => last_boot_id(event)?,
        Told::NoBootId => prefetcher_count(session, left(until)).await?,
    };
    Ok(Some(BootIdentity { boot_id, start_time: start.as_ref().and_then(start_time) }))
}

/// What the log tells of the present boot.
#[derive(Debug, PartialEq, Eq)]
enum Told<'a> {
    /// Not enough yet, or events of two boots: they never make one identity.
    Nothing,
    /// This event has the boot's id.
    BootId(&'a LogEvent),
    /// All but the boot's id.
    NoBootId,
}

/// What the log lacks altogether is waited for as long as we are `patient`, and then done without.
fn told<'a>(start: Option<&LogEvent>, boot: Option<&'a LogEvent>, patient: bool) -> Told<'a> {
    match (start, boot) {
        (Some(start), Some(boot)) if of_one_boot(start, boot) => Told::BootId(boot),
        (Some(_), Some(_)) => Told::Nothing,
        _ if patient => Told::Nothing,
        (None, Some(boot)) => Told::BootId(boot),
        (_, None) => Told::NoBootId,
    }
}

fn last_boot_id(event: &LogEvent) -> Result<u32, GuestError> {
    let said = event.value("LastBootId").unwrap_or_default();
    number(said).ok_or_else(|| disagrees(READING_IDENTITY, "LastBootId as a number in Kernel-Boot 20", said))
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// \[K\] The prefetcher's `BootId` counts boots; for a guest whose log holds no Kernel-Boot 20.
async fn prefetcher_count(session: &Session, deadline: Duration) -> Result<u32, GuestError> {
    let during = READING_IDENTITY;
    let key = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";
    let output = session.run(during, &format!("reg.exe query \"{key}\" /v BootId"), Keep::TEXT, deadline).await?;
    let value = registry::value(&output.stdout.to_text(), "BootId");
    value.and_then(|value| value.data.parse().ok()).ok_or_else(|| {
        disagrees(during, "Kernel-Boot 20 in the System log or BootId in PrefetchParameters", &output.summary())
    })
}

/// What the log says of the boots after `since`.
pub(crate) async fn record(session: &Session, since: Option<&BootIdentity>) -> Result<BootRecord, GuestError> {
    let during = "reading the boot record";
    let xpath = format!(
        "*[System[Provider[@Name='{KERNEL_GENERAL}' or @Name='{EVENT_LOG}' or @Name='{KERNEL_POWER}' or \
         @Name='{BUGCHECK_REPORT}'] and (EventID=12 or EventID=6008 or EventID=41 or EventID=1001)]]"
    );
    let events = query(session, during, &xpath, RECORD_EVENTS, session.paced(QUERY)).await?;
    fold(&events, since).map_err(|error| disagrees(during, "a log that names its boots", &error))
}

/// One boot in the log.
#[derive(Debug, Default)]
struct Section {
    /// Its `StartTime`; absent for what comes before the first start that the log holds.
    start: Option<String>,
    /// Whether the boot before it ended badly, and the stop code where it is known.
    bad_end: Option<Option<[Hex; 5]>>,
}

/// How much later than a boot's start its 6008 may be written.
const SERVICE_START: SignedDuration = SignedDuration::from_mins(15);

fn fold(events: &[LogEvent], since: Option<&BootIdentity>) -> Result<BootRecord, String> {
    let mut ordered: Vec<_> = events.iter().filter(|event| is_start(event) || tells_bad_end(event)).collect();
    ordered.sort_by_key(|event| event.record);
    let mut sections = vec![Section::default()];
    // Seen in real logs: the log's own events (6005, and with it 6008) may have lower record numbers than the Kernel-General
    // 12 of the same boot, whose time is earlier all the same. Those wait for the next start.
    let mut waiting: Option<Timestamp> = None;
    for (position, event) in ordered.iter().enumerate() {
        if is_start(event) {
            let start = start_time(event);
            sections.push(Section { start, bad_end: waiting.take().map(|_| None) });
            continue;
        }
        let next_start = ordered[position..].iter().find(|later| is_start(later)).and_then(|later| later.time);
        let belongs_to_next = event.is(EVENT_LOG, 6008)
            && match (event.time, next_start) {
                (Some(written), Some(start)) => {
                    let after = written.duration_since(start);
                    !after.is_negative() && after <= SERVICE_START
                }
                _ => false,
            };
        if belongs_to_next {
            waiting = event.time;
        } else if let Some(section) = sections.last_mut() {
            let known = section.bad_end.flatten();
            section.bad_end = Some(known.or_else(|| stop_of(event)));
        }
    }
    let from = match since {
        None => 0,
        Some(BootIdentity { start_time: Some(start), .. }) => first_after(&sections, start)?,
        Some(BootIdentity { start_time: None, .. }) => {
            tracing::warn!("the guest's log did not tell when its boot started, so it tells nothing of later ones");
            return Ok(BootRecord::default());
        }
    };
    let newer = sections.get(from..).unwrap_or_default();
    Ok(BootRecord {
        boots: u32::try_from(newer.iter().filter(|section| section.start.is_some()).count()).unwrap_or(u32::MAX),
        unexpected: newer.iter().filter_map(|section| section.bad_end).map(|stop| UnexpectedEnd { stop }).collect(),
    })
}

fn first_after(sections: &[Section], wanted: &str) -> Result<usize, String> {
    if let Some(found) = sections.iter().rposition(|section| section.start.as_deref() == Some(wanted)) {
        return Ok(found + 1);
    }
    let wanted: Timestamp = wanted.parse().map_err(|_| format!("no boot started at `{wanted}`"))?;
    let started = |section: &Section| section.start.as_deref().and_then(|start| start.parse::<Timestamp>().ok());
    Ok(sections
        .iter()
        .position(|section| started(section).is_some_and(|start| start > wanted))
        .unwrap_or(sections.len()))
}

/// The same bounded text wherever a boot is named by it.
fn start_time(event: &LogEvent) -> Option<String> {
    event.value("StartTime").map(|text| bounded(text, 64))
}

fn is_start(event: &LogEvent) -> bool {
    event.is(KERNEL_GENERAL, 12)
}

fn tells_bad_end(event: &LogEvent) -> bool {
    event.is(EVENT_LOG, 6008) || event.is(KERNEL_POWER, 41) || event.is(BUGCHECK_REPORT, 1001)
}

/// Stop code and parameters: 41 writes the code in decimal, 0 for none; 1001 all five as hexadecimal text.
fn stop_of(event: &LogEvent) -> Option<[Hex; 5]> {
    if event.is(KERNEL_POWER, 41) {
        let code: u64 = event.value("BugcheckCode")?.parse().ok().filter(|code| *code != 0)?;
        let parameter = |name| event.value(name).and_then(|text| text.parse().ok());
        return Some([
            Hex(code),
            parameter("BugcheckParameter1")?,
            parameter("BugcheckParameter2")?,
            parameter("BugcheckParameter3")?,
            parameter("BugcheckParameter4")?,
        ]);
    }
    if !event.is(BUGCHECK_REPORT, 1001) {
        return None;
    }
    let numbers = event.value("param1")?.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let numbers: Vec<Hex> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(record: u64, second: i64, provider: &str, id: u32, data: &[(&str, &str)]) -> LogEvent {
        LogEvent {
            provider: provider.to_owned(),
            id,
            record,
            time: Some(Timestamp::from_second(second).unwrap()),
            data: data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn start(record: u64, second: i64) -> LogEvent {
        let text = Timestamp::from_second(second).unwrap().to_string();
        event(record, second, KERNEL_GENERAL, 12, &[("StartTime", &text)])
    }

    fn power(record: u64, second: i64, code: &str) -> LogEvent {
        let data = [
            ("BugcheckCode", code),
            ("BugcheckParameter1", "0xffffc48b44b3c3a0"),
            ("BugcheckParameter2", "0x2"),
            ("BugcheckParameter3", "0x0"),
            ("BugcheckParameter4", "0xfffff80000001234"),
        ];
        event(record, second, KERNEL_POWER, 41, &data)
    }

    fn report(record: u64, second: i64) -> LogEvent {
        let text = "0x000000d1 (0xffffc48b44b3c3a0, 0x0000000000000002, 0x0000000000000000, 0xfffff80000001234)";
        event(record, second, BUGCHECK_REPORT, 1001, &[("param1", text)])
    }

    fn since(second: i64) -> BootIdentity {
        BootIdentity { boot_id: 3, start_time: Some(Timestamp::from_second(second).unwrap().to_string()) }
    }

    const STOP: [Hex; 5] = [Hex(0xd1), Hex(0xffff_c48b_44b3_c3a0), Hex(2), Hex(0), Hex(0xffff_f800_0000_1234)];

    /// Boots at 1000, 2000, 3000 and 4000. The first ended with a bugcheck, the second in order, the third without a word.
    fn log() -> Vec<LogEvent> {
        vec![
            start(10, 1000),
            start(20, 2000),
            event(22, 2050, EVENT_LOG, 6008, &[("", "7:06:12")]),
            power(24, 2015, "209"),
            report(30, 2060),
            start(40, 3000),
            start(50, 4000),
            event(52, 4050, EVENT_LOG, 6008, &[]),
            power(53, 4015, "0"),
        ]
    }

    #[test]
    fn signs_of_one_bad_end_are_one() {
        let bad = |stop| UnexpectedEnd { stop };
        let table = [
            ("everything", None, 4, vec![bad(Some(STOP)), bad(None)]),
            ("since the first", Some(since(1000)), 3, vec![bad(Some(STOP)), bad(None)]),
            ("its own boot's words are about the one before", Some(since(2000)), 2, vec![bad(None)]),
            ("since the last", Some(since(4000)), 0, vec![]),
            ("not in the log any more", Some(since(1500)), 3, vec![bad(Some(STOP)), bad(None)]),
            ("from the future", Some(since(9000)), 0, vec![]),
        ];
        for (name, since, boots, unexpected) in table {
            let mut newest_first = log();
            newest_first.reverse();
            assert_eq!(fold(&newest_first, since.as_ref()), Ok(BootRecord { boots, unexpected }), "{name}");
        }
    }

    #[test]
    fn the_logs_own_event_may_be_recorded_before_the_start() {
        let events = [start(10, 1000), event(18, 2050, EVENT_LOG, 6008, &[]), start(20, 2000), start(30, 3000)];
        let one = BootRecord { boots: 1, unexpected: vec![] };
        assert_eq!(fold(&events, Some(&since(2000))), Ok(one));
        let both = BootRecord { boots: 2, unexpected: vec![UnexpectedEnd { stop: None }] };
        assert_eq!(fold(&events, Some(&since(1000))), Ok(both));
    }

    #[test]
    fn stop_codes() {
        assert_eq!(stop_of(&power(1, 1, "209")), Some(STOP));
        assert_eq!(stop_of(&report(1, 1)), Some(STOP));
        assert_eq!(stop_of(&power(1, 1, "0")), None);
        assert_eq!(stop_of(&power(1, 1, "0xd1")), None);
        assert_eq!(stop_of(&event(1, 1, BUGCHECK_REPORT, 1001, &[("param1", "0x9f (0x3, 0x1)")])), None);
        assert_eq!(
            stop_of(&event(1, 1, "Windows Error Reporting", 1001, &[("param1", "0x9f (0x1,0x1,0x1,0x1)")])),
            None
        );
        assert_eq!(fold(&log(), Some(&BootIdentity { boot_id: 1, start_time: None })), Ok(BootRecord::default()));
        assert!(fold(&log(), Some(&BootIdentity { boot_id: 1, start_time: Some("noon".to_owned()) })).is_err());
    }

    #[test]
    fn a_start_and_a_count_of_different_boots_are_told_apart() {
        let boot = |second| event(9, second, KERNEL_BOOT, 20, &[]);
        assert!(of_one_boot(&start(1, 1000), &boot(1000)));
        assert!(!of_one_boot(&start(1, 1000), &boot(990)));
        assert!(!of_one_boot(&start(1, 1000), &boot(1100)));
        let (new, old) = (start(1, 1000), boot(900));
        let same = boot(1001);
        let table = [
            ("both", Some(&new), Some(&same), [Told::BootId(&same), Told::BootId(&same)]),
            ("of two boots", Some(&new), Some(&old), [Told::Nothing, Told::Nothing]),
            ("no start", None, Some(&old), [Told::Nothing, Told::BootId(&old)]),
            ("no id", Some(&new), None, [Told::Nothing, Told::NoBootId]),
            ("neither", None, None, [Told::Nothing, Told::NoBootId]),
        ];
        for (name, start, boot, expected) in table {
            assert_eq!([true, false].map(|patient| told(start, boot, patient)), expected, "{name}");
        }
        assert_eq!(number("0x1f"), Some(31));
        assert_eq!(number("-1"), None);
    }

    fn any_event() -> impl Strategy<Value = LogEvent> {
        let kind = prop_oneof![
            Just((KERNEL_GENERAL, 12)),
            Just((EVENT_LOG, 6008)),
            Just((KERNEL_POWER, 41)),
            Just((BUGCHECK_REPORT, 1001))
        ];
        let name = prop_oneof![Just("StartTime"), Just("param1"), Just("BugcheckCode")];
        let time = proptest::option::of(0..10_000_i64);
        (kind, 0..50_u64, time, name, ".{0,12}").prop_map(|((provider, id), record, second, name, value)| LogEvent {
            time: second.and_then(|second| Timestamp::from_second(second).ok()),
            ..event(record, 0, provider, id, &[(name, &value)])
        })
    }

    proptest! {
        #[test]
        fn never_panics(events in proptest::collection::vec(any_event(), 0..20), since in proptest::option::of(0..10_000_i64)) {
            let identity = since.map(super::tests::since);
            let _ = fold(&events, identity.as_ref());
        }
    }
}
