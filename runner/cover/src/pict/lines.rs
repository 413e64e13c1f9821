//! The parts of a model that are lines: parameters and sub-models. Constraints begin where no such line can.

use super::{Dialect, MOST_VALUES, Note, PictError, SubModel};
use crate::model::{Parameter, Value};

/// What stands before the constraints, and the constraints' text.
pub(super) struct Read<'t> {
    pub(super) parameters: Vec<Parameter>,
    /// For each value the name that constraints mean.
    pub(super) meant: Vec<Vec<String>>,
    pub(super) sub_models: Vec<SubModel>,
    pub(super) notes: Vec<Note>,
    pub(super) constraints: &'t str,
    /// The line on which they begin.
    pub(super) constraints_line: usize,
}

pub(super) fn read<'t>(text: &'t str, dialect: &Dialect, mistakes: &mut Vec<PictError>) -> Read<'t> {
    let mut read = Read {
        parameters: Vec::new(),
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
            read.sub_model(trimmed, dialect)
        } else if read.sub_models.is_empty() {
            read.parameter(trimmed, dialect, number + 1)
        } else {
            Err("a parameter stands after a sub-model; parameters come first".to_string())
        };
        if let Err(what) = outcome {
            mistakes.push(PictError::at(number + 1, what));
        }
    }
    read
}

/// A line that no parameter and no sub-model can be.
fn begins_constraints(line: &str) -> bool {
    let after_word = |word: &str| {
        let head = line.get(..word.len())?;
        head.eq_ignore_ascii_case(word).then(|| line[word.len()..].trim_start())
    };
    if line.starts_with('[') || (line.starts_with('(') && line.contains('[')) {
        return true;
    }
    let expression = |rest: &str| rest.starts_with(['[', '(']) || rest.is_empty() || function_or_not(rest);
    after_word("IF").is_some_and(expression)
        || after_word("NOT").is_some_and(|rest| rest.starts_with(['[', '(']))
        || (function_or_not(line) && line.contains('('))
}

fn function_or_not(text: &str) -> bool {
    ["NOT", "ISNEGATIVE", "ISPOSITIVE"].iter().any(|word| {
        let head = text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        head && text[word.len()..].trim_start().starts_with(['[', '('])
    })
}

impl Read<'_> {
    pub(super) fn find(&self, name: &str, dialect: &Dialect) -> Option<usize> {
        let wanted = dialect.key(name.trim());
        self.parameters.iter().position(|parameter| dialect.key(&parameter.name) == wanted)
    }

    fn parameter(&mut self, line: &str, dialect: &Dialect, number: usize) -> Result<(), String> {
        let (name, values) = line
            .split_once(':')
            .or_else(|| line.split_once(dialect.values))
            .ok_or_else(|| format!("{line:?} is no parameter: a name, a colon and values were expected"))?;
        let name = name.trim();
        if self.find(name, dialect).is_some() {
            let how = if dialect.case_sensitive { "" } else { ", when case is not told apart" };
            return Err(format!("there is a parameter {name:?} already{how}"));
        }
        let (mut read, mut meant) = (Vec::new(), Vec::new());
        for text in values.split(dialect.values).map(str::trim) {
            let referred = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
            if let Some(other) = referred.and_then(|referred| self.find(referred, dialect)) {
                read.extend(self.parameters[other].values.iter().cloned());
                meant.extend(self.meant[other].iter().cloned());
            } else {
                if referred.is_some() {
                    let text = format!("{text} names no parameter before it, so it is a value like any other");
                    self.notes.push(Note { line: number, text });
                }
                let (value, name) = value(text, dialect);
                read.push(value);
                meant.push(name);
            }
            let all: usize = self.meant.iter().map(Vec::len).sum();
            if all + read.len() > MOST_VALUES {
                return Err(format!("the model has more than {MOST_VALUES} values, the most that are read"));
            }
        }
        self.same_names(&meant, name, dialect, number);
        self.parameters.push(Parameter { name: name.to_string(), values: read });
        self.meant.push(meant);
        Ok(())
    }

    fn same_names(&mut self, meant: &[String], name: &str, dialect: &Dialect, line: usize) {
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = meant.iter().find(|meant| !seen.insert(dialect.key(meant))) {
            let text = format!("parameter {name:?} has two values named {twice:?}; each is combined for itself");
            self.notes.push(Note { line, text });
        }
    }

    fn sub_model(&mut self, line: &str, dialect: &Dialect) -> Result<(), String> {
        let inside = line.strip_prefix('{').and_then(|line| line.split_once('}'));
        let (names, order) = inside.ok_or("a sub-model ends with \"}\" on the same line")?;
        let separators =
            if names.split(',').all(|name| self.find(name, dialect).is_some()) { ',' } else { dialect.values };
        let mut parameters = Vec::new();
        for name in names.split(separators) {
            let number = self.find(name, dialect);
            parameters
                .push(number.ok_or_else(|| format!("a sub-model names {:?}, which is no parameter", name.trim()))?);
        }
        parameters.sort_unstable();
        parameters.dedup();
        let order = match order.trim() {
            "" => None,
            order => {
                let number = order.strip_prefix('@').and_then(|order| order.trim().parse().ok());
                let number = number.filter(|&number: &usize| number > 0);
                Some(number.ok_or_else(|| format!("{order:?} is no order: \"@\" and a number from 1 were expected"))?)
            }
        };
        if let Some(order) = order.filter(|&order| order > parameters.len()) {
            return Err(format!("order {order} is more than the sub-model's {} parameters", parameters.len()));
        }
        self.sub_models.push(SubModel { parameters, order });
        Ok(())
    }
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
