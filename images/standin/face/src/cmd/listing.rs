//! `dir`

use std::fs;
use std::path::{Path, PathBuf};

use super::files::parts;
use super::{Flow, Shell};
use crate::text::fits;

/// What to show of a directory.
#[derive(Default)]
struct Wanted {
    bare: bool,
    deep: bool,
    /// Only directories, or only files.
    directories: Option<bool>,
    hidden_too: bool,
    by_time: bool,
    reverse: bool,
}

pub(super) fn dir(shell: &mut Shell, rest: &str) -> Flow {
    let (switches, names) = parts(rest);
    let mut wanted = Wanted::default();
    for switch in &switches {
        match switch.replace(':', "").as_str() {
            "/b" => wanted.bare = true,
            "/s" => wanted.deep = true,
            "/ad" => wanted.directories = Some(true),
            "/a-d" => wanted.directories = Some(false),
            "/a" => wanted.hidden_too = true,
            "/od" => wanted.by_time = true,
            "/o-d" => (wanted.by_time, wanted.reverse) = (true, true),
            "/o-n" => wanted.reverse = true,
            _ => {}
        }
    }
    let name = names.first().map_or(".", String::as_str);
    let full = shell.process.absolute(name);
    let at = shell.process.resolve(name);
    let (folder, pattern) = if at.is_dir() {
        (at, "*".to_owned())
    } else {
        let (folder, pattern) = full.rsplit_once('\\').unwrap_or(("C:", "*"));
        (shell.process.resolve(&format!("{folder}\\")), pattern.to_owned())
    };
    if !folder.is_dir() {
        shell.process.err(if wanted.bare { "File Not Found" } else { "The system cannot find the path specified." });
        return shell.fail(1);
    }
    if !wanted.bare {
        shell.process.out(" Volume in drive C has no label.");
        shell.process.out(" Volume Serial Number is 4C41-4231");
    }
    let mut total = (0, 0, 0);
    let mut any = false;
    let mut folders = vec![folder.clone()];
    while let Some(folder) = folders.pop() {
        if shell.process.cancel.is_cancelled() {
            return Flow::Cancelled;
        }
        let entries = entries(&folder);
        if wanted.deep {
            folders.extend(entries.iter().rev().filter(|it| it.is_dir()).cloned());
        }
        let shown: Vec<_> = sorted(entries, &wanted)
            .into_iter()
            .filter(|it| it.file_name().is_some_and(|name| fits(&pattern, &name.to_string_lossy())))
            .filter(|it| wanted.directories.is_none_or(|directories| it.is_dir() == directories))
            .collect();
        if shown.is_empty() {
            continue;
        }
        any = true;
        let (files, bytes) = show(shell, &folder, &shown, &wanted);
        total = (total.0 + files, total.1 + bytes, total.2 + shown.len() - files);
    }
    if !any {
        shell.process.err("File Not Found");
        return shell.fail(1);
    }
    if !wanted.bare {
        let free = rustix::fs::statvfs(&folder).map_or(0, |it| it.f_bavail * it.f_frsize);
        shell.process.out(format!("{:>16} Dir(s) {:>15} bytes free", total.2, grouped(free)));
    }
    Flow::Done(0)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path()).collect();
    found.sort_by_key(|it| it.file_name().map(|name| name.to_string_lossy().to_uppercase()));
    found
}

fn sorted(mut entries: Vec<PathBuf>, wanted: &Wanted) -> Vec<PathBuf> {
    if wanted.by_time {
        entries.sort_by_key(|it| fs::metadata(it).and_then(|it| it.modified()).ok());
    }
    if wanted.reverse {
        entries.reverse();
    }
    entries
}

fn show(shell: &Shell, folder: &Path, entries: &[PathBuf], wanted: &Wanted) -> (usize, u64) {
    let volume = &shell.process.system.volume;
    if !wanted.bare {
        shell.process.out("");
        shell.process.out(format!(" Directory of {}", volume.windows_path(folder)));
        shell.process.out("");
    }
    let (mut files, mut bytes) = (0, 0);
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let metadata = fs::metadata(entry).ok();
        let is_file = metadata.as_ref().is_some_and(fs::Metadata::is_file);
        let size = metadata.as_ref().map_or(0, fs::Metadata::len);
        if is_file {
            files += 1;
            bytes += size;
        }
        if wanted.bare {
            shell.process.out(if wanted.deep { volume.windows_path(entry).into() } else { name });
            continue;
        }
        let time = metadata
            .and_then(|it| it.modified().ok())
            .and_then(|it| jiff::Timestamp::try_from(it).ok())
            .unwrap_or_default()
            .strftime("%m/%d/%Y  %I:%M %p");
        if is_file {
            shell.process.out(format!("{time} {:>17} {name}", grouped(size)));
        } else {
            shell.process.out(format!("{time}    <DIR>          {name}"));
        }
    }
    if !wanted.bare {
        shell.process.out(format!("{files:>16} File(s) {:>14} bytes", grouped(bytes)));
    }
    (files, bytes)
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
