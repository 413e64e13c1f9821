//! What a file is meant to be, and where people keep such files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::element::{Key, Need, Record};
use crate::node::{Kind, Node};
use crate::source::tidy;
use crate::written;

/// The folder of recipes, beside the matrices.
const AGENTS: &str = "agents";
/// The entry of an image, in a folder of its own.
const IMAGE: &str = "image.yaml";
/// The one key that says by itself what a file is.
const MATRIX: &str = "matrix";

/// The files that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Which combinations are tried, and what is done to each.
    Matrix,
    /// One vendor's product, in `agents/`.
    Recipe,
    /// One golden image: an `image.yaml`.
    Image,
}

impl FileKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Matrix, Self::Recipe, Self::Image];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Recipe => "recipe",
            Self::Image => "image",
        }
    }
}

/// What a file is meant to be: by where it is, whatever it holds; elsewhere by its keys.
pub(super) fn kind_of(path: &Path, node: &Node, named: bool) -> Option<FileKind> {
    by_place(path).or_else(|| by_keys(node, named))
}

fn by_place(path: &Path) -> Option<FileKind> {
    let path = from_the_root(path);
    if path.file_name().is_some_and(|name| name == IMAGE) {
        return Some(FileKind::Image);
    }
    path.parent().is_some_and(is_agents).then_some(FileKind::Recipe)
}

/// By the keys a file shares with each kind. What the user named is one of them, so one key is enough to tell which. A
/// file met on a walk may well be none of ours, such as `docker-compose.yaml`: it must have two keys that its kind
/// requires.
fn by_keys(node: &Node, named: bool) -> Option<FileKind> {
    let Kind::Map(entries) = &node.kind else {
        // A list or a word: as a matrix it gets a message that says what a matrix is.
        return named.then_some(FileKind::Matrix);
    };
    // Files of build services have a mapping or a list of this name.
    if entries.iter().any(|entry| entry.key == MATRIX && matches!(entry.value.kind, Kind::Scalar(_))) {
        return Some(FileKind::Matrix);
    }
    let tells = |key: &&Key| named || (key.need == Need::Required && key.name != MATRIX);
    let shared = |record: &Record| {
        let known = record.keys.iter().filter(tells);
        known.filter(|key| entries.iter().any(|entry| entry.key == key.name)).count()
    };
    let kinds = [
        (shared(written::matrix::Matrix::RECORD), FileKind::Matrix),
        (shared(written::recipe::Recipe::RECORD), FileKind::Recipe),
        (shared(written::image::Image::RECORD), FileKind::Image),
    ];
    let (shared, kind) = *kinds.iter().max_by_key(|(shared, _)| *shared)?;
    let least = if named { 1 } else { 2 };
    (shared >= least).then_some(kind)
}

/// Folders in which matrices and recipes are kept. A file there of which no kind can be told is likely a broken one of
/// them. An image's folder is none of these: what makes the image often lies there, and may be YAML as well.
#[derive(Debug, Default)]
pub(super) struct Homes(BTreeSet<PathBuf>);

impl Homes {
    /// Takes the folder of a matrix or recipe; with `agents`, the folder that it lies in.
    pub(super) fn add(&mut self, file: &Path) {
        let file = from_the_root(file);
        let Some(folder) = file.parent() else { return };
        if is_agents(folder) {
            self.0.extend(folder.parent().map(Path::to_owned));
        }
        self.0.insert(folder.to_owned());
    }

    /// Whether a file lies in one of them, or anywhere under `agents`.
    pub(super) fn hold(&self, file: &Path) -> bool {
        let file = from_the_root(file);
        let mut folders = file.ancestors().skip(1);
        folders.next().is_some_and(|folder| self.0.contains(folder))
            || folders.any(|folder| is_agents(folder) && self.0.contains(folder))
    }
}

fn is_agents(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name == AGENTS)
}

/// A path with all its folders, also where the check began in one of them. Links are kept: where a file is counts, not
/// what it links to.
fn from_the_root(path: &Path) -> PathBuf {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| tidy(&path))
}
