//! Knocking: what a guest that does not answer looks like.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::server::{Answer, Server};
use coexist_lab::{Door, Unanswered};
use coexist_windows::WindowsDoor;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);

async fn silent_server() -> Server {
    Server::start(|_| Answer::ok("")).await
}

async fn knock(server: &Server, at: SocketAddr, patience: Duration) -> Unanswered {
    match WindowsDoor::default().knock(at, &server.access, patience).await {
        Ok(_) => panic!("the guest answered"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_right_key_opens() {
    let server = silent_server().await;
    assert!(WindowsDoor::default().knock(server.at, &server.access, PATIENCE).await.is_ok());
}

#[tokio::test]
async fn another_host_key_is_named() {
    let mut server = silent_server().await;
    let shown = server.access.host_key.clone();
    server.access.host_key = crate::server::other_host_key();
    let shown = russh::keys::PublicKey::from_openssh(&shown).unwrap().fingerprint(russh::keys::HashAlg::Sha256);
    assert_eq!(knock(&server, server.at, PATIENCE).await, Unanswered::WrongKey { found: shown.to_string() });
}

#[tokio::test]
async fn a_host_key_of_another_kind_is_wrong() {
    let mut server = silent_server().await;
    let mut random = russh::keys::key::safe_rng();
    let kind = russh::keys::Algorithm::Ecdsa { curve: russh::keys::EcdsaCurve::NistP256 };
    let other = russh::keys::PrivateKey::random(&mut random, kind).unwrap();
    server.access.host_key = other.public_key().to_openssh().unwrap();
    let error = knock(&server, server.at, PATIENCE).await;
    assert!(matches!(&error, Unanswered::WrongKey { found } if found.contains("ssh-ed25519")), "{error}");
}

#[tokio::test]
async fn another_account_key_is_refused() {
    let server = silent_server().await;
    crate::server::other_key(&server.access.key_file, 0o600);
    let refused = Unanswered::Authentication { user: "lab".to_owned() };
    assert_eq!(knock(&server, server.at, PATIENCE).await, refused);
}

#[tokio::test]
async fn what_is_wrong_on_this_host_is_said() {
    let mut server = silent_server().await;
    crate::server::other_key(&server.access.key_file, 0o644);
    let error = knock(&server, server.at, PATIENCE).await;
    assert!(matches!(&error, Unanswered::Host(why) if why.contains("0600")), "{error}");
    std::fs::write(&server.access.key_file, "no key").unwrap();
    assert!(matches!(knock(&server, server.at, PATIENCE).await, Unanswered::Host(_)));
    std::fs::remove_file(&server.access.key_file).unwrap();
    assert!(matches!(knock(&server, server.at, PATIENCE).await, Unanswered::Host(_)));
    server.access.host_key = "ssh-ed25519 what".to_owned();
    assert!(matches!(knock(&server, server.at, PATIENCE).await, Unanswered::Host(_)));
}

/// Accepts connections and does this with each.
async fn listener(handle: impl AsyncFn(tokio::net::TcpStream) + 'static) -> (SocketAddr, tokio::task::LocalSet) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let local = tokio::task::LocalSet::new();
    local.spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            handle(stream).await;
        }
    });
    (at, local)
}

#[tokio::test]
async fn a_close_at_once_is_a_refusal() {
    let server = silent_server().await;
    let (at, local) = listener(async |stream| drop(stream)).await;
    assert_eq!(local.run_until(knock(&server, at, PATIENCE)).await, Unanswered::Refused);
    drop(local);
    // Nobody listens there any more.
    assert_eq!(knock(&server, at, PATIENCE).await, Unanswered::Refused);
}

/// Carries each connection to the server after a time; one without a time is accepted, and nothing more.
async fn carrier(server: &Server, after: impl Fn(usize) -> Option<Duration> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let to = server.at;
    tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let after = after(number);
            tokio::spawn(async move {
                match after {
                    Some(after) => tokio::time::sleep(after).await,
                    None => std::future::pending().await,
                }
                let mut there = tokio::net::TcpStream::connect(to).await.unwrap();
                // Whoever gave up has closed it.
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut there).await;
            });
        }
    });
    at
}

#[tokio::test]
async fn a_guest_that_takes_long_to_speak_is_heard() {
    let server = silent_server().await;
    let at = carrier(&server, |_| Some(Duration::from_secs(3))).await;
    assert!(WindowsDoor::default().knock(at, &server.access, Duration::from_secs(10)).await.is_ok());
}

#[tokio::test]
async fn a_connection_that_stalls_does_not_hold_up_the_next() {
    let server = silent_server().await;
    let at = carrier(&server, |number| (number > 0).then_some(Duration::ZERO)).await;
    let begun = Instant::now();
    assert!(WindowsDoor::default().knock(at, &server.access, PATIENCE).await.is_ok());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn nothing_within_the_patience_is_silence() {
    let server = silent_server().await;
    let (at, local) = listener(async |stream| {
        let _kept = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let begun = Instant::now();
    assert_eq!(local.run_until(knock(&server, at, Duration::from_millis(300))).await, Unanswered::Silent);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_banner_and_no_more_is_a_broken_session() {
    let server = silent_server().await;
    let (at, local) = listener(async |mut stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_for_Windows_9.5\r\n").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let error = local.run_until(knock(&server, at, Duration::from_millis(300))).await;
    assert!(matches!(&error, Unanswered::Broken(_)), "{error}");
    drop(local);
    let (at, local) = listener(async |mut stream| stream.write_all(b"SSH-2.0-OpenSSH\r\n").await.unwrap()).await;
    let error = local.run_until(knock(&server, at, PATIENCE)).await;
    assert!(matches!(&error, Unanswered::Broken(_)), "{error}");
}
