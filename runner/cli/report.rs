//! `coexist report`: the reports of a run, from its record alone.

use std::path::Path;

use coexist_exec::{RunFolder, read_log};
use coexist_model::{Exit, Run};
use coexist_reports::{JunitOptions, Report, summary_text, write_reports};

use crate::args::ReportArgs;
use crate::{complain, say};

/// Writes the reports again and prints the summary.
pub(crate) fn report(args: &ReportArgs) -> Exit {
    let folder = RunFolder::new(&args.run);
    let events = match read_log(&folder.events()) {
        Ok(events) => events,
        Err(error) => {
            complain(&error);
            return Exit::Usage;
        }
    };
    let run = match Run::fold(events) {
        Ok(run) => run,
        Err(error) => {
            complain(&error);
            return Exit::Usage;
        }
    };
    publish(&run, &folder)
}

/// Writes every report and prints the summary; the exit code is the run's, unless a report could not be written.
pub(crate) fn publish(run: &Run, folder: &RunFolder) -> Exit {
    let verdicts = coexist_judge::verdicts(run);
    let report = match Report::new(run, &verdicts) {
        Ok(report) => report,
        Err(error) => {
            complain(&error);
            return Exit::ReportNotWritten;
        }
    };
    let mut text = summary_text(report);
    match write_reports(report, folder.root(), &junit_options(folder)) {
        Ok(written) => {
            text.push_str(&format!("reports: {}\n", shown(&written.index_html)));
            written.junit.iter().for_each(|file| text.push_str(&format!("         {}\n", shown(file))));
            say::say(&text, report.exit())
        }
        Err(error) => {
            let exit = say::say(&text, Exit::ReportNotWritten);
            complain(&error);
            exit
        }
    }
}

/// CI systems look for attachments relative to the workspace, which is where they start us.
pub(crate) fn junit_options(folder: &RunFolder) -> JunitOptions {
    JunitOptions { folder: shown(folder.root()).replace('\\', "/"), ..JunitOptions::default() }
}

/// A path as the user would type it: relative to where the program was started, where it lies below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
