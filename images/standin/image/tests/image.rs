//! The built image, seen with tools that others wrote: ntfs-3g's, mtools', QEMU's and OpenSSH's. Builds the image first
//! when it is not up to date.

#![allow(clippy::unwrap_used)]

mod misfortunes;
mod vm;

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use standin_image::{BuiltImage, Options, build};
use vm::{Firmware, Vm, run};

/// Where the Windows volume begins on the disk, in bytes.
const VOLUME: u64 = 198_656 * 512;

fn image() -> &'static BuiltImage {
    static IMAGE: OnceLock<BuiltImage> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap();
        build(&Options::for_workspace(workspace), &|_| {}).unwrap()
    })
}

/// The Windows volume of a disk, as a file that ntfs-3g's tools read.
fn volume(disk: &Path, folder: &Path) -> PathBuf {
    let (raw, volume) = (folder.join("disk.raw"), folder.join("volume.raw"));
    run(Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(disk).arg(&raw));
    let mut from = File::open(&raw).unwrap();
    from.seek(SeekFrom::Start(VOLUME)).unwrap();
    io::copy(&mut from, &mut File::create(&volume).unwrap()).unwrap();
    fs::remove_file(raw).unwrap();
    volume
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn ntfs_tools_read_the_volume() {
    let folder = tempfile::tempdir().unwrap();
    let volume = volume(&image().disk, folder.path());
    let info = text(&run(Command::new("ntfsinfo").arg("-m").arg(&volume)));
    assert!(info.contains("Volume Name: Windows"), "{info}");
    assert!(info.contains("Volume Flags: 0x0000"), "the volume is not clean: {info}");

    let root = text(&run(Command::new("ntfsls").arg(&volume)));
    for name in ["Windows", "ProgramData", "Program Files", "pagefile.sys"] {
        assert!(root.lines().any(|it| it == name), "{name} is not among {root}");
    }
    let cat = |path: &str| run(Command::new("ntfscat").arg(&volume).arg(path));
    let admitted = text(&cat("ProgramData/ssh/administrators_authorized_keys"));
    let derived = run(Command::new("ssh-keygen").arg("-y").arg("-f").arg(&image().client_key));
    assert_eq!(admitted.split(' ').nth(1), text(&derived).split(' ').nth(1).map(str::trim));

    let page_file = text(&run(Command::new("ntfsinfo").args(["-v", "-F", "pagefile.sys"]).arg(&volume)));
    // ntfsinfo: "VCN LCN Length" in hexadecimal clusters, of 4 KiB here, a line for each run of a file's data.
    let runs = page_file.lines().skip_while(|line| !line.contains("Runlist:")).skip(1);
    let lengths =
        runs.map_while(|line| u64::from_str_radix(line.split_whitespace().nth(2)?.strip_prefix("0x")?, 16).ok());
    let lengths: Vec<u64> = lengths.collect();
    let first = lengths.first().map(|clusters| clusters * 4096);
    assert!(
        lengths.len() > 1 && first.is_some_and(|bytes| bytes < 64 << 10),
        "a dump of a hundred KiB lies in one piece, so that nobody has to follow the page file's runs:\n{page_file}"
    );
}

#[test]
fn the_disk_has_a_loader_for_each_firmware() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("disk.raw");
    run(Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(&image().disk).arg(&raw));
    let mut sector = [0; 512];
    File::open(&raw).unwrap().read_exact(&mut sector).unwrap();
    assert_eq!(sector[510..], [0x55, 0xaa]);
    assert_eq!((sector[0x1be], sector[0x1be + 4], sector[0x1ce + 4]), (0x80, 0xef, 7), "types of the partitions");
    let fat = format!("{}@@1M", raw.display());
    let listed = text(&run(Command::new("mdir").args(["-a", "-b", "-/", "-i", &fat, "::/"])));
    for name in ["::/linux", "::/initrd", "::/ldlinux.sys", "::/EFI/BOOT/BOOTX64.EFI"] {
        assert!(listed.lines().any(|it| it.eq_ignore_ascii_case(name)), "{name} is not among {listed}");
    }
}

#[test]
fn a_crash_becomes_a_dump_in_the_page_file_and_then_a_minidump() {
    let mut vm = Vm::start(image(), Firmware::Bios, "standin-server-20348");
    let (code, version) = vm.ssh("ver");
    assert_eq!(code, 0);
    assert!(version.contains("20348"), "{version}");
    let (_, before) = vm.ssh(r#"reg query "HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters" /v BootId"#);

    vm.qmp("inject-nmi");
    vm.event("GUEST_CRASHLOADED");
    let reset = vm.event("RESET");
    assert_eq!(reset["data"]["reason"], "guest-reset", "{reset}");
    assert!(vm.events.iter().all(|it| it != "GUEST_PANICKED"), "{:?}", vm.events);
    // the new boot is held back, so that the disk is as the crash left it
    vm.qmp("stop");
    let folder = tempfile::tempdir().unwrap();
    let frozen = folder.path().join("frozen.qcow2");
    fs::copy(vm.disk(), &frozen).unwrap();
    vm.qmp("cont");
    let volume = volume(&frozen, folder.path());
    let page_file = run(Command::new("ntfscat").arg("-f").arg(&volume).arg("pagefile.sys"));
    assert_eq!(page_file[..8], *b"PAGEDU64");
    assert_eq!(page_file[0x38], 0x80, "stop code");
    let length = usize::try_from(u64::from_le_bytes(page_file[0xfa0..0xfa8].try_into().unwrap())).unwrap();

    let (_, after) = vm.ssh(r#"reg query "HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters" /v BootId"#);
    assert_ne!(before, after, "the boot identity");
    let (code, minidumps) = vm.ssh(r"dir /b C:\Windows\Minidump");
    assert_eq!(code, 0);
    let name = minidumps.trim();
    assert!(name.ends_with("-01.dmp"), "{name}");
    let (_, events) = vm.ssh("wevtutil qe System /f:xml");
    assert!(events.contains("0x00000080 ("), "{events}");

    vm.ssh("shutdown /s /t 0");
    vm.wait_off();
    let volume = self::volume(&vm.disk(), folder.path());
    let dump = run(Command::new("ntfscat").arg(&volume).arg(format!("Windows/Minidump/{name}")));
    assert_eq!(dump, page_file[..length], "the file is what lay in the page file");
    let page_file = run(Command::new("ntfscat").arg(&volume).arg("pagefile.sys"));
    assert_ne!(page_file[..8], *b"PAGEDU64", "the good boot wiped it");
}

#[test]
fn the_same_disk_starts_under_uefi_and_restarts_cleanly() {
    let mut vm = Vm::start(image(), Firmware::Uefi, "standin-client-19045");
    let (code, version) = vm.ssh("ver");
    assert_eq!(code, 0);
    assert!(version.contains("19045"), "{version}");
    vm.ssh("shutdown /r /t 0");
    vm.event("RESET");
    let (_, events) = vm.ssh("wevtutil qe System /f:xml");
    let good = events.matches("<Data Name='LastShutdownGood'>true</Data>").count();
    assert_eq!(good, 2, "both boots follow a proper shutdown: {events}");
    assert!(!events.contains("<EventID>41</EventID>") && !events.contains("6008"), "{events}");
    vm.qmp("system_powerdown");
    vm.wait_off();
    assert!(vm.serial().contains("power off"));
}
