//! Opening a session: TCP, host key, account.
//!
//! Behind QEMU's user-mode network the host side accepts every connection, whether or not anybody listens in the guest.
//! What tells the cases apart is what happens before the first byte: a guest that lives but has no listener resets the
//! connection, which QEMU passes on as a close; a guest that does not live says nothing.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coexist_lab::{Door, Guest, Unanswered};
use coexist_model::{GuestAccess, Pace};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Preferred, cipher, client};
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::guest::WindowsGuest;
use crate::session::{Notes, Session};
use crate::text::one_line;

/// The SSH way into Windows guests.
#[derive(Debug, Clone)]
pub struct WindowsDoor {
    keepalive: Duration,
    unanswered: usize,
    pace: Pace,
}

impl Default for WindowsDoor {
    /// Asks a guest after every five seconds of silence whether it is still there, and gives it up when eight questions
    /// were left unanswered, after 45 seconds. A guest that an installer keeps from answering for a while must not lose
    /// that installer: what sshd started ends with its session. Whether a guest was reset is seen by other signs, sooner.
    fn default() -> Self {
        Self::new(Duration::from_secs(5), 8)
    }
}

impl WindowsDoor {
    /// A door whose sessions ask after `keepalive` of silence whether the guest is still there, and end when that many
    /// questions were left `unanswered`.
    #[must_use]
    pub fn new(keepalive: Duration, unanswered: usize) -> Self {
        Self { keepalive, unanswered, pace: Pace::AS_PLANNED }
    }

    /// The same on a host of this pace: every time of its own is stretched.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { keepalive: pace.stretch(self.keepalive), pace, ..self }
    }

    fn config(&self, pinned: &PublicKey) -> client::Config {
        let questions = u32::try_from(self.unanswered).unwrap_or(u32::MAX).saturating_add(3);
        client::Config {
            keepalive_interval: Some(self.keepalive),
            keepalive_max: self.unanswered,
            // Later than the keepalives' end; ends a session that cannot even send its questions.
            inactivity_timeout: Some(self.keepalive.saturating_mul(questions).max(self.pace.stretch(STUCK))),
            // The guest has keys of several kinds; it shows the kind that is asked for.
            preferred: Preferred {
                key: Cow::Owned(vec![pinned.algorithm()]),
                cipher: Cow::Borrowed(&CIPHERS),
                ..Preferred::default()
            },
            nodelay: true,
            ..client::Config::default()
        }
    }
}

/// The fastest first: processors have instructions for AES, and both ends spend more time on the cipher than on all else
/// (`cargo xtask bench sftp`, measured: a gigabyte takes less than half the processor time by the first than by the second).
/// The others are the library's own choice, for servers that lack it.
const CIPHERS: [cipher::Name; 5] =
    [cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR, cipher::AES_192_CTR, cipher::AES_128_CTR];

/// How soon after connecting a close means that the guest's system refused. It answers a knock in a fraction of this
/// even under emulation; QEMU gives up on a guest that does not answer only after more than a minute.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Longest silence while a session is set up, or while the guest takes nothing that is sent.
const STUCK: Duration = Duration::from_secs(30);

#[async_trait]
impl Door for WindowsDoor {
    async fn knock(
        &self,
        at: SocketAddr,
        access: &GuestAccess,
        patience: Duration,
    ) -> Result<Box<dyn Guest>, Unanswered> {
        let until = Instant::now() + patience;
        let pinned = pinned_key(&access.host_key)?;
        let key = account_key(&access.key_file)?;
        let stream = reach(at, until).await?;
        match timeout_at(until, self.set_up(stream, access, pinned, key)).await {
            Ok(session) => Ok(Box::new(WindowsGuest::new(session?))),
            Err(_) => {
                Err(Unanswered::Broken(format!("no session within {patience:?}, though the guest has begun one")))
            }
        }
    }
}

impl WindowsDoor {
    async fn set_up(
        &self,
        stream: TcpStream,
        access: &GuestAccess,
        pinned: PublicKey,
        key: PrivateKey,
    ) -> Result<Session, Unanswered> {
        let notes = Arc::new(Notes::default());
        let config = Arc::new(self.config(&pinned));
        let handler = Pinned { key: pinned, notes: Arc::clone(&notes) };
        let mut handle = client::connect_stream(config, stream, handler).await.map_err(|error| match error {
            russh::Error::UnknownKey => Unanswered::WrongKey { found: notes.shown_key() },
            russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. } => {
                Unanswered::WrongKey { found: one_line(&format!("of another kind ({})", theirs.join(", "))) }
            }
            error => Unanswered::Broken(one_line(&error.to_string())),
        })?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        match handle.authenticate_publickey(&access.user, key).await {
            Ok(result) if result.success() => Ok(Session::new(handle, notes, self.pace)),
            Ok(_) => Err(Unanswered::Authentication { user: access.user.clone() }),
            Err(error) => Err(Unanswered::Broken(one_line(&error.to_string()))),
        }
    }
}

/// A second and a third try are begun this long after the one before, all others twice as long: a connection that is
/// opened while the guest starts stalls until QEMU repeats its first packet, seconds later (measured), while a new one is
/// through as soon as the guest listens.
const STAGGER: Duration = Duration::from_millis(300);
/// Tries that are kept open at once, so that sshd, which by default refuses from ten unfinished connections on
/// (`MaxStartups`), is not provoked.
const TRIES: usize = 6;

/// Which place the try of this number takes, whose last holder is given up.
///
/// A guest may take long to speak, and its silence is no different from a stalled connection's: the first try is never
/// given up, and of the others every second lives for two more tries, every fourth for four, and so on. Whenever the
/// guest begins to listen, a try that waits long enough is begun soon afterwards.
fn place(number: u32) -> usize {
    match number {
        0 => 0,
        number => 1 + (number.trailing_zeros() as usize).min(TRIES - 2),
    }
}

/// Connects, again and again while nothing answers, and waits for the guest's first byte.
async fn reach(at: SocketAddr, until: Instant) -> Result<TcpStream, Unanswered> {
    let mut tries = JoinSet::new();
    let mut open: [Option<AbortHandle>; TRIES] = Default::default();
    let mut number = 0;
    let mut next = Instant::now();
    loop {
        tokio::select! {
            biased;
            Some(ended) = tries.join_next() => match ended {
                // Given up, or closed after a long silence.
                Err(_) | Ok(Err(Unanswered::Silent)) => {}
                Ok(answer) => return answer,
            },
            () = sleep_until(until) => return Err(Unanswered::Silent),
            () = sleep_until(next) => {
                if let Some(holder) = open.get_mut(place(number)) {
                    let before = holder.replace(tries.spawn(first_byte(at)));
                    before.inspect(AbortHandle::abort);
                }
                number += 1;
                next = Instant::now() + if number < 3 { STAGGER } else { STAGGER * 2 };
            }
        }
    }
}

/// One connection on which the guest has spoken.
async fn first_byte(at: SocketAddr) -> Result<TcpStream, Unanswered> {
    use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
    let stream = TcpStream::connect(at).await.map_err(|error| match error.kind() {
        ConnectionRefused | ConnectionReset => Unanswered::Refused,
        HostUnreachable | NetworkUnreachable | TimedOut => Unanswered::Silent,
        _ => Unanswered::Host(format!("cannot connect to {at}: {error}")),
    })?;
    let connected = Instant::now();
    tend(&stream);
    match stream.peek(&mut [0]).await {
        Ok(1..) => Ok(stream),
        Ok(0) | Err(_) if connected.elapsed() <= AT_ONCE => Err(Unanswered::Refused),
        Ok(0) | Err(_) => Err(Unanswered::Silent),
    }
}

/// Lets the host's system notice a peer that is gone, no sooner than SSH does; behind a forward the peer is QEMU, so SSH
/// asks too.
fn tend(stream: &TcpStream) {
    use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};
    let set = stream
        .set_nodelay(true)
        .and_then(|()| Ok(set_socket_keepalive(stream, true)?))
        .and_then(|()| Ok(set_tcp_keepidle(stream, Duration::from_secs(10))?))
        .and_then(|()| Ok(set_tcp_keepintvl(stream, Duration::from_secs(5))?))
        .and_then(|()| Ok(set_tcp_keepcnt(stream, 6)?));
    if let Err(error) = set {
        tracing::debug!(%error, "the connection goes without keepalive");
    }
}

fn pinned_key(text: &str) -> Result<PublicKey, Unanswered> {
    let key = PublicKey::from_openssh(text.trim())
        .map_err(|error| Unanswered::Host(format!("the image's host key cannot be read: {error}")))?;
    if !Preferred::default().key.contains(&key.algorithm()) {
        return Err(Unanswered::Host(format!("host keys of the kind {} are not supported", key.algorithm())));
    }
    Ok(key)
}

fn account_key(file: &Path) -> Result<PrivateKey, Unanswered> {
    let host = |why: String| Unanswered::Host(format!("key file {}: {why}", file.display()));
    let found = std::fs::metadata(file).map_err(|error| host(error.to_string()))?;
    if found.permissions().mode() & 0o007 != 0 {
        return Err(host("everybody on this host may read it; give it mode 0600".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(|error| host(error.to_string()))?;
    russh::keys::decode_secret_key(&text, None).map_err(|error| host(error.to_string()))
}

/// Accepts one host key, and notes how the connection ended.
pub(crate) struct Pinned {
    key: PublicKey,
    notes: Arc<Notes>,
}

impl client::Handler for Pinned {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let found = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } if key.key_data() == self.key.key_data() => return Ok(true),
            PublicKeyOrCertificate::PublicKey { key, .. } => key.fingerprint(HashAlg::Sha256).to_string(),
            PublicKeyOrCertificate::Certificate(_) => "in a certificate".to_owned(),
        };
        self.notes.set_shown_key(found);
        Ok(false)
    }

    async fn disconnected(&mut self, reason: client::DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        match reason {
            client::DisconnectReason::ReceivedDisconnect(info) => {
                self.notes.set_end(one_line(&format!("the guest disconnected: {}", info.message)));
                Ok(())
            }
            client::DisconnectReason::Error(error) => {
                self.notes.set_end(one_line(&error.to_string()));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_stays_and_others_live_for_powers_of_two() {
        let places: Vec<_> = (0..=17).map(place).collect();
        assert_eq!(places, [0, 1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 2, 1, 5, 1]);
        assert!((0..10_000).all(|number| place(number) < TRIES));
        assert!((1..10_000).all(|number| place(number) != place(0)));
    }
}
