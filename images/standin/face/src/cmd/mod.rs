//! `cmd.exe`: parsing, expansion, control flow, internal commands, batch files.
//!
//! ```text
//! line ─ expand %VAR% ─► parse ─► Node ─ run: expand %i and !VAR!, redirect ─► internal command | tool | batch file
//! ```
//! Wine's cmd 8.0 is the only one that could be run here; where Windows is known or believed to differ from it, Windows is
//! followed, and the test `oracle` lists the place with its reason.

mod arithmetic;
mod batch;
mod builtins;
mod expand;
mod external;
mod files;
mod forloop;
mod listing;
mod node;
#[cfg(test)]
mod oracle;
mod parse;
mod run;
#[cfg(test)]
mod tests;

pub(crate) use external::{all_places, create_process, split_arguments};

use crate::process::Process;

/// Characters in a command line. [K] MS KB 830473
const LONGEST_LINE: usize = 8191;
/// Shells within shells.
const MOST_SHELLS: u32 = 24;

/// How a piece of a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It ran and returned this; what `&&` and `||` look at.
    Done(i32),
    /// The shell ends with this code.
    Exit(i32),
    /// The batch file, or the routine in it, ends.
    Leave(i32),
    /// The batch file goes on at this label.
    Goto(String),
    /// The session is gone.
    Cancelled,
}

/// One cmd.exe.
pub(crate) struct Shell {
    pub(crate) process: Process,
    /// `%ERRORLEVEL%`.
    pub(crate) error_level: i32,
    /// Whether `!VAR!` is replaced.
    delayed: bool,
    /// Whether batch files show their commands.
    echo: bool,
    /// Variables of the `for` loops around, innermost last.
    loops: Vec<(char, String)>,
    /// Batch files being run, innermost last.
    frames: Vec<batch::Frame>,
    /// `pushd`.
    directories: Vec<String>,
}

/// What a run of cmd.exe was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    delayed: bool,
    command: Option<String>,
}

/// Reads `/c`, `/v:on` and the rest. The command follows `/c` up to the end of the line; when it begins with a quote, that
/// quote and the last one go, unless it is exactly one quoted program with nothing special in it (`cmd /?`).
fn options(line: &str) -> Options {
    let mut options = Options::default();
    let mut rest = line.trim_start();
    let mut strip_always = false;
    while let Some(switch) = rest.strip_prefix('/') {
        let end = switch.find([' ', '\t', '/', '"']).unwrap_or(switch.len());
        let (name, tail) = switch.split_at(end);
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            _ if lower.starts_with('c') || lower.starts_with('k') || lower.starts_with('r') => {
                let command = switch[1..].trim_start();
                options.command = Some(strip_outer_quotes(command, strip_always));
                return options;
            }
            "s" => strip_always = true,
            "v" | "v:on" => options.delayed = true,
            _ => {}
        }
        rest = tail.trim_start();
    }
    options
}

fn strip_outer_quotes(command: &str, always: bool) -> String {
    let Some(inner) = command.strip_prefix('"') else { return command.to_owned() };
    let quotes = command.matches('"').count();
    if !always && quotes == 2 && command.trim_end().ends_with('"') {
        let name = inner.trim_end().trim_end_matches('"');
        // The documentation also asks that the name be a program's; one with a space and nothing special is taken as such
        // when it has an extension.
        if !name.contains(['&', '<', '>', '(', ')', '@', '^', '|'])
            && name.contains(' ')
            && [".exe", ".cmd", ".bat", ".com"].iter().any(|end| name.to_ascii_lowercase().ends_with(end))
        {
            return command.to_owned();
        }
    }
    match inner.rfind('"') {
        Some(last) => format!("{}{}", &inner[..last], &inner[last + 1..]),
        None => inner.to_owned(),
    }
}

impl Shell {
    pub(crate) fn new(process: Process) -> Self {
        Self {
            process,
            error_level: 0,
            delayed: false,
            echo: true,
            loops: Vec::new(),
            frames: Vec::new(),
            directories: Vec::new(),
        }
    }

    /// Runs `cmd.exe` with what follows its name, such as `/c "dir"`, and returns its exit code.
    pub(crate) fn main(process: Process, arguments: &str) -> u32 {
        let options = options(arguments);
        let mut process = process;
        process.depth += 1;
        if process.depth > MOST_SHELLS {
            process.err("Not enough memory resources are available to process this command.");
            return 1;
        }
        if options.command.as_ref().is_some_and(|it| it.encode_utf16().count() > LONGEST_LINE) {
            process.err("The command line is too long.");
            return 1;
        }
        let mut shell = Self::new(process);
        shell.delayed = options.delayed;
        let flow = match options.command {
            Some(command) => shell.run_line(&command),
            None => shell.run_input(),
        };
        let code = match flow {
            // Return codes of the last command, not %ERRORLEVEL%: an unknown command makes `cmd /c` end in 1 although it
            // sets 9009. [K]; Wine 8.0 returns 9009.
            Flow::Done(code) | Flow::Exit(code) | Flow::Leave(code) => code,
            Flow::Goto(_) => 1,
            Flow::Cancelled => return crate::process::CANCELLED,
        };
        code.cast_unsigned()
    }

    /// Lines from standard input, as `cmd` without `/c` reads them.
    fn run_input(&mut self) -> Flow {
        while let Some(line) = self.process.handles.stdin.read_line() {
            match self.run_line(&line) {
                Flow::Done(_) | Flow::Leave(_) | Flow::Goto(_) => {}
                end => return end,
            }
        }
        Flow::Done(self.error_level)
    }

    /// One line as typed: `%` expansion, then all it says.
    fn run_line(&mut self, line: &str) -> Flow {
        let expanded = self.expand_percent(line);
        match parse::parse(&expanded) {
            Ok(None) => Flow::Done(0),
            Ok(Some(node)) => self.run(&node),
            Err(error) => self.syntax_error(&error),
        }
    }

    fn syntax_error(&mut self, error: &parse::SyntaxError) -> Flow {
        match error {
            parse::SyntaxError::Incomplete => self.process.err("The syntax of the command is incorrect."),
            parse::SyntaxError::Unexpected(token) => {
                self.process.err(format!("{token} was unexpected at this time."));
            }
        }
        self.error_level = 255;
        Flow::Exit(255)
    }
}
