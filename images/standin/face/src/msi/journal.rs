//! What was done, so that it can be undone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::process::Process;
use crate::{RegValue, Registry, ServiceConfig, System};

/// One thing to undo.
pub(super) enum Undo {
    /// Put the file back from its backup, or take it away.
    File { path: PathBuf, backup: Option<PathBuf> },
    /// Take the directory away when it is empty.
    Directory(PathBuf),
    /// Make the directory again.
    GoneDirectory(PathBuf),
    /// Give the value back its old data, or take it away.
    Value { key: String, name: String, old: Option<RegValue> },
    /// Take the key away.
    Key(String),
    /// Bring deleted keys back.
    GoneKeys(Vec<(String, Vec<(String, RegValue)>)>),
    /// Delete the service.
    Created(String),
    /// Create the service again.
    Deleted(ServiceConfig),
    /// Stop the service.
    Started(String),
    /// Start the service.
    Stopped(String),
    /// A rollback action of the package.
    Command { line: String, directory: String },
}

/// The undo list of one transaction.
#[derive(Default)]
pub(super) struct Journal {
    done: Vec<Undo>,
    backups: u32,
}

/// Where replaced files wait; the name is Windows Installer's.
const BACKUPS: &str = r"C:\Config.Msi";

impl Journal {
    pub(super) fn push(&mut self, undo: Undo) {
        self.done.push(undo);
    }

    /// Takes over what another transaction did.
    pub(super) fn append(&mut self, mut other: Self) {
        self.done.append(&mut other.done);
        self.backups = self.backups.max(other.backups);
    }

    /// Moves a file out of the way, to be deleted at the end or put back.
    pub(super) fn set_aside(&mut self, system: &System, path: &Path) -> io::Result<()> {
        let backup = if path.exists() {
            let folder = system.volume.resolve(BACKUPS);
            fs::create_dir_all(&folder)?;
            let backup = loop {
                self.backups += 1;
                let name = folder.join(format!("{:x}.rbf", self.backups));
                if !name.exists() {
                    break name;
                }
            };
            fs::rename(path, &backup)?;
            Some(backup)
        } else {
            None
        };
        self.push(Undo::File { path: path.to_owned(), backup });
        Ok(())
    }

    /// Makes a directory and those above it.
    pub(super) fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_directory(parent)?;
        }
        fs::create_dir(path)?;
        self.push(Undo::Directory(path.to_owned()));
        Ok(())
    }

    pub(super) fn set_value(&mut self, registry: &Registry, key: &str, name: &str, value: RegValue) -> io::Result<()> {
        let old = registry.get(key, name);
        self.make_key(registry, key)?;
        registry.set(key, name, value)?;
        self.push(Undo::Value { key: key.to_owned(), name: name.to_owned(), old });
        Ok(())
    }

    pub(super) fn make_key(&mut self, registry: &Registry, key: &str) -> io::Result<()> {
        let missing: Vec<&str> = key
            .match_indices('\\')
            .map(|(at, _)| &key[..at])
            .chain([key])
            .filter(|part| part.contains('\\') && !registry.has_key(part))
            .collect();
        registry.create_key(key)?;
        for part in missing {
            self.push(Undo::Key(part.to_owned()));
        }
        Ok(())
    }

    pub(super) fn delete_value(&mut self, registry: &Registry, key: &str, name: &str) -> io::Result<()> {
        let Some(old) = registry.get(key, name) else { return Ok(()) };
        registry.delete_value(key, name)?;
        self.push(Undo::Value { key: key.to_owned(), name: name.to_owned(), old: Some(old) });
        Ok(())
    }

    pub(super) fn delete_key(&mut self, registry: &Registry, key: &str) -> io::Result<()> {
        if !registry.has_key(key) {
            return Ok(());
        }
        let mut saved = Vec::new();
        let mut keys = vec![key.to_owned()];
        while let Some(key) = keys.pop() {
            keys.extend(registry.subkeys(&key).iter().map(|name| format!("{key}\\{name}")));
            saved.push((key.clone(), registry.values(&key)));
        }
        registry.delete_key(key)?;
        self.push(Undo::GoneKeys(saved));
        Ok(())
    }

    /// Forgets what could be undone.
    pub(super) fn commit(&mut self, system: &System) {
        for undo in self.done.drain(..) {
            if let Undo::File { backup: Some(backup), .. } = undo {
                let _ = fs::remove_file(backup);
            }
        }
        let _ = fs::remove_dir(system.volume.resolve(BACKUPS));
    }

    /// Undoes everything, last first. What cannot be undone is left: there is nobody to tell.
    pub(super) fn roll_back(&mut self, process: &Process) {
        let system = &process.system;
        let registry = &system.registry;
        let held = registry.hold();
        while let Some(undo) = self.done.pop() {
            let _: io::Result<()> = match undo {
                Undo::File { path, backup } => {
                    let removed = fs::remove_file(&path);
                    match backup {
                        Some(backup) => fs::rename(backup, path),
                        None => removed,
                    }
                }
                Undo::Directory(path) => fs::remove_dir(path),
                Undo::GoneDirectory(path) => fs::create_dir_all(path),
                Undo::Value { key, name, old: Some(old) } => registry.set(&key, &name, old),
                Undo::Value { key, name, old: None } => registry.delete_value(&key, &name).map(|_| ()),
                Undo::Key(key) => registry.delete_key(&key).map(|_| ()),
                Undo::GoneKeys(keys) => keys.into_iter().try_for_each(|(key, values)| {
                    registry.create_key(&key)?;
                    values.into_iter().try_for_each(|(name, value)| registry.set(&key, &name, value))
                }),
                Undo::Created(name) => {
                    let _ = system.services.stop(&name);
                    let _ = system.services.delete(&name);
                    Ok(())
                }
                Undo::Deleted(config) => {
                    let _ = system.services.write(&config);
                    Ok(())
                }
                Undo::Started(name) => {
                    let _ = system.services.stop(&name);
                    Ok(())
                }
                Undo::Stopped(name) => {
                    let _ = system.services.start(&name);
                    Ok(())
                }
                Undo::Command { line, directory } => {
                    let _ = crate::cmd::create_process(process, &line, &directory);
                    Ok(())
                }
            };
        }
        drop(held);
        let _ = fs::remove_dir(system.volume.resolve(BACKUPS));
    }
}
