//! Where the evidence of this disk lies, by the registry on it.

use coexist_model::{DriverService, EvidencePlaces, EvidenceSettings};

use super::{DiskError, GuestDisk};
use crate::bytes::one_line;
use crate::hive::{from_software, from_system};
use crate::read_hive;

const SYSTEM_HIVE: &str = r"\Windows\System32\config\SYSTEM";
const SOFTWARE_HIVE: &str = r"\Windows\System32\config\SOFTWARE";
/// Largest hive that is read for this: they have some 20 and some 150 MiB.
const HIVE_LIMIT: u64 = 512 << 20;
/// The letter of the system volume where its registry does not tell. \[K\] Set-up has given no other since Windows Vista.
const USUAL_LETTER: &str = "C:";
/// Windows' own folder, below the letter of its volume.
const WINDOWS: &str = r"\Windows";

/// The places of evidence on one disk.
pub(super) struct Whereabouts {
    /// The model's list for it.
    pub(super) places: EvidencePlaces,
    letter: String,
}

impl Whereabouts {
    /// What the disk's registry says; what it does not tell is where Windows has it by default.
    pub(super) fn of(disk: &GuestDisk, notes: &mut Vec<String>) -> Self {
        let mut settings = EvidenceSettings::default();
        let mut ask = |hive: &str, read: fn(&[u8], &mut EvidenceSettings) -> Result<(), String>| {
            let said = match disk.read_file(hive, HIVE_LIMIT) {
                Err(DiskError::NotFound(_)) => return,
                Err(error) => Err(error.to_string()),
                Ok(file) => read(&file.bytes, &mut settings).map_err(|why| format!("{hive}: {why}")),
            };
            if let Err(why) = said {
                notes.push(format!("what the registry says of where evidence lies could not all be read: {why}"));
            }
        };
        ask(SYSTEM_HIVE, from_system);
        ask(SOFTWARE_HIVE, from_software);
        let letter = settings.system_root.as_deref().and_then(letter_of_windows).unwrap_or(USUAL_LETTER).to_owned();
        settings.system_root = Some(format!("{letter}{WINDOWS}"));
        let places = EvidencePlaces::of(&settings, &|_| None);
        notes.extend(places.unknown.iter().map(|why| one_line(why, 500)));
        Self { places, letter }
    }

    /// A path below the root of Windows' volume.
    ///
    /// # Errors
    /// When it lies on another, in words: which volume has another letter is not looked up.
    pub(super) fn on_its_volume<'p>(&self, path: &'p str) -> Result<&'p str, String> {
        match path.split_at_checked(self.letter.len()) {
            Some((drive, below)) if drive.eq_ignore_ascii_case(&self.letter) => Ok(below),
            _ => Err(format!("{path} is on another volume than Windows, and was not looked for")),
        }
    }
}

/// The drive of a Windows that lies in the folder where it is looked for.
fn letter_of_windows(system_root: &str) -> Option<&str> {
    let (letter, folder) = system_root.split_at_checked(2)?;
    let is_letter = matches!(letter.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic());
    (is_letter && folder.trim_end_matches('\\').eq_ignore_ascii_case(WINDOWS)).then_some(letter)
}

/// Where the disk's registry says that a driver's file lies, by the file's base name, below the root of the system volume.
/// Products keep theirs in folders of their own.
pub(super) fn registered_driver(disk: &GuestDisk, name: &str) -> Option<String> {
    let hive = read_hive(&disk.read_file(SYSTEM_HIVE, HIVE_LIMIT).ok()?.bytes).ok()?;
    let paths = hive.drivers.iter().filter_map(|DriverService { image_path, .. }| image_path.as_deref());
    let is_it = |path: &&str| path.rsplit(['\\', '/']).next().is_some_and(|it| it.eq_ignore_ascii_case(name));
    paths.filter(is_it).find_map(below_root)
}

/// `system32\drivers\x.sys`, `\SystemRoot\…`, `%SystemRoot%\…` and `\??\C:\…` below the root of the volume.
fn below_root(image_path: &str) -> Option<String> {
    let path = image_path.trim().trim_matches('"').replace('/', r"\");
    let strip = |start: &str| {
        let (found, rest) = path.split_at_checked(start.len())?;
        found.eq_ignore_ascii_case(start).then_some(rest)
    };
    if let Some(rest) = strip(r"\SystemRoot\").or_else(|| strip(r"%SystemRoot%\")) {
        return Some(format!(r"{WINDOWS}\{rest}"));
    }
    if strip(r"system32\").is_some() {
        return Some(format!(r"{WINDOWS}\{path}"));
    }
    let path = path.strip_prefix(r"\??\").unwrap_or(&path);
    let (drive, below) = path.split_at_checked(2)?;
    (drive.ends_with(':') && below.starts_with('\\')).then(|| below.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_lie_where_services_say() {
        for (written, below) in [
            (r"system32\drivers\acme\a.sys", Some(r"\Windows\system32\drivers\acme\a.sys")),
            (r"\SystemRoot\System32\DriverStore\x\a.sys", Some(r"\Windows\System32\DriverStore\x\a.sys")),
            (r"%systemroot%\a.sys", Some(r"\Windows\a.sys")),
            ("\"\\??\\C:\\Program Files\\Acme\\a.sys\"", Some(r"\Program Files\Acme\a.sys")),
            (r"a.sys", None),
            (r"\Device\x\a.sys", None),
            ("", None),
        ] {
            assert_eq!(below_root(written).as_deref(), below, "{written}");
        }
    }

    #[test]
    fn the_letter_of_windows() {
        for (root, letter) in [
            (r"D:\Windows", Some("D:")),
            (r"c:\WINDOWS\", Some("c:")),
            (r"D:\WINNT", None),
            ("ä:\\Windows", None),
            ("", None),
        ] {
            assert_eq!(letter_of_windows(root), letter, "{root}");
        }
    }
}
