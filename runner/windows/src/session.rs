//! One SSH connection: commands, each on a channel of its own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coexist_lab::{GuestError, Whose};
use coexist_model::Pace;
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg};
use tokio::time::{Instant, timeout, timeout_at};

use crate::door::Pinned;
use crate::quote::command_line;
use crate::text::{Captured, Keep, one_line};

/// Longest time for a question that a healthy guest answers in a second, generous for emulated guests under load.
pub(crate) const QUERY: Duration = Duration::from_secs(60);

/// What a connection leaves behind for those who ask why.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    shown_key: Mutex<Option<String>>,
    end: Mutex<Option<String>>,
}

impl Notes {
    pub(crate) fn set_shown_key(&self, fingerprint: String) {
        *self.shown_key.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
    }

    pub(crate) fn shown_key(&self) -> String {
        self.shown_key.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(|| "none".to_owned())
    }

    pub(crate) fn set_end(&self, why: String) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    fn end(&self) -> Option<String> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    /// Exit code, all 32 bits (\[R\] Windows' sshd sends them untruncated, and never a signal).
    pub(crate) code: u32,
    /// Standard output.
    pub(crate) stdout: Captured,
    /// Standard error.
    pub(crate) stderr: Captured,
}

impl Output {
    /// One that printed nothing yet.
    pub(crate) fn new(code: u32, keep: Keep) -> Self {
        Self { code, stdout: Captured::new(keep), stderr: Captured::new(keep) }
    }

    /// Both streams in one text.
    pub(crate) fn text(&self) -> String {
        let mut text = self.stdout.to_text();
        let errors = self.stderr.to_text();
        if !text.is_empty() && !text.ends_with('\n') && !errors.is_empty() {
            text.push('\n');
        }
        text + &errors
    }

    /// One line for messages.
    pub(crate) fn summary(&self) -> String {
        let code = exit_code(self.code);
        match one_line(&self.text()) {
            text if text.is_empty() => format!("exit code {code}"),
            text => format!("exit code {code}: {text}"),
        }
    }
}

/// Decimal, as the installers' documentation writes it; statuses like `0xc0000005` in hexadecimal.
pub(crate) fn exit_code(code: u32) -> String {
    if code < 0x8000_0000 { code.to_string() } else { format!("{code:#x}") }
}

/// The guest answered otherwise than Windows is known to.
pub(crate) fn disagrees(during: &str, expected: &str, found: &str) -> GuestError {
    GuestError::Disagrees { during: during.to_owned(), expected: expected.to_owned(), found: one_line(found) }
}

/// One connection to one boot of a guest.
pub(crate) struct Session {
    handle: Handle<Pinned>,
    notes: std::sync::Arc<Notes>,
    pace: Pace,
}

/// How far a command got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Asked,
    Begun,
}

impl Session {
    pub(crate) fn new(handle: Handle<Pinned>, notes: std::sync::Arc<Notes>, pace: Pace) -> Self {
        Self { handle, notes, pace }
    }

    /// A time of the lab's own as this host needs it; those of the plan are stretched already.
    pub(crate) fn paced(&self, time: Duration) -> Duration {
        self.pace.stretch(time)
    }

    /// Whether the connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// The connection broke.
    pub(crate) fn lost(&self, during: &str, transfer: bool, detail: &str) -> GuestError {
        GuestError::Lost {
            during: during.to_owned(),
            detail: self.notes.end().unwrap_or_else(|| one_line(detail)),
            transfer,
        }
    }

    /// A channel for the session's next request.
    pub(crate) async fn channel(&self, during: &str, transfer: bool) -> Result<Channel<Msg>, GuestError> {
        match self.handle.channel_open_session().await {
            Ok(channel) => Ok(channel),
            Err(russh::Error::ChannelOpenFailure(why)) => {
                Err(GuestError::Refused { during: during.to_owned(), found: one_line(&format!("no channel: {why:?}")) })
            }
            Err(error) => Err(self.lost(during, transfer, &error.to_string())),
        }
    }

    /// Runs a command line under the guest's shell, cmd.exe: sshd starts `"c:\windows\system32\cmd.exe" /c "COMMAND"`
    /// (\[R\]), of which cmd.exe strips the outer quotes.
    ///
    /// Trap (\[R\]): the command runs in a job that dies with the channel. Whatever it starts and does not wait for is
    /// killed when it ends, so installers are waited for, and recipes that detach need a scheduled task.
    pub(crate) async fn run(
        &self,
        during: &str,
        command: &str,
        keep: Keep,
        deadline: Duration,
    ) -> Result<Output, GuestError> {
        self.follow(during, command, keep, deadline, Whose::Lab).await.map_err(|(_, error)| error)
    }

    /// The same for what takes a product's time: its installer, or work that it has to let through.
    pub(crate) async fn run_product(
        &self,
        during: &str,
        command: &str,
        keep: Keep,
        deadline: Duration,
    ) -> Result<Output, GuestError> {
        self.follow(during, command, keep, deadline, Whose::Product).await.map_err(|(_, error)| error)
    }

    /// Runs a command whose effect may cut the connection. Returns nothing when it was begun and the connection broke.
    pub(crate) async fn run_into_the_dark(
        &self,
        during: &str,
        command: &str,
        deadline: Duration,
    ) -> Result<Option<Output>, GuestError> {
        match self.follow(during, command, Keep::TEXT, deadline, Whose::Lab).await {
            Ok(output) => Ok(Some(output)),
            Err((Progress::Begun, GuestError::Lost { .. })) => Ok(None),
            Err((_, error)) => Err(error),
        }
    }

    async fn follow(
        &self,
        during: &str,
        command: &str,
        keep: Keep,
        deadline: Duration,
        of: Whose,
    ) -> Result<Output, (Progress, GuestError)> {
        let asked = |error| (Progress::Asked, error);
        let until = Instant::now() + deadline;
        let late = |after, of| GuestError::TimedOut { during: during.to_owned(), after, of };
        let command =
            command_line(command).map_err(|error| asked(disagrees(during, "a command line", &error.to_string())))?;
        tracing::debug!(%command, "exec");
        // No product has a part in this: sshd answers by itself.
        let opening = deadline.min(self.paced(QUERY));
        let mut channel = match timeout(opening, self.channel(during, false)).await {
            Ok(channel) => channel.map_err(asked)?,
            Err(_) => return Err(asked(late(opening, Whose::Lab))),
        };
        let mut progress = Progress::Asked;
        let mut output = Output::new(0, keep);
        let followed = timeout_at(until, async {
            channel.exec(true, command).await.map_err(|error| self.lost(during, false, &error.to_string()))?;
            self.collect(during, &mut channel, &mut output, &mut progress).await
        })
        .await;
        match followed {
            Ok(Ok(())) => Ok(output),
            Ok(Err(error)) => Err((progress, error)),
            Err(_) => {
                // Closing the channel ends the command in the guest. Best effort: nobody waits for a guest that hangs.
                let _ = timeout(Duration::from_millis(500), channel.close()).await;
                let closed = self.is_closed();
                let error =
                    if closed { self.lost(during, false, "the connection is closed") } else { late(deadline, of) };
                Err((progress, error))
            }
        }
    }

    /// Collects until the channel is closed: exit status, end of output and output itself come in any order. No end of
    /// input is sent: an early one has cost the output of slow commands on Windows.
    async fn collect(
        &self,
        during: &str,
        channel: &mut Channel<Msg>,
        output: &mut Output,
        progress: &mut Progress,
    ) -> Result<(), GuestError> {
        let mut code = None;
        loop {
            match channel.wait().await {
                Some(ChannelMsg::Success) => *progress = Progress::Begun,
                Some(ChannelMsg::Failure) => {
                    let found = "it starts no command".to_owned();
                    return Err(GuestError::Refused { during: during.to_owned(), found });
                }
                Some(ChannelMsg::Data { data }) => output.stdout.push(&data),
                Some(ChannelMsg::ExtendedData { data, .. }) => output.stderr.push(&data),
                Some(ChannelMsg::ExitStatus { exit_status }) => code = Some(exit_status),
                Some(ChannelMsg::ExitSignal { .. }) => {
                    return Err(disagrees(during, "an exit code", "a signal, which Windows does not have"));
                }
                Some(ChannelMsg::Close) => break,
                Some(_) => {}
                // Without a close: the connection is gone. An exit code that came before still counts.
                None if code.is_some() => break,
                None => return Err(self.lost(during, false, "the connection was closed")),
            }
        }
        match code {
            Some(code) => {
                output.code = code;
                Ok(())
            }
            // A service that is being shut down closes its channels first: what it means is for the machine's signs.
            None => Err(self.lost(during, false, "the channel was closed before the command's exit code came")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_in_a_line() {
        let mut output = Output::new(0xc000_0005, Keep::TEXT);
        assert_eq!(output.summary(), "exit code 0xc0000005");
        output.code = 3010;
        output.stdout.push(b"done");
        output.stderr.push(b"\r\nrestart\r\n");
        assert_eq!(output.summary(), "exit code 3010: done; restart");
        assert_eq!(output.text(), "done\n\nrestart\n");
    }
}
