//! Models in PICT's language, so that people can bring what they have.
//!
//! Read as its documentation describes it (`doc/pict.md` in github.com/microsoft/pict, commit c3dad2b), and where that is
//! silent as its source does: parameters with aliases, weights, references and values out of range; sub-models;
//! constraints. What is stricter here is listed in `docs/pict.md`; nothing is read that is larger than the limits below.

mod constraints;
mod lines;
mod meaning;
mod names;
mod numbers;
mod rows;
mod size;
mod tokens;

pub use rows::PictRows;

use crate::model::{Model, ModelError};
use crate::strength::{Group, Strength};

/// Bytes of a text that is read: of a model, or of rows.
pub const MOST_TEXT: usize = 4 << 20;
/// Parentheses and negations around a term.
const MOST_LEVELS: usize = 60;
/// Mistakes and notes that are told of one text.
const MOST_TOLD: usize = 100;

/// How a model is written. The default is PICT's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Between values.
    pub values: char,
    /// Between the names of one value.
    pub aliases: char,
    /// Before the first name of a value that is out of range.
    pub negative: char,
    /// Whether names that differ in case only are different names.
    pub case_sensitive: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { values: ',', aliases: '|', negative: '~', case_sensitive: false }
    }
}

impl Dialect {
    /// What two names have in common when they are the same name. As in PICT, every sign has its own upper case, which
    /// also says which of two texts is the smaller one.
    fn key(&self, name: &str) -> String {
        if self.case_sensitive { name.to_string() } else { name.chars().map(upper).collect() }
    }
}

fn upper(sign: char) -> char {
    let mut all = sign.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => sign,
    }
}

/// What a model file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictModel {
    /// Parameters and constraints. Labels of rules are `line N: ` and the constraint's own text.
    pub model: Model,
    /// Sub-models, in order.
    pub sub_models: Vec<SubModel>,
    /// What is legal and probably not meant.
    pub notes: Vec<Note>,
}

impl PictModel {
    /// The strength of every parameter set when the whole model is planned with `base`.
    pub fn strength(&self, base: usize) -> Strength {
        let group = |sub: &SubModel| Group {
            parameters: sub.parameters.clone(),
            strength: sub.order.unwrap_or_else(|| base.min(sub.parameters.len())),
        };
        Strength { base, groups: self.sub_models.iter().map(group).collect() }
    }
}

/// Parameters with an order of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubModel {
    /// The parameters' numbers.
    pub parameters: Vec<usize>,
    /// The model's order when nothing is written.
    pub order: Option<usize>,
}

/// A remark on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// From 1.
    pub line: usize,
    /// What was seen.
    pub text: String,
}

impl Note {
    /// Adds a note, unless there are many already: the last one then says that there are more.
    fn add(notes: &mut Vec<Self>, line: usize, text: impl FnOnce() -> String) {
        if notes.len() < MOST_TOLD {
            notes.push(Self { line, text: text() });
        } else if notes.len() == MOST_TOLD {
            notes.push(Self { line, text: "there are more such remarks, which are not listed".to_string() });
        }
    }
}

/// What is wrong with a model's text, or with that of rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictError {
    /// A mistake on a line.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong, and what was expected.
        what: String,
    },
    /// More text than is read.
    #[error("the text has {0} bytes; at most {MOST_TEXT} are read: split it")]
    TooLong(usize),
    /// The parts do not make a model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl PictError {
    fn at(line: usize, what: impl Into<String>) -> Self {
        Self::Line { line, what: what.into() }
    }
}

/// Reads a model.
///
/// # Errors
/// Every mistake that was found, or the first hundred; a constraint that cannot be read hides none of the others. What is
/// too large is told alone.
pub fn parse(text: &str, dialect: &Dialect) -> Result<PictModel, Vec<PictError>> {
    if text.len() > MOST_TEXT {
        return Err(vec![PictError::TooLong(text.len())]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut mistakes = Vec::new();
    let mut read = lines::read(text, dialect, &mut mistakes)?;
    let rules = meaning::rules(&mut read, dialect, &mut mistakes)?;
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    match Model::new(read.parameters, rules) {
        Ok(model) => Ok(PictModel { model, sub_models: read.sub_models, notes: read.notes }),
        Err(wrong) => Err(wrong.into_iter().map(PictError::Model).collect()),
    }
}
