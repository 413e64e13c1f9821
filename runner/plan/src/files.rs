//! Which files are checked, and as what.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::artefacts;
use crate::catalogue::{self, Desk};
use crate::checked::{Checked, check_matrix};
use crate::choose;
use crate::element::{Element, Reader, Record};
use crate::message::{Message, Mistake, Report, Severity};
use crate::node::{Kind, Node};
use crate::source::{absolute, shown, tidy};
use crate::written;

/// Folders nobody keeps matrices in.
const PASSED_OVER: [&str; 3] = ["target", "node_modules", "out"];

/// Checks matrices, recipes and images: files as they are, folders with everything in them. Every mistake is in the
/// report. Files that were not made or fetched yet are warnings.
pub fn check<P: AsRef<Path>>(paths: &[P]) -> Report {
    let mut desk = Desk::default();
    let mut files = Vec::new();
    for path in paths {
        let path = tidy(path.as_ref());
        if path.is_dir() {
            let (before, messages) = (files.len(), desk.messages.len());
            walk(&path, &mut files, &mut desk.messages);
            if files.len() == before && desk.messages.len() == messages {
                let message =
                    Message::unreadable(Mistake::Unreadable, shown(&path), "there is no `.yaml` file in this folder");
                desk.messages.push(message);
            }
        } else {
            files.push(Found { path, named: true });
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|found| seen.insert(absolute(&found.path)));
    let mut matrices = Vec::new();
    let mut recipes = Vec::new();
    for found in &files {
        let Some((source, node)) = desk.open(&found.path) else {
            // Told above; a matrix that needs this file must not tell it again.
            desk.remember_product(&found.path, None);
            desk.remember_image(&found.path, None);
            continue;
        };
        match kind_of(found, &node) {
            Some(FileKind::Recipe) => {
                let product = desk.recipe(&found.path, &node);
                desk.remember_product(&found.path, product);
                recipes.push(&found.path);
            }
            Some(FileKind::Image) => {
                let image = desk.entry(&found.path, &node);
                desk.remember_image(&found.path, image);
            }
            Some(FileKind::Matrix) => matrices.push((&found.path, source, node)),
            None if found.named => {
                let message = Message::error(
                    Mistake::UnknownFile,
                    node.span,
                    "this file is neither matrix nor recipe nor image",
                    "no key of any of them",
                )
                .help("a matrix has the keys `matrix`, `images`, `agents` and `candidate`")
                .page("matrix.md#the-file");
                desk.messages.push(message);
            }
            None => {}
        }
    }
    // What recipes say of each other, now that each was read by itself.
    for path in recipes {
        desk.product(path);
    }
    for (path, source, node) in matrices {
        if let Some(checked) = matrix(path, source, &node, &mut desk) {
            choose::choose(&checked, &desk.sources, &mut desk.messages);
            artefacts::pin(&checked, Severity::Warning, &mut desk.messages);
        }
    }
    Report::new(Arc::new(desk.sources), desk.messages)
}

/// Opens and checks one matrix.
pub(crate) fn matrix_at(path: &Path, desk: &mut Desk) -> Option<Checked> {
    let path = tidy(path);
    let (source, node) = desk.open(&path)?;
    matrix(&path, source, &node, desk)
}

fn matrix(path: &Path, source: usize, node: &Node, desk: &mut Desk) -> Option<Checked> {
    let before = desk.messages.len();
    let written = written::matrix::Matrix::read(node, &mut Reader::new(&mut desk.messages))?;
    let readable = desk.messages.len() == before;
    let sha256 = artefacts::sha256(desk.sources.get(source).map_or("", |it| it.text.as_str()).as_bytes());
    check_matrix(&written, path, sha256, desk).filter(|_| readable)
}

struct Found {
    path: PathBuf,
    /// Named by the user, not met on a walk.
    named: bool,
}

/// Every YAML file of a folder, and of the folders in it. Links to folders are not followed, so that no way leads back.
fn walk(folder: &Path, files: &mut Vec<Found>, messages: &mut Vec<Message>) {
    if let Err(error) = std::fs::read_dir(folder) {
        let found = format!("this folder cannot be read: {error}");
        messages.push(Message::unreadable(Mistake::Unreadable, shown(folder), found));
    }
    for path in catalogue::list(folder) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let passed_over = name.starts_with('.') || PASSED_OVER.contains(&name) || path.is_symlink();
        if path.is_dir() {
            if !passed_over {
                walk(&path, files, messages);
            }
        } else if path.extension().is_some_and(|it| it == "yaml" || it == "yml") {
            files.push(Found { path, named: false });
        }
    }
}

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

/// What a file is meant to be: by the keys it shares with each kind; where they tell nothing, by where it is. A file that
/// nobody named may well be none of ours, such as `docker-compose.yaml`: it takes more than one key to be taken for one.
fn kind_of(found: &Found, node: &Node) -> Option<FileKind> {
    let Kind::Map(entries) = &node.kind else {
        // A list or a word: as a matrix it gets a message that says what a matrix is.
        return found.named.then_some(FileKind::Matrix);
    };
    let shared =
        |record: &Record| entries.iter().filter(|entry| record.keys.iter().any(|key| key.name == entry.key)).count();
    let path = &found.path;
    let in_folder = |name: &str| path.parent().and_then(Path::file_name).is_some_and(|it| it == name);
    let named_matrix = entries.iter().any(|entry| entry.key == "matrix");
    let kinds = [
        (shared(written::matrix::Matrix::RECORD), named_matrix, FileKind::Matrix),
        (shared(written::recipe::Recipe::RECORD), in_folder("agents"), FileKind::Recipe),
        (shared(written::image::Image::RECORD), path.file_name().is_some_and(|it| it == "image.yaml"), FileKind::Image),
    ];
    let (shared, certain, kind) = *kinds.iter().max_by_key(|(shared, certain, _)| (*shared, *certain))?;
    let least = if found.named || certain { 1 } else { 2 };
    (shared >= least).then_some(kind)
}
