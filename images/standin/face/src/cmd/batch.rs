//! Batch files: read line by line, with arguments and labels.

use super::parse::{self, SyntaxError};
use super::{Flow, Shell};
use crate::Process;
use crate::text::decode;

/// Batch files within batch files that may run at a time.
const DEEPEST: usize = 32;

/// A batch file, or a routine in it, that is being run.
pub(crate) struct Frame {
    /// Full Windows path.
    path: String,
    lines: Vec<String>,
    /// Next line.
    at: usize,
    /// `%0`, `%1` …
    arguments: Vec<String>,
    /// What `setlocal` put aside.
    pub(super) locals: Vec<(crate::Environment, bool, String)>,
}

impl Frame {
    /// The argument that text after a percent sign names (`1`, `*`, `~dp0`), and what follows it.
    pub(super) fn argument<'a>(&self, after: &'a str, process: &Process) -> Option<(String, &'a str)> {
        if let Some(tail) = after.strip_prefix('*') {
            return Some((self.arguments.get(1..).unwrap_or_default().join(" "), tail));
        }
        let (modifiers, tail) = match after.strip_prefix('~') {
            Some(tail) => {
                let end = tail.find(|it: char| !it.is_ascii_alphabetic())?;
                (Some(&tail[..end]), &tail[end..])
            }
            None => (None, after),
        };
        let index = tail.chars().next()?.to_digit(10)? as usize;
        let value = self.arguments.get(index).cloned().unwrap_or_default();
        let value = match modifiers {
            // %~dp0 is the file's place whatever it was called by.
            Some(modifiers) if index == 0 && !modifiers.is_empty() => {
                super::expand::modified(&self.path, modifiers, process)
            }
            Some("") => value.trim_matches('"').to_owned(),
            Some(_) if value.is_empty() => String::new(),
            Some(modifiers) => super::expand::modified(&value, modifiers, process),
            None => value,
        };
        Some((value, &tail[1..]))
    }

    /// `shift`
    pub(super) fn shift(&mut self) {
        if !self.arguments.is_empty() {
            self.arguments.remove(0);
        }
    }

    /// Moves behind a label: forward first, then from the top.
    fn go_to(&mut self, label: &str) -> bool {
        let wanted = label.trim().to_lowercase();
        let is_it = |line: &String| {
            line.trim_start_matches([' ', '\t', ',', ';', '=']).strip_prefix(':').is_some_and(|it| {
                it.trim().split([' ', '\t', ':', '&', '|']).next().unwrap_or("").to_lowercase() == wanted
            })
        };
        let forward = self.lines[self.at.min(self.lines.len())..].iter().position(is_it).map(|at| at + self.at);
        match forward.or_else(|| self.lines.iter().position(is_it)) {
            Some(line) => {
                self.at = line + 1;
                true
            }
            None => false,
        }
    }
}

/// Splits a batch file's arguments: at blanks, commas, semicolons and equal signs outside quotes, which stay.
pub(super) fn batch_arguments(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for letter in text.chars() {
        if letter == '"' {
            quoted = !quoted;
        }
        if !quoted && matches!(letter, ' ' | '\t' | ',' | ';' | '=') {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(letter);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

impl Shell {
    /// Runs a batch file; `path` is its full Windows path.
    pub(super) fn run_batch(&mut self, path: &str, called_as: &str, arguments: &str) -> Flow {
        let text = match std::fs::read(self.process.system.volume.resolve(path)) {
            Ok(bytes) => decode(&bytes),
            Err(_) => {
                self.process.err("The system cannot find the file specified.");
                return Flow::Done(1);
            }
        };
        let lines = text.lines().map(|line| line.trim_end_matches(['\r', '\u{1a}']).to_owned()).collect();
        let mut words = vec![called_as.to_owned()];
        words.extend(batch_arguments(arguments));
        self.run_frame(Frame { path: path.to_owned(), lines, at: 0, arguments: words, locals: Vec::new() })
    }

    /// `call :label arguments`
    pub(super) fn call_label(&mut self, label: &str, arguments: &str) -> Flow {
        let Some(frame) = self.frames.last() else {
            self.process.err("Invalid attempt to call batch label outside of batch script.");
            self.error_level = 1;
            return Flow::Done(1);
        };
        let mut words = vec![format!(":{label}")];
        words.extend(batch_arguments(arguments));
        let mut routine = Frame {
            path: frame.path.clone(),
            lines: frame.lines.clone(),
            at: frame.at,
            arguments: words,
            locals: Vec::new(),
        };
        if !routine.go_to(label) {
            self.process.err(format!("The system cannot find the batch label specified - {label}"));
            self.error_level = 1;
            return Flow::Done(1);
        }
        self.run_frame(routine)
    }

    fn run_frame(&mut self, frame: Frame) -> Flow {
        if self.frames.len() >= DEEPEST {
            self.process.err("******  B A T C H   R E C U R S I O N  exceeds STACK limits ******");
            return Flow::Exit(1);
        }
        self.frames.push(frame);
        let loops = std::mem::take(&mut self.loops);
        let flow = self.run_lines();
        self.loops = loops;
        while self.end_local() {}
        self.frames.pop();
        match flow {
            Flow::Done(_) => Flow::Done(self.error_level),
            Flow::Leave(code) => {
                self.error_level = code;
                Flow::Done(code)
            }
            other => other,
        }
    }

    fn next_line(&mut self) -> Option<String> {
        let frame = self.frames.last_mut()?;
        let line = frame.lines.get(frame.at).cloned();
        frame.at += 1;
        line
    }

    fn run_lines(&mut self) -> Flow {
        while let Some(line) = self.next_line() {
            if self.process.cancel.is_cancelled() {
                return Flow::Cancelled;
            }
            let start = line.trim_start_matches([' ', '\t', ',', ';', '=']);
            if start.is_empty() || start.starts_with(':') {
                continue;
            }
            let mut text = self.expand_percent(&line);
            let parsed = loop {
                let continued = text.ends_with('^') && !text.ends_with("^^");
                match parse::parse(&text) {
                    Ok(_) if continued => {}
                    Err(SyntaxError::Incomplete) => {}
                    other => break other,
                }
                let Some(more) = self.next_line() else { break parse::parse(&text) };
                let more = self.expand_percent(&more);
                if continued {
                    text.pop();
                } else {
                    text.push('\n');
                }
                // Labels inside parentheses are comments.
                if !more.trim_start().starts_with(':') {
                    text.push_str(&more);
                }
            };
            if self.echo && !start.starts_with('@') {
                let prompt = format!("\r\n{}>{}", self.process.directory, text.trim_end());
                self.process.out(prompt);
            }
            let flow = match parsed {
                Ok(None) => Flow::Done(0),
                Ok(Some(node)) => self.run(&node),
                Err(error) => self.syntax_error(&error),
            };
            match flow {
                Flow::Done(_) => {}
                Flow::Goto(label) if label.eq_ignore_ascii_case(":eof") => return Flow::Done(self.error_level),
                Flow::Goto(label) => {
                    let label = label.trim_start_matches(':').to_owned();
                    let found = self.frames.last_mut().is_some_and(|frame| frame.go_to(&label));
                    if !found {
                        self.process.err(format!("The system cannot find the batch label specified - {label}"));
                        // The whole batch ends; its callers do not. [K]
                        return Flow::Leave(1);
                    }
                }
                other => return other,
            }
        }
        Flow::Done(self.error_level)
    }

    /// `setlocal`
    pub(super) fn set_local(&mut self, arguments: &str) {
        let delayed = self.delayed;
        if let Some(frame) = self.frames.last_mut() {
            frame.locals.push((self.process.environment.clone(), delayed, self.process.directory.clone()));
            for word in arguments.split_whitespace() {
                if word.eq_ignore_ascii_case("enabledelayedexpansion") {
                    self.delayed = true;
                } else if word.eq_ignore_ascii_case("disabledelayedexpansion") {
                    self.delayed = false;
                }
            }
        }
    }

    /// `endlocal`; false when there is nothing to end.
    pub(super) fn end_local(&mut self) -> bool {
        let Some((environment, delayed, directory)) = self.frames.last_mut().and_then(|it| it.locals.pop()) else {
            return false;
        };
        self.process.environment = environment;
        self.process.directory = directory;
        self.delayed = delayed;
        true
    }
}
