//! The initramfs: the init, the modules it loads, and ntfs-3g with its libraries.
//!
//! The archive is in the kernel's "newc" form (Documentation/driver-api/early-userspace/buffer-format.rst), written here
//! because a device node and root's ownership need no powers in an archive.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{BuildError, at};
use crate::kernel::Kernel;
use crate::keys::Keys;
use crate::run::{command, run};
use crate::tools;

/// What the init loads, and when (it reads the groups' names).
const MODULES: [(&str, &[&str]); 4] = [
    ("disk", &["virtio_pci", "virtio_blk", "fuse"]),
    ("net", &["virtio_net"]),
    ("entropy", &["virtio_rng"]),
    ("late", &["button", "evdev"]),
];

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const SECRET: u32 = 0o100_600;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// Builds the compressed initramfs of the finished image.
pub(crate) fn boot(scratch: &Path, init: &Path, kernel: &Kernel) -> Result<PathBuf, BuildError> {
    let mut archive = Archive::default();
    for folder in ["dev", "proc", "sys", "c", "etc", "bin", "modules", "tmp"] {
        archive.add(folder, FOLDER, &[]);
    }
    archive.add_device("dev/console", (5, 1));
    archive.add_file("init", PROGRAM, init)?;
    add_modules(&mut archive, kernel)?;
    if let Some(ntfs) = tools::find("ntfs-3g") {
        archive.add_file("bin/ntfs-3g", PROGRAM, &ntfs)?;
        for library in libraries(&ntfs)? {
            archive.add_file(&library.to_string_lossy(), PROGRAM, &library)?;
        }
    }
    // ntfs-3g wants it to exist
    archive.add("etc/mtab", FILE, &[]);
    write_compressed(scratch, "initrd", archive)
}

/// Adds what only the first boot needs: an uncompressed archive in front, which the kernel unpacks before the other one.
pub(crate) fn setup(scratch: &Path, boot: &Path, keys: &Keys) -> Result<PathBuf, BuildError> {
    let mut archive = Archive::default();
    archive.add("setup", FOLDER, &[]);
    archive.add_file("setup/host_key", SECRET, &keys.host_private)?;
    archive.add_file("setup/host_key.pub", FILE, &keys.host_public)?;
    archive.add_file("setup/authorized_keys", FILE, &keys.client_public)?;
    let both = scratch.join("initrd-setup");
    let mut bytes = archive.finish();
    bytes.extend(fs::read(boot).map_err(at(boot))?);
    fs::write(&both, bytes).map_err(at(&both))?;
    Ok(both)
}

fn add_modules(archive: &mut Archive, kernel: &Kernel) -> Result<(), BuildError> {
    let mut order = String::new();
    let mut done = BTreeSet::new();
    for (group, names) in MODULES {
        for module in kernel.modules_in_order(names)? {
            if done.insert(module.file.clone()) {
                archive.add(&format!("modules/{}", module.file), FILE, &module.bytes);
                order.push_str(&format!("{group} {}\n", module.file));
            }
        }
    }
    archive.add("modules/order", FILE, order.as_bytes());
    Ok(())
}

/// Shared libraries of a program, the loader included, as the host's own loader resolves them.
fn libraries(program: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let said = run(command("ldd").arg(program))?;
    Ok(paths_of_ldd(&String::from_utf8_lossy(&said)))
}

fn paths_of_ldd(text: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let line = line.split(" (").next()?.trim();
        let path = line.rsplit(" => ").next()?.trim();
        path.starts_with('/').then(|| PathBuf::from(path))
    };
    text.lines().filter_map(path).collect()
}

fn write_compressed(scratch: &Path, name: &str, archive: Archive) -> Result<PathBuf, BuildError> {
    let plain = scratch.join(format!("{name}.cpio"));
    let compressed = scratch.join(name);
    fs::write(&plain, archive.finish()).map_err(at(&plain))?;
    // the kernel reads LZ4's legacy frames only
    run(command("lz4").args(["-q", "-l", "-9", "-f"]).arg(&plain).arg(&compressed))?;
    Ok(compressed)
}

/// An archive being written.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    folders: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    fn add_file(&mut self, name: &str, mode: u32, from: &Path) -> Result<(), BuildError> {
        let bytes = fs::read(from).map_err(at(from))?;
        self.add(name, mode, &bytes);
        Ok(())
    }

    /// Adds an entry, and the folders above it where they are missing.
    fn add(&mut self, name: &str, mode: u32, data: &[u8]) {
        let name = name.trim_start_matches('/');
        self.add_parents(name);
        if mode != FOLDER || self.folders.insert(name.to_owned()) {
            self.entry(name, mode, data, (0, 0));
        }
    }

    fn add_device(&mut self, name: &str, number: (u32, u32)) {
        self.add_parents(name);
        self.entry(name, CHARACTER_DEVICE, &[], number);
    }

    fn add_parents(&mut self, name: &str) {
        for (at, _) in name.match_indices('/') {
            if self.folders.insert(name[..at].to_owned()) {
                self.entry(&name[..at], FOLDER, &[], (0, 0));
            }
        }
    }

    fn entry(&mut self, name: &str, mode: u32, data: &[u8], device: (u32, u32)) {
        self.entries += 1;
        let sizes = (u32::try_from(data.len()).unwrap_or(u32::MAX), u32::try_from(name.len() + 1).unwrap_or(u32::MAX));
        // inode, mode, uid, gid, links, mtime, size, device (2), the node's device (2), name's size, checksum
        let fields = [self.entries, mode, 0, 0, 1, 0, sizes.0, 0, 0, device.0, device.1, sizes.1, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[], (0, 0));
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn gnu_cpio_lists_the_archive() {
        let mut archive = Archive::default();
        archive.add("etc", FOLDER, &[]);
        archive.add_device("dev/console", (5, 1));
        archive.add("/lib/deep/file", FILE, b"12345");
        archive.add("etc/mtab", FILE, &[]);
        let bytes = archive.finish();
        let Ok(mut cpio) = Command::new("cpio")
            .args(["-t", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
        else {
            // cpio is no dependency of the build; the kernel reads the archive in every boot
            return;
        };
        cpio.stdin.take().unwrap().write_all(&bytes).unwrap();
        let listed = String::from_utf8(cpio.wait_with_output().unwrap().stdout).unwrap();
        let names: Vec<&str> = listed.lines().collect();
        assert_eq!(names, ["etc", "dev", "dev/console", "lib", "lib/deep", "lib/deep/file", "etc/mtab"]);
    }

    #[test]
    fn libraries_as_ldd_prints_them() {
        let text = "\tlinux-vdso.so.1 (0x00007fd2aebb9000)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fd2ae947000)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007fd2aebbb000)\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(paths_of_ldd(text), expected);
    }
}
