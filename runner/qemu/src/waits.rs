//! How long a machine's QEMU, and what helps it, is waited for.

use std::time::Duration;

use coexist_lab::memory_dump_time;
use coexist_model::Pace;

/// Every wait of a machine, as long as the host needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waits {
    /// For an answer on the control socket, before QEMU counts as hung.
    pub(crate) answer: Duration,
    /// For QEMU's word whether its machine runs. It takes milliseconds, guest or no guest.
    pub(crate) check: Duration,
    /// For an answer once QEMU has left a question unanswered: evidence and the end of a machine that hangs must not each
    /// wait in full again.
    pub(crate) doubt: Duration,
    /// For QEMU's word that it will end.
    pub(crate) quit: Duration,
    /// For QEMU's end by itself: it was told to, or its control socket broke.
    pub(crate) end: Duration,
    /// For its end after SIGTERM.
    pub(crate) end_by_term: Duration,
    /// For its end after SIGKILL.
    pub(crate) end_by_kill: Duration,
    /// For the end of a QEMU that closed its control socket, before its machine is given up.
    pub(crate) closed: Duration,
    /// For the end of what a dead QEMU left in its sockets.
    pub(crate) last_words: Duration,
    /// For an empty overlay. It takes tens of milliseconds; a disk that is busy may be slower.
    pub(crate) overlay: Duration,
    /// For `test`, which says what another user may do with a file.
    pub(crate) test: Duration,
    /// By which all of them are stretched.
    pub(crate) pace: Pace,
}

impl Waits {
    /// On a host of this pace, where `answer` is planned for an answer.
    pub(crate) fn at_pace(answer: Duration, pace: Pace) -> Self {
        let seconds = |planned| pace.stretch(Duration::from_secs(planned));
        Self {
            answer: pace.stretch(answer),
            check: seconds(5),
            doubt: seconds(2),
            quit: seconds(3),
            end: seconds(5),
            end_by_term: seconds(3),
            end_by_kill: seconds(10),
            closed: seconds(10),
            last_words: seconds(2),
            overlay: seconds(60),
            test: seconds(10),
            pace,
        }
    }

    /// For a dump of the memory of a machine that has this many MiB.
    pub(crate) fn whole_dump(&self, memory_mib: u32) -> Duration {
        self.pace.stretch(memory_dump_time(memory_mib))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(waits: Waits) -> [Duration; 12] {
        // Named one by one, so that a new one cannot be forgotten.
        let Waits {
            answer,
            check,
            doubt,
            quit,
            end,
            end_by_term,
            end_by_kill,
            closed,
            last_words,
            overlay,
            test,
            pace: _,
        } = waits;
        let dump = waits.whole_dump(4096);
        [answer, check, doubt, quit, end, end_by_term, end_by_kill, closed, last_words, overlay, test, dump]
    }

    #[test]
    fn every_wait_is_as_much_longer_as_the_host_is_slower() {
        let at = |pace| Waits::at_pace(Duration::from_secs(20), pace);
        let planned = at(Pace::AS_PLANNED);
        assert_eq!(planned.answer, Duration::from_secs(20));
        assert!(planned.doubt < planned.quit && planned.quit < planned.answer, "a doubt shortens every question");
        let slow = at(Pace::measured(Duration::from_secs(3), Duration::from_secs(1)));
        for (planned, slow) in all(planned).into_iter().zip(all(slow)) {
            assert_eq!(slow, planned * 3);
        }
        assert_eq!(planned.whole_dump(4096), Duration::from_secs(30 + 256));
    }
}
