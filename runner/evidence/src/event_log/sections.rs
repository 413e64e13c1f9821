//! Signs, in record order, to one section per boot.
//!
//! As seen in logs of Windows 7 and 10, a boot begins with one of two orders, and the records of the shutdown before it
//! may come behind its first ones:
//!
//! ```text
//! 12 · 6008 · 6009 · 6005 · 41 · 1001          after a crash
//! 6009 · 6005 · 109 · 13 (of the boot before) · 12 · 20      after a shutdown
//! ```
//!
//! Where records are missing, another boot may have begun: a new section begins there, without a beginning of its own.
//!
//! So a section begins with the first of 12, 6009, 6005 that the present section already has, and 13 belongs to the
//! section before while the present one waits for its 12.

use jiff::Timestamp;

use super::record::{Sign, What};

/// Records between the first and the last of a boot's beginning; 27 were the most seen.
const NEAR: u64 = 256;
/// Records between 6008 or 41 and the beginning behind it; 1 was seen.
const BESIDE: u64 = 4;

/// What the log says in one boot, of itself and of the boot before.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) first_record: u64,
    /// Record and time of Kernel-General 12.
    pub(super) kernel_start: Option<(u64, Option<Timestamp>)>,
    /// Record and time of the log service's start.
    pub(super) log_start: Option<(u64, Option<Timestamp>)>,
    /// Whether the log's service began to write in it.
    log_begun: bool,
    /// Whether a 41 opened it, and its beginning is right behind.
    awaited: bool,
    version: bool,
    pub(super) log_stop: Option<Option<Timestamp>>,
    pub(super) kernel_stop: Option<Option<Timestamp>>,
    pub(super) no_dump_file: bool,
    /// Whether records are missing behind it.
    pub(super) lost: bool,
    /// The number Windows gave the boot before.
    pub(super) last_boot_id: Option<u64>,
    pub(super) before: Before,
}

/// What a boot says of the one before it.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) shutdown_good: Option<bool>,
    /// 6008, with the last moment the system was known to run.
    pub(super) not_stopped: Option<Option<Timestamp>>,
    pub(super) not_shut_down: Option<NotShutDown>,
    pub(super) reported: Option<Stop>,
}

/// Kernel-Power 41.
#[derive(Debug, Clone)]
pub(super) struct NotShutDown {
    pub(super) record: u64,
    pub(super) recorded: Recorded,
    pub(super) button: bool,
}

/// What Kernel-Power 41 says of a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recorded {
    Stop(Stop),
    /// Its code is 0: Windows recorded none.
    NoStop,
    /// It has no code, or none that can be read.
    Unknown,
}

/// A bugcheck.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) record: u64,
    pub(super) code: u64,
    pub(super) parameters: Vec<coexist_model::Hex>,
    pub(super) dump: Option<String>,
}

impl Section {
    fn at(first_record: u64) -> Self {
        Self { first_record, ..Self::default() }
    }

    /// Whether the log holds its beginning.
    pub(super) fn begins(&self) -> bool {
        self.kernel_start.is_some() || self.log_begun || self.awaited
    }

    /// Whether its own records say that it was shut down.
    pub(super) fn stopped(&self) -> bool {
        self.log_stop.is_some() || self.kernel_stop.is_some()
    }

    fn near(&self, record: u64) -> bool {
        record.saturating_sub(self.first_record) <= NEAR
    }
}

/// The sections of a log. The first one holds what comes before the first beginning, and may be empty.
pub(super) fn sections(signs: &[Sign], first_record: u64) -> Vec<Section> {
    let mut sorter = Sorter { done: Vec::new(), present: Section::at(first_record) };
    for (position, sign) in signs.iter().enumerate() {
        sorter.sign(sign, signs.get(position + 1..).unwrap_or_default());
    }
    sorter.done.push(sorter.present);
    sorter.done
}

struct Sorter {
    done: Vec<Section>,
    present: Section,
}

impl Sorter {
    fn begin(&mut self, record: u64) {
        self.done.push(std::mem::replace(&mut self.present, Section::at(record)));
    }

    fn sign(&mut self, sign: &Sign, later: &[Sign]) {
        match &sign.what {
            What::KernelStart { started } => {
                if !self.present.begins()
                    || self.present.kernel_start.is_some()
                    || self.present.stopped()
                    || !self.present.near(sign.record)
                {
                    self.begin(sign.record);
                }
                self.present.kernel_start = Some((sign.record, *started));
            }
            What::LogVersion => {
                self.log_begins(sign.record, self.present.version);
                self.present.version = true;
            }
            What::LogStart => {
                self.log_begins(sign.record, false);
                self.present.log_start = Some((sign.record, sign.at));
            }
            What::NotStopped { last_alive } => {
                if begins_log(sign, later) {
                    self.log_begins(sign.record, self.present.version);
                }
                self.present.before.not_stopped = Some(*last_alive);
            }
            What::KernelStop { stopped } => self.stopping(sign.record).kernel_stop = Some(*stopped),
            What::LogStop => self.present.log_stop = Some(sign.at),
            What::NoDumpFile => self.present.no_dump_file = true,
            What::Lost => {
                self.present.lost = true;
                self.begin(sign.record);
            }
            What::LostEnd => self.present.lost = true,
            What::LastBoot { shutdown_good, id } => {
                // In its first boot an installation of Windows 10 was seen to call the last shutdown, which there was
                // none of, bad.
                self.present.before.shutdown_good = shutdown_good.filter(|good| *good || *id != Some(0));
                self.present.last_boot_id = *id;
            }
            What::NotShutDown { code, parameters, button } => {
                if self.is_of_the_next(sign, later) {
                    self.begin(sign.record);
                    self.present.awaited = true;
                }
                let (record, button) = (sign.record, *button);
                let recorded = match *code {
                    None => Recorded::Unknown,
                    Some(0) => Recorded::NoStop,
                    Some(code) => Recorded::Stop(Stop { record, code, parameters: parameters.clone(), dump: None }),
                };
                self.present.before.not_shut_down.get_or_insert(NotShutDown { record, recorded, button });
            }
            What::Reported { code, parameters, dump } => {
                let stop =
                    Stop { record: sign.record, code: *code, parameters: parameters.clone(), dump: dump.clone() };
                self.present.before.reported.get_or_insert(stop);
            }
        }
    }

    /// The log's service starts: in a new section, unless the present one has only its kernel's start so far.
    fn log_begins(&mut self, record: u64, again: bool) {
        let present = &self.present;
        if !present.begins() || again || present.log_start.is_some() || present.stopped() || !present.near(record) {
            self.begin(record);
        }
        self.present.log_begun = true;
    }

    /// Whether this 41 is of a boot that has not begun to tell of itself: the present one is long past the time in which it
    /// would have, or has told already, and another one begins right behind. No log at hand has this order; events of the
    /// kernel wait for the log's service in one buffer a processor.
    fn is_of_the_next(&self, sign: &Sign, later: &[Sign]) -> bool {
        let present = &self.present;
        let told = present.before.not_shut_down.is_some() || present.stopped();
        (!present.begins() || told || !present.near(sign.record)) && begins_beside(sign, later)
    }

    /// The section that a kernel's stop belongs to.
    fn stopping(&mut self, record: u64) -> &mut Section {
        let waits_for_start = self.present.begins() && self.present.kernel_start.is_none() && self.present.near(record);
        match self.done.last_mut() {
            Some(before) if waits_for_start => before,
            _ => &mut self.present,
        }
    }
}

/// Whether the log's service wrote this 6008 as it started, before it said so.
fn begins_log(sign: &Sign, later: &[Sign]) -> bool {
    beside(sign, later).any(|next| matches!(next.what, What::LogVersion | What::LogStart))
}

/// Whether a boot begins right behind.
fn begins_beside(sign: &Sign, later: &[Sign]) -> bool {
    beside(sign, later).any(|next| matches!(next.what, What::KernelStart { .. } | What::LogVersion | What::LogStart))
}

/// The signs in the few records behind one.
fn beside<'s>(sign: &Sign, later: &'s [Sign]) -> impl Iterator<Item = &'s Sign> + use<'s> {
    // Numbers that a damaged log repeats must not make this a walk through all of it.
    let most = usize::try_from(BESIDE).unwrap_or_default() * 2;
    let record = sign.record;
    later.iter().take(most).take_while(move |next| next.record.saturating_sub(record) <= BESIDE)
}
