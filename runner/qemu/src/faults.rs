//! Errors of the host told as lab faults.

use std::io;
use std::path::Path;

use coexist_model::{FaultKind, LabFault};

/// Whether a program that prints C's error texts says that the disk is full.
pub(crate) fn says_no_room(text: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"].iter().any(|words| text.contains(words))
}

/// Whether QEMU says that the port of the SSH forward is taken.
pub(crate) fn says_port_taken(text: &str) -> bool {
    // net/slirp.c: "Could not set up host forwarding rule '%s'"
    text.to_lowercase().contains("host forwarding rule")
}

/// A file of the host could not be worked with.
pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> LabFault {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let kind = if full { FaultKind::HostDiskFull } else { FaultKind::HostFile };
    LabFault::new(kind, format!("{doing} {}: {error}", path.display()))
}

/// QEMU ended before its machine could be powered on.
pub(crate) fn start(status: &str, last_words: &str) -> LabFault {
    let kind = if says_no_room(last_words) { FaultKind::HostDiskFull } else { FaultKind::QemuStart };
    LabFault::new(kind, format!("QEMU did not start ({status}): {}", or_silence(last_words)))
}

/// QEMU ended although nobody asked it to.
pub(crate) fn died(status: &str, last_words: &str) -> LabFault {
    let kind = if says_no_room(last_words) { FaultKind::HostDiskFull } else { FaultKind::QemuDied };
    LabFault::new(kind, format!("QEMU is gone ({status}): {}", or_silence(last_words)))
}

fn or_silence(words: &str) -> &str {
    if words.is_empty() { "it printed nothing" } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_from_what_the_system_says() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(file("writing", Path::new("a"), &full).kind, FaultKind::HostDiskFull);
        assert_eq!(file("writing", Path::new("a"), &refused).kind, FaultKind::HostFile);
        let words = "qemu-system-x86_64: -drive x: No space left on device";
        assert_eq!(start("exit code 1", words).kind, FaultKind::HostDiskFull);
        assert_eq!(died("exit code 1", words).kind, FaultKind::HostDiskFull);
        let silent = start("signal 11", "");
        assert_eq!(silent.kind, FaultKind::QemuStart);
        assert_eq!(silent.message, "QEMU did not start (signal 11): it printed nothing");
        let port = "qemu-system-x86_64: -netdev user,…: Could not set up host forwarding rule 'tcp:127.0.0.1:1-:22'";
        assert!(says_port_taken(port) && !says_port_taken(words));
    }
}
