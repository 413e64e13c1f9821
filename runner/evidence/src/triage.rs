//! What a file is, by its bytes, and what it proves. Names say nothing: a `pagefile.sys` that begins with a dump is one.

use std::io::{self, Read, Seek, SeekFrom};

use coexist_model::{EvidenceForm, Findings, TriageFacts};

use crate::bytes::Bytes;
use crate::crash::crash_from;
use crate::dump::{read_kernel_dump, stated_length};
use crate::event_log::{self, EventLogError, read_event_log};
use crate::vendors::DriverOwners;

/// Bytes that a kind is told by, and that a dump's header says its length in.
const START: u64 = 0x2010;
/// Bytes of a small dump that are read; the largest seen has 1.4 MB.
const MAX_DUMP: u64 = 64 << 20;

/// Says what a file is and what it proves. `owners` are the drivers whose vendors are known.
///
/// # Errors
/// Only where the source cannot be read; whatever is wrong with its bytes is among the findings.
pub fn triage<R: Read + Seek + 'static>(mut source: R, owners: &DriverOwners) -> io::Result<Findings> {
    let start = read_start(&mut source, START)?;
    source.seek(SeekFrom::Start(0))?;
    match form(&start) {
        Form::KernelDump => kernel_dump(source, &start, owners),
        Form::EventLog => event_log(source),
        Form::UserDump => Ok(not_read(EvidenceForm::UserDump)),
        Form::RegistryHive => Ok(not_read(EvidenceForm::RegistryHive)),
        Form::Pe => Ok(not_read(EvidenceForm::Pe)),
        Form::Packed(how) => Ok(unknown(format!("packed by {how}: unpack it first"))),
        Form::Unknown => Ok(unknown(first_bytes(&start))),
    }
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

fn form(start: &[u8]) -> Form {
    const SIGNATURES: &[(&[u8], Form)] = &[
        (b"PAGEDU64", Form::KernelDump),
        (b"PAGEDUMP", Form::KernelDump),
        (b"MDMP", Form::UserDump),
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

fn kernel_dump<R: Read + Seek>(mut source: R, start: &[u8], owners: &DriverOwners) -> io::Result<Findings> {
    let length = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    // A page file holds more than the dump at its start.
    let wanted = if length <= MAX_DUMP { length } else { stated_length(start).unwrap_or(MAX_DUMP).min(MAX_DUMP) };
    let bytes = read_start(&mut source, wanted)?;
    Ok(match read_kernel_dump(&bytes) {
        Ok(dump) => {
            // Whatever the reader found odd, it could not read.
            let damaged = !dump.notes.is_empty();
            let facts = TriageFacts::KernelDump(Box::new(crash_from(&dump, owners)));
            Findings { damaged, ..Findings::of(facts) }
        }
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

/// A kind that is recognised, and of which nothing more is read.
fn not_read(kind: EvidenceForm) -> Findings {
    Findings::without_facts(kind, format!("recognised as a {}, and not read further", kind.title()))
}

fn unknown(why: String) -> Findings {
    Findings::without_facts(EvidenceForm::Unknown, why)
}

fn first_bytes(start: &[u8]) -> String {
    if start.is_empty() {
        return "empty".to_owned();
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
