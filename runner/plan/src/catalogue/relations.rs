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
/// Circles told of one product. Recipes that all require each other have more than anyone could read or count.
const MOST_CIRCLES: usize = 100;

/// What was found out about one product by itself.
#[derive(Debug)]
pub(super) struct Standing {
    sound: bool,
    /// The recipes of everything it requires, directly and through others.
    requires: Vec<PathBuf>,
}

/// Everything that a product requires, directly and through others.
struct Closure {
    reached: Reached,
    /// Whether every recipe on the way is there and has no mistakes.
    whole: bool,
    /// Whether a requirement leads back to the product itself.
    circular: bool,
}

type Reached = BTreeMap<String, Required>;

/// A product that another one requires.
struct Required {
    product: Rc<Product>,
    path: PathBuf,
    step: Step,
}

/// Who requires something, and where its recipe says so.
struct Step {
    by: String,
    span: Span,
}

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
        self.tell_unknown(&product.requires, REQUIRES, &folder, &recipes);
        self.tell_unknown(&product.conflicts, CONFLICTS, &folder, &recipes);
        let Closure { reached, whole, circular } = self.closure(product, &recipes);
        let impossible = if circular { Vec::new() } else { contradictions(product, &reached) };
        let known = product.conflicts.iter().all(|other| recipes.contains_key(&other.agent));
        let sound = whole && known && !circular && impossible.is_empty();
        self.messages.extend(circles(product, &reached).iter().filter_map(|hops| circle(product, hops)));
        self.messages.extend(impossible);
        Standing { sound, requires: reached.into_values().map(|it| it.path).collect() }
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

    /// Follows requirements, nearest first.
    fn closure(&mut self, product: &Rc<Product>, recipes: &BTreeMap<String, PathBuf>) -> Closure {
        let mut closure = Closure { reached: Reached::new(), whole: true, circular: false };
        let mut queue = VecDeque::from([Rc::clone(product)]);
        while let Some(next) = queue.pop_front() {
            for Other { agent, span } in &next.requires {
                if *agent == product.id {
                    closure.circular = true;
                    continue;
                }
                if closure.reached.contains_key(agent) {
                    continue;
                }
                let path = recipes.get(agent).map(|path| tidy(path));
                let Some((path, found)) = path.and_then(|path| self.recipe_at(&path).map(|found| (path, found))) else {
                    closure.whole = false;
                    continue;
                };
                queue.push_back(Rc::clone(&found));
                let step = Step { by: next.id.clone(), span: *span };
                closure.reached.insert(agent.clone(), Required { product: found, path, step });
            }
        }
        closure
    }
}

/// One requirement on the way from a product to what it requires.
#[derive(Clone, Copy)]
struct Hop<'a> {
    to: &'a str,
    span: Span,
}

/// The requirements that lead from a product to another one.
fn way<'a>(product: &Product, reached: &'a Reached, to: &'a str) -> Vec<Hop<'a>> {
    let mut hops = Vec::new();
    let mut at = to;
    while let Some(Required { step, .. }) = reached.get(at).filter(|_| at != product.id) {
        hops.push(Hop { to: at, span: step.span });
        at = &step.by;
    }
    hops.reverse();
    hops
}

/// Every circle of which this product is the first by name, so that each is told once.
///
/// Requirements are followed one by one, and only where they can still lead back. So every way that is begun ends in a
/// circle, and no search outlasts [`MOST_CIRCLES`] of them.
fn circles<'a>(product: &'a Product, reached: &'a Reached) -> Vec<Vec<Hop<'a>>> {
    let mut circles = Vec::new();
    let mut hops: Vec<Hop<'a>> = Vec::new();
    let mut open = vec![product.requires.iter()];
    while let Some(requires) = open.last_mut() {
        let Some(Other { agent, span }) = requires.next() else {
            open.pop();
            hops.pop();
            continue;
        };
        let hop = Hop { to: agent, span: *span };
        if *agent == product.id {
            circles.push(hops.iter().copied().chain([hop]).collect());
            if circles.len() == MOST_CIRCLES {
                break;
            }
        } else if let Some(required) = reached.get(agent).filter(|_| leads_back(agent, product, reached, &hops)) {
            hops.push(hop);
            open.push(required.product.requires.iter());
        }
    }
    circles
}

/// Whether requirements lead from here to the product, past those on the way already and those before it by name.
fn leads_back(from: &str, product: &Product, reached: &Reached, hops: &[Hop<'_>]) -> bool {
    let mut seen: BTreeSet<&str> = hops.iter().map(|hop| hop.to).collect();
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        if id == product.id {
            return true;
        }
        if id > product.id.as_str() && seen.insert(id) {
            let required = reached.get(id).map(|it| it.product.requires.as_slice());
            open.extend(required.unwrap_or_default().iter().map(|other| other.agent.as_str()));
        }
    }
    false
}

/// "a → b → a".
fn circle(product: &Product, hops: &[Hop<'_>]) -> Option<Message> {
    let ids: Vec<&str> = std::iter::once(product.id.as_str()).chain(hops.iter().map(|hop| hop.to)).collect();
    let found = format!("these products require each other in a circle: {}", ids.join(" → "));
    let message = chained(Mistake::RequirementCycle, found, hops)?;
    Some(message.help("none of them can be installed first; take one of these requirements out").page(REQUIRES))
}

/// Conflicts among a product and all it requires, without those that one of the required products has by itself.
fn contradictions(product: &Product, reached: &Reached) -> Vec<Message> {
    let all: Vec<&Product> = std::iter::once(product).chain(reached.values().map(|it| it.product.as_ref())).collect();
    let mut messages = Vec::new();
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            let places = conflict(one, other);
            if places.is_empty() || reached.keys().any(|id| holds(reached, id, [&one.id, &other.id])) {
                continue;
            }
            let (own, other_id) = (quote(&product.id), quote(&other.id));
            let found = if one.id == product.id {
                format!("no set can hold {own}: it requires {other_id}, and the two conflict")
            } else {
                format!("no set can hold {own}: it requires {} and {other_id}, which conflict", quote(&one.id))
            };
            let mut hops = way(product, reached, &one.id);
            for hop in way(product, reached, &other.id) {
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
fn holds(reached: &Reached, id: &str, wanted: [&String; 2]) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if let Some(it) = reached.get(id).filter(|_| seen.insert(id)) {
            open.extend(it.product.requires.iter().map(|other| other.agent.as_str()));
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
