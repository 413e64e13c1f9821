//! The parts of a model that are lines: parameters and sub-models. Constraints begin where no such line can.

use super::names::Names;
use super::size::{check_name, check_sub_models, check_values, short};
use super::{Dialect, MOST_TOLD, Note, PictError, SubModel, numbers};
use crate::model::{Parameter, Value};

/// What stands before the constraints, and the constraints' text.
pub(super) struct Read<'t> {
    pub(super) parameters: Vec<Parameter>,
    pub(super) names: Names,
    /// For each value the name that constraints mean.
    pub(super) meant: Vec<Vec<String>>,
    pub(super) sub_models: Vec<SubModel>,
    pub(super) notes: Vec<Note>,
    pub(super) constraints: &'t str,
    /// The line on which they begin.
    pub(super) constraints_line: usize,
}

/// Why a line is not read: for what it says, or because of the model's size.
enum Refusal {
    Mistake(String),
    Size(PictError),
}

impl From<String> for Refusal {
    fn from(what: String) -> Self {
        Self::Mistake(what)
    }
}

impl From<PictError> for Refusal {
    fn from(size: PictError) -> Self {
        Self::Size(size)
    }
}

/// Reads up to the constraints.
///
/// # Errors
/// When the model is too large: what was wrong before that is told no more. Other mistakes go to `mistakes`.
pub(super) fn read<'t>(
    text: &'t str,
    dialect: &Dialect,
    mistakes: &mut Vec<PictError>,
) -> Result<Read<'t>, Vec<PictError>> {
    let mut read = Read {
        parameters: Vec::new(),
        names: Names::default(),
        meant: Vec::new(),
        sub_models: Vec::new(),
        notes: Vec::new(),
        constraints: "",
        constraints_line: 1,
    };
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim();
        if begins_constraints(trimmed) {
            read.constraints = &text[at..];
            read.constraints_line = number + 1;
            break;
        }
        at += line.len();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let outcome = if trimmed.starts_with('{') {
            read.sub_model(trimmed, dialect, number + 1)
        } else if read.sub_models.is_empty() {
            read.parameter(trimmed, dialect, number + 1)
        } else {
            Err(Refusal::Mistake("a parameter stands after a sub-model; parameters come first".to_string()))
        };
        match outcome {
            Ok(()) => {}
            Err(Refusal::Size(size)) => return Err(vec![size]),
            Err(Refusal::Mistake(what)) => mistakes.push(PictError::at(number + 1, what)),
        }
        if mistakes.len() >= MOST_TOLD {
            return Err(std::mem::take(mistakes));
        }
    }
    Ok(read)
}

/// A line that no parameter and no sub-model can be: it begins like an expression, or is a lone IF.
fn begins_constraints(line: &str) -> bool {
    if line.eq_ignore_ascii_case("IF") || line.starts_with('[') || (line.starts_with('(') && line.contains('[')) {
        return true;
    }
    let (mut rest, mut words) = (line, 0);
    while let Some(after) = ["IF", "NOT", "ISNEGATIVE", "ISPOSITIVE"].iter().find_map(|word| after(rest, word)) {
        (rest, words) = (after, words + 1);
    }
    words > 0 && rest.starts_with(['[', '('])
}

/// What stands after a word and space.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| text[word.len()..].trim_start())
}

impl Read<'_> {
    fn parameter(&mut self, line: &str, dialect: &Dialect, number: usize) -> Result<(), Refusal> {
        let Some((name, values)) = line.split_once(':').or_else(|| line.split_once(dialect.values)) else {
            let what = format!("{} is no parameter: a name, a colon and values were expected", short(line));
            return Err(what.into());
        };
        let name = name.trim();
        self.check_parameter(name, dialect)?;
        check_values(number, self.values() + values.split(dialect.values).count())?;
        let (mut read, mut meant) = (Vec::new(), Vec::new());
        for text in values.split(dialect.values).map(str::trim) {
            let referred = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
            if let Some(other) = referred.and_then(|referred| self.names.find(referred, dialect)) {
                check_values(number, self.values() + read.len() + self.meant[other].len())?;
                read.extend(self.parameters[other].values.iter().cloned());
                meant.extend(self.meant[other].iter().cloned());
                continue;
            }
            if referred.is_some() {
                let text = || format!("{} names no parameter before it, so it is a value like any other", short(text));
                Note::add(&mut self.notes, number, text);
            }
            let (value, name) = value(text, dialect);
            value.names.iter().try_for_each(|name| check_name(name))?;
            read.push(value);
            meant.push(name);
        }
        if read.iter().all(|value| value.negative) {
            let what =
                format!("parameter {name:?} has no value that is in range: a row can hold one out of range only");
            return Err(what.into());
        }
        self.same_names(&meant, name, dialect, number);
        self.names.add(name, dialect);
        self.parameters.push(Parameter { name: name.to_string(), values: read });
        self.meant.push(meant);
        Ok(())
    }

    /// Values of all parameters so far.
    fn values(&self) -> usize {
        self.meant.iter().map(Vec::len).sum()
    }

    /// What PICT's source reads in a name and its documentation does not tell is refused: taken for a part of the name, it
    /// would silently give other rows.
    fn check_parameter(&self, name: &str, dialect: &Dialect) -> Result<(), String> {
        check_name(name)?;
        if name.starts_with('$') {
            return Err(format!(
                "{name:?} would be a result parameter, and those are not supported: take the \"$\" away to combine it like \
                 any other parameter, or leave the parameter out"
            ));
        }
        if let Some((bare, order)) = name.split_once('@').filter(|(_, order)| numbers::number(order.trim()).is_some()) {
            let (bare, order) = (bare.trim(), order.trim());
            return Err(format!(
                "an order of one parameter is not supported: write \"{bare}: …\", and below the parameters a sub-model \
                 \"{{ {bare}, … }} @ {order}\" with those that it is to be combined with"
            ));
        }
        if self.names.find(name, dialect).is_some() {
            let how = if dialect.case_sensitive { "" } else { ", when case is not told apart" };
            return Err(format!("there is a parameter {name:?} already{how}"));
        }
        Ok(())
    }

    fn same_names(&mut self, meant: &[String], name: &str, dialect: &Dialect, line: usize) {
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = meant.iter().find(|meant| !seen.insert(dialect.key(meant))) {
            let text = || format!("parameter {name:?} has two values named {twice:?}; each is combined for itself");
            Note::add(&mut self.notes, line, text);
        }
    }

    fn sub_model(&mut self, line: &str, dialect: &Dialect, number: usize) -> Result<(), Refusal> {
        check_sub_models(number, self.sub_models.len() + 1)?;
        let inside = line.strip_prefix('{').and_then(|line| line.split_once('}'));
        let (names, order) = inside.ok_or_else(|| "a sub-model ends with \"}\" on the same line".to_string())?;
        let known = |name: &str| self.names.find(name, dialect).is_some();
        let separator = if names.split(',').all(known) { ',' } else { dialect.values };
        let mut parameters = Vec::new();
        for name in names.split(separator) {
            let found = self.names.find(name, dialect);
            let unknown = || format!("a sub-model names {}, which is no parameter", short(name.trim()));
            parameters.push(found.ok_or_else(unknown)?);
        }
        parameters.sort_unstable();
        parameters.dedup();
        let order = sub_model_order(order.trim())?;
        if let Some(order) = order.filter(|&order| order > parameters.len()) {
            return Err(format!("order {order} is more than the sub-model's {} parameters", parameters.len()).into());
        }
        self.sub_models.push(SubModel { parameters, order });
        Ok(())
    }
}

fn sub_model_order(text: &str) -> Result<Option<usize>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let order = text.strip_prefix('@').and_then(|order| order.trim().parse().ok()).filter(|&order: &usize| order > 0);
    order.map(Some).ok_or_else(|| format!("{} is no order: \"@\" and a number from 1 were expected", short(text)))
}

/// A value, and the name that constraints mean: the first, without what marks it as out of range.
fn value(text: &str, dialect: &Dialect) -> (Value, String) {
    let (text, weight) = weighted(text);
    let mut names: Vec<String> = text.split(dialect.aliases).map(|name| name.trim().to_string()).collect();
    let inside = names.first().and_then(|first| first.strip_prefix(dialect.negative));
    let negative = inside.is_some();
    let meant = inside.or(names.first().map(String::as_str)).unwrap_or_default().trim().to_string();
    if negative {
        // All names of such a value are shown with the mark, so that rows tell by themselves.
        for name in &mut names {
            let bare = name.strip_prefix(dialect.negative).unwrap_or(name).trim();
            *name = format!("{}{bare}", dialect.negative);
        }
    }
    (Value { names, weight, negative }, meant)
}

/// A weight in parentheses at the end.
fn weighted(text: &str) -> (&str, u32) {
    let parts = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    let weight = parts.and_then(|(before, weight)| Some((before.trim(), weight.trim().parse::<u32>().ok()?)));
    weight.filter(|&(_, weight)| weight > 0).unwrap_or((text, 1))
}
