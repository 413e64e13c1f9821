//! Disk images for tests, made with the tools of other people: mkntfs, ntfscp, sfdisk, qemu-img.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes of the NTFS volumes made here.
pub(crate) const VOLUME: u64 = 16 << 20;
/// Sector at which the first partition begins.
pub(crate) const FIRST_SECTOR: u64 = 2048;

/// Runs a tool that a machine set up for this project has; its absence fails the test.
pub(crate) fn run(package: &str, tool: &str, arguments: &[&str], input: &str) -> String {
    String::from_utf8_lossy(&run_for_bytes(package, tool, arguments, input)).into_owned()
}

/// The same, for a tool whose output is no text.
pub(crate) fn run_for_bytes(package: &str, tool: &str, arguments: &[&str], input: &str) -> Vec<u8> {
    use std::io::Write as _;
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut child = Command::new(tool)
        .env("PATH", path)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run `{tool}` of Debian's package {package}, is it installed? {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{tool} {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    output.stdout
}

/// An NTFS volume in a file of its own.
pub(crate) struct Ntfs {
    pub(crate) path: PathBuf,
    folders: RefCell<BTreeSet<String>>,
}

impl Ntfs {
    pub(crate) fn make(folder: &Path) -> Self {
        let path = folder.join("ntfs.raw");
        std::fs::File::create(&path).unwrap().set_len(VOLUME).unwrap();
        let start = FIRST_SECTOR.to_string();
        let arguments = [
            "-F",
            "-Q",
            "-q",
            "-L",
            "C",
            "-p",
            &start,
            "-H",
            "255",
            "-S",
            "63",
            "-s",
            "512",
            "-c",
            "4096",
            text(&path),
        ];
        run("ntfs-3g", "mkntfs", &arguments, "");
        Self { path, folders: RefCell::default() }
    }

    /// Puts a file; folders on the way must be there.
    pub(crate) fn put(&self, at: &str, bytes: &[u8]) {
        let source = self.path.with_extension("put");
        std::fs::write(&source, bytes).unwrap();
        run("ntfs-3g", "ntfscp", &["-q", "-f", text(&self.path), text(&source), at], "");
    }

    /// Makes a folder and those above it that are not there.
    pub(crate) fn make_folders(&self, at: &str) {
        for (end, _) in at.match_indices('/').chain([(at.len(), "")]) {
            let folder = &at[..end];
            let known = self.folders.borrow().contains(folder);
            if !known {
                self.make_folder(folder);
            }
        }
    }

    /// Makes a folder. No tool does this without mounting, so an empty file's record is turned into a folder's: its
    /// data attribute gives way to an empty name index, as the format's public descriptions show it.
    pub(crate) fn make_folder(&self, at: &str) {
        self.put(at, b"");
        self.folders.borrow_mut().insert(at.to_owned());
        let name = at.rsplit('/').next().unwrap();
        self.edit_record(name, |record| {
            let data = attribute(record, 0x80).unwrap();
            let id = record[data + 14];
            let mut index = vec![0_u8; 0x50];
            index[0] = 0x90;
            index[4] = 0x50;
            index[9] = 4;
            index[10] = 0x18;
            index[14] = id;
            index[16] = 0x30;
            index[20] = 0x20;
            for (at, unit) in "$I30".encode_utf16().enumerate() {
                index[24 + 2 * at..][..2].copy_from_slice(&unit.to_le_bytes());
            }
            // Index root: of file names, collated as such, index blocks of 4 KiB or one cluster.
            index[0x20] = 0x30;
            index[0x24] = 1;
            index[0x28..0x2c].copy_from_slice(&4096_u32.to_le_bytes());
            index[0x2c] = 1;
            // Its header, and the one entry that ends it.
            index[0x30] = 0x10;
            index[0x34] = 0x20;
            index[0x38] = 0x20;
            index[0x48] = 0x10;
            index[0x4c] = 2;
            record[data..data + 0x50].copy_from_slice(&index);
            record[data + 0x50..data + 0x58].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
            let used = u32::try_from(data + 0x58).unwrap();
            record[0x18..0x1c].copy_from_slice(&used.to_le_bytes());
            record[0x16] |= 2;
        });
        self.mark_as_folder(name);
    }

    /// Says of every copy of this name, in records and in the indexes of the folders above, that it is a folder's.
    fn mark_as_folder(&self, name: &str) {
        const FOLDER: u8 = 0x10;
        // The highest byte of the attributes, ten bytes before the name.
        self.edit_copies(name, |volume, at| volume[at - 7] |= FOLDER);
    }

    /// Gives a file another name of the same length, also one that no Windows would give.
    pub(crate) fn rename(&self, name: &str, to: &str) {
        let to: Vec<u8> = to.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.edit_copies(name, |volume, at| volume[at..at + to.len()].copy_from_slice(&to));
    }

    /// Lets a test change the volume at every copy of a name, in records and in the indexes of the folders above.
    fn edit_copies(&self, name: &str, edit: impl Fn(&mut [u8], usize)) {
        let mut volume = std::fs::read(&self.path).unwrap();
        let wanted: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let characters = u8::try_from(wanted.len() / 2).unwrap();
        // The last two bytes of a sector hold a fix-up instead of what belongs there.
        let fixed_up = |at: usize| at % 512 >= 510;
        let is_it = |at: usize| {
            volume[at - 2] == characters
                && wanted.iter().zip(at..).all(|(byte, at)| fixed_up(at) || volume[at] == *byte)
        };
        // Records of 1 KiB and blocks of an index of 4 KiB, each of which begins with its kind.
        let structures = (0..volume.len()).step_by(1024).filter_map(|at| match &volume[at..at + 4] {
            b"FILE" => Some(at..at + 1024),
            b"INDX" => Some(at..at + 4096),
            _ => None,
        });
        let places = structures.flat_map(|it| (it.start + 0x42..it.end - wanted.len()).step_by(2));
        let copies: Vec<_> = places.filter(|&at| is_it(at)).collect();
        for at in copies {
            edit(&mut volume, at);
        }
        std::fs::write(&self.path, volume).unwrap();
    }

    /// Makes a file's record one of a reparse point with this tag, after its other attributes.
    pub(crate) fn set_reparse_tag(&self, name: &str, tag: u32) {
        self.edit_record(name, |record| {
            let end = attribute(record, u32::MAX).unwrap();
            let mut reparse = vec![0_u8; 0x20];
            reparse[0] = 0xc0;
            reparse[4] = 0x20;
            // The next free number, the length of the value, and where it is.
            reparse[14] = record[0x28];
            reparse[16] = 8;
            reparse[20] = 0x18;
            reparse[24..28].copy_from_slice(&tag.to_le_bytes());
            record[0x28] += 1;
            record[end..end + 0x20].copy_from_slice(&reparse);
            record[end + 0x20..end + 0x28].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
            let used = u32::try_from(end + 0x28).unwrap();
            record[0x18..0x1c].copy_from_slice(&used.to_le_bytes());
        });
    }

    /// Sets file attributes (0x400: reparse point) in a file's own record.
    pub(crate) fn set_attributes(&self, name: &str, flags: u32) {
        self.edit_record(name, |record| {
            let at = attribute(record, 0x10).unwrap() + 0x18 + 0x20;
            record[at..at + 4].copy_from_slice(&flags.to_le_bytes());
        });
    }

    /// Sets the flags of a file's data attribute (1: compressed, 0x4000: encrypted).
    pub(crate) fn set_data_flags(&self, name: &str, flags: u16) {
        self.edit_record(name, |record| {
            let at = attribute(record, 0x80).unwrap() + 12;
            record[at..at + 2].copy_from_slice(&flags.to_le_bytes());
        });
    }

    /// Gives a file that lies in one piece others: so many clusters of it, from its beginning on, or a hole of so many.
    pub(crate) fn set_runs(&self, name: &str, runs: &[(bool, u8)]) {
        self.edit_record(name, |record| {
            let data = attribute(record, 0x80).unwrap();
            let at = data + usize::from(record[data + 0x20]);
            let (lengths, places) = (usize::from(record[at] & 15), usize::from(record[at] >> 4));
            let first = record[at + 1 + lengths..][..places].to_vec();
            let mut pieces = Vec::new();
            let mut before = None;
            for &(is_there, clusters) in runs {
                match (is_there, before) {
                    (false, _) => pieces.extend([0x01, clusters]),
                    (true, None) => {
                        pieces.extend([u8::try_from(places << 4).unwrap() | 1, clusters]);
                        pieces.extend(&first);
                    }
                    (true, Some(behind)) => pieces.extend([0x11, clusters, behind]),
                }
                if is_there {
                    before = Some(clusters);
                }
            }
            pieces.push(0);
            // The attribute grows over the mark behind it, which is put behind it again.
            assert_eq!(attribute(record, u32::MAX), Some(data + usize::from(record[data + 4])), "it is the last");
            pieces.resize((at + pieces.len()).next_multiple_of(8) - at, 0);
            let end = at + pieces.len();
            record[at..end].copy_from_slice(&pieces);
            record[data + 4] = u8::try_from(end - data).unwrap();
            record[end..end + 8].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
            record[0x18..0x1c].copy_from_slice(&u32::try_from(end + 8).unwrap().to_le_bytes());
        });
    }

    /// Lets a test change the record of the last file with this name. Changes stay clear of the record's fix-ups, which
    /// lie at the ends of its sectors.
    fn edit_record(&self, name: &str, edit: impl FnOnce(&mut [u8])) {
        let mut volume = std::fs::read(&self.path).unwrap();
        let wanted: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_it = |record: &[u8]| {
            let Some(at) = record.starts_with(b"FILE").then(|| attribute(record, 0x30)).flatten() else { return false };
            let characters = usize::from(record[at + 0x18 + 0x40]);
            record[at + 0x18 + 0x42..][..2 * characters] == wanted[..]
        };
        // The mirror of the first records comes later or earlier on the disk, but never has a file of a test.
        let found: Vec<_> = (0..volume.len()).step_by(1024).rev().filter(|&at| is_it(&volume[at..at + 1024])).collect();
        // Folders may have one name; they are made one by one, so that one at most is not yet a folder.
        let is_folder = |at: usize| volume[at + 0x16] & 2 != 0;
        let found = *found.iter().find(|&&at| !is_folder(at)).or(found.first()).expect("a record");
        edit(&mut volume[found..found + 510]);
        std::fs::write(&self.path, volume).unwrap();
    }

    /// Number of pieces that a file's data lies in.
    pub(crate) fn pieces(&self, name: &str) -> usize {
        let listing = run("ntfs-3g", "ntfsinfo", &["-v", "-F", name, text(&self.path)], "");
        let runs = listing.split("Runlist:").nth(1).unwrap_or_default();
        runs.lines().skip(1).take_while(|line| line.trim_start().starts_with("0x")).count()
    }
}

/// Offset of the first attribute of a type in a record; of all ones, the mark behind the last.
fn attribute(record: &[u8], kind: u32) -> Option<usize> {
    let word = |at: usize| Some(u32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?));
    let mut at = usize::from(record[0x14]);
    loop {
        if word(at)? == kind {
            return Some(at);
        }
        if word(at)? == u32::MAX {
            return None;
        }
        at += usize::try_from(word(at + 4)?).ok().filter(|&length| length > 0)?;
    }
}

/// A disk in a raw file: a small partition of something else, then the volume.
pub(crate) fn partitioned(ntfs: &Ntfs, disk: &Path, label: &str) {
    use std::os::unix::fs::FileExt as _;
    let (other, volume) = (2048, VOLUME / 512);
    let file = std::fs::File::create(disk).unwrap();
    file.set_len((FIRST_SECTOR + other + volume + 2048) * 512).unwrap();
    let types = if label == "gpt" { ["uefi", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"] } else { ["ef", "7"] };
    let second = FIRST_SECTOR + other;
    let script = format!(
        "label: {label}\nstart={FIRST_SECTOR},size={other},type={}\nstart={second},size={volume},type={}\n",
        types[0], types[1]
    );
    run("fdisk", "sfdisk", &["-q", text(disk)], &script);
    let file = std::fs::File::options().write(true).open(disk).unwrap();
    file.write_all_at(&std::fs::read(&ntfs.path).unwrap(), second * 512).unwrap();
}

/// A raw disk as a qcow2, over a backing file if there is one.
pub(crate) fn qcow2(raw: &Path, out: &Path, backing: Option<&Path>) {
    let mut arguments = vec!["convert", "-f", "raw", "-O", "qcow2"];
    if let Some(backing) = backing {
        arguments.extend(["-B", text(backing), "-F", "qcow2"]);
    }
    arguments.extend([text(raw), text(out)]);
    run("qemu-utils", "qemu-img", &arguments, "");
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
