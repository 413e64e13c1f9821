//! Lays out the disk: an MBR, a FAT partition that both firmwares start from, and the NTFS volume.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::{BuildError, at};
use crate::run::{command, run, tail};
use crate::{tools, uki};

const SECTOR: u64 = 512;
const MIB: u64 = 1 << 20;
/// Whole disk: small enough that a guest fills it in seconds.
const DISK: u64 = 256 * MIB;
/// Start and length of the FAT partition.
const FAT: (u64, u64) = (MIB, 96 * MIB);
/// Start of the NTFS volume; it reaches to the end.
const NTFS: u64 = FAT.0 + FAT.1;
/// Boot code in the first sector, before the partition table.
const BOOT_CODE: usize = 440;

/// The kernel's command line. Times behind the choices: `cryptomgr.notests` saves 0.27 s under emulation, and a fixed
/// kernel address makes resets even. `nmi_watchdog=0` keeps the interrupt counter that the init watches at rest.
pub(crate) const COMMAND_LINE: &str = "quiet panic=1 tsc=reliable no_timer_check mitigations=off \
    random.trust_bootloader=on random.trust_cpu=on rdinit=/init nokaslr cryptomgr.notests nmi_watchdog=0";

/// Builds the raw disk with an empty Windows volume.
pub(crate) fn lay_out(scratch: &Path, kernel: &Path, initrd: &Path) -> Result<PathBuf, BuildError> {
    let disk = scratch.join("disk.raw");
    sparse(&disk, DISK)?;
    partition(&disk)?;
    let fat = fat(scratch, kernel, initrd)?;
    copy_into(&fat, &disk, FAT.0)?;
    let ntfs = ntfs(scratch)?;
    copy_into(&ntfs, &disk, NTFS)?;
    write_boot_code(&disk)?;
    Ok(disk)
}

/// The disk as a compact qcow2 file.
pub(crate) fn compact(scratch: &Path, raw: &Path) -> Result<PathBuf, BuildError> {
    let disk = scratch.join("standin.qcow2");
    run(command("qemu-img").args(["convert", "-q", "-f", "raw", "-O", "qcow2"]).arg(raw).arg(&disk))?;
    Ok(disk)
}

fn partition(disk: &Path) -> Result<(), BuildError> {
    let layout = format!(
        "label: dos\nlabel-id: 0x5354414e\nstart={},size={},type=ef,bootable\nstart={},type=7\n",
        FAT.0 / SECTOR,
        FAT.1 / SECTOR,
        NTFS / SECTOR
    );
    let mut command = command("sfdisk");
    let program = command.get_program().to_string_lossy().into_owned();
    let start = |source| BuildError::Start { program: program.clone(), source };
    let mut child = command
        .arg("-q")
        .arg(disk)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(layout.as_bytes()).map_err(at(disk))?;
    }
    let output = child.wait_with_output().map_err(at(disk))?;
    if output.status.success() {
        return Ok(());
    }
    Err(BuildError::Failed { program, status: output.status.to_string(), said: tail(&output.stderr) })
}

fn fat(scratch: &Path, kernel: &Path, initrd: &Path) -> Result<PathBuf, BuildError> {
    let fat = scratch.join("fat.raw");
    sparse(&fat, FAT.1)?;
    let hidden = (FAT.0 / SECTOR).to_string();
    // -h: the boot sector must know where its partition starts
    run(command("mkfs.vfat").args(["-F", "16", "-s", "4", "-i", "5354414e", "-h", &hidden]).arg(&fat))?;
    let config = scratch.join("syslinux.cfg");
    let text = format!(
        "DEFAULT standin\nPROMPT 0\nTIMEOUT 0\nLABEL standin\n LINUX linux\n INITRD initrd\n APPEND {COMMAND_LINE}\n"
    );
    fs::write(&config, text).map_err(at(&config))?;
    let unified = scratch.join("bootx64.efi");
    fs::write(&unified, unified_kernel_image(kernel, initrd)?).map_err(at(&unified))?;
    run(command("mmd").arg("-i").arg(&fat).args(["::/EFI", "::/EFI/BOOT"]))?;
    for (from, to) in [
        (kernel, "::/linux"),
        (initrd, "::/initrd"),
        (&*config, "::/syslinux.cfg"),
        (&*unified, "::/EFI/BOOT/BOOTX64.EFI"),
    ] {
        run(command("mcopy").arg("-i").arg(&fat).arg(from).arg(to))?;
    }
    run(command("syslinux").arg("--install").arg(&fat))?;
    Ok(fat)
}

fn unified_kernel_image(kernel: &Path, initrd: &Path) -> Result<Vec<u8>, BuildError> {
    let stub = fs::read(tools::STUB).map_err(at(Path::new(tools::STUB)))?;
    let kernel = fs::read(kernel).map_err(at(kernel))?;
    let initrd = fs::read(initrd).map_err(at(initrd))?;
    let command_line = format!("{COMMAND_LINE}\0");
    uki::assemble(&stub, &[(b".cmdline", command_line.as_bytes()), (b".linux\0\0", &kernel), (b".initrd\0", &initrd)])
}

fn ntfs(scratch: &Path) -> Result<PathBuf, BuildError> {
    let ntfs = scratch.join("ntfs.raw");
    sparse(&ntfs, DISK - NTFS)?;
    let start = (NTFS / SECTOR).to_string();
    run(command("mkntfs")
        .args(["-F", "-Q", "-q", "-L", "Windows", "-p", &start, "-H", "255", "-S", "63", "-s", "512"])
        .arg(&ntfs))?;
    Ok(ntfs)
}

fn write_boot_code(disk: &Path) -> Result<(), BuildError> {
    let code = fs::read(tools::MBR).map_err(at(Path::new(tools::MBR)))?;
    let mut disk_file = OpenOptions::new().write(true).open(disk).map_err(at(disk))?;
    disk_file.write_all(&code[..code.len().min(BOOT_CODE)]).map_err(at(disk))
}

fn sparse(path: &Path, length: u64) -> Result<(), BuildError> {
    File::create(path).and_then(|file| file.set_len(length)).map_err(at(path))
}

fn copy_into(from: &Path, to: &Path, offset: u64) -> Result<(), BuildError> {
    let mut source = File::open(from).map_err(at(from))?;
    let mut target = OpenOptions::new().write(true).open(to).map_err(at(to))?;
    copy_sparse(&mut source, &mut target, offset).map_err(at(to))
}

/// Copies, leaving out what is zero.
fn copy_sparse(source: &mut File, target: &mut File, offset: u64) -> io::Result<()> {
    const PIECE: usize = 64 * 1024;
    let zero = vec![0; PIECE];
    let mut piece = zero.clone();
    let mut at = offset;
    loop {
        let length = source.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        if piece[..length] != zero[..length] {
            target.seek(SeekFrom::Start(at))?;
            target.write_all(&piece[..length])?;
        }
        at += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_to_its_place_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let mut bytes = vec![0; 200_000];
        bytes[150_000] = 9;
        fs::write(&from, &bytes).unwrap();
        sparse(&to, 300_000).unwrap();
        copy_into(&from, &to, 1_000).unwrap();
        let copied = fs::read(&to).unwrap();
        assert_eq!(copied.len(), 300_000);
        assert_eq!(copied[1_000..201_000], bytes);
        assert_eq!(copied.iter().filter(|&&it| it != 0).count(), 1);
    }

    #[test]
    fn partitions_do_not_overlap() {
        assert_eq!(FAT.0 % SECTOR, 0);
        assert_eq!(NTFS, FAT.0 + FAT.1);
        // what the facts and the readers of the volume count on
        assert_eq!(NTFS / SECTOR, 198_656);
    }
}
