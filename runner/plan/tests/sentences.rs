//! What sentences mean: of a full product, exactly those cells are planned of which the sentence is true.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;

use coexist_model::Cell;
use coexist_plan::{Mistake, check};
use support::Lab;

fn matrix(constraints: &str) -> String {
    format!(
        "matrix: test
images: [lab-11, lab-2022]
settings:
  hvci:
    values:
      off: {{read-back: [command: look]}}
      on: {{read-back: [command: look]}}
      audit: {{read-back: [command: look]}}
agents:
  - [globex-sensor]
  - [acme-endpoint, globex-sensor]
  - [acme-endpoint@1.1, globex-sensor]
  - [initech-guard, acme-endpoint, globex-sensor]
candidate: {{agent: globex-sensor, kind: upgrade, version: '1.1'}}
{constraints}"
    )
}

/// A cell in words that the tests below understand.
struct Facts<'a> {
    image: &'a str,
    hvci: &'a str,
    acme: Option<&'a str>,
    initech: bool,
}

fn facts(cell: &Cell) -> Facts<'_> {
    let id = cell.id.as_str();
    let (image, rest) = id.split_once('.').unwrap();
    let (settings, agents) = rest.split_once('.').unwrap();
    let acme = agents.split('+').find(|agent| agent.starts_with("acme"));
    Facts {
        image,
        hvci: settings.strip_prefix("hvci-").unwrap(),
        acme: acme.map(|agent| if agent.ends_with("@1_1") { "1.1" } else { "1.0" }),
        initech: agents.contains("initech"),
    }
}

type Meaning = fn(&Facts<'_>) -> bool;

const SENTENCES: &[(&str, Meaning)] = &[
    ("hvci = on", |it| it.hvci == "on"),
    ("hvci != on", |it| it.hvci != "on"),
    ("hvci in (on, audit)", |it| it.hvci != "off"),
    ("hvci not in (on, audit)", |it| it.hvci == "off"),
    ("'\"hvci\" = \"on\"'", |it| it.hvci == "on"),
    ("image = lab-11", |it| it.image == "lab-11"),
    ("image != lab-11", |it| it.image == "lab-2022"),
    ("image.build < 22000", |it| it.image == "lab-2022"),
    ("image.build <= 26100 and image.build > 20348", |it| it.image == "lab-11"),
    ("image.build = 20348", |it| it.image == "lab-2022"),
    ("image.build not in (20348)", |it| it.image == "lab-11"),
    ("image.edition = server", |it| it.image == "lab-2022"),
    ("image.edition in (client)", |it| it.image == "lab-11"),
    ("acme-endpoint", |it| it.acme.is_some()),
    ("not acme-endpoint", |it| it.acme.is_none()),
    ("acme-endpoint = 1.0", |it| it.acme == Some("1.0")),
    ("acme-endpoint != 1.0", |it| it.acme != Some("1.0")),
    ("acme-endpoint > 1.0", |it| it.acme == Some("1.1")),
    ("acme-endpoint <= 1.0.0", |it| it.acme == Some("1.0")),
    ("acme-endpoint < 1.10", |it| it.acme.is_some()),
    ("not (hvci = on and acme-endpoint)", |it| it.hvci != "on" || it.acme.is_none()),
    ("not hvci = on and acme-endpoint", |it| it.hvci != "on" && it.acme.is_some()),
    ("hvci = on or acme-endpoint and initech-guard", |it| it.hvci == "on" || it.initech),
    ("(hvci = on or acme-endpoint) and image = lab-11", |it| {
        (it.hvci == "on" || it.acme.is_some()) && it.image == "lab-11"
    }),
    ("if acme-endpoint then hvci = off", |it| it.acme.is_none() || it.hvci == "off"),
    ("if hvci = on and image = lab-11 then initech-guard or not acme-endpoint", |it| {
        !(it.hvci == "on" && it.image == "lab-11") || it.initech || it.acme.is_none()
    }),
    ("not (if acme-endpoint then hvci = off)", |it| it.acme.is_some() && it.hvci != "off"),
];

#[test]
fn cells_are_those_of_which_the_sentence_is_true() {
    let lab = Lab::new();
    let entry = std::fs::read_to_string(lab.path("images/lab-2022/image.yaml")).unwrap();
    lab.write("images/lab-2022/image.yaml", &entry.replace("edition: client", "edition: server"));
    let all = lab.plan_named("all", &matrix(""));
    assert_eq!(all.cells.len(), 2 * 3 * 4);
    for (sentence, meaning) in SENTENCES {
        let plan = lab.plan_named("some", &matrix(&format!("constraints:\n  - {sentence}\n")));
        let planned: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).collect();
        let kept = all.cells.iter().filter(|cell| meaning(&facts(cell))).map(|cell| cell.id.as_str());
        assert_eq!(planned, kept.collect(), "{sentence}");
        assert!(!planned.is_empty() && planned.len() < all.cells.len(), "{sentence} tells no cells apart");
    }
}

#[test]
fn a_cell_keeps_every_sentence() {
    let lab = Lab::new();
    let plan = lab.plan_named("both", &matrix("constraints: [hvci = on, not acme-endpoint]\n"));
    let ids: Vec<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).collect();
    assert_eq!(ids, ["lab-11.hvci-on.globex-sensor", "lab-2022.hvci-on.globex-sensor"]);
}

/// What is missing may be what could not be read: one mistake does not lead to others.
#[test]
fn nothing_is_concluded_from_what_is_damaged() {
    let lab = Lab::new();
    for (good, bad) in [("audit: {read-back", "Audit: {read-back"), ("[initech-guard, ", "[Initech-Guard, ")] {
        let text = matrix("constraints: [hvci = audit or initech-guard]\ncoverage: {strength: 2}\n").replace(good, bad);
        let report = check(&[lab.matrix(&text)]);
        let told: Vec<Mistake> = report.messages().iter().map(coexist_plan::Message::mistake).collect();
        assert_eq!(told, [Mistake::BadName], "{}", lab.told(&report));
    }
}

/// `signing: test` is a rule like those that are written.
#[test]
fn a_test_signed_candidate_keeps_secure_boot_off() {
    let lab = Lab::new();
    let setting = |means: &str, signing: &str| {
        let text = matrix("").replace("  hvci:\n", &format!("  hvci:\n    means: {means}\n"));
        text.replace("version: '1.1'}", &format!("version: '1.1', signing: {signing}}}"))
    };
    for (means, signing, wanted) in [
        ("secure-boot", "test", Some("off")),
        ("test-signing", "test", Some("on")),
        ("memory-integrity", "test", None),
        ("secure-boot", "attested", None),
        ("secure-boot", "whql", None),
    ] {
        let plan = lab.plan_named("signed", &setting(means, signing));
        let values: BTreeSet<&str> = plan.cells.iter().map(|cell| facts(cell).hvci).collect();
        let expected = wanted.map_or_else(|| BTreeSet::from(["off", "on", "audit"]), |value| BTreeSet::from([value]));
        assert_eq!(values, expected, "{means}, {signing}");
    }
}

/// Attested drivers are for clients: servers stay where Secure Boot is off.
#[test]
fn an_attested_candidate_meets_no_server_with_secure_boot() {
    let lab = Lab::new();
    let entry = std::fs::read_to_string(lab.path("images/lab-2022/image.yaml")).unwrap();
    lab.write("images/lab-2022/image.yaml", &entry.replace("edition: client", "edition: server"));
    let text = matrix("").replace("  hvci:\n", "  hvci:\n    means: secure-boot\n");
    let signed = |signing: &str| {
        let text = text.replace("version: '1.1'}", &format!("version: '1.1', signing: {signing}}}"));
        let plan = lab.plan_named("signed", &text);
        let ids = plan.cells.iter().map(|cell| cell.id.as_str());
        ids.filter(|id| id.starts_with("lab-2022.hvci-on.")).count()
    };
    assert!(signed("whql") > 0);
    assert_eq!(signed("attested"), 0);
}
