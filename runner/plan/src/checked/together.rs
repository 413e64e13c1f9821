//! Whether the products of a set can be installed together: what recipes require is there and comes first, and no two
//! conflict.

use std::collections::VecDeque;
use std::rc::Rc;

use coexist_model::CandidateKind;

use crate::catalogue::conflict;
use crate::checked::matrix::Checker;
use crate::checked::{AgentSet, Other, Product};
use crate::element::{At, List};
use crate::message::{Message, Mistake};
use crate::scalars::{AgentRef, Name};
use crate::source::Span;
use crate::words::quote;

const PAGE: &str = "matrix.md#agents";

/// A product that a set names, or lacks though one that it names requires it.
#[derive(Clone)]
struct Needed {
    product: Rc<Product>,
    /// The member that names it, or that leads to it.
    member: Span,
    /// Which product requires it, and where its recipe says so; `None` for a member.
    by: Option<(String, Span)>,
}

impl<'a> Checker<'a> {
    /// Checks one set, whose members are in the order of installation.
    pub(super) fn together(&mut self, set: &AgentSet, written: &List<AgentRef>) {
        let members = self.members(set);
        let needed = self.with_requirements(&members, written);
        let impossible = self.check_conflicts(&needed);
        for absent in needed.iter().filter(|it| !impossible.contains(&it.product.id)) {
            self.check_presence_of(absent);
        }
        self.check_sequence(&members);
    }

    /// The candidate's product where the candidate is its first installation: after every other agent.
    pub(super) fn fresh_candidate(&self) -> Option<&'a At<Name>> {
        let written = self.written;
        let candidate = &written.candidate.as_ref()?.value;
        candidate.agent.as_ref().filter(|_| self.kind() == Some(CandidateKind::Fresh))
    }

    fn members(&self, set: &AgentSet) -> Vec<Needed> {
        let mut members: Vec<Needed> = Vec::new();
        for member in &set.members {
            let product = self.products.get(&member.agent).cloned().flatten();
            // One that is in the set twice was told already.
            if let Some(product) = product.filter(|it| !members.iter().any(|known| known.product.id == it.id)) {
                members.push(Needed { product, member: member.span, by: None });
            }
        }
        members
    }

    /// The members, and after them whatever they require that the set does not name.
    fn with_requirements(&mut self, members: &[Needed], written: &List<AgentRef>) -> Vec<Needed> {
        let mut all: Vec<Needed> = Vec::new();
        let mut queue: VecDeque<Needed> = members.iter().map(Needed::clone).collect();
        while let Some(next) = queue.pop_front() {
            for Other { agent, span } in &next.product.requires {
                let named = written.items.iter().any(|it| it.value.0.0 == *agent);
                let known = all.iter().chain(&queue).any(|it| it.product.id == *agent);
                // A member that could not be read may be the one that is missing.
                if named || known || !written.whole {
                    continue;
                }
                let product = self.recipes.get(agent).cloned().and_then(|path| self.desk.product(&path));
                let by = Some((next.product.id.clone(), *span));
                queue.extend(product.map(|product| Needed { product, member: next.member, by }));
            }
            all.push(next);
        }
        all
    }

    /// Tells of every two that conflict; returns the absent products that would make the set impossible.
    fn check_conflicts(&mut self, needed: &[Needed]) -> Vec<String> {
        let mut impossible = Vec::new();
        for (at, one) in needed.iter().enumerate() {
            for other in &needed[at + 1..] {
                let places = conflict(&one.product, &other.product);
                if places.is_empty() {
                    continue;
                }
                let found = format!("this set is impossible: {} and {} conflict", one.described(), other.described());
                let expected = format!("not beside {}", quote(&one.product.id));
                let mut message = Message::error(Mistake::ImpossibleSet, other.member, found, expected);
                if one.member != other.member {
                    message = message.related(one.member, one.leads_to());
                }
                for needed in [one, other] {
                    if let Some((_, span)) = &needed.by {
                        message = message.related(*span, format!("requires {}", quote(&needed.product.id)));
                        impossible.push(needed.product.id.clone());
                    }
                }
                for (with, span) in places {
                    message = message.related(span, format!("conflicts with {}", quote(with)));
                }
                self.tell(message.help("take one of them out, or give each a set of its own"), PAGE);
            }
        }
        impossible
    }

    fn check_presence_of(&mut self, absent: &Needed) {
        let Some((by, span)) = &absent.by else { return };
        let (id, by) = (quote(&absent.product.id), quote(by));
        let found = format!("this set lacks {id}, which {by} requires");
        let message = Message::error(Mistake::RequirementAbsent, absent.member, found, format!("not without {id}"))
            .related(*span, "required here")
            .help(format!("put {id} into this set, before {by}"));
        self.tell(message, PAGE);
    }

    /// What a product requires is installed before it. Where `order` names the product, it is `order` that is wrong.
    fn check_sequence(&mut self, members: &[Needed]) {
        let fresh = self.fresh_candidate();
        for (at, member) in members.iter().enumerate() {
            let is_fresh = fresh.is_some_and(|it| it.value.0 == member.product.id);
            for Other { agent, span } in &member.product.requires {
                let Some(place) = members.iter().position(|it| it.product.id == *agent) else { continue };
                let (id, other) = (quote(&member.product.id), quote(agent));
                let message = match fresh.filter(|it| it.value.0 == *agent) {
                    Some(candidate) => {
                        let found =
                            format!("{id} requires {other}, which a fresh candidate installs after every other agent");
                        let expected = format!("is installed before {other}");
                        Message::error(Mistake::RequirementLater, member.member, found, expected)
                            .related(candidate.span, "installed last")
                            .help(format!("take {id} out of this set, or try the candidate as an `upgrade`"))
                    }
                    None if is_fresh || place < at || self.place(&member.product.id).is_some() => continue,
                    None => {
                        let found = format!("this set installs {id} before {other}, which it requires");
                        let expected = format!("must come after {other}");
                        Message::error(Mistake::RequirementLater, member.member, found, expected)
                            .related(members[place].member, "installed after it")
                            .help("agents are installed in the order of their set")
                    }
                };
                self.tell(message.related(*span, "required here"), PAGE);
            }
        }
    }
}

impl Needed {
    /// Its name; for one that the set lacks, also why it is needed.
    fn described(&self) -> String {
        let id = quote(&self.product.id);
        match &self.by {
            Some((by, _)) => format!("{id}, which {} requires,", quote(by)),
            None => id,
        }
    }

    fn leads_to(&self) -> String {
        match self.by {
            Some(_) => format!("leads to {}", quote(&self.product.id)),
            None => "beside this".to_owned(),
        }
    }
}
