//! Files over SFTP.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coexist_lab::{GuestError, Whose};
use coexist_model::Sha256;
use russh::ChannelMsg;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::fs::Metadata;
use russh_sftp::client::{Config, SftpSession};
use russh_sftp::protocol::{Status, StatusCode};
use sha2::Digest;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::paths::{folders_above, sftp};
use crate::session::{QUERY, Session, disagrees};
use crate::text::one_line;

/// Slowest transfer that is waited for, in bytes per second. The stand-in under emulation reaches about 9 MB/s.
const SLOWEST: u64 = 256 * 1024;

/// Bytes moved at once between the host's disk and the connection.
const CHUNK: usize = 256 * 1024;

/// Longest time for a file of this size.
fn allowance(size: u64) -> Duration {
    QUERY + Duration::from_secs(size / SLOWEST)
}

/// The file side of a session. Its SFTP channel is opened when it is first needed.
#[derive(Default)]
pub(crate) struct Files {
    channel: Mutex<Option<Arc<SftpSession>>>,
}

/// Why a file could not be worked with.
#[derive(Debug)]
pub(crate) enum FileError {
    /// The guest's system does not let the account: as the account is an administrator's, most often a product that
    /// defends itself.
    Denied {
        /// The request.
        during: String,
        /// The server's words.
        found: String,
    },
    /// Anything else.
    Guest(GuestError),
}

impl From<GuestError> for FileError {
    fn from(error: GuestError) -> Self {
        Self::Guest(error)
    }
}

impl From<FileError> for GuestError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Denied { during, found } => disagrees(&during, "success", &found),
            FileError::Guest(error) => error,
        }
    }
}

/// What is transferred where, for messages.
pub(crate) struct Work<'a> {
    pub(crate) session: &'a Session,
    pub(crate) during: String,
    pub(crate) until: Instant,
    deadline: Duration,
}

impl<'a> Work<'a> {
    pub(crate) fn new(session: &'a Session, during: String, deadline: Duration) -> Self {
        Self { session, during, until: Instant::now() + deadline, deadline }
    }

    pub(crate) fn late(&self) -> GuestError {
        GuestError::TimedOut { during: self.during.clone(), after: self.deadline, of: Whose::Lab }
    }

    /// Waits for an answer, at most until the deadline.
    pub(crate) async fn wait<T>(&self, answer: impl Future<Output = Result<T, SftpError>>) -> Result<T, FileError> {
        match timeout_at(self.until, answer).await {
            Ok(answer) => answer.map_err(|error| self.failed(error)),
            Err(_) => Err(self.late().into()),
        }
    }

    /// Waits for bytes, likewise.
    async fn wait_io<T>(&self, answer: impl Future<Output = io::Result<T>>) -> Result<T, FileError> {
        self.wait(async { answer.await.map_err(sftp_error) }).await
    }

    pub(crate) fn failed(&self, error: SftpError) -> FileError {
        if self.session.is_closed() {
            return self.session.lost(&self.during, true, &error.to_string()).into();
        }
        let error = match error {
            SftpError::Timeout => self.late(),
            SftpError::Status(status) if is_full(&status.error_message) => {
                GuestError::DiskFull { what: self.during.clone() }
            }
            SftpError::Status(status) => {
                let found = one_line(&format!("{}: {}", status.status_code, status.error_message));
                if status.status_code == StatusCode::PermissionDenied {
                    return FileError::Denied { during: self.during.clone(), found };
                }
                disagrees(&self.during, "success", &found)
            }
            SftpError::Limited(_) | SftpError::UnexpectedPacket => {
                disagrees(&self.during, "an answer by the SFTP protocol", &error.to_string())
            }
            // The channel's end, seen before the connection's: with it everything on the way is lost.
            SftpError::IO(_) | SftpError::UnexpectedBehavior(_) => {
                self.session.lost(&self.during, true, &error.to_string())
            }
        };
        error.into()
    }

    fn host(file: &Path, error: &io::Error) -> GuestError {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        GuestError::Host { file: file.display().to_string(), error: error.to_string(), full }
    }
}

/// The library wraps its own errors into `io::Error`, and writes that the guest refused as bare text.
fn sftp_error(error: io::Error) -> SftpError {
    if error.kind() == io::ErrorKind::TimedOut {
        return SftpError::Timeout;
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<SftpError>()) {
        Some(known) => known.clone(),
        None => {
            let error_message = error.to_string();
            // [R] The words of OpenSSH's `sftp-server` for this code.
            let denied = error_message.eq_ignore_ascii_case("permission denied");
            let status_code = if denied { StatusCode::PermissionDenied } else { StatusCode::Failure };
            SftpError::Status(Status { id: 0, status_code, error_message, language_tag: String::new() })
        }
    }
}

/// Whether a server's words for a failure are about room. The protocol has no code for it.
fn is_full(message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    ["no space left", "not enough space", "disk full", "enospc", "disk quota"].iter().any(|words| lower.contains(words))
}

/// Whether what was sent is what was verified before the run began: somebody may have built the package anew since.
fn still_verified(file: &Path, verified: &Sha256, sent: sha2::Sha256) -> Result<(), GuestError> {
    let digits: String = sent.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if digits == verified.as_str() {
        return Ok(());
    }
    let error = format!(
        "changed during the run: its sha256 was {verified} when it began and is {digits} now; leave packages alone while a run uses them, and run again"
    );
    Err(GuestError::Host { file: file.display().to_string(), error, full: false })
}

/// Where a file that is sent comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A package on this host, with the digest it was verified by. It is read again, so it is verified again.
    Package(&'a Path, &'a Sha256),
    /// Bytes of our own.
    Text(&'a str),
}

impl Files {
    async fn sftp(&self, work: &Work<'_>) -> Result<Arc<SftpSession>, FileError> {
        let mut channel = self.channel.lock().await;
        if let Some(open) = &*channel {
            return Ok(Arc::clone(open));
        }
        let opened = Arc::new(work.wait(Self::open(work)).await??);
        *channel = Some(Arc::clone(&opened));
        Ok(opened)
    }

    async fn open(work: &Work<'_>) -> Result<Result<SftpSession, GuestError>, SftpError> {
        let stream = match subsystem(work).await {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        SftpSession::new_with_config(stream, config(work.session)).await.map(Ok)
    }

    /// After a failure that was no plain answer, the next request gets a channel of its own.
    async fn keep_or_drop<T>(&self, result: Result<T, FileError>) -> Result<T, FileError> {
        if matches!(result, Err(FileError::Guest(GuestError::Lost { .. } | GuestError::TimedOut { .. }))) {
            self.channel.lock().await.take();
        }
        result
    }

    /// Puts a file into the guest, and makes sure that it is whole there.
    pub(crate) async fn put(&self, session: &Session, source: Source<'_>, path: &str) -> Result<u64, FileError> {
        let result = self.send(session, source, path).await;
        self.keep_or_drop(result).await
    }

    async fn send(&self, session: &Session, source: Source<'_>, path: &str) -> Result<u64, FileError> {
        let (mut reader, size, from): (Box<dyn tokio::io::AsyncRead + Send + Unpin>, u64, &Path) = match source {
            Source::Text(text) => (Box::new(text.as_bytes()), text.len() as u64, Path::new(path)),
            Source::Package(file, _) => {
                let host = |error| Work::host(file, &error);
                let open = tokio::fs::File::open(file).await.map_err(host)?;
                let size = open.metadata().await.map_err(host)?.len();
                (Box::new(open), size, file)
            }
        };
        let work = Work::new(session, format!("sending {path}"), session.paced(allowance(size)));
        let sftp_session = self.sftp(&work).await?;
        let sent: Result<_, FileError> = async {
            let mut file = work.wait(sftp_session.create(sftp(path))).await?;
            let mut chunk = vec![0; CHUNK];
            let mut hasher = sha2::Sha256::new();
            loop {
                let count = reader.read(&mut chunk).await.map_err(|error| Work::host(from, &error))?;
                if count == 0 {
                    break;
                }
                hasher.update(&chunk[..count]);
                work.wait_io(file.write_all(&chunk[..count])).await?;
            }
            work.wait_io(file.close()).await?;
            if let Source::Package(file, verified) = source {
                still_verified(file, verified, hasher)?;
            }
            work.wait(sftp_session.metadata(sftp(path))).await
        }
        .await;
        match sent {
            Ok(there) if there.size == Some(size) => Ok(size),
            Ok(Metadata { size: Some(found), .. }) => {
                Err(GuestError::ShortWrite { file: path.to_owned(), written: size, found }.into())
            }
            Ok(_) => Err(disagrees(&work.during, &format!("{size} bytes there"), "a file without a size").into()),
            // A bare "Failure" may be a full disk: where the server tells how much room there is, ask.
            Err(FileError::Guest(GuestError::Disagrees { .. }))
                if Self::has_no_room(&work, &sftp_session, path, size).await =>
            {
                Err(GuestError::DiskFull { what: path.to_owned() }.into())
            }
            Err(FileError::Guest(GuestError::DiskFull { .. })) => {
                Err(GuestError::DiskFull { what: path.to_owned() }.into())
            }
            Err(error) => Err(error),
        }
    }

    async fn has_no_room(work: &Work<'_>, sftp_session: &SftpSession, path: &str, size: u64) -> bool {
        let drive: String = sftp(path).chars().take(3).collect();
        match work.wait(sftp_session.fs_info(format!("{drive}/"))).await {
            Ok(Some(room)) => room.blocks_avail.saturating_mul(room.fragment_size) < size.min(64 * 1024),
            Ok(None) | Err(_) => false,
        }
    }

    /// Makes the folders in which a file will lie. One that may not be looked at counts as there.
    pub(crate) async fn make_folders_for(&self, session: &Session, path: &str) -> Result<(), FileError> {
        let work = Work::new(session, format!("making the folder of {path}"), session.paced(QUERY));
        let result = async {
            let sftp_session = self.sftp(&work).await?;
            for folder in folders_above(path) {
                match work.wait(sftp_session.try_exists(folder.clone())).await {
                    Ok(false) => work.wait(sftp_session.create_dir(folder)).await?,
                    Ok(true) | Err(FileError::Denied { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
        .await;
        self.keep_or_drop(result).await
    }

    /// What is at a path, if anything is.
    pub(crate) async fn stat(
        &self,
        session: &Session,
        path: &str,
        deadline: Duration,
    ) -> Result<Option<Metadata>, FileError> {
        let work = Work::new(session, format!("looking for {path}"), deadline);
        let result = async {
            let sftp_session = self.sftp(&work).await?;
            let asked = sftp_session.metadata(sftp(path));
            match timeout_at(work.until, asked).await {
                Err(_) => Err(work.late().into()),
                Ok(Ok(metadata)) => Ok(Some(metadata)),
                Ok(Err(SftpError::Status(status))) if status.status_code == StatusCode::NoSuchFile => Ok(None),
                Ok(Err(error)) => Err(work.failed(error)),
            }
        }
        .await;
        self.keep_or_drop(result).await
    }

    /// Fetches a file from byte `from` up to byte `limit` of it.
    pub(crate) async fn get(
        &self,
        session: &Session,
        path: &str,
        from: u64,
        limit: u64,
        to: &mut (dyn Write + Send),
    ) -> Result<u64, GuestError> {
        let result = self.receive(session, path, from, limit, to).await;
        Ok(self.keep_or_drop(result).await?)
    }

    async fn receive(
        &self,
        session: &Session,
        path: &str,
        from: u64,
        limit: u64,
        to: &mut (dyn Write + Send),
    ) -> Result<u64, FileError> {
        let during = format!("fetching {}", one_line(path));
        let asking = Work::new(session, during.clone(), session.paced(QUERY));
        let sftp_session = self.sftp(&asking).await?;
        let mut file = asking.wait(sftp_session.open(sftp(path))).await?;
        let size = asking.wait(file.metadata()).await?.size.unwrap_or(limit);
        let end = size.min(limit);
        let work = Work::new(session, during, session.paced(allowance(end.saturating_sub(from))));
        let host = |error| Work::host(Path::new(path), &error);
        work.wait_io(file.seek(io::SeekFrom::Start(from))).await?;
        let mut file = file.take(limit.saturating_sub(from));
        let mut chunk = vec![0; CHUNK];
        let mut fetched = 0;
        loop {
            let count = work.wait_io(file.read(&mut chunk)).await?;
            if count == 0 {
                break;
            }
            to.write_all(&chunk[..count]).map_err(host)?;
            fetched += count as u64;
        }
        to.flush().map_err(host)?;
        Ok(fetched)
    }
}

pub(crate) fn config(session: &Session) -> Config {
    // One answer may take long on a guest under load; the deadline of the whole work is what counts.
    Config { request_timeout_secs: session.paced(QUERY).as_secs(), ..Config::default() }
}

/// A channel with an SFTP server behind it.
pub(crate) async fn subsystem(work: &Work<'_>) -> Result<russh::ChannelStream<russh::client::Msg>, GuestError> {
    let mut channel = work.session.channel(&work.during, true).await?;
    let lost = |why: &str| work.session.lost(&work.during, true, why);
    channel.request_subsystem(true, "sftp").await.map_err(|error| lost(&error.to_string()))?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => break,
            Some(ChannelMsg::Failure) => {
                let found = "it offers no SFTP".to_owned();
                return Err(GuestError::Refused { during: work.during.clone(), found });
            }
            Some(ChannelMsg::Close) | None => return Err(lost("the channel was closed")),
            Some(_) => {}
        }
    }
    Ok(channel.into_stream())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_full_disk() {
        for full in ["No space left on device", "There is not enough space on the disk.", "write: disk full"] {
            assert!(is_full(full), "{full}");
        }
        assert!(!is_full("Failure"));
        let code = |words| match sftp_error(io::Error::other(words)) {
            SftpError::Status(status) => status.status_code,
            other => panic!("{other}"),
        };
        assert_eq!(code("Failure"), StatusCode::Failure);
        assert_eq!(code("Permission denied"), StatusCode::PermissionDenied);
        assert!(matches!(sftp_error(SftpError::UnexpectedPacket.into()), SftpError::UnexpectedPacket));
        assert!(matches!(sftp_error(io::ErrorKind::TimedOut.into()), SftpError::Timeout));
    }
}
