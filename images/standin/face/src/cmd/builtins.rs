//! Internal commands that are not about files.

use super::{Flow, Shell, files, listing};
use crate::process::{Handles, Input, Output};

/// An internal command: it gets everything after its name, separator included.
pub(super) type Builtin = fn(&mut Shell, &str) -> Flow;

const TABLE: &[(&str, Builtin)] = &[
    ("assoc", quiet),
    ("break", quiet),
    ("call", call),
    ("cd", cd),
    ("chdir", cd),
    ("cls", quiet),
    ("color", quiet),
    ("copy", files::copy),
    ("date", show_date),
    ("del", files::del),
    ("dir", listing::dir),
    ("echo", echo),
    ("endlocal", endlocal),
    ("erase", files::del),
    ("exit", exit),
    ("goto", goto),
    ("md", files::md),
    ("mkdir", files::md),
    ("move", files::mov),
    ("path", path),
    ("pause", pause),
    ("popd", popd),
    ("prompt", quiet),
    ("pushd", pushd),
    ("rd", files::rd),
    ("rem", quiet),
    ("ren", files::ren),
    ("rename", files::ren),
    ("rmdir", files::rd),
    ("set", set),
    ("setlocal", setlocal),
    ("shift", shift),
    ("start", start),
    ("time", show_time),
    ("title", quiet),
    ("type", files::typ),
    ("ver", ver),
    ("verify", quiet),
    ("vol", vol),
];

pub(super) fn find(word: &str) -> Option<Builtin> {
    TABLE.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, run)| *run)
}

fn quiet(_: &mut Shell, _: &str) -> Flow {
    Flow::Done(0)
}

fn echo(shell: &mut Shell, rest: &str) -> Flow {
    let plain = rest.chars().next().is_none_or(|it| matches!(it, ' ' | '\t' | ',' | ';' | '='));
    let word = rest.trim_matches([' ', '\t', ',', ';', '=']);
    if plain && word.is_empty() {
        shell.process.out(if shell.echo { "ECHO is on." } else { "ECHO is off." });
    } else if plain && word.eq_ignore_ascii_case("off") {
        shell.echo = false;
    } else if plain && word.eq_ignore_ascii_case("on") {
        shell.echo = true;
    } else {
        shell.process.out(rest.get(1..).unwrap_or_default());
    }
    Flow::Done(0)
}

fn call(shell: &mut Shell, rest: &str) -> Flow {
    let text = shell.expand_percent(rest.trim_start());
    match text.strip_prefix(':') {
        Some(label) => {
            let (label, arguments) = label.split_once([' ', '\t']).unwrap_or((label, ""));
            shell.call_label(label, arguments)
        }
        None => shell.dispatch(&text, true),
    }
}

fn exit(shell: &mut Shell, rest: &str) -> Flow {
    let mut words = rest.split([' ', '\t', ',', ';', '=']).filter(|it| !it.is_empty()).peekable();
    let only_batch = words.next_if(|it| it.eq_ignore_ascii_case("/b")).is_some();
    let code = match words.next() {
        // Wraps at 32 bits, so that 3221225477 is an access violation's code.
        Some(text) => text.parse::<i64>().map_or(0, |it| (it & 0xffff_ffff) as u32).cast_signed(),
        None => shell.error_level,
    };
    shell.error_level = code;
    if only_batch && !shell.in_batch() {
        Flow::Exit(code)
    } else if only_batch {
        Flow::Leave(code)
    } else {
        Flow::Exit(code)
    }
}

fn goto(shell: &mut Shell, rest: &str) -> Flow {
    let label = rest.trim().split([' ', '\t', '&']).next().unwrap_or_default().to_owned();
    if shell.in_batch() { Flow::Goto(label) } else { Flow::Done(0) }
}

fn shift(shell: &mut Shell, _: &str) -> Flow {
    if let Some(frame) = shell.frames.last_mut() {
        frame.shift();
    }
    Flow::Done(0)
}

fn setlocal(shell: &mut Shell, rest: &str) -> Flow {
    shell.set_local(rest);
    Flow::Done(0)
}

fn endlocal(shell: &mut Shell, _: &str) -> Flow {
    shell.end_local();
    Flow::Done(0)
}

fn set(shell: &mut Shell, rest: &str) -> Flow {
    let text = rest.trim_start();
    if let Some(tail) = switch(text, "/a") {
        return super::arithmetic::set(shell, tail);
    }
    if let Some(tail) = switch(text, "/p") {
        let (name, prompt) = unquoted(tail.trim_start()).split_once('=').unwrap_or((tail, ""));
        let _ = shell.process.handles.stdout.write(prompt.trim_matches('"').as_bytes());
        return match shell.process.handles.stdin.read_line() {
            Some(line) => {
                shell.process.environment.set(name.trim_start(), &line);
                Flow::Done(0)
            }
            None => shell.fail(1),
        };
    }
    let assignment = unquoted(text);
    match assignment.split_once('=') {
        Some(("", _)) => {
            shell.process.err("The syntax of the command is incorrect.");
            shell.fail(1)
        }
        Some((name, value)) => {
            shell.process.environment.set(name, value);
            Flow::Done(0)
        }
        None => {
            let prefix = assignment.trim();
            let lines: Vec<String> =
                shell.process.environment.starting(prefix).map(|(name, value)| format!("{name}={value}")).collect();
            if lines.is_empty() {
                shell.process.err(format!("Environment variable {prefix} not defined"));
                return shell.fail(1);
            }
            lines.iter().for_each(|line| shell.process.out(line));
            Flow::Done(0)
        }
    }
}

fn switch<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.get(..name.len()).filter(|it| it.eq_ignore_ascii_case(name)).map(|_| &text[name.len()..])
}

/// `"X=Y" rest` without its quotes; text with no quote in front stays.
fn unquoted(text: &str) -> &str {
    match text.strip_prefix('"') {
        Some(inner) => inner.rfind('"').map_or(inner, |end| &inner[..end]),
        None => text,
    }
}

fn path(shell: &mut Shell, rest: &str) -> Flow {
    let value = rest.trim_start_matches([' ', '\t', '=']).trim();
    if value.is_empty() {
        let line = format!("PATH={}", shell.process.environment.get("PATH").unwrap_or_default());
        shell.process.out(line);
    } else {
        shell.process.environment.set("PATH", value);
    }
    Flow::Done(0)
}

fn cd(shell: &mut Shell, rest: &str) -> Flow {
    let mut text = rest.trim();
    if let Some(tail) = switch(text, "/d") {
        text = tail.trim();
    }
    if text.is_empty() {
        shell.process.out(&shell.process.directory);
        return Flow::Done(0);
    }
    if text.eq_ignore_ascii_case("c:") {
        shell.process.out(&shell.process.directory);
        return Flow::Done(0);
    }
    if shell.change_directory(text) {
        return Flow::Done(0);
    }
    shell.process.err("The system cannot find the path specified.");
    shell.fail(1)
}

fn pushd(shell: &mut Shell, rest: &str) -> Flow {
    let before = shell.process.directory.clone();
    let text = rest.trim();
    if text.is_empty() || shell.change_directory(text) {
        shell.directories.push(before);
        return Flow::Done(0);
    }
    shell.process.err("The system cannot find the path specified.");
    shell.fail(1)
}

fn popd(shell: &mut Shell, _: &str) -> Flow {
    match shell.directories.pop() {
        Some(directory) => {
            shell.process.directory = directory;
            Flow::Done(0)
        }
        None => Flow::Done(1),
    }
}

fn pause(shell: &mut Shell, _: &str) -> Flow {
    shell.process.out("Press any key to continue . . . ");
    let _ = shell.process.handles.stdin.read_line();
    Flow::Done(0)
}

fn ver(shell: &mut Shell, _: &str) -> Flow {
    let build = crate::first_boot::current_build(&shell.process.system.registry);
    shell.process.out("");
    shell.process.out(format!("Microsoft Windows [Version 10.0.{build}]"));
    Flow::Done(0)
}

fn vol(shell: &mut Shell, _: &str) -> Flow {
    shell.process.out(" Volume in drive C has no label.");
    shell.process.out(" Volume Serial Number is 4C41-4231");
    Flow::Done(0)
}

fn show_date(shell: &mut Shell, _: &str) -> Flow {
    shell.process.out(date());
    Flow::Done(0)
}

fn show_time(shell: &mut Shell, _: &str) -> Flow {
    shell.process.out(time());
    Flow::Done(0)
}

/// `%DATE%` in the American form.
pub(super) fn date() -> String {
    jiff::Timestamp::now().strftime("%a %m/%d/%Y").to_string()
}

/// `%TIME%`
pub(super) fn time() -> String {
    jiff::Timestamp::now().strftime("%_H:%M:%S.%2f").to_string()
}

/// `start ["title"] [/wait] [/b] [/d directory] program …`
fn start(shell: &mut Shell, rest: &str) -> Flow {
    let mut text = rest.trim_start();
    if let Some(inner) = text.strip_prefix('"')
        && let Some(end) = inner.find('"')
    {
        text = inner[end + 1..].trim_start();
    }
    let mut wait = false;
    let mut directory = None;
    while text.starts_with('/') {
        let end = text.find([' ', '\t']).unwrap_or(text.len());
        let (name, tail) = text.split_at(end);
        text = tail.trim_start();
        match name.to_ascii_lowercase().as_str() {
            "/w" | "/wait" => wait = true,
            "/d" => {
                let (path, tail) = match text.strip_prefix('"').and_then(|inner| inner.split_once('"')) {
                    Some(quoted) => quoted,
                    None => text.split_once([' ', '\t']).unwrap_or((text, "")),
                };
                directory = Some(path.to_owned());
                text = tail.trim_start();
            }
            _ => {}
        }
    }
    let mut other = shell.aside(shell.process.handles.clone());
    if let Some(directory) = directory {
        other.change_directory(&directory);
    }
    let text = text.to_owned();
    if wait {
        return match other.dispatch(&text, true) {
            Flow::Done(code) | Flow::Exit(code) | Flow::Leave(code) => shell.fail(code),
            Flow::Goto(_) => shell.fail(1),
            Flow::Cancelled => Flow::Cancelled,
        };
    }
    // What is started goes on by itself, but dies with the session: sshd's job object kills it.
    other.process.handles = Handles { stdin: Input::Nul, stdout: Output::Nul, stderr: Output::Nul };
    let spawned = std::thread::Builder::new().stack_size(crate::ssh::STACK).spawn(move || {
        other.dispatch(&text, true);
    });
    if spawned.is_ok() { Flow::Done(0) } else { shell.fail(8) }
}

impl Shell {
    pub(super) fn in_batch(&self) -> bool {
        !self.frames.is_empty()
    }

    /// Changes the directory and takes the letters the disk has.
    pub(super) fn change_directory(&mut self, path: &str) -> bool {
        let at = self.process.resolve(path.trim_matches('"'));
        let found = at.is_dir();
        if found {
            self.process.directory = self.process.system.volume.windows_path(&at);
        }
        found
    }
}
