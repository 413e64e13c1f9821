//! Requirements, conflicts and orders of random catalogues: a matrix is planned if and only if every set of it can be
//! installed as it stands, and what is planned can be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use coexist_model::{Action, Arm, Cell};
use coexist_plan::{Ask, Mistake, check, load, plan};
use proptest::prelude::*;
use support::Lab;

const AGENTS: [&str; 5] = ["globex-sensor", "agent-a", "agent-b", "agent-c", "agent-d"];
/// The candidate's product, which every set holds.
const CANDIDATE: &str = AGENTS[0];

/// Pairs of agents: the first requires the second, or conflicts with it.
type Pairs = BTreeSet<(&'static str, &'static str)>;

#[derive(Debug)]
struct World {
    requires: Pairs,
    conflicts: Pairs,
    sets: Vec<Vec<&'static str>>,
    order: Vec<&'static str>,
    fresh: bool,
}

fn pairs(most: usize) -> impl Strategy<Value = Pairs> {
    let pair = (0..AGENTS.len(), 1..AGENTS.len());
    let pair = pair.prop_map(|(one, step)| (AGENTS[one], AGENTS[(one + step) % AGENTS.len()]));
    proptest::collection::btree_set(pair, 0..=most)
}

fn worlds() -> impl Strategy<Value = World> {
    let some = || proptest::sample::subsequence(AGENTS.to_vec(), 0..=AGENTS.len()).prop_shuffle();
    let set = some().prop_filter("the candidate is in every set", |set| set.contains(&CANDIDATE));
    let sets = proptest::collection::vec(set, 1..3);
    let order = prop_oneof![Just(Vec::new()), some()];
    (pairs(3), pairs(2), sets, order, any::<bool>()).prop_map(|(requires, conflicts, sets, order, fresh)| World {
        requires,
        conflicts,
        sets,
        order,
        fresh,
    })
}

impl World {
    fn lab(&self) -> Lab {
        let lab = Lab::new();
        let whole = std::fs::read_to_string(lab.path("matrices/agents/globex-sensor.yaml")).unwrap();
        for agent in AGENTS {
            let others = |pairs: &Pairs| -> String {
                pairs.iter().filter(|(one, _)| *one == agent).map(|(_, other)| *other).collect::<Vec<_>>().join(", ")
            };
            let recipe = whole.replace("id: globex-sensor", &format!("id: {agent}"));
            let relations =
                format!("requires: [{}]\nconflicts: [{}]\n", others(&self.requires), others(&self.conflicts));
            lab.write(&format!("matrices/agents/{agent}.yaml"), &format!("{recipe}{relations}"));
        }
        lab
    }

    fn matrix(&self) -> String {
        let sets: String = self.sets.iter().map(|set| format!("  - [{}]\n", set.join(", "))).collect();
        let kind = if self.fresh { "fresh" } else { "upgrade" };
        format!(
            "matrix: test\nimages: [lab-11]\nagents:\n{sets}order: [{}]\ncandidate: {{agent: {CANDIDATE}, kind: {kind}, version: '1.1'}}\n",
            self.order.join(", ")
        )
    }

    fn cell_order(&self, set: &[&'static str]) -> Vec<&'static str> {
        let named = self.order.iter().filter(|agent| set.contains(agent));
        named.chain(set.iter().filter(|agent| !self.order.contains(agent))).copied().collect()
    }

    /// Every circle of requirements, written from its first by name: "a → b → a".
    fn circles(&self) -> Vec<String> {
        let mut circles = Vec::new();
        let mut ways: Vec<Vec<&str>> = AGENTS.iter().map(|agent| vec![*agent]).collect();
        while let Some(way) = ways.pop() {
            let last = way[way.len() - 1];
            for (_, next) in self.requires.iter().filter(|(one, _)| *one == last) {
                let longer = [way.as_slice(), &[*next]].concat();
                if *next == way[0] {
                    circles.push(longer.join(" → "));
                } else if *next > way[0] && !way.contains(next) {
                    ways.push(longer);
                }
            }
        }
        circles.sort();
        circles
    }

    /// Whether agents can be installed one after another, told from the pairs alone.
    fn fits(&self, installed: &[&str]) -> bool {
        let at = |agent: &str| installed.iter().position(|it| *it == agent);
        let required = |(one, other): &(&str, &str)| at(one).is_none_or(|one| at(other).is_some_and(|it| it < one));
        let apart = |(one, other): &(&str, &str)| at(one).is_none() || at(other).is_none();
        self.requires.iter().all(required) && self.conflicts.iter().all(apart)
    }

    fn installed(&self, set: &[&'static str]) -> Vec<&'static str> {
        let mut installed = self.cell_order(set);
        if self.fresh {
            installed.retain(|agent| *agent != CANDIDATE);
            installed.push(CANDIDATE);
        }
        installed
    }

    fn is_right(&self) -> bool {
        let held: BTreeSet<&str> = self.sets.iter().flatten().copied().collect();
        let orders: BTreeSet<Vec<&str>> = self.sets.iter().map(|set| self.cell_order(set)).collect();
        self.order.iter().all(|agent| held.contains(agent))
            && orders.len() == self.sets.len()
            && self.sets.iter().all(|set| self.fits(&self.installed(set)))
    }
}

/// Whose products the candidate arm installs, in order. The candidate's own step counts where nothing of its product was
/// installed before.
fn steps(cell: &Cell) -> Vec<&'static str> {
    let mut installed = Vec::new();
    for step in &cell.arms[Arm::Candidate] {
        if let Action::Install(install) = &step.action {
            let agent = AGENTS.into_iter().find(|agent| *agent == install.agent.as_str()).unwrap();
            if !installed.contains(&agent) {
                installed.push(agent);
            }
        }
    }
    installed
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn a_matrix_is_planned_if_and_only_if_its_sets_can_be_installed(world in worlds()) {
        let lab = world.lab();
        let matrix = lab.matrix(&world.matrix());
        let told = check(&[&matrix]);
        prop_assert_eq!(told.errors() == 0, world.is_right(), "{:?}\n{}", world, lab.told(&told));
        let Ok(resolved) = load(&matrix) else {
            prop_assert!(!world.is_right());
            return Ok(());
        };
        let cells: BTreeMap<String, Cell> =
            plan(&resolved, &Ask::default()).unwrap().plan.cells.into_iter().map(|cell| (cell.id.to_string(), cell)).collect();
        prop_assert_eq!(cells.len(), world.sets.len());
        for set in &world.sets {
            let cell = &cells[&format!("lab-11.as-it-is.{}", world.cell_order(set).join("+"))];
            prop_assert_eq!(steps(cell), world.installed(set));
        }
    }
}

fn circles_told(report: &coexist_plan::Report) -> Vec<String> {
    let told = report.messages().iter().filter(|it| it.mistake() == Mistake::RequirementCycle);
    let mut circles: Vec<String> = told.map(|it| it.found().rsplit_once(": ").unwrap().1.to_owned()).collect();
    circles.sort();
    circles
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn every_circle_is_told_once(requires in pairs(12)) {
        let sets = vec![AGENTS.to_vec()];
        let world = World { requires, conflicts: Pairs::new(), sets, order: Vec::new(), fresh: false };
        let lab = world.lab();
        let matrix = lab.matrix(&world.matrix());
        for path in [matrix, lab.path("matrices")] {
            let report = check(&[path]);
            prop_assert_eq!(circles_told(&report), world.circles(), "{:?}\n{}", world, lab.told(&report));
        }
    }
}

/// Recipes that all require each other have more circles than a check could ever count.
#[test]
fn a_tangle_of_requirements_ends_the_check() {
    let lab = Lab::new();
    let whole = std::fs::read_to_string(lab.path("matrices/agents/globex-sensor.yaml")).unwrap();
    let agents: Vec<String> = (10..40).map(|number| format!("agent-{number}")).collect();
    for agent in &agents {
        let others: Vec<&str> = agents.iter().filter(|it| *it != agent).map(String::as_str).collect();
        let recipe = whole.replace("id: globex-sensor", &format!("id: {agent}"));
        lab.write(&format!("tangle/agents/{agent}.yaml"), &format!("{recipe}requires: [{}]\n", others.join(", ")));
    }
    let told = circles_told(&check(&[lab.path("tangle")]));
    assert!(told.len() >= 1000, "only {} circles", told.len());
    let once: BTreeSet<&String> = told.iter().collect();
    assert_eq!(once.len(), told.len());
}

#[test]
fn a_requirement_with_mistakes_of_its_own_leads_to_no_others() {
    let requires = Pairs::from([("agent-a", "agent-b"), ("agent-b", "agent-c")]);
    let sets = vec![vec![CANDIDATE, "agent-a"]];
    let world = World { requires, conflicts: Pairs::new(), sets, order: Vec::new(), fresh: false };
    let lab = world.lab();
    lab.write("matrices/agents/agent-c.yaml", "id: agent-c\n");
    let matrix = lab.matrix(&world.matrix());
    for paths in [vec![matrix.clone()], vec![lab.path("matrices")]] {
        let report = check(&paths);
        assert_eq!(report.errors(), 5, "{}", lab.told(&report));
        assert!(report.messages().iter().all(|it| it.mistake() == Mistake::MissingKey), "{}", lab.told(&report));
    }
    assert!(load(&matrix).is_err());
}
