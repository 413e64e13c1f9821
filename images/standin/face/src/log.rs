//! The event logs, one per channel.
//!
//! Events are kept as JSON lines in `System.standin.jsonl` beside the real file; after each append the whole
//! `System.evtx` is written anew from them. A line torn by a reset is dropped at the next load.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use standin_formats::evtx::{Event, EventLog, UserData};

use crate::Volume;
use crate::text::{filetime, lock};

const FOLDER: &str = r"C:\Windows\System32\winevt\Logs";
/// Events kept; the oldest go first, as in a log of limited size.
const MOST_EVENTS: usize = 4000;

/// The logs of a system.
#[derive(Clone)]
pub struct EventLogs {
    /// Drivers, services and the system itself.
    pub system: Arc<ChannelLog>,
    /// Programs.
    pub application: Arc<ChannelLog>,
}

impl EventLogs {
    /// The logs as the volume holds them.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn load(volume: &Volume) -> io::Result<Self> {
        let load = |channel| ChannelLog::load(volume, channel).map(Arc::new);
        Ok(Self { system: load("System")?, application: load("Application")? })
    }

    /// The log of a channel, in any letters.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&Arc<ChannelLog>> {
        [&self.system, &self.application].into_iter().find(|it| it.channel.eq_ignore_ascii_case(name))
    }

    /// Clears a log, which the System log tells: event 104 of `Microsoft-Windows-Eventlog`. False when there is no such
    /// log.
    ///
    /// # Errors
    /// What the file system said.
    pub fn clear(&self, name: &str, user: &str, computer: &str) -> io::Result<bool> {
        let Some(log) = self.channel(name) else { return Ok(false) };
        log.clear()?;
        let values =
            [("SubjectUserName", user), ("SubjectDomainName", computer), ("Channel", log.channel), ("BackupPath", "")];
        self.system.append(Event {
            provider: "Microsoft-Windows-Eventlog".to_owned(),
            guid: Some("{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}".to_owned()),
            event_id: 104,
            level: 4,
            task: 104,
            event_data: values.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            user_data: Some(UserData {
                element: "LogFileCleared".to_owned(),
                namespace: "http://manifests.microsoft.com/win/2004/08/windows/eventlog".to_owned(),
            }),
            ..Event::default()
        })?;
        Ok(true)
    }
}

/// The event log of one channel.
pub struct ChannelLog {
    volume: Volume,
    channel: &'static str,
    state: Mutex<State>,
    computer: Mutex<String>,
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    /// Number of the last record there ever was.
    last_record: u64,
}

/// One line of the file beside the real one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Event(Event),
    /// The log was cleared after this record. Numbers go on from there. [K]
    Cleared {
        cleared_after: u64,
    },
}

impl State {
    fn take(&mut self, line: Line) {
        match line {
            Line::Event(event) => {
                self.last_record = event.record_id;
                self.events.push(event);
            }
            Line::Cleared { cleared_after } => {
                self.last_record = cleared_after;
                self.events.clear();
            }
        }
    }
}

impl ChannelLog {
    /// The log as the volume holds it; empty on a fresh volume.
    fn load(volume: &Volume, channel: &'static str) -> io::Result<Self> {
        let mut state = State::default();
        let log = |state| Self {
            volume: volume.clone(),
            channel,
            state: Mutex::new(state),
            computer: Mutex::new("STANDIN".to_owned()),
        };
        let text = match fs::read_to_string(lines_file(volume, channel)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(log(state)),
            Err(error) => return Err(error),
        };
        let lines: Vec<_> = text.lines().collect();
        let mut torn = false;
        for (number, line) in lines.iter().enumerate() {
            match serde_json::from_str(line) {
                Ok(line) => state.take(line),
                Err(_) if number + 1 == lines.len() => torn = true,
                Err(error) => return Err(error.into()),
            }
        }
        let log = log(state);
        if torn {
            log.rewrite(&lock(&log.state))?;
        }
        Ok(log)
    }

    /// Name of the channel.
    #[must_use]
    pub fn channel(&self) -> &'static str {
        self.channel
    }

    /// Names the computer in events shown or written from now on.
    pub fn set_computer(&self, name: &str) {
        name.clone_into(&mut lock(&self.computer));
    }

    /// Adds an event and returns its record number, which this call chooses. A time of zero means now.
    ///
    /// # Errors
    /// What the file system said; the event is then in memory only.
    pub fn append(&self, event: Event) -> io::Result<u64> {
        self.append_all(vec![event])
    }

    /// As [`ChannelLog::append`] for several events with one write; returns the last record number.
    ///
    /// # Errors
    /// What the file system said; the events are then in memory only.
    pub fn append_all(&self, new: Vec<Event>) -> io::Result<u64> {
        let mut state = lock(&self.state);
        let mut lines = Vec::new();
        for mut event in new {
            event.record_id = state.last_record + 1;
            if event.time == 0 {
                event.time = filetime(SystemTime::now());
            }
            serde_json::to_writer(&mut lines, &event)?;
            lines.push(b'\n');
            state.take(Line::Event(event));
        }
        if state.events.len() > MOST_EVENTS {
            let excess = state.events.len() - MOST_EVENTS;
            state.events.drain(..excess);
            self.rewrite(&state)?;
        } else {
            append_whole(&lines_file(&self.volume, self.channel), &lines)?;
        }
        self.write_real(&state)?;
        Ok(state.last_record)
    }

    fn clear(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.events.clear();
        self.rewrite(&state)?;
        self.write_real(&state)
    }

    /// Writes the lines anew.
    fn rewrite(&self, state: &State) -> io::Result<()> {
        let mut lines = Vec::new();
        let cleared = state.events.is_empty().then_some(Line::Cleared { cleared_after: state.last_record });
        for line in cleared.into_iter().chain(state.events.iter().cloned().map(Line::Event)) {
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        self.volume.write_durably(lines_file(&self.volume, self.channel), &lines)
    }

    /// Writes the file that others read.
    fn write_real(&self, state: &State) -> io::Result<()> {
        let target = self.volume.resolve(&format!("{FOLDER}\\{}.evtx", self.channel));
        self.volume.write_durably(target, &self.file_of(&state.events))
    }

    fn file_of(&self, events: &[Event]) -> Vec<u8> {
        let mut log = EventLog::new(self.channel, lock(&self.computer).clone());
        events.iter().cloned().for_each(|event| log.push(event));
        log.to_bytes()
    }

    /// The events for which this holds, oldest first.
    #[must_use]
    pub fn query(&self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        lock(&self.state).events.iter().filter(|event| wanted(event)).cloned().collect()
    }

    /// These events as an `.evtx` file.
    #[must_use]
    pub fn export(&self, wanted: impl Fn(&Event) -> bool) -> Vec<u8> {
        self.file_of(&self.query(wanted))
    }

    /// An event as `wevtutil` prints it.
    #[must_use]
    pub fn to_xml(&self, event: &Event) -> String {
        standin_formats::evtx::to_xml(event, self.channel, &lock(&self.computer))
    }
}

fn lines_file(volume: &Volume, channel: &str) -> PathBuf {
    volume.resolve(&format!("{FOLDER}\\{channel}.standin.jsonl"))
}

/// Appends all of it or, on a full disk, nothing: half a line in the middle of the file could not be read again.
fn append_whole(path: &PathBuf, lines: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    file.write_all(lines).and_then(|()| file.sync_data()).inspect_err(|_| drop(file.set_len(before)))
}

/// Event 7045: a service was installed.
pub(crate) fn service_installed(log: &ChannelLog, config: &crate::ServiceConfig) {
    let start = match config.start {
        0 => "boot start",
        1 => "system start",
        2 => "auto start",
        3 => "demand start",
        _ => "disabled",
    };
    let kind = if config.is_driver() { "kernel mode driver" } else { "user mode service" };
    let event_data = [
        ("ServiceName", config.display_name.as_str()),
        ("ImagePath", &config.image_path),
        ("ServiceType", kind),
        ("StartType", start),
        ("AccountName", &config.account),
    ];
    service_manager(log, 7045, 4, &event_data);
}

/// Event 7034: a service's process ended without a word, for the first time. [K]: the form is that of published logs.
pub(crate) fn service_ended(log: &ChannelLog, display_name: &str) {
    service_manager(log, 7034, 2, &[("param1", display_name), ("param2", "1")]);
}

/// An event of the service control manager. Best effort, as on Windows.
fn service_manager(log: &ChannelLog, event_id: u16, level: u8, event_data: &[(&str, &str)]) {
    let event = Event {
        provider: "Service Control Manager".to_owned(),
        event_source_name: Some("Service Control Manager".to_owned()),
        guid: Some("{555908d1-a6d7-4695-8e1e-26931d2012f4}".to_owned()),
        event_id,
        level,
        event_data: event_data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Event::default()
    };
    if let Err(error) = log.append(event) {
        tracing::warn!(%error, event_id, "an event of the service control manager");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_and_a_torn_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let log = EventLogs::load(&volume).unwrap().system;
        let event = |event_id| Event { provider: "EventLog".into(), event_id, level: 4, ..Event::default() };
        assert_eq!(log.append(event(6005)).unwrap(), 1);
        assert_eq!(log.append_all(vec![event(6006), event(6008)]).unwrap(), 3);
        let evtx = fs::read(volume.resolve(r"C:\Windows\System32\winevt\Logs\System.evtx")).unwrap();
        assert_eq!(&evtx[..8], b"ElfFile\0");
        let lines = lines_file(&volume, "System");
        let mut file = OpenOptions::new().append(true).open(&lines).unwrap();
        file.write_all(br#"{"provider":"Ev"#).unwrap();
        let again = EventLogs::load(&volume).unwrap().system;
        assert_eq!(again.query(|it| it.event_id > 6005).len(), 2);
        assert_eq!(again.append(event(6009)).unwrap(), 4);
        assert_eq!(EventLogs::load(&volume).unwrap().system.query(|_| true).len(), 4);
    }

    #[test]
    fn a_cleared_log_tells_so_and_counts_on() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let logs = EventLogs::load(&volume).unwrap();
        let event = |event_id| Event { provider: "x".into(), event_id, level: 4, ..Event::default() };
        logs.system.append_all(vec![event(1), event(2)]).unwrap();
        logs.application.append_all(vec![event(3), event(4), event(5)]).unwrap();
        assert!(logs.clear("application", "lab", "STANDIN").unwrap());
        assert!(logs.clear("SYSTEM", "lab", "STANDIN").unwrap());
        assert!(!logs.clear("Nope", "lab", "STANDIN").unwrap());
        let logs = EventLogs::load(&volume).unwrap();
        assert_eq!(logs.application.query(|_| true), []);
        assert_eq!(logs.application.append(event(6)).unwrap(), 4, "numbers go on");
        let left = logs.system.query(|_| true);
        assert_eq!(left.iter().map(|it| (it.record_id, it.event_id)).collect::<Vec<_>>(), [(4, 104)]);
        assert_eq!(left[0].event_data[2].1, "System");
    }
}
