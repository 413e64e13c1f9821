//! What a matrix wants of its cells: which agents meet, which rules every cell keeps, which combinations are covered, and
//! what runs first.

pub(crate) use coexist_model::Signing;

use crate::source::Span;

/// How the agents of a cell are found.
#[derive(Debug, Clone)]
pub(crate) enum Agents {
    /// The matrix lists the sets, each in its order of installation.
    Sets(Vec<super::AgentSet>),
    /// The matrix lists products; a cell has some of them.
    Choice(AgentPool),
}

impl Agents {
    /// The listed sets; none where cells choose.
    pub(crate) fn sets(&self) -> &[super::AgentSet] {
        match self {
            Self::Sets(sets) => sets,
            Self::Choice(_) => &[],
        }
    }

    /// What cells choose from; `None` where sets are listed.
    pub(crate) fn pool(&self) -> Option<&AgentPool> {
        match self {
            Self::Sets(_) => None,
            Self::Choice(pool) => Some(pool),
        }
    }
}

/// Products of which a cell has some.
#[derive(Debug, Clone)]
pub(crate) struct AgentPool {
    /// In the matrix's order, which is the order of installation where nothing else says one.
    pub(crate) offers: Vec<Offer>,
    /// So many are in every cell, at least.
    pub(crate) at_least: usize,
    /// So many, at most.
    pub(crate) at_most: usize,
    /// Of each list at most one product is in a cell: those that the matrix states, then those that recipes do.
    pub(crate) exclusive: Vec<Exclusive>,
    /// What is in a cell beside a product: what recipes require, and `with`.
    pub(crate) beside: Vec<Beside>,
    /// In every cell: the product that the candidate updates. One of the offers.
    pub(crate) always: Option<Always>,
    pub(crate) span: Span,
}

/// A product that every cell has.
#[derive(Debug, Clone)]
pub(crate) struct Always {
    pub(crate) agent: String,
    pub(crate) why: Because,
}

/// A product that a cell may have, at one of some versions.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) agent: String,
    /// At least one.
    pub(crate) versions: Vec<OfferedVersion>,
    /// How much it is liked where the choice changes no coverage; 1 is the usual.
    pub(crate) weight: u32,
    pub(crate) span: Span,
}

/// One version that may stand in a cell.
#[derive(Debug, Clone)]
pub(crate) struct OfferedVersion {
    pub(crate) version: String,
    pub(crate) pinned: super::Pinned,
    pub(crate) span: Span,
}

/// Products of which at most one is in a cell.
#[derive(Debug, Clone)]
pub(crate) struct Exclusive {
    pub(crate) agents: Vec<String>,
    pub(crate) why: Because,
}

/// Where the first product is, one of the others is too.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    pub(crate) agent: String,
    pub(crate) one_of: Vec<String>,
    pub(crate) why: Because,
}

/// What states a rule, for messages.
#[derive(Debug, Clone)]
pub(crate) struct Because {
    /// In words: `exclusive: [a, b]`, `acme-endpoint's recipe conflicts with globex-sensor`.
    pub(crate) label: String,
    pub(crate) span: Span,
}

/// In which order the agents of a cell are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// These first, in this order; the others as their set or the choice lists them. None are named where the matrix
    /// says nothing.
    Fixed(Vec<String>),
    /// Every sequence of so many agents is met: 2 for pairs, 3 for triples.
    Every { agents: usize, span: Span },
}

/// A rule that every cell keeps.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    pub(crate) condition: Condition,
    pub(crate) why: Because,
}

/// What can be said of a cell. Every name in it is known to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The image is one of these.
    Image(Vec<String>),
    /// The setting has one of these values.
    Setting(String, Vec<String>),
    /// The agent is in the cell, at one of these versions; any where there is `None`.
    Agent(String, Option<Vec<String>>),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Implies(Box<Condition>, Box<Condition>),
}

/// Which combinations the cells hold.
#[derive(Debug, Clone)]
pub(crate) struct Coverage {
    /// All combinations of so many of image, settings and agents.
    pub(crate) strength: usize,
    /// Beyond that: every combination of what each list names.
    pub(crate) also: Vec<Also>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Also {
    /// At least two. `[Agent, Agent, Setting("hvci")]`: every two agents with every value of the setting.
    pub(crate) factors: Vec<Factor>,
}

/// What a combination is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Factor {
    Image,
    Setting(String),
    /// Any agent; named twice, two different ones.
    AnyAgent,
    Agent(String),
}

/// Cells that run before others; those run only when every one of these is clean.
#[derive(Debug, Clone)]
pub(crate) struct Wave {
    pub(crate) name: String,
    /// Cells of which this is true; any where it is left out.
    pub(crate) of: Option<Condition>,
    /// No more than so many, those that cover most first.
    pub(crate) at_most: Option<usize>,
    /// Its `where`, or the wave itself.
    pub(crate) span: Span,
}

/// What a setting stands for, so that rules of Windows can speak of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    MemoryIntegrity,
    SecureBoot,
    TestSigning,
}

/// Whether a value is one that the product is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    Usual,
    /// Out of range: at most one such value stands in a cell, and masks the cell's other combinations.
    Negative,
}
