//! `fsutil file createnew`, which scripts use to take room. Words and exit codes of Windows 11. [K]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::{Arguments, message};
use crate::process::Process;

const DISK_FULL: u32 = 112;
const FILE_EXISTS: u32 = 80;
const PATH_NOT_FOUND: u32 = 3;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let words: Vec<String> = arguments.words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let of_createnew = matches!(words.as_slice(), [file, createnew, ..] if file == "file" && createnew == "createnew");
    if !of_createnew {
        process.out("---- Commands Supported ----");
        process.out("");
        process.out("file            File specific commands");
        return 1;
    }
    let (name, length) = (arguments.word(2), arguments.word(3).parse());
    let (Ok(length), 4) = (length, words.len()) else {
        process.out("Usage : fsutil file createnew <filename> <length>");
        process.out(r"   Eg : fsutil file createnew C:\testfile.txt 1000");
        return 1;
    };
    match create(&process.resolve(name), length) {
        Ok(()) => {
            process.out(format!("File {} is created", process.absolute(name)));
            0
        }
        Err(error) => {
            let error = match error.kind() {
                io::ErrorKind::AlreadyExists => FILE_EXISTS,
                io::ErrorKind::StorageFull => DISK_FULL,
                _ => PATH_NOT_FOUND,
            };
            process.out(format!("Error {error}: {}", message(error)));
            1
        }
    }
}

/// Makes the file whole, or not at all.
fn create(at: &Path, length: u64) -> io::Result<()> {
    let mut file = File::create_new(at)?;
    fill(&mut file, length).inspect_err(|_| drop(fs::remove_file(at)))
}

/// NTFS gives such a file its clusters at once; here the zeros are written, because the stand-in's file system would leave
/// a hole.
fn fill(file: &mut File, length: u64) -> io::Result<()> {
    static PART: [u8; 64 << 10] = [0; 64 << 10];
    let mut left = length;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(PART.len());
        file.write_all(&PART[..part])?;
        left -= part as u64;
    }
    file.sync_data()
}
