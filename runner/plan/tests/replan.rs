//! Plans with coverage: every row keeps every rule by an evaluator of its own, every possible pair is there, saved rows
//! stay, budgets hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;

use coexist_model::Cell;
use coexist_plan::{Ask, Effort, Planned, Report, RowsFile, load, plan};
use proptest::prelude::*;
use support::Lab;

const AGENTS: [&str; 3] = ["acme-endpoint", "globex-sensor", "initech-guard"];
const IMAGES: [&str; 2] = ["lab-11", "lab-2022"];

/// A small matrix in the words of this test.
#[derive(Debug, Clone)]
struct Small {
    hvci: usize,
    locale: usize,
    /// For each agent how many versions may stand in a cell.
    versions: [usize; 3],
    at_least: usize,
    at_most: usize,
    exclusive: Option<(usize, usize)>,
    /// Where the first agent is, the setting `hvci` has its first value.
    only_first: Option<usize>,
    /// Not this image with this value of `locale`.
    never: Option<(usize, usize)>,
    /// If the second image, then this agent at its first version.
    asks_for: Option<usize>,
    strength: usize,
}

fn small() -> impl Strategy<Value = Small> {
    let shape = (1..3_usize, 1..4_usize, [1..3_usize, 1..3, 1..3], 0..3_usize, 1..4_usize, 1..4_usize);
    let rules = (
        proptest::option::of((0..3_usize, 0..2_usize)),
        proptest::option::of(0..3_usize),
        proptest::option::of((0..2_usize, 0..3_usize)),
        proptest::option::of(0..3_usize),
    );
    (shape, rules).prop_map(|((hvci, locale, versions, at_least, more, strength), rules)| Small {
        hvci,
        locale,
        versions,
        at_least,
        at_most: at_least.max(more),
        exclusive: rules.0.map(|(one, step)| (one, (one + 1 + step) % 3)),
        only_first: rules.1,
        never: rules.2.filter(|(_, value)| *value < locale),
        asks_for: rules.3,
        strength,
    })
}

impl Small {
    fn yaml(&self) -> String {
        let values = |name: &str, count: usize| {
            let one = |at| format!("      v{at}: {{read-back: [command: '{name} is {at}']}}\n");
            format!("  {name}:\n    values:\n{}", (0..count).map(one).collect::<String>())
        };
        let offers: String = AGENTS
            .iter()
            .zip(self.versions)
            .map(|(agent, versions)| {
                let versions: Vec<String> = (0..versions).map(|at| format!("\"1.{at}\"")).collect();
                format!("    {agent}: {{versions: [{}]}}\n", versions.join(", "))
            })
            .collect();
        let mut constraints = String::new();
        if let Some(agent) = self.only_first {
            constraints.push_str(&format!("  - if {} then hvci = v0\n", AGENTS[agent]));
        }
        if let Some((image, value)) = self.never {
            constraints.push_str(&format!("  - not (image = {} and locale = v{value})\n", IMAGES[image]));
        }
        if let Some(agent) = self.asks_for {
            constraints.push_str(&format!("  - if image = lab-2022 then {} = 1.0\n", AGENTS[agent]));
        }
        let constraints = if constraints.is_empty() { String::new() } else { format!("constraints:\n{constraints}") };
        let exclusive =
            self.exclusive.map(|(one, other)| format!("  exclusive: [[{}, {}]]\n", AGENTS[one], AGENTS[other]));
        format!(
            "matrix: small\nimages: [lab-11, lab-2022]\nsettings:\n{}{}agents:\n  from:\n{offers}  at-least: {}\n  \
             at-most: {}\n{}{constraints}coverage: {{strength: {}}}\ncandidate:\n  kind: windows-update\n  version: '1'\n  \
             package: {{url: 'https://p.example/kb.msu', sha256: {}}}\n",
            values("hvci", self.hvci),
            values("locale", self.locale),
            self.at_least,
            self.at_most,
            exclusive.unwrap_or_default(),
            self.strength,
            "0".repeat(64),
        )
    }

    /// Whether a combination keeps the rules. Agents: 0 is none, then versions from 1.
    fn keeps(&self, image: usize, hvci: usize, locale: usize, agents: [usize; 3]) -> bool {
        let installed = agents.iter().filter(|agent| **agent > 0).count();
        installed >= self.at_least
            && installed <= self.at_most
            && self.exclusive.is_none_or(|(one, other)| agents[one] == 0 || agents[other] == 0)
            && self.only_first.is_none_or(|agent| agents[agent] == 0 || hvci == 0)
            && self.never.is_none_or(|it| it != (image, locale))
            && self.asks_for.is_none_or(|agent| image == 0 || agents[agent] == 1)
    }

    /// Every combination of everything that keeps the rules, as columns.
    fn all(&self) -> Vec<[usize; 6]> {
        let mut all = Vec::new();
        for image in 0..2 {
            for hvci in 0..self.hvci {
                for locale in 0..self.locale {
                    for a in 0..=self.versions[0] {
                        for b in 0..=self.versions[1] {
                            for c in 0..=self.versions[2] {
                                if self.keeps(image, hvci, locale, [a, b, c]) {
                                    all.push([image, hvci, locale, a, b, c]);
                                }
                            }
                        }
                    }
                }
            }
        }
        all
    }
}

/// A planned cell as columns, from what the plan says of it.
fn columns(cell: &Cell) -> [usize; 6] {
    let value = |name: &str| cell.settings[name].trim_start_matches('v').parse::<usize>().unwrap();
    let agent = |id: &str| {
        let found = cell.agents.iter().find(|it| it.id.as_str() == id);
        found.map_or(0, |it| 1 + it.version.trim_start_matches("1.").parse::<usize>().unwrap())
    };
    let image = IMAGES.iter().position(|it| *it == cell.image.as_str()).unwrap();
    [image, value("hvci"), value("locale"), agent(AGENTS[0]), agent(AGENTS[1]), agent(AGENTS[2])]
}

fn combinations(rows: &[[usize; 6]], strength: usize) -> BTreeSet<Vec<(usize, usize)>> {
    let sets = (0..1_u32 << 6).filter(|set| set.count_ones() as usize == strength);
    let of = |set: u32, row: &[usize; 6]| (0..6).filter(|at| set >> at & 1 == 1).map(|at| (at, row[at])).collect();
    sets.flat_map(|set| rows.iter().map(move |row| of(set, row))).collect()
}

fn planned(lab: &Lab, text: &str, ask: &Ask) -> Result<Planned, Report> {
    load(&lab.matrix(text)).and_then(|resolved| plan(&resolved, ask))
}

fn quick() -> Ask {
    Ask { effort: Effort::Quick, ..Ask::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn rows_keep_every_rule_and_hold_every_possible_combination(small in small()) {
        let lab = Lab::new();
        let all = small.all();
        let text = small.yaml();
        match planned(&lab, &text, &quick()) {
            Err(report) => {
                prop_assert!(all.is_empty(), "{}\n{}", text, lab.told(&report));
                prop_assert!(report.to_string().contains("error[contradiction]"), "{}", lab.told(&report));
            }
            Ok(planned) => {
                let rows: Vec<[usize; 6]> = planned.plan.cells.iter().map(columns).collect();
                for row in &rows {
                    prop_assert!(all.contains(row), "{row:?} breaks a rule of\n{text}");
                }
                let wanted = combinations(&all, small.strength);
                prop_assert_eq!(&combinations(&rows, small.strength), &wanted, "{}", text);
                let coverage = planned.plan.coverage.as_ref().unwrap();
                prop_assert_eq!(coverage.strengths[0].feasible, wanted.len() as u64);
                prop_assert_eq!(coverage.strengths[0].covered, wanted.len() as u64);
                let explained: u64 = planned.covered.as_ref().unwrap().impossible.iter().map(|it| it.combinations).sum();
                prop_assert_eq!(coverage.strengths[0].impossible, explained);
                let again = self::planned(&lab, &text, &quick()).unwrap();
                prop_assert_eq!(&again.rows, &planned.rows);
                prop_assert_eq!(&again.plan, &planned.plan);
            }
        }
    }

    #[test]
    fn saved_rows_stay_byte_for_byte_when_a_value_is_added(small in small()) {
        let lab = Lab::new();
        if let Ok(before) = planned(&lab, &small.yaml(), &quick()) {
            std::fs::write(RowsFile::beside(&lab.path("matrices/test.yaml")), &before.rows).unwrap();
            let more = Small { locale: small.locale + 1, ..small };
            let ask = Ask { saved: RowsFile::of(&lab.path("matrices/test.yaml")).unwrap(), ..quick() };
            let after = planned(&lab, &more.yaml(), &ask).unwrap();
            prop_assert!(after.rows.starts_with(&before.rows), "{}\nbecame\n{}", before.rows, after.rows);
            let replanned = after.replanned.unwrap();
            prop_assert_eq!(replanned.kept, before.plan.cells.len());
            prop_assert_eq!((replanned.changed, replanned.dropped.len()), (0, 0));
            let rows: Vec<[usize; 6]> = after.plan.cells.iter().map(columns).collect();
            prop_assert_eq!(combinations(&rows, more.strength), combinations(&more.all(), more.strength));
        }
    }
}

fn usual() -> Small {
    Small {
        hvci: 2,
        locale: 3,
        versions: [2, 2, 2],
        at_least: 1,
        at_most: 3,
        exclusive: Some((0, 1)),
        only_first: Some(2),
        never: Some((1, 2)),
        asks_for: None,
        strength: 2,
    }
}

fn with_saved(lab: &Lab, text: &str, saved: &str) -> Result<Planned, Report> {
    lab.write("matrices/test.rows.tsv", saved);
    planned(lab, text, &Ask { saved: RowsFile::of(&lab.path("matrices/test.yaml")).unwrap(), ..quick() })
}

#[test]
fn rows_that_break_a_new_rule_are_dropped_with_the_rule() {
    let lab = Lab::new();
    let before = planned(&lab, &usual().yaml(), &quick()).unwrap();
    let stricter = Small { asks_for: Some(2), ..usual() };
    let after = with_saved(&lab, &stricter.yaml(), &before.rows).unwrap();
    let replanned = after.replanned.unwrap();
    assert!(!replanned.dropped.is_empty(), "{}", after.rows);
    for dropped in &replanned.dropped {
        assert_eq!(dropped.rules.len(), 1, "{dropped:?}");
        assert!(dropped.rules[0].starts_with("if image = lab-2022 then initech-guard = 1.0 (line "), "{dropped:?}");
        assert!(before.rows.lines().nth(dropped.line - 1).unwrap().starts_with(&dropped.cell), "{dropped:?}");
    }
    let rows: Vec<[usize; 6]> = after.plan.cells.iter().map(columns).collect();
    assert_eq!(combinations(&rows, 2), combinations(&stricter.all(), 2));
    let kept: Vec<&str> = before.rows.lines().filter(|line| after.rows.lines().any(|it| it == *line)).collect();
    let in_place: Vec<&str> = after.rows.lines().take(kept.len()).collect();
    assert_eq!(kept, in_place, "kept rows come first, in their order");
}

#[test]
fn rows_lose_what_is_gone_and_have_open_cells_filled() {
    let lab = Lab::new();
    let before = planned(&lab, &usual().yaml(), &quick()).unwrap();
    let fewer = Small { locale: 2, never: None, versions: [2, 2, 1], ..usual() };
    let after = with_saved(&lab, &fewer.yaml(), &before.rows).unwrap();
    let replanned = after.replanned.unwrap();
    assert!(replanned.changed > 0 && replanned.kept > 0, "{replanned:?}");
    let rows: Vec<[usize; 6]> = after.plan.cells.iter().map(columns).collect();
    assert!(rows.iter().all(|row| fewer.all().contains(row)));
    assert_eq!(combinations(&rows, 2), combinations(&fewer.all(), 2));
}

#[test]
fn a_damaged_rows_file_is_told_by_its_line() {
    let lab = Lab::new();
    let good = planned(&lab, &usual().yaml(), &quick()).unwrap().rows;
    let second = good.lines().nth(2).unwrap();
    for (damage, line, told) in [
        (String::new(), 1, "this rows file is empty"),
        (good.replacen("coexist.rows/1", "coexist.rows/9", 1), 1, "expected `# coexist.rows/1`"),
        ("# coexist.rows/1\n".to_owned(), 1, "no headings"),
        (good.replacen("\tagents\n", "\tagent\n", 1), 2, "not the headings"),
        (good.replacen(second, "", 1), 3, "this row has 1 column"),
        (good.replacen(second, &format!("{second}\tmore"), 1), 3, "this row has 6 columns"),
        (good.replacen(second, &format!("x{second}"), 1), 3, "the name follows from the other columns"),
        (format!("{good}{second}\n"), good.lines().count() + 1, "this row is in the file twice"),
    ] {
        let report = with_saved(&lab, &usual().yaml(), &damage).unwrap_err();
        let text = lab.told(&report);
        assert!(text.contains("error[damaged-rows]") && text.contains(told), "{told}: {text}");
        assert!(text.contains(&format!("matrices/test.rows.tsv:{line}:")), "{text}");
    }
}

#[test]
fn a_budget_takes_what_covers_most_and_says_what_is_left() {
    let lab = Lab::new();
    let whole = planned(&lab, &usual().yaml(), &quick()).unwrap();
    let mut covered = Vec::new();
    for cells in [1, 4, 8] {
        let ask = Ask { budget: Some(coexist_plan::Budget::Cells(cells)), ..quick() };
        let some = planned(&lab, &usual().yaml(), &ask).unwrap();
        assert_eq!(some.plan.cells.len(), cells);
        assert_eq!(some.rows, whole.rows, "a budget is of a run, not of the matrix");
        let coverage = some.plan.coverage.unwrap();
        assert_eq!(coverage.left_out, whole.plan.cells.len() - cells);
        let rows: Vec<[usize; 6]> = some.plan.cells.iter().map(columns).collect();
        assert_eq!(coverage.strengths[0].covered, combinations(&rows, 2).len() as u64);
        let left = some.covered.unwrap().uncovered.len() as u64;
        assert_eq!(coverage.strengths[0].feasible - coverage.strengths[0].covered, left);
        covered.push(coverage.strengths[0].covered);
    }
    assert_eq!(covered[0], 15, "the first cell holds as many pairs as six columns have");
    assert!(covered[1] > 3 * 15 && covered[1] < covered[2], "{covered:?}");
    let hours = Ask { budget: Some("1h".parse().unwrap()), ..quick() };
    let some = planned(&lab, &usual().yaml(), &hours).unwrap();
    assert!(some.price.minutes() <= 60 && some.price.minutes() > 40, "{:?}", some.price);
}

#[test]
fn contradictory_rules_are_told_together_with_their_lines() {
    let lab = Lab::new();
    let text = usual().yaml().replace(
        "coverage:",
        "  - if hvci = v0 then acme-endpoint\n  - if hvci = v1 then globex-sensor\n  - not acme-endpoint\n  - not globex-sensor\n\
         coverage:",
    );
    let report = planned(&lab, &text, &quick()).unwrap_err();
    let told = lab.told(&report);
    assert!(told.contains("error[contradiction]: no cell keeps all rules: 4 rules contradict each other"), "{told}");
    for rule in
        ["if hvci = v0 then acme-endpoint (line", "if hvci = v1 then globex-sensor (line", "not acme-endpoint (line"]
    {
        assert!(told.contains(rule), "{rule} is not in {told}");
    }
}

#[test]
fn a_value_that_no_cell_can_have_is_a_warning_with_the_rule() {
    let lab = Lab::new();
    let text = usual().yaml().replace("coverage:", "  - not (locale = v1)\ncoverage:");
    let planned = planned(&lab, &text, &quick()).unwrap();
    let told = lab.told(&planned.warnings);
    assert!(told.contains("warning[impossible-value]: no cell can have locale v1"), "{told}");
    assert!(told.contains("not (locale = v1) (line"), "{told}");
}

#[test]
fn a_plan_that_is_too_large_is_refused_with_what_to_do() {
    let lab = Lab::new();
    let axes: String = (0..60)
        .map(|axis| {
            let values = (0..40).map(|value| format!("      v{value}: {{read-back: [command: 'x']}}\n"));
            format!("  s{axis}:\n    values:\n{}", values.collect::<String>())
        })
        .collect();
    for image in IMAGES {
        let path = format!("images/{image}/image.yaml");
        let entry = std::fs::read_to_string(lab.path(&path)).unwrap();
        let settings: Vec<String> = (0..60).map(|axis| format!("s{axis}")).collect();
        lab.write(&path, &entry.replace("[hvci, locale]", &format!("[{}]", settings.join(", "))));
    }
    let text = format!(
        "matrix: huge\nimages: [lab-11]\nsettings:\n{axes}agents: [[globex-sensor]]\ncoverage: {{strength: 5}}\n\
         candidate:\n  kind: windows-update\n  version: '1'\n  package: {{url: 'https://p.example/kb.msu', sha256: {}}}\n",
        "0".repeat(64)
    );
    let report = planned(&lab, &text, &quick()).unwrap_err();
    let told = lab.told(&report);
    assert!(told.contains("error[too-many-cells]: strength 5 asks for") && told.contains("combinations"), "{told}");
    assert!(told.contains("help: ask for a lower strength"), "{told}");
}

#[test]
fn a_plan_of_too_many_rows_is_refused_with_their_number() {
    let lab = Lab::new();
    let values = |name: &str| {
        let values = (0..180).map(|value| format!("      v{value}: {{read-back: [command: 'x']}}\n"));
        format!("  {name}:\n    values:\n{}", values.collect::<String>())
    };
    let text = usual().yaml();
    let (before, rest) = (text.find("settings:\n").unwrap(), text.find("agents:\n").unwrap());
    let settings = format!("settings:\n{}{}", values("hvci"), values("locale"));
    let text = format!("{}{settings}{}", &text[..before], &text[rest..]);
    let told =
        lab.told(&planned(&lab, &text.replace("  - if initech-guard then hvci = v0\n", ""), &quick()).unwrap_err());
    // Each value of one setting with each of the other, on one image at least.
    assert!(
        told.contains("error[too-many-cells]: the plan takes 32400 rows or more; at most 30000 are planned"),
        "{told}"
    );
    assert!(told.contains("help: ask for a lower strength"), "{told}");
}

#[test]
fn a_cell_and_a_combination_are_explained() {
    let lab = Lab::new();
    let resolved = load(&lab.matrix(&usual().yaml())).unwrap();
    let explain = |asked: &str| coexist_plan::explain(&resolved, &quick(), asked).unwrap();
    let planned = plan(&resolved, &quick()).unwrap();
    let rows: Vec<[usize; 6]> = planned.plan.cells.iter().map(columns).collect();
    let mut only_in_all = 0;
    for (at, cell) in planned.plan.cells.iter().enumerate() {
        let others: Vec<[usize; 6]> =
            rows.iter().enumerate().filter(|(it, _)| *it != at).map(|(_, row)| *row).collect();
        let only = combinations(&rows[at..=at], 2).difference(&combinations(&others, 2)).count();
        let told = explain(cell.id.as_str()).unwrap();
        let first = told.lines().nth(1).unwrap().trim().split(' ').next().unwrap().to_owned();
        assert_eq!(first, only.to_string(), "{told}");
        only_in_all += only;
    }
    assert!(only_in_all > 0);
    let impossible = explain("acme-endpoint=1.0, globex-sensor=1.1").unwrap();
    assert!(impossible.contains("impossible") && impossible.contains("(line "), "{impossible}");
    let there = explain("image=lab-11,hvci=v0").unwrap();
    let holding = rows.iter().filter(|row| row[0] == 0 && row[1] == 0).count();
    assert!(there.contains(&format!(": in {holding} cell")), "{there}");
    for (asked, told) in [
        ("hvci=v9", "has no value `v9`: expected `v0` or `v1`"),
        ("hcvi=v0", "the matrix has no `hcvi`"),
        ("hvci=v0,hvci=v1", "second value"),
        ("lab-11", "the plan has no cell `lab-11`"),
    ] {
        let error = explain(asked).unwrap_err().to_string();
        assert!(error.contains(told), "{asked}: {error}");
    }
}

#[test]
fn every_two_agents_are_met_in_both_orders_and_saved_orders_stay() {
    let lab = Lab::new();
    let free = Small { exclusive: None, only_first: None, ..usual() };
    let text = free.yaml().replace("coverage:", "order: pairs\ncoverage:");
    let before = planned(&lab, &text, &quick()).unwrap();
    let mut met = BTreeSet::new();
    for cell in &before.plan.cells {
        for (at, first) in cell.agents.iter().enumerate() {
            met.extend(cell.agents[at + 1..].iter().map(|second| (first.id.clone(), second.id.clone())));
        }
    }
    assert_eq!(met.len(), 6, "{met:?}");
    let after = with_saved(&lab, &text, &before.rows).unwrap();
    assert_eq!(after.rows, before.rows);
}

#[test]
fn what_was_masked_is_tried_in_another_cell() {
    let lab = Lab::new();
    let before = planned(&lab, &usual().yaml(), &quick()).unwrap();
    let past = |cell: &Cell, standing: coexist_model::Standing| coexist_model::PastCell {
        run: "run".into(),
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        id: cell.id.clone(),
        image: cell.image.clone(),
        settings: cell.settings.clone(),
        agents: cell.agents.clone(),
        verdict: coexist_model::Verdict::Inconclusive,
        standing,
        candidate: None,
        digests: coexist_model::Digests::default(),
        cost: coexist_model::Arms { baseline: None, candidate: None },
    };
    let (masked, tested) = before.plan.cells.split_first().unwrap();
    let mut history: Vec<_> = tested.iter().map(|cell| past(cell, coexist_model::Standing::Tested)).collect();
    history.push(past(masked, coexist_model::Standing::Masked));
    let ask = Ask { history, prefer_untested: true, ..quick() };
    let after = planned(&lab, &usual().yaml(), &ask).unwrap();
    let rows: Vec<[usize; 6]> = after.plan.cells.iter().map(columns).collect();
    assert!(!rows.contains(&columns(masked)), "the masked cell does not come again");
    assert_eq!(combinations(&rows, 2), combinations(&usual().all(), 2), "its pairs do");
    let known: Vec<[usize; 6]> = tested.iter().map(columns).collect();
    let (old, first) = (combinations(&known, 2), combinations(&rows[..1], 2));
    assert!(first.difference(&old).count() > 0, "the first cell holds something that was never tested");
}
