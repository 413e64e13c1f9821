//! From cells, arms and checks to suites and cases: the JUnit column of the table of verdict rules.
//!
//! ```text
//! check of an arm      verdict                    case
//! passed               any                        passed
//! not run              any                        skipped  not-run
//! failed, baseline     any                        skipped  preexisting    never the candidate's doing
//! failed, candidate    regressed, flaky           failure  product.<state>
//!                      already-broken             skipped  preexisting
//!                      inconclusive               error    lab.no-baseline, lab.masked, …
//!                      not-run                    skipped  no-verdict
//! fault                inconclusive               error    lab.<kind>
//!                      not-run                    skipped  no-verdict
//!                      other (after a failure)    skipped  not-run
//! ```
//! The candidate's suite ends with the compare check, which fails, errs or is skipped as the verdict says. So a run has a
//! failure, an error or something outstanding exactly when its exit code is not 0.

use coexist_model::{
    Arm, ArmOutcome, ArmRecord, CheckOutcome, CheckRecord, FaultKind, LabFault, Seconds, Step, StepFailure, StepId,
    Verdict,
};
use jiff::Timestamp;

use super::{Case, CaseResult, JunitOptions, Suite, Told, details};
use crate::facts::attempt_words;
use crate::view::{Row, Undecided};
use crate::{Report, text};

/// The check that compares the arms; it ends the candidate's suite.
const COMPARE: &str = "9-compare: no regression against baseline";

/// All suites of a report, in the plan's order, the baseline of each cell first.
pub(super) fn suites(report: Report<'_>, options: &JunitOptions) -> Vec<Suite> {
    report.rows().flat_map(|row| Arm::BOTH.map(|arm| Mapper { report, row, arm, options }.suite())).collect()
}

struct Mapper<'a> {
    report: Report<'a>,
    row: Row<'a>,
    arm: Arm,
    options: &'a JunitOptions,
}

impl<'a> Mapper<'a> {
    fn suite(&self) -> Suite {
        let main = self.main_check();
        let planned = self.steps().iter().flat_map(|step| step.checks.iter().map(move |check| (step, check)));
        let mut cases: Vec<_> =
            planned.map(|(step, check)| self.case(step, &check.name, check.line, main == Some(&check.name))).collect();
        if self.arm == Arm::Candidate {
            cases.push(self.compare());
        }
        Suite {
            name: format!("{}-{}", self.row.cell.id, self.arm),
            hostname: self.report.run.host.name.clone(),
            timestamp: self.record().started.unwrap_or(self.report.run.started),
            properties: self.properties(),
            cases,
        }
    }

    fn steps(&self) -> &'a [Step] {
        &self.row.cell.arms[self.arm]
    }

    fn record(&self) -> &'a ArmRecord {
        &self.row.arms[self.arm]
    }

    fn verdict(&self) -> Verdict {
        self.row.judgement.verdict
    }

    fn outcome_of(&self, check: &str) -> Option<&'a CheckOutcome> {
        self.record().checks.get(check).map(|it| &it.outcome)
    }

    /// The check that tells the arm's story: the first bad one of the step at which the arm ended, else the first bad
    /// one. It carries the details, the attachments and the reason of the verdict.
    fn main_check(&self) -> Option<&'a str> {
        let ended_at = self.record().outcome.step();
        let first_bad = |wanted: &dyn Fn(&StepId) -> bool| {
            let steps = self.steps().iter().filter(|step| wanted(&step.id));
            steps.flat_map(|step| &step.checks).map(|check| check.name.as_str()).find(|name| {
                matches!(self.outcome_of(name), Some(CheckOutcome::Failed { .. } | CheckOutcome::Faulted { .. }))
            })
        };
        first_bad(&|step| Some(step) == ended_at).or_else(|| first_bad(&|_| true))
    }

    fn case(&self, step: &Step, name: &str, line: u32, main: bool) -> Case {
        let record = self.record().checks.get(name);
        let result = self.result(step, record, main);
        let told = !matches!(result, CaseResult::Passed);
        let mut case = Case {
            name: name.to_owned(),
            file: self.report.run.plan.matrix.path.clone(),
            line: (line > 0).then_some(line),
            timestamp: record.and_then(began),
            time: record.map(|it| it.took_s).unwrap_or_default(),
            properties: self.baseline_result(name, told),
            result,
            attachments: Vec::new(),
            output: None,
        };
        if main && told {
            case.properties.extend(details::properties(self.record()));
            case.attachments = details::attachments(self.record(), &self.options.folder);
            case.output = details::notes(self.record());
        }
        case
    }

    /// `baseline.result` on a candidate's check, where either of them did not pass.
    fn baseline_result(&self, check: &str, told: bool) -> Vec<(String, String)> {
        // A check that only the candidate's arm has, as its own installation, has nothing to compare with.
        let Some(baseline) = self.row.arms.baseline.checks.get(check) else { return Vec::new() };
        if self.arm == Arm::Baseline {
            return Vec::new();
        }
        let result = match &baseline.outcome {
            CheckOutcome::Passed if !told => return Vec::new(),
            CheckOutcome::Passed => "passed",
            CheckOutcome::Failed { .. } => "failed",
            CheckOutcome::Faulted { .. } => "fault",
            CheckOutcome::NotRun { .. } => "not-run",
        };
        vec![("baseline.result".to_owned(), result.to_owned())]
    }

    fn result(&self, step: &Step, record: Option<&CheckRecord>, main: bool) -> CaseResult {
        match record.map(|it| &it.outcome) {
            Some(CheckOutcome::Passed) => CaseResult::Passed,
            Some(CheckOutcome::Failed { failure }) => self.failed(step, failure, main),
            Some(CheckOutcome::Faulted { fault }) => self.faulted(step, fault, main),
            Some(CheckOutcome::NotRun { reason }) => skipped("not-run", format!("NOT RUN: {reason}"), String::new()),
            None => skipped("not-run", "NOT RUN: the record does not speak of it".to_owned(), String::new()),
        }
    }

    fn failed(&self, step: &Step, failure: &StepFailure, main: bool) -> CaseResult {
        let verdict = self.verdict();
        let reason = &self.row.judgement.reason;
        let details = details::failure(self.report, self.row, self.arm, step, failure, main);
        if self.arm == Arm::Baseline {
            // The reason of these two verdicts is about the baseline's failure; that of any other is not.
            let about_this = main && matches!(verdict, Verdict::AlreadyBroken | Verdict::Fixed);
            let what = if about_this { reason } else { &failure.message };
            return skipped("preexisting", format!("PRE-EXISTING: {what}"), details);
        }
        let what = if main { reason.clone() } else { format!("{} (step {})", failure.message, step.id) };
        match verdict {
            Verdict::AlreadyBroken => skipped("preexisting", format!("PRE-EXISTING: {what}"), details),
            Verdict::NotRun => skipped("no-verdict", format!("NO VERDICT: {what}: {}", failure.message), details),
            Verdict::Inconclusive => CaseResult::Error(Told {
                kind: self.inconclusive_kind().to_owned(),
                message: format!("NO VERDICT: {what}"),
                details,
            }),
            // The judge gives the last two only to a candidate that passed every check.
            Verdict::Regressed | Verdict::Flaky | Verdict::Compatible | Verdict::Fixed => CaseResult::Failure(Told {
                kind: format!("product.{}", failure.state),
                message: format!("REGRESSION: {what}"),
                details,
            }),
        }
    }

    fn faulted(&self, step: &Step, fault: &LabFault, main: bool) -> CaseResult {
        let details = details::fault(self.report, self.row, self.arm, step, fault, main);
        let what = format!("LAB FAULT (not the product): {} in step {}: {}", fault.kind, step.id, fault.message);
        match (self.verdict(), &self.record().outcome) {
            (Verdict::Inconclusive, ArmOutcome::Up | ArmOutcome::Fault { .. } | ArmOutcome::NotRun { .. }) => {
                CaseResult::Error(Told { kind: lab(fault.kind), message: what, details })
            }
            (Verdict::NotRun, _) => skipped("no-verdict", format!("NO VERDICT: {what}"), details),
            _ => skipped("not-run", format!("NOT RUN: after the failure, {what}"), details),
        }
    }

    /// Why there is no verdict, as the type of an error.
    fn inconclusive_kind(&self) -> &'static str {
        match self.row.undecided() {
            Undecided::NoBaseline => "lab.no-baseline",
            Undecided::NoCandidate => "lab.no-candidate",
            Undecided::Masked => "lab.masked",
            Undecided::Record => "lab.record",
        }
    }

    fn compare(&self) -> Case {
        let reason = self.row.judgement.reason.clone();
        let details = details::comparison(self.report, self.row);
        let mut output = None;
        let result = match self.verdict() {
            Verdict::Compatible => CaseResult::Passed,
            Verdict::AlreadyBroken | Verdict::Fixed => {
                output = Some(format!("{}: {reason}", self.verdict()));
                CaseResult::Passed
            }
            Verdict::Regressed => CaseResult::Failure(Told {
                kind: "compare.regression".to_owned(),
                message: format!("REGRESSION: {reason}"),
                details,
            }),
            Verdict::Flaky => CaseResult::Failure(Told {
                kind: "compare.flaky".to_owned(),
                message: format!("FLAKY: {reason}"),
                details,
            }),
            Verdict::Inconclusive => CaseResult::Error(Told {
                kind: self.inconclusive_kind().to_owned(),
                message: format!("NO VERDICT: {reason}"),
                details,
            }),
            Verdict::NotRun => skipped("not-run", format!("NOT RUN: {reason}"), details),
        };
        Case {
            name: COMPARE.to_owned(),
            file: self.report.run.plan.matrix.path.clone(),
            line: None,
            timestamp: None,
            time: Seconds::default(),
            properties: Vec::new(),
            result,
            attachments: Vec::new(),
            output,
        }
    }

    fn properties(&self) -> Vec<(String, String)> {
        let Mapper { report, row, .. } = self;
        let plan = &report.run.plan;
        let mut list = vec![
            ("run.id".to_owned(), report.run.id.to_string()),
            ("cell.id".to_owned(), row.cell.id.to_string()),
            ("arm".to_owned(), self.arm.to_string()),
            ("os.image".to_owned(), row.cell.image.to_string()),
        ];
        let mut add = |name: &str, value: String| list.push((name.to_owned(), value));
        if let Some(image) = plan.images.get(&row.cell.image) {
            add("os.build", image.windows.build.to_string());
            if image.stand_in {
                add("stand-in", "true".to_owned());
            }
        }
        add("acceleration", report.run.host.acceleration.clone());
        for (setting, value) in &row.cell.settings {
            add(&format!("setting.{setting}"), value.clone());
        }
        for agent in &row.cell.agents {
            add(&format!("agent.{}.version", agent.id), agent.version.clone());
        }
        if self.arm == Arm::Candidate {
            add("candidate.agent", plan.candidate.agent.to_string());
            add("candidate.kind", plan.candidate.kind.as_str().to_owned());
            add("candidate.version", plan.candidate.version.clone());
        }
        for (number, attempt) in (1..).zip(&self.record().abandoned) {
            add(&format!("lab.attempt.{number}"), attempt_words(attempt));
        }
        add("cell.verdict", self.verdict().to_string());
        add("cell.reason", row.judgement.reason.clone());
        add("cell.repeat", report.repeat(row.cell));
        list
    }
}

fn skipped(kind: &str, message: String, details: String) -> CaseResult {
    CaseResult::Skipped(Told { kind: kind.to_owned(), message, details })
}

fn lab(kind: FaultKind) -> String {
    format!("lab.{kind}")
}

/// When a check began: it is recorded when it is decided.
fn began(record: &CheckRecord) -> Option<Timestamp> {
    match record.outcome {
        CheckOutcome::NotRun { .. } => None,
        CheckOutcome::Passed | CheckOutcome::Failed { .. } | CheckOutcome::Faulted { .. } => {
            Some(record.at.checked_sub(record.took_s.to_duration()).unwrap_or(record.at))
        }
    }
}

/// A record's path as the workspace sees it; `None` where a marker could not hold it or it leaves the run's folder.
pub(super) fn joined(folder: &str, path: &str) -> Option<String> {
    let folder = folder.trim_end_matches('/');
    let fits = !folder.chars().any(|c| c.is_control() || matches!(c, '[' | ']' | '|'));
    (fits && text::is_plain_path(path))
        .then(|| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") })
}
