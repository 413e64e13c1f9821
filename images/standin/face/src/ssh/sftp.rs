//! The `sftp` subsystem, with the paths of Windows OpenSSH: `/C:/dir/file` and what else it takes.

use std::collections::HashMap;
use std::fs::{self, File, FileTimes, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use russh_sftp::protocol::{
    Attrs, Data, ExtendedReply, File as Entry, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode,
    Version,
};
use russh_sftp::server::{Handler, StatusReply};

use crate::{Kernel, Volume};

/// Bytes in one packet, as OpenSSH announces them.
const MOST_PACKET: u64 = 256 << 10;
const MOST_DATA: u64 = 255 << 10;
const MOST_HANDLES: usize = 1024;
/// Entries in one answer to a listing.
const ENTRIES_AT_ONCE: usize = 100;

enum Open {
    File { file: File, path: PathBuf, append: bool, written: bool, read: bool },
    Folder(Vec<Entry>),
}

pub(super) struct Sftp {
    volume: Volume,
    kernel: Arc<dyn Kernel>,
    open: HashMap<String, Open>,
    next: u64,
}

type Answer<T> = Result<T, StatusReply>;

fn reply(code: StatusCode) -> StatusReply {
    StatusReply::from(code)
}

/// OpenSSH's `sftp-server` sends the fixed words of the code and nothing of the cause (sftp-server.c, `status_messages`): a
/// full disk is a bare "Failure".
fn refused(error: io::Error) -> StatusReply {
    use io::ErrorKind as Kind;
    reply(match error.kind() {
        Kind::NotFound | Kind::NotADirectory => StatusCode::NoSuchFile,
        Kind::PermissionDenied | Kind::IsADirectory => StatusCode::PermissionDenied,
        _ => StatusCode::Failure,
    })
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: "Success".to_owned(), language_tag: String::new() }
}

fn attributes(metadata: &Metadata) -> FileAttributes {
    use std::os::unix::fs::MetadataExt;
    let seconds = |seconds: i64| u32::try_from(seconds).ok();
    FileAttributes {
        size: Some(metadata.len()),
        uid: Some(0),
        gid: Some(0),
        permissions: Some(if metadata.is_dir() { 0o040_777 } else { 0o100_666 }),
        atime: seconds(metadata.atime()),
        mtime: seconds(metadata.mtime()),
        ..FileAttributes::default()
    }
}

/// What a client's path stands for.
enum Place {
    /// `/`, above the drives.
    Drives,
    /// On the C: drive, with its names.
    File(PathBuf, Vec<String>),
}

impl Sftp {
    pub(super) fn new(volume: Volume, kernel: Arc<dyn Kernel>) -> Self {
        Self { volume, kernel, open: HashMap::new(), next: 0 }
    }

    fn place(&self, path: &str) -> Place {
        if path == "/" {
            return Place::Drives;
        }
        let path = match path.strip_prefix("__PROGRAMDATA__") {
            Some(rest) => format!("C:/ProgramData{rest}"),
            None => path.to_owned(),
        };
        let home = format!("C:/Users/{}", crate::USER);
        let (drive, names) = crate::volume::split(&path);
        let full = match drive {
            Some(letter) => format!("{letter}:/{}", names.join("/")),
            None if path.starts_with(['/', '\\']) => format!("C:/{}", names.join("/")),
            // Not from the cleaned names: `..` has to climb from the home directory.
            None => format!("{home}/{path}"),
        };
        let names = crate::volume::split(&full).1;
        Place::File(self.volume.resolve(&full), names)
    }

    fn file(&self, path: &str) -> Answer<PathBuf> {
        match self.place(path) {
            Place::File(at, _) => Ok(at),
            Place::Drives => Err(reply(StatusCode::PermissionDenied)),
        }
    }

    fn keep(&mut self, id: u32, open: Open) -> Answer<Handle> {
        if self.open.len() >= MOST_HANDLES {
            return Err(reply(StatusCode::Failure));
        }
        self.next += 1;
        let handle = self.next.to_string();
        self.open.insert(handle.clone(), open);
        Ok(Handle { id, handle })
    }

    fn opened(&mut self, handle: &str) -> Answer<(&File, &Path, &mut bool, bool)> {
        match self.open.get_mut(handle) {
            Some(Open::File { file, path, append, written, .. }) => Ok((file, path, written, *append)),
            _ => Err(reply(StatusCode::Failure)),
        }
    }

    fn metadata(&self, path: &str) -> Answer<FileAttributes> {
        match self.place(path) {
            Place::Drives => Ok(FileAttributes::dummy()),
            Place::File(at, _) => fs::metadata(at).map(|it| attributes(&it)).map_err(refused),
        }
    }
}

/// Size and times are set; permissions, owners and groups mean nothing here and are taken silently, as by Windows OpenSSH.
fn change(file: &File, attributes: &FileAttributes) -> io::Result<()> {
    if let Some(size) = attributes.size {
        file.set_len(size)?;
    }
    if attributes.atime.is_some() || attributes.mtime.is_some() {
        let time = |seconds: Option<u32>| UNIX_EPOCH + Duration::from_secs(seconds.unwrap_or(0).into());
        file.set_times(FileTimes::new().set_accessed(time(attributes.atime)).set_modified(time(attributes.mtime)))?;
    }
    Ok(())
}

/// The strings in the body of an extended request.
fn strings(mut data: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    while !data.is_empty() {
        let (length, rest) = data.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        found.push(String::from_utf8(rest.get(..length)?.to_vec()).ok()?);
        data = &rest[length..];
    }
    Some(found)
}

fn numbers(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

impl Handler for Sftp {
    type Error = StatusReply;

    fn unimplemented(&self) -> Self::Error {
        reply(StatusCode::OpUnsupported)
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Answer<Version> {
        let mut version = Version::new();
        for (name, value) in [
            ("posix-rename@openssh.com", "1"),
            ("statvfs@openssh.com", "2"),
            ("fsync@openssh.com", "1"),
            ("limits@openssh.com", "1"),
        ] {
            version.extensions.insert(name.to_owned(), value.to_owned());
        }
        Ok(version)
    }

    async fn open(&mut self, id: u32, filename: String, flags: OpenFlags, _: FileAttributes) -> Answer<Handle> {
        let path = self.file(&filename)?;
        if path.is_dir() {
            return Err(reply(StatusCode::PermissionDenied));
        }
        let has = |flag| flags.contains(flag);
        let writing = has(OpenFlags::WRITE) || has(OpenFlags::APPEND);
        let mut options = OpenOptions::new();
        // Appending is done by position, so that the file need not be opened in a mode that forbids others.
        options.read(has(OpenFlags::READ) || !writing).write(writing);
        if writing && has(OpenFlags::CREATE) {
            options.create(!has(OpenFlags::EXCLUDE)).create_new(has(OpenFlags::EXCLUDE));
        }
        options.truncate(writing && has(OpenFlags::TRUNCATE) && !has(OpenFlags::EXCLUDE));
        let file = options.open(&path).map_err(refused)?;
        self.keep(id, Open::File { file, path, append: has(OpenFlags::APPEND), written: false, read: false })
    }

    async fn close(&mut self, id: u32, handle: String) -> Answer<Status> {
        match self.open.remove(&handle) {
            None => Err(reply(StatusCode::Failure)),
            // What was put survives a crash of the guest right afterwards: the lab's tests put a file and break the
            // machine, and Windows would have had time to write.
            Some(Open::File { file, path, written: true, .. }) => {
                let written = tokio::task::spawn_blocking(move || {
                    file.sync_all()?;
                    path.parent().map_or(Ok(()), crate::volume::sync_directory)
                });
                written.await.map_err(|_| reply(StatusCode::Failure))?.map_err(refused)?;
                Ok(done(id))
            }
            Some(_) => Ok(done(id)),
        }
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Answer<Data> {
        let Some(Open::File { file, path, read, .. }) = self.open.get_mut(&handle) else {
            return Err(reply(StatusCode::Failure));
        };
        if !std::mem::replace(read, true) {
            // Whether a transfer that was cut goes on or begins anew is for the lab's tests to see.
            self.kernel.trace(&format!("sftp reads {} from byte {offset}", path.display()));
        }
        let mut data = vec![0; usize::try_from(u64::from(len).min(MOST_DATA)).unwrap_or(0)];
        let length = file.read_at(&mut data, offset).map_err(refused)?;
        if length == 0 {
            return Err(reply(StatusCode::Eof));
        }
        data.truncate(length);
        Ok(Data { id, data })
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Answer<Status> {
        let (file, _, written, append) = self.opened(&handle)?;
        *written = true;
        let offset = if append { file.metadata().map_err(refused)?.len() } else { offset };
        file.write_all_at(&data, offset).map_err(refused)?;
        Ok(done(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        self.metadata(&path).map(|attrs| Attrs { id, attrs })
    }

    async fn stat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        self.metadata(&path).map(|attrs| Attrs { id, attrs })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Answer<Attrs> {
        let (file, ..) = self.opened(&handle)?;
        Ok(Attrs { id, attrs: attributes(&file.metadata().map_err(refused)?) })
    }

    async fn setstat(&mut self, id: u32, path: String, attrs: FileAttributes) -> Answer<Status> {
        let path = self.file(&path)?;
        let writing = attrs.size.is_some();
        let file = OpenOptions::new().read(!writing).write(writing).open(path).map_err(refused)?;
        change(&file, &attrs).map_err(refused)?;
        Ok(done(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attrs: FileAttributes) -> Answer<Status> {
        let (file, _, written, _) = self.opened(&handle)?;
        *written |= attrs.size.is_some();
        change(file, &attrs).map_err(refused)?;
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Answer<Handle> {
        let mut entries: Vec<Entry> = match self.place(&path) {
            Place::Drives => vec![Entry::new("C:", FileAttributes::dummy())],
            Place::File(at, _) => {
                let found = fs::read_dir(at).map_err(refused)?;
                let mut entries: Vec<_> = [".", ".."].map(|name| Entry::new(name, FileAttributes::dummy())).into();
                entries.extend(found.flatten().filter_map(|entry| {
                    let metadata = entry.metadata().ok()?;
                    Some(Entry::new(entry.file_name().to_string_lossy(), attributes(&metadata)))
                }));
                entries
            }
        };
        entries.reverse();
        self.keep(id, Open::Folder(entries))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Answer<Name> {
        match self.open.get_mut(&handle) {
            Some(Open::Folder(entries)) if entries.is_empty() => Err(reply(StatusCode::Eof)),
            Some(Open::Folder(entries)) => {
                let rest = entries.len().saturating_sub(ENTRIES_AT_ONCE);
                let mut files = entries.split_off(rest);
                files.reverse();
                Ok(Name { id, files })
            }
            _ => Err(reply(StatusCode::Failure)),
        }
    }

    async fn remove(&mut self, id: u32, filename: String) -> Answer<Status> {
        let path = self.file(&filename)?;
        fs::remove_file(path).map_err(refused)?;
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, _: FileAttributes) -> Answer<Status> {
        let path = self.file(&path)?;
        if path.exists() {
            return Err(reply(StatusCode::Failure));
        }
        fs::create_dir(path).map_err(refused)?;
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Answer<Status> {
        let path = self.file(&path)?;
        fs::remove_dir(path).map_err(refused)?;
        Ok(done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Answer<Name> {
        let full = match self.place(&path) {
            Place::Drives => "/".to_owned(),
            Place::File(_, names) => format!("/C:/{}", names.join("/")),
        };
        Ok(Name { id, files: vec![Entry::dummy(full)] })
    }

    async fn rename(&mut self, id: u32, oldpath: String, newpath: String) -> Answer<Status> {
        let (from, to) = (self.file(&oldpath)?, self.file(&newpath)?);
        if to.exists() && from != to {
            return Err(reply(StatusCode::Failure));
        }
        fs::rename(from, to).map_err(refused)?;
        Ok(done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Answer<Packet> {
        let bad = || reply(StatusCode::BadMessage);
        match request.as_str() {
            "limits@openssh.com" => {
                let data = numbers(&[MOST_PACKET, MOST_DATA, MOST_DATA, MOST_HANDLES as u64]);
                Ok(Packet::ExtendedReply(ExtendedReply { id, data }))
            }
            "posix-rename@openssh.com" => {
                let names = strings(&data).ok_or_else(bad)?;
                let [from, to] = names.as_slice() else { return Err(bad()) };
                fs::rename(self.file(from)?, self.file(to)?).map_err(refused)?;
                Ok(Packet::Status(done(id)))
            }
            "fsync@openssh.com" => {
                let handles = strings(&data).ok_or_else(bad)?;
                let (file, ..) = self.opened(handles.first().ok_or_else(bad)?)?;
                file.sync_all().map_err(refused)?;
                Ok(Packet::Status(done(id)))
            }
            "statvfs@openssh.com" => {
                let at = rustix::fs::statvfs(self.volume.root()).map_err(|error| refused(error.into()))?;
                let data = numbers(&[
                    at.f_bsize,
                    at.f_frsize,
                    at.f_blocks,
                    at.f_bfree,
                    at.f_bavail,
                    at.f_files,
                    at.f_ffree,
                    at.f_favail,
                    0,
                    0,
                    255,
                ]);
                Ok(Packet::ExtendedReply(ExtendedReply { id, data }))
            }
            _ => Err(reply(StatusCode::OpUnsupported)),
        }
    }
}
