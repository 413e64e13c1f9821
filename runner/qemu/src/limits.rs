//! Limits of this process, and of the disks it writes to.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use crate::cgroup;

/// Limits that machines run into; `None` is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Files that one process may hold open.
    pub open_files: Option<u64>,
    /// Processes and threads of one user.
    pub processes: Option<u64>,
    /// Bytes of the largest file that may be written.
    pub file_size: Option<u64>,
    /// Bytes that one process may map.
    pub address_space: Option<u64>,
    /// First and last port that the system gives out, where it tells.
    pub ports: Option<(u16, u16)>,
    /// Why no port of 127.0.0.1 can be had, where none can.
    pub no_port: Option<String>,
}

impl Limits {
    /// The limits of this process, which QEMU inherits.
    #[must_use]
    pub fn of_this_process() -> Self {
        let soft = |resource| getrlimit(resource).current;
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
        Self {
            open_files: soft(Resource::Nofile),
            processes: soft(Resource::Nproc),
            file_size: soft(Resource::Fsize),
            address_space: soft(Resource::As),
            ports: range.and_then(|text| parse_ports(&text)),
            no_port: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).err().map(|error| error.to_string()),
        }
    }
}

/// Reads `ip_local_port_range`.
fn parse_ports(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(str::parse);
    let range = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (range.0 <= range.1).then_some(range)
}

/// Room on the disk below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The folder, or the nearest above it that is there.
    pub folder: PathBuf,
    /// Bytes that may be written.
    pub free_bytes: u64,
    /// Files that may be made, where the file system counts them.
    pub free_files: Option<u64>,
    /// The file system, as `mount` names it, where the host tells.
    pub file_system: Option<String>,
    /// Whether this user may write there.
    pub writable: bool,
}

impl Storage {
    /// The disk on which `folder` lies, or will once it is made; none when nothing of it can be reached.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let full = std::path::absolute(folder).ok()?;
        let there = full.ancestors().find_map(|folder| folder.canonicalize().ok())?;
        let space = rustix::fs::statvfs(&there).ok()?;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Some(Self {
            free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
            // btrfs and the like make them as they are needed, and say so by having none at all.
            free_files: (space.f_files > 0).then_some(space.f_favail),
            file_system: cgroup::file_system(&there, &mounts),
            // A file system that is mounted read-only says no even to root (access(2)).
            writable: rustix::fs::access(&there, rustix::fs::Access::WRITE_OK).is_ok(),
            folder: there,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_as_the_kernel_writes_them() {
        assert_eq!(parse_ports("32768\t60999\n"), Some((32768, 60999)));
        for text in ["", "32768", "60999 32768", "a b", "1 70000"] {
            assert_eq!(parse_ports(text), None, "{text}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_disk_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let here = Storage::of(folder.path()).unwrap();
        let later = Storage::of(&folder.path().join("reports/out")).unwrap();
        assert_eq!(later.folder, folder.path().canonicalize().unwrap());
        assert_eq!((here.file_system.clone(), here.writable), (later.file_system, true));
        assert!(here.file_system.is_some() && here.free_bytes > 0);
        assert_eq!(Storage::of(Path::new("/proc/self")).unwrap().file_system.as_deref(), Some("proc"));
    }

    #[test]
    fn limits_are_this_process_s_own() {
        let limits = Limits::of_this_process();
        assert!(limits.open_files.is_none_or(|files| files > 3));
        assert_eq!(limits.no_port, None);
    }
}
