//! `run.json`, the contract `coexist.run/1`. Unknown is absent, never null. Fields are only ever added.

use coexist_model::{
    AbandonedAttempt, ArmOutcome, ArmRecord, Arms, Boot, Crash, Ending, Evidence, HeldWave, Host, PlanCoverage, Run,
    RungOutcome, RungRecord,
};
use serde::Serialize;
use std::collections::BTreeMap;

use crate::view::moment;
use crate::{Report, ReportError, text};

/// Schema name of `run.json`.
pub const RUN_SCHEMA: &str = "coexist.run/1";

#[derive(Serialize)]
struct RunJson<'a> {
    schema: &'static str,
    run_id: &'a str,
    matrix: MatrixJson<'a>,
    candidate: CandidateJson<'a>,
    started: String,
    ended: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending: Option<Ending>,
    exit_code: u8,
    exit_reason: String,
    /// The wave that held back the cells behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<&'a HeldWave>,
    /// Which combinations the planned cells hold, whatever became of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<&'a PlanCoverage>,
    host: Host,
    #[serde(skip_serializing_if = "is_false")]
    stand_in: bool,
    cells: Vec<CellJson<'a>>,
    problems: Vec<ProblemJson<'a>>,
}

#[derive(Serialize)]
struct MatrixJson<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    path: &'a str,
    sha256: &'a str,
}

#[derive(Serialize)]
struct CandidateJson<'a> {
    agent: &'a str,
    vendor: &'a str,
    kind: &'static str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing: Option<&'static str>,
}

#[derive(Serialize)]
struct CellJson<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wave: Option<&'a str>,
    image: &'a str,
    settings: &'a BTreeMap<String, String>,
    agents: Vec<AgentJson<'a>>,
    #[serde(skip_serializing_if = "is_false")]
    stand_in: bool,
    verdict: &'static str,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<&'a str>,
    arms: Arms<ArmJson<'a>>,
}

#[derive(Serialize)]
struct AgentJson<'a> {
    id: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct ArmJson<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    /// What the product did, of a failed arm.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// Which fault of the lab, of an arm that met one.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crash: Option<&'a Crash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    boots: &'a [Boot],
    evidence: &'a [Evidence],
    /// The rungs on which evidence was sought, in the order they were climbed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ladder: Vec<RungRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Attempts that the lab failed, before the one that counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    abandoned: Vec<AbandonedJson<'a>>,
}

#[derive(Serialize)]
struct AbandonedJson<'a> {
    step: &'a str,
    fault: &'static str,
    message: String,
    at: String,
    evidence: &'a [Evidence],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ladder: Vec<RungRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<&'a str>,
    cells: Vec<&'a str>,
    state: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Renders `run.json`, indented, with a line feed at the end. Messages are sanitised; facts stay exact.
///
/// # Errors
/// When JSON cannot be made of the record.
pub fn run_json(report: Report<'_>) -> Result<String, ReportError> {
    let Run { id, plan, host, started, ended, ending, held, .. } = report.run;
    let candidate = &plan.candidate;
    let cells: Vec<_> = report
        .rows()
        .map(|row| CellJson {
            id: row.cell.id.as_str(),
            wave: row.cell.wave.as_deref(),
            image: row.cell.image.as_str(),
            settings: &row.cell.settings,
            agents: row.cell.agents.iter().map(|it| AgentJson { id: it.id.as_str(), version: &it.version }).collect(),
            stand_in: report.is_stand_in(row.cell),
            verdict: row.judgement.verdict.as_str(),
            reason: text::line(&row.judgement.reason),
            bucket: row.failure().and_then(|(_, _, failure)| failure.bucket()).map(|it| it.0.as_str()),
            arms: Arms { baseline: arm(&row.arms.baseline), candidate: arm(&row.arms.candidate) },
        })
        .collect();
    let problems = report.verdicts.problems.iter().map(|it| ProblemJson {
        bucket: it.bucket.as_ref().map(|bucket| bucket.0.as_str()),
        cells: it.cells.iter().map(|cell| cell.as_str()).collect(),
        state: it.state.as_str(),
    });
    let run = RunJson {
        schema: RUN_SCHEMA,
        run_id: id.as_str(),
        matrix: MatrixJson {
            name: &plan.matrix.name,
            title: plan.matrix.title.as_deref(),
            path: &plan.matrix.path,
            sha256: plan.matrix.sha256.as_str(),
        },
        candidate: CandidateJson {
            agent: candidate.agent.as_str(),
            vendor: &candidate.vendor,
            kind: candidate.kind.as_str(),
            version: &candidate.version,
            sha256: candidate.sha256.as_ref().map(|it| it.as_str()),
            signing: candidate.signing.map(coexist_model::Signing::as_str),
        },
        started: moment(*started),
        ended: moment(*ended),
        ending: *ending,
        exit_code: report.exit().code(),
        exit_reason: report.exit_reason(),
        held: held.as_ref(),
        coverage: plan.coverage.as_ref(),
        host: Host { notes: host.notes.iter().map(text::line).collect(), ..host.clone() },
        stand_in: cells.iter().any(|cell| cell.stand_in),
        cells,
        problems: problems.collect(),
    };
    let mut json = serde_json::to_string_pretty(&run).map_err(ReportError::Json)?;
    json.push('\n');
    Ok(json)
}

fn arm(record: &ArmRecord) -> ArmJson<'_> {
    let mut json = ArmJson {
        outcome: record.outcome.as_str(),
        step: record.outcome.step().map(|it| it.as_str()),
        state: None,
        fault: None,
        message: None,
        bucket: None,
        crash: None,
        started: record.started.map(moment),
        boots: &record.boots,
        evidence: &record.evidence,
        ladder: ladder(&record.ladder),
        notes: record.notes.iter().map(text::line).collect(),
        abandoned: record.abandoned.iter().map(abandoned).collect(),
    };
    match &record.outcome {
        ArmOutcome::Up => {}
        ArmOutcome::Failed { failure, .. } => {
            json.state = Some(failure.state.as_str());
            json.message = Some(text::line(&failure.message));
            json.bucket = failure.bucket().map(|it| it.0.as_str());
            json.crash = failure.crash.as_deref();
        }
        ArmOutcome::Fault { fault, .. } => {
            json.fault = Some(fault.kind.as_str());
            json.message = Some(text::line(&fault.message));
        }
        ArmOutcome::NotRun { reason } => json.message = Some(text::line(reason)),
    }
    json
}

fn abandoned(attempt: &AbandonedAttempt) -> AbandonedJson<'_> {
    AbandonedJson {
        step: attempt.step.as_str(),
        fault: attempt.fault.kind.as_str(),
        message: text::line(&attempt.fault.message),
        at: moment(attempt.at),
        evidence: &attempt.evidence,
        ladder: ladder(&attempt.ladder),
        notes: attempt.notes.iter().map(text::line).collect(),
    }
}

/// Reasons may quote the guest.
fn ladder(rungs: &[RungRecord]) -> Vec<RungRecord> {
    let clean = |it: &RungOutcome| match it {
        RungOutcome::Gave { files, what, lacks } => RungOutcome::Gave {
            files: *files,
            what: what.as_ref().map(text::line),
            lacks: lacks.as_ref().map(text::line),
        },
        RungOutcome::Nothing { why } => RungOutcome::Nothing { why: text::line(why) },
        RungOutcome::Failed { why } => RungOutcome::Failed { why: text::line(why) },
        RungOutcome::Skipped { why } => RungOutcome::Skipped { why: text::line(why) },
        RungOutcome::Encrypted => RungOutcome::Encrypted,
    };
    rungs.iter().map(|it| RungRecord { outcome: clean(&it.outcome), ..it.clone() }).collect()
}
