//! Other programs, run where a newcomer can see what is run.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// A command in a folder.
pub(crate) fn command(root: &Path, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root);
    command
}

/// Cargo, the one that runs us.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(root, cargo, arguments)
}

/// A program of this workspace that was built: it lies beside this one.
///
/// # Errors
/// When it is not there.
pub(crate) fn built(name: &str) -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| format!("this program does not know where it is: {error}"))?;
    let program = this.with_file_name(name);
    if program.is_file() { Ok(program) } else { Err(format!("{} was not built", program.display())) }
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started or does not end with 0.
pub(crate) fn run(mut command: Command) -> Result<(), String> {
    let status = command.status().map_err(|error| cannot_start(&command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", shown(&command))) }
}

/// Runs a command, passes its standard output on line by line and gives each line to `see`.
pub(crate) fn watch(mut command: Command, see: impl FnMut(&str)) -> Result<ExitStatus, String> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(&command, &error))?;
    see_lines(child.stdout.take(), see)?;
    child.wait().map_err(|error| error.to_string())
}

/// Runs a command, gives each line of its standard error to `see`, and shows it.
pub(crate) fn watch_errors(mut command: Command, mut see: impl FnMut(&str)) -> Result<ExitStatus, String> {
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(|error| cannot_start(&command, &error))?;
    see_lines(child.stderr.take(), |line| {
        eprintln!("{line}");
        see(line);
    })?;
    child.wait().map_err(|error| error.to_string())
}

fn see_lines(output: Option<impl Read>, mut see: impl FnMut(&str)) -> Result<(), String> {
    let Some(output) = output else { return Ok(()) };
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(|error| error.to_string())?;
        see(&String::from_utf8_lossy(&line));
    }
    Ok(())
}

/// Standard output of a command that ends with 0; nothing otherwise.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("{} cannot be started: {error}", shown(command))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
