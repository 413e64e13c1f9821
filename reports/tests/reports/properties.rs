//! What holds for every run, whatever its guests say.

use coexist_model::{CheckOutcome, Exit, Run};
use coexist_reports::{
    Dialect, JunitOptions, Report, Totals, index_html, junit, run_json, summary_md, summary_text, text,
};
use proptest::prelude::*;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::{arbitrary, at, schemas};

/// A case as a reader sees it.
#[derive(Debug, Default, PartialEq)]
struct Read {
    suite: String,
    name: String,
    result: Option<(String, String, String)>,
    output: String,
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let found = tag.try_get_attribute(name).unwrap().unwrap_or_else(|| panic!("no {name}"));
    found.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned()
}

/// Reads a report as a consumer would; panics where it is not well-formed.
fn read(xml: &str) -> (Totals, Vec<Read>) {
    let (mut cases, mut told, mut suite, mut text) =
        (Vec::<Read>::new(), Totals::default(), String::new(), String::new());
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                text.clear();
                match tag.name().as_ref() {
                    b"testsuites" => {
                        let number = |name| attribute(tag, name).parse().unwrap();
                        told = Totals {
                            tests: number("tests"),
                            failures: number("failures"),
                            errors: number("errors"),
                            skipped: number("skipped"),
                        };
                    }
                    b"testsuite" => suite = attribute(tag, "name"),
                    b"testcase" => {
                        cases.push(Read { suite: suite.clone(), name: attribute(tag, "name"), ..Read::default() });
                    }
                    kind @ (b"failure" | b"error" | b"skipped") => {
                        let kind = String::from_utf8(kind.to_vec()).unwrap();
                        let result = (kind, attribute(tag, "message"), String::new());
                        assert!(cases.last_mut().unwrap().result.replace(result).is_none(), "two results");
                    }
                    b"properties" | b"property" | b"system-out" => {}
                    other => panic!("a forged <{}>", String::from_utf8_lossy(other)),
                }
            }
            Event::CData(part) => text += &part.decode().unwrap(),
            Event::End(tag) => match tag.name().as_ref() {
                b"failure" | b"error" | b"skipped" => {
                    cases.last_mut().unwrap().result.as_mut().unwrap().2 = std::mem::take(&mut text);
                }
                b"system-out" => cases.last_mut().unwrap().output = std::mem::take(&mut text),
                _ => {}
            },
            Event::Text(part) => assert!(part.decode().unwrap().trim().is_empty(), "text outside a section"),
            Event::Decl(_) => {}
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    (told, cases)
}

fn count(cases: &[Read], kind: &str) -> usize {
    cases.iter().filter(|it| it.result.as_ref().is_some_and(|(it, ..)| it == kind)).count()
}

fn holds(run: &Run) {
    let verdicts = coexist_judge::verdicts(run);
    let report = Report::new(run, &verdicts).unwrap();
    let documents = junit(report, &JunitOptions::default()).unwrap();
    let [document] = &documents[..] else { panic!("{} files", documents.len()) };
    let (told, cases) = read(&document.xml);

    // Counts are equal: told, read, planned.
    let found = Totals {
        tests: cases.len(),
        failures: count(&cases, "failure"),
        errors: count(&cases, "error"),
        skipped: count(&cases, "skipped"),
    };
    assert_eq!((told, document.totals), (found, found));

    // Every planned check is there once, in order, and nothing else but one comparison per cell.
    let mut planned = Vec::new();
    for cell in &run.plan.cells {
        for (role, steps) in [("baseline", &cell.arms.baseline), ("candidate", &cell.arms.candidate)] {
            let suite = format!("{}-{role}", cell.id);
            planned.extend(steps.iter().flat_map(|it| &it.checks).map(|it| (suite.clone(), it.name.clone())));
            if role == "candidate" {
                planned.push((suite, "9-compare: no regression against baseline".to_owned()));
            }
        }
    }
    assert_eq!(cases.iter().map(|it| (it.suite.clone(), it.name.clone())).collect::<Vec<_>>(), planned);

    // The exit code and the report say the same.
    let outstanding = verdicts.cells.iter().any(|it| it.verdict.exit() == Exit::Outstanding);
    let clean = found.failures == 0 && found.errors == 0 && !outstanding;
    assert_eq!(report.exit().code() == 0, clean, "{:?} {found:?}", report.exit());
    assert_eq!(report.exit() == Exit::ProductFailure, found.failures > 0, "{:?} {found:?}", report.exit());

    // A failure or an error is never in a baseline's suite but for a lab fault.
    let baseline_failures = cases.iter().filter(|it| it.suite.ends_with("-baseline"));
    assert_eq!(
        baseline_failures.filter(|it| it.result.as_ref().is_some_and(|(kind, ..)| kind == "failure")).count(),
        0
    );

    // Text is the sanitised input, and bodies begin with the message.
    for it in &cases {
        if let Some((_, message, body)) = &it.result {
            assert_eq!(&text::line(message), message);
            assert_eq!(&text::body(body), body);
            assert!(body.starts_with(message.as_str()));
        }
        for line in it.output.lines().filter(|line| line.contains("[[")) {
            let path = line.strip_prefix("[[ATTACHMENT|").and_then(|it| it.strip_suffix("]]")).unwrap();
            assert!(
                run.cells
                    .iter()
                    .flat_map(|it| [&it.baseline, &it.candidate])
                    .any(|it| { it.evidence.iter().any(|it| it.path == path) })
            );
            // A name may hold two dots; a part that is nothing else leads out of the folder.
            assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
        }
    }

    // No markup of theirs in any other format.
    serde_json::from_str::<serde_json::Value>(&run_json(report).unwrap()).unwrap();
    let page = index_html(report, &["junit.xml".to_owned()]);
    assert!(!page.contains("<script") && !page.contains("<testcase"));
    let summary = summary_md(report);
    assert!(!summary.contains('<') && !summary.contains("](/"));
    let screen = summary_text(report);
    assert!(!screen.contains("##") && !screen.chars().any(|c| c.is_control() && c != '\n'));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn reports_are_well_formed_count_right_and_agree_with_the_exit_code(run in arbitrary::run()) {
        holds(&run);
    }

    #[test]
    fn a_message_comes_out_as_its_sanitised_self(message in arbitrary::hostile()) {
        let mut run = crate::samples::run();
        let check = "2-install: agent acme-endpoint";
        let record = run.cells[1].candidate.checks.get_mut(check).unwrap();
        record.outcome = CheckOutcome::NotRun { reason: message.clone() };
        let verdicts = coexist_judge::verdicts(&run);
        let documents = junit(Report::new(&run, &verdicts).unwrap(), &JunitOptions::default()).unwrap();
        let (_, cases) = read(&documents[0].xml);
        let case = cases.iter().find(|it| it.name == check && it.suite.ends_with("off.acme-endpoint+globex-sensor-candidate"));
        let (kind, said, body) = case.unwrap().result.clone().unwrap();
        prop_assert_eq!(kind, "skipped");
        let expected = text::line(format!("NOT RUN: {message}"));
        prop_assert_eq!(&said, &expected);
        prop_assert_eq!(&body, &expected);
    }
}

proptest! {
    // A process per case: few.
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn hostile_runs_are_well_formed_and_valid_for_xmllint(run in arbitrary::run()) {
        let verdicts = coexist_judge::verdicts(&run);
        let folder = tempfile::tempdir().unwrap();
        for (dialect, schema) in [(Dialect::Rich, Some(at("schema/junit-rich.xsd"))), (Dialect::Strict, None)] {
            let options = JunitOptions { dialect, folder: "out/run".to_owned() };
            let documents = junit(Report::new(&run, &verdicts).unwrap(), &options).unwrap();
            let path = folder.path().join("junit.xml");
            std::fs::write(&path, &documents[0].xml).unwrap();
            prop_assert_eq!(schemas::validate(schema.as_deref(), &path), Ok(()));
        }
    }
}
