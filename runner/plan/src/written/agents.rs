//! `agents` as written: sets that are listed, or products of which a cell has some.

use serde_json::json;

use crate::element::{At, Element, List, Named, Reader, record};
use crate::node::{Kind, Node};
use crate::scalars::{AgentRef, AtLeast, AtMost, Name, Text, Version, Weight};
use crate::schema::{Definitions, Schema};

/// How the agents of cells are found.
#[derive(Debug, Clone)]
pub(crate) enum Agents {
    /// Sets of agents, each in the order of installation.
    Sets(List<List<AgentRef>>),
    /// Products of which a cell has some.
    Choice(Choice),
}

record! {
    /// Products of which a cell has some.
    Choice, "a choice of agents", "matrix.md#a-choice-of-agents" {
        /// The products, in the order of installation; nothing behind one is its recipe's current version.
        from: Required "from" Named<Name, Offered>,
        /// So many are in every cell, at least; 0 where it is left out.
        at_least: Optional "at-least" AtLeast,
        /// So many, at most; all of them where it is left out.
        at_most: Optional "at-most" AtMost,
        /// Lists of products of which at most one is in a cell.
        exclusive: Optional "exclusive" List<List<Name>>,
    }
}

record! {
    /// A product that a cell may have.
    Offer, "a product to choose", "matrix.md#a-choice-of-agents" {
        /// Versions of which one is installed; the recipe's current one where it is left out.
        versions: Optional "versions" List<Version>,
        /// How much it is liked where the choice changes no coverage; 1 is the usual.
        weight: Optional "weight" Weight,
        /// Vendors: it is in a cell only beside another product of each.
        with: Optional "with" List<Text>,
    }
}

/// What stands behind a product: how it is offered, or nothing.
#[derive(Debug, Clone)]
pub(crate) struct Offered(pub(crate) Option<Offer>);

impl Element for Agents {
    const WHAT: &'static str = "a list of sets, or a choice with the key `from`";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => Choice::read(node, reader).map(Self::Choice),
            // Also what is neither: most matrices list sets.
            _ => List::read(node, reader).map(Self::Sets),
        }
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        json!({ "anyOf": [List::<List<AgentRef>>::schema(definitions), Choice::schema(definitions)] })
    }
}

impl Agents {
    /// The sets that are listed; `None` where cells choose.
    pub(crate) fn sets(&self) -> Option<&List<List<AgentRef>>> {
        match self {
            Self::Sets(sets) => Some(sets),
            Self::Choice(_) => None,
        }
    }

    pub(crate) fn choice(&self) -> Option<&Choice> {
        match self {
            Self::Sets(_) => None,
            Self::Choice(choice) => Some(choice),
        }
    }

    /// Every agent that is named, with its version where one is.
    pub(crate) fn named(&self) -> Vec<(&str, Option<&str>)> {
        match self {
            Self::Sets(sets) => {
                let members = sets.items.iter().flat_map(|set| &set.value.items);
                members.map(|it| (it.value.0.0.as_str(), it.value.0.1.as_deref())).collect()
            }
            Self::Choice(choice) => {
                let offers = choice.from.as_ref().map_or(&[][..], |from| &from.value.entries);
                offers.iter().map(|(id, _)| (id.value.0.as_str(), None)).collect()
            }
        }
    }

    /// Whether every name could be read.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Sets(sets) => sets.whole && sets.items.iter().all(|set| set.value.whole),
            Self::Choice(choice) => choice.from.as_ref().is_some_and(|from| from.value.whole),
        }
    }
}

impl Offered {
    pub(crate) fn versions(&self) -> Option<&At<List<Version>>> {
        self.0.as_ref()?.versions.as_ref()
    }

    pub(crate) fn with(&self) -> Option<&At<List<Text>>> {
        self.0.as_ref()?.with.as_ref()
    }

    /// 1 where nothing says otherwise.
    pub(crate) fn weight(&self) -> u32 {
        self.0.as_ref().and_then(|offer| offer.weight.as_ref()).map_or(1, |it| it.value.0)
    }
}

impl Element for Offered {
    const WHAT: &'static str = "a product to choose, or nothing";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Nothing => Some(Self(None)),
            _ => Offer::read(node, reader).map(|offer| Self(Some(offer))),
        }
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        json!({ "anyOf": [{ "type": "null" }, Offer::schema(definitions)] })
    }
}
