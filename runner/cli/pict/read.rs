//! Files that people bring: models, and rows.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use coexist_cover::pict::{self, Dialect, MOST_TEXT, Note, PictError, PictModel, PictRows};
use coexist_model::Exit;

use super::shown;
use crate::{printable, say};

/// The model of a file. Its notes are told; so is what is wrong with it.
pub(super) fn model(path: &Path, dialect: &Dialect) -> Result<PictModel, Exit> {
    let model = pict::parse(&text(path)?, dialect).map_err(|mistakes| wrong(path, &mistakes))?;
    noted(path, &model.notes);
    Ok(model)
}

/// The rows of a file for a model, with the same messages.
pub(super) fn rows(path: &Path, model: &PictModel, dialect: &Dialect) -> Result<PictRows, Exit> {
    let rows = model.rows(&text(path)?, dialect).map_err(|mistakes| wrong(path, &mistakes))?;
    noted(path, &rows.notes);
    Ok(rows)
}

fn text(path: &Path) -> Result<String, Exit> {
    let bytes = bytes(path).map_err(|error| refused(path, &error.to_string()))?;
    if bytes.len() > MOST_TEXT {
        // Of a pipe, only as much was read as shows that it is too long.
        let size = std::fs::metadata(path).ok().and_then(|about| usize::try_from(about.len()).ok());
        let size = size.unwrap_or_default().max(bytes.len());
        return Err(wrong(path, &[PictError::TooLong(size)]));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refused(path, "the text is UTF-16: save it as UTF-8"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|&&byte| byte == b'\n').count() + 1;
        refused(path, &format!("line {line}: this is no UTF-8: save the text as UTF-8"))
    })
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_TEXT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn wrong(path: &Path, mistakes: &[PictError]) -> Exit {
    mistakes.iter().for_each(|mistake| {
        refused(path, &mistake.to_string());
    });
    Exit::Usage
}

fn refused(path: &Path, why: &str) -> Exit {
    say::aside(&format!("error: {}: {}", shown(path), printable::line(why)));
    Exit::Usage
}

fn noted(path: &Path, notes: &[Note]) {
    for note in notes {
        say::aside(&format!("note: {}: line {}: {}", shown(path), note.line, printable::line(&note.text)));
    }
}
