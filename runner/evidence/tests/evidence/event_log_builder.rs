//! Event logs of stories, written by the stand-in's own writer, which shares nothing with the reader.

use standin_formats::evtx::{BINARY, Event, EventLog};

pub(crate) const KERNEL_GENERAL: &str = "Microsoft-Windows-Kernel-General";
const KERNEL_BOOT: &str = "Microsoft-Windows-Kernel-Boot";
pub(crate) const KERNEL_POWER: &str = "Microsoft-Windows-Kernel-Power";
pub(crate) const BUGCHECK: &str = "Microsoft-Windows-WER-SystemErrorReporting";

/// FILETIME of 2026-11-23T08:00:00Z.
const START: u64 = 134_398_944_000_000_000;
pub(crate) const SECOND: u64 = 10_000_000;

/// Events and the clock that stamps them.
pub(crate) struct Story {
    pub(crate) events: Vec<Event>,
    /// FILETIME.
    pub(crate) now: u64,
    pub(crate) computer: &'static str,
    pub(crate) channel: &'static str,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self { events: Vec::new(), now: START, computer: "LAB-1", channel: "System" }
    }

    pub(crate) fn event(&mut self, provider: &str, id: u16, data: &[(&str, &str)]) -> &mut Self {
        self.now += SECOND;
        self.events.push(Event {
            provider: provider.to_owned(),
            guid: provider.starts_with("Microsoft").then(|| "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}".to_owned()),
            event_id: id,
            level: 4,
            time: self.now,
            record_id: self.events.len() as u64 + 1,
            event_data: data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Event::default()
        });
        self
    }

    pub(crate) fn moment(&self) -> String {
        standin_formats::filetime::to_text(self.now)
    }

    pub(crate) fn kernel_start(&mut self) -> &mut Self {
        let moment = self.moment();
        self.event(KERNEL_GENERAL, 12, &[("StartTime", &moment)])
    }

    pub(crate) fn log_start(&mut self) -> &mut Self {
        self.event("EventLog", 6009, &[("", "10.00.")]).event("EventLog", 6005, &[])
    }

    pub(crate) fn boot(&mut self) -> &mut Self {
        self.kernel_start().log_start()
    }

    pub(crate) fn work(&mut self, records: usize) -> &mut Self {
        for _ in 0..records {
            self.event("Service Control Manager", 7036, &[("param1", "a service"), ("param2", "running")]);
        }
        self
    }

    pub(crate) fn log_stop(&mut self) -> &mut Self {
        self.event("User32", 1074, &[]).event("EventLog", 6006, &[])
    }

    pub(crate) fn kernel_stop(&mut self) -> &mut Self {
        let moment = self.moment();
        self.event(KERNEL_GENERAL, 13, &[("StopTime", &moment)])
    }

    pub(crate) fn shut_down(&mut self) -> &mut Self {
        self.log_stop().kernel_stop()
    }

    /// Kernel-Power 41; the code is decimal.
    pub(crate) fn power(&mut self, code: &str, button: &str) -> &mut Self {
        let parameters = ["1", "2", "3", "4"].map(|number| format!("BugcheckParameter{number}"));
        let values = if code == "0" { ["0x0"; 4] } else { ["0xffff840500000074", "0x0", "0xfffff806715114ed", "0x2"] };
        let mut data = vec![("BugcheckCode", code)];
        data.extend(parameters.iter().map(String::as_str).zip(values));
        data.push(("PowerButtonTimestamp", button));
        self.event(KERNEL_POWER, 41, &data)
    }

    /// EventLog 6008: text in the words of the guest, and two SYSTEMTIMEs: local time, then 2025-08-31T21:33:01.500 UTC.
    pub(crate) fn not_stopped(&mut self) -> &mut Self {
        let binary = "E9070800000020000600210001000000E907080000001F001500210001 00F401".replace(' ', "");
        self.event(
            "EventLog",
            6008,
            &[("", "9:59:13 PM"), ("", "\u{200e}8/\u{200e}31/\u{200e}2025"), (BINARY, &binary)],
        )
    }

    pub(crate) fn reported(&mut self, code: &str) -> &mut Self {
        let stop = format!("{code} (0xffff840500000074, 0x0000000000000000, 0xfffff806715114ed, 0x0000000000000002)");
        self.event(BUGCHECK, 1001, &[("param1", &stop), ("param2", r"C:\Windows\Minidump\1.dmp"), ("param3", "1")])
    }

    pub(crate) fn last_boot(&mut self, good: bool, id: u32) -> &mut Self {
        let (good, id) = (good.to_string(), id.to_string());
        self.event(KERNEL_BOOT, 20, &[("LastShutdownGood", &good), ("LastBootGood", "true"), ("LastBootId", &id)])
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut log = EventLog::new(self.channel, self.computer);
        self.events.iter().for_each(|event| log.push(event.clone()));
        log.to_bytes()
    }
}
