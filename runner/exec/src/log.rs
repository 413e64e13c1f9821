//! `events.jsonl`: appended line by line, readable after a crash of the coordinator at any moment.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use coexist_model::{Event, Happening};

use crate::Sink;

/// Bytes set aside in the run's folder, so that the record and the reports can still be written when something else
/// fills the disk.
const RESERVE: usize = 4 << 20;

/// Longest line that is read back. A plan of thousands of cells fits many times.
const LONGEST_LINE: u64 = 256 << 20;

/// Why an event log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system said no.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line in the middle is no event.
    #[error("{}:{line}: not an event of this version: {reason}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, 1-based.
        line: usize,
        /// Why.
        reason: String,
    },
}

/// Writes `events.jsonl`. Lines that find the disk full are kept and written once there is room.
pub struct EventLog {
    path: PathBuf,
    reserve: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// What could not be written yet.
    pending: Vec<u8>,
    /// What stands in the way of the pending lines.
    blocked: Option<io::Error>,
    /// The first sync that failed: what was written before it may be lost, whatever later ones say.
    unsynced: Option<io::Error>,
}

impl State {
    fn sync(&mut self) {
        if let Err(error) = self.file.sync_data() {
            self.unsynced.get_or_insert(error);
        }
    }
}

impl EventLog {
    /// Creates the log in an existing folder.
    ///
    /// # Errors
    /// When the file exists already or cannot be made.
    pub fn create(path: &Path) -> Result<Self, LogError> {
        let reserve = path.with_extension("reserve");
        let wrap = |source| LogError::File { path: path.to_owned(), source };
        let file = OpenOptions::new().create_new(true).append(true).open(path).map_err(wrap)?;
        // Real bytes, not a hole: a sparse file reserves nothing.
        std::fs::write(&reserve, vec![0x5a; RESERVE]).map_err(wrap)?;
        Ok(Self {
            path: path.to_owned(),
            reserve,
            state: Mutex::new(State { file, pending: Vec::new(), blocked: None, unsynced: None }),
        })
    }

    /// Writes what is pending, syncs, and gives the reserve back.
    ///
    /// # Errors
    /// When a line could not be written to the end.
    pub fn finish(&self) -> Result<(), LogError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.release_reserve();
        self.write_pending(&mut state);
        state.sync();
        match state.blocked.take().or(state.unsynced.take()) {
            None => Ok(()),
            Some(source) => Err(LogError::File { path: self.path.clone(), source }),
        }
    }

    /// Gives the reserve back, so that reports find room.
    pub fn release_reserve(&self) {
        let _ = std::fs::remove_file(&self.reserve);
    }

    fn write_pending(&self, state: &mut State) {
        state.blocked = None;
        while !state.pending.is_empty() {
            match state.file.write(&state.pending) {
                Ok(written) => drop(state.pending.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull && self.reserve.exists() => {
                    self.release_reserve();
                }
                Err(error) => {
                    state.blocked = Some(error);
                    return;
                }
            }
        }
    }
}

impl Sink for EventLog {
    fn see(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(mut line) = serde_json::to_vec(event) {
            line.push(b'\n');
            state.pending.append(&mut line);
        }
        self.write_pending(&mut state);
        if matches!(
            event.what,
            Happening::RunStarted { .. }
                | Happening::ArmAbandoned { .. }
                | Happening::ArmEnded { .. }
                | Happening::RunEnded { .. }
        ) {
            state.sync();
        }
    }
}

/// Reads an event log back. A torn last line, as a killed coordinator leaves it, is passed over.
///
/// # Errors
/// When the file cannot be read, or a line before the last is no event.
pub fn read_log(path: &Path) -> Result<Vec<Event>, LogError> {
    let wrap = |source| LogError::File { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(wrap)?);
    let mut events = Vec::new();
    for line in 1.. {
        let mut text = Vec::new();
        io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut text).map_err(wrap)?;
        if text.last() != Some(&b'\n') {
            break; // the end, or a line that was never finished
        }
        let event = serde_json::from_slice(&text).map_err(|error| LogError::Line {
            path: path.to_owned(),
            line,
            reason: error.to_string(),
        })?;
        events.push(event);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use coexist_model::{CellId, Ending};

    use super::*;

    fn event(cell: &str) -> Event {
        Event { at: jiff::Timestamp::UNIX_EPOCH, what: Happening::CellStarted { cell: CellId::from(cell) } }
    }

    #[test]
    fn a_torn_last_line_is_passed_over_and_a_torn_middle_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let log = EventLog::create(&path).unwrap();
        log.see(&event("a"));
        log.see(&event("b"));
        log.see(&Event { at: jiff::Timestamp::UNIX_EPOCH, what: Happening::RunEnded { ending: Ending::Completed } });
        log.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the reserve is gone");
        assert!(EventLog::create(&path).is_err(), "a record is never overwritten");

        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read_log(&path).unwrap().len(), 3);
        std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        assert_eq!(read_log(&path).unwrap(), [event("a"), event("b")]);
        std::fs::write(&path, [b"{\n".as_slice(), &whole].concat()).unwrap();
        assert!(matches!(read_log(&path), Err(LogError::Line { line: 1, .. })));
    }
}
