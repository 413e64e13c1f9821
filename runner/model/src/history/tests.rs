//! The table of `standing.rs`, row by row; and what a run leaves.

use super::*;
use crate::{
    Check, CheckOutcome, CheckRecord, Event, FailureState, FaultKind, Happening, Host, Install, Judgement, LabFault,
    Method, Pace, Plan, PlannedProbe, Probe, Restart, SettingValue, Step, StepFailure,
};

const AT: i64 = 1_700_000_000_000;
const CHECKS: [&str; 4] = ["hvci is still on", "acme service", "globex service", "no bugcheck"];

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(AT + ms).unwrap()
}

fn install(agent: &str, version: &str, package: &str) -> Step {
    let install = Install {
        agent: agent.into(),
        version: version.to_owned(),
        package: package.into(),
        file_name: "setup.msi".to_owned(),
        method: Method::Msi { arguments: Vec::new() },
        exit_codes: BTreeMap::new(),
        then: Vec::new(),
        deadline: Seconds::from_secs(60),
        restart: Seconds::from_secs(60),
        look: Seconds::from_secs(60),
    };
    step(&format!("install-{agent}"), Action::Install(Box::new(install)), &[])
}

fn step(id: &str, action: Action, checks: &[&str]) -> Step {
    let checks = checks.iter().map(|name| Check { name: (*name).to_owned(), line: 1 }).collect();
    Step { id: id.into(), action, deadline: Seconds::from_secs(60), checks }
}

fn probe_step(probed: &[&str]) -> Step {
    let setting = SettingValue {
        setting: "hvci".to_owned(),
        value: "on".to_owned(),
        apply: Vec::new(),
        read_back: Vec::new(),
        restart: Restart::NotNeeded,
    };
    let probe = |agent: &&str| PlannedProbe { agent: (*agent).into(), probe: Probe::Service { name: "S".to_owned() } };
    let look = Seconds::from_secs(5);
    let action = Action::Probe { settings: vec![setting], probes: probed.iter().map(probe).collect(), look };
    let checks: Vec<_> = CHECKS[..=probed.len()].iter().chain(&CHECKS[3..]).copied().collect();
    step("probe", action, &checks)
}

/// A cell of acme and globex with memory integrity on; its probe step looks at the agents that are named.
fn cell(probed: &[&str]) -> Cell {
    let agent = |id: &str, version: &str| AgentChoice { id: id.into(), version: version.to_owned() };
    let steps = vec![install("globex", "7.0", "g70"), install("acme", "4.1", "a41"), probe_step(probed)];
    Cell {
        id: "w11.hvci-on.globex+acme".into(),
        image: "w11".into(),
        settings: [("hvci".to_owned(), "on".to_owned())].into(),
        agents: vec![agent("globex", "7.0"), agent("acme", "4.1")],
        wave: None,
        arms: Arms { baseline: steps.clone(), candidate: steps },
    }
}

fn failed() -> ArmOutcome {
    let failure = StepFailure { state: FailureState::Loop, message: "seen".to_owned(), bucket: None, crash: None };
    ArmOutcome::Failed { step: "install-acme".into(), failure }
}

fn fault() -> ArmOutcome {
    ArmOutcome::Fault { step: "install-acme".into(), fault: LabFault::new(FaultKind::QemuDied, "gone") }
}

/// The record of an arm in which these checks passed.
fn record(cell: &Cell, outcome: ArmOutcome, passed: &[&str]) -> ArmRecord {
    let mut run = run(vec![cell.clone()]);
    let mut record = run.cells.remove(0).baseline;
    for (name, check) in &mut record.checks {
        if passed.contains(&name.as_str()) {
            *check = CheckRecord { outcome: CheckOutcome::Passed, at: at(1), took_s: Seconds::default() };
        }
    }
    record.ended = true;
    record.outcome = outcome;
    record
}

fn run(cells: Vec<Cell>) -> Run {
    let plan = Plan {
        schema: crate::PLAN_SCHEMA.to_owned(),
        matrix: MatrixRef { name: "m".to_owned(), title: None, path: "m.yaml".to_owned(), sha256: "d".into() },
        candidate: CandidateRef {
            agent: "globex".into(),
            vendor: "Globex".to_owned(),
            kind: crate::CandidateKind::Content,
            version: "291".to_owned(),
            sha256: Some("c291".into()),
            signing: None,
        },
        images: BTreeMap::new(),
        packages: BTreeMap::new(),
        driver_owners: BTreeMap::new(),
        lab_fault_retries: 2,
        coverage: None,
        cells,
    };
    let host = Host {
        name: "lab".to_owned(),
        acceleration: "tcg".to_owned(),
        qemu: "7.2".to_owned(),
        pace: Pace::default(),
        notes: Vec::new(),
    };
    let what =
        Happening::RunStarted { schema: crate::EVENTS_SCHEMA.to_owned(), run: "r1".into(), host, plan: Box::new(plan) };
    Run::begin(Event { at: at(0), what }).unwrap()
}

#[test]
fn the_rule_of_what_counts_row_by_row() {
    use Standing::{Masked, Tested};
    use Verdict::{AlreadyBroken, Compatible, Fixed, Flaky, Inconclusive, NotRun, Regressed};
    let all = &CHECKS[..];
    let (without_setting, without_agent) = (&CHECKS[1..], &CHECKS[..2]);
    let cell = cell(&["acme", "globex"]);
    // Verdict; baseline's outcome and passed checks; the candidate's; what it comes to.
    type Told<'a> = (ArmOutcome, &'a [&'a str]);
    let rows: [(Verdict, Told<'_>, Told<'_>, Standing); 13] = [
        (Compatible, (ArmOutcome::Up, all), (ArmOutcome::Up, all), Tested),
        (Compatible, (ArmOutcome::Up, without_agent), (ArmOutcome::Up, all), Masked),
        (Compatible, (ArmOutcome::Up, all), (ArmOutcome::Up, without_agent), Masked),
        (Compatible, (ArmOutcome::Up, all), (ArmOutcome::Up, without_setting), Masked),
        (Fixed, (failed(), &[]), (ArmOutcome::Up, all), Tested),
        (Fixed, (failed(), all), (ArmOutcome::Up, without_agent), Masked),
        (Regressed, (ArmOutcome::Up, all), (failed(), &[]), Masked),
        (Regressed, (failed(), &[]), (failed(), &[]), Masked),
        (Flaky, (ArmOutcome::Up, all), (ArmOutcome::Up, all), Masked),
        (AlreadyBroken, (failed(), &[]), (failed(), &[]), Masked),
        (Inconclusive, (fault(), &[]), (ArmOutcome::Up, all), Masked),
        (Inconclusive, (ArmOutcome::Up, all), (fault(), &[]), Masked),
        (NotRun, (ArmOutcome::Up, all), (ArmOutcome::Up, all), Masked),
    ];
    for (row, (verdict, baseline, candidate, expected)) in rows.into_iter().enumerate() {
        let records = Arms {
            baseline: record(&cell, baseline.0, baseline.1),
            candidate: record(&cell, candidate.0, candidate.1),
        };
        assert_eq!(standing(&cell, &records, verdict), expected, "row {row}: {verdict}");
    }
}

#[test]
fn a_record_that_contradicts_its_verdict_masks() {
    let cell = cell(&["acme", "globex"]);
    let up = || record(&cell, ArmOutcome::Up, &CHECKS);
    let records = |baseline, candidate| Arms { baseline, candidate };
    assert_eq!(standing(&cell, &records(fault_record(&cell), up()), Verdict::Fixed), Standing::Masked);
    assert_eq!(standing(&cell, &records(up(), fault_record(&cell)), Verdict::Compatible), Standing::Masked);
    let cut_off = ArmRecord { ended: false, ..up() };
    assert_eq!(standing(&cell, &records(cut_off, up()), Verdict::Compatible), Standing::Masked);
}

fn fault_record(cell: &Cell) -> ArmRecord {
    record(cell, fault(), &CHECKS)
}

#[test]
fn an_agent_that_nobody_looks_at_is_not_attested() {
    let cell = cell(&["acme"]);
    let up = record(&cell, ArmOutcome::Up, &CHECKS);
    let records = Arms { baseline: up.clone(), candidate: up };
    assert_eq!(standing(&cell, &records, Verdict::Compatible), Standing::Masked);
}

#[test]
fn a_run_leaves_its_judged_cells_with_digests_and_cost() {
    let cell = cell(&["acme", "globex"]);
    let mut run = run(vec![cell.clone(), Cell { id: "second".into(), ..cell.clone() }]);
    run.ended = at(9000);
    let mut up = record(&cell, ArmOutcome::Up, &CHECKS);
    up.steps = [("a".into(), Seconds::from_millis(1500)), ("b".into(), Seconds::from_millis(500))].into();
    run.cells[0] = Arms { baseline: up.clone(), candidate: record(&cell, fault(), &CHECKS) };
    let judged = |verdict| Judgement { verdict, reason: String::new() };
    let verdicts =
        Verdicts { cells: vec![judged(Verdict::Inconclusive), judged(Verdict::NotRun)], problems: Vec::new() };
    let past = past_run(&run, &verdicts);
    assert_eq!((past.run.as_str(), past.at, past.matrix.name.as_str()), ("r1", at(9000), "m"));
    let [only] = &past.cells[..] else { panic!("the second cell never ran: {past:?}") };
    assert_eq!((only.verdict, only.standing), (Verdict::Inconclusive, Standing::Masked));
    assert_eq!(only.agents, cell.agents, "in the order of installation");
    assert_eq!(only.candidate, Some("c291".into()));
    let digests = [("acme".into(), "a41".into()), ("globex".into(), "g70".into())];
    assert_eq!(only.digests, Digests { image: None, agents: digests.into() }, "an image that the plan lacks has none");
    let cost = ArmCost { took: Seconds::from_secs(2), boots: 0, disk: None };
    assert_eq!(only.cost, Arms { baseline: Some(cost), candidate: None }, "a fault of the lab has no price");
}
