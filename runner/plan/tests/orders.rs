//! `order: pairs` and `order: triples`: which orders cells have, which rules forbid, and which a budget or a broken cell
//! leaves open.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;

use coexist_model::{Arms, Digests, PastCell, Standing, Verdict};
use coexist_plan::{Ask, Budget, Effort, OnHost, Orders, Planned, RowsFile, Telling, WhyUncovered, load, plan, render};
use support::Lab;

/// A choice of the three agents, with what the matrix adds to it.
fn choice(order: &str) -> String {
    matrix(&format!(
        "agents:\n  from:\n    acme-endpoint:\n    globex-sensor:\n    initech-guard:\norder: {order}\ncoverage: {{strength: 2}}\n"
    ))
}

fn matrix(agents: &str) -> String {
    format!(
        "matrix: test\nimages: [lab-11]\n{agents}candidate:\n  kind: windows-update\n  version: '1'\n  \
         package: {{url: 'https://p.example/kb.msu', sha256: {}}}\n",
        "0".repeat(64)
    )
}

fn planned(lab: &Lab, text: &str, ask: &Ask) -> Planned {
    let resolved = load(&lab.matrix(text)).unwrap_or_else(|report| panic!("{}", lab.told(&report)));
    plan(&resolved, ask).unwrap_or_else(|report| panic!("{}", lab.told(&report)))
}

fn quick() -> Ask {
    Ask { effort: Effort::Quick, ..Ask::default() }
}

fn orders(planned: &Planned) -> &Orders {
    planned.covered.as_ref().unwrap().orders.as_ref().unwrap()
}

fn told(planned: &Planned) -> String {
    render(planned, &Telling::default())
}

/// Orders of so many agents that the plan's cells have, from what the plan says of them.
fn met(planned: &Planned, length: usize) -> BTreeSet<Vec<String>> {
    let mut met = BTreeSet::new();
    for cell in &planned.plan.cells {
        let mut longer: Vec<Vec<String>> = vec![Vec::new()];
        for agent in &cell.agents {
            let with = longer.iter().map(|order| [&order[..], &[agent.id.to_string()]].concat());
            let with: Vec<_> = with.filter(|order| order.len() <= length).collect();
            longer.extend(with);
        }
        met.extend(longer.into_iter().filter(|order| order.len() == length));
    }
    met
}

#[test]
fn a_plan_has_every_order_and_says_so() {
    let lab = Lab::new();
    for (order, agents, all) in [("pairs", 2, 6), ("triples", 3, 6)] {
        let planned = planned(&lab, &choice(order), &quick());
        assert_eq!(met(&planned, agents).len(), all);
        let nothing =
            Orders { agents, feasible: all as u64, covered: all as u64, impossible: Vec::new(), uncovered: Vec::new() };
        assert_eq!(*orders(&planned), nothing);
        let line = format!("\norders     all 6 ordered {order} of agents\nshared ");
        assert!(told(&planned).contains(&line), "{}", told(&planned));
    }
    let fixed = planned(&lab, &choice("[initech-guard]"), &quick());
    assert!(fixed.covered.as_ref().unwrap().orders.is_none() && !told(&fixed).contains("\norders"));
    let apart = choice("pairs").replace("order:", "  at-most: 1\norder:");
    let apart = told(&planned(&lab, &apart, &quick()));
    assert!(apart.contains("\norders     no ordered pairs of agents: no cell has so many\n"), "{apart}");
}

#[test]
fn orders_that_rules_forbid_are_counted_with_the_rules() {
    let lab = Lab::new();
    let requires = |agent: &str, other: &str| {
        let path = format!("matrices/agents/{agent}.yaml");
        let recipe = std::fs::read_to_string(lab.path(&path)).unwrap();
        lab.write(&path, &recipe.replace("install: ", &format!("requires: [{other}]\ninstall: ")));
    };
    requires("globex-sensor", "acme-endpoint");
    requires("initech-guard", "globex-sensor");
    let chain = planned(&lab, &choice("pairs"), &quick());
    let looked = orders(&chain);
    assert_eq!((looked.feasible, looked.covered), (3, 3));
    let rule = |at: usize| looked.impossible[at].rules.join(" and ");
    assert_eq!(looked.impossible.len(), 3);
    assert!(
        rule(0).starts_with("globex-sensor requires acme-endpoint (") && rule(0).ends_with("globex-sensor.yaml:11)"),
        "{}",
        rule(0)
    );
    assert!(rule(1).contains(") and initech-guard requires globex-sensor ("), "through both rules: {}", rule(1));
    assert_eq!(looked.impossible[1].example, ["initech-guard", "acme-endpoint"]);
    assert!(rule(2).starts_with("initech-guard requires globex-sensor ("), "{}", rule(2));
    let text = told(&chain);
    assert!(text.contains("\nimpossible 3 orders, by the fewest rules that forbid each:\n"), "{text}");
    assert!(text.contains("       such as globex-sensor before acme-endpoint\n"), "{text}");

    let three = planned(&lab, &choice("triples"), &quick());
    let looked = orders(&three);
    assert_eq!((looked.feasible, looked.covered), (1, 1));
    assert_eq!(looked.impossible.iter().map(|group| group.orders).sum::<u64>(), 5);
}

#[test]
fn a_fresh_candidate_is_last_and_the_plan_says_so() {
    let lab = Lab::new();
    let text = choice("pairs");
    let (head, _) = text.split_once("candidate:").unwrap();
    let fresh = format!("{head}candidate: {{agent: globex-sensor, kind: fresh, version: '1.1'}}\n");
    let planned = planned(&lab, &fresh, &quick());
    let looked = orders(&planned);
    assert_eq!((looked.feasible, looked.covered), (4, 4));
    assert_eq!(looked.impossible.len(), 1);
    assert_eq!(looked.impossible[0].orders, 2);
    assert_eq!(looked.impossible[0].example[0], "globex-sensor");
    assert_eq!(looked.impossible[0].rules, ["a fresh candidate is installed last (line 10)"]);
}

#[test]
fn a_budget_says_which_orders_it_leaves_out() {
    let lab = Lab::new();
    let whole = planned(&lab, &choice("pairs"), &quick());
    for cells in 1..whole.plan.cells.len() {
        let some = planned(&lab, &choice("pairs"), &Ask { budget: Some(Budget::Cells(cells)), ..quick() });
        let looked = orders(&some);
        let (all, there) = (met(&whole, 2), met(&some, 2));
        assert_eq!((looked.feasible, looked.covered), (all.len() as u64, there.len() as u64));
        let left: Vec<&Vec<String>> = looked.uncovered.iter().map(|it| &it.order).collect();
        assert_eq!(left, all.difference(&there).collect::<Vec<_>>());
        assert!(looked.uncovered.iter().all(|it| it.why == WhyUncovered::LeftOut));
        if let [first, ..] = left[..] {
            let line = format!("           uncovered: {}, left out by the budget\n", first.join(" before "));
            assert!(told(&some).contains(&line), "{}", told(&some));
        }
    }
    let one = planned(&lab, &choice("pairs"), &Ask { budget: Some(Budget::Cells(1)), ..quick() });
    let json = coexist_plan::json(&one, &OnHost::default()).unwrap();
    let looked = &json["about"]["orders"];
    assert_eq!((&looked["agents"], &looked["feasible"]), (&2.into(), &6.into()));
    let uncovered = looked["uncovered"].as_array().unwrap();
    assert_eq!(uncovered.len() as u64, 6 - looked["covered"].as_u64().unwrap());
    assert_eq!(uncovered[0]["why"], "left out by the budget");
    assert_eq!(uncovered[0]["order"].as_array().unwrap().len(), 2);
}

#[test]
fn orders_that_only_a_broken_cell_could_have_are_told() {
    let lab = Lab::new();
    // Pairs stand in cells of two agents as well; all six orders of three need the cell that was broken.
    let text = choice("triples");
    let whole = planned(&lab, &text, &quick());
    let all_three = whole.plan.cells.iter().find(|cell| cell.agents.len() == 3).unwrap();
    let broken = PastCell {
        run: "run".into(),
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        id: all_three.id.clone(),
        image: all_three.image.clone(),
        settings: all_three.settings.clone(),
        agents: all_three.agents.clone(),
        verdict: Verdict::Inconclusive,
        standing: Standing::Masked,
        candidate: None,
        digests: Digests::default(),
        cost: Arms { baseline: None, candidate: None },
    };
    let ask = Ask { history: vec![broken], prefer_untested: true, ..quick() };
    let after = planned(&lab, &text, &ask);
    assert!(after.plan.cells.iter().all(|cell| cell.agents.len() < 3), "the broken cell does not come again");
    let looked = orders(&after);
    assert_eq!((looked.feasible, looked.covered, looked.uncovered.len()), (6, 0, 6));
    assert!(looked.uncovered.iter().all(|it| it.why == WhyUncovered::Masked));
    let text = told(&after);
    assert!(text.contains("\norders     0 of 6 ordered triples of agents\n"), "{text}");
    let first =
        "uncovered: acme-endpoint before globex-sensor before initech-guard, a cell that could have it was broken";
    assert!(text.contains(first), "{text}");
}

#[test]
fn listed_sets_are_the_same_sets_in_whatever_order_they_are_installed() {
    let lab = Lab::new();
    let sets = "agents: [[acme-endpoint, globex-sensor, initech-guard], [acme-endpoint]]\norder: pairs\n";
    let text = matrix(&format!("{sets}coverage: {{strength: 2}}\n"));
    let before = planned(&lab, &text, &quick());
    assert_eq!(met(&before, 2).len(), 6);
    assert_eq!(orders(&before).covered, 6);
    let coverage = &before.plan.coverage.as_ref().unwrap().strengths[0];
    assert_eq!((coverage.feasible, coverage.covered), (2, 2));

    lab.write("matrices/test.rows.tsv", &before.rows);
    let saved = RowsFile::of(&lab.path("matrices/test.yaml")).unwrap();
    let after = planned(&lab, &text, &Ask { saved, ..quick() });
    assert_eq!(after.rows, before.rows);
    assert_eq!(after.replanned.unwrap().kept, before.plan.cells.len());
}
