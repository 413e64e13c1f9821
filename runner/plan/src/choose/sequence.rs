//! `order: pairs` and `order: triples`: an order of installation for each row, so that agents meet in every one.

use coexist_cover::{Plan, Predicate, Request, SequenceError, Sequencing};

use super::model::Space;
use super::order;
use super::saved::SavedRow;
use crate::checked::{AgentSet, Agents, Checked, Order};

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
        let mut seen = std::collections::BTreeSet::new();
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
    ) -> Result<(Plan, Vec<Vec<usize>>), SequenceError> {
        let ordered = coexist_cover::plan_in_order(&space.model, request, &self.predicates, &self.asked, kept)?;
        Ok((ordered.plan, ordered.orders))
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
