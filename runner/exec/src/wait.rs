//! What a wait for a guest has seen so far.

use std::time::Duration;

use coexist_lab::Unanswered;

use crate::progress::{LOOK, MOVES, Progress};
use crate::stop::{Stop, meaning_of};

/// The first knock may take this long; an emulated guest under load needs seconds for a key exchange.
const KNOCK: Duration = Duration::from_secs(30);

/// What a wait has seen so far.
pub(crate) struct Wait {
    pub(crate) begun: Duration,
    /// Since when nothing has answered: the beginning, or the old boot's last answer.
    pub(crate) quiet_since: Duration,
    pub(crate) last: Unanswered,
    /// How often a knock met silence.
    pub(crate) silences: u32,
    /// Since when the guest has refused without a break.
    pub(crate) refused_since: Option<Duration>,
    /// What decides the wait if it stays, and since when.
    pub(crate) meaning_since: Option<(Stop, Duration)>,
    /// Since when the old boot has answered without a break: one that falls silent is judged as the silence it is.
    pub(crate) old_boot_since: Option<Duration>,
    /// What its machine did meanwhile.
    pub(crate) progress: Progress,
}

impl Wait {
    pub(crate) fn new(begun: Duration) -> Self {
        Self {
            begun,
            quiet_since: begun,
            last: Unanswered::Silent,
            silences: 0,
            refused_since: None,
            meaning_since: None,
            old_boot_since: None,
            progress: Progress::begun(begun),
        }
    }

    /// How long the guest has at this moment, of which the plan gives it `deadline`: half as much again while its machine
    /// still moves and nothing better explains its silence.
    pub(crate) fn allowed(&self, deadline: Duration, now: Duration) -> Duration {
        let silent = matches!(self.last, Unanswered::Silent | Unanswered::Broken(_)) && self.meaning_since.is_none();
        let over = now.saturating_sub(self.begun) >= deadline;
        // A short deadline is not stretched for what moved in its first half.
        let lately = MOVES.min(deadline / 4).max(LOOK * 2);
        if over && silent && self.progress.moved_within(lately, now) { deadline + deadline / 2 } else { deadline }
    }

    /// The old boot has answered: whatever the knocks before it meant is over.
    pub(crate) fn see_old_boot(&mut self, now: Duration) {
        self.old_boot_since.get_or_insert(now);
        self.quiet_since = now;
        self.refused_since = None;
        self.meaning_since = None;
    }

    /// What the knocks mean once they have meant it for `patience`.
    pub(crate) fn take_meaning(&mut self, now: Duration, patience: Duration) -> Option<Stop> {
        let (_, since) = self.meaning_since.as_ref()?;
        let long_enough = now.saturating_sub(*since) >= patience;
        if long_enough { self.meaning_since.take().map(|(meaning, _)| meaning) } else { None }
    }

    pub(crate) fn see(&mut self, knock: Unanswered, now: Duration) {
        self.old_boot_since = None;
        self.refused_since = match knock {
            Unanswered::Refused => self.refused_since.or(Some(now)),
            _ => None,
        };
        let same = std::mem::discriminant(&knock) == std::mem::discriminant(&self.last);
        let since = self.meaning_since.take().filter(|_| same).map_or(now, |(_, since)| since);
        self.meaning_since = meaning_of(&knock).map(|meaning| (meaning, since));
        self.silences += u32::from(knock == Unanswered::Silent);
        self.last = knock;
    }

    /// How long the next knock may take: longer after each silence, for a guest whose SSH service greets late.
    pub(crate) fn patience(&self) -> Duration {
        KNOCK * 2_u32.pow(self.silences.min(5))
    }
}
