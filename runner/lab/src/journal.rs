//! The signs one machine gave, in order: written by its provider, read by the executor.

use std::sync::{Mutex, MutexGuard, PoisonError};

use coexist_model::{MachineEvent, MachineSign};
use tokio::sync::watch;

/// Append-only list of a machine's signs. Never loses one, never blocks its writer.
#[derive(Debug)]
pub struct Journal {
    signs: Mutex<Vec<MachineEvent>>,
    length: watch::Sender<usize>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { signs: Mutex::default(), length: watch::Sender::new(0) }
    }
}

impl Journal {
    fn signs(&self) -> MutexGuard<'_, Vec<MachineEvent>> {
        // A panic while the list is held leaves it whole: entries are only pushed.
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a sign.
    pub fn push(&self, event: MachineEvent) {
        let mut signs = self.signs();
        signs.push(event);
        self.length.send_replace(signs.len());
    }

    /// How many signs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.signs().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The signs from position `from` on.
    #[must_use]
    pub fn since(&self, from: usize) -> Vec<MachineEvent> {
        self.signs().get(from..).unwrap_or_default().to_vec()
    }

    /// Waits until there are more than `seen` signs.
    pub async fn more_than(&self, seen: usize) {
        let mut length = self.length.subscribe();
        // The sender lives as long as `self`: this cannot fail.
        let _ = length.wait_for(|length| *length > seen).await;
    }

    /// The sign of the machine's end, if it ended.
    #[must_use]
    pub fn end(&self) -> Option<MachineEvent> {
        self.signs().iter().rev().find(|event| matches!(event.what, MachineSign::Exited { .. })).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiter_sees_what_came_before_it_waited() {
        let journal = Journal::default();
        let at = jiff::Timestamp::UNIX_EPOCH;
        journal.push(MachineEvent { at, what: MachineSign::Started });
        journal.more_than(0).await;
        assert_eq!(journal.since(0).len(), 1);
        assert!(journal.since(5).is_empty());
        assert!(journal.end().is_none());
        journal.push(MachineEvent { at, what: MachineSign::Exited { status: "0".to_owned() } });
        assert!(journal.end().is_some());
    }
}
