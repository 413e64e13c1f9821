//! Which files are checked, and as what.

mod kind;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use kind::FileKind;

use crate::artefacts;
use crate::catalogue::{self, Desk};
use crate::checked::{Checked, check_matrix};
use crate::choose;
use crate::element::{Element, Reader};
use crate::message::{Message, Mistake, Report, Severity, WRITING};
use crate::node::{Kind, Node};
use crate::planning::{Ask, Effort};
use crate::source::{absolute, shown, tidy};
use crate::written;
use kind::{Homes, kind_of};

/// Folders nobody keeps matrices in.
const PASSED_OVER: [&str; 3] = ["target", "node_modules", "out"];

/// Checks matrices, recipes and images: files as they are, folders with everything in them. Every mistake is in the
/// report. Files that were not made or fetched yet are warnings.
pub fn check<P: AsRef<Path>>(paths: &[P]) -> Report {
    let mut desk = Desk::default();
    let files = find(paths, &mut desk.messages);
    let mut homes = Homes::default();
    let mut matrices = Vec::new();
    let mut recipes = Vec::new();
    let mut unknown = Vec::new();
    let mut images = 0_usize;
    for found in &files {
        let Some((source, node)) = desk.open(&found.path) else {
            // Told above; a matrix that needs this file must not tell it again.
            desk.remember_product(&found.path, None);
            desk.remember_image(&found.path, None);
            continue;
        };
        match kind_of(&found.path, &node, found.named) {
            Some(FileKind::Recipe) => {
                let product = desk.recipe(&found.path, &node);
                desk.remember_product(&found.path, product);
                homes.add(&found.path);
                recipes.push(&found.path);
            }
            Some(FileKind::Image) => {
                let image = desk.entry(&found.path, &node);
                desk.remember_image(&found.path, image);
                images += 1;
            }
            Some(FileKind::Matrix) => {
                homes.add(&found.path);
                matrices.push((&found.path, source, node));
            }
            None => unknown.push((found, node)),
        }
    }
    let nothing_of_a_kind = images == 0 && matrices.is_empty() && recipes.is_empty();
    for (found, node) in unknown {
        if found.named {
            desk.messages.push(unknown_file(&node));
        } else if homes.hold(&found.path) {
            desk.messages.extend(stray_file(&node));
        }
    }
    if nothing_of_a_kind && desk.messages.is_empty() {
        // Folders alone were named: a named file of no kind was told above.
        let found = "no `.yaml` file in this folder is a matrix, a recipe or an image";
        let folders = paths.iter().map(|path| shown(&tidy(path.as_ref())));
        desk.messages.extend(folders.map(|folder| Message::unreadable(Mistake::Unreadable, folder, found)));
    }
    // What recipes say of each other, now that each was read by itself.
    for path in recipes {
        desk.product(path);
    }
    for (path, source, node) in matrices {
        if let Some(checked) = matrix(path, source, &node, &mut desk) {
            let ask = Ask { effort: Effort::Quick, ..Ask::default() };
            choose::choose(&checked, &desk.sources, None, &ask, &mut desk.messages);
            artefacts::pin(&checked, Severity::Warning, &mut desk.messages);
        }
    }
    Report::new(Arc::new(desk.sources), desk.messages)
}

/// A file that the user named, of which no kind can be told.
fn unknown_file(node: &Node) -> Message {
    let found = "this file is neither matrix nor recipe nor image";
    Message::error(Mistake::UnknownFile, node.span, found, "no key of any of them")
        .help("a matrix has the keys `matrix`, `images`, `agents` and `candidate`")
        .page("matrix.md#the-file")
}

/// A file among matrices or recipes of which no kind can be told: a broken one of them, or one of something else.
fn stray_file(node: &Node) -> Option<Message> {
    let expected = match &node.kind {
        Kind::Broken => return None,
        Kind::Map(_) => "too few keys of any of them to tell which".to_owned(),
        other => format!("{} where keys are wanted", other.describe()),
    };
    let message = unknown_file(node).severity(Severity::Warning).page(WRITING);
    let elsewhere = "if it is meant for something else, keep it in another folder, or let its name begin with a dot";
    Some(Message { expected, ..message }.help(elsewhere))
}

/// Every file to check, once.
fn find<P: AsRef<Path>>(paths: &[P], messages: &mut Vec<Message>) -> Vec<Found> {
    let mut files = Vec::new();
    for path in paths {
        let path = tidy(path.as_ref());
        if path.is_dir() {
            let (before, told) = (files.len(), messages.len());
            walk(&path, &mut files, messages);
            if files.len() == before && messages.len() == told {
                let found = "there is no `.yaml` file in this folder";
                messages.push(Message::unreadable(Mistake::Unreadable, shown(&path), found));
            }
        } else {
            files.push(Found { path, named: true });
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|found| seen.insert(absolute(&found.path)));
    files
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

/// Every YAML file of a folder, and of the folders in it, without hidden ones: those belong to other tools. Links to
/// folders are not followed, so that no way leads back.
fn walk(folder: &Path, files: &mut Vec<Found>, messages: &mut Vec<Message>) {
    if let Err(error) = std::fs::read_dir(folder) {
        let found = format!("this folder cannot be read: {error}");
        messages.push(Message::unreadable(Mistake::Unreadable, shown(folder), found));
    }
    for path in catalogue::list(folder) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if !PASSED_OVER.contains(&name) && !path.is_symlink() {
                walk(&path, files, messages);
            }
        } else if path.extension().is_some_and(|it| it == "yaml" || it == "yml") {
            files.push(Found { path, named: false });
        }
    }
}
