//! Which files of a guest are known: those that were there before, and those that are safe already.

use coexist_lab::RemoteFile;
use coexist_model::EvidenceKind;

/// Most files of one kind that are kept, the newest; those that a guest writes while it lives apart. Of logs and hives the
/// list of places names more than of dumps, and each tells something of its own.
pub(super) fn most_of(kind: EvidenceKind) -> usize {
    match kind {
        EvidenceKind::SetupLog | EvidenceKind::RegistryHive => 30,
        _ => 5,
    }
}

/// What tells one file from another: an old name may get new content.
pub(crate) type FileName = (String, u64, u64);

/// The name of a file of a guest.
pub(crate) fn file_name(file: &RemoteFile) -> FileName {
    (file.path.clone(), file.size, file.modified)
}

/// A path inside the guest, by which the same file is known over SFTP and on the disk: `/windows/minidump/1.dmp` for both
/// `/C:/Windows/Minidump/1.dmp` and `\Windows\Minidump\1.dmp`.
pub(super) fn inner_path(path: &str) -> String {
    let path = path.replace('\\', "/").to_lowercase();
    let path = path.trim_start_matches('/');
    let path = match path.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 => rest,
        _ => path,
    };
    format!("/{}", path.trim_start_matches('/'))
}

/// Files of a guest that are safe whole, whichever rung gave them.
#[derive(Debug, Clone, Default)]
pub(super) struct Had(Vec<(String, u64, Option<u64>)>);

impl Had {
    /// Whether this very file is among them. One that changed is not, though its size is the same: small dumps of one
    /// system often have one size.
    pub(super) fn has(&self, path: &str, size: u64, modified: u64) -> bool {
        let path = inner_path(path);
        self.0.iter().any(|it| it.0 == path && it.1 == size && it.2.is_none_or(|time| time == modified))
    }

    /// Whether a file of this base name is among them.
    pub(super) fn has_name(&self, name: &str) -> bool {
        let end = inner_path(name);
        self.0.iter().any(|it| it.0.ends_with(&end))
    }

    /// Adds a file, last changed at this time where it is known.
    pub(super) fn remember(&mut self, path: &str, size: u64, modified: Option<u64>) {
        self.0.push((inner_path(path), size, modified));
    }
}

/// A guest's name for a file, fit to be part of a path on this host.
pub(super) fn host_name(path: &str) -> String {
    let name = path.rsplit(['\\', '/']).next().unwrap_or(path);
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = name.chars().take(100).map(safe).collect();
    if name.starts_with('.') || name.is_empty() { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_path() {
        for path in [
            "/C:/Windows/Minidump/1.dmp",
            r"\Windows\Minidump\1.DMP",
            r"c:\windows\minidump\1.dmp",
            "windows/minidump/1.dmp",
        ] {
            assert_eq!(inner_path(path), "/windows/minidump/1.dmp", "{path}");
        }
        assert_eq!(inner_path("ab:cd/e"), "/ab:cd/e");
        assert_eq!(inner_path(""), "/");
    }

    #[test]
    fn a_file_that_changed_is_another() {
        let mut had = Had::default();
        had.remember("/C:/Windows/MEMORY.DMP", 7, Some(100));
        had.remember("/C:/coexist/logs/acme.log", 9, None);
        assert!(had.has(r"\Windows\Memory.dmp", 7, 100));
        assert!(!had.has(r"\Windows\Memory.dmp", 7, 101) && !had.has(r"\Windows\Memory.dmp", 8, 100));
        assert!(had.has(r"\coexist\logs\acme.log", 9, 55), "its time was not known");
        assert!(had.has_name("memory.dmp") && !had.has_name("emory.dmp"));
    }

    #[test]
    fn names_are_safe_on_the_host() {
        for (guest, host) in [
            ("/C:/Windows/MEMORY.DMP", "MEMORY.DMP"),
            (r"C:\a\..", "_.."),
            ("/C:/", "_"),
            ("a b\u{202e}\n.dmp", "a_b__.dmp"),
            ("Acme Svc.exe.1234.dmp", "Acme_Svc.exe.1234.dmp"),
        ] {
            assert_eq!(host_name(guest), host);
        }
        assert_eq!(host_name(&"x".repeat(300)).len(), 100);
    }
}
