//! Guests' disks, read back.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use coexist_evidence::disk::{DiskError, GuestDisk, ImageFormat, PAGE_FILE, RawDump};
use coexist_evidence::read_kernel_dump;

use crate::disk_images::{Ntfs, partitioned, qcow2, run, text};
use crate::dump_builder::{put64, quiet};

/// Bytes that repeat nowhere within a file.
pub(crate) fn pattern(length: usize, seed: u32) -> Vec<u8> {
    (0..length.div_ceil(4)).flat_map(|n| (u32::try_from(n).unwrap() ^ seed << 20).to_le_bytes()).take(length).collect()
}

/// Readers block, so callers move a disk to a thread of its own.
const _: fn() = || {
    fn movable<T: Send>() {}
    movable::<GuestDisk>();
};

pub(crate) fn raw_disk(folder: &Path, ntfs: &Ntfs) -> GuestDisk {
    let disk = folder.join("disk.raw");
    partitioned(ntfs, &disk, "dos");
    GuestDisk::open(&disk, ImageFormat::Raw, &[]).unwrap()
}

#[test]
fn an_overlay_over_its_golden_disk() {
    let temp = tempfile::tempdir().unwrap();
    let (golden, overlay) = (temp.path().join("golden.qcow2"), temp.path().join("overlay.qcow2"));
    let raw = temp.path().join("disk.raw");
    let ntfs = Ntfs::make(temp.path());
    ntfs.make_folder("Windows");
    ntfs.make_folder("Windows/Minidump");
    ntfs.put("Windows/old.bin", &pattern(300_000, 1));
    partitioned(&ntfs, &raw, "dos");
    qcow2(&raw, &golden, None);
    let (first, second) = (pattern(123_457, 2), pattern(9, 3));
    ntfs.put("Windows/Minidump/071924-4000-01.dmp", &first);
    ntfs.put("Windows/Minidump/071924-4000-02.DMP", &second);
    ntfs.put("Windows/Minidump/readme.txt", b"no dump");
    partitioned(&ntfs, &raw, "dos");
    qcow2(&raw, &overlay, Some(&golden));

    let disk = GuestDisk::open(&overlay, ImageFormat::Qcow2, std::slice::from_ref(&golden)).unwrap();
    // From the backing file, in any case and either form of path.
    let old = disk.read_file(r"C:\WINDOWS\Old.BIN", 1 << 20).unwrap();
    assert!(old.is_whole() && old.bytes == pattern(300_000, 1));
    assert_eq!(disk.read_file("/c:/windows/minidump/README.TXT", 100).unwrap().bytes, b"no dump");
    // No more than asked for.
    let start = disk.read_file(r"\Windows\old.bin", 1000).unwrap();
    assert_eq!((start.bytes, start.size), (pattern(1000, 1), 300_000));
    assert!(disk.read_file(r"\Windows\Minidump\071924-4000-01.dmp", 1 << 20).unwrap().bytes == first);
    // Folders, whose contents are of both.
    let dumps = disk.evidence_files().files;
    let dumps: Vec<_> = dumps.iter().map(|file| (file.path.as_str(), file.size)).collect();
    assert_eq!(
        dumps,
        [(r"\Windows\Minidump\071924-4000-01.dmp", 123_457), (r"\Windows\Minidump\071924-4000-02.DMP", 9)]
    );
    // What is not there.
    for path in [r"\Windows\none", r"\Windows\none\x", r"\Windows\old.bin\x", r"\none"] {
        assert!(matches!(disk.read_file(path, 1), Err(DiskError::NotFound(_))), "{path}");
    }
    assert_eq!(disk.raw_dump(PAGE_FILE).unwrap(), None);
    // What is of the other kind.
    assert!(matches!(disk.read_file(r"\Windows", 1), Err(DiskError::WrongKind(_))));
    assert!(matches!(disk.read_file(r"\Windows\..\x", 1), Err(DiskError::BadPath(_))));
}

#[test]
fn only_the_files_of_the_machine_are_opened() {
    let temp = tempfile::tempdir().unwrap();
    let [golden, overlay, other, raw] =
        ["golden.qcow2", "overlay.qcow2", "other.qcow2", "disk.raw"].map(|name| temp.path().join(name));
    let ntfs = Ntfs::make(temp.path());
    partitioned(&ntfs, &raw, "dos");
    qcow2(&raw, &golden, None);
    qcow2(&raw, &overlay, Some(&golden));
    qcow2(&raw, &other, None);
    let refused = |image: &Path, allowed: &[PathBuf]| match GuestDisk::open(image, ImageFormat::Qcow2, allowed) {
        Err(DiskError::Refused(path)) => path,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&overlay, &[]), golden);
    assert_eq!(refused(&overlay, std::slice::from_ref(&other)), golden);
    assert!(GuestDisk::open(&overlay, ImageFormat::Qcow2, &[other, golden.clone()]).is_ok());
    // Three deep, with one of the files unnamed.
    let top = temp.path().join("top.qcow2");
    let over = |top: &Path, under: &Path| {
        run("qemu-utils", "qemu-img", &["create", "-q", "-f", "qcow2", "-b", text(under), "-F", "qcow2", text(top)], "")
    };
    over(&top, &overlay);
    assert_eq!(refused(&top, std::slice::from_ref(&overlay)), golden);
    assert!(GuestDisk::open(&top, ImageFormat::Qcow2, &[overlay.clone(), golden.clone()]).is_ok());
    // Data outside the image, as nobody here makes them.
    let (outside, with_outside) = (temp.path().join("outside.raw"), temp.path().join("with-outside.qcow2"));
    let options = format!("data_file={},data_file_raw=on", text(&outside));
    run("qemu-utils", "qemu-img", &["create", "-q", "-f", "qcow2", "-o", &options, text(&with_outside), "1M"], "");
    assert_eq!(refused(&with_outside, std::slice::from_ref(&golden)), outside);
    // A raw image that a guest began with a qcow2 header stays raw.
    assert!(matches!(GuestDisk::open(&overlay, ImageFormat::Raw, &[golden]), Err(DiskError::NoVolume)));
    assert!(matches!(GuestDisk::open(Path::new("none.raw"), ImageFormat::Raw, &[]), Err(DiskError::Open { .. })));
}

#[test]
fn the_raw_dump_in_the_page_file() {
    let temp = tempfile::tempdir().unwrap();
    let dump = quiet().build();
    let mut page_file = dump.clone();
    page_file.extend(pattern(900_000, 5));
    let ntfs = Ntfs::make(temp.path());
    // In pieces: other files take the room behind each piece.
    for piece in 1..=3_usize {
        ntfs.put("pagefile.sys", &page_file[..piece * 4096]);
        ntfs.put(&format!("between{piece}"), &pattern(4096, 7));
    }
    ntfs.put("pagefile.sys", &page_file);
    assert!(ntfs.pieces("pagefile.sys") > 1, "{}", ntfs.pieces("pagefile.sys"));
    ntfs.put("dedicated.sys", &dump[..dump.len() - 100]);
    let mut silent = page_file.clone();
    put64(&mut silent, 0xfa0, u64::from_le_bytes(*b"PAGEPAGE"));
    ntfs.put("silent.sys", &silent);
    ntfs.put("nothing.sys", &pattern(100_000, 9));
    ntfs.put("empty.sys", b"");
    let disk = raw_disk(temp.path(), &ntfs);

    let found = |path: &str| {
        let RawDump { length, notes } = disk.raw_dump(path).unwrap()?;
        Some((disk.read_file(path, length).unwrap().bytes, notes))
    };
    let (raw, notes) = found(PAGE_FILE).unwrap();
    assert!(raw == dump && notes.is_empty(), "{notes:?}");
    assert_eq!(read_kernel_dump(&raw).unwrap().drivers.len(), 4);
    assert!(disk.read_file("PAGEFILE.SYS", 1 << 20).unwrap().bytes == page_file);
    // A file that ends before the dump does.
    let (short, notes) = found(r"\dedicated.sys").unwrap();
    assert_eq!((short.len(), notes.len()), (dump.len() - 100, 1));
    // A header that does not state the whole length: the small dump's own, without what follows it.
    let (silent, _) = found(r"\silent.sys").unwrap();
    assert!(silent.len() < dump.len() && silent.ends_with(b"TRGD"));
    for path in [r"\nothing.sys", r"\empty.sys", r"\none.sys"] {
        assert_eq!(found(path), None, "{path}");
    }
}

#[test]
fn gpt_and_a_disk_without_a_table() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = Ntfs::make(temp.path());
    ntfs.put("a.bin", &pattern(70_000, 1));
    let disk = temp.path().join("disk.raw");
    partitioned(&ntfs, &disk, "gpt");
    for image in [&disk, &ntfs.path] {
        let disk = GuestDisk::open(image, ImageFormat::Raw, &[]).unwrap();
        assert!(disk.read_file(r"\A.BIN", 1 << 20).unwrap().bytes == pattern(70_000, 1));
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = Ntfs::make(temp.path());
    for name in ["link", "packed"] {
        ntfs.put(name, &pattern(50_000, 1));
    }
    ntfs.make_folder("junction");
    ntfs.put("junction/x", b"x");
    ntfs.set_attributes("link", 0x400);
    ntfs.set_attributes("junction", 0x400);
    ntfs.set_data_flags("packed", 0x4000);
    let disk = raw_disk(temp.path(), &ntfs);
    for path in [r"\link", r"\junction\x"] {
        assert!(matches!(disk.read_file(path, 1), Err(DiskError::Redirected(_))), "{path}");
    }
    assert!(matches!(disk.read_file(r"\packed", 1), Err(DiskError::Packed(_))));

    let image = temp.path().join("encrypted.raw");
    partitioned(&ntfs, &image, "gpt");
    let file = std::fs::File::options().write(true).open(&image).unwrap();
    file.write_all_at(b"-FVE-FS-", 4096 * 512 + 3).unwrap();
    assert!(matches!(GuestDisk::open(&image, ImageFormat::Raw, &[]), Err(DiskError::Encrypted)));
    file.write_all_at(&[0; 512], 4096 * 512).unwrap();
    assert!(matches!(GuestDisk::open(&image, ImageFormat::Raw, &[]), Err(DiskError::NoVolume)));
    file.set_len(0).unwrap();
    assert!(matches!(GuestDisk::open(&image, ImageFormat::Raw, &[]), Err(DiskError::NoVolume)));
}

#[test]
fn an_encrypted_volume_is_told_unless_windows_is_on_another() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = Ntfs::make(temp.path());
    let image = temp.path().join("disk.raw");
    let opened = || {
        partitioned(&ntfs, &image, "gpt");
        let file = std::fs::File::options().write(true).open(&image).unwrap();
        // In the first partition; the volume that can be read is the second.
        file.write_all_at(b"-FVE-FS-", 2048 * 512 + 3).unwrap();
        GuestDisk::open(&image, ImageFormat::Raw, &[])
    };
    ntfs.put("a.bin", b"a");
    assert!(matches!(opened(), Err(DiskError::Encrypted)), "a volume of data");
    ntfs.make_folders("Windows/System32/config");
    assert!(matches!(opened(), Err(DiskError::Encrypted)), "a mere folder");
    ntfs.put("Windows/System32/config/SYSTEM", b"hive");
    let notes = opened().unwrap().evidence_files().notes;
    assert_eq!(notes[0], "another volume than that of Windows is encrypted", "{notes:?}");
}

#[test]
fn what_of_a_disk_cannot_be_read_is_told_with_what_can() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = Ntfs::make(temp.path());
    ntfs.put("a.bin", b"a");
    let image = temp.path().join("disk.raw");
    partitioned(&ntfs, &image, "gpt");
    let file = std::fs::File::options().write(true).open(&image).unwrap();
    file.write_all_at(b"NTFS    ", 2048 * 512 + 3).unwrap();
    let notes = GuestDisk::open(&image, ImageFormat::Raw, &[]).unwrap().evidence_files().notes;
    let [damaged, none] = &notes[..] else { panic!("{notes:?}") };
    assert!(damaged.starts_with("the volume at byte 0x100000 cannot be read: "), "{damaged}");
    assert_eq!(none, "no volume of the disk that can be read holds a Windows");
}

/// Damage to the volume's own structures: an answer in reasonable time, never a panic.
#[test]
fn damaged_volumes_are_survived() {
    let temp = tempfile::tempdir().unwrap();
    let ntfs = Ntfs::make(temp.path());
    ntfs.make_folders("Windows/Minidump");
    for number in 0..40 {
        ntfs.put(&format!("Windows/Minidump/a-file-with-a-long-name-{number}.dmp"), &pattern(5000, number));
    }
    let volume = std::fs::read(&ntfs.path).unwrap();
    // The boot sector, all records of files, and all index blocks.
    let structures: Vec<usize> = (0..volume.len())
        .step_by(1024)
        .filter(|&at| at == 0 || volume[at..].starts_with(b"FILE") || volume[at..].starts_with(b"INDX"))
        .collect();
    let file = std::fs::File::options().write(true).open(&ntfs.path).unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut dice = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((state >> 33) % below as u64).unwrap()
    };
    let mut read = 0;
    for _ in 0..400 {
        let mut changed = Vec::new();
        for _ in 0..=dice(4) {
            let at = structures[dice(structures.len())] + dice(0x1f8);
            let value = [0, 0xff, 0x7f, 0x80, 1, u8::try_from(dice(256)).unwrap()][dice(6)];
            let length = [1, 2, 4, 8][dice(4)];
            file.write_all_at(&vec![value; length], u64::try_from(at).unwrap()).unwrap();
            changed.push((at, length));
        }
        if let Ok(disk) = GuestDisk::open(&ntfs.path, ImageFormat::Raw, &[]) {
            let evidence = disk.evidence_files();
            assert!(evidence.files.len() <= 50 && evidence.notes.len() <= 200);
            for file in &evidence.files {
                let length = disk.read_file(&file.path, 10_000).map_or(0, |file| file.bytes.len());
                assert!(length <= 10_000);
                read += usize::from(length == 5000);
            }
        }
        for (at, length) in changed {
            file.write_all_at(&volume[at..at + length], u64::try_from(at).unwrap()).unwrap();
        }
    }
    assert!(read > 1000, "the damage is too great to test anything: {read}");
}
