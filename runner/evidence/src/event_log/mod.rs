//! Windows event logs (`.evtx`), read as the boots they tell of.
//!
//! ```text
//! file ─► chunks ─► records (crate evtx) ─► signs ─► boots ─► BootHistory
//!         chunks.rs  record.rs                        sections.rs, boots.rs
//! ```
//!
//! Chunks and records are told by record number, never by time: a clock that was set changes nothing. Only events of the
//! System channel count, each by provider *and* number: 1001 is a bugcheck from one provider and a program's crash from
//! another. A damaged place costs the records in it, leaves a note with the chunk's number, and makes what rests on
//! those records unknown.

mod boots;
mod chunks;
mod record;
mod sections;

use std::collections::BTreeMap;
use std::io::{self, Read, Seek};

use coexist_model::BootHistory;
use jiff::Timestamp;

use chunks::{Chunk, Chunks};
use record::{Sign, What};

use crate::guard::guarded;

/// First bytes of every event log.
pub(crate) const SIGNATURE: &[u8] = b"ElfFile\0";

/// The one channel that tells of boots.
const SYSTEM: &str = "System";
/// Notes kept of one log; further ones would only repeat that it is damaged.
const MAX_NOTES: usize = 32;
/// Names of channels or computers that are told apart; a real System log has one, or two after a rename.
const MAX_NAMES: usize = 8;
/// Signs kept: a boot leaves about ten, so this is thousands of boots.
const MAX_SIGNS: usize = 100_000;

/// What reading a log may cost, in bytes of text that its records unfold to. A real log's records unfold to about as much
/// as they take in the file, of which 256 MiB are read; but records share their chunk's templates, and a crafted chunk
/// unfolds to 64 MiB.
const MAX_COST: u64 = 2 << 30;
/// What a chunk costs in which something cannot be read: the crate gives up after much work that leaves no text.
const COST_OF_FAILURE: u64 = 4 << 20;

/// Records that a boot begins with at least (12, 6009, 6005): fewer missing ones cannot hold another boot.
const BEGINNING: u64 = 3;

/// Why bytes give no facts at all.
#[derive(Debug, thiserror::Error)]
pub enum EventLogError {
    /// The signature is missing.
    #[error("not an event log")]
    NotALog,
    /// The source could not be read.
    #[error("reading the event log")]
    Read(#[from] io::Error),
}

/// Reads the boots that a log tells of. Holds one chunk of 64 KiB at a time, and of very large logs only the newest part.
///
/// # Errors
/// Only where the source is no event log or cannot be read at all; damage is a note beside the facts that remain.
pub fn read_event_log(source: &mut (impl Read + Seek)) -> Result<BootHistory, EventLogError> {
    read_within(source, MAX_COST)
}

fn read_within(source: &mut (impl Read + Seek), cost: u64) -> Result<BootHistory, EventLogError> {
    let mut reading = Reading { left: cost, ..Reading::default() };
    let mut chunks = Chunks::open(source)?;
    for oddity in std::mem::take(&mut chunks.oddities) {
        reading.damaged = true;
        reading.note(oddity);
    }
    if let Some(dropped) = chunks.dropped {
        reading.note(format!("the log is longer than is read: its oldest {dropped} chunks were left out"));
        reading.damaged = true;
    }
    for place in std::mem::take(&mut chunks.places) {
        if reading.left == 0 {
            reading
                .damage(format!("chunk {} and those after it are not read: the log unfolds to too much", place.number));
            break;
        }
        reading.guarded(place.number, |reading| match chunks.read(place) {
            Ok(chunk) => reading.chunk(chunk),
            Err(why) => reading.damage(format!("chunk {}: {why}", place.number)),
        });
    }
    reading.open_end |= chunks.truncated;
    Ok(reading.finish())
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    /// What may still be spent of [`MAX_COST`].
    left: u64,
    signs: Vec<Sign>,
    records: u64,
    first_record: Option<u64>,
    last_record: Option<u64>,
    last_event: Option<Timestamp>,
    channels: Names,
    computers: Names,
    /// Logs that somebody cleared.
    cleared: Names,
    /// Whether a computer's name came again after another's.
    mixed: bool,
    damaged: bool,
    /// Whether there were more than [`MAX_SIGNS`].
    overflown: bool,
    /// Whether records may be missing behind the last one read.
    open_end: bool,
    notes: Vec<String>,
    more_notes: usize,
}

impl Reading {
    fn note(&mut self, text: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(text);
        } else {
            self.more_notes += 1;
        }
    }

    /// Something could not be read: records may be missing, which the next record's number tells.
    fn damage(&mut self, text: String) {
        self.damaged = true;
        self.open_end = true;
        self.note(text);
    }

    /// Reads a chunk with the crate, which checks most of what it reads: a panic of it costs the rest of the chunk.
    fn guarded(&mut self, chunk: u64, read: impl FnOnce(&mut Self)) {
        if guarded(|| read(self)).is_none() {
            self.damage(format!("chunk {chunk}: not read to its end, the library that reads it failed"));
        }
    }

    fn lose(&mut self, record: u64, what: What) {
        let computer = self.computers.newest;
        self.sign(Sign { record, at: None, computer, what });
    }

    fn sign(&mut self, sign: Sign) {
        if self.signs.len() < MAX_SIGNS {
            self.signs.push(sign);
        } else if !std::mem::replace(&mut self.overflown, true) {
            self.damaged = true;
            self.note(format!("record {}: more boots than are told; the later ones are left out", sign.record));
        }
    }

    fn chunk(&mut self, mut chunk: Chunk) {
        let number = chunk.number;
        if chunk.late > 0 {
            self.note(format!("chunk {number}: {} records that its header does not know of yet", chunk.late));
        }
        let (mut first_failure, mut failures) = (None, 0_usize);
        chunk.each_record(|record| match record {
            Ok(record) => {
                self.left = self.left.saturating_sub(record.unfolded);
                self.record(record);
            }
            Err(why) => {
                self.open_end = true;
                first_failure.get_or_insert(why);
                failures += 1;
            }
        });
        if let Some(oddity) = chunk.oddity {
            self.damage(format!("chunk {number}: {oddity}"));
        }
        if let Some(why) = first_failure {
            self.left = self.left.saturating_sub(COST_OF_FAILURE);
            self.damaged = true;
            let more = if failures > 1 { format!(" ({failures} such places)") } else { String::new() };
            self.note(format!("chunk {number}: {why}{more}"));
        }
    }

    fn record(&mut self, record: record::Record) {
        self.records += 1;
        match self.last_record {
            Some(last) if record.number == last.wrapping_add(1) => {}
            Some(last) if record.number > last => {
                self.damaged = true;
                self.note(format!("records {} to {} are missing", last + 1, record.number - 1));
                if record.number - last > BEGINNING {
                    self.lose(record.number, What::Lost);
                }
            }
            Some(last) => {
                self.damaged = true;
                self.note(format!("record {} comes after record {last}", record.number));
            }
            None => {}
        }
        self.first_record.get_or_insert(record.number);
        self.last_record = Some(record.number);
        self.open_end = false;
        if !record.channel.is_empty() {
            self.channels.see(&record.channel);
        }
        if record.channel != SYSTEM {
            return;
        }
        let before = self.computers.newest;
        let known = self.computers.names.len();
        let computer = self.computers.see(&first_label(&record.computer));
        self.mixed |= computer != before && self.computers.names.len() == known;
        self.last_event = record.at;
        if let Some(cleared) = record.cleared {
            self.cleared.see(&cleared);
        }
        if let Some(what) = record.what {
            self.sign(Sign { record: record.number, at: record.at, computer, what });
        }
    }

    fn finish(mut self) -> BootHistory {
        self.tell_origin();
        if self.open_end {
            self.lose(self.last_record.unwrap_or_default(), What::LostEnd);
        }
        let mut signs = std::mem::take(&mut self.signs);
        if self.mixed {
            let main = self.computers.most();
            signs.retain(|sign| sign.computer == main || matches!(sign.what, What::Lost | What::LostEnd));
            let others = self.computers.names.len().saturating_sub(1);
            let name = self.computers.name(main);
            self.note(format!("records of several computers: the boots are those of {name}, not of {others} others"));
        }
        let system = self.channels.names.contains_key(SYSTEM);
        let first = self.first_record.filter(|_| system);
        let told = first.map(|first| boots::boots(&signs, first, self.last_record.unwrap_or(first)));
        let told = told.unwrap_or_default();
        for note in told.notes {
            self.note(note);
        }
        if self.more_notes > 0 {
            self.notes.push(format!("and {} more notes", self.more_notes));
        }
        BootHistory { boots: told.boots, last_event: self.last_event, damaged: self.damaged, notes: self.notes }
    }

    fn tell_origin(&mut self) {
        if self.records == 0 {
            self.note("the log holds no record".to_owned());
            return;
        }
        for (name, (_, times)) in std::mem::take(&mut self.cleared.names) {
            let times = if times == 1 { String::new() } else { format!(" {times} times") };
            self.note(format!("the log {name} was cleared{times}"));
        }
        let others: Vec<&str> = self.channels.names.keys().map(String::as_str).filter(|name| *name != SYSTEM).collect();
        if others.is_empty() {
            return;
        }
        let list = others.join(", ");
        self.note(if self.channels.names.contains_key(SYSTEM) {
            format!("records of other channels, which tell of no boots: {list}")
        } else {
            format!("a log of {list}: only the System log tells of boots")
        });
    }
}

/// What a computer is told by: a member of a domain names itself with the domain in most records, without it in some.
fn first_label(computer: &str) -> String {
    computer.split('.').next().unwrap_or_default().to_uppercase()
}

/// A few names, how often each was seen, and which was seen last.
#[derive(Default)]
struct Names {
    names: BTreeMap<String, (usize, u64)>,
    newest: usize,
}

impl Names {
    /// The name's index. All names beyond [`MAX_NAMES`] count as one.
    fn see(&mut self, name: &str) -> usize {
        let next = self.names.len();
        let known = self.names.contains_key(name);
        let key = if known || next < MAX_NAMES { name } else { "…" };
        let (index, count) = self.names.entry(key.to_owned()).or_insert((next, 0));
        *count += 1;
        self.newest = *index;
        self.newest
    }

    fn most(&self) -> usize {
        self.names.values().max_by_key(|(_, count)| *count).map_or(0, |(index, _)| *index)
    }

    fn name(&self, wanted: usize) -> &str {
        self.names.iter().find(|(_, (index, _))| *index == wanted).map_or("", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use standin_formats::evtx::{Event, EventLog};

    use super::*;

    /// Three chunks of a System log with one boot in it.
    fn log() -> Vec<u8> {
        let mut log = EventLog::new(SYSTEM, "LAB-1");
        for record_id in 1..=600 {
            let event_id = if record_id == 1 { 6005 } else { 7036 };
            let provider = "EventLog".to_owned();
            log.push(Event { provider, event_id, level: 4, time: 1 << 56, record_id, ..Event::default() });
        }
        log.to_bytes()
    }

    #[test]
    fn a_log_that_unfolds_to_too_much_is_left() {
        let whole = read_within(&mut Cursor::new(log()), MAX_COST).unwrap();
        assert!(!whole.damaged, "{:?}", whole.notes);
        let cut = read_within(&mut Cursor::new(log()), 1000).unwrap();
        assert_eq!(cut.notes, ["chunk 1 and those after it are not read: the log unfolds to too much"]);
        assert_eq!((cut.damaged, cut.boots.len(), cut.boots[0].ended), (true, 1, None));
    }

    #[test]
    fn a_failure_of_the_library_costs_one_chunk() {
        let mut reading = Reading::default();
        reading.guarded(7, |_| panic!("as a library would"));
        assert!(reading.damaged && reading.open_end);
        assert_eq!(reading.notes, ["chunk 7: not read to its end, the library that reads it failed"]);
    }
    /// As the log of a server had it, from the image it was made from to its domain.
    #[test]
    fn a_computer_that_was_renamed_is_no_other_one() {
        let mixed = |computers: &[&str]| {
            let mut reading = Reading::default();
            for (number, computer) in (1..).zip(computers) {
                let computer = (*computer).to_owned();
                reading.record(record::Record { number, computer, ..record::Record::of(SYSTEM) });
            }
            reading.mixed
        };
        assert!(!mixed(&["37L4247F27", "WIN-1", "WIN-1.lab.example", "DC1.lab.example", "DC1", "dc1.lab.example"]));
        assert!(mixed(&["DC1.lab.example", "DC2.lab.example", "DC1.lab.example"]));
    }
}
