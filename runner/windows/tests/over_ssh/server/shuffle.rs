//! An SFTP server whose answers come in another order than the questions, which the protocol allows.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

/// `SSH_FXP_DATA` (draft-ietf-secsh-filexfer-02, section 3).
const DATA: u8 = 103;

/// Carries packets between a client and a server that answers in order. Contents of files that the server gives at
/// about the same time reach the client last first.
pub(super) async fn carry(client: impl AsyncRead + AsyncWrite, server: DuplexStream) {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let (packets, mut answers) = mpsc::channel(8);
    let questions = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    };
    let reading = async move {
        while let Ok(length) = from_server.read_u32().await {
            let mut packet = vec![0; length as usize];
            if from_server.read_exact(&mut packet).await.is_err() || packets.send(packet).await.is_err() {
                return;
            }
        }
    };
    let shuffling = async {
        let mut held = Vec::new();
        loop {
            let waiting = tokio::time::timeout(Duration::from_millis(20), answers.recv());
            let next = match waiting.await {
                Ok(Some(packet)) if packet.first() == Some(&DATA) && held.len() < 5 => {
                    held.push(packet);
                    continue;
                }
                Ok(Some(packet)) => Some(packet),
                Ok(None) => return,
                Err(_) => None,
            };
            for packet in next.into_iter().chain(held.drain(..).rev()) {
                if to_client.write_u32(packet.len() as u32).await.is_err()
                    || to_client.write_all(&packet).await.is_err()
                {
                    return;
                }
            }
        }
    };
    tokio::join!(questions, reading, shuffling);
}
