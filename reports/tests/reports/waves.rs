//! A run that a wave held back: the sample with its first three cells as canaries, of which one regressed.

use coexist_model::{Event, Exit, Happening, HeldWave, Run, Signing, Verdict};
use coexist_reports::{JunitOptions, Report, index_html, junit, run_json, summary_md, summary_text};

use crate::{sample, samples};

const REASON: &str = "held: wave canary was not clean: standin-client.hvci-on.acme-endpoint+globex-sensor";

fn events() -> Vec<Event> {
    let mut events = sample::events();
    let Happening::RunStarted { plan, .. } = &mut events[0].what else { panic!("{:?}", events[0]) };
    plan.candidate.signing = Some(Signing::Test);
    for (number, cell) in plan.cells.iter_mut().enumerate() {
        cell.wave = Some(if number < 3 { "canary" } else { "rest" }.to_owned());
    }
    let (not_clean, behind) = (plan.cells[2].id.clone(), plan.cells[3].id.clone());
    let end = events.iter().position(|event| event.what == Happening::CellStarted { cell: behind.clone() }).unwrap();
    events.truncate(end);
    let at = events[end - 1].at;
    let held = HeldWave { wave: "canary".to_owned(), not_clean: vec![not_clean] };
    events.push(Event { at, what: Happening::WaveHeld { held } });
    events.push(Event { at, what: Happening::RunEnded { ending: coexist_model::Ending::Completed } });
    events
}

#[test]
fn every_format_says_what_was_held_and_why() {
    let log: String = events().iter().map(|it| serde_json::to_string(it).unwrap() + "\n").collect();
    assert!(log.contains(r#""event":"wave-held","wave":"canary","not_clean":["#));
    let run = Run::fold(log.lines().map(|line| serde_json::from_str::<Event>(line).unwrap())).unwrap();
    let verdicts = coexist_judge::verdicts(&run);
    for judgement in &verdicts.cells[3..] {
        assert_eq!((judgement.verdict, judgement.reason.as_str()), (Verdict::NotRun, REASON));
    }
    let report = Report::new(&run, &verdicts).unwrap();
    assert_eq!(report.exit(), Exit::ProductFailure, "a canary regressed: that it holds others hides nothing");
    let documents = junit(report, &JunitOptions::default()).unwrap();
    samples::check("held/junit.xml", &documents[0].xml);
    samples::check("held/summary.md", &summary_md(report));
    samples::check("held/summary.txt", &summary_text(report));
    samples::check("held/index.html", &index_html(report, &["junit.xml".to_owned()]));
    let json = run_json(report).unwrap();
    samples::check("held/run.json", &json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["held"]["wave"], "canary");
    assert_eq!(json["held"]["not_clean"][0], json["cells"][2]["id"]);
    assert_eq!((&json["cells"][0]["wave"], &json["cells"][5]["wave"]), (&"canary".into(), &"rest".into()));
    assert_eq!(json["candidate"]["signing"], "test");
    for text in [&documents[0].xml, &summary_md(report), &summary_text(report), &index_html(report, &[])] {
        let said = text.replace('\\', "");
        assert!(said.contains("held: wave canary was not clean"), "{text}");
        assert!(said.contains("signing: test") || text == &documents[0].xml, "{text}");
    }
}

#[test]
fn a_run_without_waves_says_nothing_of_them() {
    let run = samples::run();
    let verdicts = coexist_judge::verdicts(&run);
    let report = Report::new(&run, &verdicts).unwrap();
    for text in [run_json(report).unwrap(), summary_md(report), summary_text(report), index_html(report, &[])] {
        assert!(!text.contains("wave") && !text.contains("held:") && !text.contains("signing"), "{text}");
    }
}
