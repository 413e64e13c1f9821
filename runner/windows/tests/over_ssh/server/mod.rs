//! A small SSH server that misbehaves to order. It shares nothing with the stand-in guest.

mod disk;
mod shuffle;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use coexist_model::GuestAccess;
use russh::keys::{Algorithm, PrivateKey, ssh_key::LineEnding};
use russh::server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) use disk::{Reads, WriteFault};

/// What a command leads to.
#[derive(Clone)]
pub(crate) enum Answer {
    /// It prints and ends.
    Exit { stdout: Vec<u8>, stderr: Vec<u8>, code: u32 },
    /// It prints this many bytes and ends with 0.
    Flood(usize),
    /// It never ends.
    Hang,
    /// The connection breaks while it runs.
    Cut,
    /// The guest's network falls silent while it runs.
    Freeze,
    /// The channel closes without an exit code.
    NoCode,
    /// The request is refused.
    Refuse,
}

impl Answer {
    pub(crate) fn ok(stdout: &str) -> Self {
        Self::exit(0, stdout)
    }

    pub(crate) fn exit(code: u32, stdout: &str) -> Self {
        Self::Exit { stdout: stdout.as_bytes().to_vec(), stderr: Vec::new(), code }
    }
}

type Script = dyn Fn(&str) -> Answer + Send + Sync;

/// State of the wire between client and server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Whole,
    Frozen,
    Cut,
}

struct Shared {
    script: Box<Script>,
    account: russh::keys::PublicKey,
    wire: watch::Sender<Wire>,
    commands: Mutex<Vec<String>>,
    disk: PathBuf,
    fault: Option<(u64, WriteFault)>,
    reads: Mutex<Reads>,
    denied: Mutex<Vec<String>>,
    endless: Mutex<Vec<String>>,
    no_sftp: AtomicBool,
}

/// A guest for one test.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    pub(crate) access: GuestAccess,
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
}

fn new_key() -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap()
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(script, None).await
    }

    pub(crate) async fn start_with(
        script: impl Fn(&str) -> Answer + Send + Sync + 'static,
        fault: Option<(u64, WriteFault)>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (host, account) = (new_key(), new_key());
        let key_file = folder.path().join("account_key");
        write_key(&key_file, &account, 0o600);
        let disk = folder.path().join("C");
        std::fs::create_dir(&disk).unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            account: account.public_key().clone(),
            wire: watch::Sender::new(Wire::Whole),
            commands: Mutex::default(),
            disk,
            fault,
            reads: Mutex::new(Reads::Plain),
            denied: Mutex::default(),
            endless: Mutex::default(),
            no_sftp: AtomicBool::default(),
        });
        let access =
            GuestAccess { user: "lab".to_owned(), host_key: host.public_key().to_openssh().unwrap(), key_file };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let config = Arc::new(Config {
            keys: vec![host],
            auth_rejection_time: std::time::Duration::from_millis(1),
            ..Config::default()
        });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&config), Arc::clone(&accepting)));
            }
        });
        Self { at, access, folder, shared }
    }

    /// The folder that is the guest's drive C.
    pub(crate) fn disk(&self) -> &Path {
        &self.shared.disk
    }

    /// A folder of the test's own on the host.
    pub(crate) fn host_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Paths that begin like this one may not be worked with over SFTP from now on.
    pub(crate) fn deny(&self, path: &str) {
        self.shared.denied.lock().unwrap().push(path.to_owned());
    }

    /// This folder lists names that cannot be names, without end.
    pub(crate) fn list_without_end(&self, path: &str) {
        self.shared.endless.lock().unwrap().push(path.to_owned());
    }

    /// How reads are answered from now on, over a wire that is whole again.
    pub(crate) fn answer_reads(&self, reads: Reads) {
        *self.shared.reads.lock().unwrap() = reads;
        self.shared.wire.send_replace(Wire::Whole);
    }

    /// No SFTP is offered from now on.
    pub(crate) fn refuse_sftp(&self) {
        self.shared.no_sftp.store(true, Ordering::SeqCst);
    }

    /// Commands that were asked for so far.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.commands.lock().unwrap().clone()
    }
}

pub(crate) fn write_key(file: &Path, key: &PrivateKey, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(file, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn other_key(file: &Path, mode: u32) {
    write_key(file, &new_key(), mode);
}

pub(crate) fn other_host_key() -> String {
    new_key().public_key().to_openssh().unwrap()
}

/// Carries bytes between the client and the SSH server until the wire changes.
async fn serve(mut client: TcpStream, config: Arc<Config>, shared: Arc<Shared>) {
    let (mut near, far) = tokio::io::duplex(1 << 20);
    let handler = Guest { shared: Arc::clone(&shared), channels: HashMap::new() };
    tokio::spawn(async move {
        if let Ok(session) = run_stream(config, far, handler).await {
            let _ = session.await;
        }
    });
    let mut wire = shared.wire.subscribe();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut near) => {}
        _ = async { wire.wait_for(|wire| *wire != Wire::Whole).await.map(|_| ()) } => {}
    }
    // Frozen: nothing is carried any more, and nobody is told.
    let _ = wire.wait_for(|wire| *wire != Wire::Frozen).await;
}

struct Guest {
    shared: Arc<Shared>,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let known = user == "lab" && key.public_key.key_data() == self.shared.account.key_data();
        Ok(if known { Auth::Accept } else { Auth::reject() })
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

    async fn exec_request(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(data).into_owned();
        let answer = (self.shared.script)(&command);
        self.shared.commands.lock().unwrap().push(command);
        if matches!(answer, Answer::Refuse) {
            return session.channel_failure(id);
        }
        session.channel_success(id)?;
        let channel = self.channels.remove(&id);
        tokio::spawn(answer_with(answer, session.handle(), id, channel, Arc::clone(&self.shared)));
        Ok(())
    }

    async fn subsystem_request(&mut self, id: ChannelId, name: &str, session: &mut Session) -> Result<(), Self::Error> {
        let offered = name == "sftp" && !self.shared.no_sftp.load(Ordering::SeqCst);
        let Some(channel) = self.channels.remove(&id).filter(|_| offered) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let disk = disk::Disk::new(Arc::clone(&self.shared));
        let shuffled = *self.shared.reads.lock().unwrap() == Reads::OutOfOrder;
        tokio::spawn(async move {
            if shuffled {
                let (near, far) = tokio::io::duplex(1 << 16);
                russh_sftp::server::run(far, disk).await;
                shuffle::carry(channel.into_stream(), near).await;
            } else {
                russh_sftp::server::run(channel.into_stream(), disk).await;
            }
        });
        Ok(())
    }
}

/// Waits until the client has read all that was sent so far: it answers a request that it does not know.
async fn until_heard(handle: &Handle) {
    let _ = handle.forward_tcpip(String::new(), 0).await;
}

async fn answer_with(
    answer: Answer,
    handle: Handle,
    id: ChannelId,
    channel: Option<Channel<Msg>>,
    shared: Arc<Shared>,
) {
    let _kept = channel;
    match answer {
        Answer::Exit { stdout, stderr, code } => {
            // As Windows may do it: the code before the output.
            handle.exit_status_request(id, code).await.unwrap();
            let _ = handle.data(id, stdout).await;
            let _ = handle.extended_data(id, 1, stderr).await;
            let _ = handle.eof(id).await;
            let _ = handle.close(id).await;
        }
        Answer::Flood(bytes) => {
            let block = vec![b'x'; 32 * 1024];
            for _ in 0..bytes / block.len() {
                if handle.data(id, block.clone()).await.is_err() {
                    return;
                }
            }
            let _ = handle.exit_status_request(id, 0).await;
            let _ = handle.close(id).await;
        }
        Answer::Hang => std::future::pending().await,
        Answer::Cut => {
            until_heard(&handle).await;
            shared.wire.send_replace(Wire::Cut);
        }
        Answer::Freeze => {
            until_heard(&handle).await;
            shared.wire.send_replace(Wire::Frozen);
            std::future::pending().await
        }
        Answer::NoCode => drop(handle.close(id).await),
        Answer::Refuse => {}
    }
}
