//! What products require of each other and which conflict, seen over the recipes of one folder.
//!
//! A product is sound when everything it requires is there, directly and through others, when no requirement leads back
//! to where it began, and when no two products among all that conflict. Each mistake is told once, at the product where
//! it begins: what only requires an unsound product is unsound without a message of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::catalogue::{self, Desk};
use crate::checked::{Other, Product};
use crate::message::{Message, Mistake};
use crate::source::{Span, absolute, beside, shown, tidy};
use crate::words::{listed, quote};

const REQUIRES: &str = "recipe.md#requires";
const CONFLICTS: &str = "recipe.md#conflicts";

/// What was found out about one product by itself.
#[derive(Debug)]
pub(super) struct Standing {
    sound: bool,
    /// The recipes of everything it requires, directly and through others.
    requires: Vec<PathBuf>,
}

/// A product that another one requires, and who says so where.
struct Reached {
    product: Rc<Product>,
    path: PathBuf,
    by: String,
    span: Span,
}

type Closure = BTreeMap<String, Reached>;

impl Desk {
    /// Whether a product and everything it requires can be used together; mistakes are told.
    pub(super) fn is_sound(&mut self, path: &Path, product: &Rc<Product>) -> bool {
        let own = self.standing(path, product);
        let mut sound = own.sound;
        for required in &own.requires {
            // Each tells what begins with it, so none is left out.
            sound &= self.recipe_at(required).is_some_and(|product| self.standing(required, &product).sound);
        }
        sound
    }

    fn standing(&mut self, path: &Path, product: &Rc<Product>) -> Rc<Standing> {
        let key = absolute(path);
        if let Some(known) = self.standings.get(&key) {
            return Rc::clone(known);
        }
        let standing = Rc::new(self.find_standing(path, product));
        self.standings.insert(key, Rc::clone(&standing));
        standing
    }

    fn find_standing(&mut self, path: &Path, product: &Rc<Product>) -> Standing {
        if product.requires.is_empty() && product.conflicts.is_empty() {
            return Standing { sound: true, requires: Vec::new() };
        }
        let folder = beside(path, ".");
        let recipes = catalogue::recipes(&folder);
        let before = self.messages.len();
        self.tell_unknown(&product.requires, REQUIRES, &folder, &recipes);
        self.tell_unknown(&product.conflicts, CONFLICTS, &folder, &recipes);
        let (closure, back) = self.closure(product, &recipes);
        let mut sound = self.messages.len() == before;
        match back {
            Some((last, span)) => {
                sound = false;
                self.messages.extend(circle(product, &closure, &last, span));
            }
            None => {
                let impossible = contradictions(product, &closure);
                sound &= impossible.is_empty();
                self.messages.extend(impossible);
            }
        }
        Standing { sound, requires: closure.into_values().map(|reached| reached.path).collect() }
    }

    fn tell_unknown(&mut self, others: &[Other], page: &str, folder: &Path, recipes: &BTreeMap<String, PathBuf>) {
        for other in others.iter().filter(|other| !recipes.contains_key(&other.agent)) {
            let found = format!("there is no agent {}", quote(&other.agent));
            let there = listed(recipes.keys());
            let message = Message::error(Mistake::UnknownAgent, other.span, found, "unknown agent")
                .nearest(&other.agent, recipes.keys().map(String::as_str))
                .help(format!("recipes are looked for as {}/<id>.yaml; there: {there}", shown(folder)));
            self.messages.push(message.page(page));
        }
    }

    /// Everything that a product requires, nearest first by the way there; and the first requirement that leads back
    /// to the product itself. What is not there is left out.
    fn closure(
        &mut self,
        product: &Rc<Product>,
        recipes: &BTreeMap<String, PathBuf>,
    ) -> (Closure, Option<(String, Span)>) {
        let mut closure = Closure::new();
        let mut back = None;
        let mut queue = VecDeque::from([Rc::clone(product)]);
        while let Some(next) = queue.pop_front() {
            for Other { agent, span } in &next.requires {
                if *agent == product.id {
                    back.get_or_insert((next.id.clone(), *span));
                    continue;
                }
                if closure.contains_key(agent) {
                    continue;
                }
                let Some(path) = recipes.get(agent).map(|path| tidy(path)) else { continue };
                let Some(found) = self.recipe_at(&path) else { continue };
                queue.push_back(Rc::clone(&found));
                closure.insert(agent.clone(), Reached { product: found, path, by: next.id.clone(), span: *span });
            }
        }
        (closure, back)
    }
}

/// One requirement on the way from a product to what it requires.
struct Hop<'a> {
    to: &'a str,
    span: Span,
}

/// The requirements that lead from a product to another one.
fn way<'a>(product: &Product, closure: &'a Closure, to: &'a str) -> Vec<Hop<'a>> {
    let mut hops = Vec::new();
    let mut at = to;
    while let Some(reached) = closure.get(at).filter(|_| at != product.id) {
        hops.push(Hop { to: at, span: reached.span });
        at = &reached.by;
    }
    hops.reverse();
    hops
}

/// "a → b → a", told by the first by name of those in the circle.
fn circle(product: &Product, closure: &Closure, last: &str, back: Span) -> Option<Message> {
    let mut hops = way(product, closure, last);
    hops.push(Hop { to: &product.id, span: back });
    if hops.iter().any(|hop| *hop.to < *product.id) {
        return None;
    }
    let ids: Vec<&str> = std::iter::once(product.id.as_str()).chain(hops.iter().map(|hop| hop.to)).collect();
    let found = format!("these products require each other in a circle: {}", ids.join(" → "));
    let message = chained(Mistake::RequirementCycle, found, &hops)?;
    Some(message.help("none of them can be installed first; take one of these requirements out").page(REQUIRES))
}

/// Conflicts among a product and all it requires, without those that one of the required products has by itself.
fn contradictions(product: &Product, closure: &Closure) -> Vec<Message> {
    let all: Vec<&Product> =
        std::iter::once(product).chain(closure.values().map(|reached| reached.product.as_ref())).collect();
    let mut messages = Vec::new();
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            let places = conflict(one, other);
            if places.is_empty() || closure.keys().any(|id| holds(closure, id, [&one.id, &other.id])) {
                continue;
            }
            let found = if one.id == product.id {
                format!(
                    "no set can hold {}: it requires {}, and the two conflict",
                    quote(&product.id),
                    quote(&other.id)
                )
            } else {
                let (one, other) = (quote(&one.id), quote(&other.id));
                format!("no set can hold {}: it requires {one} and {other}, which conflict", quote(&product.id))
            };
            let mut hops = way(product, closure, &one.id);
            for hop in way(product, closure, &other.id) {
                if !hops.iter().any(|it| it.span == hop.span) {
                    hops.push(hop);
                }
            }
            let message = chained(Mistake::ImpossibleProduct, found, &hops).map(|message| {
                let message = places
                    .iter()
                    .fold(message, |it, (with, span)| it.related(*span, format!("conflicts with {}", quote(with))));
                message.help("take one of these lines out").page(CONFLICTS)
            });
            messages.extend(message);
        }
    }
    messages
}

/// Where two products say that they conflict: with whom, and the place.
pub(crate) fn conflict<'a>(one: &'a Product, other: &'a Product) -> Vec<(&'a str, Span)> {
    let named = |by: &'a Product, whom: &'a Product| {
        by.conflicts.iter().filter(|it| it.agent == whom.id).map(|it| (it.agent.as_str(), it.span))
    };
    named(one, other).chain(named(other, one)).collect()
}

/// Whether a required product has all of these ids among itself and what it requires.
fn holds(closure: &Closure, id: &str, wanted: [&String; 2]) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if let Some(reached) = closure.get(id).filter(|_| seen.insert(id)) {
            open.extend(reached.product.requires.iter().map(|other| other.agent.as_str()));
        }
    }
    wanted.iter().all(|id| seen.contains(id.as_str()))
}

/// A message at the first of some requirements that names the places of all.
fn chained(mistake: Mistake, found: String, hops: &[Hop<'_>]) -> Option<Message> {
    let label = |hop: &Hop<'_>| format!("requires {}", quote(hop.to));
    let (first, rest) = hops.split_first()?;
    let message = Message::error(mistake, first.span, found, label(first));
    Some(rest.iter().fold(message, |message, hop| message.related(hop.span, label(hop))))
}
