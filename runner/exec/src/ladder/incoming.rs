//! A file while it comes from the guest, and once it is here: big ones are kept packed.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use coexist_evidence::packed::{PackedReader, PackedWriter};
use coexist_model::EvidenceKind;

/// Dumps from this size on are kept packed: they are mostly zeros. Smaller ones are for any tool to open.
const PACKED_FROM: u64 = 16 << 20;
/// End of a packed file's name.
const PACKED: &str = ".zst";

/// How a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Packed,
}

impl Form {
    /// How a file of this kind and size is kept. Logs stay as they are: people open them.
    pub(super) fn of(kind: EvidenceKind, size: u64) -> Self {
        match kind {
            EvidenceKind::KernelDump | EvidenceKind::UserDump if size >= PACKED_FROM => Self::Packed,
            _ => Self::Plain,
        }
    }

    /// Its name in this form.
    pub(super) fn name(self, name: &str) -> String {
        match self {
            Self::Plain => name.to_owned(),
            Self::Packed => format!("{name}{PACKED}"),
        }
    }
}

/// A file that comes from the guest: what was written of it stays, so that another session can go on behind it.
pub(super) struct Incoming {
    path: PathBuf,
    form: Form,
    sink: Sink,
    written: u64,
}

enum Sink {
    Plain(File),
    Packed(Box<PackedWriter>),
}

impl Incoming {
    /// Begins a file, in place of what may be there.
    ///
    /// # Errors
    /// When the host refuses it.
    pub(super) fn create(path: PathBuf, form: Form) -> io::Result<Self> {
        let file = File::create(&path)?;
        let sink = match form {
            Form::Plain => Sink::Plain(file),
            Form::Packed => Sink::Packed(Box::new(PackedWriter::open(&path)?)),
        };
        Ok(Self { path, form, sink, written: 0 })
    }

    /// Bytes of the guest's file that are there.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Begins anew: what is there is of another file.
    ///
    /// # Errors
    /// When the host refuses it.
    pub(super) fn restart(self) -> io::Result<Self> {
        Self::create(self.path, self.form)
    }

    /// Nothing more comes: where it lies.
    ///
    /// # Errors
    /// When the host refuses its end.
    pub(super) fn finish(self) -> io::Result<PathBuf> {
        match self.sink {
            Sink::Plain(mut file) => file.flush()?,
            Sink::Packed(writer) => drop(writer.finish()?),
        }
        Ok(self.path)
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.sink {
            Sink::Plain(file) => file.write(bytes)?,
            Sink::Packed(writer) => writer.write(bytes)?,
        };
        self.written += count as u64;
        Ok(count)
    }

    /// Blocks are packed as they fill up: a frame for each flush would pack badly.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes of a file as the guest had it.
pub(super) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// Opens a file that was kept, with its length as the guest had it.
///
/// # Errors
/// When the host refuses it, or it is packed and damaged.
pub(super) fn open(path: &Path) -> io::Result<(Box<dyn Source>, u64)> {
    let file = File::open(path)?;
    if path.to_string_lossy().ends_with(PACKED) {
        let reader = PackedReader::new(file)?;
        let length = reader.plain_bytes();
        return Ok((Box::new(reader), length));
    }
    let length = file.metadata()?.len();
    Ok((Box::new(file), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_on_where_it_broke_off_and_is_read_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        for form in [Form::Plain, Form::Packed] {
            let path = folder.path().join(form.name("a.dmp"));
            let mut incoming = Incoming::create(path.clone(), form).unwrap();
            incoming.write_all(b"of another boot").unwrap();
            let mut incoming = incoming.restart().unwrap();
            assert_eq!(incoming.written(), 0);
            incoming.write_all(b"half").unwrap();
            assert_eq!(incoming.written(), 4);
            incoming.write_all(b" and half").unwrap();
            assert_eq!(incoming.finish().unwrap(), path);
            let (mut source, length) = open(&path).unwrap();
            let mut text = String::new();
            source.read_to_string(&mut text).unwrap();
            assert_eq!((text.as_str(), length), ("half and half", 13));
        }
    }

    #[test]
    fn only_big_dumps_are_packed() {
        assert_eq!(Form::of(EvidenceKind::KernelDump, PACKED_FROM), Form::Packed);
        assert_eq!(Form::of(EvidenceKind::KernelDump, PACKED_FROM - 1), Form::Plain);
        assert_eq!(Form::of(EvidenceKind::EventLog, u64::MAX), Form::Plain);
        assert_eq!(Form::Packed.name("MEMORY.DMP"), "MEMORY.DMP.zst");
    }
}
