//! Source files and places in them.

use std::path::{Path, PathBuf};

/// Longest file that is read: far above any catalogue a person writes, far below what could hurt.
pub(crate) const MAX_BYTES: u64 = 1024 * 1024;

/// A part of one source file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) source: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A file that was read, or that could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Path as messages show it: relative where the user gave it so, with forward slashes.
    pub(crate) shown: String,
    pub(crate) text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Source {
    fn new(shown: String, text: String) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { shown, text, lines }
    }

    /// Number of the line that holds a byte, from 1, and where it begins.
    pub(crate) fn line_at(&self, offset: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|start| *start <= offset).max(1);
        (number, self.lines.get(number - 1).copied().unwrap_or(0))
    }
}

/// All files of one check, in the order they were opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    files: Vec<Source>,
}

/// A place in words: 1-based line and column, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Sources {
    pub(crate) fn add(&mut self, shown: String, text: String) -> usize {
        self.files.push(Source::new(shown, text));
        self.files.len() - 1
    }

    pub(crate) fn get(&self, source: usize) -> Option<&Source> {
        self.files.get(source)
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn position(&self, span: Span) -> Position {
        let Some(source) = self.get(span.source) else { return Position { line: 1, column: 1 } };
        let (line, start) = source.line_at(span.start);
        let column = 1 + source.text.get(start..span.start).unwrap_or("").chars().count();
        Position { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
    }

    pub(crate) fn line(&self, span: Span) -> u32 {
        self.position(span).line
    }
}

/// Why a file could not be read as text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("it is larger than {} KiB", MAX_BYTES / 1024)]
    TooLarge,
    /// Its text with a replacement for what is none, and where the first of that is.
    #[error("it is not UTF-8 text")]
    NotText(String, usize),
    #[error("it is UTF-16 text; save it as UTF-8")]
    Utf16,
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Reads a text file of bounded size; a byte-order mark is dropped.
pub(crate) fn read_text(path: &Path) -> Result<String, ReadError> {
    use std::io::Read as _;
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() {
        // Opening a pipe would wait for whoever writes to it.
        return Err(ReadError::NotAFile(if kind.is_dir() { "a folder" } else { "a pipe or device" }));
    }
    let file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(ReadError::Utf16);
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(ReadError::NotText(String::from_utf8_lossy(bytes).into_owned(), error.valid_up_to())),
    }
}

/// Joins a path written in a file to the folder of that file, without `..` in the middle.
pub(crate) fn beside(file: &Path, written: &str) -> PathBuf {
    tidy(&file.parent().unwrap_or(Path::new("")).join(written))
}

/// Takes `.` and `folder/..` out of a path, by its text only.
pub(crate) fn tidy(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            Component::ParentDir | Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                tidy.push(component)
            }
        }
    }
    if tidy.as_os_str().is_empty() { PathBuf::from(".") } else { tidy }
}

/// A path for messages: forward slashes, nothing that steers a terminal.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/").replace(char::is_control, "\u{fffd}")
}

/// The same path from the root of the file system, so that a saved plan holds in every folder.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    path.canonicalize()
        .or_else(|_| std::path::absolute(path).map(|path| tidy(&path)))
        .unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one_and_in_characters() {
        let mut sources = Sources::default();
        let source = sources.add("a".into(), "äb\ncdé\nf".into());
        let at = |start| sources.position(Span { source, start, end: start });
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(2), Position { line: 1, column: 2 });
        assert_eq!(at(4), Position { line: 2, column: 1 });
        assert_eq!(at(9), Position { line: 3, column: 1 });
    }

    #[test]
    fn paths_are_tidied_by_text() {
        for (written, expected) in [
            ("a/b/../c.yaml", "a/c.yaml"),
            ("./a", "a"),
            ("../a/../../b", "../../b"),
            ("/a/../../b", "/../b"),
            ("a/..", "."),
        ] {
            assert_eq!(tidy(Path::new(written)), Path::new(expected), "{written}");
        }
    }
}
