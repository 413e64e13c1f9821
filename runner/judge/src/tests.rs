//! The table, row by row, over every pair of outcomes; and what runs make of it.

use std::collections::BTreeMap;
use std::path::Path;

use coexist_model::{
    Action, AgentId, Arm, ArmOutcome, Arms, Blame, Bucket, CandidateKind, CandidateRef, Cell, Check, CheckOutcome,
    Crash, Event, FailureState, FaultKind, Happening, Hex, Host, LabFault, MatrixRef, PLAN_SCHEMA, Pace, Plan, Run,
    Seconds, Sha256, Step, StepFailure, Strength, USUAL_LAB_FAULT_RETRIES, Verdict,
};
use jiff::Timestamp;

use crate::record::judge_run;
use crate::{judge, verdicts};

const STEPS: [&str; 3] = ["install-acme", "candidate", "reboot-1"];

fn cell(id: &str) -> Cell {
    let step = |id: &&str| Step {
        id: (*id).into(),
        action: Action::Hold,
        deadline: Seconds::from_secs(60),
        checks: vec![Check { name: format!("4-x: {id}"), line: 1 }],
    };
    let steps: Vec<_> = STEPS.iter().map(step).collect();
    Cell {
        id: id.into(),
        image: "image".into(),
        settings: BTreeMap::new(),
        agents: Vec::new(),
        wave: None,
        arms: Arms { baseline: steps.clone(), candidate: steps },
    }
}

fn failure(state: FailureState, bucket: Option<&str>) -> StepFailure {
    StepFailure { state, message: "seen".to_owned(), bucket: bucket.map(|it| Bucket(it.to_owned())), crash: None }
}

/// An outcome by name: `up`, `fault KIND`, `not-run`, `failed STEP STATE BUCKET` with `?` for an unknown bucket.
fn outcome(spec: &str) -> ArmOutcome {
    let words: Vec<_> = spec.split(' ').collect();
    match words[..] {
        ["up"] => ArmOutcome::Up,
        ["not-run"] => ArmOutcome::NotRun { reason: "stopped".to_owned() },
        ["fault", step] => {
            ArmOutcome::Fault { step: step.into(), fault: LabFault::new(FaultKind::QemuDied, "QEMU is gone") }
        }
        ["failed", step, state, bucket] => {
            let state = match state {
                "loop" => FailureState::Loop,
                "install" => FailureState::Install,
                other => panic!("{other}"),
            };
            let bucket = (bucket != "?").then_some(bucket);
            ArmOutcome::Failed { step: step.into(), failure: failure(state, bucket) }
        }
        _ => panic!("{spec}"),
    }
}

const BASELINES: [&str; 6] = [
    "up",
    "failed candidate loop A",
    "failed candidate loop ?",
    "failed candidate install A",
    "fault candidate",
    "not-run",
];

fn candidates() -> Vec<String> {
    let mut all: Vec<String> = ["up", "fault candidate", "not-run"].map(str::to_owned).to_vec();
    for step in STEPS {
        for what in ["loop A", "loop B", "loop ?", "install A", "install ?"] {
            all.push(format!("failed {step} {what}"));
        }
    }
    all
}

/// The design's table: baseline, candidate, what the failures have in common, verdict.
type Row = (fn(&str) -> bool, fn(&str) -> bool, fn(&str, &str) -> bool, Verdict);

fn up(spec: &str) -> bool {
    spec == "up"
}
fn failed(spec: &str) -> bool {
    spec.starts_with("failed")
}
fn fault(spec: &str) -> bool {
    spec.starts_with("fault")
}
fn not_run(spec: &str) -> bool {
    spec == "not-run"
}
fn ran(spec: &str) -> bool {
    !not_run(spec)
}
fn any(_: &str) -> bool {
    true
}
fn whatever(_: &str, _: &str) -> bool {
    true
}
fn place(spec: &str) -> Option<usize> {
    STEPS.iter().position(|it| spec.split(' ').nth(1) == Some(it))
}
fn same(baseline: &str, candidate: &str) -> bool {
    baseline == candidate && !baseline.ends_with('?')
}
fn other(baseline: &str, candidate: &str) -> bool {
    place(baseline) == place(candidate) && !same(baseline, candidate)
}
fn earlier(baseline: &str, candidate: &str) -> bool {
    place(candidate) < place(baseline)
}
fn later(baseline: &str, candidate: &str) -> bool {
    place(candidate) > place(baseline)
}

const TABLE: [Row; 12] = [
    (up, up, whatever, Verdict::Compatible),
    (up, failed, whatever, Verdict::Regressed),
    (failed, up, whatever, Verdict::Fixed),
    (failed, failed, same, Verdict::AlreadyBroken),
    (failed, failed, other, Verdict::Regressed),
    (failed, failed, earlier, Verdict::Regressed),
    (failed, failed, later, Verdict::Inconclusive),
    (fault, ran, whatever, Verdict::Inconclusive),
    (up, fault, whatever, Verdict::Inconclusive),
    (failed, fault, whatever, Verdict::Inconclusive),
    (not_run, any, whatever, Verdict::NotRun),
    (ran, not_run, whatever, Verdict::NotRun),
];

#[test]
fn every_pair_of_outcomes_meets_exactly_one_row_and_gets_its_verdict() {
    let mut used = [0; TABLE.len()];
    for baseline in BASELINES {
        for candidate in candidates() {
            let rows: Vec<_> = TABLE
                .iter()
                .enumerate()
                .filter(|(_, (b, c, meeting, _))| b(baseline) && c(&candidate) && meeting(baseline, &candidate))
                .collect();
            let [(index, row)] = rows[..] else { panic!("{} rows for {baseline} / {candidate}", rows.len()) };
            used[index] += 1;
            let judgement = judge(&cell("c"), &outcome(baseline), &outcome(&candidate));
            assert_eq!(judgement.verdict, row.3, "{baseline} / {candidate}: {}", judgement.reason);
        }
    }
    assert!(used.iter().all(|count| *count > 0), "a row that nothing meets: {used:?}");
}

#[test]
fn verdicts_and_reasons_are_those_of_the_golden_file() {
    let mut table = String::from("# baseline | candidate | verdict | exit | reason\n");
    for baseline in BASELINES {
        for candidate in candidates() {
            let it = judge(&cell("c"), &outcome(baseline), &outcome(&candidate));
            let exit = it.verdict.exit().code();
            table.push_str(&format!("{baseline} | {candidate} | {} | {exit} | {}\n", it.verdict, it.reason));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/table.txt");
    if std::env::var_os("COEXIST_ACCEPT").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(table, golden, "to accept: COEXIST_ACCEPT=1 cargo test -p coexist-judge");
}

fn crash(strength: Strength) -> Crash {
    Crash {
        format: Some("triage64".to_owned()),
        stop_code: Hex(0x1000_007e),
        stop_name: Some("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M".to_owned()),
        parameters: Vec::new(),
        build: None,
        architecture: None,
        time: None,
        uptime_s: None,
        processors: None,
        process: None,
        drivers: Vec::new(),
        unloaded: Vec::new(),
        stack: Vec::new(),
        blame: Blame {
            strength,
            module: (strength != Strength::None).then(|| "globexflt.sys".to_owned()),
            offset: Some(Hex(0x1a2b)),
            vendor: Some("Globex".to_owned()),
            reason: "parameter 2".to_owned(),
        },
        bucket: Bucket("7e|c0000005|globexflt.sys+0x1a2b|5f1a2b3c-40000".to_owned()),
        notes: Vec::new(),
    }
}

#[test]
fn a_crash_is_named_by_code_driver_and_vendor_as_far_as_the_evidence_goes() {
    let cases = [
        (Strength::Strong, "_M in globexflt.sys+0x1a2b (Globex); the baseline passed"),
        (Strength::Likely, "_M, likely in globexflt.sys+0x1a2b (Globex); the baseline passed"),
        (Strength::Weak, "_M, perhaps in globexflt.sys+0x1a2b (Globex); the baseline passed"),
        (Strength::None, "_M, no driver named by the evidence; the baseline passed"),
    ];
    for (strength, end) in cases {
        let failure = StepFailure { crash: Some(Box::new(crash(strength))), ..failure(FailureState::Loop, None) };
        let candidate = ArmOutcome::Failed { step: "reboot-1".into(), failure };
        let reason = judge(&cell("c"), &ArmOutcome::Up, &candidate).reason;
        let start = "a boot loop in step reboot-1: stop 0x1000007e SYSTEM_THREAD_EXCEPTION_NOT_HANDLED";
        assert_eq!(reason, format!("{start}{end}"));
    }
}

#[test]
fn a_crash_lends_its_bucket_to_a_failure_without_one() {
    let failure = StepFailure { crash: Some(Box::new(crash(Strength::Weak))), ..failure(FailureState::Loop, None) };
    let arm = ArmOutcome::Failed { step: "reboot-1".into(), failure };
    assert_eq!(judge(&cell("c"), &arm, &arm).verdict, Verdict::AlreadyBroken);
}

/// Two stops of one code are not one crash: without a place nothing proves them equal, and a new crash stays seen.
#[test]
fn stops_that_name_no_place_are_not_proved_equal() {
    for bucket in ["ef|0|-|-", "4a|-|in notmyfault64.e|-", "9f|3|in system+0x|-"] {
        let mut stop = crash(Strength::None);
        stop.bucket = Bucket(bucket.to_owned());
        let failure = StepFailure { crash: Some(Box::new(stop)), ..failure(FailureState::Loop, None) };
        let arm = ArmOutcome::Failed { step: "reboot-1".into(), failure };
        assert_eq!(judge(&cell("c"), &arm, &arm).verdict, Verdict::Regressed, "{bucket}");
    }
}

#[test]
fn a_step_outside_the_plan_accuses_nobody_and_clears_nobody() {
    let strange = ArmOutcome::Failed { step: "elsewhere".into(), failure: failure(FailureState::Loop, Some("A")) };
    let known = outcome("failed reboot-1 loop A");
    for (baseline, candidate) in [(&strange, &known), (&known, &strange), (&strange, &strange)] {
        assert_eq!(judge(&cell("c"), baseline, candidate).verdict, Verdict::Inconclusive);
    }
}

/// A run of cells `c0`, `c1`, … with these outcomes; checks as the last argument says, for arms that are `up`.
fn run(outcomes: &[(&str, &str)], check: &CheckOutcome) -> Run {
    let at = Timestamp::UNIX_EPOCH;
    let plan = Plan {
        schema: PLAN_SCHEMA.to_owned(),
        matrix: MatrixRef { name: "m".to_owned(), title: None, path: "m.yaml".to_owned(), sha256: Sha256::from("") },
        candidate: CandidateRef {
            agent: AgentId::from("acme"),
            vendor: "Acme".to_owned(),
            kind: CandidateKind::Content,
            version: "2".to_owned(),
            sha256: None,
            signing: None,
        },
        images: BTreeMap::new(),
        packages: BTreeMap::new(),
        driver_owners: BTreeMap::new(),
        lab_fault_retries: USUAL_LAB_FAULT_RETRIES,
        coverage: None,
        cells: (0..outcomes.len()).map(|index| cell(&format!("c{index}"))).collect(),
    };
    let host = Host {
        name: "h".to_owned(),
        acceleration: "tcg".to_owned(),
        qemu: "7.2".to_owned(),
        pace: Pace::AS_PLANNED,
        notes: Vec::new(),
    };
    let start = Happening::RunStarted { schema: String::new(), run: "r".into(), host, plan: Box::new(plan) };
    let mut run = Run::fold([Event { at, what: start }]).unwrap();
    for (arms, (baseline, candidate)) in run.cells.iter_mut().zip(outcomes) {
        for (arm, spec) in [(Arm::Baseline, baseline), (Arm::Candidate, candidate)] {
            arms[arm].outcome = outcome(spec);
            arms[arm].checks.values_mut().for_each(|it| it.outcome = check.clone());
        }
    }
    run
}

#[test]
fn up_is_believed_only_when_every_planned_check_passed() {
    let fault = LabFault::new(FaultKind::HostFile, "no");
    let cases = [
        (CheckOutcome::Passed, Verdict::Compatible),
        (CheckOutcome::Failed { failure: failure(FailureState::Hang, Some("A")) }, Verdict::AlreadyBroken),
        (CheckOutcome::Faulted { fault }, Verdict::Inconclusive),
        (CheckOutcome::NotRun { reason: "no".to_owned() }, Verdict::NotRun),
    ];
    for (check, verdict) in cases {
        assert_eq!(judge_run(&run(&[("up", "up")], &check))[0].verdict, verdict, "{check:?}");
    }
    let mut forgotten = run(&[("up", "up")], &CheckOutcome::Passed);
    forgotten.cells[0].candidate.checks.clear();
    assert_eq!(judge_run(&forgotten)[0].verdict, Verdict::NotRun);
}

#[test]
fn regressed_cells_with_one_bucket_are_one_problem() {
    let run = run(
        &[
            ("up", "failed reboot-1 loop A"),
            ("up", "up"),
            ("up", "failed reboot-1 loop ?"),
            ("failed reboot-1 loop A", "failed reboot-1 loop A"),
            ("failed reboot-1 loop B", "failed reboot-1 loop A"),
            ("up", "failed reboot-1 loop ?"),
        ],
        &CheckOutcome::Passed,
    );
    let found: Vec<_> = verdicts(&run)
        .problems
        .into_iter()
        .map(|it| {
            let cells: Vec<_> = it.cells.iter().map(|cell| cell.as_str().to_owned()).collect();
            (it.bucket.map(|bucket| bucket.0), cells.join(" "), it.state.as_str())
        })
        .collect();
    let a = Some("A".to_owned());
    let expected = [(a, "c0 c4".to_owned(), "new"), (None, "c2".to_owned(), "new"), (None, "c5".to_owned(), "new")];
    assert_eq!(found, expected);
}
