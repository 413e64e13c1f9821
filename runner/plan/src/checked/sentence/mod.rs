//! Sentences about cells: `if hvci = on then secure-boot = on`.
//!
//! ```text
//! text ─► tokens ─► parse: Said ─► resolve: Condition ─► sure: can it be true, can it be false
//!                   words only     every name known
//! ```
//!
//! ```text
//! sentence   "if" either "then" either | either
//! either     both { "or" both }
//! both       one { "and" one }
//! one        "not" one | "(" sentence ")" | statement
//! statement  name [ comparison word | [ "not" ] "in" "(" word { "," word } ")" ]
//! comparison "=" | "!=" | "<" | "<=" | ">" | ">="
//! ```
//!
//! A word is letters, digits and `.`, `-`, `_`, `+`, or anything in quotes. Ranges are bytes of the sentence; [`places`]
//! finds them in the file.

mod parse;
mod places;
mod resolve;
mod scope;
mod sure;
#[cfg(test)]
mod tests;
mod tokens;
mod versions;

use std::ops::Range;

pub(super) use scope::Scope;

use crate::checked::matrix::Checker;
use crate::checked::{Because, Condition, Constraint};
use crate::element::{At, items};
use crate::message::{Message, Mistake, Severity};
use crate::scalars::Sentence;
use crate::source::Span;
use places::Places;

/// What a sentence says, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Is(Statement),
    Not(Box<Said>),
    All(Vec<Said>),
    Any(Vec<Said>),
    Implies(Box<Said>, Box<Said>),
}

/// Something said of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    name: Word,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// The name alone.
    There,
    Compared(Comparison, Word),
    In(Vec<Word>),
    NotIn(Vec<Word>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// A name or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    text: String,
    /// A word in quotes is never a word of the language.
    quoted: bool,
    range: Range<usize>,
}

/// Why a sentence cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    range: Range<usize>,
    found: String,
    expected: String,
    help: Option<String>,
}

/// Words of the language, which are no names unless they are quoted.
const KEYWORDS: [&str; 6] = ["if", "then", "and", "or", "not", "in"];

impl Comparison {
    const ALL: [Self; 6] = [Self::Equal, Self::Unequal, Self::Less, Self::LessOrEqual, Self::More, Self::MoreOrEqual];

    fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::More => ">",
            Self::MoreOrEqual => ">=",
        }
    }

    /// Whether it holds between two things that stand so.
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::More => order.is_gt(),
            Self::MoreOrEqual => order.is_ge(),
        }
    }
}

impl Checker<'_> {
    pub(super) fn check_constraints(&mut self, scope: &Scope) -> Vec<Constraint> {
        let page = "matrix.md#constraints";
        let mut constraints: Vec<Constraint> = Vec::new();
        for sentence in items(self.written.constraints.as_ref()) {
            let Some(condition) = self.sentence(sentence, scope, page) else { continue };
            if let Some(first) = constraints.iter().find(|it| it.condition == condition) {
                let found = "this is said twice";
                let message = Message::error(Mistake::Duplicate, sentence.span, found, "again")
                    .severity(Severity::Warning)
                    .related(first.why.span, "first here");
                self.tell(message, page);
                continue;
            }
            if let Some(message) = sure::check(&condition, scope, sentence.span) {
                self.tell(message, page);
            }
            let why = Because { label: sentence.value.0.clone(), span: sentence.span };
            constraints.push(Constraint { condition, why });
        }
        constraints
    }

    /// Reads a sentence; `None` after a message.
    pub(super) fn sentence(&mut self, sentence: &At<Sentence>, scope: &Scope, page: &str) -> Option<Condition> {
        let text = sentence.value.0.as_str();
        let places = Places::new(&self.desk.sources, sentence.span, text);
        match parse::parse(text) {
            Ok(said) => {
                let mut messages = Vec::new();
                let condition = resolve::resolve(&said, scope, &|range| places.span(range), &mut messages);
                for message in messages {
                    self.tell(message, page);
                }
                condition
            }
            Err(flaw) => {
                self.tell(flaw.message(places.span(&flaw.range)), page);
                None
            }
        }
    }
}

impl Flaw {
    fn message(&self, span: Span) -> Message {
        let message = Message::error(Mistake::BadSentence, span, self.found.as_str(), self.expected.as_str());
        match &self.help {
            Some(help) => message.help(help.as_str()),
            None => message,
        }
    }
}
