//! The System event log.
//!
//! Events are kept as JSON lines in `System.standin.jsonl` beside the real file; after each append the whole
//! `System.evtx` is written anew from them. A line torn by a reset is dropped at the next load.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::SystemTime;

use standin_formats::evtx::{Event, EventLog};

use crate::Volume;
use crate::text::{filetime, lock};

const FOLDER: &str = r"C:\Windows\System32\winevt\Logs";
/// Events kept; the oldest go first, as in a log of limited size.
const MOST_EVENTS: usize = 4000;

/// The System event log of one volume.
pub struct SystemLog {
    volume: Volume,
    events: Mutex<Vec<Event>>,
    computer: Mutex<String>,
}

impl SystemLog {
    /// The log as the volume holds it; empty on a fresh volume.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn load(volume: &Volume) -> io::Result<Self> {
        let mut events = Vec::new();
        match fs::read_to_string(Self::lines_file(volume)) {
            Ok(text) => {
                let lines: Vec<_> = text.lines().collect();
                for (number, line) in lines.iter().enumerate() {
                    match serde_json::from_str(line) {
                        Ok(event) => events.push(event),
                        Err(_) if number + 1 == lines.len() => {
                            rewrite(volume, &events)?;
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self { volume: volume.clone(), events: Mutex::new(events), computer: Mutex::new("STANDIN".to_owned()) })
    }

    fn lines_file(volume: &Volume) -> PathBuf {
        volume.resolve(&format!("{FOLDER}\\System.standin.jsonl"))
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

    /// As [`SystemLog::append`] for several events with one write; returns the last record number.
    ///
    /// # Errors
    /// What the file system said; the events are then in memory only.
    pub fn append_all(&self, new: Vec<Event>) -> io::Result<u64> {
        let mut events = lock(&self.events);
        let mut record_id = events.last().map_or(0, |last| last.record_id);
        let mut lines = Vec::new();
        for mut event in new {
            record_id += 1;
            event.record_id = record_id;
            if event.time == 0 {
                event.time = filetime(SystemTime::now());
            }
            serde_json::to_writer(&mut lines, &event)?;
            lines.push(b'\n');
            events.push(event);
        }
        let file = Self::lines_file(&self.volume);
        if events.len() > MOST_EVENTS {
            let excess = events.len() - MOST_EVENTS;
            events.drain(..excess);
            rewrite(&self.volume, &events)?;
        } else {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().create(true).append(true).open(file)?;
            file.write_all(&lines)?;
            file.sync_data()?;
        }
        let target = self.volume.resolve(&format!("{FOLDER}\\System.evtx"));
        self.volume.write_durably(target, &self.file_of(&events))?;
        Ok(record_id)
    }

    fn file_of(&self, events: &[Event]) -> Vec<u8> {
        let mut log = EventLog::new("System", lock(&self.computer).clone());
        events.iter().cloned().for_each(|event| log.push(event));
        log.to_bytes()
    }

    /// The events for which this holds, oldest first.
    #[must_use]
    pub fn query(&self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        lock(&self.events).iter().filter(|event| wanted(event)).cloned().collect()
    }

    /// These events as an `.evtx` file.
    #[must_use]
    pub fn export(&self, wanted: impl Fn(&Event) -> bool) -> Vec<u8> {
        self.file_of(&self.query(wanted))
    }

    /// An event as `wevtutil` prints it.
    #[must_use]
    pub fn to_xml(&self, event: &Event) -> String {
        standin_formats::evtx::to_xml(event, "System", &lock(&self.computer))
    }
}

fn rewrite(volume: &Volume, events: &[Event]) -> io::Result<()> {
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, event)?;
        lines.push(b'\n');
    }
    volume.write_durably(SystemLog::lines_file(volume), &lines)
}

/// Event 7045: a service was installed.
pub(crate) fn service_installed(log: &SystemLog, config: &crate::ServiceConfig) {
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
pub(crate) fn service_ended(log: &SystemLog, display_name: &str) {
    service_manager(log, 7034, 2, &[("param1", display_name), ("param2", "1")]);
}

/// An event of the service control manager. Best effort, as on Windows.
fn service_manager(log: &SystemLog, event_id: u16, level: u8, event_data: &[(&str, &str)]) {
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
        let log = SystemLog::load(&volume).unwrap();
        let event = |event_id| Event { provider: "EventLog".into(), event_id, level: 4, ..Event::default() };
        assert_eq!(log.append(event(6005)).unwrap(), 1);
        assert_eq!(log.append_all(vec![event(6006), event(6008)]).unwrap(), 3);
        let evtx = fs::read(volume.resolve(r"C:\Windows\System32\winevt\Logs\System.evtx")).unwrap();
        assert_eq!(&evtx[..8], b"ElfFile\0");
        let lines = SystemLog::lines_file(&volume);
        let mut file = OpenOptions::new().append(true).open(&lines).unwrap();
        file.write_all(br#"{"provider":"Ev"#).unwrap();
        let again = SystemLog::load(&volume).unwrap();
        assert_eq!(again.query(|it| it.event_id > 6005).len(), 2);
        assert_eq!(again.append(event(6009)).unwrap(), 4);
        assert_eq!(SystemLog::load(&volume).unwrap().query(|_| true).len(), 4);
    }
}
