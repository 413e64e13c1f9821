//! A model's text: parameters, then sub-models, then constraints.

mod constraint;
mod scanner;

use crate::model::{Model, Parameter, Rule, SubModel, Value};
use constraint::Names;
use scanner::Scanner;

/// A text that is no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ReadError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl ReadError {
    pub(crate) fn at(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// Names are the same when they differ in case only.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

impl Model {
    /// Reads a model in PICT's language, with its usual separators.
    ///
    /// # Errors
    /// The first thing that is not understood.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let mut model = Self::default();
        let mut at = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let shown = line.trim();
            if starts_a_constraint(shown) {
                model.rules = constraints(&model.parameters, Scanner::new(&text[at..], number + 1))?;
                break;
            }
            at += line.len();
            let read = match shown.chars().next() {
                None | Some('#') => Ok(()),
                Some('{') => sub_model(&model, shown).map(|sub| model.sub_models.push(sub)),
                Some(_) => parameter(&model, shown).map(|parameter| model.parameters.push(parameter)),
            };
            read.map_err(|what| ReadError::at(number + 1, what))?;
        }
        if model.parameters.is_empty() {
            return Err(ReadError::at(1, "the model has no parameter"));
        }
        Ok(model)
    }

    /// The parameter of this name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|parameter| same(&parameter.name, name))
    }
}

/// Whether a line is neither a parameter, which has a colon after its name, nor a sub-model.
fn starts_a_constraint(line: &str) -> bool {
    let word: String = line.chars().take_while(char::is_ascii_alphabetic).collect();
    let rest = line[word.len()..].trim_start();
    match word.to_ascii_uppercase().as_str() {
        "" => line.starts_with(['[', '(']),
        "IF" => rest.is_empty() || rest.starts_with(['[', '(']) || starts_a_constraint(rest),
        "NOT" | "ISNEGATIVE" | "ISPOSITIVE" => rest.starts_with(['[', '(']),
        _ => false,
    }
}

fn constraints(parameters: &[Parameter], mut scanner: Scanner<'_>) -> Result<Vec<Rule>, ReadError> {
    let names = Names::of(parameters);
    let mut rules = Vec::new();
    while !scanner.at_end() {
        let line = scanner.line();
        let formula = names.constraint(&mut scanner).map_err(|what| ReadError::at(scanner.line(), what))?;
        rules.push(Rule { line, formula });
    }
    Ok(rules)
}

fn parameter(model: &Model, line: &str) -> Result<Parameter, String> {
    let (name, values) = line.split_once(':').ok_or("a parameter has a colon after its name")?;
    let name = name.trim().to_string();
    if model.find(&name).is_some() {
        return Err(format!("parameter {name:?} is there already"));
    }
    let mut read = Vec::new();
    for text in values.split(',').map(str::trim) {
        let other = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).and_then(|name| model.find(name));
        match other {
            Some(other) => read.extend(model.parameters[other].values.iter().cloned()),
            None => read.push(value(text)),
        }
    }
    Ok(Parameter { name, values: read })
}

fn value(text: &str) -> Value {
    let names: Vec<&str> = without_weight(text).split('|').map(str::trim).collect();
    let negative = names.first().is_some_and(|first| first.starts_with('~'));
    let shown = |name: &&str| match (negative, name.trim_start_matches('~').trim()) {
        (true, bare) => format!("~{bare}"),
        (false, _) => (*name).to_string(),
    };
    Value { names: names.iter().map(shown).collect(), negative }
}

fn without_weight(text: &str) -> &str {
    let Some((before, last)) = text.rsplit_once('(') else { return text };
    let weight = last.strip_suffix(')').and_then(|number| number.trim().parse::<u32>().ok());
    if weight.is_some_and(|weight| weight > 0) { before.trim_end() } else { text }
}

fn sub_model(model: &Model, line: &str) -> Result<SubModel, String> {
    let (inside, after) = line[1..].split_once('}').ok_or("a sub-model is closed on its line")?;
    let number = |name: &str| model.find(name.trim()).ok_or_else(|| format!("{:?} is no parameter", name.trim()));
    let mut parameters = inside.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
    parameters.sort_unstable();
    parameters.dedup();
    let strength = match after.trim().strip_prefix('@') {
        None if after.trim().is_empty() => None,
        Some(order) => Some(order.trim().parse().map_err(|_| format!("{order:?} is no strength"))?),
        None => return Err(format!("{after:?} is no strength")),
    };
    if strength.is_some_and(|strength| strength == 0 || strength > parameters.len()) {
        return Err("a sub-model's strength is from 1 to the number of its parameters".to_string());
    }
    Ok(SubModel { parameters, strength })
}
