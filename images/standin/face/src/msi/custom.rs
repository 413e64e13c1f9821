//! Custom actions: programs by command line (18, 34, 50), properties (51), directories (35) and errors (19).

use super::condition::Facts;
use super::journal::Undo;
use super::session::{Failed, Session, Step};

const CONTINUE: i32 = 64;
const ASYNCHRONOUS: i32 = 128;
const ROLLBACK: i32 = 256;
const COMMIT: i32 = 512;
const IN_SCRIPT: i32 = 1024;

/// A program to run, its line already formatted.
#[derive(Debug, Clone)]
pub(super) struct Command {
    line: String,
    directory: String,
    /// Its exit code does not matter.
    lenient: bool,
}

impl Command {
    pub(super) fn undo(self) -> Undo {
        Undo::Command { line: self.line, directory: self.directory }
    }
}

/// Performs a custom action, or puts it into the script. A name that is neither custom nor standard is passed over, as are
/// standard actions that have nothing to do here.
pub(super) fn perform(session: &mut Session<'_>, name: &str) -> Result<(), Failed> {
    let Some(row) = session.package.rows("CustomAction").into_iter().find(|row| row.text("Action") == name) else {
        return Ok(());
    };
    let kind = row.number("Type").unwrap_or(0);
    let (source, target) = (row.text("Source"), row.text("Target"));
    let command = match kind & 63 {
        19 => {
            let text = session.format(&target);
            session.log.error(1709, &format!("Product: {} -- {text}", session.product_code()));
            return Err(Failed);
        }
        51 | 35 => {
            let value = session.format(&target);
            if kind & 63 == 35 {
                session.directories.insert(source.clone(), value.clone());
            }
            session.properties.insert(source, value);
            return Ok(());
        }
        34 => {
            let directory = session.directories.get(&source).cloned().or_else(|| Facts::property(session, &source));
            Command { line: session.format(&target), directory: directory.unwrap_or_default(), lenient: false }
        }
        18 => {
            let file = session.files.iter().find(|it| it.key == source).map(|it| it.path.clone()).unwrap_or_default();
            let directory = file.rsplit_once('\\').map_or_else(String::new, |(it, _)| it.to_owned());
            Command { line: format!("\"{file}\" {}", session.format(&target)), directory, lenient: false }
        }
        50 => {
            let program = session.properties.get(&source).cloned().unwrap_or_default();
            let line = format!("\"{program}\" {}", session.format(&target));
            Command { line, directory: String::new(), lenient: false }
        }
        other => {
            session.log.error(1723, &format!("Action {name}: type {other} cannot be run by the stand-in."));
            return if kind & CONTINUE != 0 { Ok(()) } else { Err(Failed) };
        }
    };
    // Nobody waits for an asynchronous action here either; its code is unknown at the end.
    let command = Command { lenient: kind & (CONTINUE | ASYNCHRONOUS) != 0, ..command };
    if kind & IN_SCRIPT == 0 {
        return execute(session, name, &command);
    }
    if !session.scripting {
        session.log.error(2762, &format!("Action {name} must stand between InstallInitialize and InstallFinalize."));
        return Err(Failed);
    }
    let step = if kind & ROLLBACK != 0 {
        Step::Rollback(command)
    } else if kind & COMMIT != 0 {
        Step::Commit(command)
    } else {
        Step::Command(command)
    };
    session.script.push((name.to_owned(), step));
    Ok(())
}

/// Runs a program and waits for it.
pub(super) fn execute(session: &mut Session<'_>, name: &str, command: &Command) -> Result<(), Failed> {
    session.log.line(&format!("Executing op: CustomActionSchedule(Action={name},Target={})", command.line));
    match crate::cmd::create_process(session.process, &command.line, &command.directory) {
        Some(0) => Ok(()),
        Some(code) => {
            session
                .log
                .error(1722, &format!("Action {name}: the program ended with {code}. Command: {}", command.line));
            if command.lenient { Ok(()) } else { Err(Failed) }
        }
        None => {
            session.log.error(1721, &format!("Action {name}: the program could not be run. Command: {}", command.line));
            if command.lenient { Ok(()) } else { Err(Failed) }
        }
    }
}
