//! What a matrix wants of its cells, as written: order, coverage, waves, and the words that rules of Windows rest on.

use serde_json::json;

pub(crate) use crate::checked::{Means, Signing};
use crate::element::{Element, List, Reader, record};
use crate::message::{Message, Mistake};
use crate::node::{Kind, Node};
use crate::scalars::{Count, Name, Sentence, Strength, choice, words};
use crate::schema::{Definitions, Schema};
use crate::words::quote;

/// In which order agents are installed.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// These first, in this order.
    Fixed(List<Name>),
    /// Every sequence of so many is met.
    Every(Sequences),
}

choice! {
    /// How many agents make a sequence.
    Sequences, "`pairs` or `triples`" {
        Pairs = "pairs",
        Triples = "triples",
    }
}

record! {
    /// Which combinations the cells hold.
    Coverage, "a coverage", "matrix.md#coverage" {
        /// All combinations of so many of image, settings and agents.
        strength: Required "strength" Strength,
        /// Lists of names: beyond the strength, every combination of what each list names.
        also: Optional "also" List<List<Name>>,
    }
}

record! {
    /// Cells that run before others.
    Wave, "a wave", "matrix.md#waves" {
        /// What the wave is called.
        name: Required "name" Name,
        /// A sentence that is true of its cells; any cell where it is left out.
        r#where: Optional "where" Sentence,
        /// No more than so many cells, those first that cover most.
        at_most: Optional "at-most" Count,
    }
}

words! {
    Means, "what a setting can mean" {
        MemoryIntegrity = "memory-integrity",
        SecureBoot = "secure-boot",
        TestSigning = "test-signing",
    }
}

words! {
    Signing, "a way to sign drivers" {
        Test = "test",
        Attested = "attested",
        Whql = "whql",
    }
}

impl Element for Order {
    const WHAT: &'static str = "a list of agents, `pairs` or `triples`";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::List(_) => List::read(node, reader).map(Self::Fixed),
            Kind::Scalar(word) if !["pairs", "triples"].contains(&word.trim_end_matches('\n')) => {
                let found = format!("{} is no order", quote(word));
                let message = Message::error(Mistake::WrongType, node.span, found, format!("expected {}", Self::WHAT));
                let message = message.nearest(word, ["pairs", "triples"]);
                reader.tell(message.help(format!("a list of one is written {}", quote(&format!("[{word}]")))));
                None
            }
            Kind::Scalar(_) => Sequences::read(node, reader).map(Self::Every),
            Kind::Nothing | Kind::Map(_) | Kind::Broken => {
                reader.wrong_type(node, Self::WHAT);
                None
            }
        }
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        json!({ "anyOf": [List::<Name>::schema(definitions), Sequences::schema(definitions)] })
    }
}

impl Order {
    /// The agents that it names; none where every order is met.
    pub(crate) fn fixed(&self) -> Option<&List<Name>> {
        match self {
            Self::Fixed(list) => Some(list),
            Self::Every(_) => None,
        }
    }
}
