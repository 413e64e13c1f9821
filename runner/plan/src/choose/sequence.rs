//! `order: pairs` and `order: triples`: an order of installation for each row, so that agents meet in every one.

use std::collections::BTreeSet;

use coexist_cover::{OrderedPlan, Predicate, Request, SequenceError, Sequencing};

use super::model::Space;
use super::order;
use super::saved::SavedRow;
use crate::checked::{AgentSet, Agents, Checked, Order};

/// Orders of agents by the agents' numbers.
#[derive(Debug, Clone)]
pub(crate) struct Sequences {
    /// Every agent that can be in a row.
    pub(crate) agents: Vec<String>,
    /// Agents of an order: 2 or 3.
    pub(crate) length: usize,
    /// How many orders some row can have.
    pub(crate) feasible: u64,
    /// Those of them that no row has, smallest first.
    pub(crate) open: Vec<Vec<usize>>,
    /// The agents of rows that were not to come again, as they were broken or inconclusive.
    pub(crate) masked: BTreeSet<BTreeSet<usize>>,
}

impl Sequences {
    /// The agents of an order by their ids.
    pub(crate) fn names(&self, order: &[usize]) -> Vec<String> {
        order.iter().filter_map(|&agent| self.agents.get(agent).cloned()).collect()
    }
}

/// Agents as the engine orders them: each is an event of the rows that have it.
pub(crate) struct Events<'a> {
    agents: Vec<&'a str>,
    predicates: Vec<Predicate>,
    asked: Sequencing,
}

impl<'a> Events<'a> {
    /// `None` where the matrix fixes the order.
    pub(crate) fn of(checked: &'a Checked, space: &Space<'_>) -> Option<Self> {
        let Order::Every { agents: length, .. } = checked.order else { return None };
        let mut agents: Vec<&str> = match &checked.agents {
            Agents::Choice(pool) => pool.offers.iter().map(|offer| offer.agent.as_str()).collect(),
            Agents::Sets(sets) => sets.iter().flat_map(|set| &set.members).map(|it| it.agent.as_str()).collect(),
        };
        let mut seen = BTreeSet::new();
        agents.retain(|agent| seen.insert(*agent));
        let place = |agent: &str| agents.iter().position(|it| *it == agent);
        let mut before = Vec::new();
        let fresh = order::fresh(checked).and_then(place);
        for (number, agent) in agents.iter().enumerate() {
            before.extend(order::requires(checked, agent).filter_map(place).map(|other| (other, number)));
            before.extend(fresh.filter(|fresh| *fresh != number).map(|fresh| (number, fresh)));
        }
        before.sort_unstable();
        before.dedup();
        let predicates = agents.iter().map(|agent| space.has(agent)).collect();
        Some(Self { agents, predicates, asked: Sequencing { length, before, tested: Vec::new() } })
    }

    /// Rows with the agents of each in the order of installation. `kept` are the orders of the request's seeds.
    pub(crate) fn plan(
        &self,
        space: &Space<'_>,
        request: &Request,
        kept: &[Option<Vec<usize>>],
    ) -> Result<OrderedPlan, SequenceError> {
        coexist_cover::plan_in_order(&space.model, request, &self.predicates, &self.asked, kept)
    }

    /// What the engine says of orders. `masked` are the rows that were not to come again.
    pub(crate) fn sequences(&self, planned: &OrderedPlan, masked: &[Vec<usize>]) -> Sequences {
        let agents = |row: &Vec<usize>| -> BTreeSet<usize> {
            let has = |it: &Predicate| row.get(it.parameter).is_some_and(|value| it.values.contains(value));
            (0..self.agents.len()).filter(|&agent| self.predicates.get(agent).is_some_and(has)).collect()
        };
        Sequences {
            agents: self.agents.iter().map(|agent| (*agent).to_owned()).collect(),
            length: self.asked.length,
            feasible: planned.feasible,
            open: planned.open.clone(),
            masked: masked.iter().map(agents).collect(),
        }
    }

    /// The order in which a set stands.
    pub(crate) fn of_set(&self, set: &AgentSet) -> Option<Vec<usize>> {
        set.members.iter().map(|member| self.place(&member.agent)).collect()
    }

    /// The order of a saved row, without agents that are gone.
    pub(crate) fn of_saved(&self, row: &SavedRow) -> Vec<usize> {
        row.agents.iter().filter_map(|(agent, _)| self.place(agent)).collect()
    }

    fn place(&self, agent: &str) -> Option<usize> {
        self.agents.iter().position(|it| *it == agent)
    }

    /// Puts a set into an order.
    pub(crate) fn arrange(&self, set: &mut AgentSet, order: &[usize]) {
        let place = |agent: &str| self.place(agent).and_then(|event| order.iter().position(|it| *it == event));
        set.members.sort_by_key(|member| place(&member.agent).unwrap_or(usize::MAX));
    }
}
