//! The nightly lab's rows as they are, and with one thing wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use coexist_plan_checker::{MatrixError, MatrixFindings, check_matrix};

fn matrices() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../matrices").canonicalize().unwrap()
}

fn rows() -> Vec<String> {
    std::fs::read_to_string(matrices().join("nightly.rows.tsv")).unwrap().lines().map(str::to_owned).collect()
}

fn found(rows: &[String]) -> MatrixFindings {
    check_matrix(&matrices().join("nightly.yaml"), &rows.join("\n"), None).unwrap_or_else(|error| panic!("{error}"))
}

/// The rows with one of them changed, the first that the change takes.
fn changed(change: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut rows = rows();
    let (at, row) = rows.iter().enumerate().find_map(|(at, row)| Some((at, change(row)?))).expect("a row to change");
    rows[at] = row;
    rows
}

/// The agents of a row in the order of installation.
fn agents(row: &str) -> Vec<&str> {
    row.rsplit('\t').next().unwrap().split(' ').collect()
}

fn with_agents(row: &str, agents: &[&str]) -> String {
    format!("{}\t{}", row.rsplit_once('\t').unwrap().0, agents.join(" "))
}

#[test]
fn the_nightly_lab_has_every_pair_triple_and_order() {
    let found = found(&rows());
    assert!(found.all_good(), "{found}");
    // As docs/nightly.md says: 966 pairs, and 219 triples of two agents and hvci.
    assert_eq!((found.rows.rows, found.rows.feasible, found.orders.feasible), (37, 966 + 219, 49), "{found}");
}

#[test]
fn each_row_is_missed_by_its_combinations_or_as_included() {
    let all = rows();
    for at in 2..all.len() {
        let mut fewer = all.clone();
        fewer.remove(at);
        let found = found(&fewer);
        assert!(!found.all_good(), "{}", all[at]);
        assert_eq!(found.lost_includes, if at == 2 { vec![1] } else { vec![] }, "{found}");
    }
}

#[test]
fn a_product_before_what_it_needs_is_seen() {
    let found = found(&changed(|row| {
        let mut agents = agents(row);
        let insight = agents.iter().position(|it| *it == "hooli-insight")?;
        let insight = agents.remove(insight);
        agents.insert(0, insight);
        Some(with_agents(row, &agents))
    }));
    assert_eq!(found.orders.invalid.len(), 1, "{found}");
    assert!(found.rows.all_good(), "{found}");
}

#[test]
fn an_order_that_no_row_has_is_seen() {
    let turned = |row: &String| {
        let mut agents = agents(row);
        let place = |agent: &str| agents.iter().position(|it| *it == agent);
        if let (Some(guard), Some(lock)) = (place("initech-guard"), place("tyrell-lock"))
            && guard < lock
        {
            agents.swap(guard, lock);
        }
        with_agents(row, &agents)
    };
    let (heading, lines) = (rows()[..2].to_vec(), rows());
    let found = found(&[heading, lines[2..].iter().map(turned).collect()].concat());
    assert!(found.orders.missing.contains(&"initech-guard → tyrell-lock".to_owned()), "{found}");
    assert!(found.rows.all_good(), "{found}");
}

/// Each of these breaks another kind of rule.
#[test]
fn rows_that_no_rule_allows_are_seen() {
    let broken = [
        // if hvci = on then vbs = on
        changed(|row| row.contains("\ton\ton\t").then(|| row.replacen("\ton\ton\t", "\toff\ton\t", 1))),
        // the candidate's product is in every cell
        changed(|row| row.contains("globex-sensor ").then(|| row.replace("globex-sensor ", ""))),
        // at-most: 4
        changed(|row| {
            let agents = agents(row);
            let more = ["oceanic-baseline", "vandelay-vault"];
            (agents.len() == 4 && !agents.contains(&more[0])).then(|| with_agents(row, &[&agents, &more[..1]].concat()))
        }),
        // exclusive: [[acme-endpoint, hooli-shield]]
        changed(|row| {
            let agents = agents(row);
            (agents.len() == 3 && agents.contains(&"acme-endpoint@4.1"))
                .then(|| with_agents(row, &[&agents[..], &["hooli-shield@12.0"]].concat()))
        }),
    ];
    for rows in broken {
        let found = found(&rows);
        assert_eq!(found.rows.invalid.len(), 1, "{found}");
    }
}

#[test]
fn what_is_not_known_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.yaml");
    std::fs::write(&path, "matrix: odd\nfrequency: 3\n").unwrap();
    assert!(matches!(check_matrix(&path, "", None), Err(MatrixError::Yaml(_, why)) if why.contains("frequency")));
    let of_nightly = |rows: &str| check_matrix(&matrices().join("nightly.yaml"), rows, None);
    assert!(matches!(of_nightly("cell\timage\n"), Err(MatrixError::Meaning(_))));
    let unknown = changed(|row| row.contains("\tkernel\t").then(|| row.replace("\tkernel\t", "\tfull\t")));
    assert!(matches!(of_nightly(&unknown.join("\n")), Err(MatrixError::Meaning(why)) if why.contains("\"full\"")));
}
