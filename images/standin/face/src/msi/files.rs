//! InstallFiles, RemoveFiles, CreateFolders.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;

use super::journal::Undo;
use super::session::{Failed, PackagedFile, Session};
use crate::volume::sync_directory;

/// InstallValidate: whether the files have room.
pub(super) fn room(session: &mut Session<'_>) -> Result<(), Failed> {
    let needed: u64 = session.files.iter().map(|it| it.size).sum();
    let volume = &session.process.system.volume;
    let free = rustix::fs::statvfs(volume.root()).map_or(u64::MAX, |it| it.f_bavail.saturating_mul(it.f_frsize));
    if session.mode != super::session::Mode::Remove && needed > free {
        session
            .log
            .error(1606, &format!("There is not enough disk space: {needed} bytes are needed, {free} are free."));
        return Err(Failed);
    }
    Ok(())
}

/// A cabinet or folder that files come from.
struct Medium {
    last: i32,
    cabinet: Option<String>,
}

pub(super) fn install(session: &mut Session<'_>) -> Result<(), Failed> {
    let mut media: Vec<Medium> = session
        .package
        .rows("Media")
        .iter()
        .map(|row| Medium { last: row.number("LastSequence").unwrap_or(0), cabinet: row.optional("Cabinet") })
        .collect();
    media.sort_by_key(|it| it.last);
    let files = session.files.clone();
    let mut done = 0;
    for medium in media {
        let (from, to) = (done, files.partition_point(|it| it.sequence <= medium.last));
        let part = &files[from.min(to)..to];
        done = to;
        if part.is_empty() {
            continue;
        }
        let outcome = match &medium.cabinet {
            Some(name) => from_cabinet(session, name, part),
            None => from_folder(session, part),
        };
        if let Err(error) = outcome {
            session.log.error(1335, &format!("A file could not be read or written: {error}"));
            return Err(Failed);
        }
    }
    if let Some(file) = files.get(done) {
        session.log.error(2356, &format!("File {} lies beyond the last medium.", file.key));
        return Err(Failed);
    }
    Ok(())
}

fn from_cabinet(session: &mut Session<'_>, name: &str, files: &[PackagedFile]) -> io::Result<()> {
    let bytes = match name.strip_prefix('#') {
        Some(stream) => session.package.stream(stream)?,
        None => {
            let folder = session.properties.get("SourceDir").cloned().unwrap_or_default();
            fs::read(session.process.system.volume.resolve(&format!("{folder}{name}")))?
        }
    };
    if !session.package.is_compressed() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the summary says that sources are not compressed"));
    }
    let mut cabinet = cab::Cabinet::new(Cursor::new(bytes))?;
    for file in files {
        let mut reader = cabinet.read_file(&file.key)?;
        put(session.process, &mut session.journal, file, &mut reader)?;
    }
    Ok(())
}

fn from_folder(session: &mut Session<'_>, files: &[PackagedFile]) -> io::Result<()> {
    let folder = session.properties.get("SourceDir").cloned().unwrap_or_default();
    for file in files {
        let mut reader = File::open(session.process.system.volume.resolve(&format!("{folder}{}", file.source_name)))?;
        put(session.process, &mut session.journal, file, &mut reader)?;
    }
    Ok(())
}

/// Writes one file; what was there waits to be put back.
fn put(
    process: &crate::Process,
    journal: &mut super::journal::Journal,
    file: &PackagedFile,
    reader: &mut dyn Read,
) -> io::Result<()> {
    let at = process.system.volume.resolve(&file.path);
    let folder = at.parent().unwrap_or(Path::new("/"));
    journal.make_directory(folder)?;
    journal.set_aside(&process.system, &at)?;
    let mut out = File::create(&at)?;
    let mut part = vec![0; 64 << 10];
    loop {
        let length = reader.read(&mut part)?;
        if length == 0 {
            break;
        }
        out.write_all(&part[..length])?;
    }
    // On the disk before any driver starts: it may well bring the machine down.
    out.sync_all()?;
    sync_directory(folder)
}

pub(super) fn remove(session: &mut Session<'_>) -> Result<(), Failed> {
    let system = &session.process.system;
    for file in &session.files {
        let at = system.volume.resolve(&file.path);
        if at.is_file() {
            session.journal.set_aside(system, &at).map_err(|_| Failed)?;
        }
    }
    // RemoveFile: files the product made itself. InstallMode 2 and 3 concern removal.
    for row in session.package.rows("RemoveFile") {
        let name = row.text("FileName");
        let folder = session.directories.get(&row.text("DirProperty")).cloned().unwrap_or_default();
        let name = name.rsplit('|').next().unwrap_or(&name);
        if row.number("InstallMode").unwrap_or(0) & 2 == 0 || name.is_empty() || folder.is_empty() {
            continue;
        }
        let folder = system.volume.resolve(&folder);
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_file() && crate::text::fits(name, &entry.file_name().to_string_lossy()) {
                session.journal.set_aside(system, &entry.path()).map_err(|_| Failed)?;
            }
        }
    }
    // Directories of the package that are empty now, deepest first; those of the system are not its own.
    let mut folders: Vec<&String> =
        session.components.values().filter_map(|it| session.directories.get(&it.text("Directory_"))).collect();
    folders.sort_by_key(|it| std::cmp::Reverse(it.len()));
    folders.dedup();
    for folder in folders {
        let mut path = folder.trim_end_matches('\\').to_owned();
        while !is_system_folder(&path) && path.len() > 3 {
            let at = system.volume.resolve(&path);
            if fs::remove_dir(&at).is_err() {
                break;
            }
            session.journal.push(Undo::GoneDirectory(at));
            path = path.rsplit_once('\\').map_or_else(String::new, |(above, _)| above.to_owned());
        }
    }
    Ok(())
}

fn is_system_folder(path: &str) -> bool {
    let path = path.to_lowercase();
    super::directories::SYSTEM_FOLDERS.iter().any(|(_, it)| it.trim_end_matches('\\').eq_ignore_ascii_case(&path))
        || path.starts_with("c:\\windows\\system32")
        || path == "c:\\users"
}

pub(super) fn create_folders(session: &mut Session<'_>) -> Result<(), Failed> {
    for row in session.package.rows("CreateFolder") {
        if !session.components.contains_key(&row.text("Component_")) {
            continue;
        }
        if let Some(folder) = session.directories.get(&row.text("Directory_")) {
            let at = session.process.system.volume.resolve(folder);
            session.journal.make_directory(&at).map_err(|_| Failed)?;
        }
    }
    Ok(())
}
