//! Whether a machine gets on while its guest does not answer. Pure.
//!
//! A number that differs from the one before, or a picture that was never seen before, is progress; a picture that comes
//! back (a cursor that blinks, a ring of dots) is none.

use std::collections::BTreeSet;
use std::time::Duration;

use coexist_lab::Activity;

/// Between two looks. A look costs the machine a picture of its screen.
pub(crate) const LOOK: Duration = Duration::from_secs(5);
/// What moved this long ago moves still: work comes in bursts, and looks see it late.
pub(crate) const MOVES: Duration = Duration::from_secs(30);
/// What has not moved for this long stands still. A Windows that runs writes to its disk far more often than this, if
/// only its registry and its logs [K].
pub(crate) const STANDS: Duration = Duration::from_secs(60);
/// A system that runs does something in this many of the last [`REMEMBERED`] looks, if not in each; one that stopped may
/// still have a burst of its disk's cache to write.
const WORKS: u32 = 3;
/// Looks of which each is remembered, a bit for one.
const REMEMBERED: u32 = 6;
/// And in one of as many of the very last: what worked while it started and then stopped has done nothing in these.
const LATELY: u32 = 2;
/// Most pictures that are remembered.
const PICTURES: usize = 256;

/// What of a machine can move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Disk,
    Console,
    Screen,
}

impl Part {
    const ALL: [Self; 3] = [Self::Disk, Self::Console, Self::Screen];

    fn moved(self) -> &'static str {
        match self {
            Self::Disk => "its disk worked",
            Self::Console => "its console wrote",
            Self::Screen => "its screen changed",
        }
    }
}

/// The looks at one machine during one wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// When to look next.
    pub(crate) due: Duration,
    /// First look and last one.
    looks: Option<(Duration, Duration)>,
    last: Activity,
    pictures: BTreeSet<String>,
    disk: Option<Duration>,
    console: Option<Duration>,
    screen: Option<Duration>,
    /// In which of the last looks the disk or the console had moved, the newest in the lowest bit.
    worked: u8,
}

impl Progress {
    /// Of a wait that begins now: what is over before the first look costs nothing.
    pub(crate) fn begun(now: Duration) -> Self {
        Self { due: now + LOOK, ..Self::default() }
    }

    /// Adds a look, or that the machine does not say.
    pub(crate) fn see(&mut self, now: Duration, activity: Option<Activity>) {
        self.due = now + LOOK;
        let Some(activity) = activity else { return };
        let before = std::mem::replace(&mut self.last, activity);
        let new_picture = self
            .last
            .screen
            .clone()
            .is_some_and(|picture| self.pictures.len() < PICTURES && self.pictures.insert(picture));
        let Some((first, _)) = self.looks else {
            self.looks = Some((now, now));
            return;
        };
        self.looks = Some((first, now));
        let moved = |moved: bool, at: Option<Duration>| if moved { Some(now) } else { at };
        let disk = self.last.disk_operations != before.disk_operations;
        let console = self.last.console_bytes != before.console_bytes;
        self.worked = (self.worked << 1 | u8::from(disk || console)) & ((1 << REMEMBERED) - 1);
        self.disk = moved(disk, self.disk);
        self.console = moved(console, self.console);
        self.screen = moved(new_picture, self.screen);
    }

    fn moved(&self, part: Part) -> Option<Duration> {
        match part {
            Part::Disk => self.disk,
            Part::Console => self.console,
            Part::Screen => self.screen,
        }
    }

    /// Whether anything of the machine has moved within this time.
    pub(crate) fn moved_within(&self, time: Duration, now: Duration) -> bool {
        Part::ALL.into_iter().any(|part| self.moved(part).is_some_and(|at| now.saturating_sub(at) < time))
    }

    /// Whether the machine goes on working: a picture alone may be one that firmware paints.
    pub(crate) fn works(&self, now: Duration) -> bool {
        let recently = self.recently(Part::Disk, now) || self.recently(Part::Console, now);
        let lately = self.worked & ((1 << LATELY) - 1) != 0;
        recently && lately && self.worked.count_ones() >= WORKS
    }

    fn recently(&self, part: Part, now: Duration) -> bool {
        self.moved(part).is_some_and(|at| now.saturating_sub(at) < MOVES)
    }

    /// Since when all that can be seen has stood still; none where nothing was seen, or not often enough.
    pub(crate) fn still_for(&self, now: Duration) -> Option<Duration> {
        let (first, last) = self.looks.filter(|(first, last)| first != last)?;
        // A machine that stopped telling stood still, as far as that goes, at the last look.
        let now = now.min(last + LOOK * 2);
        let moved = Part::ALL.into_iter().filter_map(|part| self.moved(part)).max();
        Some(now.saturating_sub(moved.unwrap_or(first)))
    }

    /// Whether the same picture is shown, and there is one.
    pub(crate) fn shows_one_picture_for(&self, now: Duration, time: Duration) -> bool {
        self.last.screen.is_some() && self.still_for(now).is_some_and(|still| still >= time)
    }

    /// What moved last, or that nothing does: a clause to follow others, with its separator; empty where nothing was seen.
    pub(crate) fn words(&self, now: Duration) -> String {
        let Some(still) = self.still_for(now) else { return String::new() };
        let moved: Vec<_> = Part::ALL
            .into_iter()
            .filter(|part| self.recently(*part, now))
            .filter_map(|part| Some(format!("{} {} s before", part.moved(), seconds(now, self.moved(part)?))))
            .collect();
        if moved.is_empty() {
            return format!(
                "; for {} s there was no new picture, no console output and no work of its disk",
                still.as_secs()
            );
        }
        format!("; {}", moved.join(", "))
    }
}

fn seconds(now: Duration, at: Duration) -> u64 {
    now.saturating_sub(at).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn look(screen: &str, console_bytes: u64, disk_operations: u64) -> Option<Activity> {
        Some(Activity { screen: Some(screen.to_owned()), console_bytes, disk_operations })
    }

    fn seen(looks: &[(u64, Option<Activity>)]) -> Progress {
        let mut progress = Progress::begun(Duration::ZERO);
        for (now, activity) in looks {
            progress.see(at(*now), activity.clone());
        }
        progress
    }

    #[test]
    fn what_moved_last_is_told() {
        let progress =
            seen(&[(5, look("a", 0, 7)), (10, look("a", 0, 9)), (15, look("b", 0, 9)), (20, look("a", 0, 9))]);
        assert!(progress.moved_within(MOVES, at(44)), "the screen did");
        assert!(!progress.moved_within(MOVES, at(45)), "the picture that came back is no new one");
        assert!(!progress.works(at(21)), "the disk did something once");
        assert_eq!(progress.still_for(at(20)), Some(at(5)));
        assert_eq!(progress.words(at(21)), "; its disk worked 11 s before, its screen changed 6 s before");
        assert!(progress.words(at(60)).contains("no new picture"), "{}", progress.words(at(60)));
    }

    #[test]
    fn what_goes_on_working_does_something_at_most_looks() {
        let works = |operations: &[u64]| {
            let looks: Vec<_> = (1..).zip(operations).map(|(n, done)| (5 * n, look("a", 0, *done))).collect();
            seen(&looks).works(at(looks.last().unwrap().0))
        };
        assert!(works(&[1, 2, 3, 4, 5, 6, 7, 8]));
        assert!(works(&[1, 2, 2, 3, 3, 4, 4]));
        assert!(!works(&[1, 2, 3, 4, 5, 5, 5, 5, 5]), "it worked while it started");
        assert!(!works(&[1, 2, 3, 4, 5, 5, 5]), "and stopped just before the end");
        assert!(!works(&[1, 1, 1, 1, 1, 1, 90, 100]), "a burst");
        assert!(
            seen(&[(5, look("a", 0, 1)), (10, look("a", 3, 1)), (15, look("a", 9, 2)), (20, look("a", 9, 3))])
                .works(at(20))
        );
    }

    #[test]
    fn a_machine_that_does_not_tell_neither_moves_nor_stands() {
        for looks in [vec![], vec![(5, None), (10, None)], vec![(5, look("a", 0, 0))]] {
            let progress = seen(&looks);
            assert!(!progress.moved_within(MOVES, at(100)));
            assert_eq!(progress.still_for(at(100)), None);
            assert_eq!(progress.words(at(100)), "");
        }
        let silent_since = seen(&[(5, look("a", 0, 0)), (10, look("a", 0, 0))]);
        assert_eq!(silent_since.still_for(at(900)), Some(at(15)), "what was not looked at stood still for no longer");
        assert!(!silent_since.shows_one_picture_for(at(900), STANDS));
    }

    #[test]
    fn pictures_without_end_are_not_remembered_without_end() {
        let mut progress = Progress::begun(Duration::ZERO);
        for n in 0..2_000_u64 {
            progress.see(at(n), look(&n.to_string(), 0, 0));
        }
        assert_eq!(progress.pictures.len(), PICTURES);
        assert!(!progress.moved_within(MOVES, at(2_000)), "a picture that never rests says nothing in the end");
    }
}
