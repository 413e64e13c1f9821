//! Many looks at the guest's files over one SFTP channel of their own.
//!
//! The library's listing would take as many entries as the guest cares to invent; here they are bounded.

use std::time::Duration;

use coexist_lab::GuestError;
use coexist_model::is_file_name;
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::files::{FileError, Work, config, subsystem};
use crate::paths::sftp;
use crate::session::Session;

/// Most entries read from one folder.
const ENTRIES: usize = 1000;

/// One entry of a folder.
pub(crate) struct Entry {
    /// Its name: no path separators, no control characters.
    pub(crate) name: String,
    /// What the guest says about it.
    pub(crate) metadata: FileAttributes,
}

/// A channel for looking at files, all of it before one deadline.
pub(crate) struct Browser<'a> {
    raw: RawSftpSession,
    work: Work<'a>,
}

impl<'a> Browser<'a> {
    /// Opens the channel.
    pub(crate) async fn open(session: &'a Session, during: &str, deadline: Duration) -> Result<Self, GuestError> {
        let work = Work::new(session, during.to_owned(), deadline);
        let stream = match timeout_at(work.until, subsystem(&work)).await {
            Ok(stream) => stream?,
            Err(_) => return Err(work.late()),
        };
        let raw = RawSftpSession::new_with_config(stream, config(session));
        work.wait(raw.init()).await?;
        Ok(Self { raw, work })
    }

    /// When all looks are over.
    pub(crate) fn until(&self) -> Instant {
        self.work.until
    }

    /// What is at a path, if anything is.
    pub(crate) async fn stat(&self, path: &str) -> Result<Option<FileAttributes>, FileError> {
        match self.there(self.raw.stat(sftp(path))).await? {
            Some(found) => Ok(Some(found.attrs)),
            None => Ok(None),
        }
    }

    /// What is in a folder, at most [`ENTRIES`]; nothing when it is not there. Names that could not be names are left out.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Entry>, FileError> {
        let Some(folder) = self.there(self.raw.opendir(sftp(path))).await? else { return Ok(Vec::new()) };
        let (mut entries, mut named) = (Vec::new(), 0);
        while named < ENTRIES {
            match timeout_at(self.work.until, self.raw.readdir(folder.handle.as_str())).await {
                // What a slow guest did name is worth having.
                Err(_) if !entries.is_empty() => break,
                Err(_) => return Err(self.work.late().into()),
                Ok(Err(SftpError::Status(status))) if status.status_code == StatusCode::Eof => break,
                Ok(Err(error)) => return Err(self.work.failed(error)),
                Ok(Ok(names)) => {
                    named += names.files.len().max(1);
                    let names = names.files.into_iter().filter(|file| is_file_name(&file.filename));
                    entries.extend(names.map(|file| Entry { name: file.filename, metadata: file.attrs }));
                }
            }
        }
        entries.truncate(ENTRIES);
        // A guest that does not close it has seen what it is: nothing depends on it.
        let _ = timeout_at(self.work.until, self.raw.close(folder.handle)).await;
        Ok(entries)
    }

    async fn there<T>(&self, answer: impl Future<Output = Result<T, SftpError>>) -> Result<Option<T>, FileError> {
        match timeout_at(self.work.until, answer).await {
            Err(_) => Err(self.work.late().into()),
            Ok(Ok(found)) => Ok(Some(found)),
            Ok(Err(SftpError::Status(status))) if status.status_code == StatusCode::NoSuchFile => Ok(None),
            Ok(Err(error)) => Err(self.work.failed(error)),
        }
    }
}
