//! The server against the stock OpenSSH clients.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::keys::{Algorithm, PrivateKey, ssh_key::LineEnding};
use tokio::net::TcpListener;

use super::{SshKeys, serve};
use crate::testing::Machine;

struct Server {
    machine: Machine,
    port: u16,
    key: PathBuf,
    _runtime: tokio::runtime::Runtime,
    keys: tempfile::TempDir,
}

impl Server {
    fn new() -> Self {
        let machine = Machine::new();
        let keys = tempfile::tempdir().unwrap();
        let new_key = || PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).unwrap();
        let (host, user) = (new_key(), new_key());
        machine.write(super::HOST_KEY, host.to_openssh(LineEnding::LF).unwrap().as_bytes());
        machine.write(super::AUTHORIZED_KEYS, format!("# lab\n{}\n", user.public_key().to_openssh().unwrap()));
        let key = keys.path().join("id");
        std::fs::write(&key, user.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let ssh_keys = SshKeys::load(&machine.system.volume).unwrap();
        runtime.spawn(serve(Arc::clone(&machine.system), listener, ssh_keys));
        Self { machine, port, key, _runtime: runtime, keys }
    }

    fn client(&self, program: &str, user: &str) -> Command {
        let mut command = Command::new(program);
        command.arg(if program == "sftp" { "-P" } else { "-p" }).arg(self.port.to_string()).arg("-i").arg(&self.key);
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "LogLevel=ERROR",
            &format!("User={user}"),
        ] {
            command.arg("-o").arg(option);
        }
        command.stdin(Stdio::null());
        command
    }

    fn ssh(&self, command: &str) -> Output {
        self.client("ssh", "lab").arg("127.0.0.1").arg(command).output().unwrap()
    }

    fn sftp(&self, batch: &str) -> Output {
        let file = self.keys.path().join("batch");
        std::fs::write(&file, batch).unwrap();
        let mut command = self.client("sftp", "lab");
        command.arg("-b").arg(file).arg("127.0.0.1").output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_command_has_its_code_and_both_streams() {
    let server = Server::new();
    let answer = server.ssh("echo out& echo err>&2& exit 42");
    assert_eq!(answer.status.code(), Some(42));
    assert_eq!((text(&answer.stdout), text(&answer.stderr)), ("out\r\n".into(), "err\r\n".into()));
    // The client keeps eight bits; the whole code is tested with russh below.
    assert_eq!(server.ssh("exit 3010").status.code(), Some(3010 & 0xff));
    let answer = server.ssh("if \"a b\"==\"a b\" (echo \"yes\") else echo no");
    assert_eq!(text(&answer.stdout), "\"yes\"\r\n");
    let big = server.ssh("for /L %i in (1,1,20000) do @echo line number %i");
    assert_eq!(text(&big.stdout).lines().count(), 20_000);
}

#[test]
fn input_reaches_the_command() {
    let server = Server::new();
    let mut child = server
        .client("ssh", "lab")
        .args(["127.0.0.1", "findstr b"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"abc\r\nxyz\r\nb\r\n").unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), "abc\r\nb\r\n");
}

#[test]
fn only_the_lab_with_its_key_comes_in() {
    let server = Server::new();
    assert!(server.client("ssh", "LAB").args(["127.0.0.1", "ver"]).output().unwrap().status.success());
    let other = server.client("ssh", "root").args(["127.0.0.1", "ver"]).output().unwrap();
    assert_eq!(other.status.code(), Some(255));
    assert!(text(&other.stderr).contains("(publickey)"), "{}", text(&other.stderr));
    server.machine.write(super::AUTHORIZED_KEYS, "");
    assert_eq!(server.ssh("ver").status.code(), Some(255));
    let shell = server.client("ssh", "lab").arg("127.0.0.1").output().unwrap();
    assert!(!shell.status.success());
}

#[test]
fn a_command_dies_with_its_client() {
    let server = Server::new();
    let mut child = server
        .client("ssh", "lab")
        .args(["127.0.0.1", "echo up>C:\\up.txt& ping -n 1000 127.0.0.1& echo no>C:\\no.txt"])
        .spawn()
        .unwrap();
    let at = server.machine.folder.path();
    until("the command runs", || at.join("up.txt").exists());
    let installer = crate::text::lock(&server.machine.kernel.asked).len();
    child.kill().unwrap();
    child.wait().unwrap();
    // Its thread is gone when nothing but the test and the server hold the system.
    until("the command ends", || Arc::strong_count(&server.machine.system) <= 3);
    assert!(!at.join("no.txt").exists());
    assert_eq!(installer, 0);
}

#[test]
fn files_go_both_ways() {
    let server = Server::new();
    let local = tempfile::tempdir().unwrap();
    let big: Vec<u8> = (0..20 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(local.path().join("big"), &big).unwrap();
    std::fs::write(local.path().join("small"), "hello").unwrap();
    let folder = local.path().display();
    let answer = server.sftp(&format!(
        "pwd\nmkdir /C:/lab\nput {folder}/big /C:/lab/Big.bin\nget /C:/LAB/big.bin {folder}/back\nput {folder}/small /C:/lab/small.txt\n\
         rename /C:/lab/small.txt /C:/lab/renamed.txt\nls -1 /C:/lab\nls -1 /\ndf -h\nrm /C:/lab/renamed.txt\n"
    ));
    let shown = text(&answer.stdout);
    assert!(answer.status.success(), "{shown}{}", text(&answer.stderr));
    assert!(shown.contains("Remote working directory: /C:/Users/lab"), "{shown}");
    assert!(shown.contains("/C:/lab/Big.bin") && shown.contains("/C:/lab/renamed.txt"), "{shown}");
    assert!(shown.contains("/C:"), "{shown}");
    assert!(std::fs::read(local.path().join("back")).unwrap() == big);
    assert_eq!(server.machine.read(r"C:\lab\Big.bin"), big);
    for (batch, message) in [
        ("get /C:/nosuch /dev/null\n", "not found"),
        ("rmdir /C:/lab\n", "Failure"),
        ("mkdir /C:/lab\n", "Failure"),
        ("put /etc/hostname /C:/nosuch/x\n", "No such file"),
        ("put /etc/hostname /D:/x\n", "No such file"),
    ] {
        let answer = server.sftp(batch);
        let shown = text(&answer.stderr).to_lowercase();
        assert!(!answer.status.success(), "{batch}");
        assert!(shown.contains(&message.to_lowercase()), "{batch}: {shown}");
    }
    std::fs::write(local.path().join("longer"), "hello world").unwrap();
    let append = server.sftp(&format!(
        "put {folder}/small /C:/lab/a.txt\nput -a {folder}/longer /C:/lab/A.TXT\nput {folder}/small rel.txt\n"
    ));
    assert!(append.status.success(), "{}", text(&append.stderr));
    assert_eq!(server.machine.read(r"C:\lab\a.txt"), b"hello world");
    assert_eq!(server.machine.read(r"C:\Users\lab\rel.txt"), b"hello");
}

#[test]
fn stopping_sshd_answers_then_drops_and_a_start_serves_again() {
    let server = Server::new();
    let mut waiting = server
        .client("ssh", "lab")
        .args(["127.0.0.1", "echo up>C:\\up.txt& ping -n 1000 127.0.0.1"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("ping runs", || server.machine.folder.path().join("up.txt").exists());
    let answer = server.ssh("sc stop sshd & echo still here");
    assert!(text(&answer.stdout).ends_with("still here\r\n"), "{answer:?}");
    until("the other connection drops", || waiting.try_wait().unwrap().is_some());
    until("the port closes", || std::net::TcpStream::connect(("127.0.0.1", server.port)).is_err());
    server.machine.system.services.start("sshd").unwrap();
    until("it serves again", || server.ssh("exit 7").status.code() == Some(7));
}

#[test]
fn a_filter_cuts_what_runs_and_lets_the_next_one_in() {
    let server = Server::new();
    let mut cut = server
        .client("ssh", "lab")
        .args(["127.0.0.1", "echo up>C:\\up.txt& ping -n 1000 127.0.0.1"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("ping runs", || server.machine.folder.path().join("up.txt").exists());
    server.machine.system.ssh_filter.cut_sessions();
    until("the connection is gone", || cut.try_wait().unwrap().is_some());
    assert_eq!(cut.wait().unwrap().code(), Some(255));
    assert_eq!(server.ssh("exit 7").status.code(), Some(7));
}

#[test]
fn a_filter_limits_what_is_brought() {
    let server = Server::new();
    let local = tempfile::tempdir().unwrap();
    let file = local.path().join("file");
    std::fs::write(&file, vec![7; 1 << 20]).unwrap();
    let batch = format!("put {} /C:/file.bin\n", file.display());
    server.machine.system.ssh_filter.limit_uploads(512 << 10);
    assert!(!server.sftp(&batch).status.success());
    assert_eq!(server.ssh("exit 7").status.code(), Some(7));
    server.machine.system.ssh_filter.limit_uploads(4 << 20);
    assert!(server.sftp(&batch).status.success());
}

#[test]
fn a_filter_cuts_downloads_some_times_and_what_is_there_can_be_gone_on_with() {
    let server = Server::new();
    let local = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..3_u32 << 18).flat_map(u32::to_le_bytes).collect();
    server.machine.write(r"C:\big.bin", &bytes);
    let file = local.path().join("big.bin");
    server.machine.system.ssh_filter.limit_downloads(1 << 20, 2);
    let mut sizes = Vec::new();
    for command in ["get", "reget", "reget"] {
        let done = server.sftp(&format!("{command} /C:/big.bin {}\n", file.display())).status.success();
        sizes.push((done, std::fs::metadata(&file).unwrap().len()));
    }
    assert!(!sizes[0].0 && !sizes[1].0 && sizes[2].0, "{sizes:?}");
    assert!(sizes[0].1 > 0 && sizes[0].1 < sizes[1].1, "{sizes:?}");
    assert!(std::fs::read(&file).unwrap() == bytes, "the pieces fit");
}

#[test]
fn a_filter_denies_every_start() {
    let server = Server::new();
    server.machine.system.ssh_filter.deny_commands();
    let answer = server.ssh("ver");
    assert_eq!(answer.status.code(), Some(255));
    assert!(text(&answer.stderr).contains("exec request failed"), "{answer:?}");
    assert!(!server.sftp("pwd\n").status.success());
}

struct AnyHost;

impl russh::client::Handler for AnyHost {
    type Error = russh::Error;
    async fn check_server_key(&mut self, _: &russh::keys::PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_have_32_bits_and_channels_run_side_by_side() {
    let server = tokio::task::spawn_blocking(Server::new).await.unwrap();
    let key = russh::keys::load_secret_key(&server.key, None).unwrap();
    let config = Arc::new(russh::client::Config::default());
    let mut session = russh::client::connect(config, ("127.0.0.1", server.port), AnyHost).await.unwrap();
    let key = russh::keys::PrivateKeyWithHashAlg::new(Arc::new(key), None);
    assert!(session.authenticate_publickey("lab", key).await.unwrap().success());
    let mut channels = Vec::new();
    for code in [3010_u32, 0xC000_0005, 1641, 0] {
        let channel = session.channel_open_session().await.unwrap();
        channel.exec(true, format!("ping -n 2 127.0.0.1 >nul & echo {code}& exit {code}")).await.unwrap();
        channels.push((code, channel));
    }
    for (code, mut channel) in channels {
        let (mut status, mut output) = (None, Vec::new());
        while let Some(message) = channel.wait().await {
            match message {
                russh::ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
                russh::ChannelMsg::Data { data } => output.extend_from_slice(&data),
                _ => {}
            }
        }
        assert_eq!(status, Some(code));
        assert_eq!(text(&output), format!("{code}\r\n"));
    }
    // A runtime may not be dropped within another.
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}
