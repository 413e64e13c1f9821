//! The Directory table: from keys to paths.

use std::collections::BTreeMap;

use super::package::Record;

/// Folders every system has, with a backslash at the end.
pub(super) const SYSTEM_FOLDERS: &[(&str, &str)] = &[
    ("AdminToolsFolder", "C:\\ProgramData\\Microsoft\\Windows\\Start Menu\\Programs\\Administrative Tools\\"),
    ("AppDataFolder", "C:\\Users\\lab\\AppData\\Roaming\\"),
    ("CommonAppDataFolder", "C:\\ProgramData\\"),
    ("CommonFiles64Folder", "C:\\Program Files\\Common Files\\"),
    ("CommonFilesFolder", "C:\\Program Files (x86)\\Common Files\\"),
    ("DesktopFolder", "C:\\Users\\Public\\Desktop\\"),
    ("FontsFolder", "C:\\Windows\\Fonts\\"),
    ("LocalAppDataFolder", "C:\\Users\\lab\\AppData\\Local\\"),
    ("PersonalFolder", "C:\\Users\\lab\\Documents\\"),
    ("ProgramFiles64Folder", "C:\\Program Files\\"),
    ("ProgramFilesFolder", "C:\\Program Files (x86)\\"),
    ("ProgramMenuFolder", "C:\\ProgramData\\Microsoft\\Windows\\Start Menu\\Programs\\"),
    ("System64Folder", "C:\\Windows\\System32\\"),
    ("SystemFolder", "C:\\Windows\\SysWOW64\\"),
    ("TempFolder", "C:\\Windows\\Temp\\"),
    ("WindowsFolder", "C:\\Windows\\"),
    ("WindowsVolume", "C:\\"),
];

/// Paths of all directories, each with a backslash at the end. `given` holds properties that name a directory's path.
pub(super) fn resolve(rows: &[Record], given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let by_key: BTreeMap<String, &Record> = rows.iter().map(|row| (row.text("Directory"), row)).collect();
    let mut paths = BTreeMap::new();
    for key in by_key.keys() {
        path(key, &by_key, given, &mut paths, 0);
    }
    paths
}

fn path(
    key: &str,
    rows: &BTreeMap<String, &Record>,
    given: &BTreeMap<String, String>,
    paths: &mut BTreeMap<String, String>,
    depth: usize,
) -> String {
    if let Some(known) = paths.get(key) {
        return known.clone();
    }
    let row = rows.get(key);
    let parent = row.and_then(|row| row.optional("Directory_Parent")).filter(|it| it != key);
    let found = if let Some(given) = given.get(key).filter(|it| !it.is_empty()) {
        with_backslash(given)
    } else if let Some(parent) = parent.filter(|_| depth < 64) {
        let above = path(&parent, rows, given, paths, depth + 1);
        // target:source, each short|long; a dot is the parent itself.
        let name = row.map(|row| row.text("DefaultDir")).unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        match name.rsplit('|').next().unwrap_or(name) {
            "." | "" => above,
            name => format!("{above}{name}\\"),
        }
    } else {
        "C:\\".to_owned()
    };
    paths.insert(key.to_owned(), found.clone());
    found
}

fn with_backslash(path: &str) -> String {
    format!("{}\\", path.trim_end_matches(['\\', '/']))
}
