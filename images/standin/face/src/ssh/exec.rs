//! One `exec` request: a thread that runs the command, and its handles over the channel.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf};
use tokio::sync::{mpsc, oneshot, watch};

use crate::System;
use crate::process::{Cancel, ClientInput, Handles, Input, Output};

/// Exit code when the thread itself died: STATUS_ACCESS_VIOLATION.
const DIED: u32 = 0xC000_0005;

/// How long a client may take to close its side of a channel.
const FAREWELL: Duration = Duration::from_secs(1);

/// Runs the command to its end, or until the channel closes: then all its processes are killed, as by sshd's job object.
pub(super) async fn run(system: Arc<System>, channel: Channel<Msg>, command: String) {
    let (read, write) = channel.split();
    let (to_client, mut from_command) = mpsc::channel(32);
    let (to_command, from_client) = std::sync::mpsc::channel();
    let (told, mut code) = oneshot::channel();
    let (gone, mut is_gone) = watch::channel(false);
    let cancel = Cancel::default();
    let handles = Handles {
        stdin: Input::Client(Arc::new(Mutex::new(ClientInput { chunks: from_client, rest: Vec::new() }))),
        stdout: Output::Client(to_client.clone(), false),
        stderr: Output::Client(to_client, true),
    };
    let listening = tokio::spawn(listen(read, to_command, cancel.clone(), gone));
    let job = cancel.clone();
    let spawned = std::thread::Builder::new().name("cmd".to_owned()).stack_size(super::STACK).spawn(move || {
        let _ = told.send(system.run_command(&command, handles, job));
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for a command");
    }
    // The output ends when the last process that holds it does.
    let drained = async {
        while let Some((errors, bytes)) = from_command.recv().await {
            let sent = if errors { write.extended_data_bytes(1, bytes).await } else { write.data_bytes(bytes).await };
            if sent.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = drained => {}
        _ = super::until(&mut is_gone, true) => {}
    }
    drop(from_command);
    tokio::select! {
        code = &mut code => {
            let _ = write.exit_status(code.unwrap_or(DIED)).await;
            let _ = write.eof().await;
        }
        _ = super::until(&mut is_gone, true) => {}
    }
    let _ = write.close().await;
    // Whatever `start` left behind dies with the session.
    cancel.cancel();
    // The client closes its side once it has read everything. russh would let a disconnect overtake what is still queued.
    let abort = listening.abort_handle();
    if tokio::time::timeout(FAREWELL, listening).await.is_err() {
        abort.abort();
    }
}

/// Hands on what the client sends until it closes the channel or is gone.
async fn listen(
    mut read: ChannelReadHalf,
    to_command: std::sync::mpsc::Sender<Vec<u8>>,
    cancel: Cancel,
    gone: watch::Sender<bool>,
) {
    let mut to_command = Some(to_command);
    loop {
        match read.wait().await {
            Some(ChannelMsg::Data { data }) => {
                if let Some(to_command) = &to_command {
                    let _ = to_command.send(data.to_vec());
                }
            }
            Some(ChannelMsg::Eof) => to_command = None,
            Some(ChannelMsg::Close) | None => break,
            Some(_) => {}
        }
    }
    cancel.cancel();
    gone.send_replace(true);
}
