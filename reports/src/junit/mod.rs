//! JUnit XML, as Jenkins, GitLab, Azure and the GitHub actions read it.
//!
//! The crate `junit-report` is model and serialiser. What it cannot say (totals, `skipped` counts, properties, lines,
//! time stamps) a second pass over its output adds, see [`serialise`]. It neither filters characters that XML forbids nor
//! breaks the end of a CDATA section, so nothing reaches it but through [`crate::text`].
//!
//! One `<testsuite>` per cell and arm, one `<testcase>` per planned check: the report has the same cases whatever comes
//! of them, and a missing one cannot look green. Suites and cases have names that are stable across runs.

mod details;
mod mapping;
mod serialise;

use coexist_model::Seconds;
use jiff::Timestamp;

use crate::{Report, ReportError};

/// Most bytes in one file: GitLab refuses 30 MB, and DOM parsers suffer long before.
pub const FILE_LIMIT: usize = 20_000_000;
/// Most cases in one file: Buildkite takes 5,000.
pub const CASES_PER_FILE: usize = 4_000;

/// Which readers a report is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// All we know. Described by `schema/junit-rich.xsd`.
    #[default]
    Rich,
    /// Only what Jenkins' `junit-10.xsd` allows: cases have no properties, files, lines and time stamps.
    Strict,
}

/// How to write JUnit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JunitOptions {
    /// Which readers it is for.
    pub dialect: Dialect,
    /// Path of the run's folder as the CI system's workspace sees it, with forward slashes; attachments are named
    /// relative to the workspace. Empty: the run's folder is the workspace.
    pub folder: String,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `junit.xml`, or `junit-001.xml` and so on.
    pub name: String,
    /// Its content, UTF-8.
    pub xml: String,
    /// What it counts.
    pub totals: Totals,
}

/// Numbers of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// All of them.
    pub tests: usize,
    /// The product did wrong.
    pub failures: usize,
    /// The lab did wrong, or nobody can tell.
    pub errors: usize,
    /// Not run, or not counted against the candidate.
    pub skipped: usize,
}

/// Renders a report; several files only where one would break a limit of its readers.
///
/// # Errors
/// When the serialiser's output is not what it was given.
pub fn junit(report: Report<'_>, options: &JunitOptions) -> Result<Vec<Document>, ReportError> {
    let name = format!("coexist {}", report.run.plan.matrix.name);
    let suites = mapping::suites(report, options);
    let whole = document("junit.xml".to_owned(), &name, &suites, options.dialect)?;
    if whole.xml.len() <= FILE_LIMIT && whole.totals.tests <= CASES_PER_FILE {
        return Ok(vec![whole]);
    }
    let mut documents = Vec::new();
    for group in groups(&suites, &name, options.dialect)? {
        let number = documents.len() + 1;
        documents.push(document(format!("junit-{number:03}.xml"), &name, group, options.dialect)?);
    }
    Ok(documents)
}

/// Cuts suites into runs of whole suites that keep the limits.
fn groups<'a>(suites: &'a [Suite], name: &str, dialect: Dialect) -> Result<Vec<&'a [Suite]>, ReportError> {
    let mut groups = Vec::new();
    let (mut start, mut bytes, mut cases) = (0, 0, 0);
    for (index, suite) in suites.iter().enumerate() {
        // Alone it is longer than in company, by the frame: the sum is an upper bound.
        let size = serialise::document(name, std::slice::from_ref(suite), dialect)?.len();
        let full = bytes + size > FILE_LIMIT || cases + suite.cases.len() > CASES_PER_FILE;
        if full && start < index {
            groups.push(&suites[start..index]);
            (start, bytes, cases) = (index, 0, 0);
        }
        bytes += size;
        cases += suite.cases.len();
    }
    groups.push(&suites[start..]);
    Ok(groups)
}

fn document(file: String, name: &str, suites: &[Suite], dialect: Dialect) -> Result<Document, ReportError> {
    let totals = suites.iter().map(Suite::totals).fold(Totals::default(), Totals::plus);
    Ok(Document { name: file, xml: serialise::document(name, suites, dialect)?, totals })
}

/// One arm of one cell. All text is still as foreign as it came; the serialiser sanitises it.
#[derive(Debug)]
struct Suite {
    name: String,
    hostname: String,
    timestamp: Timestamp,
    properties: Vec<(String, String)>,
    cases: Vec<Case>,
}

/// One check.
#[derive(Debug)]
struct Case {
    name: String,
    file: String,
    line: Option<u32>,
    timestamp: Option<Timestamp>,
    time: Seconds,
    properties: Vec<(String, String)>,
    result: CaseResult,
    /// Paths that readers may attach. Checked to be plain where they are made.
    attachments: Vec<String>,
    output: Option<String>,
}

/// What a case shows.
#[derive(Debug)]
enum CaseResult {
    Passed,
    Failure(Told),
    Error(Told),
    Skipped(Told),
}

/// Type, message and body of a result. The body does not repeat the message; the serialiser puts it first.
#[derive(Debug)]
struct Told {
    kind: String,
    message: String,
    details: String,
}

impl Suite {
    fn totals(&self) -> Totals {
        self.cases.iter().fold(Totals::default(), |mut totals, case| {
            totals.tests += 1;
            match case.result {
                CaseResult::Passed => {}
                CaseResult::Failure(_) => totals.failures += 1,
                CaseResult::Error(_) => totals.errors += 1,
                CaseResult::Skipped(_) => totals.skipped += 1,
            }
            totals
        })
    }

    fn time(&self) -> Seconds {
        self.cases.iter().map(|case| case.time).sum()
    }
}

impl Totals {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }
}
