//! The server's SFTP side: a folder of the host as drive C.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use russh_sftp::protocol::{
    Attrs, Data, File as Listed, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version,
};
use russh_sftp::server::{Handler, StatusReply};

use super::{Shared, Wire};

/// What happens to writes beyond a number of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteFault {
    /// The connection breaks.
    Cut,
    /// There is no room.
    Full,
}

/// How reads are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// With what was asked for, as far as a packet holds it, in the order in which it was asked for.
    Plain,
    /// With less than what was asked for, each time with another part of it.
    Short,
    /// Later questions before earlier ones.
    OutOfOrder,
    /// Up to this byte of a file, where the connection breaks.
    CutAt(u64),
}

pub(super) struct Disk {
    shared: Arc<Shared>,
    written: u64,
    files: HashMap<String, File>,
    folders: HashMap<String, Vec<Listed>>,
    endless: HashSet<String>,
    next: u32,
}

impl Disk {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, written: 0, files: HashMap::new(), folders: HashMap::new(), endless: HashSet::new(), next: 0 }
    }

    fn path(&self, name: &str) -> Result<PathBuf, StatusReply> {
        if self.shared.denied.lock().unwrap().iter().any(|denied| name.starts_with(denied)) {
            return Err(StatusCode::PermissionDenied.into());
        }
        let below = name.strip_prefix("/C:/").ok_or(StatusCode::NoSuchFile)?;
        Ok(self.shared.disk.join(below))
    }

    fn handle(&mut self) -> String {
        self.next += 1;
        self.next.to_string()
    }

    fn file(&self, handle: &str) -> Result<&File, StatusReply> {
        self.files.get(handle).ok_or_else(|| StatusCode::Failure.into())
    }
}

fn code(error: std::io::Error) -> StatusReply {
    match error.kind() {
        std::io::ErrorKind::NotFound => StatusCode::NoSuchFile.into(),
        _ => StatusCode::Failure.into(),
    }
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: String::new(), language_tag: String::new() }
}

fn attributes(metadata: &fs::Metadata) -> FileAttributes {
    FileAttributes::from(metadata)
}

impl Handler for Disk {
    type Error = StatusReply;

    fn unimplemented(&self) -> Self::Error {
        StatusCode::OpUnsupported.into()
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, Self::Error> {
        Ok(Version::new())
    }

    async fn open(
        &mut self,
        id: u32,
        name: String,
        flags: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, Self::Error> {
        let path = self.path(&name)?;
        let file =
            if flags.contains(OpenFlags::WRITE) { File::create(path) } else { File::open(path) }.map_err(code)?;
        let handle = self.handle();
        self.files.insert(handle.clone(), file);
        Ok(Handle { id, handle })
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, Self::Error> {
        self.files.remove(&handle);
        self.folders.remove(&handle);
        Ok(done(id))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, Self::Error> {
        let reads = *self.shared.reads.lock().unwrap();
        let len = match reads {
            Reads::Short => 1 + len.min(64 * 1024) / (2 + offset as u32 % 3),
            Reads::CutAt(end) if offset >= end => {
                self.shared.wire.send_replace(Wire::Cut);
                std::future::pending().await
            }
            // No byte more: how a client cuts its reads must not say how much arrives.
            Reads::CutAt(end) => len.min(64 * 1024).min(u32::try_from(end - offset).unwrap_or(u32::MAX)),
            _ => len.min(64 * 1024),
        };
        let mut data = vec![0; len as usize];
        let count = self.file(&handle)?.read_at(&mut data, offset).map_err(code)?;
        if count == 0 {
            return Err(StatusCode::Eof.into());
        }
        data.truncate(count);
        Ok(Data { id, data })
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Result<Status, Self::Error> {
        self.written += data.len() as u64;
        match self.shared.fault {
            Some((limit, WriteFault::Cut)) if self.written > limit => {
                self.shared.wire.send_replace(Wire::Cut);
                std::future::pending::<()>().await;
            }
            Some((limit, WriteFault::Full)) if self.written > limit => {
                return Ok(Status {
                    id,
                    status_code: StatusCode::Failure,
                    error_message: "There is not enough space on the disk.".to_owned(),
                    language_tag: String::new(),
                });
            }
            _ => {}
        }
        self.file(&handle)?.write_all_at(&data, offset).map_err(code)?;
        Ok(done(id))
    }

    async fn stat(&mut self, id: u32, name: String) -> Result<Attrs, Self::Error> {
        let attrs = attributes(&fs::metadata(self.path(&name)?).map_err(code)?);
        Ok(Attrs { id, attrs })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, Self::Error> {
        let attrs = attributes(&self.file(&handle)?.metadata().map_err(code)?);
        Ok(Attrs { id, attrs })
    }

    async fn mkdir(&mut self, id: u32, name: String, _: FileAttributes) -> Result<Status, Self::Error> {
        fs::create_dir(self.path(&name)?).map_err(code)?;
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, name: String) -> Result<Handle, Self::Error> {
        let entries = fs::read_dir(self.path(&name)?).map_err(code)?;
        let mut listed: Vec<_> = entries
            .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.metadata()?))).map_err(code))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .map(|(name, metadata)| Listed::new(name.to_string_lossy(), attributes(&metadata)))
            .collect();
        // A hostile guest lists what no folder can hold.
        listed.push(Listed::dummy("."));
        listed.push(Listed::dummy("../../etc/x.dmp"));
        let handle = self.handle();
        if self.shared.endless.lock().unwrap().contains(&name) {
            self.endless.insert(handle.clone());
        }
        self.folders.insert(handle.clone(), listed);
        Ok(Handle { id, handle })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, Self::Error> {
        if self.endless.contains(&handle) {
            return Ok(Name { id, files: vec![Listed::dummy("../../etc/x.dmp")] });
        }
        match self.folders.get_mut(&handle).map(std::mem::take) {
            Some(files) if !files.is_empty() => Ok(Name { id, files }),
            _ => Err(StatusCode::Eof.into()),
        }
    }
}
