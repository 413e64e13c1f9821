//! The clock: evidence is placed in time by it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::finding::Finding;

/// The clock may be set this much while it is looked at: adjtime(3) slews, and the two clocks are read one after another.
const SLEW: Duration = Duration::from_millis(100);
/// A file may be this much newer than now: file systems round, and servers of files have clocks of their own.
const ROUNDING: Duration = Duration::from_secs(60);

/// Both clocks at one moment.
pub(super) struct Moment {
    real: SystemTime,
    monotonic: Instant,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { real: SystemTime::now(), monotonic: Instant::now() }
    }
}

/// What keeps the clock right.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Keeper {
    /// It says that the clock is right.
    Right(&'static str),
    /// It runs.
    Runs(&'static str),
    /// Nobody is known.
    Nobody,
}

/// What is known of the clock.
pub(super) struct Facts {
    now: SystemTime,
    /// The newest file whose making came before now.
    newest: Option<(PathBuf, SystemTime)>,
    /// How far the clock was set while it was looked at.
    step: Duration,
    keeper: Keeper,
}

impl Facts {
    /// Looks again; `files` must all be older than now, and so must this program.
    pub(super) fn since<'a>(before: &Moment, files: impl Iterator<Item = &'a Path>) -> Self {
        let after = Moment::now();
        let files = files.map(Path::to_owned).chain(std::env::current_exe());
        let made = |file: PathBuf| Some((file.metadata().ok()?.modified().ok()?, file));
        Self {
            now: after.real,
            newest: files.filter_map(made).max().map(|(modified, file)| (file, modified)),
            step: stepped(before, &after),
            keeper: keeper(Path::new("/run"), Path::new("/proc")),
        }
    }

    pub(super) fn finding(&self) -> Finding {
        const SET: &str = "timedatectl set-ntp true; a container takes its host's clock, so there";
        let now = jiff::Timestamp::try_from(self.now)
            .map_or_else(|_| "beyond all bounds".to_owned(), |it| format!("{it:.0}"));
        if let Some((file, modified)) = &self.newest
            && modified.duration_since(self.now).is_ok_and(|ahead| ahead > ROUNDING)
        {
            let found = format!("{now} is before {} was made: the clock is wrong", file.display());
            return Finding::problem("clock", found, SET);
        }
        if self.step > SLEW {
            let found = format!("{now}; it was set by {:.1} s while it was looked at", self.step.as_secs_f64());
            return Finding::warning(
                "clock",
                found,
                "let one service set the clock, and slowly (`makestep` of chrony)",
            );
        }
        match &self.keeper {
            Keeper::Right(service) => Finding::ok("clock", format!("{now}, synchronised by {service}")),
            Keeper::Runs(service) => Finding::ok("clock", format!("{now}; {service} runs")),
            Keeper::Nobody => Finding::warning("clock", format!("{now}; no service is known to keep it right"), SET),
        }
    }
}

/// How far the real clock went otherwise than the monotonic one.
fn stepped(before: &Moment, after: &Moment) -> Duration {
    let passed = after.monotonic.saturating_duration_since(before.monotonic);
    let expected = before.real + passed;
    after.real.duration_since(expected).unwrap_or_else(|earlier| earlier.duration())
}

/// adjtimex(2) would tell, but no crate of ours reaches it without unsafe code: the services' own signs do as well.
fn keeper(run: &Path, processes: &Path) -> Keeper {
    /// Files that hold the number of a running service.
    const SERVICES: [(&str, &str); 4] = [
        ("chrony/chronyd.pid", "chronyd"),
        ("chronyd.pid", "chronyd"),
        ("ntpd.pid", "ntpd"),
        ("openntpd.pid", "openntpd"),
    ];
    // Touched at each synchronisation (systemd-timesyncd.service(8)).
    if run.join("systemd/timesync/synchronized").exists() {
        return Keeper::Right("systemd-timesyncd");
    }
    let runs = |file: &str| {
        let number = std::fs::read_to_string(run.join(file)).ok()?.trim().parse::<u32>().ok()?;
        processes.join(number.to_string()).exists().then_some(())
    };
    let found = SERVICES.iter().find(|(file, _)| runs(file).is_some());
    found.map_or(Keeper::Nobody, |(_, service)| Keeper::Runs(service))
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn facts() -> Facts {
        Facts {
            now: at(1_800_000_000),
            newest: Some(("/bin/coexist".into(), at(1_790_000_000))),
            step: Duration::ZERO,
            keeper: Keeper::Right("systemd-timesyncd"),
        }
    }

    #[test]
    fn clocks_are_judged_by_files_steps_and_services() {
        let newer = |seconds: u64| Some((PathBuf::from("/bin/coexist"), at(1_800_000_000 + seconds)));
        let table = [
            (facts(), State::Ok, "2027-01-15T08:00:00Z, synchronised by systemd-timesyncd"),
            (Facts { keeper: Keeper::Runs("chronyd"), ..facts() }, State::Ok, "2027-01-15T08:00:00Z; chronyd runs"),
            (Facts { newest: newer(30), ..facts() }, State::Ok, "synchronised"),
            (Facts { newest: None, ..facts() }, State::Ok, "synchronised"),
            (Facts { newest: newer(3600), ..facts() }, State::Problem, "before /bin/coexist was made"),
            (Facts { step: Duration::from_millis(2500), ..facts() }, State::Warning, "set by 2.5 s"),
            (Facts { keeper: Keeper::Nobody, ..facts() }, State::Warning, "no service"),
        ];
        for (facts, state, words) in table {
            let finding = facts.finding();
            assert_eq!(finding.state, state, "{finding:?}");
            assert!(finding.found.contains(words), "{finding:?}");
        }
    }

    #[test]
    fn a_step_is_what_the_clocks_differ_by() {
        let before = Moment::now();
        let after = |ahead: i64| {
            let step = Duration::from_secs(ahead.unsigned_abs());
            let real = before.real + Duration::from_secs(100);
            let real = if ahead < 0 { real - step } else { real + step };
            Moment { real, monotonic: before.monotonic + Duration::from_secs(100) }
        };
        assert_eq!(stepped(&before, &after(0)), Duration::ZERO);
        assert_eq!(stepped(&before, &after(7)), Duration::from_secs(7));
        assert_eq!(stepped(&before, &after(-7)), Duration::from_secs(7));
    }

    #[test]
    fn services_are_known_by_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let (run, processes) = (folder.path().join("run"), folder.path().join("proc"));
        std::fs::create_dir_all(run.join("chrony")).unwrap();
        std::fs::create_dir_all(&processes).unwrap();
        assert_eq!(keeper(&run, &processes), Keeper::Nobody);
        std::fs::write(run.join("chrony/chronyd.pid"), "77\n").unwrap();
        assert_eq!(keeper(&run, &processes), Keeper::Nobody, "a file that a dead service left behind");
        std::fs::create_dir(processes.join("77")).unwrap();
        assert_eq!(keeper(&run, &processes), Keeper::Runs("chronyd"));
        std::fs::create_dir_all(run.join("systemd/timesync")).unwrap();
        std::fs::write(run.join("systemd/timesync/synchronized"), "").unwrap();
        assert_eq!(keeper(&run, &processes), Keeper::Right("systemd-timesyncd"));
    }
}
