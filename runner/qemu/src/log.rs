//! Logs that a hostile guest cannot fill the disk with: the beginning and the end are kept, the middle is counted.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a serial log kept from its beginning and from its end.
pub(crate) const SERIAL: Bounds = Bounds { head: 3 << 20, tail: 1 << 20 };
/// The same for what QEMU prints.
pub(crate) const QEMU: Bounds = Bounds { head: 256 << 10, tail: 256 << 10 };

/// How much of a log is kept, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) head: u64,
    pub(crate) tail: usize,
}

/// How long a quiet writer may keep its last bytes out of the file.
const QUIET: Duration = Duration::from_millis(250);
/// How much a busy writer may write before the end in the file is renewed.
const RENEW_AFTER: u64 = 1 << 20;
/// Bytes of the end that are looked at for somebody's last words.
const LAST_WORDS: usize = 4096;

/// A log file with a bounded size.
#[derive(Debug)]
pub(crate) struct BoundedLog {
    file: File,
    bounds: Bounds,
    /// Bytes that were ever added.
    seen: u64,
    head: u64,
    tail: VecDeque<u8>,
    left_out: u64,
    unsettled: u64,
    recent: VecDeque<u8>,
    failed: bool,
}

impl BoundedLog {
    /// Makes the file anew.
    pub(crate) fn create(path: &Path, bounds: Bounds) -> io::Result<Self> {
        let file = File::create(path)?;
        Ok(Self {
            file,
            bounds,
            seen: 0,
            head: 0,
            tail: VecDeque::new(),
            left_out: 0,
            unsettled: 0,
            recent: VecDeque::new(),
            failed: false,
        })
    }

    /// Adds bytes; what belongs to the end reaches the file with [`Self::settle`].
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seen += bytes.len() as u64;
        keep_last(&mut self.recent, bytes, LAST_WORDS);
        let room = usize::try_from(self.bounds.head - self.head).unwrap_or(usize::MAX).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.file.write_all(head)?;
        self.head += head.len() as u64;
        if !rest.is_empty() {
            self.left_out += keep_last(&mut self.tail, rest, self.bounds.tail);
            self.unsettled += rest.len() as u64;
        }
        if self.unsettled >= RENEW_AFTER { self.settle() } else { Ok(()) }
    }

    /// Writes the end behind the beginning.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        if self.unsettled == 0 {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.head))?;
        if self.left_out > 0 {
            write!(self.file, "\n[{} bytes left out here]\n", self.left_out)?;
        }
        let (first, second) = self.tail.as_slices();
        self.file.write_all(first)?;
        self.file.write_all(second)?;
        let end = self.file.stream_position()?;
        self.file.set_len(end)?;
        self.unsettled = 0;
        Ok(())
    }

    /// The last lines, printable, on one line.
    pub(crate) fn last_words(&self) -> String {
        let recent: Vec<u8> = self.recent.iter().copied().collect();
        let text = String::from_utf8_lossy(&recent);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("; ");
        last.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// Bytes that were ever added, whether or not the file still has them.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Forgets what was said so far, for the next speaker's last words.
    pub(crate) fn new_speaker(&mut self) {
        self.recent.clear();
    }
}

/// Pushes bytes and keeps the last `most`; tells how many fell out.
fn keep_last(into: &mut VecDeque<u8>, bytes: &[u8], most: usize) -> u64 {
    into.extend(bytes);
    let excess = into.len().saturating_sub(most);
    into.drain(..excess);
    excess as u64
}

/// A log that a task writes while others read its last words.
#[derive(Debug, Clone)]
pub(crate) struct SharedLog(Arc<Mutex<BoundedLog>>);

impl SharedLog {
    pub(crate) fn new(log: BoundedLog) -> Self {
        Self(Arc::new(Mutex::new(log)))
    }

    /// Works with the log. An error of the host's disk is reported once: a log must never stop a machine.
    pub(crate) fn with<T: Default>(&self, work: impl FnOnce(&mut BoundedLog) -> io::Result<T>) -> T {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut log).unwrap_or_else(|error| {
            if !log.failed {
                tracing::warn!(%error, "a machine's log cannot be written any more");
            }
            log.failed = true;
            T::default()
        })
    }

    pub(crate) fn last_words(&self) -> String {
        self.with(|log| Ok(log.last_words()))
    }

    pub(crate) fn seen(&self) -> u64 {
        self.with(|log| Ok(log.seen()))
    }

    /// Writes all that comes from `source` until it ends.
    pub(crate) async fn drink(self, mut source: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match tokio::time::timeout(QUIET, source.read(&mut buffer)).await {
                Err(_quiet) => self.with(BoundedLog::settle),
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(count)) => self.with(|log| log.append(buffer.get(..count).unwrap_or_default())),
            }
        }
        self.with(BoundedLog::settle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(folder: &Path) -> BoundedLog {
        BoundedLog::create(&folder.join("log"), Bounds { head: 10, tail: 6 }).unwrap()
    }

    #[test]
    fn beginning_and_end_are_kept_and_the_middle_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let read = || std::fs::read_to_string(folder.path().join("log")).unwrap();
        let mut log = log(folder.path());
        log.append(b"01234567").unwrap();
        assert_eq!(read(), "01234567");
        log.append(b"89abcdef").unwrap();
        log.settle().unwrap();
        assert_eq!(read(), "0123456789abcdef");
        log.append(b"ghijklmnopqrst").unwrap();
        log.settle().unwrap();
        assert_eq!(read(), "0123456789\n[14 bytes left out here]\nopqrst");
        log.settle().unwrap();
        assert_eq!(read(), "0123456789\n[14 bytes left out here]\nopqrst");
        assert_eq!(log.seen(), 30, "what is left out counts");
    }

    #[test]
    fn last_words_are_few_and_printable() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = log(folder.path());
        log.append(b"1\n2\n3\n\n4\n5\n6 \x1b[31mred\n").unwrap();
        assert_eq!(log.last_words(), "2; 3; 4; 5; 6  [31mred");
        log.new_speaker();
        assert_eq!(log.last_words(), "");
    }

    #[tokio::test]
    async fn a_flood_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let shared = SharedLog::new(BoundedLog::create(&path, Bounds { head: 1000, tail: 1000 }).unwrap());
        shared.drink(tokio::io::repeat(b'x').take(5 << 20)).await;
        assert!(std::fs::metadata(&path).unwrap().len() < 2100);
    }
}
