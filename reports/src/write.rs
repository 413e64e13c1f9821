//! The reports of a run's folder, written so that a reader never sees half a file.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::{JunitOptions, Report, ReportError, Totals, index_html, junit, run_json, summary_md};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// `junit.xml`, or `junit-001.xml` and so on.
    pub junit: Vec<PathBuf>,
    /// What they count together.
    pub totals: Totals,
    /// `run.json`.
    pub run_json: PathBuf,
    /// `summary.md`.
    pub summary_md: PathBuf,
    /// `index.html`.
    pub index_html: PathBuf,
}

/// Writes every report into a run's folder, which exists. Each file is written beside its place and then renamed, so
/// this may be called after every cell; cells that did not run yet are there as not run.
///
/// # Errors
/// When a report cannot be made, or a file not written.
pub fn write_reports(report: Report<'_>, folder: &Path, options: &JunitOptions) -> Result<Written, ReportError> {
    let documents = junit(report, options)?;
    let json = run_json(report)?;
    let names: Vec<_> = documents.iter().map(|it| it.name.clone()).collect();
    let totals = documents.iter().fold(Totals::default(), |sum, it| sum.plus(it.totals));

    let mut files = Vec::new();
    for document in &documents {
        files.push(put(folder, &document.name, &document.xml)?);
    }
    remove_stale(folder, &names)?;
    Ok(Written {
        junit: files,
        totals,
        run_json: put(folder, "run.json", &json)?,
        summary_md: put(folder, "summary.md", &summary_md(report))?,
        index_html: put(folder, "index.html", &index_html(report, &names))?,
    })
}

/// Writes one page that stands alone, so that a reader never sees half of it.
///
/// # Errors
/// When it cannot be written.
pub fn write_page(path: &Path, content: &str) -> Result<(), ReportError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match name {
        Some(name) => put(folder, &name, content).map(drop),
        None => {
            let source = std::io::Error::from(std::io::ErrorKind::IsADirectory);
            Err(ReportError::File { path: path.to_owned(), source })
        }
    }
}

fn put(folder: &Path, name: &str, content: &str) -> Result<PathBuf, ReportError> {
    let part = folder.join(format!(".{name}.part"));
    let path = folder.join(name);
    let written = File::create(&part)
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, &path));
    match written {
        Ok(()) => Ok(path),
        Err(source) => {
            // The error to tell is the first one; what is left of the part is hidden and harmless.
            let _ = fs::remove_file(&part);
            Err(ReportError::File { path, source })
        }
    }
}

/// Removes the JUnit files of an earlier call that this one did not write: readers take `junit*.xml`.
fn remove_stale(folder: &Path, names: &[String]) -> Result<(), ReportError> {
    let failed = |source| ReportError::File { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if is_ours(name) && !names.iter().any(|it| it == name) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

fn is_ours(name: &str) -> bool {
    let number = name.strip_prefix("junit-").and_then(|rest| rest.strip_suffix(".xml"));
    name == "junit.xml" || number.is_some_and(|it| it.len() >= 3 && it.bytes().all(|byte| byte.is_ascii_digit()))
}
