//! `coexist plan` of a matrix as a user meets it: saved rows, prices from a ledger, budgets, waves, reasons, JSON.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::{command, repository, stderr, stdout};

const MATRIX: &str = "matrix: lab
catalogue: {agents: agents, images: images}
images: [standin-client, lab-2022]
settings:
  hvci: {values: {\"off\": {read-back: [command: a]}, \"on\": {read-back: [command: b]}}}
  locale: {values: {en: {read-back: [command: a]}, de: {read-back: [command: b]}}}
agents: {from: {acme-endpoint: , acme-vault: , globex-sensor: }}
constraints: [if acme-vault then hvci = off]
coverage: {strength: 2}
candidate:
  kind: windows-update
  version: \"1\"
  package: {url: 'https://p.example/1.msu', sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
";

/// A folder with the matrix above and the catalogue of `tests/mending`, on two images.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        let mending = repository().join("tests/mending");
        for agent in ["acme-endpoint", "acme-vault", "globex-sensor"] {
            let recipe = std::fs::read_to_string(mending.join(format!("agents/{agent}.yaml"))).unwrap();
            desk.put(&format!("agents/{agent}.yaml"), &recipe);
        }
        let image = std::fs::read_to_string(mending.join("images/lab-11/image.yaml")).unwrap();
        for id in ["standin-client", "lab-2022"] {
            desk.put(&format!("images/{id}/image.yaml"), &image.replace("id: lab-11", &format!("id: {id}")));
            desk.put(&format!("images/{id}/disk.empty"), "");
            desk.put(&format!("images/{id}/key.empty"), "");
        }
        desk.put("lab.yaml", MATRIX);
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn rows(&self) -> String {
        std::fs::read_to_string(self.path("lab.rows.tsv")).unwrap()
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = command(arguments);
        command.current_dir(self.folder.path()).env("COEXIST_LEDGER", self.path("ledger.sqlite"));
        command.output().unwrap()
    }

    /// Plans the matrix with these options, and says what is printed.
    fn plan(&self, options: &[&str]) -> String {
        let output = self.ask(&[&["plan", "lab.yaml"], options].concat());
        assert_eq!(output.status.code(), Some(0), "{options:?}: {}", stderr(&output));
        stdout(&output)
    }

    fn json(&self, options: &[&str]) -> Value {
        serde_json::from_str(&self.plan(&[options, &["--json"]].concat())).unwrap()
    }

    /// What is said of a request that is refused with this exit code.
    fn refused(&self, options: &[&str], code: i32) -> String {
        let output = self.ask(&[&["plan", "lab.yaml"], options].concat());
        assert_eq!(output.status.code(), Some(code), "{options:?}: {}", stdout(&output));
        assert!(stdout(&output).is_empty(), "{options:?}");
        stderr(&output)
    }
}

fn cells(plan: &Value) -> Vec<&str> {
    plan["cells"].as_array().unwrap().iter().map(|cell| cell["id"].as_str().unwrap()).collect()
}

#[test]
fn a_locked_plan_is_the_saved_one_or_exit_2() {
    let desk = Desk::new();
    let told = desk.refused(&["--locked"], 2);
    assert!(told.contains("lab.rows.tsv is not there") && told.contains("coexist plan --save lab.yaml"), "{told}");

    desk.plan(&["--save"]);
    let saved = desk.rows();
    desk.plan(&["--locked"]);
    let more = "locale: {values: {ja: {read-back: [command: c]}, ";
    desk.put("lab.yaml", &MATRIX.replace("locale: {values: {", more));
    let told = desk.refused(&["--locked"], 2);
    let kept = saved.lines().count() - 2;
    assert!(told.contains(&format!("is not what the matrix needs now: {kept} rows kept, 0 changed, ")), "{told}");
    assert_eq!(desk.rows(), saved, "a check changes nothing");
    assert!(desk.refused(&["--locked", "--save"], 2).contains("cannot be used with"));

    desk.plan(&["--save"]);
    assert!(desk.rows().starts_with(&saved) && desk.rows() != saved, "{}", desk.rows());
    desk.plan(&["--locked"]);
}

#[test]
fn compact_says_what_a_plan_from_nothing_would_save() {
    let desk = Desk::new();
    desk.put("lab.yaml", &MATRIX.replace("coverage: {strength: 2}\n", ""));
    desk.plan(&["--save"]);
    let everything = desk.rows();
    desk.put("lab.yaml", MATRIX);
    let output = desk.ask(&["plan", "lab.yaml", "--compact"]);
    let told = stderr(&output);
    let cells = |line: &str| -> usize {
        let line = told.lines().find_map(|it| it.strip_prefix(line)).unwrap_or_else(|| panic!("{told}"));
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let (present, compact) = (cells("present "), cells("from nothing "));
    assert_eq!(present, everything.lines().count() - 2);
    assert!(compact < present, "{told}");
    assert_eq!(desk.rows(), everything, "to look changes nothing");
    assert!(stdout(&output).contains(&format!("size       {present} cells")), "{}", stdout(&output));

    let kept = desk.plan(&["--compact", "--save"]);
    assert!(kept.contains(&format!("size       {compact} cells")), "{kept}");
    assert_eq!(desk.rows().lines().count() - 2, compact);
    desk.plan(&["--locked"]);
}

#[test]
fn a_ledger_changes_prices_and_no_cell() {
    let desk = Desk::new();
    let before = desk.json(&[]);
    let price = &before["about"]["price"];
    assert_eq!(price["measured_arms"], 0);
    assert!(price["basis"].as_str().unwrap().starts_with("assumed: 90 s for each start"), "{price}");

    // The sample run's cells stand on this image, and they took time.
    desk.put("run/events.jsonl", "");
    std::fs::copy(repository().join("reports/samples/events.jsonl"), desk.path("run/events.jsonl")).unwrap();
    assert_eq!(desk.ask(&["ledger", "add", "run"]).status.code(), Some(0));
    let after = desk.json(&[]);
    assert_eq!(before["cells"], after["cells"]);
    let on_image = cells(&after).iter().filter(|id| id.starts_with("standin-client.")).count();
    let price = &after["about"]["price"];
    assert_eq!(price["measured_arms"], 2 * on_image);
    assert_ne!(price["seconds"], before["about"]["price"]["seconds"]);
    let words = format!("{} of {} arms from earlier runs, the others assumed: ", 2 * on_image, price["arms"]);
    assert!(price["basis"].as_str().unwrap().starts_with(&words), "{price}");
    assert!(desk.plan(&[]).contains(&words));
}

/// Whether a cell has what is told as `lab-2022`, `hvci off`, `acme-vault 2.0` or `no acme-vault`.
fn holds(cell: &Value, part: &str) -> bool {
    let version = |id: &str| {
        let agents = cell["agents"].as_array().unwrap();
        agents.iter().find(|agent| agent["id"] == id).map(|agent| agent["version"].as_str().unwrap().to_owned())
    };
    match part.split_once(' ') {
        None => cell["image"] == part,
        Some(("no", agent)) => version(agent).is_none(),
        Some((name, value)) => cell["settings"][name] == value || version(name).is_some_and(|it| it == value),
    }
}

#[test]
fn a_budget_of_each_kind_is_kept_and_says_what_it_leaves() {
    let desk = Desk::new();
    let whole = desk.json(&[]);
    let all = cells(&whole).len();
    for (budget, key, most) in [("3", "", 3.0), ("1h", "seconds", 3600.0), ("30GB", "disk_bytes", 30e9)] {
        let plan = desk.json(&["--budget", budget]);
        let there = cells(&plan);
        let spent = if key.is_empty() { there.len() as f64 } else { plan["about"]["price"][key].as_f64().unwrap() };
        assert!(spent <= most && there.len() < all && !there.is_empty(), "{budget}: {spent}");
        assert_eq!(plan["coverage"]["left_out"], all - there.len(), "{budget}");
        let pairs = &plan["coverage"]["strengths"][0];
        let open = pairs["feasible"].as_u64().unwrap() - pairs["covered"].as_u64().unwrap();
        let uncovered = plan["about"]["uncovered"].as_array().unwrap();
        assert_eq!(uncovered.len() as u64, open, "{budget}");
        let text = desk.plan(&["--budget", budget]);
        let left = format!(" pairs; {} cells left out by the budget", all - there.len());
        assert!(open > 0 && text.contains(&left) && text.contains("uncovered: "), "{text}");
        for combination in uncovered.iter().map(|it| it.as_array().unwrap()) {
            assert_eq!(combination.len(), 2);
            let in_a_cell = |cell: &Value| combination.iter().all(|part| holds(cell, part.as_str().unwrap()));
            assert!(!plan["cells"].as_array().unwrap().iter().any(in_a_cell), "{budget}: {combination:?}");
            assert!(whole["cells"].as_array().unwrap().iter().any(in_a_cell), "{budget}: {combination:?}");
        }
    }
    let enough = desk.json(&["--budget", "99"]);
    assert_eq!((cells(&enough).len(), &enough["coverage"]["left_out"]), (all, &Value::from(0)));
    for wrong in ["0", "6 h", "-1", "200gb", "much"] {
        assert!(desk.refused(&[&format!("--budget={wrong}")], 2).contains("expected a number of cells"), "{wrong}");
    }
}

#[test]
fn the_first_wave_has_the_cells_that_cover_most_and_rest_has_the_others() {
    let desk = Desk::new();
    let plain = desk.json(&[]);
    let mut best = cells(&plain);
    let worth = desk.json(&["--budget", "2"]);
    let mut canary = cells(&worth);
    desk.put("lab.yaml", &format!("{MATRIX}waves: [{{name: canary, at-most: 2}}]\n"));
    let waved = desk.json(&[]);
    let of = |wave: &str| -> Vec<&str> {
        let cells = waved["cells"].as_array().unwrap().iter().filter(|cell| cell["wave"] == wave);
        cells.map(|cell| cell["id"].as_str().unwrap()).collect()
    };
    let mut first = of("canary");
    assert_eq!(cells(&waved), [of("canary"), of("rest")].concat(), "the first wave comes first");
    [&mut first, &mut canary].into_iter().for_each(|cells| cells.sort_unstable());
    assert_eq!(first, canary, "those that a budget of two takes");
    let mut everything = cells(&waved);
    [&mut everything, &mut best].into_iter().for_each(|cells| cells.sort_unstable());
    assert_eq!(everything, best, "waves change the order and no cell");
    let rest = best.len() - 2;
    assert!(desk.plan(&[]).contains(&format!("waves      canary 2 cells, then rest {rest} cells")));

    desk.put("lab.yaml", &format!("{MATRIX}waves: [{{name: canary, where: 'hvci = on', at-most: 1}}]\n"));
    let waved = desk.json(&[]);
    let canary: Vec<&Value> = waved["cells"].as_array().unwrap().iter().filter(|it| it["wave"] == "canary").collect();
    assert_eq!(canary.len(), 1);
    assert_eq!(canary[0]["settings"]["hvci"], "on");
}

#[test]
fn a_plan_for_machines_has_the_documented_keys_and_the_same_bytes_again() {
    let desk = Desk::new();
    desk.plan(&["--save"]);
    let text = desk.plan(&["--json", "--budget", "3"]);
    assert_eq!(text, desk.plan(&["--json", "--budget", "3"]));
    let plan: Value = serde_json::from_str(&text).unwrap();
    let page = std::fs::read_to_string(repository().join("docs/planning.md")).unwrap();
    let (_, table) = page.split_once("| key | what it holds |").unwrap();
    let documented: Vec<(&str, &str)> =
        table.lines().skip(2).take_while(|line| line.starts_with('|')).map(row).collect();
    let about = plan["about"].as_object().unwrap();
    let keys: Vec<&str> = documented.iter().map(|(key, _)| *key).collect();
    assert!(about.keys().all(|key| keys.contains(&key.as_str())), "{:?}", about.keys());
    for (key, holds) in documented {
        let value = about.get(key).unwrap_or_else(|| panic!("{key} is documented, and not there"));
        for inner in value.as_object().into_iter().flatten() {
            assert!(holds.contains(&format!("`{}`", inner.0)), "{key}.{} is not documented", inner.0);
        }
    }
    assert_eq!(plan["schema"], "coexist.plan/1");
    let read: coexist_model::Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(read.cells.len(), 3, "what is beside the plan's own keys does no harm");
}

/// The key of a table's line, and what it says of it.
fn row(line: &str) -> (&str, &str) {
    let (key, holds) = line.trim_matches('|').split_once('|').unwrap();
    (key.trim().trim_matches('`'), holds)
}

#[test]
fn what_arms_share_is_counted() {
    let desk = Desk::new();
    let one = "images: [lab-2022]\nagents: [[globex-sensor]]\n";
    let (head, tail) = MATRIX.split_at(MATRIX.find("images: [").unwrap());
    let candidate = &tail[tail.find("candidate:").unwrap()..];
    desk.put("lab.yaml", &format!("{head}{one}{candidate}"));
    let plan = desk.json(&[]);
    let shared = |plan: &Value, key: &str| plan["about"]["shared"][key].as_u64().unwrap();
    let arm = |arm: &str| plan["cells"][0]["arms"][arm].as_array().unwrap();
    let (baseline, candidate_arm) = (arm("baseline"), arm("candidate"));
    assert_eq!(shared(&plan, "steps"), (baseline.len() + candidate_arm.len()) as u64);
    // Both arms are the same until the first step that does something else.
    let alike = baseline.iter().zip(candidate_arm).take_while(|(one, other)| one["action"] == other["action"]).count();
    assert!(alike > 0 && alike < baseline.len());
    assert_eq!(shared(&plan, "different_steps"), shared(&plan, "steps") - alike as u64);
    assert!(shared(&plan, "different_boots") < shared(&plan, "boots"));

    // The same cell on another image shares nothing with it.
    desk.put("lab.yaml", &format!("{head}{}{candidate}", one.replace("[lab-2022]", "[lab-2022, standin-client]")));
    let two = desk.json(&[]);
    assert_eq!(shared(&two, "different_steps"), 2 * shared(&plan, "different_steps"));
}

#[test]
fn a_cell_and_a_combination_are_explained_or_refused() {
    let desk = Desk::new();
    let plan = desk.json(&[]);
    let cell = cells(&plan)[0];
    let told = desk.plan(&["--explain", cell]);
    assert!(told.starts_with(&format!("{cell}\n")) && told.contains(" only here\n"), "{told}");
    let told = desk.plan(&["--explain", "hvci=off, acme-vault=2.0"]);
    let holds = |cell: &&Value| {
        cell["settings"]["hvci"] == "off"
            && cell["agents"].as_array().unwrap().iter().any(|it| it["id"] == "acme-vault")
    };
    let holding: Vec<&Value> = plan["cells"].as_array().unwrap().iter().filter(holds).collect();
    assert!(told.contains(&format!(": in {} cell", holding.len())), "{told}");
    holding.iter().for_each(|cell| assert!(told.contains(cell["id"].as_str().unwrap()), "{told}"));
    let told = desk.plan(&["--explain", "hvci=on,acme-vault=2.0"]);
    assert!(told.contains("impossible") && told.contains("if acme-vault then hvci = off (line 8)"), "{told}");
    // The vault's recipe asks for the endpoint.
    let told = desk.plan(&["--explain", "acme-vault=2.0,acme-endpoint=none"]);
    assert!(told.contains("impossible") && told.contains("acme-vault requires acme-endpoint"), "{told}");
    for (asked, expected) in [
        (&cell[..cell.len() - 1], "did you mean"),
        ("hvci=maybe", "expected `off` or `on`"),
        ("hvci=on,hvci=off", "second value"),
    ] {
        assert!(desk.refused(&["--explain", asked], 2).contains(expected), "{asked}");
    }
}
