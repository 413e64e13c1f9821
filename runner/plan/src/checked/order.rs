//! `order`: in which order agents are installed in every set that holds them.

use std::collections::BTreeSet;

use crate::checked::matrix::Checker;
use crate::checked::recipe::twice;
use crate::checked::{Member, Order, Other};
use crate::element::{At, List, items, whole};
use crate::message::{Message, Mistake};
use crate::scalars::Name;
use crate::words::{alternatives, quote};
use crate::written::agents::Agents as WrittenAgents;
use crate::written::wanted::{Order as Written, Sequences};

const PAGE: &str = "matrix.md#order";

impl<'a> Checker<'a> {
    /// Those that `order` names come first, in its order; the others follow as their set has them.
    pub(super) fn put_in_order(&self, members: &mut [Member]) {
        members.sort_by_key(|member| self.place(&member.agent).unwrap_or(usize::MAX));
    }

    /// Where `order` puts an agent; `None` where it does not name it.
    pub(super) fn place(&self, agent: &str) -> Option<usize> {
        self.order().iter().position(|it| it.value.0 == agent)
    }

    /// Checks `order` against the agents that cells can have, and against what recipes require.
    pub(super) fn check_order(&mut self) -> Order {
        if let Some(At { value: Written::Every(sequences), span }) = &self.written.order {
            let (agents, word) = match sequences {
                Sequences::Pairs => (2, "pairs"),
                Sequences::Triples => (3, "triples"),
            };
            if self.written.coverage.is_none() {
                let found =
                    format!("`order: {word}` needs `coverage`: without it every cell is there once, in one order");
                let message = Message::error(Mistake::MissingKey, *span, found, "expected `coverage` beside it");
                let message =
                    message.help("add `coverage: {strength: 2}`, or list the agents in the order of installation");
                self.tell(message, PAGE);
            }
            return Order::Every { agents, span: *span };
        }
        let order = self.order();
        twice(order, Clone::clone, ("agent", PAGE), &mut self.desk.messages);
        let held = self.held();
        for (at, name) in order.iter().enumerate() {
            if !held.agents.contains(name.value.0.as_str()) {
                if held.whole {
                    let message = absent(name, self.nobody(&name.value.0), &held.agents);
                    self.tell(message, PAGE);
                }
            } else if self.place(&name.value.0) == Some(at) {
                self.check_place(at, name, &held.agents);
            }
        }
        Order::Fixed(order.iter().map(|name| name.value.0.clone()).collect())
    }

    pub(super) fn order(&self) -> &'a [At<Name>] {
        self.fixed_order().map_or(&[], |list| &list.items)
    }

    fn fixed_order(&self) -> Option<&'a List<Name>> {
        let written = self.written;
        written.order.as_ref()?.value.fixed()
    }

    /// What an agent requires is installed before it: earlier in `order`, where `order` names it.
    fn check_place(&mut self, at: usize, name: &At<Name>, held: &BTreeSet<&str>) {
        let Some(product) = self.products.get(&name.value.0).cloned().flatten() else { return };
        let fresh = self.fresh_candidate().map(|it| it.value.0.as_str());
        for Other { agent, span } in &product.requires {
            let told_elsewhere =
                !held.contains(agent.as_str()) || fresh.is_some_and(|it| it == agent || *it == product.id);
            let place = self.place(agent);
            if told_elsewhere || place.is_some_and(|place| place < at) {
                continue;
            }
            let (id, other) = (quote(&product.id), quote(agent));
            let message = match place {
                Some(place) => {
                    let found = format!("this order installs {id} before {other}, which it requires");
                    let expected = format!("must come after {other}");
                    Message::error(Mistake::RequirementLater, name.span, found, expected)
                        .related(self.order()[place].span, "installed after it")
                }
                // An item that could not be read may be the one that is missing.
                None if !self.fixed_order().is_none_or(|list| list.whole) => continue,
                None => {
                    let found = format!(
                        "this order installs {id} before {other}, which it requires and the order does not name"
                    );
                    let expected = format!("{other} must come before it");
                    Message::error(Mistake::RequirementLater, name.span, found, expected)
                        .help("agents that the order does not name are installed after those that it names")
                }
            };
            self.tell(message.related(*span, "required here"), PAGE);
        }
    }

    /// Every agent that cells can have: those of the sets or the choice, and of included rows.
    fn held(&self) -> Held<'a> {
        let written = self.written;
        let (agents, rows) = (written.agents.as_ref().map(|it| &it.value), written.include.as_ref());
        let of_rows: Vec<_> = items(rows).iter().map(|row| row.value.agents.as_ref()).collect();
        let in_rows = of_rows.iter().copied().flat_map(items).map(|agent| agent.value.0.0.as_str());
        Held {
            agents: agents.iter().flat_map(|it| it.named()).map(|(id, _)| id).chain(in_rows).collect(),
            whole: agents.is_some_and(WrittenAgents::is_whole)
                && whole(rows)
                && of_rows.iter().all(|list| list.is_some() && whole(*list)),
        }
    }
}

struct Held<'a> {
    agents: BTreeSet<&'a str>,
    /// Whether every list could be read.
    whole: bool,
}

fn absent(name: &At<Name>, found: String, held: &BTreeSet<&str>) -> Message {
    let expected = format!("expected {}", alternatives(held.iter().copied()));
    Message::error(Mistake::UnknownAgent, name.span, found, expected).nearest(&name.value.0, held.iter().copied())
}
