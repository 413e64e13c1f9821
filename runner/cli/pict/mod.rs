//! PICT models on the command line: `coexist plan --pict` and `coexist coverage --pict`.

mod coverage;
mod plan;
mod read;
mod text;

pub(crate) use coverage::coverage;
pub(crate) use plan::plan;

use coexist_cover::{CoverError, Model};
use coexist_model::Exit;
use serde_json::{Value, json};
use std::path::Path;

use crate::{printable, say};

/// Values that no row can hold, and combinations or rows of a kind, that are told one by one.
const TOLD: usize = 20;

/// A file in messages.
fn shown(path: &Path) -> String {
    printable::line(&path.to_string_lossy())
}

/// Says why a model has no plan, or cannot be measured with. Either way the request is wrong.
fn refused(model: &Path, error: &CoverError) -> Exit {
    let mut text = format!("error: {}: ", shown(model));
    match error {
        CoverError::Contradiction { rules } => {
            let count =
                if rules.len() == 1 { "this rule alone".to_owned() } else { format!("these {} rules", rules.len()) };
            text.push_str(&format!("no row is valid: {count} cannot be kept"));
            rules.iter().for_each(|rule| text.push_str(&format!("\n  {}", printable::line(rule))));
        }
        other => text.push_str(&printable::line(&other.to_string())),
    }
    say::aside(&text);
    Exit::Usage
}

/// A combination for machines: a list, as its order is the model's.
fn combination(model: &Model, cells: &[(usize, usize)]) -> Value {
    let cell = |&(parameter, value): &(usize, usize)| {
        let (parameter, value) = names(model, parameter, value);
        json!({"parameter": parameter, "value": value})
    };
    cells.iter().map(cell).collect()
}

/// The names of a parameter and of one of its values.
fn names(model: &Model, parameter: usize, value: usize) -> (&str, &str) {
    let parameter = model.parameters().get(parameter);
    let value = parameter.and_then(|parameter| parameter.values.get(value)?.names.first());
    (parameter.map_or("", |parameter| &parameter.name), value.map_or("", String::as_str))
}

/// Prints one object for machines.
fn print_json(object: &Value, exit: Exit) -> Exit {
    match serde_json::to_string_pretty(object) {
        Ok(json) => say::say(&format!("{json}\n"), exit),
        Err(error) => {
            crate::complain(&error);
            Exit::Internal
        }
    }
}
