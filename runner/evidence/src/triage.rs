//! What a file is, by its bytes, and what it proves. Names say nothing: a `pagefile.sys` that begins with a dump is one.

use std::io::{self, Read, Seek, SeekFrom};

use coexist_model::{EvidenceForm, Findings, TriageFacts};

use crate::bytes::Bytes;
use crate::crash::crash_from;
use crate::dump::{DumpError, read_dump_file};
use crate::event_log::{self, EventLogError, read_event_log};
use crate::hive::read_hive;
use crate::packed::PackedReader;
use crate::pe::read_driver_file;
use crate::user_dump::{UserDumpError, read_user_dump};
use crate::vendors::DriverOwners;

/// Bytes that a kind is told by.
const START: u64 = 0x400;
/// Bytes that are read of a kind that is read whole: hives and programs have two hundred megabytes at most, and what
/// a dump of a process says of itself stands at its beginning.
const MAX_WHOLE: u64 = 256 << 20;

/// Says what a file is and what it proves. `owners` are the drivers whose vendors are known. What was packed as evidence
/// of a run is looked at without unpacking it.
///
/// # Errors
/// Only where the source cannot be read; whatever is wrong with its bytes is among the findings.
pub fn triage<R: Read + Seek + 'static>(mut source: R, owners: &DriverOwners) -> io::Result<Findings> {
    match form(&look(&mut source)?) {
        Form::Packed("zstd") => packed(source, owners),
        form => plain(form, source, owners),
    }
}

fn packed<R: Read + Seek + 'static>(source: R, owners: &DriverOwners) -> io::Result<Findings> {
    let mut source = match PackedReader::new(source) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Ok(unknown(format!("packed by zstd, and not as evidence is ({error}): unpack it first")));
        }
        Err(error) => return Err(error),
    };
    let form = match look(&mut source) {
        Ok(start) => form(&start),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Ok(unknown(format!("packed, and damaged: {error}")));
        }
        Err(error) => return Err(error),
    };
    // The file itself could be read: what cannot be unpacked of it is damage.
    plain(form, source, owners)
        .or_else(|error| Ok(Findings::without_facts(form.kind(), format!("packed, and not whole: {error}"))))
}

/// The first bytes, and back to the beginning.
fn look(source: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    let start = read_start(source, START)?;
    source.seek(SeekFrom::Start(0))?;
    Ok(start)
}

fn plain<R: Read + Seek + 'static>(form: Form, mut source: R, owners: &DriverOwners) -> io::Result<Findings> {
    match form {
        Form::KernelDump => kernel_dump(source, owners),
        Form::EventLog => event_log(source),
        Form::UserDump => {
            let bytes = read_start(&mut source, MAX_WHOLE)?;
            Ok(match read_user_dump(&bytes) {
                Ok(crash) => Findings::of(TriageFacts::UserDump(crash)),
                Err(error @ UserDumpError::OtherPlatform { .. }) => {
                    Findings::refused(EvidenceForm::UserDump, error.to_string())
                }
                Err(error) => Findings::without_facts(EvidenceForm::UserDump, error.to_string()),
            })
        }
        Form::RegistryHive => {
            let read = |bytes: &[u8]| read_hive(bytes).map(TriageFacts::RegistryHive);
            whole(&mut source, EvidenceForm::RegistryHive, read)
        }
        Form::Pe => whole(&mut source, EvidenceForm::Pe, |bytes| read_driver_file(bytes).map(TriageFacts::Pe)),
        Form::Packed(how) => Ok(unknown(format!("packed by {how}: unpack it first"))),
        Form::Unknown => Ok(unknown(first_bytes(&look(&mut source)?))),
    }
}

/// Reads a file as a whole, or as much of it as is ever needed.
fn whole<E: std::fmt::Display>(
    source: &mut (impl Read + Seek),
    kind: EvidenceForm,
    read: impl FnOnce(&[u8]) -> Result<TriageFacts, E>,
) -> io::Result<Findings> {
    let bytes = read_start(source, MAX_WHOLE)?;
    Ok(match read(&bytes) {
        Ok(facts) => Findings::of(facts),
        Err(error) => Findings::without_facts(kind, error.to_string()),
    })
}

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    KernelDump,
    UserDump,
    EventLog,
    RegistryHive,
    Pe,
    /// By this program.
    Packed(&'static str),
    Unknown,
}

impl Form {
    fn kind(self) -> EvidenceForm {
        match self {
            Self::KernelDump => EvidenceForm::KernelDump,
            Self::UserDump => EvidenceForm::UserDump,
            Self::EventLog => EvidenceForm::EventLog,
            Self::RegistryHive => EvidenceForm::RegistryHive,
            Self::Pe => EvidenceForm::Pe,
            Self::Packed(_) | Self::Unknown => EvidenceForm::Unknown,
        }
    }
}

fn form(start: &[u8]) -> Form {
    const SIGNATURES: &[(&[u8], Form)] = &[
        (b"PAGEDU64", Form::KernelDump),
        (b"PAGEDUMP", Form::KernelDump),
        (b"MDMP", Form::UserDump),
        // In the other byte order, which no Windows has.
        (b"PMDM", Form::UserDump),
        (event_log::SIGNATURE, Form::EventLog),
        (b"regf", Form::RegistryHive),
        (b"\x28\xb5\x2f\xfd", Form::Packed("zstd")),
        (b"\xfd7zXZ\0", Form::Packed("xz")),
        (b"\x1f\x8b", Form::Packed("gzip")),
        (b"PK\x03\x04", Form::Packed("zip")),
        (b"MSCF", Form::Packed("makecab")),
    ];
    let known = SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature)).map(|(_, form)| *form);
    known.unwrap_or(if is_pe(start) { Form::Pe } else { Form::Unknown })
}

/// `MZ`, and where it points, `PE`.
fn is_pe(start: &[u8]) -> bool {
    const HEADER: u64 = 0x3c;
    let bytes = Bytes(start);
    let pe = || bytes.slice(u64::from(bytes.u32(HEADER)?), 4);
    start.starts_with(b"MZ") && pe() == Some(b"PE\0\0")
}

fn kernel_dump<R: Read + Seek + 'static>(source: R, owners: &DriverOwners) -> io::Result<Findings> {
    Ok(match read_dump_file(source) {
        Ok(dump) => {
            let facts = TriageFacts::KernelDump(Box::new(crash_from(&dump, owners)));
            Findings { damaged: dump.damaged, ..Findings::of(facts) }
        }
        Err(DumpError::Unreadable { reason }) => return Err(io::Error::other(reason)),
        Err(error) => Findings::without_facts(EvidenceForm::KernelDump, error.to_string()),
    })
}

fn event_log<R: Read + Seek>(mut source: R) -> io::Result<Findings> {
    match read_event_log(&mut source) {
        Ok(history) => Ok(Findings::of(TriageFacts::EventLog(history))),
        Err(EventLogError::Read(error)) => Err(error),
        Err(error @ EventLogError::NotALog) => Ok(unknown(error.to_string())),
    }
}

fn unknown(why: String) -> Findings {
    Findings::without_facts(EvidenceForm::Unknown, why)
}

fn first_bytes(start: &[u8]) -> String {
    if start.is_empty() {
        return "empty".to_owned();
    }
    if start.iter().all(|&byte| byte == 0) {
        let length = start.len();
        return format!(
            "begins with {length} zeros: it was made, but its beginning was never written, as when power goes"
        );
    }
    let shown: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("no kind that is read begins with {}", shown.join(" "))
}

fn read_start(source: &mut (impl Read + Seek), length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dump of a process over two blocks, of which the second is damaged.
    #[test]
    fn what_cannot_be_unpacked_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.dmp.zst");
        let mut writer = crate::packed::PackedWriter::open(&path).unwrap();
        let noise = (0_u32..1 << 20).map(|number| number.wrapping_mul(0x9e37_79b1).to_be_bytes()[0]);
        let plain: Vec<u8> = b"MDMP".iter().copied().chain(noise).collect();
        io::Write::write_all(&mut writer, &plain).unwrap();
        io::Write::write_all(&mut writer, &plain).unwrap();
        writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let look = |bytes: Vec<u8>| triage(io::Cursor::new(bytes), &DriverOwners::default()).unwrap();
        assert_eq!(look(whole.clone()).kind, EvidenceForm::UserDump);
        let mut cut = whole;
        let middle = cut.len() * 3 / 4;
        cut[middle..middle + 64].fill(0);
        let found = look(cut);
        assert_eq!((found.kind, found.damaged), (EvidenceForm::UserDump, true), "{:?}", found.notes);
        assert!(found.notes[0].starts_with("packed, and not whole"), "{:?}", found.notes);
    }

    /// Of 46 small dumps of one machine, three were zeros throughout and three empty.
    #[test]
    fn what_was_never_written_is_said() {
        let notes = |bytes: Vec<u8>| {
            let found = triage(io::Cursor::new(bytes), &DriverOwners::default()).unwrap();
            assert_eq!((found.kind, found.damaged), (EvidenceForm::Unknown, false));
            found.notes.join(" ")
        };
        assert!(notes(vec![0; 286_808]).starts_with("begins with 1024 zeros: it was made"));
        assert_eq!(notes(Vec::new()), "empty");
        assert_eq!(
            notes([vec![0; 8], vec![1; 8]].concat()),
            "no kind that is read begins with 00 00 00 00 00 00 00 00"
        );
    }

    #[test]
    fn kinds_by_their_first_bytes() {
        let mut pe = vec![0; 0x100];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x80;
        assert_eq!(form(&pe), Form::Unknown, "a program of DOS");
        pe[0x80..0x84].copy_from_slice(b"PE\0\0");
        assert_eq!(form(&pe), Form::Pe);
        for (start, expected) in [
            (&b"PAGEDU64"[..], Form::KernelDump),
            (b"PAGEDUMP", Form::KernelDump),
            (b"MDMP\x93\xa7", Form::UserDump),
            (b"PMDM\xa7\x93", Form::UserDump),
            (b"ElfFile\0", Form::EventLog),
            (b"ElfFile", Form::Unknown),
            (b"regf\x01", Form::RegistryHive),
            (b"\xfd7zXZ\0\0", Form::Packed("xz")),
            (b"", Form::Unknown),
            (b"MZ", Form::Unknown),
            (b"MZ\xff\xff", Form::Unknown),
        ] {
            assert_eq!(form(start), expected, "{start:?}");
        }
    }
}
