//! Readers of files of any size, which they read here and there.

use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};

use coexist_evidence::packed::PackedReader;
use coexist_evidence::{DriverOwners, read_dump_file, read_event_log, triage};

use crate::promise::{bounded, concluded, published};
use crate::zeros::written_out;

/// Bytes that are unpacked of one input.
const UNPACKED: u64 = 1 << 20;

pub(crate) fn big_dump(input: &[u8]) {
    let file = written_out(input);
    let Ok(dump) = read_dump_file(Cursor::new(file.clone())) else { return };
    concluded(&dump, &file);
}

pub(crate) fn event_log(input: &[u8]) {
    let file = written_out(input);
    let Ok(history) = read_event_log(&mut Cursor::new(&file)) else { return };
    published(&history, &history.notes, &file);
}

/// Any file, by what its bytes say it is.
pub(crate) fn triage_file(input: &[u8]) {
    let file = written_out(input);
    let plain = PackedReader::new(Cursor::new(&file)).map_or(0, |packed| packed.plain_bytes());
    let length = plain.max(file.len() as u64);
    // Memory has no errors of its own, and what is wrong with the bytes is among the findings.
    let findings = triage(Cursor::new(file), &DriverOwners::default());
    let findings = findings.unwrap_or_else(|error| panic!("the file cannot be read: {error}"));
    let json = serde_json::to_string(&findings).unwrap_or_else(|error| panic!("facts cannot be written: {error}"));
    bounded(&json, &findings.notes, length);
}

/// The first byte chooses the places that are read after the whole; the rest is a packed file.
pub(crate) fn packed(input: &[u8]) {
    let [choice, file @ ..] = input else { return };
    let mut reader = match PackedReader::new(Cursor::new(file)) {
        Ok(reader) => reader,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}"),
    };
    let mut whole = Vec::new();
    let ended = (&mut reader).take(UNPACKED).read_to_end(&mut whole);
    match ended {
        Ok(_) => assert_eq!(whole.len() as u64, reader.plain_bytes().min(UNPACKED)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}"),
    }
    for step in 1..=4 {
        let at = usize::from(*choice) * step * step % (whole.len() + 1);
        let wanted = whole.get(at..whole.len().min(at + 0x40)).unwrap_or_default();
        let mut piece = vec![0; wanted.len()];
        let read = reader.seek(SeekFrom::Start(at as u64)).and_then(|_| reader.read_exact(&mut piece));
        assert!(read.is_ok() && piece == wanted, "{read:?} at {at}: {piece:?}, and at first {wanted:?}");
    }
    let end = reader.seek(SeekFrom::End(i64::from(*choice)));
    assert!(matches!(end.and_then(|_| reader.read(&mut [0])), Ok(0)), "there is something behind the end");
}
