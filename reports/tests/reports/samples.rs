//! One checked-in example of every format, made from a checked-in event log.

use std::sync::OnceLock;

use coexist_model::{ArmOutcome, Event, Run, Verdict};
use coexist_reports::{JunitOptions, Report, index_html, junit, run_json, summary_md, summary_text};

use crate::{at, sample};

const ACCEPT: &str = "COEXIST_ACCEPT=1 cargo test -p coexist-reports --test reports samples";

/// The sample's run.
pub(crate) fn run() -> Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| Run::fold(sample::events()).unwrap()).clone()
}

pub(crate) fn check(name: &str, content: &str) {
    let path = at("samples").join(name);
    if std::env::var_os("COEXIST_ACCEPT").is_some() {
        std::fs::write(&path, content).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let line = golden.lines().zip(content.lines()).position(|(old, new)| old != new);
    let at = line.unwrap_or(golden.lines().count().min(content.lines().count()));
    assert!(
        golden == content,
        "samples/{name} differs from line {}:\n- {}\n+ {}\nto accept: {ACCEPT}",
        at + 1,
        golden.lines().nth(at).unwrap_or("(end)"),
        content.lines().nth(at).unwrap_or("(end)")
    );
}

#[test]
fn every_format_is_as_its_sample() {
    let log: String = sample::events().iter().map(|it| serde_json::to_string(it).unwrap() + "\n").collect();
    check("events.jsonl", &log);
    // Read back as `coexist report` reads it.
    let events = log.lines().map(|line| serde_json::from_str::<Event>(line).unwrap());
    let run = Run::fold(events).unwrap();
    assert_eq!(run, self::run());
    let verdicts = coexist_judge::verdicts(&run);
    let report = Report::new(&run, &verdicts).unwrap();
    let options = JunitOptions { folder: "reports/out/20261123T051000Z-4f2a".to_owned(), ..JunitOptions::default() };
    let documents = junit(report, &options).unwrap();
    assert_eq!(documents.len(), 1);
    check("junit.xml", &documents[0].xml);
    check("run.json", &run_json(report).unwrap());
    check("summary.md", &summary_md(report));
    check("summary.txt", &summary_text(report));
    check("index.html", &index_html(report, &["junit.xml".to_owned()]));
}

#[test]
fn run_json_says_what_the_contract_says_and_never_null() {
    let run = run();
    let verdicts = coexist_judge::verdicts(&run);
    let json = run_json(Report::new(&run, &verdicts).unwrap()).unwrap();
    assert!(!json.contains("null"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], "coexist.run/1");
    assert_eq!(json["exit_code"], 1);
    assert_eq!(json["exit_reason"], "1 cell regressed");
    assert_eq!(json["stand_in"], true);
    let cell = &json["cells"][2];
    assert_eq!(cell["verdict"], "regressed");
    assert_eq!(cell["arms"]["baseline"]["outcome"], "up");
    assert_eq!(cell["arms"]["baseline"]["boots"][0]["ended"], "clean");
    let candidate = &cell["arms"]["candidate"];
    assert_eq!((&candidate["step"], &candidate["state"]), (&"reboot-1".into(), &"loop".into()));
    assert_eq!(candidate["crash"]["stop_code"], "0x1000007e");
    assert_eq!(candidate["evidence"][2]["rung"], "disk");
    assert_eq!(json["problems"][0]["bucket"], cell["bucket"]);
    assert_eq!(json["problems"][0]["cells"][0], cell["id"]);
    assert_eq!(json["problems"][0]["state"], "new");
    let verdicts: Vec<_> = json["cells"].as_array().unwrap().iter().map(|it| it["verdict"].as_str().unwrap()).collect();
    let expected = ["compatible", "compatible", "regressed", "already-broken", "inconclusive", "not-run"];
    assert_eq!(verdicts, expected);
}

#[test]
fn the_lab_s_own_power_cut_is_no_sign_of_the_product() {
    let xml = std::fs::read_to_string(at("samples/junit.xml")).unwrap();
    let machines: Vec<&str> = xml.lines().filter(|line| line.starts_with("machine: ")).collect();
    assert!(machines.contains(&"machine: 4 boot edges, 3 crashes told of"), "{machines:?}");
    let died = |line: &&str| line.ends_with(", process ended: signal 9");
    assert_eq!(machines.iter().copied().filter(died).count(), 1, "a process that ended by itself is told of");
    assert!(!xml.contains("process ended: exit code 0"));
    assert!(xml.contains(
        "boots: 1 of 4 good: up after 2.900 s (reached ssh), bugcheck after 0.950 s (reached kernel), bugcheck"
    ));
    assert!(!xml.contains("power was lost"));
}

#[test]
fn a_clean_run_s_exit_code_is_explained_by_its_counts() {
    let mut run = run();
    run.plan.cells.truncate(2);
    run.cells.truncate(2);
    let verdicts = coexist_judge::verdicts(&run);
    let text = summary_text(Report::new(&run, &verdicts).unwrap());
    let line = "exit code 0: every cell has a verdict and none accuses the candidate (2 compatible)";
    assert_eq!(text.lines().last(), Some(line));
    assert!(!text.contains("problems"));
}

#[test]
fn an_abandoned_attempt_of_a_green_cell_is_told_once_with_its_evidence() {
    let run = run();
    let verdicts = coexist_judge::verdicts(&run);
    let report = Report::new(&run, &verdicts).unwrap();
    let [attempt] = &run.cells[1].candidate.abandoned[..] else { panic!("one attempt") };
    let formats = [summary_text(report), summary_md(report), index_html(report, &[])];
    for (text, title) in formats.iter().zip(["\nbegun anew, ", "\n## Begun anew, ", "<h2>Begun anew, "]) {
        let (before, section) = text.split_once(title).unwrap();
        assert!(!before.contains("1 of the candidate arm: port-taken"), "{before}");
        assert_eq!(section.matches("1 of the candidate arm: port-taken in step provision: ").count(), 1, "{section}");
        assert!(section.contains(&attempt.evidence[0].path), "{section}");
    }
}

#[test]
fn a_cell_told_of_anyway_tells_of_its_attempts_there() {
    let mut run = run();
    run.cells[2].baseline.abandoned = run.cells[1].candidate.abandoned.clone();
    run.cells[1].candidate.abandoned.clear();
    let verdicts = coexist_judge::verdicts(&run);
    let report = Report::new(&run, &verdicts).unwrap();
    for text in [summary_text(report), summary_md(report), index_html(report, &[])] {
        assert!(!text.to_lowercase().contains("begun anew, "), "{text}");
        assert_eq!(text.matches("1 of the baseline arm: port-taken").count(), 1, "{text}");
    }
    let xml = &junit(report, &JunitOptions::default()).unwrap()[0].xml;
    assert!(!xml.contains("\nattempt: "), "the baseline passed: its suite's properties tell");
    assert!(xml.contains("name=\"lab.attempt.1\""), "{xml}");
}

#[test]
fn junit_numbers_the_attempts_of_an_arm_that_ended_badly() {
    let mut run = run();
    run.cells[4].candidate.abandoned = vec![run.cells[1].candidate.abandoned[0].clone(); 2];
    let verdicts = coexist_judge::verdicts(&run);
    let xml = &junit(Report::new(&run, &verdicts).unwrap(), &JunitOptions::default()).unwrap()[0].xml;
    for number in 1..=2 {
        let line = format!("\nattempt: {number} of the candidate arm: port-taken in step provision: ");
        assert_eq!(xml.matches(&line).count(), 1, "{xml}");
    }
}

#[test]
fn a_masked_cell_is_no_fault_of_the_lab() {
    let mut run = run();
    let ArmOutcome::Failed { step, .. } = &mut run.cells[3].baseline.outcome else { panic!("a failure") };
    *step = "candidate".into();
    let verdicts = coexist_judge::verdicts(&run);
    assert_eq!(verdicts.cells[3].verdict, Verdict::Inconclusive);
    let text = summary_text(Report::new(&run, &verdicts).unwrap());
    let (_, section) = text.split_once("\nno verdict\n").unwrap();
    let line = |cell: usize, words: &str| format!("  {}: {words}\n", run.plan.cells[cell].id);
    let masked = line(3, "the baseline fails earlier and hides what the candidate would do there");
    assert!(section.contains(&masked), "{section}");
    assert!(section.contains(&line(4, "the lab failed the candidate arm")), "{section}");
}

#[test]
fn the_last_screen_cannot_speak_to_a_ci_system() {
    let mut run = run();
    run.plan.matrix.name = "::error::x ##[command] \u{1b}[2J\r\n::set-output::".to_owned();
    for arms in &mut run.cells {
        if let ArmOutcome::Failed { failure, .. } = &mut arms.candidate.outcome {
            failure.crash = None;
            failure.message = "\n::add-mask::y\n##vso[task.complete]".to_owned();
        }
    }
    let verdicts = coexist_judge::verdicts(&run);
    let text = summary_text(Report::new(&run, &verdicts).unwrap());
    assert!(!text.contains('\u{1b}') && !text.contains("##"));
    assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{text}");
}
