//! Coverage against its samples, and what speaks where versions differ.

use coexist_model::{AgentChoice, Arms, Cell, Digests, Met, Part, PartKind, PastCell, Plan, Standing, Verdict};
use coexist_reports::{
    Answers, Coverage, Memory, ReportError, Standpoint, coverage_html, coverage_json, coverage_text, write_page,
};
use jiff::{SignedDuration, Timestamp};

use crate::sample;
use crate::samples::check;

fn now() -> Timestamp {
    "2026-11-24T06:00:00Z".parse().unwrap()
}

fn ago(hours: i64) -> Timestamp {
    now().checked_sub(SignedDuration::from_hours(hours)).unwrap()
}

fn agent(id: &str, version: &str) -> Part {
    Part { kind: PartKind::Agent, name: id.to_owned(), value: version.to_owned(), digest: Some("5a".repeat(32).into()) }
}

fn setting(value: &str) -> Part {
    Part { kind: PartKind::Setting, name: "hvci".to_owned(), value: value.to_owned(), digest: None }
}

fn met(parts: [Part; 2], verdict: Verdict, hours: i64, runs: u64) -> Met {
    let tested = matches!(verdict, Verdict::Compatible | Verdict::Fixed);
    let standing = if tested { Standing::Tested } else { Standing::Masked };
    Met { parts: parts.to_vec(), standing, runs, cells: runs, last: ago(hours), verdict }
}

/// Cells of four agents; one pair is installed in both orders, one agent has two versions and one an evil name.
fn plan() -> Plan {
    let set = |agents: &[&str]| sample::cell("on", agents);
    let newer = |mut cell: Cell| {
        cell.agents
            .iter_mut()
            .filter(|it| it.id.as_str() == "initech-guard")
            .for_each(|it| it.version = "2.0".to_owned());
        cell
    };
    let cells = vec![
        set(&["acme-endpoint", "globex-sensor"]),
        set(&["globex-sensor", "acme-endpoint"]),
        sample::cell("off", &["globex-sensor", "initech-guard"]),
        newer(set(&["globex-sensor", "initech-guard"])),
        set(&["acme-endpoint", "<b>&\"umbrella"]),
    ];
    Plan { cells, ..sample::plan() }
}

fn answers() -> Answers {
    let (acme, globex) = (agent("acme-endpoint", "4.1"), agent("globex-sensor", "7.0"));
    let (old, new) = (agent("initech-guard", "7.0"), agent("initech-guard", "2.0"));
    let pair = |one: &Part, other: &Part| [one.clone(), other.clone()];
    let cell = |cell: &Cell, verdict, standing| PastCell {
        run: "r".into(),
        at: ago(50),
        id: cell.id.clone(),
        image: cell.image.clone(),
        settings: cell.settings.clone(),
        agents: cell.agents.clone(),
        verdict,
        standing,
        candidate: None,
        digests: Digests::default(),
        cost: Arms::default(),
    };
    let cells = plan().cells;
    Answers {
        pairs: vec![
            met(pair(&acme, &globex), Verdict::Compatible, 50, 3),
            met(pair(&acme, &globex), Verdict::Regressed, 5, 1),
            met(pair(&globex, &old), Verdict::Compatible, 24 * 40, 7),
            met(pair(&globex, &new), Verdict::AlreadyBroken, 24 * 3, 2),
        ],
        sequences: vec![
            met(pair(&acme, &globex), Verdict::Compatible, 50, 3),
            met(pair(&globex, &acme), Verdict::Regressed, 5, 1),
            met(pair(&globex, &old), Verdict::Compatible, 24 * 40, 7),
        ],
        images: Vec::new(),
        settings: vec![
            met([setting("on"), acme], Verdict::Fixed, 24 * 200, 1),
            met([setting("off"), globex], Verdict::Compatible, 0, 1),
        ],
        cells: vec![
            cell(&cells[0], Verdict::Compatible, Standing::Tested),
            cell(&cells[0], Verdict::Regressed, Standing::Masked),
            cell(&cells[3], Verdict::AlreadyBroken, Standing::Masked),
        ],
    }
}

fn coverage(answers: &Answers, strength: usize) -> Result<Coverage, ReportError> {
    let memory = Memory { path: "reports/out/ledger.sqlite".to_owned(), runs: 14, newest: Some(ago(5)) };
    Coverage::new(&plan(), memory, answers, Some(ago(24 * 365)), now(), strength)
}

#[test]
fn coverage_is_as_its_samples() {
    let coverage = coverage(&answers(), 2).unwrap();
    check("coverage.txt", &coverage_text(&coverage));
    let json = coverage_json(&coverage).unwrap();
    assert!(!json.contains("null"), "what is unknown is absent");
    check("coverage.json", &json);
    let html = coverage_html(&coverage);
    for foreign in ["<b>", "<script", "http:", "https:"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    check("coverage.html", &html);
}

#[test]
fn every_link_of_the_heat_map_leads_somewhere() {
    let html = coverage_html(&coverage(&answers(), 2).unwrap());
    let links: Vec<&str> = html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 10, "{}", links.len());
    for link in links {
        assert_eq!(html.matches(&format!(" id=\"{link}\"")).count(), 1, "{link}");
    }
}

#[test]
fn the_version_of_which_least_is_known_speaks() {
    let standpoint = |answers: &Answers, version: &str| {
        let coverage = coverage(answers, 2).unwrap();
        let of_pair = |it: &&coexist_reports::Entry| it.of_versions.len() == 2;
        let entry = coverage.pairs.entries().find(of_pair).unwrap().clone();
        assert_eq!(entry.speaking().unwrap().parts[1].value, version);
        entry.standpoint()
    };
    let mut answers = answers();
    assert_eq!(standpoint(&answers, "2.0"), Standpoint::Masked);
    answers.pairs.pop();
    assert_eq!(standpoint(&answers, "2.0"), Standpoint::Never);
    let newer = [agent("globex-sensor", "7.0"), agent("initech-guard", "2.0")];
    answers.pairs.push(met(newer, Verdict::Compatible, 1, 1));
    assert_eq!(standpoint(&answers, "7.0"), Standpoint::Tested, "of two tested, the one tested longest ago");
}

#[test]
fn the_digests_of_the_last_run_are_told() {
    let met_on = |digests: [&str; 2], hours| {
        let mut met =
            met([agent("acme-endpoint", "4.1"), agent("globex-sensor", "7.0")], Verdict::Compatible, hours, 1);
        for (part, digest) in met.parts.iter_mut().zip(digests) {
            part.digest = (!digest.is_empty()).then(|| digest.to_owned().into());
        }
        met
    };
    let pairs = vec![met_on(["aa", "bb"], 9), met_on(["aa", "cc"], 3), met_on(["", "bb"], 30)];
    let coverage = coverage(&Answers { pairs, ..Answers::default() }, 2).unwrap();
    let tested = |row: &str, column: &str| {
        let place = |name: &str| coverage.pairs.columns.iter().position(|it| it == name).unwrap();
        coverage.pairs.entry(place(row), place(column)).unwrap().of_versions[0].tested.clone().unwrap()
    };
    let digests = |row: &str, column: &str| tested(row, column).digests.map(|it| it.unwrap().as_str().to_owned());
    assert_eq!(digests("acme-endpoint", "globex-sensor"), ["aa", "cc"]);
    assert_eq!(digests("globex-sensor", "acme-endpoint"), ["cc", "aa"], "the mirror's too");
    assert_eq!(tested("acme-endpoint", "globex-sensor").runs, 3);
    let json = coverage_json(&coverage).unwrap();
    assert!(json.contains(r#""digest": "cc""#) && !json.contains(r#""digest": "bb""#), "{json}");
}

#[test]
fn combinations_of_the_plan_are_counted_at_each_strength() {
    // By hand: the first two cells hold the same four values; the others share two, three and three with those before.
    let expected = [(1, 8, 4, 1), (2, 17, 6, 3), (3, 14, 4, 3)];
    for (strength, combinations, tested, masked) in expected {
        let counted = coverage(&answers(), strength).unwrap().counted;
        assert_eq!(
            (counted.combinations, counted.tested, counted.masked),
            (combinations, tested, masked),
            "{strength}"
        );
        assert_eq!(counted.never(), combinations - tested - masked);
    }
    for strength in [0, 4] {
        assert!(matches!(coverage(&answers(), strength), Err(ReportError::Strength { .. })));
    }
}

#[test]
fn agents_that_the_plan_does_not_have_are_left_out() {
    let mut answers = answers();
    answers.pairs.push(met([agent("acme-endpoint", "9"), agent("zz", "1")], Verdict::Compatible, 1, 1));
    answers.cells[0].agents.push(AgentChoice { id: "zz".into(), version: "1".to_owned() });
    assert_eq!(coverage(&answers, 2).unwrap().pairs, coverage(&self::answers(), 2).unwrap().pairs);
    assert_eq!(coverage(&answers, 2).unwrap().counted, coverage(&self::answers(), 2).unwrap().counted);
}

#[test]
fn a_page_is_written_whole_where_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    write_page(&folder.path().join("map.html"), "page").unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("map.html")).unwrap(), "page");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(write_page(&folder.path().join("no/map.html"), "page").is_err());
}

#[test]
fn orders_are_told_apart_only_where_the_plan_has_both() {
    assert!(coverage(&answers(), 2).unwrap().order.is_some());
    let mut plan = plan();
    plan.cells.remove(1);
    let memory = Memory { path: String::new(), runs: 0, newest: None };
    assert_eq!(Coverage::new(&plan, memory, &answers(), None, now(), 2).unwrap().order, None);
}
