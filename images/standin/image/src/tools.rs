//! The programs this build calls, and where Debian has them.

use std::path::{Path, PathBuf};

use crate::error::{BuildError, MissingTool};

/// Every program (by name) and file (by full path) the build needs, with its Debian package.
const REQUIRED: &[(&str, &str)] = &[
    ("apt-get", "apt"),
    ("apt-cache", "apt"),
    ("dpkg-deb", "dpkg"),
    ("ldd", "libc-bin"),
    ("ssh-keygen", "openssh-client"),
    ("lz4", "lz4"),
    ("xz", "xz-utils"),
    ("sfdisk", "fdisk"),
    ("mkfs.vfat", "dosfstools"),
    ("mcopy", "mtools"),
    ("mmd", "mtools"),
    ("syslinux", "syslinux"),
    ("mkntfs", "ntfs-3g"),
    ("ntfs-3g", "ntfs-3g"),
    ("qemu-img", "qemu-utils"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("/usr/lib/syslinux/mbr/mbr.bin", "syslinux-common"),
    ("/usr/lib/systemd/boot/efi/linuxx64.efi.stub", "systemd-boot-efi"),
    // without these the linker cannot make a static program
    ("cc", "gcc"),
    ("/usr/lib/x86_64-linux-gnu/libc.a", "libc6-dev"),
];

/// The boot sector of an MBR disk.
pub(crate) const MBR: &str = "/usr/lib/syslinux/mbr/mbr.bin";
/// The program that turns kernel and initrd into one UEFI application.
pub(crate) const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// Every program (by name) and file (by full path) the build needs, with its Debian package.
#[must_use]
pub fn required_tools() -> &'static [(&'static str, &'static str)] {
    REQUIRED
}

/// Names everything that is missing at once.
pub(crate) fn check() -> Result<(), BuildError> {
    let missing: Vec<MissingTool> = REQUIRED
        .iter()
        .filter(|(tool, _)| find(tool).is_none())
        .map(|&(tool, package)| MissingTool { tool, package })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(BuildError::MissingTools(missing)) }
}

/// Where a program is. The system's administration folders count even when the caller's PATH has them not.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    if tool.starts_with('/') {
        return Some(PathBuf::from(tool)).filter(|it| it.exists());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(extra).map(|folder| folder.join(tool)).find(|it| is_program(it))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there() {
        assert!(find("sh").is_some());
        assert!(find("/bin/sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
        assert!(find("/no/such/file").is_none());
    }

    #[test]
    fn every_tool_names_its_package() {
        assert!(REQUIRED.iter().all(|(tool, package)| !tool.is_empty() && !package.is_empty()));
    }
}
