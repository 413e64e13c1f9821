//! The events of the System log that tell how a system starts and stops. Fields as seen in real logs of Windows 7 and 10,
//! where there is one; [K] elsewhere.

use std::time::SystemTime;

use standin_face::{BootStatusPolicy, Event};
use standin_formats::evtx::BINARY;

use super::dump_file::FoundDump;
use super::record::LastBoot;
use crate::clock;

const INFORMATION: u8 = 4;
const ERROR: u8 = 2;
const CRITICAL: u8 = 1;

/// Providers that are no classic ones have a GUID.
const GUIDS: [(&str, &str); 4] = [
    ("Microsoft-Windows-Kernel-General", "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}"),
    ("Microsoft-Windows-Kernel-Boot", "{15ca44ff-4d7a-4baa-bba5-0998955e531e}"),
    ("Microsoft-Windows-Kernel-Power", "{331c3b3a-2005-44c2-ac5e-77220c37d6b4}"),
    ("Microsoft-Windows-WER-SystemErrorReporting", "{abce23e7-de45-4366-8631-84fa6c525952}"),
];

fn event(provider: &str, event_id: u16, level: u8, data: Vec<(&str, String)>) -> Event {
    let event_data = data.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let guid = GUIDS.iter().find(|(name, _)| *name == provider).map(|(_, guid)| (*guid).to_owned());
    Event { provider: provider.to_owned(), guid, event_id, level, event_data, ..Event::default() }
}

/// Kernel-General 12: the system started.
pub(crate) fn started(build: u32, started: SystemTime) -> Event {
    let data = vec![
        ("MajorVersion", "10".to_owned()),
        ("MinorVersion", "0".to_owned()),
        ("BuildVersion", build.to_string()),
        ("QfeVersion", "1".to_owned()),
        ("ServiceVersion", "0".to_owned()),
        ("BootMode", "0".to_owned()),
        ("StartTime", clock::iso(started)),
    ];
    event("Microsoft-Windows-Kernel-General", 12, INFORMATION, data)
}

/// Kernel-Boot 20: how the last boot and shutdown went.
pub(crate) fn last_boot(last: &LastBoot, policy: BootStatusPolicy) -> Event {
    let data = vec![
        ("LastShutdownGood", last.shutdown_good.to_string()),
        ("LastBootGood", last.boot_good.to_string()),
        ("LastBootId", last.id.to_string()),
        ("BootStatusPolicy", policy.number().to_string()),
    ];
    event("Microsoft-Windows-Kernel-Boot", 20, INFORMATION, data)
}

/// Kernel-Boot 27: a full boot.
pub(crate) fn boot_type() -> Event {
    let data = vec![("BootType", "0".to_owned()), ("LoadOptions", String::new())];
    event("Microsoft-Windows-Kernel-Boot", 27, INFORMATION, data)
}

/// Kernel-Power 41: the system restarted without having been shut down. The stop code is decimal, unlike everywhere else;
/// the time of the power button is there when it was pressed, and zero after a loss of power.
pub(crate) fn not_shut_down(dump: Option<&FoundDump>, button: Option<u64>) -> Event {
    let parameters = dump.map_or([0; 4], |it| it.parameters);
    let mut data = vec![("BugcheckCode", dump.map_or(0, |it| it.code).to_string())];
    let names = ["BugcheckParameter1", "BugcheckParameter2", "BugcheckParameter3", "BugcheckParameter4"];
    data.extend(names.into_iter().zip(parameters.map(|it| format!("0x{it:x}"))));
    data.extend([
        ("SleepInProgress", "0".to_owned()),
        ("PowerButtonTimestamp", button.unwrap_or(0).to_string()),
        ("BootAppStatus", "0".to_owned()),
    ]);
    event("Microsoft-Windows-Kernel-Power", 41, CRITICAL, data)
}

/// EventLog 6008: the same in the words of the event log's service. Its binary part has the moment twice, in local time
/// and in UTC; the stand-in's zone is UTC.
pub(crate) fn unexpected(when: SystemTime) -> Event {
    let (time, date) = clock::time_and_date(when);
    let binary = clock::systemtime(when).repeat(2);
    let hex = binary.iter().map(|byte| format!("{byte:02X}")).collect();
    let data =
        vec![("", time), ("", date), ("", String::new()), ("", String::new()), ("", String::new()), (BINARY, hex)];
    event("EventLog", 6008, ERROR, data)
}

/// EventLog 6009 and 6005: which system this is, and that the log begins.
pub(crate) fn log_started(build: u32) -> [Event; 2] {
    let version = ["10.00.", &build.to_string(), "", "Multiprocessor Free", "0"].map(|it| ("", it.to_owned()));
    [event("EventLog", 6009, INFORMATION, version.to_vec()), event("EventLog", 6005, INFORMATION, Vec::new())]
}

/// WER 1001: there was a bugcheck and its dump is in this file.
pub(crate) fn bugcheck(dump: &FoundDump, path: &str, report_id: &str) -> Event {
    let [one, two, three, four] = dump.parameters;
    let stop = format!("0x{:08x} (0x{one:016x}, 0x{two:016x}, 0x{three:016x}, 0x{four:016x})", dump.code);
    let data = vec![("param1", stop), ("param2", path.to_owned()), ("param3", report_id.to_owned())];
    let mut event = event("Microsoft-Windows-WER-SystemErrorReporting", 1001, ERROR, data);
    event.event_source_name = Some("BugCheck".to_owned());
    event
}

/// volmgr 161: a dump could not be written or kept. [K] for what Windows does with half a dump.
pub(crate) fn dump_failed() -> Event {
    event("volmgr", 161, ERROR, vec![("", r"\Device\HarddiskVolume2".to_owned())])
}

/// volmgr 46: a crash would leave no dump, for there is no file to write it to.
pub(crate) fn no_dump_file() -> Event {
    event("volmgr", 46, ERROR, vec![("", r"\Device\HarddiskVolume2".to_owned())])
}

/// Service Control Manager 7000 and 7026: a service or a boot-start driver did not start.
pub(crate) fn not_started(name: &str, error: u32, driver: bool) -> Event {
    if driver {
        event("Service Control Manager", 7026, INFORMATION, vec![("param1", format!("\r\n{name}"))])
    } else {
        let data = vec![("param1", name.to_owned()), ("param2", format!("%%{error}"))];
        event("Service Control Manager", 7000, ERROR, data)
    }
}

/// User32 1074: somebody asked for this shutdown.
pub(crate) fn asked_for(computer: &str, restart: bool, reason: &str) -> Event {
    let data = vec![
        ("param1", format!(r"C:\Windows\system32\shutdown.exe ({computer})")),
        ("param2", computer.to_owned()),
        ("param3", "No title for this reason could be found".to_owned()),
        ("param4", "0x800000ff".to_owned()),
        ("param5", if restart { "restart" } else { "shutdown" }.to_owned()),
        ("param6", reason.to_owned()),
        ("param7", format!(r"{computer}\{}", standin_face::USER)),
    ];
    event("User32", 1074, INFORMATION, data)
}

/// What a proper shutdown leaves behind: Kernel-Power 109, EventLog 6006 and Kernel-General 13.
pub(crate) fn stopped(restart: bool, now: SystemTime) -> [Event; 3] {
    let action = if restart { "5" } else { "6" };
    let data = [("ShutdownActionType", action), ("ShutdownEventCode", "0"), ("ShutdownReason", "5")];
    [
        event(
            "Microsoft-Windows-Kernel-Power",
            109,
            INFORMATION,
            data.map(|(name, value)| (name, value.to_owned())).to_vec(),
        ),
        event("EventLog", 6006, INFORMATION, Vec::new()),
        event("Microsoft-Windows-Kernel-General", 13, INFORMATION, vec![("StopTime", clock::iso(now))]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump() -> FoundDump {
        let parameters = [0xffff_8405_0000_0074, 0, 0xffff_f806_7151_14ed, 2];
        FoundDump { kernel: None, small: Vec::new(), code: 0x50, parameters, time: 0 }
    }

    fn field<'a>(event: &'a Event, name: &str) -> &'a str {
        event.event_data.iter().find(|(it, _)| it == name).map(|(_, value)| &**value).unwrap()
    }

    #[test]
    fn the_stop_code_is_decimal_here_and_hexadecimal_there() {
        let power = not_shut_down(Some(&dump()), None);
        assert_eq!(field(&power, "BugcheckCode"), "80");
        assert_eq!(field(&power, "BugcheckParameter1"), "0xffff840500000074");
        let reported = bugcheck(&dump(), r"C:\x.dmp", "id");
        let expected = "0x00000050 (0xffff840500000074, 0x0000000000000000, 0xfffff806715114ed, 0x0000000000000002)";
        assert_eq!(field(&reported, "param1"), expected);
    }

    #[test]
    fn a_reset_from_outside_has_zeros() {
        let power = not_shut_down(None, Some(134_011_495_810_000_000));
        assert_eq!(field(&power, "BugcheckCode"), "0");
        assert_eq!(field(&power, "BugcheckParameter4"), "0x0");
        assert_eq!(field(&power, "PowerButtonTimestamp"), "134011495810000000");
    }

    #[test]
    fn the_moment_is_in_the_binary_part() {
        let event = unexpected(clock::moment(134_011_495_810_000_000));
        assert_eq!(field(&event, BINARY).len(), 64);
        assert!(field(&event, BINARY).starts_with("E9070800"));
    }
}
