//! Every set of agents that a choice allows, for the full product.

use super::order;
use super::rules::{Demand, Rule};
use crate::checked::{AgentPool, AgentSet, Checked, Member};

/// Agents of rules that are looked at before the search gives up: a second or two, however many rules there are.
const MOST_LOOKS: usize = 20_000_000;
/// Offers beyond which no search begins: it goes one level deep for each.
const MOST_OFFERS: usize = 1_000;

/// Every set that keeps the rules of agents, the one without an agent first, then as the offers are listed. `None` when
/// there are more than `most`, or too many to try.
pub(crate) fn all(checked: &Checked, pool: &AgentPool, rules: &[Rule<'_>], most: usize) -> Option<Vec<AgentSet>> {
    let mut search = Search { checked, pool, rules, most, looks: 0, chosen: Vec::new(), found: Vec::new() };
    if pool.offers.len() > MOST_OFFERS {
        return None;
    }
    search.from(0)?;
    Some(search.found)
}

struct Search<'a> {
    checked: &'a Checked,
    pool: &'a AgentPool,
    rules: &'a [Rule<'a>],
    most: usize,
    looks: usize,
    chosen: Vec<Member>,
    found: Vec<AgentSet>,
}

impl Search<'_> {
    /// Decides the offers from number `at` on. `None` when there are too many.
    fn from(&mut self, at: usize) -> Option<()> {
        if !self.keeps_rules(self.pool.offers.len() - at)? {
            return Some(());
        }
        let Some(offer) = self.pool.offers.get(at) else {
            let mut members = self.chosen.clone();
            order::fixed(self.checked, &mut members);
            self.found.push(AgentSet { members, span: self.pool.span });
            return (self.found.len() <= self.most).then_some(());
        };
        self.from(at + 1)?;
        for version in &offer.versions {
            self.chosen.push(Member {
                agent: offer.agent.clone(),
                version: version.version.clone(),
                pinned: version.pinned,
                span: version.span,
            });
            self.from(at + 1)?;
            self.chosen.pop();
        }
        Some(())
    }

    /// Whether what is chosen keeps every rule, with so many offers left to decide. `None` when the search gives up.
    fn keeps_rules(&mut self, left: usize) -> Option<bool> {
        self.looks += 1;
        for rule in self.rules {
            self.looks += match rule.demand {
                Demand::Exclusive(agents) => agents.len(),
                Demand::Beside(_, others) => 1 + others.len(),
                _ => 1,
            };
            if self.looks > MOST_LOOKS {
                return None;
            }
            if !self.kept(rule, left) {
                return Some(false);
            }
        }
        (self.looks <= MOST_LOOKS).then_some(true)
    }

    /// Whether what is chosen keeps a rule; while offers are left, only what they can no longer mend counts.
    fn kept(&self, rule: &Rule<'_>, left: usize) -> bool {
        let whole = left == 0;
        let has = |agent: &str| self.chosen.iter().any(|member| member.agent == agent);
        match rule.demand {
            Demand::AtMost(most) => self.chosen.len() <= most,
            Demand::Exclusive(agents) => agents.iter().filter(|agent| has(agent)).count() <= 1,
            Demand::AtLeast(least) => self.chosen.len() + left >= least,
            Demand::Has(agent) => !whole || has(agent),
            Demand::Beside(agent, others) => !whole || !has(agent) || others.iter().any(|other| has(other)),
            Demand::Holds(_) | Demand::Excluded(_) | Demand::OneOutOfRange => true,
        }
    }
}
