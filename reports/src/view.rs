//! What every format shows: counts, the order of cells, the words for a crash. Formats differ in markup only.

use coexist_model::{
    Arm, ArmOutcome, ArmRecord, Arms, CandidateKind, Cell, CellId, Crash, Ending, Evidence, Exit, Judgement, Run,
    StepFailure, StepId, Strength, Verdict, Verdicts,
};
use jiff::Timestamp;

use crate::ReportError;

/// A run with its verdicts: what every renderer takes.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub(crate) run: &'a Run,
    pub(crate) verdicts: &'a Verdicts,
}

/// One cell with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) cell: &'a Cell,
    pub(crate) arms: &'a Arms<ArmRecord>,
    pub(crate) judgement: &'a Judgement,
}

/// What kept the judge from a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undecided {
    /// The lab failed the baseline, so there is nothing to compare with.
    NoBaseline,
    /// The lab failed the candidate.
    NoCandidate,
    /// The baseline fails before the step at which the candidate does.
    Masked,
    /// The record contradicts itself or its plan.
    Record,
}

impl<'a> Report<'a> {
    /// Joins a run, whole or cut off, with its verdicts.
    ///
    /// # Errors
    /// When there is not exactly one verdict per planned cell.
    pub fn new(run: &'a Run, verdicts: &'a Verdicts) -> Result<Self, ReportError> {
        let cells = run.plan.cells.len();
        if verdicts.cells.len() != cells || run.cells.len() != cells {
            return Err(ReportError::Verdicts { verdicts: verdicts.cells.len(), cells });
        }
        Ok(Self { run, verdicts })
    }

    /// Cells in the plan's order.
    pub(crate) fn rows(self) -> impl Iterator<Item = Row<'a>> {
        self.run.records().zip(&self.verdicts.cells).map(|((cell, arms), judgement)| Row { cell, arms, judgement })
    }

    /// Cells in the order summaries use: what needs a reader first.
    pub(crate) fn rows_by_verdict(self) -> Vec<Row<'a>> {
        let rank = |verdict: Verdict| Verdict::ALL.iter().position(|it| *it == verdict);
        let mut rows: Vec<_> = self.rows().collect();
        rows.sort_by_key(|row| rank(row.judgement.verdict));
        rows
    }

    /// Cells with an attempt that was given up, without those of which a format tells everything anyway.
    pub(crate) fn begun_anew(self, told: impl Fn(&Row<'_>) -> bool) -> Vec<Row<'a>> {
        let rows = self.rows_by_verdict().into_iter();
        rows.filter(|row| !told(row) && Arm::BOTH.iter().any(|arm| !row.arms[*arm].abandoned.is_empty())).collect()
    }

    pub(crate) fn count(self, verdict: Verdict) -> usize {
        self.verdicts.cells.iter().filter(|it| it.verdict == verdict).count()
    }

    /// `6 cells: 1 regressed, 1 already broken, 4 compatible`.
    #[must_use]
    pub fn counts(self) -> String {
        let cells = number_of(self.verdicts.cells.len(), "cell");
        let parts = self.parts();
        if parts.is_empty() { cells } else { format!("{cells}: {parts}") }
    }

    /// `1 regressed, 1 already broken, 4 compatible`.
    fn parts(self) -> String {
        let parts: Vec<_> = Verdict::ALL
            .into_iter()
            .map(|verdict| (self.count(verdict), verdict))
            .filter(|(count, _)| *count > 0)
            .map(|(count, verdict)| format!("{count} {}", verdict_words(verdict)))
            .collect();
        parts.join(", ")
    }

    /// The exit code that this run deserves: a run that was stopped says so, any other goes by its verdicts.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self.run.ending {
            Some(Ending::Interrupted) => Exit::Interrupted,
            Some(Ending::Terminated) => Exit::Terminated,
            Some(Ending::Completed) | None => Exit::of(self.verdicts.cells.iter().map(|it| it.verdict)),
        }
    }

    /// Why this exit code, in a few words: `1 cell regressed`.
    #[must_use]
    pub fn exit_reason(self) -> String {
        let (regressed, flaky) = (self.count(Verdict::Regressed), self.count(Verdict::Flaky));
        let outstanding = self.count(Verdict::NotRun);
        let cells = |count, words: &str| format!("{} {words}", number_of(count, "cell"));
        match self.exit() {
            Exit::ProductFailure if flaky == 0 => cells(regressed, "regressed"),
            Exit::ProductFailure if regressed == 0 => cells(flaky, "flaky"),
            Exit::ProductFailure => format!("{} regressed, {flaky} flaky", number_of(regressed, "cell")),
            Exit::Inconclusive => cells(self.count(Verdict::Inconclusive), "inconclusive"),
            Exit::Outstanding => cells(outstanding, "not run"),
            Exit::Interrupted => format!("stopped by Ctrl-C, {}", cells(outstanding, "not run")),
            Exit::Terminated => format!("stopped by SIGTERM, {}", cells(outstanding, "not run")),
            Exit::Clean => self.parts(),
            // A record never leads to the others.
            other @ (Exit::Usage | Exit::NothingSelected | Exit::Internal | Exit::ReportNotWritten) => {
                other.meaning().to_owned()
            }
        }
    }

    /// What a run on the stand-in must say of itself; `None` when no cell ran on it.
    pub(crate) fn stand_in_notice(self) -> Option<String> {
        let stand_in = self.run.plan.cells.iter().filter(|cell| self.is_stand_in(cell)).count();
        let which = match stand_in {
            0 => return None,
            all if all == self.run.plan.cells.len() => "every cell".to_owned(),
            some => format!("{some} of {}", number_of(self.run.plan.cells.len(), "cell")),
        };
        Some(format!(
            "Stand-in run: in {which} the guest is the stand-in, a small system that behaves like Windows from outside. \
             It shows that the lab works; it says nothing of any real product or of Windows."
        ))
    }

    /// What a run must say of cells that a wave held back; `None` when none did.
    pub(crate) fn held_notice(self) -> Option<String> {
        let held = self.run.held.as_ref()?;
        let back =
            self.run.cells.iter().filter(|arms| arms.baseline.never_began() && arms.candidate.never_began()).count();
        Some(format!("{} not run, {}", number_of(back, "cell"), held.reason()))
    }

    /// Which combinations the planned cells hold, in a line; `None` where the matrix asks for no coverage.
    pub(crate) fn coverage(self) -> Option<String> {
        self.run.plan.coverage.as_ref().map(ToString::to_string)
    }

    pub(crate) fn is_stand_in(self, cell: &Cell) -> bool {
        self.run.plan.images.get(&cell.image).is_some_and(|image| image.stand_in)
    }

    /// `tcg (emulation)` or `kvm (hardware virtualisation)`.
    pub(crate) fn acceleration(self) -> String {
        match self.run.host.acceleration.as_str() {
            "tcg" => "tcg (emulation: slower than hardware, times do not compare with it)".to_owned(),
            "kvm" => "kvm (hardware virtualisation)".to_owned(),
            other => other.to_owned(),
        }
    }

    /// The matrix by its name, with its title where it has one.
    pub(crate) fn matrix(self) -> String {
        let matrix = &self.run.plan.matrix;
        match &matrix.title {
            Some(title) => format!("{}: {title}", matrix.name),
            None => matrix.name.clone(),
        }
    }

    /// `content update of globex-sensor (Globex), version 291`.
    pub(crate) fn candidate(self) -> String {
        let it = &self.run.plan.candidate;
        let signing = it.signing.map(|signing| format!(", signing: {signing}")).unwrap_or_default();
        format!("{} of {} ({}), version {}{signing}", kind_words(it.kind), it.agent, it.vendor, it.version)
    }

    /// The command that runs one cell again.
    pub(crate) fn repeat(self, cell: &Cell) -> String {
        format!("coexist run {} --cell {}", shell(&self.run.plan.matrix.path), shell(cell.id.as_str()))
    }

    pub(crate) fn row(self, id: &CellId) -> Option<Row<'a>> {
        self.rows().find(|row| row.cell.id == *id)
    }
}

impl<'a> Row<'a> {
    /// The failure a reader wants first: the candidate's, else the baseline's.
    pub(crate) fn failure(self) -> Option<(Arm, &'a StepId, &'a StepFailure)> {
        [Arm::Candidate, Arm::Baseline].into_iter().find_map(|arm| match &self.arms[arm].outcome {
            ArmOutcome::Failed { step, failure } => Some((arm, step, failure)),
            ArmOutcome::Up | ArmOutcome::Fault { .. } | ArmOutcome::NotRun { .. } => None,
        })
    }

    /// Why a cell that the judge calls inconclusive has no verdict.
    pub(crate) fn undecided(self) -> Undecided {
        match (&self.arms.baseline.outcome, &self.arms.candidate.outcome) {
            (ArmOutcome::Fault { .. }, _) => Undecided::NoBaseline,
            (_, ArmOutcome::Fault { .. }) => Undecided::NoCandidate,
            (ArmOutcome::Failed { .. }, ArmOutcome::Failed { .. }) => Undecided::Masked,
            _ => Undecided::Record,
        }
    }

    /// Evidence of both arms, the failing arm's first; last comes what abandoned attempts left.
    pub(crate) fn evidence(self) -> impl Iterator<Item = &'a Evidence> {
        let (first, second) = match self.failure() {
            Some((Arm::Baseline, ..)) => (Arm::Baseline, Arm::Candidate),
            Some((Arm::Candidate, ..)) | None => (Arm::Candidate, Arm::Baseline),
        };
        [first, second].into_iter().flat_map(move |arm| &self.arms[arm].evidence).chain(self.abandoned_evidence())
    }

    /// Evidence that tells something: of the arms that did not pass, and of attempts that were given up.
    pub(crate) fn telling_evidence(self) -> Vec<&'a Evidence> {
        let arms = [Arm::Candidate, Arm::Baseline].into_iter().map(|arm| &self.arms[arm]);
        let telling = arms.filter(|it| it.outcome != ArmOutcome::Up).flat_map(|it| &it.evidence);
        telling.chain(self.abandoned_evidence()).collect()
    }

    fn abandoned_evidence(self) -> impl Iterator<Item = &'a Evidence> {
        let attempts = [Arm::Candidate, Arm::Baseline].into_iter().flat_map(move |arm| &self.arms[arm].abandoned);
        attempts.flat_map(|attempt| &attempt.evidence)
    }
}

/// `0x1000007e SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M`.
pub(crate) fn stop_words(crash: &Crash) -> String {
    match &crash.stop_name {
        Some(name) => format!("{} {name}", crash.stop_code),
        None => crash.stop_code.to_string(),
    }
}

/// `globexflt.sys+0x1a2b`; `None` when the evidence names nobody.
pub(crate) fn driver_words(crash: &Crash) -> Option<String> {
    let module = crash.blame.module.as_ref()?;
    Some(match crash.blame.offset {
        Some(offset) => format!("{module}+{offset}"),
        None => module.clone(),
    })
}

pub(crate) fn strength_words(strength: Strength) -> &'static str {
    match strength {
        Strength::Strong => "strong",
        Strength::Likely => "likely",
        Strength::Weak => "weak",
        Strength::None => "none",
    }
}

/// A verdict as people say it.
pub(crate) fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AlreadyBroken => "already broken",
        Verdict::NotRun => "not run",
        other => other.as_str(),
    }
}

fn kind_words(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Upgrade => "upgrade",
        CandidateKind::Fresh => "fresh installation",
        CandidateKind::Content => "content update",
        CandidateKind::Driver => "driver update",
        CandidateKind::WindowsUpdate => "Windows update beside the installation",
    }
}

/// `1 cell`, `2 cells`.
pub(crate) fn number_of(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A moment as the record has it: UTC, to the millisecond.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A word for a POSIX shell.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./+@:=-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
