//! The pages under `docs/` that explain the files: every example is right, every key is explained where messages say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use coexist_plan::{Mistake, check, vocabulary};
use support::Lab;
use support::pages::{PAGES, examples, page, whole};

#[test]
fn every_example_has_no_mistake() {
    let lab = Lab::new();
    for id in ["acme-endpoint", "globex-sensor"] {
        let recipe = std::fs::read_to_string(lab.path(&format!("matrices/agents/{id}.yaml"))).unwrap();
        let (old, new) = if id == "acme-endpoint" { ("4.1", "4.2") } else { ("7.0", "7.1") };
        lab.write(&format!("matrices/agents/{id}.yaml"), &recipe.replace("1.0", old).replace("1.1", new));
    }
    // Examples of recipes name others, which stand beside them.
    let neighbour = std::fs::read_to_string(lab.path("matrices/agents/acme-endpoint.yaml")).unwrap();
    lab.write("examples/acme-endpoint.yaml", &neighbour);
    // Examples of settings name settings of their own.
    for id in ["lab-11", "lab-2022"] {
        let entry = std::fs::read_to_string(lab.path(&format!("images/{id}/image.yaml"))).unwrap();
        lab.write(
            &format!("images/{id}/image.yaml"),
            &entry.replace("[hvci, locale]", "[hvci, locale, driver-checks, secure-boot]"),
        );
    }
    let mut count = 0;
    for name in PAGES {
        for (line, kind, example) in examples(&page(name)) {
            let text = whole(&kind, &example);
            let file = match kind.as_str() {
                "matrix" => lab.matrix(&text),
                "recipe" => lab.write("examples/globex-sensor.yaml", &text),
                _ => lab.write("examples/lab-11/image.yaml", &text),
            };
            let report = check(&[file]);
            let mistakes = report.messages().iter().filter(|it| it.mistake() != Mistake::MissingFile).count();
            assert_eq!(mistakes, 0, "docs/{name}:{line}\n{}", lab.told(&report));
            count += 1;
        }
    }
    assert!(count >= 30, "only {count} examples");
}

/// The anchor that a heading gets on the pages of usual hosts.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    headings.map(|heading| heading.to_lowercase().replace(' ', "-")).collect()
}

#[test]
fn every_key_is_explained_where_messages_say_and_has_an_example() {
    let mut missing = Vec::new();
    for record in vocabulary() {
        for key in record.keys {
            let link = record.page_of(key.name);
            let (name, anchor) = link.split_once('#').unwrap();
            let text = page(name);
            assert!(PAGES.contains(&name), "{link}");
            let shown = text.lines().any(|line| {
                let line = line.trim_start().trim_start_matches("- ");
                line.starts_with(&format!("{}:", key.name))
                    || line.contains(&format!("{{{}:", key.name))
                    || line.contains(&format!(", {}:", key.name))
            });
            if !anchors(&text).contains(anchor) || !shown {
                missing.push(format!("`{}` of {} ({link})", key.name, record.what));
            }
        }
    }
    assert!(missing.is_empty(), "not explained, or without an example: {missing:#?}");
}

#[test]
fn links_of_messages_lead_somewhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bad-matrices");
    let mut links = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "expected") {
            let text = std::fs::read_to_string(path).unwrap();
            links.extend(text.lines().filter_map(|line| line.split_once("see docs/")).map(|(_, link)| link.to_owned()));
        }
    }
    assert!(links.len() > 10);
    for link in links {
        let (name, anchor) = link.split_once('#').unwrap();
        assert!(anchors(&page(name)).contains(anchor), "{link} leads nowhere");
    }
}
