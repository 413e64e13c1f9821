//! A choice of agents: what may be in a cell, and what must be there beside it.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::catalogue::conflict;
use crate::checked::matrix::Checker;
use crate::checked::recipe::{twice, unknown_version};
use crate::checked::{AgentPool, Always, Because, Beside, Exclusive, Offer, OfferedVersion, Other, Pinned, Product};
use crate::element::{At, items};
use crate::message::{Message, Mistake};
use crate::scalars::{AgentRef, Name, Text};
use crate::source::Span;
use crate::words::{alternatives, listed, quote};
use crate::written::agents::{Choice, Offered};

const PAGE: &str = "matrix.md#a-choice-of-agents";

impl Checker<'_> {
    /// Reads what is offered. Whether it fits the candidate and itself is seen by [`Self::check_pool`].
    pub(super) fn check_choice(&mut self, choice: &Choice, span: Span) -> AgentPool {
        let from = choice.from.as_ref();
        let named = from.map_or(&[][..], |from| &from.value.entries);
        if let Some(from) = from
            && named.is_empty()
            && from.value.whole
        {
            let found = "this matrix offers no agent";
            self.tell(Message::error(Mistake::Empty, from.span, found, "expected at least one"), PAGE);
        }
        let offers: Vec<Offer> = named.iter().filter_map(|(id, offered)| self.offer(id, offered)).collect();
        let mut exclusive = self.check_exclusive(choice);
        exclusive.extend(self.conflicts(&offers));
        let mut beside = self.requirements(&offers);
        for (id, offered) in named {
            beside.extend(items(offered.value.with()).iter().filter_map(|vendor| self.with(id, vendor, &offers)));
        }
        let always = self.updated().filter(|agent| offers.iter().any(|it| it.agent == agent.value.0)).map(|agent| {
            let label = format!("the candidate updates {}", agent.value.0);
            Always { agent: agent.value.0.clone(), why: Because { label, span: agent.span } }
        });
        let at_least = choice.at_least.as_ref().map_or(usize::from(always.is_some()), |it| it.value.0 as usize);
        let at_most = choice.at_most.as_ref().map_or(offers.len(), |it| it.value.0 as usize);
        self.check_bounds(choice);
        AgentPool { offers, at_least, at_most, exclusive, beside, always, span }
    }

    fn offer(&mut self, id: &At<Name>, offered: &At<Offered>) -> Option<Offer> {
        let product = self.product(&id.value.0, id.span)?;
        let written = offered.value.versions();
        if let Some(list) = written.filter(|list| list.value.items.is_empty() && list.value.whole) {
            let found = format!("no version of {} is offered", quote(&product.id));
            let message = Message::error(Mistake::Empty, list.span, found, "expected at least one");
            self.tell(message.help("leave `versions` out for the recipe's current one"), PAGE);
        }
        twice(items(written), Clone::clone, ("version", PAGE), &mut self.desk.messages);
        let mut versions = Vec::new();
        for version in items(written) {
            if product.releases.iter().any(|release| release.version == version.value.0) {
                versions.push(OfferedVersion {
                    version: version.value.0.clone(),
                    pinned: Pinned::Yes,
                    span: version.span,
                });
            } else {
                let known: Vec<&str> = product.releases.iter().map(|it| it.version.as_str()).collect();
                let message = unknown_version(&version.value.0, version.span, &product.id, &known);
                self.tell(message.nearest(&version.value.0, known.iter().copied()), PAGE);
            }
        }
        if written.is_none() {
            versions.push(OfferedVersion { version: product.current.clone(), pinned: Pinned::No, span: id.span });
        }
        let weight = offered.value.weight();
        (!versions.is_empty()).then(|| Offer { agent: product.id.clone(), versions, weight, span: id.span })
    }

    /// Lists of which at most one product is in a cell, as the matrix has them.
    fn check_exclusive(&mut self, choice: &Choice) -> Vec<Exclusive> {
        let mut all = Vec::new();
        for list in items(choice.exclusive.as_ref()) {
            let agents = &list.value.items;
            twice(agents, Clone::clone, ("agent", PAGE), &mut self.desk.messages);
            for agent in agents {
                self.is_offered(agent);
            }
            if agents.len() < 2 && list.value.whole {
                let found = "one agent alone excludes no other";
                self.tell(Message::error(Mistake::BadBounds, list.span, found, "expected at least two agents"), PAGE);
            }
            let agents: Vec<String> = agents.iter().map(|it| it.value.0.clone()).collect();
            let label = format!("exclusive: [{}]", listed(&agents));
            all.push(Exclusive { agents, why: Because { label, span: list.span } });
        }
        all
    }

    /// Tells of an agent that cells cannot have.
    pub(super) fn is_offered(&mut self, agent: &At<Name>) -> bool {
        let Some(from) = self.written.choice().and_then(|choice| choice.from.as_ref()) else { return false };
        let known = || from.value.entries.iter().map(|(id, _)| id.value.0.as_str());
        let offered = known().any(|id| id == agent.value.0);
        if !offered && from.value.whole {
            let found = self.nobody(&agent.value.0);
            let message =
                Message::error(Mistake::UnknownAgent, agent.span, found, format!("expected {}", alternatives(known())));
            self.tell(message.nearest(&agent.value.0, known()), PAGE);
        }
        offered
    }

    fn check_bounds(&mut self, choice: &Choice) {
        let Some(from) = choice.from.as_ref().filter(|from| from.value.whole) else { return };
        let there = from.value.entries.len();
        let least = choice.at_least.as_ref().map(|it| (it.value.0 as usize, it.span));
        let most = choice.at_most.as_ref().map(|it| (it.value.0 as usize, it.span));
        for (key, (number, span)) in least.map(|it| ("at-least", it)).into_iter().chain(most.map(|it| ("at-most", it)))
        {
            if number > there && there > 0 {
                let found = format!("`{key}` is {number}, and there are only {there} agents to choose from");
                let expected = format!("expected no more than {there}");
                let message = Message::error(Mistake::BadBounds, span, found, expected);
                self.tell(message.related(from.span, "these"), PAGE);
            }
        }
        if let (Some((least, span)), Some((most, other))) = (least, most)
            && least > most
        {
            let found = format!("no cell has at least {least} and at most {most} agents");
            let message = Message::error(Mistake::BadBounds, span, found, format!("expected no more than {most}"));
            self.tell(message.related(other, "no more than these"), PAGE);
        }
    }

    /// "only beside a product of this vendor", which must be another product.
    fn with(&mut self, id: &At<Name>, vendor: &At<Text>, offers: &[Offer]) -> Option<Beside> {
        let wanted = vendor.value.0.trim().to_lowercase();
        let vendors: Vec<(String, String)> = offers
            .iter()
            .filter_map(|offer| Some((offer.agent.clone(), self.known_product(&offer.agent)?.vendor.clone())))
            .collect();
        let of_vendor = |(agent, by): &&(String, String)| *agent != id.value.0 && by.to_lowercase() == wanted;
        let one_of: Vec<String> = vendors.iter().filter(of_vendor).map(|(agent, _)| agent.clone()).collect();
        if !one_of.is_empty() {
            let label = format!("{} stands with {}", id.value.0, vendor.value.0);
            return Some(Beside { agent: id.value.0.clone(), one_of, why: Because { label, span: vendor.span } });
        }
        let whole = self.written.choice().is_some_and(|it| it.from.as_ref().is_some_and(|from| from.value.whole));
        if whole && vendors.iter().any(|(agent, _)| *agent == id.value.0) && vendors.len() == self.offered() {
            let mut known: Vec<&str> =
                vendors.iter().filter(|(agent, _)| *agent != id.value.0).map(|(_, by)| by.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            let found = format!("no other product of this matrix is by the vendor {}", quote(&vendor.value.0));
            let expected = format!("expected {}", alternatives(known.iter().copied()));
            let message = Message::error(Mistake::UnknownVendor, vendor.span, found, expected);
            self.tell(message.nearest(&vendor.value.0, known), PAGE);
        }
        None
    }

    /// How many products the matrix offers, usable or not.
    pub(super) fn offered(&self) -> usize {
        let from = self.written.choice().and_then(|choice| choice.from.as_ref());
        from.map_or(0, |from| from.value.entries.len())
    }

    fn known_product(&self, id: &str) -> Option<Rc<Product>> {
        self.products.get(id).cloned().flatten()
    }

    /// What recipes of offered products require. What is required and not offered is told.
    fn requirements(&mut self, offers: &[Offer]) -> Vec<Beside> {
        let mut all = Vec::new();
        for offer in offers {
            let Some(product) = self.known_product(&offer.agent) else { continue };
            for Other { agent, span } in &product.requires {
                let label = format!("{} requires {agent}", product.id);
                let why = Because { label, span: *span };
                all.push(Beside { agent: product.id.clone(), one_of: vec![agent.clone()], why });
            }
        }
        self.tell_absent(offers);
        all
    }

    /// Follows requirements, so that all that is missing is told at once.
    fn tell_absent(&mut self, offers: &[Offer]) {
        let Some(choice) = self.written.choice().filter(|it| it.from.as_ref().is_some_and(|from| from.value.whole))
        else {
            return;
        };
        let named = choice.from.as_ref().map_or(&[][..], |from| &from.value.entries);
        let mut seen: Vec<String> = named.iter().map(|(id, _)| id.value.0.clone()).collect();
        let mut queue: VecDeque<(Rc<Product>, Span)> =
            offers.iter().filter_map(|offer| Some((self.known_product(&offer.agent)?, offer.span))).collect();
        while let Some((product, place)) = queue.pop_front() {
            for Other { agent, span } in &product.requires {
                if seen.contains(agent) {
                    continue;
                }
                seen.push(agent.clone());
                let (id, by) = (quote(agent), quote(&product.id));
                let found = format!("this matrix does not offer {id}, which {by} requires");
                let message = Message::error(Mistake::RequirementAbsent, place, found, format!("not without {id}"))
                    .related(*span, "required here")
                    .help(format!("put {id} into `from`, before {by}"));
                self.tell(message, PAGE);
                let required = self.recipes.get(agent).cloned().and_then(|path| self.desk.product(&path));
                queue.extend(required.map(|product| (product, place)));
            }
        }
    }

    /// Every two offered products of which a recipe says that they conflict.
    fn conflicts(&self, offers: &[Offer]) -> Vec<Exclusive> {
        let products: Vec<Rc<Product>> = offers.iter().filter_map(|it| self.known_product(&it.agent)).collect();
        let mut all = Vec::new();
        for (at, one) in products.iter().enumerate() {
            for other in &products[at + 1..] {
                // Where both recipes say it, one place is enough.
                let Some((with, span)) = conflict(one, other).into_iter().next() else { continue };
                let by = if with == one.id { other } else { one };
                let label = format!("{} conflicts with {with}", by.id);
                let agents = vec![one.id.clone(), other.id.clone()];
                all.push(Exclusive { agents, why: Because { label, span } });
            }
        }
        all
    }

    /// The candidate's product is offered, at another version than the candidate's; and what a product requires comes
    /// before it.
    pub(super) fn check_pool(&mut self, pool: &AgentPool) {
        let from = self.written.choice().and_then(|choice| choice.from.as_ref());
        let (Some(from), Some(candidate)) = (from, &self.written.candidate) else { return };
        if let Some(agent) = self.updated() {
            let named = from.value.entries.iter().any(|(id, _)| id.value == agent.value);
            if !named && from.value.whole && !from.value.entries.is_empty() {
                let id = quote(&agent.value.0);
                let found = format!("the candidate is nobody's product in this choice: it does not offer {id}");
                let message =
                    Message::error(Mistake::CandidateAbsent, from.span, found, format!("{id} is missing here"))
                        .related(agent.span, "the candidate updates this product")
                        .help("offer it: it is in every cell then");
                self.tell(message, "matrix.md#candidate");
            }
            let held = pool.offers.iter().find(|offer| offer.agent == agent.value.0);
            let version = candidate.value.version.as_ref().filter(|_| self.replaces());
            let same = held.zip(version).and_then(|(held, version)| {
                let same = held.versions.iter().find(|it| it.version == version.value.0)?;
                Some((same, version))
            });
            if let Some((same, version)) = same {
                let found = format!(
                    "the baseline of a cell with {} {} holds the candidate already",
                    agent.value.0, same.version
                );
                let message = Message::error(Mistake::CandidateNotNew, same.span, found, "both arms would be the same")
                    .related(version.span, "the candidate's version")
                    .help("offer other versions of it only");
                self.tell(message, "matrix.md#candidate");
            }
        }
        self.check_pool_sequence(pool);
    }

    /// As agents of a set are: what a product requires is installed before it.
    fn check_pool_sequence(&mut self, pool: &AgentPool) {
        let every = self.written.order.as_ref().is_some_and(|order| order.value.fixed().is_none());
        let fresh = self.fresh_candidate();
        let mut order: Vec<&Offer> = pool.offers.iter().collect();
        order.sort_by_key(|offer| self.place(&offer.agent).unwrap_or(usize::MAX));
        for (at, offer) in order.iter().enumerate() {
            let Some(product) = self.known_product(&offer.agent) else { continue };
            let is_fresh = fresh.is_some_and(|it| it.value.0 == product.id);
            for Other { agent, span } in &product.requires {
                let Some(place) = order.iter().position(|it| it.agent == *agent) else { continue };
                let (id, other) = (quote(&product.id), quote(agent));
                let message = match fresh.filter(|it| it.value.0 == *agent) {
                    Some(candidate) => {
                        let found =
                            format!("{id} requires {other}, which a fresh candidate installs after every other agent");
                        let expected = format!("is installed before {other}");
                        Message::error(Mistake::RequirementLater, offer.span, found, expected)
                            .related(candidate.span, "installed last")
                            .help(format!("take {id} out of `from`, or try the candidate as an `upgrade`"))
                    }
                    None if is_fresh || every || place < at || self.place(&product.id).is_some() => continue,
                    None => {
                        let found = format!("this choice installs {id} before {other}, which it requires");
                        let expected = format!("must come after {other}");
                        Message::error(Mistake::RequirementLater, offer.span, found, expected)
                            .related(order[place].span, "installed after it")
                            .help("agents are installed in the order of `from`")
                    }
                };
                self.tell(message.related(*span, "required here"), PAGE);
            }
        }
    }

    /// An included row has only agents that cells can have, at versions that they can have.
    pub(super) fn check_members(&mut self, written: &[At<AgentRef>], pool: &AgentPool) {
        for agent in written {
            let (id, _) = &agent.value.0;
            let name = At { value: Name(id.clone()), span: agent.span };
            if !self.is_offered(&name) {
                continue;
            }
            let Some(offer) = pool.offers.iter().find(|offer| offer.agent == *id) else { continue };
            let current = self.known_product(id).map(|product| product.current.clone());
            let Some(version) = agent.value.0.1.clone().or(current) else { continue };
            if !offer.versions.iter().any(|it| it.version == version) {
                let known = offer.versions.iter().map(|it| it.version.as_str());
                let found = format!("this matrix does not offer {} at version {}", quote(id), quote(&version));
                let expected = format!("expected {}", alternatives(known));
                let message = Message::error(Mistake::UnknownVersion, agent.span, found, expected);
                self.tell(message.related(offer.span, "offered here"), "matrix.md#include");
            }
        }
    }
}
