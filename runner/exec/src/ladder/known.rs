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
