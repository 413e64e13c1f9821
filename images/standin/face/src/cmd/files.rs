//! `type`, `copy`, `move`, `del`, `ren`, `md`, `rd`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::run::{is_nul, open_message};
use super::{Flow, Shell};
use crate::text::fits;

const NO_FILE: &str = "The system cannot find the file specified.";
const BAD_SYNTAX: &str = "The syntax of the command is incorrect.";

/// Switches (lower case, with slash) and names of an internal command's arguments.
pub(super) fn parts(text: &str) -> (Vec<String>, Vec<String>) {
    let mut switches = Vec::new();
    let mut names = Vec::new();
    for word in super::batch::batch_arguments(text) {
        // `/s/q` is two switches.
        if word.starts_with('/') {
            switches.extend(word.split('/').skip(1).map(|it| format!("/{}", it.to_ascii_lowercase())));
        } else if let Some(at) = word.find('/').filter(|_| !word.contains(['"', ':', '\\'])) {
            switches.extend(word[at..].split('/').skip(1).map(|it| format!("/{}", it.to_ascii_lowercase())));
            names.push(word[..at].to_owned());
        } else {
            names.push(word.replace('"', ""));
        }
    }
    (switches, names)
}

impl Shell {
    /// Entries a path with wildcards in its last name stands for, sorted by name.
    pub(super) fn matching(&self, path: &str) -> Vec<PathBuf> {
        let full = self.process.absolute(path);
        let (folder, pattern) = full.rsplit_once('\\').unwrap_or(("C:", &full));
        let folder = self.process.system.volume.resolve(&format!("{folder}\\"));
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let mut found: Vec<_> = entries
            .flatten()
            .map(|it| it.path())
            .filter(|it| it.file_name().is_some_and(|name| fits(pattern, &name.to_string_lossy())))
            .collect();
        found.sort_by_key(|it| it.file_name().map(|name| name.to_string_lossy().to_uppercase()));
        found
    }

    /// Files a name stands for: those matching, or those in it when it is a directory.
    fn files_of(&self, name: &str) -> Vec<PathBuf> {
        if name.contains(['*', '?']) {
            return self.matching(name).into_iter().filter(|it| it.is_file()).collect();
        }
        let at = self.process.resolve(name);
        if at.is_dir() {
            self.matching(&format!("{name}\\*")).into_iter().filter(|it| it.is_file()).collect()
        } else if at.is_file() {
            vec![at]
        } else {
            Vec::new()
        }
    }

    fn complain(&mut self, message: &str) -> Flow {
        self.process.err(message);
        self.fail(1)
    }

    fn windows_path(&self, path: &Path) -> String {
        self.process.system.volume.windows_path(path)
    }
}

pub(super) fn typ(shell: &mut Shell, rest: &str) -> Flow {
    let (_, names) = parts(rest);
    if names.is_empty() {
        return shell.complain(BAD_SYNTAX);
    }
    for name in &names {
        if is_nul(name) {
            continue;
        }
        let files = if name.contains(['*', '?']) { shell.files_of(name) } else { vec![shell.process.resolve(name)] };
        if files.is_empty() {
            return shell.complain(NO_FILE);
        }
        for path in files {
            let mut file = match fs::File::open(&path) {
                Ok(_) if path.is_dir() => return shell.complain("Access is denied."),
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let there = path.parent().is_some_and(Path::is_dir);
                    return shell.complain(if there { NO_FILE } else { "The system cannot find the path specified." });
                }
                Err(error) => return shell.complain(open_message(&error)),
            };
            let mut part = vec![0; 64 << 10];
            while let Ok(length @ 1..) = file.read(&mut part) {
                if shell.process.handles.stdout.write(&part[..length]).is_err() {
                    return Flow::Done(1);
                }
            }
        }
    }
    Flow::Done(0)
}

pub(super) fn copy(shell: &mut Shell, rest: &str) -> Flow {
    // An existing target is overwritten without the question Windows asks outside batch files.
    let (_, names) = parts(rest);
    let (Some(from), true) = (names.first(), names.len() <= 2) else { return shell.complain(BAD_SYNTAX) };
    let to = names.get(1).map_or(".", String::as_str);
    let target = shell.process.resolve(to);
    if from.contains('+') || is_nul(from) {
        let mut bytes = Vec::new();
        for name in from.split('+').filter(|it| !is_nul(it)) {
            match fs::read(shell.process.resolve(name)) {
                Ok(mut part) => bytes.append(&mut part),
                Err(_) => return shell.complain(NO_FILE),
            }
        }
        return match fs::write(&target, bytes) {
            Ok(()) => {
                shell.process.out("        1 file(s) copied.");
                Flow::Done(0)
            }
            Err(error) => shell.complain(open_message(&error)),
        };
    }
    let files = shell.files_of(from);
    if files.is_empty() {
        return shell.complain(NO_FILE);
    }
    let show = from.contains(['*', '?']) || shell.process.resolve(from).is_dir();
    let mut copied = 0;
    for file in &files {
        if show {
            let name = shell.windows_path(file);
            shell.process.out(name.rsplit('\\').next().unwrap_or(&name));
        }
        let result = if is_nul(to) {
            Ok(0)
        } else {
            let at = if target.is_dir() { target.join(file.file_name().unwrap_or_default()) } else { target.clone() };
            if at == *file {
                shell.process.err("The file cannot be copied onto itself.");
                break;
            }
            fs::copy(file, at)
        };
        if let Err(error) = result {
            shell.process.err(open_message(&error));
            break;
        }
        copied += 1;
    }
    shell.process.out(format!("{copied:>9} file(s) copied."));
    if copied == files.len() { Flow::Done(0) } else { shell.fail(1) }
}

pub(super) fn mov(shell: &mut Shell, rest: &str) -> Flow {
    let (_, names) = parts(rest);
    let [from, to] = names.as_slice() else { return shell.complain(BAD_SYNTAX) };
    let target = shell.process.resolve(to);
    let source = shell.process.resolve(from);
    let sources = if from.contains(['*', '?']) {
        shell.files_of(from)
    } else if source.exists() {
        vec![source]
    } else {
        Vec::new()
    };
    if sources.is_empty() {
        return shell.complain(NO_FILE);
    }
    let directory = sources.iter().all(|it| it.is_dir());
    let mut moved = 0;
    for source in &sources {
        let at = if target.is_dir() { target.join(source.file_name().unwrap_or_default()) } else { target.clone() };
        if let Err(error) = fs::rename(source, at) {
            return shell.complain(open_message(&error));
        }
        moved += 1;
    }
    shell.process.out(format!("{moved:>9} {} moved.", if directory { "dir(s)" } else { "file(s)" }));
    Flow::Done(0)
}

pub(super) fn del(shell: &mut Shell, rest: &str) -> Flow {
    let (switches, names) = parts(rest);
    if names.is_empty() {
        return shell.complain(BAD_SYNTAX);
    }
    let deep = switches.iter().any(|it| it == "/s");
    for name in names {
        let mut files = shell.files_of(&name);
        if deep {
            let full = shell.process.absolute(&name);
            let (folder, pattern) = full.rsplit_once('\\').unwrap_or(("C:", "*"));
            let mut folders = vec![shell.process.resolve(&format!("{folder}\\"))];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                    if entry.path().is_dir() {
                        folders.push(entry.path());
                    } else if fits(pattern, &entry.file_name().to_string_lossy()) && !files.contains(&entry.path()) {
                        files.push(entry.path());
                    }
                }
            }
        }
        if files.is_empty() {
            // Not an error to %ERRORLEVEL%.
            let full = shell.process.absolute(&name);
            shell.process.err(format!("Could Not Find {full}"));
        }
        for file in files {
            let path = shell.windows_path(&file);
            match fs::remove_file(&file) {
                Ok(()) if deep => shell.process.out(format!("Deleted file - {path}")),
                Ok(()) => {}
                Err(_) => {
                    shell.process.err(path);
                    shell.process.err("Access is denied.");
                }
            }
        }
    }
    Flow::Done(0)
}

pub(super) fn ren(shell: &mut Shell, rest: &str) -> Flow {
    let (_, names) = parts(rest);
    let [from, to] = names.as_slice() else { return shell.complain(BAD_SYNTAX) };
    if to.contains(['\\', '/', ':', '*', '?']) {
        return shell.complain(BAD_SYNTAX);
    }
    let source = shell.process.resolve(from);
    if !source.exists() {
        return shell.complain(NO_FILE);
    }
    let target = source.with_file_name(to);
    if target.exists() && target != source {
        return shell.complain("A duplicate file name exists, or the file cannot be found.");
    }
    match fs::rename(&source, target) {
        Ok(()) => Flow::Done(0),
        Err(error) => shell.complain(open_message(&error)),
    }
}

pub(super) fn md(shell: &mut Shell, rest: &str) -> Flow {
    let (_, names) = parts(rest);
    if names.is_empty() {
        return shell.complain(BAD_SYNTAX);
    }
    let mut flow = Flow::Done(0);
    for name in names {
        let at = shell.process.resolve(&name);
        if at.exists() {
            flow = shell.complain(&format!("A subdirectory or file {name} already exists."));
        } else if let Err(error) = fs::create_dir_all(&at) {
            flow = shell.complain(open_message(&error));
        }
    }
    flow
}

pub(super) fn rd(shell: &mut Shell, rest: &str) -> Flow {
    let (switches, names) = parts(rest);
    if names.is_empty() {
        return shell.complain(BAD_SYNTAX);
    }
    let deep = switches.iter().any(|it| it == "/s");
    let mut flow = Flow::Done(0);
    for name in names {
        let at = shell.process.resolve(&name);
        let result = if !at.exists() {
            Err((NO_FILE, 2))
        } else if !at.is_dir() {
            Err(("The directory name is invalid.", 267))
        } else if at == shell.process.system.volume.root() {
            Err(("Access is denied.", 5))
        } else if deep {
            fs::remove_dir_all(&at).map_err(|_| ("Access is denied.", 5))
        } else {
            fs::remove_dir(&at).map_err(|_| ("The directory is not empty.", 145))
        };
        if let Err((message, code)) = result {
            shell.process.err(message);
            // Windows tells `||` and keeps %ERRORLEVEL%.
            flow = Flow::Done(code);
        }
    }
    flow
}
