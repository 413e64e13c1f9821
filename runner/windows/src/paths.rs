//! Where the lab keeps its things in the guest, and how paths are written there.

/// The lab's folder in the guest.
pub(crate) const LAB: &str = r"C:\coexist";
/// Packages, one folder per digest.
pub(crate) const PACKAGES: &str = r"C:\coexist\packages";
/// Command files that the lab writes.
pub(crate) const SCRIPTS: &str = r"C:\coexist\scripts";
/// Logs of installers, exported event logs.
pub(crate) use coexist_model::LAB_LOGS as LOGS;

/// `C:\a\b` as SFTP names it: `/C:/a/b`.
///
/// \[R\] The server takes `/C:/a`, `C:/a` and `C:\a`; the first is what its own `realpath` returns.
pub(crate) fn sftp(path: &str) -> String {
    let slashes = path.replace('\\', "/");
    let mut letters = slashes.chars();
    match (letters.next(), letters.next()) {
        (Some(drive), Some(':')) if drive.is_ascii_alphabetic() => format!("/{slashes}"),
        _ => slashes,
    }
}

/// The folders that lead to a file, outermost first, the drive itself not among them.
pub(crate) fn folders_above(path: &str) -> Vec<String> {
    let slashes = sftp(path);
    let ends: Vec<_> = slashes.match_indices('/').map(|(at, _)| at).collect();
    ends.into_iter().skip(2).map(|end| slashes[..end].to_owned()).collect()
}

/// A name that is safe as one component of a path, whatever it is made from.
pub(crate) fn safe_component(text: &str) -> String {
    let safe: String = text
        .chars()
        .take(60)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect();
    // Windows drops dots at the end of a name.
    format!("{}-", safe.trim_end_matches('.')).trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sftp_names() {
        assert_eq!(sftp(r"C:\Windows\Minidump"), "/C:/Windows/Minidump");
        assert_eq!(sftp("c:/x"), "/c:/x");
        assert_eq!(sftp("/C:/x"), "/C:/x");
        assert_eq!(folders_above(r"C:\a\b\c.txt"), ["/C:/a", "/C:/a/b"]);
        assert!(folders_above(r"C:\c.txt").is_empty());
    }

    #[test]
    fn names() {
        assert_eq!(safe_component("acme-endpoint 4.1/..\\x"), "acme-endpoint-4.1-..-x");
        assert_eq!(safe_component("1.0..."), "1.0");
    }
}
