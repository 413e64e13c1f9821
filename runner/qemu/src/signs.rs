//! What goes into a machine's journal, bounded: a hostile guest can reset and panic as fast as it likes.

use std::sync::{Arc, Mutex, PoisonError};

use coexist_lab::{Clock, Journal};
use coexist_model::{MachineEvent, MachineSign};
use jiff::Timestamp;

/// Most signs that one machine may leave, other than its end. A guest that resets every second for a day stays below it.
const MOST: usize = 100_000;

/// Writes a machine's signs.
pub(crate) struct Signs {
    journal: Arc<Journal>,
    clock: Arc<dyn Clock>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    last: Option<MachineSign>,
    count: usize,
}

impl Signs {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { journal: Arc::default(), clock, written: Mutex::default() }
    }

    pub(crate) fn journal(&self) -> Arc<Journal> {
        Arc::clone(&self.journal)
    }

    /// Whether the machine's last pause since it was powered on was for lack of room on the host's disk.
    pub(crate) fn paused_for_room(&self) -> bool {
        let told = self.journal.since(0);
        let last = told.iter().rev().find(|it| matches!(it.what, MachineSign::Started | MachineSign::Paused { .. }));
        matches!(last, Some(MachineEvent { what: MachineSign::Paused { host_full: true, .. }, .. }))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn push(&self, what: MachineSign) {
        self.push_at(self.now(), what);
    }

    /// Writes a sign that was seen at `at`. A panic told twice in a row is one (both panic devices tell it), and beyond
    /// [`MOST`] only the end is written.
    pub(crate) fn push_at(&self, at: Timestamp, what: MachineSign) {
        let panic = matches!(what, MachineSign::Panicked { .. } | MachineSign::CrashLoaded);
        let end = matches!(what, MachineSign::Exited { .. } | MachineSign::Shutdown { .. });
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if panic && written.last.as_ref() == Some(&what) {
            return;
        }
        written.count += 1;
        if written.count == MOST {
            tracing::warn!("the guest gives too many signs: no more are recorded");
        }
        if written.count < MOST || end {
            written.last = Some(what.clone());
            self.journal.push(MachineEvent { at, what });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_panics_are_one_and_floods_end() {
        let signs = Signs::new(Arc::new(coexist_lab::SystemClock::default()));
        let reset = MachineSign::Reset { guest: true, reason: None };
        for _ in 0..1000 {
            signs.push(MachineSign::CrashLoaded);
            signs.push(MachineSign::CrashLoaded);
        }
        assert_eq!(signs.journal().len(), 1);
        for _ in 0..MOST {
            signs.push(reset.clone());
        }
        signs.push(MachineSign::Exited { status: "exit code 0".to_owned() });
        assert_eq!(signs.journal().len(), MOST);
        assert!(signs.journal().end().is_some());
    }
}
