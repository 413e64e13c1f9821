//! What stands in a matrix, a recipe and an image's entry.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::check::CheckError;

/// Why a matrix and its rows could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// The system says no.
    #[error("{0}: {1}")]
    File(String, #[source] std::io::Error),
    /// Not as it is written here.
    #[error("{0}: {1}")]
    Yaml(String, String),
    /// Something that no such file says.
    #[error("{0}")]
    Meaning(String),
    /// The rows, or more than can be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
}

pub(crate) fn wrong(what: impl Into<String>) -> MatrixError {
    MatrixError::Meaning(what.into())
}

/// Reads a file of one of these kinds.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, MatrixError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| MatrixError::File(shown.clone(), error))?;
    serde_saphyr::from_str(&text).map_err(|error| MatrixError::Yaml(shown, error.to_string()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Matrix {
    #[serde(rename = "matrix")]
    pub(crate) _name: IgnoredAny,
    #[serde(rename = "title")]
    pub(crate) _title: Option<IgnoredAny>,
    pub(crate) catalogue: Option<Catalogue>,
    pub(crate) images: Vec<String>,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, Setting>,
    pub(crate) agents: Choice,
    pub(crate) order: Option<Order>,
    #[serde(default)]
    pub(crate) constraints: Vec<String>,
    pub(crate) coverage: Coverage,
    #[serde(default)]
    pub(crate) include: Vec<Cells>,
    #[serde(default)]
    pub(crate) exclude: Vec<Cells>,
    #[serde(rename = "weights")]
    pub(crate) _weights: Option<IgnoredAny>,
    #[serde(rename = "waves")]
    pub(crate) _waves: Option<IgnoredAny>,
    pub(crate) candidate: Candidate,
    #[serde(rename = "scenario")]
    pub(crate) _scenario: Option<IgnoredAny>,
    #[serde(rename = "policy")]
    pub(crate) _policy: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalogue {
    pub(crate) agents: Option<String>,
    pub(crate) images: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    #[serde(rename = "title")]
    pub(crate) _title: Option<IgnoredAny>,
    pub(crate) means: Option<String>,
    pub(crate) values: BTreeMap<String, SettingValue>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SettingValue {
    #[serde(default)]
    pub(crate) negative: bool,
    #[serde(rename = "apply")]
    pub(crate) _apply: Option<IgnoredAny>,
    #[serde(rename = "read-back")]
    pub(crate) _read_back: Option<IgnoredAny>,
    #[serde(rename = "restart")]
    pub(crate) _restart: Option<IgnoredAny>,
    #[serde(rename = "weight")]
    pub(crate) _weight: Option<IgnoredAny>,
}

/// Agents, of which a row has some.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Choice {
    pub(crate) from: BTreeMap<String, Option<Offer>>,
    pub(crate) at_least: Option<usize>,
    pub(crate) at_most: Option<usize>,
    #[serde(default)]
    pub(crate) exclusive: Vec<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offer {
    #[serde(default)]
    pub(crate) versions: Vec<String>,
    #[serde(default)]
    pub(crate) with: Vec<String>,
    #[serde(rename = "weight")]
    pub(crate) _weight: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Order {
    /// `pairs` or `triples`.
    Every(String),
    /// The same in every row.
    Fixed(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Coverage {
    pub(crate) strength: usize,
    #[serde(default)]
    pub(crate) also: Vec<Vec<String>>,
}

/// What a row of `include` has, or one of `exclude` must not have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cells {
    pub(crate) image: Option<String>,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) agents: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) agent: Option<String>,
    pub(crate) kind: String,
    pub(crate) signing: Option<String>,
}

/// What bears on rows in a recipe.
#[derive(Debug, Deserialize)]
pub(crate) struct Recipe {
    pub(crate) vendor: String,
    pub(crate) current: String,
    #[serde(default)]
    pub(crate) requires: Vec<String>,
    #[serde(default)]
    pub(crate) conflicts: Vec<String>,
}

/// What bears on rows in an image's entry.
#[derive(Debug, Deserialize)]
pub(crate) struct Image {
    pub(crate) windows: Windows,
    pub(crate) machine: Machine,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Windows {
    pub(crate) build: u64,
    pub(crate) edition: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Machine {
    pub(crate) firmware: String,
}
