//! What files say that are safe on this host.

use std::io;
use std::path::{Path, PathBuf};

use coexist_model::{DriverFile, EvidenceKind};
use jiff::Timestamp;

use super::crashes::{self, Found, Reading};
use super::known::host_name;
use super::needs::Need;
use super::nmi::Ours;
use super::stops::Standing;
use super::{Ladder, programs};

/// What the search for a dump of one stop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sought {
    /// There is none so far.
    Missing,
    /// There is one of which nothing tells whose it is.
    Unreadable,
    /// It was read, whole or not.
    Read,
}

/// A file that is safe, and what it was in the guest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Safe<'a> {
    /// Where it lies on this host.
    pub(super) file: &'a Path,
    /// Where it lay in the guest.
    pub(super) path: &'a str,
    pub(super) kind: EvidenceKind,
    /// Whether the guest wrote it while it lived on.
    pub(super) live: bool,
    /// Whether all of the guest's file is here.
    pub(super) whole: bool,
    /// Whether it is a dump that Windows had made no file of yet.
    pub(super) raw: bool,
    /// What could not be had of it.
    pub(super) notes: &'a [String],
}

/// What a file says.
enum Said {
    Dump(Reading),
    Program(String),
    Driver(DriverFile),
    Nothing,
}

impl Ladder<'_, '_> {
    /// What a file says that is safe.
    ///
    /// # Errors
    /// When the host refuses it.
    pub(super) async fn learn_of(&mut self, file: Safe<'_>) -> io::Result<()> {
        let Safe { file: at, path, kind, live, whole, raw, notes } = file;
        match self.said(at, path, kind, live, whole, self.arm.earliest()).await? {
            Said::Dump(reading) => self.learn(path, reading, raw, notes),
            Said::Program(words) => self.programs.push(words),
            Said::Driver(facts) => self.drivers.push((path.to_owned(), facts)),
            Said::Nothing => {}
        }
        Ok(())
    }

    /// Reads a file on a thread of its own: a large dump takes a while, and a rung's time must go on meanwhile.
    async fn said(
        &self,
        file: &Path,
        path: &str,
        kind: EvidenceKind,
        live: bool,
        whole: bool,
        earliest: Timestamp,
    ) -> io::Result<Said> {
        let (file, path, owners): (PathBuf, _, _) = (file.to_owned(), path.to_owned(), self.owners());
        let read = move || {
            Ok(match kind {
                EvidenceKind::KernelDump | EvidenceKind::MemoryDump if !live => {
                    Said::Dump(crashes::read(&path, &file, whole, &owners, earliest)?)
                }
                EvidenceKind::UserDump => programs::program_words(&path, &file).map_or(Said::Nothing, Said::Program),
                EvidenceKind::Driver => programs::driver_facts(&file).map_or(Said::Nothing, Said::Driver),
                _ => Said::Nothing,
            })
        };
        tokio::task::spawn_blocking(read).await?
    }

    /// What a dump says, if it is of this arm at all.
    fn learn(&mut self, path: &str, reading: Reading, raw: bool, notes: &[String]) {
        match reading {
            Reading::Found(mut found) => {
                found.raw = raw;
                found.crash.notes.extend_from_slice(notes);
                let ours = self.ours(&found.crash);
                if ours == Some(Ours::Interrupt) || (ours.is_none() && self.stops.is_of_the_last(&found)) {
                    self.sought = Sought::Read;
                    if found.whole {
                        self.safe.insert(Need::Dump);
                    }
                }
                match ours {
                    Some(ours) => self.arm.note(format!("{path} {}", ours.words())),
                    None => self.crashes.push(*found),
                }
            }
            Reading::Old => self.arm.note(format!("{path} is of an older crash and proves nothing here")),
            Reading::Unreadable(error) => {
                self.sought = self.sought.max(Sought::Unreadable);
                self.arm.note(format!("{path} cannot be read as a kernel dump: {error}"));
            }
        }
    }

    /// What the memory of a guest says that hangs, in Windows' own form. Why it does not do as a dump, where it does not.
    ///
    /// # Errors
    /// When the host refuses it.
    pub(super) async fn learn_of_memory(&mut self, file: &Path) -> io::Result<Option<String>> {
        let name = host_name(&file.to_string_lossy());
        // Its time is what the guest's driver noted when it was loaded, and it is of now whatever that says. [K]
        let said = self.said(file, &name, EvidenceKind::MemoryDump, false, true, Timestamp::MIN).await?;
        Ok(match said {
            Said::Dump(Reading::Found(found)) if !found.whole => Some(format!("{name} is cut off")),
            Said::Dump(Reading::Found(found)) => {
                self.safe.insert(Need::Dump);
                let ours = self.interrupted.is_some() && crashes::is_of_an_interrupt(&found.crash);
                if !ours && !crashes::is_of_a_living_system(&found.crash) {
                    self.crashes.push(*found);
                }
                None
            }
            Said::Dump(Reading::Unreadable(error)) => Some(format!("{name} cannot be read as a kernel dump: {error}")),
            _ => Some(format!("{name} says nothing")),
        })
    }

    /// The dump that speaks for the last stop, if any can.
    pub(super) fn speaker(&self) -> Option<&Found> {
        let standing = |found: &Found| self.stops.standing(found);
        let best = self.crashes.iter().map(standing).max().filter(|best| *best > Standing::OfAnother)?;
        crashes::of_this_crash(self.crashes.iter().filter(|found| standing(found) == best))
    }

    /// Why there is no whole dump so far.
    pub(super) fn no_dump(&self, none: &str) -> String {
        match self.sought {
            Sought::Read => "the dump of this crash is cut off",
            Sought::Missing | Sought::Unreadable if !self.crashes.is_empty() => {
                "none of the dumps is known to be of this crash"
            }
            Sought::Missing | Sought::Unreadable => none,
        }
        .to_owned()
    }

    /// The driver that is blamed most so far, by a name that can be a file's.
    pub(super) fn blamed(&self) -> Option<String> {
        let module = self.speaker()?.crash.blame.module.as_ref()?;
        (host_name(module) == *module).then(|| module.clone())
    }
}
