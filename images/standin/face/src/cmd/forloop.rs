//! `for` in its five forms.

use std::sync::{Arc, Mutex};

use super::node::{ForKind, Node};
use super::run::number;
use super::{Flow, Shell};
use crate::process::{Handles, Output};
use crate::text::{decode, lock};

impl Shell {
    pub(super) fn run_for(&mut self, kind: &ForKind, variable: char, set: &str, body: &Node) -> Flow {
        let set = self.expand_late(set);
        match kind {
            ForKind::Counter => self.count(variable, &set, body),
            ForKind::Lines(options) => {
                let options = self.expand_late(options);
                self.for_lines(&options, variable, &set, body)
            }
            ForKind::Plain | ForKind::Directories => {
                let mut values = Vec::new();
                for word in super::batch::batch_arguments(&set) {
                    if word.contains(['*', '?']) {
                        let pattern = word.replace('"', "");
                        let folder = pattern.rfind(['\\', '/']).map_or("", |at| &pattern[..=at]).to_owned();
                        let directories = *kind == ForKind::Directories;
                        let found = self.matching(&pattern);
                        values.extend(
                            found
                                .iter()
                                .filter(|it| it.is_dir() == directories)
                                .filter_map(|it| it.file_name())
                                .map(|name| format!("{folder}{}", name.to_string_lossy())),
                        );
                    } else {
                        values.push(word);
                    }
                }
                self.each(values, variable, body)
            }
            ForKind::Recursive(root) => {
                let root = self.process.absolute(if root.is_empty() { "." } else { root });
                let mut folders = vec![root];
                let mut values = Vec::new();
                while let Some(folder) = folders.pop() {
                    for word in super::batch::batch_arguments(&set) {
                        if word.contains(['*', '?']) {
                            let found = self.matching(&format!("{folder}\\{word}"));
                            let files = found.iter().filter(|it| it.is_file());
                            values.extend(files.map(|it| self.process.system.volume.windows_path(it)));
                        } else {
                            values.push(format!("{folder}\\{word}"));
                        }
                    }
                    let below = self.matching(&format!("{folder}\\*"));
                    let below = below.iter().rev().filter(|it| it.is_dir());
                    folders.extend(below.map(|it| self.process.system.volume.windows_path(it)));
                }
                self.each(values, variable, body)
            }
        }
    }

    fn count(&mut self, variable: char, set: &str, body: &Node) -> Flow {
        let numbers: Vec<i64> =
            super::batch::batch_arguments(set).iter().map(|it| number(it).unwrap_or(0).into()).collect();
        let &[mut at, step, end] = numbers.as_slice() else {
            return Flow::Done(0);
        };
        let mut last = Flow::Done(0);
        while (step >= 0 && at <= end) || (step < 0 && at >= end) {
            self.loops.push((variable, at.to_string()));
            last = self.run(body);
            self.loops.pop();
            if !matches!(last, Flow::Done(_)) {
                break;
            }
            at += step;
        }
        last
    }

    fn each(&mut self, values: Vec<String>, variable: char, body: &Node) -> Flow {
        let mut last = Flow::Done(0);
        for value in values {
            self.loops.push((variable, value));
            last = self.run(body);
            self.loops.pop();
            if !matches!(last, Flow::Done(_)) {
                break;
            }
        }
        last
    }

    fn for_lines(&mut self, options: &str, variable: char, set: &str, body: &Node) -> Flow {
        let options = LineOptions::read(options);
        let set = set.trim();
        let unquoted = |quote: char| set.strip_prefix(quote).and_then(|it| it.strip_suffix(quote));
        let command_quote = if options.back_quotes { '`' } else { '\'' };
        let string_quote = if options.back_quotes { '\'' } else { '"' };
        let text = if let Some(command) = unquoted(command_quote) {
            let buffer = Arc::new(Mutex::new(Vec::new()));
            let handles = Handles { stdout: Output::Buffer(Arc::clone(&buffer)), ..self.process.handles.clone() };
            if self.aside(handles).run_line(command) == Flow::Cancelled {
                return Flow::Cancelled;
            }
            let bytes = std::mem::take(&mut *lock(&buffer));
            decode(&bytes)
        } else if let Some(text) = unquoted(string_quote) {
            text.to_owned()
        } else {
            let mut text = String::new();
            for name in super::batch::batch_arguments(set) {
                match std::fs::read(self.process.resolve(&name)) {
                    Ok(bytes) => text.push_str(&decode(&bytes)),
                    Err(_) => {
                        self.process.err(format!("The system cannot find the file {}.", name.trim_matches('"')));
                        return Flow::Done(1);
                    }
                }
            }
            text
        };
        let mut last = Flow::Done(0);
        for line in text.lines().skip(options.skip) {
            let Some(values) = options.tokens(line) else { continue };
            let depth = self.loops.len();
            for (offset, value) in values.into_iter().enumerate() {
                let letter = u32::from(variable) + u32::try_from(offset).unwrap_or(0);
                self.loops.push((char::from_u32(letter).unwrap_or(variable), value));
            }
            last = self.run(body);
            self.loops.truncate(depth);
            if !matches!(last, Flow::Done(_)) {
                break;
            }
        }
        last
    }
}

/// `for /f "…"`
struct LineOptions {
    skip: usize,
    end_of_line: Option<char>,
    delimiters: String,
    /// Token numbers, from 1, in order; then whether the rest of the line follows.
    wanted: Vec<usize>,
    rest: bool,
    back_quotes: bool,
}

impl LineOptions {
    fn read(text: &str) -> Self {
        let mut this = Self {
            skip: 0,
            end_of_line: Some(';'),
            delimiters: " \t".to_owned(),
            wanted: vec![1],
            rest: false,
            back_quotes: false,
        };
        let text = text.trim_matches('"');
        let mut rest = text;
        while !rest.trim_start().is_empty() {
            rest = rest.trim_start();
            let lower = rest.to_ascii_lowercase();
            if lower.starts_with("usebackq") {
                this.back_quotes = true;
                rest = &rest[8..];
            } else if lower.starts_with("delims=") {
                // As the last option its list may hold a blank.
                let value = &rest[7..];
                let end =
                    if value.trim_end().contains(' ') { value.find(' ').unwrap_or(value.len()) } else { value.len() };
                value[..end].clone_into(&mut this.delimiters);
                rest = &value[end..];
            } else if lower.starts_with("eol=") {
                this.end_of_line = rest[4..].chars().next();
                rest = rest.get(5..).unwrap_or("");
            } else {
                let end = rest.find(' ').unwrap_or(rest.len());
                if let Some(number) = lower[..end].strip_prefix("skip=") {
                    this.skip = number.parse().unwrap_or(0);
                } else if let Some(list) = lower[..end].strip_prefix("tokens=") {
                    this.wanted.clear();
                    for part in list.split(',') {
                        let part = part.strip_suffix('*').inspect(|_| this.rest = true).unwrap_or(part);
                        match part.split_once('-').map(|(from, to)| (from.parse::<usize>(), to.parse::<usize>())) {
                            Some((Ok(from), Ok(to))) => this.wanted.extend(from..=to.min(31)),
                            _ => this.wanted.extend(part.parse::<usize>()),
                        }
                    }
                }
                rest = &rest[end..];
            }
        }
        this
    }

    /// The values of a line; none when the line is skipped.
    fn tokens(&self, line: &str) -> Option<Vec<String>> {
        if line.is_empty() || (line.chars().next() == self.end_of_line && self.end_of_line.is_some()) {
            return None;
        }
        let is_delimiter = |letter: char| self.delimiters.contains(letter);
        let last = self.wanted.iter().max().copied().unwrap_or(0);
        let mut found = Vec::new();
        let mut rest = line;
        while found.len() < last {
            rest = rest.trim_start_matches(is_delimiter);
            if rest.is_empty() {
                break;
            }
            let end = rest.find(is_delimiter).unwrap_or(rest.len());
            found.push(&rest[..end]);
            rest = &rest[end..];
        }
        if found.is_empty() && last > 0 {
            return None;
        }
        let mut values: Vec<String> = self
            .wanted
            .iter()
            .map(|number| number.checked_sub(1).and_then(|at| found.get(at)).copied().unwrap_or("").to_owned())
            .collect();
        if self.rest {
            let mut letters = rest.chars();
            if last > 0 && letters.as_str().starts_with(is_delimiter) {
                letters.next();
            }
            values.push(letters.as_str().trim_start_matches(is_delimiter).to_owned());
        }
        Some(values)
    }
}
