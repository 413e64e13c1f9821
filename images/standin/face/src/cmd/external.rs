//! From a command's text to what runs: internal command, tool, batch file.

use super::{Flow, Shell, builtins};
use crate::process::Process;
use crate::tools::{self, Arguments, Tool};

/// What a name stands for.
enum Program {
    Tool(Tool),
    Batch(String),
    /// A file that Windows would run and the stand-in cannot: its path, and whether it is a PE image at all.
    Foreign(String, bool),
    Missing,
    /// Its directory does not exist.
    MissingPath,
}

/// Splits a command line into arguments as programs built with Microsoft's runtime do: quotes group, `\"` is a quote.
pub(crate) fn split_arguments(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut any) = (false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let mut slashes = 1;
                while letters.next_if_eq(&'\\').is_some() {
                    slashes += 1;
                }
                if letters.peek() == Some(&'"') {
                    word.extend(std::iter::repeat_n('\\', slashes / 2));
                    if slashes % 2 == 1 {
                        letters.next();
                        word.push('"');
                    }
                } else {
                    word.extend(std::iter::repeat_n('\\', slashes));
                }
                any = true;
            }
            '"' => {
                if quoted && letters.next_if_eq(&'"').is_some() {
                    word.push('"');
                } else {
                    quoted = !quoted;
                }
                any = true;
            }
            ' ' | '\t' if !quoted => {
                if any {
                    words.push(std::mem::take(&mut word));
                    any = false;
                }
            }
            _ => {
                word.push(letter);
                any = true;
            }
        }
    }
    if any {
        words.push(word);
    }
    words
}

/// Directories whose programs are the tools.
fn is_tool_directory(directory: &str) -> bool {
    let lower = directory.trim_end_matches('\\').to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "c:\\windows\\system32" | "c:\\windows\\syswow64" | "c:\\windows\\sysnative" | "c:\\windows\\system32\\openssh"
    )
}

impl Shell {
    /// Runs one command, its redirections done and its variables replaced.
    pub(super) fn run_command(&mut self, text: &str) -> Flow {
        self.dispatch(text, false)
    }

    pub(super) fn dispatch(&mut self, text: &str, called: bool) -> Flow {
        let text = text.trim_start_matches([' ', '\t', ',', ';', '=']);
        if text.is_empty() || text.starts_with(':') {
            return Flow::Done(0);
        }
        let (name, arguments) = split_name(text);
        if !name.starts_with('"') {
            let letters = text.find(|it: char| !it.is_ascii_alphabetic()).unwrap_or(text.len());
            let (word, rest) = text.split_at(letters);
            let ends = rest.chars().next().is_none_or(|it| " \t,;=./\\:[](+\"".contains(it));
            let is_file = rest.starts_with('.') && has_program_extension(name);
            if ends
                && !is_file
                && let Some(run) = builtins::find(word)
            {
                return run(self, rest);
            }
        }
        let name = name.replace('"', "");
        match find_program(&self.process, &name) {
            Program::Tool(tool) => {
                let mut process = self.process.clone();
                let code = tool(&mut process, &Arguments::new(arguments));
                if self.process.cancel.is_cancelled() {
                    return Flow::Cancelled;
                }
                self.error_level = code.cast_signed();
                Flow::Done(self.error_level)
            }
            Program::Batch(path) => {
                let inside = !self.frames.is_empty();
                match self.run_batch(&path, &name, arguments) {
                    // A batch file that is run without `call` does not come back.
                    Flow::Done(code) if inside && !called => Flow::Leave(code),
                    other => other,
                }
            }
            Program::Foreign(path, true) => {
                self.process.err(format!("The stand-in has no processor for the program {path}."));
                self.fail(0xC000_0135_u32.cast_signed())
            }
            Program::Foreign(path, false) => {
                self.process.err(format!(
                    "This version of {path} is not compatible with the version of Windows you're running. Check your \
                     computer's system information and then contact the software publisher."
                ));
                self.fail(216)
            }
            Program::MissingPath => {
                self.process.err("The system cannot find the path specified.");
                self.fail(1)
            }
            Program::Missing => {
                self.process.err(format!("'{name}' is not recognized as an internal or external command,"));
                self.process.err("operable program or batch file.");
                self.error_level = 9009;
                Flow::Done(1)
            }
        }
    }

    pub(super) fn fail(&mut self, code: i32) -> Flow {
        self.error_level = code;
        Flow::Done(code)
    }
}

/// The name of the program, quotes and all, and the rest with its leading separator.
fn split_name(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ' ' | '\t' | ',' | ';' | '=' if !quoted => return text.split_at(at),
            // `ping/n` is `ping /n`, but a path may hold slashes.
            '/' if !quoted && !text[..at].contains([':', '\\', '.']) && at > 0 => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

fn has_program_extension(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    [".exe", ".com", ".bat", ".cmd"].iter().any(|end| lower.ends_with(end))
}

fn find_program(process: &Process, name: &str) -> Program {
    let name = name.replace('/', "\\");
    if name.contains(['\\', ':']) {
        let full = process.absolute(&name);
        let (directory, file) = full.rsplit_once('\\').unwrap_or(("C:", &full));
        return in_directory(process, directory, file).unwrap_or_else(|| {
            if process.resolve(directory).is_dir() { Program::Missing } else { Program::MissingPath }
        });
    }
    let path = process.environment.get("PATH").unwrap_or_default().to_owned();
    std::iter::once(process.directory.as_str())
        .chain(path.split(';').map(str::trim).filter(|it| !it.is_empty()))
        .find_map(|directory| in_directory(process, directory, &name))
        .unwrap_or(Program::Missing)
}

fn in_directory(process: &Process, directory: &str, file: &str) -> Option<Program> {
    if is_tool_directory(directory)
        && let Some(tool) = tools::find(file)
    {
        return Some(Program::Tool(tool));
    }
    let folder = process.resolve(directory);
    if !folder.is_dir() {
        return None;
    }
    let extensions = process.environment.get("PATHEXT").unwrap_or_default().to_owned();
    let dotted = if file.contains('.') { Some("") } else { None };
    for extension in dotted.into_iter().chain(extensions.split(';')) {
        let full = format!("{}\\{file}{extension}", directory.trim_end_matches('\\'));
        let at = process.resolve(&full);
        if !at.is_file() {
            continue;
        }
        let lower = full.to_ascii_lowercase();
        if lower.ends_with(".bat") || lower.ends_with(".cmd") {
            return Some(Program::Batch(process.absolute(&full)));
        }
        if lower.ends_with(".exe") || lower.ends_with(".com") {
            let pe = std::fs::read(&at).is_ok_and(|bytes| bytes.starts_with(b"MZ"));
            return Some(Program::Foreign(full, pe));
        }
    }
    None
}

/// Runs a program by its command line, as the system does: no internal commands, no redirection, no console. None when
/// there is no such program.
pub(crate) fn create_process(process: &Process, line: &str, directory: &str) -> Option<u32> {
    use crate::process::{Handles, Input, Output};
    let mut process = process.clone();
    process.handles = Handles { stdin: Input::Nul, stdout: Output::Nul, stderr: Output::Nul };
    if process.resolve(directory).is_dir() && !directory.is_empty() {
        process.directory = process.absolute(directory);
    }
    let (name, arguments) = split_name(line.trim_start());
    let name = name.replace('"', "");
    match find_program(&process, &name) {
        Program::Tool(tool) => Some(tool(&mut process, &Arguments::new(arguments))),
        Program::Batch(path) => match Shell::new(process).run_batch(&path, &name, arguments) {
            Flow::Done(code) | Flow::Exit(code) | Flow::Leave(code) => Some(code.cast_unsigned()),
            Flow::Goto(_) => Some(1),
            Flow::Cancelled => Some(crate::process::CANCELLED),
        },
        Program::Foreign(..) | Program::Missing | Program::MissingPath => None,
    }
}

/// Path of the file that a name stands for, for `where`.
pub(crate) fn all_places(process: &Process, name: &str) -> Vec<String> {
    let path = process.environment.get("PATH").unwrap_or_default().to_owned();
    let extensions = process.environment.get("PATHEXT").unwrap_or_default().to_owned();
    let mut places: Vec<String> = Vec::new();
    for directory in std::iter::once(process.directory.as_str()).chain(path.split(';')) {
        for extension in std::iter::once("").chain(extensions.split(';')) {
            let full = process.absolute(&format!("{}\\{name}{extension}", directory.trim_end_matches('\\')));
            let at = process.resolve(&full);
            if at.is_file() && !places.iter().any(|it| it.eq_ignore_ascii_case(&full)) {
                places.push(process.system.volume.windows_path(&at));
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_split_as_the_runtime_does() {
        for (text, expected) in [
            (r#" a "b c" d"#, vec!["a", "b c", "d"]),
            (r#"TARGET="C:\Program Files\x" /q"#, vec![r"TARGET=C:\Program Files\x", "/q"]),
            (r#""C:\dir\\" x"#, vec![r"C:\dir\", "x"]),
            (r#"say \"hi\""#, vec!["say", "\"hi\""]),
            (r#""" b"#, vec!["", "b"]),
        ] {
            assert_eq!(split_arguments(text), expected, "{text}");
        }
    }
}
