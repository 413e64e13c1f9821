//! The file a crash writes to: the page file or the dedicated dump file. It exists, with all its clusters, before the
//! crash, so that a crash only overwrites bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use standin_face::Volume;

use super::crash_settings::Reserved;

/// Length of the fragments at the start of a new file: a dump of a hundred KiB lies in several.
const PIECE: usize = 32 * 1024;
/// How many such fragments there are.
const FRAGMENTS: u64 = 4;
/// Distance at which ntfs-3g begins new files.
const DISTANCE: u64 = 16 << 20;
/// `PAGEDU64`, at the start of the header of a 64-bit dump.
const SIGNATURE: &[u8; 8] = b"PAGEDU64";
/// Length of that header.
const HEADER: usize = 0x2000;
/// Where the kind of the dump stands, and the kind that is small.
const DUMP_TYPE: usize = 0xf98;
const TRIAGE: u64 = 4;
/// Where a small dump names the place of its last word.
const VALID_OFFSET: usize = 0x2008;
/// Largest dump taken from a file.
const MOST: u64 = 64 << 20;

/// A reserved file, open for the whole boot: a stopping system looks nothing up.
#[derive(Debug)]
pub(crate) struct DumpFile {
    file: File,
}

/// What lies in a reserved file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// No dump.
    Nothing,
    /// A dump that was never written to its end.
    CutShort,
    /// A dump.
    Whole(Box<FoundDump>),
}

/// A dump that lies in a reserved file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundDump {
    /// The dump of the kernel's memory, where it is one.
    pub(crate) kernel: Option<Vec<u8>>,
    /// The small dump.
    pub(crate) small: Vec<u8>,
    /// Stop code.
    pub(crate) code: u32,
    /// Its parameters.
    pub(crate) parameters: [u64; 4],
    /// Moment of the stop, FILETIME.
    pub(crate) time: u64,
}

impl DumpFile {
    /// Opens the file, creating it where it is missing or shorter than it should be.
    pub(crate) fn open(volume: &Volume, reserved: &Reserved) -> io::Result<Self> {
        let path = volume.resolve(&reserved.path);
        if fs::metadata(&path).map_or(0, |it| it.len()) < reserved.size {
            create(&path, reserved.size)?;
        }
        Ok(Self { file: OpenOptions::new().read(true).write(true).open(path)? })
    }

    /// Writes a dump from byte 0 on, durable when it returns.
    pub(crate) fn write(&self, dump: &[u8]) -> io::Result<()> {
        self.file.write_all_at(dump, 0)?;
        self.file.sync_data()
    }

    /// What a crash left here.
    pub(crate) fn found(&self) -> io::Result<Found> {
        let Some(first) = self.dump_at(0)? else { return Ok(Found::Nothing) };
        let (kernel, small) = match u64_at(&first, DUMP_TYPE) & 0xffff_ffff {
            TRIAGE => (None, Some(first)),
            _ => (Some(first.clone()), self.dump_at(first.len() as u64)?),
        };
        let Some(small) = small.filter(|it| is_whole(it)) else { return Ok(Found::CutShort) };
        Ok(Found::Whole(Box::new(FoundDump {
            kernel,
            code: u32::try_from(u64_at(&small, 0x38) & 0xffff_ffff).unwrap_or(0),
            parameters: [0x40, 0x48, 0x50, 0x58].map(|at| u64_at(&small, at)),
            time: u64_at(&small, 0xfa8),
            small,
        })))
    }

    /// As many bytes as the header of a dump at this place asks for; the file may hold less of the dump.
    fn dump_at(&self, at: u64) -> io::Result<Option<Vec<u8>>> {
        let mut header = vec![0; HEADER];
        if self.file.read_exact_at(&mut header, at).is_err() || !header.starts_with(SIGNATURE) {
            return Ok(None);
        }
        // RequiredDumpSpace, the length of the whole dump
        let length = u64_at(&header, 0xfa0);
        if !(HEADER as u64..=MOST).contains(&length) {
            return Ok(None);
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Removes what a crash left, as the next good boot does once it has taken it.
    pub(crate) fn wipe(&self) -> io::Result<()> {
        let first = self.dump_at(0)?.map_or(0, |it| it.len());
        let second = self.dump_at(first as u64)?.map_or(0, |it| it.len());
        self.file.write_all_at(&vec![0; (first + second).max(HEADER)], 0)?;
        self.file.sync_data()
    }
}

/// Whether a small dump ends as one does: its last word, whose place it names, is the mark.
fn is_whole(small: &[u8]) -> bool {
    let at = usize::try_from(u64_at(small, VALID_OFFSET) & 0xffff_ffff).unwrap_or(0);
    small.get(at..at + 4) == Some(b"TRGD")
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|it| it.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Creates the file in fragments, so that a reader of the disk has to follow its run list to get the dump.
///
/// ntfs-3g lets a file grow in place and begins each new file a fixed distance behind the one before. A sparse file that
/// was begun first therefore reaches, at a multiple of that distance, the very clusters a page file would grow into; each
/// time it has taken them, the page file has to continue elsewhere. Seen with ntfsinfo on volumes of ntfs-3g 2022.10.3;
/// with another allocator the file would only have fewer fragments.
fn create(path: &Path, size: u64) -> io::Result<()> {
    let beside = path.with_extension("spacer");
    let spacer = File::create(&beside)?;
    spacer.set_len(DISTANCE * (FRAGMENTS + 4))?;
    let file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    let piece = &zeros[..PIECE];
    spacer.write_all_at(piece, 0)?;
    spacer.sync_data()?;
    let mut at = 0;
    for fragment in 1..=FRAGMENTS {
        if at + PIECE as u64 > size {
            break;
        }
        file.write_all_at(piece, at)?;
        file.sync_data()?;
        spacer.write_all_at(piece, DISTANCE * fragment + PIECE as u64)?;
        spacer.sync_data()?;
        at += PIECE as u64;
    }
    while at < size {
        let length = (size - at).min(zeros.len() as u64);
        file.write_all_at(&zeros[..usize::try_from(length).unwrap_or(0)], at)?;
        at += length;
    }
    file.sync_all()?;
    drop(spacer);
    fs::remove_file(beside)
}

#[cfg(test)]
mod tests {
    use standin_formats::dump::{SmallDump, Stack};

    use super::*;

    fn dump() -> SmallDump {
        SmallDump {
            build: 26_100,
            processors: 1,
            system_time: 134_011_495_810_000_000,
            uptime_100ns: 30_000_000,
            stop_code: 0x50,
            parameters: [1, 2, u64::MAX, 4],
            drivers: Vec::new(),
            unloaded: Vec::new(),
            process_name: "System".to_owned(),
            context_rip: 0,
            context_rsp: 0,
            stack: Stack::default(),
        }
    }

    #[test]
    fn a_dump_lies_there_until_it_is_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let reserved = Reserved { path: r"C:\pagefile.sys".to_owned(), size: 2 << 20 };
        let file = DumpFile::open(&volume, &reserved).unwrap();
        assert_eq!(fs::metadata(folder.path().join("pagefile.sys")).unwrap().len(), 2 << 20);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
        assert_eq!(file.found().unwrap(), Found::Nothing);

        let (small, kernel) = (dump().to_bytes(), dump().to_kernel_dump(&[]));
        for (bytes, expected) in [(small.clone(), None), ([kernel.clone(), small.clone()].concat(), Some(kernel))] {
            file.write(&bytes).unwrap();
            let again = DumpFile::open(&volume, &reserved).unwrap();
            let Found::Whole(found) = again.found().unwrap() else { panic!("{} bytes are no dump", bytes.len()) };
            assert_eq!((&found.small, &found.kernel), (&small, &expected));
            assert_eq!((found.code, found.parameters), (0x50, [1, 2, u64::MAX, 4]));
            assert_eq!(found.time, dump().system_time);
            again.wipe().unwrap();
            assert_eq!(file.found().unwrap(), Found::Nothing);

            file.write(&bytes[..bytes.len() / 2]).unwrap();
            assert_eq!(file.found().unwrap(), Found::CutShort);
            file.wipe().unwrap();
            assert_eq!(file.found().unwrap(), Found::Nothing);
        }
    }

    #[test]
    fn a_header_that_lies_is_no_dump() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let file = DumpFile::open(&volume, &Reserved { path: r"C:\p".to_owned(), size: 1 << 20 }).unwrap();
        let mut header = vec![0xff; HEADER];
        header[..8].copy_from_slice(SIGNATURE);
        file.write(&header).unwrap();
        assert_eq!(file.found().unwrap(), Found::Nothing);
    }
}
