//! Which files are meant: those that were named, and those in folders that were named, in sorted order.

use std::fs::{self, File, FileType};
use std::io;
use std::path::{Path, PathBuf};

/// Folders inside folders that are looked into; deeper ones are told of.
const DEEPEST: usize = 64;

/// One thing that was found.
pub(super) enum Found {
    /// A file, opened, by the path it was given or joined by.
    File(PathBuf, File),
    /// Something that is left alone, and why. Nothing is missing for it.
    PassedOver(PathBuf, &'static str),
    /// Something that was asked for and cannot be read.
    Unreadable(PathBuf, String),
}

/// Calls `take` for everything under the given paths, until it says to stop.
pub(super) fn each(paths: &[PathBuf], recursive: bool, take: &mut dyn FnMut(Found) -> bool) {
    for path in paths {
        // A link that somebody names is meant; the links in a folder are not.
        let goes_on = match fs::metadata(path) {
            Ok(about) if about.is_dir() => folder(path, recursive, 0, take),
            Ok(about) => take(open(path, about.file_type())),
            Err(error) => take(Found::Unreadable(path.clone(), error.to_string())),
        };
        if !goes_on {
            return;
        }
    }
}

fn folder(path: &Path, recursive: bool, depth: usize, take: &mut dyn FnMut(Found) -> bool) -> bool {
    let listed = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => return take(Found::Unreadable(path.to_owned(), error.to_string())),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let goes_on = match entry.file_type() {
            Ok(kind) if kind.is_dir() && !recursive => true,
            Ok(kind) if kind.is_dir() && depth == DEEPEST => {
                take(Found::Unreadable(path, format!("more than {DEEPEST} folders deep")))
            }
            Ok(kind) if kind.is_dir() => folder(&path, recursive, depth + 1, take),
            Ok(kind) if kind.is_symlink() => take(Found::PassedOver(path, "a symbolic link, which is not followed")),
            Ok(kind) => take(open(&path, kind)),
            Err(error) => take(Found::Unreadable(path, error.to_string())),
        };
        if !goes_on {
            return false;
        }
    }
    true
}

fn open(path: &Path, kind: FileType) -> Found {
    if !kind.is_file() {
        // Opening a pipe would wait for whoever writes to it.
        return Found::Unreadable(path.to_owned(), "a pipe, socket or device, not a file".to_owned());
    }
    match File::open(path) {
        Ok(file) => Found::File(path.to_owned(), file),
        Err(error) => Found::Unreadable(path.to_owned(), error.to_string()),
    }
}
