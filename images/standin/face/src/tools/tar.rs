//! `tar -cf|-xf|-tf ARCHIVE [-C DIR] [NAME …]`: POSIX archives without compression.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::Arguments;
use crate::process::Process;

const BLOCK: usize = 512;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let mut words = arguments.words.iter();
    let (mut mode, mut archive, mut names, mut loud) = (' ', None, Vec::new(), false);
    let mut folder = process.directory.clone();
    let mut first = true;
    while let Some(word) = words.next() {
        let letters = word.strip_prefix('-').or(if first { Some(word.as_str()) } else { None });
        first = false;
        match letters {
            Some("C") => {
                let next = words.next().map_or("", String::as_str);
                folder = process.absolute(next);
            }
            Some(letters) => {
                for letter in letters.chars() {
                    match letter {
                        'c' | 'x' | 't' => mode = letter,
                        'v' => loud = true,
                        'f' => archive = words.next().cloned(),
                        _ => {
                            process.err(format!("tar: Option -{letter} is not supported"));
                            return 1;
                        }
                    }
                }
            }
            None => names.push(word.clone()),
        }
    }
    let Some(archive) = archive else {
        process.err("tar: Must specify one of -c, -r, -t, -u, -x");
        return 1;
    };
    let at = process.resolve(&archive);
    let folder = process.system.volume.resolve(&folder);
    let result = match mode {
        'c' => create(&at, &folder, &names),
        'x' | 't' => read(process, &at, &folder, mode == 'x', loud || mode == 't'),
        _ => {
            process.err("tar: Must specify one of -c, -r, -t, -u, -x");
            return 1;
        }
    };
    match result {
        Ok(()) => 0,
        Err(error) => {
            process.err(format!("tar: Error opening archive: {error}"));
            1
        }
    }
}

fn create(archive: &Path, folder: &Path, names: &[String]) -> io::Result<()> {
    let mut out = io::BufWriter::new(fs::File::create(archive)?);
    let volume = crate::Volume::new(folder.to_owned());
    for name in names {
        let name = name.replace('\\', "/");
        add(&mut out, &volume.resolve(&name), name.trim_end_matches('/'))?;
    }
    out.write_all(&[0; 2 * BLOCK])?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn add(out: &mut impl Write, at: &Path, name: &str) -> io::Result<()> {
    let metadata = fs::metadata(at)?;
    let directory = metadata.is_dir();
    let size = if directory { 0 } else { metadata.len() };
    let modified = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let shown = if directory { format!("{name}/") } else { name.to_owned() };
    out.write_all(&header(&shown, size, modified, directory)?)?;
    if directory {
        let mut entries: Vec<_> = fs::read_dir(at)?.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            add(out, &entry.path(), &format!("{name}/{}", entry.file_name().to_string_lossy()))?;
        }
        return Ok(());
    }
    let copied = io::copy(&mut fs::File::open(at)?.take(size), out)?;
    let padding = usize::try_from((BLOCK as u64 - copied % BLOCK as u64) % BLOCK as u64).unwrap_or(0);
    out.write_all(&vec![0; padding])
}

fn header(name: &str, size: u64, modified: u64, directory: bool) -> io::Result<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    // ustar: up to 155 bytes of directory and 100 of name.
    let (prefix, rest) = if name.len() <= 100 {
        ("", name)
    } else {
        let slash = name.match_indices('/').map(|(at, _)| at).find(|at| *at <= 155 && name.len() - at - 1 <= 100);
        slash.map(|at| (&name[..at], &name[at + 1..])).ok_or(io::ErrorKind::InvalidFilename)?
    };
    put(0, rest.as_bytes());
    put(345, prefix.as_bytes());
    put(100, if directory { b"0000755\0" } else { b"0000644\0" });
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, format!("{modified:011o}\0").as_bytes());
    put(148, b"        ");
    put(156, if directory { b"5" } else { b"0" });
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

fn field(block: &[u8], from: usize, length: usize) -> String {
    let bytes = &block[from..from + length];
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(length);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn read(process: &Process, archive: &Path, folder: &Path, extract: bool, loud: bool) -> io::Result<()> {
    let mut input = io::BufReader::new(fs::File::open(archive)?);
    // Names in an archive never lead out of the folder.
    let volume = crate::Volume::new(folder.to_owned());
    let mut long_name: Option<String> = None;
    loop {
        let mut block = [0; BLOCK];
        if input.read_exact(&mut block).is_err() || block.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "Unrecognized archive format");
        let size = u64::from_str_radix(field(&block, 124, 12).trim(), 8).map_err(|_| bad())?;
        let prefix = field(&block, 345, 155);
        let name = long_name.take().unwrap_or_else(|| {
            let name = field(&block, 0, 100);
            if prefix.is_empty() || block[257..262] != *b"ustar" { name } else { format!("{prefix}/{name}") }
        });
        let kind = block[156];
        if loud && matches!(kind, b'0' | 0 | b'5') {
            process.out(if extract { format!("x {name}") } else { name.clone() });
        }
        let mut body = (&mut input).take(size);
        match kind {
            b'5' if extract => fs::create_dir_all(volume.resolve(&name))?,
            b'0' | 0 if extract => {
                let at = volume.resolve(&name);
                if let Some(parent) = at.parent() {
                    fs::create_dir_all(parent)?;
                }
                let mut file = fs::File::create(at)?;
                io::copy(&mut body, &mut file)?;
            }
            b'L' => {
                let mut text = String::new();
                body.read_to_string(&mut text)?;
                long_name = Some(text.trim_end_matches('\0').to_owned());
            }
            _ => {}
        }
        io::copy(&mut body, &mut io::sink())?;
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        io::copy(&mut (&mut input).take(padding), &mut io::sink())?;
    }
}
