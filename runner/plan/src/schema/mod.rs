//! JSON Schemas of the files that people write, for their editors: made by the same types that read the files.
//!
//! A schema refuses nothing that the reader takes. It cannot tell all that `coexist check` tells: not what other files
//! hold, nor what one key means for another. The reader takes every value as the text it is written with; an editor has
//! taken `5`, `7.10` or `true` for a number or a boolean before a schema sees it. [`Form`] says which scalars may look
//! so.

mod digits;
mod form;

use std::collections::BTreeMap;

use serde_json::{Map, json};

use crate::element::{Element, Need, Record};
use crate::files::FileKind;
use crate::written::{image::Image, matrix::Matrix, recipe::Recipe};

pub(crate) use form::{Form, words};

/// A JSON Schema, or a part of one.
pub(crate) type Schema = serde_json::Value;

/// The JSON Schema (draft 2020-12) of a file, as it lies in `docs/schema`. Nothing in it has another meaning in draft 7,
/// which is what older editors know.
#[must_use]
pub fn schema(kind: FileKind) -> String {
    let mut definitions = Definitions::default();
    let file = match kind {
        FileKind::Matrix => Matrix::object(&mut definitions),
        FileKind::Recipe => Recipe::object(&mut definitions),
        FileKind::Image => Image::object(&mut definitions),
    };
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("$id".to_owned(), json!(format!("urn:coexist:schema:{}", kind.as_str())));
    if let Schema::Object(file) = file {
        schema.extend(file);
    }
    schema.insert("$defs".to_owned(), definitions.into_schema());
    format!("{:#}\n", Schema::Object(schema))
}

/// What a schema refers to, each written once.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    by_name: BTreeMap<String, Definition>,
}

#[derive(Debug)]
struct Definition {
    /// The type that it is the schema of.
    of: &'static str,
    schema: Schema,
}

impl Definitions {
    /// A reference to the schema of a type, which is named after its words: `a way to install` is `way-to-install`.
    pub(crate) fn refer<T>(&mut self, words: &str, write: impl FnOnce(&mut Self) -> Schema) -> Schema {
        let (name, of) = (name(words), std::any::type_name::<T>());
        if !self.by_name.contains_key(&name) {
            let schema = write(self);
            self.by_name.insert(name.clone(), Definition { of, schema });
        }
        debug_assert_eq!(self.by_name.get(&name).map(|it| it.of), Some(of), "two types are called `{name}`");
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// The same for a scalar, which is named after its type.
    pub(crate) fn scalar<T: Element>(&mut self, ident: &str, form: Form) -> Schema {
        self.refer::<T>(&kebab(ident), |_| form.schema(T::WHAT))
    }

    fn into_schema(self) -> Schema {
        self.by_name.into_iter().map(|(name, definition)| (name, definition.schema)).collect()
    }
}

/// `AgentRef` as `agent-ref`.
fn kebab(ident: &str) -> String {
    let dashed = ident
        .char_indices()
        .map(|(at, c)| if at > 0 && c.is_ascii_uppercase() { format!("-{c}") } else { c.to_string() });
    dashed.collect::<String>().to_lowercase()
}

fn name(words: &str) -> String {
    let words = ["a ", "an ", "the "].iter().find_map(|article| words.strip_prefix(article)).unwrap_or(words);
    words.replace('\'', "").replace(' ', "-").to_lowercase()
}

/// A mapping with fixed keys.
pub(crate) fn object(record: &Record, values: Vec<Schema>) -> Schema {
    let keys = || record.keys.iter();
    let properties: Map<_, _> = keys()
        .zip(values)
        .map(|(key, value)| (key.name.to_owned(), described(&help(key.help, &record.page_of(key.name)), value)))
        .collect();
    let required: Vec<_> = keys().filter(|key| key.need == Need::Required).map(|key| key.name).collect();
    let mut object = json!({
        "title": record.what,
        "description": help(record.help, record.page),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn help(sentence: &str, page: &str) -> String {
    format!("{sentence}\n\nSee docs/{page}")
}

fn described(help: &str, schema: Schema) -> Schema {
    let mut described = Map::new();
    described.insert("description".to_owned(), json!(help));
    if let Schema::Object(schema) = schema {
        described.extend(schema);
    }
    Schema::Object(described)
}

/// One way to write something that has several: `service: NAME`, or a word that stands alone.
pub(crate) struct Variant {
    pub(crate) key: &'static str,
    /// A sentence about it, for editors.
    pub(crate) help: &'static str,
    /// What stands behind the key; `None` for a word that stands alone.
    pub(crate) value: Option<fn(&mut Definitions) -> Schema>,
}

/// One of several ways, each a mapping with one key or a word.
pub(crate) fn one_of(what: &str, variants: &[Variant], definitions: &mut Definitions) -> Schema {
    let properties: Map<_, _> = variants
        .iter()
        .filter_map(|variant| Some((variant, variant.value?)))
        .map(|(variant, value)| (variant.key.to_owned(), described(variant.help, value(definitions))))
        .collect();
    let mapping = json!({
        "title": what,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    });
    let bare: Vec<_> = variants.iter().filter(|variant| variant.value.is_none()).map(|variant| variant.key).collect();
    if bare.is_empty() { mapping } else { json!({ "anyOf": [{ "enum": bare }, mapping] }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_named_after_words() {
        for (words, expected) in [
            ("a matrix", "matrix"),
            ("an included row", "included-row"),
            ("the candidate's way to install", "candidates-way-to-install"),
            ("a way in by SSH", "way-in-by-ssh"),
        ] {
            assert_eq!(name(words), expected);
        }
        assert_eq!(kebab("AgentRef"), "agent-ref");
    }

    #[test]
    fn no_word_is_something_else_in_yaml() {
        let others = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "~"];
        for kind in FileKind::ALL {
            let schema: Schema = serde_json::from_str(&schema(kind)).unwrap();
            let mut open = vec![&schema];
            while let Some(part) = open.pop() {
                for word in part.get("enum").and_then(Schema::as_array).into_iter().flatten() {
                    let word = word.as_str().unwrap();
                    assert!(!others.contains(&word) && word.parse::<f64>().is_err(), "quotes would be needed: {word}");
                }
                match part {
                    Schema::Object(map) => open.extend(map.values()),
                    Schema::Array(items) => open.extend(items),
                    _ => {}
                }
            }
        }
    }
}
