//! The registry.
//!
//! Kept in one JSON file, `\Windows\System32\config\standin-registry.json`. That file is **not** a Windows hive and
//! nothing outside the stand-in may read it; whoever wants a value asks `reg query`, as on a real guest.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::Volume;
use crate::text::lock;

const FILE: &str = r"C:\Windows\System32\config\standin-registry.json";

/// One value's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegValue {
    /// `REG_SZ`
    Sz(String),
    /// `REG_EXPAND_SZ`
    ExpandSz(String),
    /// `REG_MULTI_SZ`
    MultiSz(Vec<String>),
    /// `REG_DWORD`
    Dword(u32),
    /// `REG_QWORD`
    Qword(u64),
    /// `REG_BINARY`
    Binary(Vec<u8>),
}

impl RegValue {
    /// The data as text: decimal for numbers, upper-case hex for bytes, `\0` between strings.
    #[must_use]
    pub fn as_text(&self) -> String {
        match self {
            Self::Sz(text) | Self::ExpandSz(text) => text.clone(),
            Self::MultiSz(texts) => texts.join("\\0"),
            Self::Dword(number) => number.to_string(),
            Self::Qword(number) => number.to_string(),
            Self::Binary(bytes) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        }
    }

    /// The number in a DWORD.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        match self {
            Self::Dword(number) => Some(*number),
            _ => None,
        }
    }

    /// Name of the type, `REG_SZ` …
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Sz(_) => "REG_SZ",
            Self::ExpandSz(_) => "REG_EXPAND_SZ",
            Self::MultiSz(_) => "REG_MULTI_SZ",
            Self::Dword(_) => "REG_DWORD",
            Self::Qword(_) => "REG_QWORD",
            Self::Binary(_) => "REG_BINARY",
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Key {
    /// Full path in the letters it was made with, root unabbreviated.
    path: String,
    /// By lower-case name; the default value has the empty name.
    values: BTreeMap<String, (String, RegValue)>,
}

#[derive(Debug, Default)]
struct State {
    /// By lower-case full path.
    keys: BTreeMap<String, Key>,
    held: u32,
    dirty: bool,
}

/// The registry of one volume. Every change is on the disk when the call returns, unless a [`Held`] is alive.
#[derive(Debug)]
pub struct Registry {
    volume: Volume,
    state: Mutex<State>,
}

/// Puts off writing until dropped (or [`Held::release`]d, which tells of failures).
#[derive(Debug)]
pub struct Held<'a>(&'a Registry);

impl Held<'_> {
    /// Writes what has changed.
    ///
    /// # Errors
    /// What the file system said.
    pub fn release(self) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        if state.held == 1 && state.dirty {
            self.0.write(&mut state)?;
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.held -= 1;
        if state.held == 0 && state.dirty {
            let _ = self.0.write(&mut state);
        }
    }
}

/// The full name of a key with its root spelled out, or none when the root is unknown.
#[must_use]
pub(crate) fn full_path(key: &str) -> Option<String> {
    let key = key.trim_matches('\\');
    let (root, rest) = key.split_once('\\').map_or((key, None), |(root, rest)| (root, Some(rest)));
    let root = match root.to_ascii_uppercase().as_str() {
        "HKLM" | "HKEY_LOCAL_MACHINE" => "HKEY_LOCAL_MACHINE",
        "HKCU" | "HKEY_CURRENT_USER" => "HKEY_CURRENT_USER",
        "HKCR" | "HKEY_CLASSES_ROOT" => "HKEY_CLASSES_ROOT",
        "HKU" | "HKEY_USERS" => "HKEY_USERS",
        "HKCC" | "HKEY_CURRENT_CONFIG" => "HKEY_CURRENT_CONFIG",
        _ => return None,
    };
    Some(rest.map_or_else(|| root.to_owned(), |rest| format!("{root}\\{rest}")))
}

fn not_a_key(key: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("no such root key: {key}"))
}

impl Registry {
    /// The registry as the volume holds it; empty on a fresh volume.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn load(volume: &Volume) -> io::Result<Self> {
        let keys = match std::fs::read(volume.resolve(FILE)) {
            Ok(bytes) => {
                let keys: Vec<Key> = serde_json::from_slice(&bytes)?;
                keys.into_iter().map(|key| (key.path.to_lowercase(), key)).collect()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { volume: volume.clone(), state: Mutex::new(State { keys, ..State::default() }) })
    }

    /// Puts off writing, for changes that belong together.
    #[must_use]
    pub fn hold(&self) -> Held<'_> {
        lock(&self.state).held += 1;
        Held(self)
    }

    fn write(&self, state: &mut State) -> io::Result<()> {
        let keys: Vec<&Key> = state.keys.values().collect();
        self.volume.write_durably(self.volume.resolve(FILE), &serde_json::to_vec(&keys)?)?;
        state.dirty = false;
        Ok(())
    }

    fn changed(&self, state: &mut State) -> io::Result<()> {
        state.dirty = true;
        if state.held == 0 { self.write(state) } else { Ok(()) }
    }

    /// A value's data; the empty name is the key's default value.
    #[must_use]
    pub fn get(&self, key: &str, name: &str) -> Option<RegValue> {
        let path = full_path(key)?.to_lowercase();
        lock(&self.state).keys.get(&path)?.values.get(&name.to_lowercase()).map(|(_, value)| value.clone())
    }

    /// A value as text, see [`RegValue::as_text`].
    #[must_use]
    pub fn text(&self, key: &str, name: &str) -> Option<String> {
        self.get(key, name).map(|value| value.as_text())
    }

    /// Whether the key exists.
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        full_path(key).is_some_and(|path| {
            let root = !path.contains('\\');
            root || lock(&self.state).keys.contains_key(&path.to_lowercase())
        })
    }

    /// The key in the letters it was made with.
    #[must_use]
    pub fn spelled(&self, key: &str) -> Option<String> {
        let path = full_path(key)?;
        Some(lock(&self.state).keys.get(&path.to_lowercase()).map_or(path, |key| key.path.clone()))
    }

    /// Makes a key and those above it; true when it was not there.
    ///
    /// # Errors
    /// An unknown root, or what the file system said.
    pub fn create_key(&self, key: &str) -> io::Result<bool> {
        let path = full_path(key).ok_or_else(|| not_a_key(key))?;
        let mut state = lock(&self.state);
        let new = make(&mut state.keys, &path);
        if new {
            self.changed(&mut state)?;
        }
        Ok(new)
    }

    /// Sets a value, making its key when needed.
    ///
    /// # Errors
    /// An unknown root, or what the file system said.
    pub fn set(&self, key: &str, name: &str, value: RegValue) -> io::Result<()> {
        let path = full_path(key).ok_or_else(|| not_a_key(key))?;
        let mut state = lock(&self.state);
        make(&mut state.keys, &path);
        if let Some(key) = state.keys.get_mut(&path.to_lowercase()) {
            match key.values.entry(name.to_lowercase()) {
                std::collections::btree_map::Entry::Occupied(mut old) => {
                    if old.get().1 == value {
                        return Ok(());
                    }
                    old.get_mut().1 = value;
                }
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert((name.to_owned(), value));
                }
            }
        }
        self.changed(&mut state)
    }

    /// Deletes a value; false when it was not there.
    ///
    /// # Errors
    /// What the file system said.
    pub fn delete_value(&self, key: &str, name: &str) -> io::Result<bool> {
        let Some(path) = full_path(key) else { return Ok(false) };
        let mut state = lock(&self.state);
        let gone =
            state.keys.get_mut(&path.to_lowercase()).and_then(|key| key.values.remove(&name.to_lowercase())).is_some();
        if gone {
            self.changed(&mut state)?;
        }
        Ok(gone)
    }

    /// Deletes a key with everything under it; false when it was not there.
    ///
    /// # Errors
    /// What the file system said.
    pub fn delete_key(&self, key: &str) -> io::Result<bool> {
        let Some(path) = full_path(key) else { return Ok(false) };
        let lower = path.to_lowercase();
        let below = format!("{lower}\\");
        let mut state = lock(&self.state);
        let before = state.keys.len();
        state.keys.retain(|name, _| *name != lower && !name.starts_with(&below));
        let gone = state.keys.len() != before;
        if gone {
            self.changed(&mut state)?;
        }
        Ok(gone)
    }

    /// Names of the keys directly under this one, sorted.
    #[must_use]
    pub fn subkeys(&self, key: &str) -> Vec<String> {
        let Some(path) = full_path(key) else { return Vec::new() };
        let below = format!("{}\\", path.to_lowercase());
        let state = lock(&self.state);
        state
            .keys
            .range(below.clone()..)
            .take_while(|(name, _)| name.starts_with(&below))
            .filter(|(name, _)| !name[below.len()..].contains('\\'))
            .filter_map(|(_, key)| key.path.rsplit('\\').next().map(str::to_owned))
            .collect()
    }

    /// The key's values with their names, sorted.
    #[must_use]
    pub fn values(&self, key: &str) -> Vec<(String, RegValue)> {
        let Some(path) = full_path(key) else { return Vec::new() };
        lock(&self.state)
            .keys
            .get(&path.to_lowercase())
            .map(|key| key.values.values().cloned().collect())
            .unwrap_or_default()
    }
}

/// Makes a key and its parents; true when the key itself is new.
fn make(keys: &mut BTreeMap<String, Key>, path: &str) -> bool {
    let mut new = false;
    for (end, _) in path.match_indices('\\').chain([(path.len(), "")]) {
        let part = &path[..end];
        new = false;
        keys.entry(part.to_lowercase()).or_insert_with(|| {
            new = true;
            Key { path: part.to_owned(), values: BTreeMap::new() }
        });
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_case_insensitive_and_survive() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let registry = Registry::load(&volume).unwrap();
        registry.set(r"HKLM\SOFTWARE\Acme\Agent", "Version", RegValue::Sz("1.2".into())).unwrap();
        registry.set(r"hkey_local_machine\software\ACME", "Count", RegValue::Dword(7)).unwrap();
        registry.set(r"HKLM\SOFTWARE\Acme-2", "", RegValue::Sz("x".into())).unwrap();
        let again = Registry::load(&volume).unwrap();
        assert_eq!(again.text(r"HKLM\software\acme\AGENT", "version").unwrap(), "1.2");
        assert_eq!(again.text(r"HKLM\SOFTWARE\Acme", "count").unwrap(), "7");
        assert_eq!(again.subkeys(r"HKLM\software"), ["Acme", "Acme-2"]);
        assert_eq!(again.subkeys(r"HKLM\software\acme"), ["Agent"]);
        assert!(again.delete_key(r"HKLM\SOFTWARE\acme").unwrap());
        assert!(!again.delete_key(r"HKLM\SOFTWARE\acme").unwrap());
        assert!(Registry::load(&volume).unwrap().has_key(r"HKLM\SOFTWARE\Acme-2"));
        assert!(!Registry::load(&volume).unwrap().has_key(r"HKLM\SOFTWARE\Acme\Agent"));
        assert!(again.set(r"HKXX\a", "b", RegValue::Dword(1)).is_err());
    }

    #[test]
    fn a_hold_writes_once_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let registry = Registry::load(&volume).unwrap();
        let held = registry.hold();
        registry.set(r"HKLM\A", "x", RegValue::Dword(1)).unwrap();
        assert!(!Registry::load(&volume).unwrap().has_key(r"HKLM\A"));
        drop(held);
        assert!(Registry::load(&volume).unwrap().has_key(r"HKLM\A"));
    }
}
