//! Whatever is in a file: a report or a plan, never a panic; and what is planned keeps its promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use coexist_model::Arm;
use coexist_plan::{Ask, check, load, plan};
use proptest::prelude::*;
use support::Lab;

static LAB: LazyLock<Lab> = LazyLock::new(Lab::new);

const MATRIX: &str = r#"matrix: test
images: [lab-11, lab-2022]
settings:
  hvci:
    values:
      off: {read-back: [command: look]}
      on: {apply: [registry: {key: 'HKLM\SOFTWARE\A', name: B, dword: 1}], read-back: [command: look], restart: true}
agents:
  - [globex-sensor]
  - [acme-endpoint, globex-sensor@1.0]
candidate:
  agent: globex-sensor
  kind: upgrade
  version: "1.1"
scenario: {dwell: 5s, reboots: 2, exercise: [file-storm: 40, archives]}
include:
  - {image: lab-2022, settings: {hvci: on}, agents: [initech-guard, globex-sensor]}
exclude:
  - {image: lab-11, settings: {hvci: on}, agents: [acme-endpoint]}
"#;

const CHOICE: &str = r#"matrix: test
images: [lab-11, lab-2022]
settings:
  hvci:
    means: secure-boot
    values:
      off: {read-back: [command: look], weight: 3}
      on: {read-back: [command: look]}
      broken: {read-back: [command: look], negative: true}
agents:
  from:
    globex-sensor: {versions: ["1.0"], weight: 2}
    acme-endpoint:
    initech-guard: {with: [acme]}
  at-least: 1
  at-most: 3
  exclusive: [[acme-endpoint, initech-guard]]
order: pairs
constraints:
  - if hvci = on then image in (lab-11)
  - not (acme-endpoint >= 1.0 and (hvci != off or image.edition = server))
  - 'image.build < 22000 or "acme-endpoint" not in (1.0)'
coverage: {strength: 2, also: [[agent, hvci], [image, acme-endpoint, hvci]]}
weights: {lab-11: 5}
waves: [{name: canary, where: image = lab-11, at-most: 1}]
candidate:
  agent: globex-sensor
  kind: upgrade
  version: "1.1"
  signing: attested
"#;

fn survives(text: &str) {
    let name = format!("matrices/any-{:?}.yaml", std::thread::current().id());
    let matrix = LAB.write(&name, text);
    let report = check(&[&matrix]);
    assert!(!report.render(false).is_empty());
    for message in report.messages().iter().take(100) {
        let (_, line, column) = report.place(message);
        assert!(line >= 1 && column >= 1, "{report}");
    }
    if let Ok(resolved) = load(&matrix) {
        let _ = plan(&resolved, &Ask::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_text(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_yaml_like_text(text in r#"([a-c]: |- |\[|\]|\{|\}|,|"|'|&a |\*a|!t |\||>|\n|\t|  |#|%|\?|~|x|ä|0){0,60}"#) {
        survives(&text);
    }

    /// A good matrix with a piece taken out, doubled or replaced.
    #[test]
    fn nearly_good_text(at in 0..MATRIX.len(), length in 0..30_usize, put in r#"([a-z]{0,8}|[\[\]{}:,"'&*!|>%@ \n\t-]{0,4})"#) {
        let mut text = MATRIX.as_bytes().to_vec();
        let end = (at + length).min(text.len());
        text.splice(at..end, put.bytes());
        survives(&String::from_utf8(text).unwrap());
    }

    /// The same with everything that a matrix can want of its cells.
    #[test]
    fn nearly_good_choices(at in 0..CHOICE.len(), length in 0..12_usize, put in r#"([a-z]{0,8}|[0-9]{1,3}|[\[\]{}:,"'&*!|>%@ \n()<=-]{0,4}|(and|or|not|if|in) )"#) {
        let mut text = CHOICE.as_bytes().to_vec();
        let end = (at + length).min(text.len());
        text.splice(at..end, put.bytes());
        survives(&String::from_utf8(text).unwrap());
    }

    /// Sentences of words that mean something, in any order.
    #[test]
    fn any_sentence(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "if", "then", "and", "or", "not", "in", "(", ")", ",", "=", "!=", "<", ">=", "hvci", "image", "image.build",
            "image.edition", "acme-endpoint", "globex-sensor", "on", "off", "lab-11", "1.0", "26100", "client", "'", "hooli",
        ]),
        1..12,
    )) {
        let sentence = words.join(" ").replace('\'', "''");
        survives(&CHOICE.replace("constraints:\n", &format!("constraints:\n  - '{sentence}'\n")));
    }

    #[test]
    fn plans_keep_their_promises(
        images in proptest::sample::subsequence(vec!["lab-11", "lab-2022"], 1..=2),
        values in proptest::sample::subsequence(vec!["off", "on", "audit"], 0..=3),
        sets in proptest::collection::btree_set(
            proptest::sample::subsequence(vec!["acme-endpoint", "acme-endpoint@1.1", "initech-guard", "initech-guard@1.1"], 0..=2)
                .prop_filter("an agent once", |set| set.iter().map(|it| &it[..4]).collect::<BTreeSet<_>>().len() == set.len()),
            1..4,
        ),
        kind in proptest::sample::select(vec!["upgrade", "fresh"]),
        reboots in 1..4_u32,
    ) {
        let settings = if values.is_empty() { String::new() } else {
            let values: String = values.iter().map(|it| format!("      {it}: {{read-back: [command: look]}}\n")).collect();
            format!("settings:\n  hvci:\n    values:\n{values}")
        };
        let rows: String = sets.iter().map(|set| {
            let set: Vec<&str> = set.iter().copied().chain(["globex-sensor"]).collect();
            format!("  - [{}]\n", set.join(", "))
        }).collect();
        let text = format!(
            "matrix: test\nimages: [{}]\n{settings}agents:\n{rows}candidate: {{agent: globex-sensor, kind: {kind}, version: '1.1'}}\nscenario: {{reboots: {reboots}}}\n",
            images.join(", "),
        );
        let plan = LAB.plan_named(&format!("promises-{:?}", std::thread::current().id()), &text);
        prop_assert_eq!(plan.cells.len(), images.len() * values.len().max(1) * sets.len());
        let ids: BTreeSet<String> = plan.cells.iter().map(|cell| cell.id.as_str().to_lowercase()).collect();
        prop_assert_eq!(ids.len(), plan.cells.len(), "ids are unique, in any case");
        for cell in &plan.cells {
            prop_assert!(cell.id.as_str().chars().all(|c| c.is_ascii_alphanumeric() || "._-+@".contains(c)), "{}", cell.id);
            let [one, other] = Arm::BOTH.map(|arm| cell.arms[arm].iter().map(|step| step.id.clone()).collect::<Vec<_>>());
            prop_assert_eq!(&one, &other);
            prop_assert_eq!(one.iter().collect::<BTreeSet<_>>().len(), one.len(), "step ids are unique");
            for arm in Arm::BOTH {
                let names: Vec<&str> = cell.arms[arm].iter().flat_map(|step| &step.checks).map(|it| it.name.as_str()).collect();
                prop_assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "check names are unique");
                prop_assert!(!names.iter().any(|name| name.contains(['|', '[', ']', '<', '>', '`'])));
                prop_assert!(!names.iter().any(|name| name.contains("1.0") || name.contains("1.1")), "no versions");
                prop_assert!(cell.arms[arm].iter().all(|step| !step.checks.is_empty()));
            }
        }
        let again = LAB.plan_named(&format!("promises-{:?}", std::thread::current().id()), &text);
        prop_assert_eq!(plan, again);
    }
}

#[test]
fn what_is_damaged_here_is_good() {
    for text in [MATRIX, CHOICE] {
        let matrix = LAB.write("matrices/good.yaml", text);
        let report = check(&[&matrix]);
        assert_eq!(report.errors(), 0, "{report}");
        assert!(!plan(&load(&matrix).unwrap(), &Ask::default()).unwrap().plan.cells.is_empty());
    }
}

#[test]
fn large_files_are_told_quickly() {
    // A deadline far above what it takes; without bounds these take minutes, or never end.
    let started = std::time::Instant::now();
    survives(&format!("matrix: {}", "[".repeat(1_000_000)));
    survives(&format!("matrix: \"{}\"", "x".repeat(1_000_000)));
    survives(&"a: b\n".repeat(9_000));
    survives(&(0..9_000).map(|number| format!("k{number}: 1\n")).collect::<String>());
    survives(&format!("{}images: [{}]\n", "matrix: x\n", "a,".repeat(20_000)));
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}
