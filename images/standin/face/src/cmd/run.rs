//! Running what was parsed: order, redirection, pipes, `if`.

use std::fs::{File, OpenOptions};
use std::io;
use std::sync::{Arc, Mutex};

use super::node::{Condition, Join, Node, Redirection, Target, Test};
use super::{Flow, Shell};
use crate::process::{Handles, Input, Output};

impl Shell {
    pub(super) fn run(&mut self, node: &Node) -> Flow {
        if self.process.cancel.is_cancelled() {
            return Flow::Cancelled;
        }
        match node {
            Node::Command { text, redirections } => self.redirected(redirections, |shell| {
                let text = shell.expand_late(text);
                shell.run_command(&text)
            }),
            Node::Group { body, redirections } => self.redirected(redirections, |shell| shell.run(body)),
            Node::Sequence(nodes) => {
                let mut last = Flow::Done(0);
                for node in nodes {
                    last = self.run(node);
                    if !matches!(last, Flow::Done(_)) {
                        break;
                    }
                }
                last
            }
            Node::Pair { left, join, right } => match self.run(left) {
                Flow::Done(code) => match join {
                    Join::IfDone if code == 0 => self.run(right),
                    Join::IfFailed if code != 0 => self.run(right),
                    Join::IfDone | Join::IfFailed => Flow::Done(code),
                },
                other => other,
            },
            Node::Pipe { left, right } => self.run_pipe(left, right),
            Node::If { condition, then, otherwise } => {
                if self.holds(condition) {
                    self.run(then)
                } else {
                    otherwise.as_ref().map_or(Flow::Done(0), |node| self.run(node))
                }
            }
            Node::For { kind, variable, set, body } => self.run_for(kind, *variable, set, body),
        }
    }

    /// Both sides run in shells of their own, one after the other.
    fn run_pipe(&mut self, left: &Node, right: &Node) -> Flow {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let writing = Handles { stdout: Output::Buffer(Arc::clone(&buffer)), ..self.process.handles.clone() };
        if self.aside(writing).run(left) == Flow::Cancelled {
            return Flow::Cancelled;
        }
        let held = std::mem::take(&mut *crate::text::lock(&buffer));
        let reading = Handles { stdin: Input::bytes(held), ..self.process.handles.clone() };
        let mut shell = self.aside(reading);
        match shell.run(right) {
            Flow::Cancelled => Flow::Cancelled,
            Flow::Done(code) | Flow::Exit(code) | Flow::Leave(code) => {
                self.error_level = code;
                Flow::Done(code)
            }
            Flow::Goto(_) => Flow::Done(1),
        }
    }

    /// A shell that knows what this one knows and whose changes are lost.
    pub(super) fn aside(&self, handles: Handles) -> Self {
        let mut process = self.process.clone();
        process.handles = handles;
        let mut shell = Self::new(process);
        shell.error_level = self.error_level;
        shell.delayed = self.delayed;
        shell.loops.clone_from(&self.loops);
        shell.echo = false;
        shell
    }

    fn redirected(&mut self, redirections: &[Redirection], run: impl FnOnce(&mut Self) -> Flow) -> Flow {
        if redirections.is_empty() {
            return run(self);
        }
        let before = self.process.handles.clone();
        for redirection in redirections {
            if let Err(error) = self.redirect(redirection) {
                self.process.handles = before;
                self.process.err(open_message(&error));
                self.error_level = 1;
                return Flow::Done(1);
            }
        }
        let flow = run(self);
        self.process.handles = before;
        flow
    }

    fn redirect(&mut self, redirection: &Redirection) -> io::Result<()> {
        let output = match &redirection.target {
            Target::Handle(1) => self.process.handles.stdout.clone(),
            Target::Handle(2) => self.process.handles.stderr.clone(),
            Target::Handle(_) => return Ok(()),
            Target::From(name) => {
                let name = self.expand_late(name);
                self.process.handles.stdin =
                    if is_nul(&name) { Input::Nul } else { Input::bytes(std::fs::read(self.process.resolve(&name))?) };
                return Ok(());
            }
            Target::To(name) | Target::Append(name) => {
                let name = self.expand_late(name);
                if is_nul(&name) {
                    Output::Nul
                } else if name.eq_ignore_ascii_case("con") {
                    self.process.handles.stdout.clone()
                } else {
                    let path = self.process.resolve(&name);
                    let file = if matches!(redirection.target, Target::To(_)) {
                        File::create(path)?
                    } else {
                        OpenOptions::new().create(true).append(true).open(path)?
                    };
                    Output::File(Arc::new(Mutex::new(file)))
                }
            }
        };
        match redirection.handle {
            1 => self.process.handles.stdout = output,
            2 => self.process.handles.stderr = output,
            _ => {}
        }
        Ok(())
    }

    fn holds(&self, condition: &Condition) -> bool {
        let late = |text: &String| self.expand_late(text);
        let holds = match &condition.test {
            Test::ErrorLevel(number) => late(number).trim().parse::<i32>().is_ok_and(|it| self.error_level >= it),
            Test::Exist(path) => self.exists(&late(path)),
            Test::Defined(name) => self.variable(&late(name)).is_some(),
            Test::Compare { left, operator, right } => compare(&late(left), operator, &late(right), condition.any_case),
        };
        holds != condition.not
    }

    fn exists(&self, path: &str) -> bool {
        let path = path.replace('"', "");
        if path.contains(['*', '?']) {
            return !self.matching(&path).is_empty();
        }
        if is_nul(&path) {
            return true;
        }
        let at = self.process.resolve(&path);
        if path.ends_with(['\\', '/']) { at.is_dir() } else { at.exists() }
    }
}

/// Whether a name is the NUL device, alone or at the end of a path.
pub(super) fn is_nul(name: &str) -> bool {
    let name = name.trim_matches('"').trim_end_matches(':');
    name.rsplit(['\\', '/']).next().is_some_and(|it| it.eq_ignore_ascii_case("nul"))
}

/// What cmd says when it cannot open a file.
pub(super) fn open_message(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound if error.raw_os_error() == Some(2) => "The system cannot find the path specified.",
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "The system cannot find the path specified.",
        io::ErrorKind::StorageFull => "There is not enough space on the disk.",
        _ => "Access is denied.",
    }
}

fn compare(left: &str, operator: &str, right: &str, any_case: bool) -> bool {
    let (left, right) =
        if any_case { (left.to_lowercase(), right.to_lowercase()) } else { (left.into(), right.into()) };
    if operator == "==" {
        return left == right;
    }
    let order = match (number(&left), number(&right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(&right),
    };
    match operator {
        "equ" => order.is_eq(),
        "neq" => order.is_ne(),
        "lss" => order.is_lt(),
        "leq" => order.is_le(),
        "gtr" => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// A number as `set /a` and comparisons read it: decimal, `0x` hexadecimal or `0` octal.
pub(super) fn number(text: &str) -> Option<i32> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let value = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8).ok()?
    } else {
        digits.parse::<i64>().ok()?
    };
    i32::try_from(sign * value).ok()
}
