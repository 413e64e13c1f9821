//! The SSH server, with the contract of Windows OpenSSH.
//!
//! Keys only, one account, `exec` and the `sftp` subsystem. When the service `sshd` is stopped the listener closes, and each
//! connection ends as soon as what it runs has answered; when it is started again, the same address is bound anew.

mod exec;
mod filter;
mod sftp;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, Disconnect, MethodKind, MethodSet, SshId};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub use filter::SshFilter;

use crate::{System, Volume};

/// Stack of the threads that run commands, in bytes; cmd within cmd goes deep.
pub(crate) const STACK: usize = 16 << 20;

const IDENTIFICATION: &str = "SSH-2.0-OpenSSH_for_Windows_9.5";
const HOST_KEY: &str = r"C:\ProgramData\ssh\ssh_host_ed25519_key";
const AUTHORIZED_KEYS: &str = r"C:\ProgramData\ssh\administrators_authorized_keys";
/// How long a command may still run once the service was told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Why the server's keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The host key's file is missing or unreadable.
    #[error("reading the host key {HOST_KEY}")]
    Read(#[source] io::Error),
    /// It is no key.
    #[error("the host key {HOST_KEY} is not a private key")]
    Parse(#[source] russh::keys::Error),
}

/// The server's identity and whom it lets in.
#[derive(Clone)]
pub struct SshKeys {
    host: PrivateKey,
    /// Read anew at each log-in, as sshd does.
    authorized: PathBuf,
}

impl std::fmt::Debug for SshKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshKeys").field("authorized", &self.authorized).finish_non_exhaustive()
    }
}

impl SshKeys {
    /// The keys on the volume: `C:\ProgramData\ssh\ssh_host_ed25519_key` in OpenSSH's own format, and
    /// `C:\ProgramData\ssh\administrators_authorized_keys`, which may appear later.
    ///
    /// # Errors
    /// When there is no readable host key.
    pub fn load(volume: &Volume) -> Result<Self, KeyError> {
        let text = std::fs::read_to_string(volume.resolve(HOST_KEY)).map_err(KeyError::Read)?;
        let host = russh::keys::decode_secret_key(&text, None).map_err(KeyError::Parse)?;
        Ok(Self { host, authorized: volume.resolve(AUTHORIZED_KEYS) })
    }

    fn admits(&self, user: &str, key: &PublicKey) -> bool {
        user.eq_ignore_ascii_case(crate::USER)
            && std::fs::read_to_string(&self.authorized).is_ok_and(|text| {
                text.lines()
                    .filter_map(|line| PublicKey::from_openssh(line.trim()).ok())
                    .any(|allowed| allowed.key_data() == key.key_data())
            })
    }
}

/// Serves until the listener fails for good. Never returns because a service was stopped.
///
/// # Errors
/// When the address cannot be told, or not be bound again after `sshd` was started again.
pub async fn serve(system: Arc<System>, mut listener: TcpListener, keys: SshKeys) -> io::Result<()> {
    let address = listener.local_addr()?;
    let config = Arc::new(Config {
        server_id: SshId::Standard(IDENTIFICATION.into()),
        methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
        auth_rejection_time: Duration::from_millis(50),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![keys.host.clone()],
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(60)),
        keepalive_max: 5,
        nodelay: true,
        ..Config::default()
    });
    let mut running = system.services.sshd();
    let for_connections = running.clone();
    loop {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Small answers at once, as sshd does; a connection that died in the queue ends by itself.
                        let _ = stream.set_nodelay(true);
                        let handler = Connection::new(Arc::clone(&system), keys.clone(), peer);
                        tokio::spawn(connection(Arc::clone(&config), stream, handler, for_connections.clone()));
                    }
                    // Out of descriptors or a connection that died in the queue: neither ends the service.
                    Err(error) => {
                        tracing::warn!(%error, "accept");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                known = until(&mut running, false) => {
                    if !known {
                        return Ok(());
                    }
                    break;
                }
            }
        }
        drop(listener);
        if !until(&mut running, true).await {
            return Ok(());
        }
        listener = TcpListener::bind(address).await?;
    }
}

async fn connection(config: Arc<Config>, stream: TcpStream, handler: Connection, mut running: watch::Receiver<bool>) {
    let mut working = handler.working.subscribe();
    let stream = match handler.system.ssh_filter.through(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be served");
            return;
        }
    };
    let session = match russh::server::run_stream(config, stream, handler).await {
        Ok(session) => session,
        Err(error) => {
            tracing::debug!(%error, "handshake");
            return;
        }
    };
    let handle = session.handle();
    let mut session = std::pin::pin!(session);
    tokio::select! {
        _ = &mut session => return,
        _ = until(&mut running, false) => {}
    }
    let idle = async { working.wait_for(|count| *count == 0).await.is_ok() };
    tokio::select! {
        _ = &mut session => return,
        _ = tokio::time::timeout(GRACE, idle) => {}
    }
    let _ = handle.disconnect(Disconnect::ByApplication, "sshd stopped".to_owned(), String::new()).await;
    let _ = tokio::time::timeout(GRACE, session).await;
}

/// Waits until a flag is so; false when nobody can change it any more.
async fn until(flag: &mut watch::Receiver<bool>, wanted: bool) -> bool {
    flag.wait_for(|it| *it == wanted).await.is_ok()
}

/// One client.
struct Connection {
    system: Arc<System>,
    keys: SshKeys,
    peer: SocketAddr,
    /// Open channels nothing has been asked of yet.
    channels: HashMap<ChannelId, Channel<Msg>>,
    /// Commands that run.
    working: watch::Sender<usize>,
}

impl Connection {
    fn new(system: Arc<System>, keys: SshKeys, peer: SocketAddr) -> Self {
        Self { system, keys, peer, channels: HashMap::new(), working: watch::Sender::new(0) }
    }

    fn judge(&self, user: &str, key: &PublicKey) -> Auth {
        if self.keys.admits(user, key) {
            Auth::Accept
        } else {
            tracing::info!(user, peer = %self.peer, "key refused");
            Auth::reject()
        }
    }

    /// The channel, unless nothing may be started on it: sshd answers a request whose process does not start with a
    /// failure. [K] for Windows' own (w32-doexec.c).
    fn channel_to_start_on(&mut self, channel: ChannelId) -> Option<Channel<Msg>> {
        if self.system.ssh_filter.denies_commands() {
            return None;
        }
        self.channels.remove(&channel)
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(user, offer.public_key))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(user, key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(open) = self.channel_to_start_on(channel) else { return session.channel_failure(channel) };
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(command).into_owned();
        let working = self.working.clone();
        working.send_modify(|count| *count += 1);
        let system = Arc::clone(&self.system);
        tokio::spawn(async move {
            exec::run(system, open, command).await;
            working.send_modify(|count| *count -= 1);
        });
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if name != "sftp" {
            return session.channel_failure(channel);
        }
        let Some(open) = self.channel_to_start_on(channel) else { return session.channel_failure(channel) };
        session.channel_success(channel)?;
        let (volume, kernel) = (self.system.volume.clone(), Arc::clone(&self.system.kernel));
        russh_sftp::server::run(open.into_stream(), sftp::Sftp::new(volume, kernel)).await;
        Ok(())
    }

    /// Nobody in the lab types; a shell is refused rather than half done.
    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}
