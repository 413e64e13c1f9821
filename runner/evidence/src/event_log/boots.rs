//! Sections to boots: how each ended, from its own last records and from the first ones of the boot after it.
//!
//! | the boot after says | the boot's own records say | it ended |
//! |---|---|---|
//! | 41 with a code, or 1001 or 1000 | no shutdown | `bugcheck` |
//! | 41 with a moment for the power button | no shutdown | `power-button` |
//! | 41 with code 0, and a crash could have been written | no shutdown | `power-loss` |
//! | 41 with code 0, and it could not (volmgr 46) | no shutdown | `unexpected` |
//! | 41 without a code that can be read | no shutdown | `unexpected` |
//! | 6008 alone, or 20 without a good shutdown | no shutdown | `unexpected` |
//! | any of the above | a shutdown | see [`Judge::contradiction`] |
//! | nothing of the kind | a shutdown | `clean` |
//! | nothing of the kind | nothing | `unexpected`, or unknown where records are missing |
//! | (it is the last) | nothing | `running`, or unknown where records are missing |
//!
//! Code 0 says that Windows recorded no stop, and no more (Microsoft's page on event 41): the power went, or the machine
//! was reset, or it had hung before somebody did either. `power-loss` is the contract's word for all of these.

use coexist_model::{Hex, LoggedBoot, LoggedEnd};
use jiff::Timestamp;

use super::record::Sign;
use super::sections::{Before, Recorded, Section, Stop, sections};

/// What the signs come to.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) boots: Vec<LoggedBoot>,
    pub(super) notes: Vec<String>,
}

/// The boots of a log whose records run from `first_record` to `last_record`.
pub(super) fn boots(signs: &[Sign], first_record: u64, last_record: u64) -> Told {
    let mut judge = Judge::default();
    let sections = without_service_restarts(sections(signs, first_record), last_record, &mut judge.told.notes);
    for (index, section) in sections.iter().enumerate() {
        let next = sections.get(index + 1);
        // Nothing was written before the first beginning: there is no such boot, but the next one may tell of one.
        let empty = !section.begins() && next.is_some_and(|next| next.first_record == section.first_record);
        match next {
            Some(next) if empty => judge.unseen(next),
            Some(next) => judge.ended(section, next),
            None => judge.last(section),
        }
    }
    judge.told
}

/// A log service that stopped and started again in one boot: the kernel tells of every boot, and did not of this one.
fn without_service_restarts(sections: Vec<Section>, last_record: u64, notes: &mut Vec<String>) -> Vec<Section> {
    /// Records after which a kernel's start would have come, had there been one.
    const SETTLED: u64 = 256;
    let kernel_tells = sections.iter().any(|section| section.kernel_start.is_some());
    let ends: Vec<u64> = sections.iter().skip(1).map(|next| next.first_record).chain([last_record]).collect();
    let mut kept: Vec<Section> = Vec::new();
    for (section, end) in sections.into_iter().zip(ends) {
        let settled = end.saturating_sub(section.first_record) > SETTLED;
        match kept.last_mut() {
            Some(before)
                if kernel_tells
                    && settled
                    && section.kernel_start.is_none()
                    && !section.lost
                    && !before.lost
                    && before.kernel_stop.is_none()
                    && before.log_stop.is_some()
                    && bad_end(&section.before, false).is_none() =>
            {
                notes.push(format!("record {}: the log's service started again, without a boot", section.first_record));
                before.log_stop = section.log_stop;
                before.kernel_stop = section.kernel_stop;
                before.no_dump_file |= section.no_dump_file;
            }
            _ => kept.push(section),
        }
    }
    kept
}

/// How a boot ended, as the one after it says.
struct BadEnd {
    ended: LoggedEnd,
    at: Option<Timestamp>,
    stop: Option<Stop>,
    note: Option<String>,
}

/// `no_dump_file`: whether a bugcheck of that boot would have left no trace.
fn bad_end(before: &Before, no_dump_file: bool) -> Option<BadEnd> {
    let at = before.not_stopped.flatten();
    let end = |ended| Some(BadEnd { ended, at, stop: None, note: None });
    let unexpected = |note: String| Some(BadEnd { ended: LoggedEnd::Unexpected, at, stop: None, note: Some(note) });
    let by_power = before.not_shut_down.as_ref();
    if let Some(Recorded::Stop(stop)) = by_power.map(|power| &power.recorded) {
        return Some(bugcheck(stop.clone(), before.reported.as_ref(), at));
    }
    match (&before.reported, by_power) {
        (Some(stop), _) => Some(BadEnd { ended: LoggedEnd::Bugcheck, at, stop: Some(stop.clone()), note: None }),
        (None, Some(power)) if power.button => end(LoggedEnd::PowerButton),
        (None, Some(power)) if power.recorded == Recorded::Unknown => {
            unexpected(format!("record {} does not say whether there was a stop", power.record))
        }
        (None, Some(_)) if no_dump_file => {
            unexpected("a bugcheck would have left no trace: there was no file for a dump (volmgr 46)".to_owned())
        }
        (None, Some(_)) => end(LoggedEnd::PowerLoss),
        (None, None) if before.not_stopped.is_some() || before.shutdown_good == Some(false) => {
            end(LoggedEnd::Unexpected)
        }
        (None, None) => None,
    }
}

/// The kernel's word on the stop code, with the dump that was reported for the same stop.
fn bugcheck(mut stop: Stop, reported: Option<&Stop>, at: Option<Timestamp>) -> BadEnd {
    let mut note = None;
    match reported {
        Some(reported) if reported.code == stop.code => {
            stop.dump.clone_from(&reported.dump);
            if stop.parameters.is_empty() {
                stop.parameters.clone_from(&reported.parameters);
            }
        }
        Some(reported) => {
            let (record, code) = (reported.record, Hex(reported.code));
            note = Some(format!("record {record} reports stop code {code}, the kernel {}", Hex(stop.code)));
        }
        None => {}
    }
    BadEnd { ended: LoggedEnd::Bugcheck, at, stop: Some(stop), note }
}

#[derive(Default)]
struct Judge {
    told: Told,
}

impl Judge {
    /// A boot that has another one after it.
    fn ended(&mut self, section: &Section, next: &Section) {
        let boot = begun(section);
        let told = bad_end(&next.before, section.no_dump_file);
        let skipped = self.tell_skipped(section, next);
        match told {
            // It may be of a boot of which no record is left.
            Some(_) if section.lost => {
                self.told.boots.push(LoggedBoot { ended: None, ..boot });
                self.unseen(next);
            }
            Some(end) if !section.stopped() => self.push(boot, section, end, next),
            Some(end) => self.contradiction(boot, section, end, next, skipped),
            None if section.stopped() => self.told.boots.push(clean(boot, section)),
            None => {
                let ended = match next.before.shutdown_good {
                    _ if section.lost => None,
                    Some(true) => Some(LoggedEnd::Clean),
                    // What would tell may be among what is lost.
                    _ => Some(LoggedEnd::Unexpected).filter(|_| !next.lost),
                };
                self.told.boots.push(LoggedBoot { ended, ..boot });
            }
        }
    }

    /// The boot's own records say that it was shut down, the boot after it that the last boot was not. Either it crashed
    /// while it shut down, or a boot between the two ended before its first record was written: boots in a loop do so.
    /// Windows numbers its boots, which decides; else the kernel's own word (13), which comes after everything that can
    /// fail in a shutdown but the last step, stands for a boot between.
    fn contradiction(
        &mut self,
        boot: LoggedBoot,
        section: &Section,
        end: BadEnd,
        next: &Section,
        skipped: Option<u64>,
    ) {
        // A report alone, without a restart that was not asked for, is of some boot before.
        let only_reported = next.before.not_shut_down.is_none()
            && next.before.not_stopped.is_none()
            && next.before.shutdown_good != Some(false);
        if let (true, Some(stop)) = (only_reported, &end.stop) {
            self.told.notes.push(format!(
                "record {}: a report of stop {} in an earlier boot",
                stop.record,
                Hex(stop.code)
            ));
            self.told.boots.push(clean(boot, section));
            return;
        }
        let boot_between = skipped.map_or(section.kernel_stop.is_some(), |skipped| skipped > 0);
        if boot_between {
            self.told.boots.push(clean(boot, section));
            self.unseen(next);
        } else {
            self.push(boot, section, end, next);
        }
    }

    /// A boot that left no record, and of which the next one tells, if it does.
    fn unseen(&mut self, next: &Section) {
        if let Some(end) = bad_end(&next.before, false) {
            self.push(LoggedBoot::default(), &Section::default(), end, next);
        }
    }

    fn last(&mut self, section: &Section) {
        let boot = begun(section);
        self.told.boots.push(if section.stopped() {
            clean(boot, section)
        } else {
            LoggedBoot { ended: Some(LoggedEnd::Running).filter(|_| !section.lost), ..boot }
        });
    }

    fn push(&mut self, boot: LoggedBoot, section: &Section, end: BadEnd, next: &Section) {
        if let Some(note) = end.note {
            self.told.notes.push(format!("the boot before record {}: {note}", next.first_record));
        }
        let BadEnd { ended, at, stop, .. } = end;
        let ended_at = at.or(section.log_stop.flatten());
        let stop = stop.unwrap_or_default();
        let stop_code = Some(Hex(stop.code)).filter(|code| code.0 != 0);
        let (parameters, dump) = (stop.parameters, stop.dump);
        self.told.boots.push(LoggedBoot { ended: Some(ended), ended_at, stop_code, parameters, dump, ..boot });
    }

    /// How many boots between two sections left no record, where Windows numbered both.
    fn tell_skipped(&mut self, section: &Section, next: &Section) -> Option<u64> {
        let skipped = next.last_boot_id?.checked_sub(section.last_boot_id?)?.checked_sub(1)?;
        if skipped > 0 {
            let boots = if skipped == 1 { "a boot" } else { "boots" };
            self.told.notes.push(format!("{skipped} {boots} before record {} left no record", next.first_record));
        }
        Some(skipped)
    }
}

fn begun(section: &Section) -> LoggedBoot {
    // The service's start is some seconds later than the kernel's, and the best there is without it.
    let started = match (section.kernel_start, section.log_start) {
        (Some((_, Some(started))), _) => Some(started),
        (_, Some((_, at))) => at,
        _ => None,
    };
    LoggedBoot { first_record: Some(section.first_record), started, ..LoggedBoot::default() }
}

fn clean(boot: LoggedBoot, section: &Section) -> LoggedBoot {
    let ended_at = section.kernel_stop.flatten().or(section.log_stop.flatten());
    LoggedBoot { ended: Some(LoggedEnd::Clean), ended_at, ..boot }
}
