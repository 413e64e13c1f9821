//! In which orders agents meet in the cells of a plan, which orders rules forbid, and which no cell has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rules::placed;
use super::sequence::Sequences;
use super::{Row, order};
use crate::checked::{Checked, Range};
use crate::source::Sources;

/// Orders that no cell has, of those that are listed.
const MOST_LISTED: usize = 100_000;

/// What the cells of a plan hold of the orders that `order: pairs` or `order: triples` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    /// Agents of an order: 2 or 3.
    pub agents: usize,
    /// Orders that some cell can have.
    pub feasible: u64,
    /// Those of them that a cell of the plan has.
    pub covered: u64,
    /// Orders of agents that meet, by the rules that forbid them, most first.
    pub impossible: Vec<ImpossibleOrders>,
    /// Feasible orders that no cell of the plan has: the first hundred thousand.
    pub uncovered: Vec<UncoveredOrder>,
}

/// Orders that the same rules forbid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImpossibleOrders {
    /// The fewest rules found, in the author's words.
    pub rules: Vec<String>,
    /// How many orders they forbid.
    pub orders: u64,
    /// The agents of one of them, the first one first.
    pub example: Vec<String>,
}

/// An order that no cell of the plan has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncoveredOrder {
    /// Its agents, the first one first.
    pub order: Vec<String>,
    /// Why no cell has it.
    pub why: WhyUncovered,
}

/// Why no cell of a plan has an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyUncovered {
    /// It is in cells that the budget left out.
    LeftOut,
    /// A cell that could have it was broken or inconclusive when it last ran.
    Masked,
    /// No cell was found that has it beside the rows that are kept.
    NotFound,
}

impl std::fmt::Display for WhyUncovered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LeftOut => "left out by the budget",
            Self::Masked => "a cell that could have it was broken or inconclusive when it last ran",
            Self::NotFound => "no cell was found that has it beside the rows that are kept",
        })
    }
}

/// Looks at the orders of all rows that the engine saw, of which `kept` are in the plan.
pub(crate) fn look(
    checked: &Checked,
    sources: &Sources,
    sequences: &Sequences,
    all: &[&Row<'_>],
    kept: &[&Row<'_>],
) -> Orders {
    let (in_all, in_kept) = (Met::by(sequences, all), Met::by(sequences, kept));
    let left_out = in_all.each().filter(|order| !in_kept.has(order)).map(|order| (order, WhyUncovered::LeftOut));
    let why = |order: &[usize]| {
        let could_have = |cell: &BTreeSet<usize>| order.iter().all(|agent| cell.contains(agent));
        let masked = sequences.masked.iter().any(could_have);
        if masked { WhyUncovered::Masked } else { WhyUncovered::NotFound }
    };
    let open = sequences.open.iter().map(|order| (order.clone(), why(order)));
    let mut uncovered: Vec<(Vec<usize>, WhyUncovered)> = left_out.chain(open).collect();
    uncovered.sort_unstable();
    let covered = sequences.feasible.saturating_sub(uncovered.len() as u64);
    uncovered.truncate(MOST_LISTED);
    let told = |(order, why): (Vec<usize>, _)| UncoveredOrder { order: sequences.names(&order), why };
    Orders {
        agents: sequences.length,
        feasible: sequences.feasible,
        covered,
        impossible: impossible(checked, sources, sequences, in_all),
        uncovered: uncovered.into_iter().map(told).collect(),
    }
}

/// Which orders there are, each at the number whose digits are its agents.
struct Met {
    agents: usize,
    length: usize,
    orders: Vec<bool>,
}

impl Met {
    /// Those that rows have. A value out of range masks what stands beside it.
    fn by(sequences: &Sequences, rows: &[&Row<'_>]) -> Self {
        let agents = sequences.agents.len();
        let length = sequences.length;
        // The engine counts no more of them than a million.
        let mut met = Self { agents, length, orders: vec![false; agents.pow(length as u32)] };
        let usual = |row: &&&Row<'_>| row.values.iter().all(|value| value.range == Range::Usual);
        let order = |row: &&Row<'_>| -> Vec<usize> {
            let agents = row.set.members.iter().map(|member| member.agent.as_str());
            agents.filter_map(|agent| sequences.agents.iter().position(|it| it == agent)).collect()
        };
        let different: BTreeSet<Vec<usize>> = rows.iter().filter(usual).map(order).collect();
        for order in different {
            for (at, &one) in order.iter().enumerate() {
                let rest = order.get(at + 1..).unwrap_or_default();
                for (further, &two) in rest.iter().enumerate() {
                    if length == 2 {
                        met.add(&[one, two]);
                    } else {
                        let rest = rest.get(further + 1..).unwrap_or_default();
                        rest.iter().for_each(|&three| met.add(&[one, two, three]));
                    }
                }
            }
        }
        met
    }

    fn number(&self, order: &[usize]) -> usize {
        order.iter().fold(0, |number, agent| number * self.agents + agent)
    }

    fn add(&mut self, order: &[usize]) {
        let number = self.number(order);
        if let Some(met) = self.orders.get_mut(number) {
            *met = true;
        }
    }

    fn has(&self, order: &[usize]) -> bool {
        self.orders.get(self.number(order)) == Some(&true)
    }

    fn each(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        let there = self.orders.iter().enumerate().filter(|(_, met)| **met);
        there.map(|(number, _)| {
            let mut order = vec![0; self.length];
            let mut left = number;
            for agent in order.iter_mut().rev() {
                *agent = left % self.agents.max(1);
                left /= self.agents.max(1);
            }
            order
        })
    }
}

/// Agents that meet are there in every order that some cell can have; what else there would be is impossible.
fn impossible(checked: &Checked, sources: &Sources, sequences: &Sequences, met: Met) -> Vec<ImpossibleOrders> {
    let reasons = Reasons::new(checked, sources, sequences);
    if reasons.rules.is_empty() {
        return Vec::new();
    }
    let mut feasible = met;
    sequences.open.iter().for_each(|order| feasible.add(order));
    let mut groups: BTreeMap<Vec<usize>, (u64, Vec<usize>)> = BTreeMap::new();
    for order in feasible.each() {
        // Of all orders of the same agents the first that is feasible speaks for the others.
        let others = permutations(&order);
        if others.iter().any(|other| feasible.has(other) && *other < order) {
            continue;
        }
        for other in others.into_iter().filter(|other| !feasible.has(other)) {
            groups.entry(reasons.of(&other)).or_insert((0, other)).0 += 1;
        }
    }
    let in_words = |rules: Vec<usize>| rules.iter().filter_map(|&rule| reasons.rules.get(rule).cloned()).collect();
    let groups = groups.into_iter().map(|(rules, (orders, example))| ImpossibleOrders {
        rules: in_words(rules),
        orders,
        example: sequences.names(&example),
    });
    let mut groups: Vec<ImpossibleOrders> = groups.collect();
    groups.sort_by(|one, other| other.orders.cmp(&one.orders).then_with(|| one.rules.cmp(&other.rules)));
    groups
}

/// Every order of two or three.
fn permutations(set: &[usize]) -> Vec<Vec<usize>> {
    match *set {
        [a, b] => vec![vec![a, b], vec![b, a]],
        [a, b, c] => [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]].map(|it| it.to_vec()).to_vec(),
        _ => Vec::new(),
    }
}

/// Why one agent comes before another wherever both are.
struct Reasons {
    /// In the author's words, each with its place.
    rules: Vec<String>,
    /// For each agent those that have to come after it, each with the agent before it on the shortest way there and the
    /// rule between the two.
    ways: Vec<BTreeMap<usize, (usize, usize)>>,
}

impl Reasons {
    fn new(checked: &Checked, sources: &Sources, sequences: &Sequences) -> Self {
        let home = checked.name_span.source;
        let place = |agent: &str| sequences.agents.iter().position(|it| it == agent);
        let mut rules = Vec::new();
        // For each agent those that come right after it, each with the rule.
        let mut direct: Vec<Vec<(usize, usize)>> = vec![Vec::new(); sequences.agents.len()];
        for (number, agent) in sequences.agents.iter().enumerate() {
            let requires = checked.products.get(agent).map_or(&[][..], |product| &product.requires);
            for other in requires {
                if let Some(after) = place(&other.agent).and_then(|at| direct.get_mut(at)) {
                    after.push((number, rules.len()));
                    let words = format!("{agent} requires {}", other.agent);
                    rules.push(placed(&words, other.span, home, sources));
                }
            }
        }
        if let Some(fresh) = order::fresh(checked).and_then(place) {
            let others = direct.iter_mut().enumerate().filter(|(number, _)| *number != fresh);
            others.for_each(|(_, after)| after.push((fresh, rules.len())));
            rules.push(placed("a fresh candidate is installed last", checked.candidate.span, home, sources));
        }
        let ways = (0..direct.len()).map(|from| ways(&direct, from)).collect();
        Self { rules, ways }
    }

    /// The fewest rules by which a later agent of an order has to come before an earlier one.
    fn of(&self, order: &[usize]) -> Vec<usize> {
        let backwards = order.iter().enumerate().flat_map(|(at, &early)| {
            let later = order.get(at + 1..).unwrap_or_default();
            later.iter().filter_map(move |&late| self.way(late, early))
        });
        backwards.min_by_key(Vec::len).unwrap_or_default()
    }

    /// The rules on the shortest way from one agent to another that has to come after it.
    fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let known = self.ways.get(from)?;
        let mut rules = Vec::new();
        let mut at = to;
        while at != from {
            let (before, rule) = known.get(&at)?;
            rules.push(*rule);
            at = *before;
        }
        rules.reverse();
        Some(rules)
    }
}

/// Breadth first, so that each way is the shortest.
fn ways(direct: &[Vec<(usize, usize)>], from: usize) -> BTreeMap<usize, (usize, usize)> {
    let mut known = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for &(next, rule) in direct.get(at).into_iter().flatten() {
            if next != from && !known.contains_key(&next) {
                known.insert(next, (at, rule));
                queue.push_back(next);
            }
        }
    }
    known
}
