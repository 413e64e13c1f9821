//! Errors of the host told as lab faults: what was tried, what was seen, what to do.

use std::io;
use std::path::Path;

use coexist_model::{FaultKind, LabFault};
use rustix::io::Errno;

use crate::process::End;

/// What the texts of C's errors, as QEMU prints them, mean for the lab.
const WORDS: [(&str, FaultKind); 6] = [
    ("No space left on device", FaultKind::HostDiskFull),
    ("Disk quota exceeded", FaultKind::HostDiskFull),
    ("Cannot allocate memory", FaultKind::HostMemory),
    ("cannot set up guest memory", FaultKind::HostMemory),
    // GLib's last words (gmem.c) when malloc has nothing.
    ("failed to allocate", FaultKind::HostMemory),
    // "in system" may follow: that is the whole host's limit.
    ("Too many open files", FaultKind::HostFileHandles),
];

/// The host's want that a program speaks of, if it does.
pub(crate) fn want_in_words(text: &str) -> Option<FaultKind> {
    WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, kind)| *kind)
}

/// Whether QEMU says that the port of the SSH forward is taken.
pub(crate) fn says_port_taken(text: &str) -> bool {
    // net/slirp.c: "Could not set up host forwarding rule '%s'"
    text.to_lowercase().contains("host forwarding rule")
}

/// The host's want that an error tells of, if it does.
fn want(error: &io::Error) -> Option<FaultKind> {
    let number = error.raw_os_error();
    let is = |errno: Errno| number == Some(errno.raw_os_error());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(FaultKind::HostDiskFull),
        io::ErrorKind::OutOfMemory => Some(FaultKind::HostMemory),
        _ if is(Errno::MFILE) || is(Errno::NFILE) => Some(FaultKind::HostFileHandles),
        _ => None,
    }
}

/// What to do about a fault.
fn remedy(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::HostDiskFull => "free some room; `coexist doctor` tells how much there is",
        FaultKind::HostMemory => {
            "free memory, raise the control group's limit, or run less at once; `coexist doctor` tells how many machines fit"
        }
        FaultKind::HostFileHandles => {
            "allow more open files (`ulimit -n 4096`, `LimitNOFILE=` of a service, or the host's fs.file-max)"
        }
        FaultKind::PortTaken => "`ss -ltnp` shows who listens; net.ipv4.ip_local_port_range sets what is offered",
        FaultKind::HostFile => "look whether the path is there and this user may use it",
        FaultKind::QemuHung => {
            "`ps -C qemu-system-x86_64 -o pid,stat,wchan` tells whether it is stopped (T) or waits for the host (D)"
        }
        FaultKind::QemuDied => "qemu.log and the host's journal (`journalctl -k`) tell more",
        _ => "qemu.log holds the command line, to be tried by hand",
    }
}

/// A fault of this kind, with what to do about it.
pub(crate) fn fault(kind: FaultKind, seen: impl std::fmt::Display) -> LabFault {
    LabFault::new(kind, format!("{seen}; {}", remedy(kind)))
}

/// A file of the host could not be worked with.
pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> LabFault {
    fault(want(error).unwrap_or(FaultKind::HostFile), format!("{doing} {}: {error}", path.display()))
}

/// A task of ours about a file ended without an answer.
pub(crate) fn task(doing: &str, error: &tokio::task::JoinError) -> LabFault {
    fault(FaultKind::HostFile, format!("{doing}: {error}"))
}

/// QEMU's process could not be made.
pub(crate) fn spawn(error: &io::Error) -> LabFault {
    if error.kind() == io::ErrorKind::WouldBlock {
        let seen = format!("QEMU could not be started: {error}: this user has too many processes");
        return LabFault::new(FaultKind::QemuStart, format!("{seen}; allow more (`ulimit -u`)"));
    }
    fault(want(error).unwrap_or(FaultKind::QemuStart), format!("QEMU could not be started: {error}"))
}

/// QEMU ended before its machine could be powered on.
pub(crate) fn start(end: &End, last_words: &str) -> LabFault {
    ended(FaultKind::QemuStart, "QEMU did not start", end, last_words)
}

/// QEMU ended although nobody asked it to.
pub(crate) fn died(end: &End, last_words: &str) -> LabFault {
    ended(FaultKind::QemuDied, "QEMU is gone", end, last_words)
}

fn ended(otherwise: FaultKind, what: &str, end: &End, last_words: &str) -> LabFault {
    let End { status, out_of_memory } = end;
    if *out_of_memory {
        let seen =
            format!("{what} ({status}): it was killed while the kernel killed processes here for want of memory");
        return fault(FaultKind::HostMemory, seen);
    }
    let kind = want_in_words(last_words).unwrap_or(otherwise);
    fault(kind, format!("{what} ({status}): {}", or_silence(last_words)))
}

/// QEMU does not do what it is asked, or lets the guest not run.
pub(crate) fn hung(seen: impl std::fmt::Display, last_words: &str) -> LabFault {
    fault(FaultKind::QemuHung, format!("{seen}; its last words: {}", or_silence(last_words)))
}

/// No port for the SSH forward was to be had from the system.
pub(crate) fn no_port(error: &io::Error) -> LabFault {
    let kind = match error.kind() {
        io::ErrorKind::AddrInUse => FaultKind::PortTaken,
        _ => want(error).unwrap_or(FaultKind::QemuStart),
    };
    let seen = format!("there is no free port on 127.0.0.1 for the SSH forward: {error}");
    if kind == FaultKind::QemuStart {
        return LabFault::new(kind, format!("{seen}; the loopback interface must be up (`ip link set lo up`)"));
    }
    fault(kind, seen)
}

/// Every port that was offered to QEMU was taken when it came to bind it.
pub(crate) fn ports_taken(offered: &[u16], last_words: &str) -> LabFault {
    let list = offered.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let seen = format!("QEMU could have none of the ports {list} of 127.0.0.1 for the SSH forward: {last_words}");
    fault(FaultKind::PortTaken, seen)
}

fn or_silence(words: &str) -> &str {
    if words.is_empty() { "it printed nothing" } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(status: &str) -> End {
        End { status: status.to_owned(), out_of_memory: false }
    }

    #[test]
    fn kinds_follow_from_errors_of_the_system() {
        let raw = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        let table = [
            (Errno::NOSPC, FaultKind::HostDiskFull, FaultKind::HostDiskFull, FaultKind::HostDiskFull),
            (Errno::DQUOT, FaultKind::HostDiskFull, FaultKind::HostDiskFull, FaultKind::HostDiskFull),
            (Errno::NOMEM, FaultKind::HostMemory, FaultKind::HostMemory, FaultKind::HostMemory),
            (Errno::MFILE, FaultKind::HostFileHandles, FaultKind::HostFileHandles, FaultKind::HostFileHandles),
            (Errno::NFILE, FaultKind::HostFileHandles, FaultKind::HostFileHandles, FaultKind::HostFileHandles),
            (Errno::ACCESS, FaultKind::HostFile, FaultKind::QemuStart, FaultKind::QemuStart),
            (Errno::AGAIN, FaultKind::HostFile, FaultKind::QemuStart, FaultKind::QemuStart),
            (Errno::ADDRINUSE, FaultKind::HostFile, FaultKind::QemuStart, FaultKind::PortTaken),
        ];
        for (errno, of_file, of_spawn, of_port) in table {
            let error = raw(errno);
            assert_eq!(file("writing", Path::new("a"), &error).kind, of_file, "{error}");
            assert_eq!(spawn(&error).kind, of_spawn, "{error}");
            assert_eq!(no_port(&error).kind, of_port, "{error}");
        }
    }

    #[test]
    fn kinds_follow_from_what_qemu_says() {
        let table = [
            ("qemu-system-x86_64: -drive x: No space left on device", FaultKind::HostDiskFull),
            ("qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory", FaultKind::HostMemory),
            (
                "qemu-system-x86_64: allocate 1073741824 bytes for jit buffer: Cannot allocate memory",
                FaultKind::HostMemory,
            ),
            ("GLib-ERROR **: ../../../glib/gmem.c:106: failed to allocate 4194304 bytes", FaultKind::HostMemory),
            ("qemu-system-x86_64: Could not open '/x': Too many open files", FaultKind::HostFileHandles),
            ("Could not open '/x': Too many open files in system", FaultKind::HostFileHandles),
        ];
        for (words, kind) in table {
            assert_eq!((start(&end("exit code 1"), words).kind, died(&end("exit code 1"), words).kind), (kind, kind));
        }
        let port = "qemu-system-x86_64: -netdev user,…: Could not set up host forwarding rule 'tcp:127.0.0.1:1-:22'";
        assert!(says_port_taken(port) && table.iter().all(|(words, _)| !says_port_taken(words)));
    }

    #[test]
    fn a_kill_for_memory_is_told_from_any_other() {
        let killed = End { status: "signal 9".to_owned(), out_of_memory: true };
        let fault = died(&killed, "");
        assert_eq!(fault.kind, FaultKind::HostMemory);
        assert!(fault.message.contains("the kernel killed processes here for want of memory"), "{fault}");
        assert_eq!(died(&end("signal 9"), "").kind, FaultKind::QemuDied);
    }

    #[test]
    fn messages_tell_what_was_seen_and_what_to_do() {
        let table = [
            (
                start(&end("signal 11"), ""),
                "QEMU did not start (signal 11): it printed nothing; qemu.log holds the command line, to be tried by hand",
            ),
            (
                died(&end("signal 6"), "assertion failed"),
                "QEMU is gone (signal 6): assertion failed; qemu.log and the host's journal (`journalctl -k`) tell more",
            ),
            (
                ports_taken(&[40001, 40002], "taken"),
                "QEMU could have none of the ports 40001, 40002 of 127.0.0.1 for the SSH forward: taken; `ss -ltnp` \
                 shows who listens; net.ipv4.ip_local_port_range sets what is offered",
            ),
            (
                hung("QEMU did not answer `query-status` within 5s", ""),
                "QEMU did not answer `query-status` within 5s; its last words: it printed nothing; `ps -C \
                 qemu-system-x86_64 -o pid,stat,wchan` tells whether it is stopped (T) or waits for the host (D)",
            ),
        ];
        for (fault, message) in table {
            assert_eq!(fault.message, message);
        }
    }
}
