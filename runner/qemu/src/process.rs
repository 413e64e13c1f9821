//! One running QEMU: started, listened to, ended.
//!
//! A task of its own owns the process and its end is told in order: first the last events, then the sign of the end, then
//! whoever waits for it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coexist_model::MachineSign;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::cgroup;
use crate::control::{Control, ControlError, Heard};
use crate::events::{DumpEnd, MEMORY_WRITTEN, Meaning, RUNNING, Reader};
use crate::identity::Starter;
use crate::log::{BoundedLog, SharedLog};
use crate::signs::Signs;
use crate::spawner;
use crate::waits::Waits;
use crate::watchdog;

/// Logs of a machine, kept over all its starts.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    pub(crate) qemu: SharedLog,
    pub(crate) serial: SharedLog,
}

/// Why a QEMU did not come up.
#[derive(Debug)]
pub(crate) enum LaunchError {
    /// It could not be started at all.
    Spawn(std::io::Error),
    /// It ended at once.
    Ended { end: End, last_words: String },
    /// It does not answer.
    Control(ControlError),
}

/// How a process ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) status: String,
    /// The kernel killed it to get memory back.
    pub(crate) out_of_memory: bool,
}

/// A QEMU whose machine runs.
pub(crate) struct Process {
    control: Arc<Control>,
    signals: mpsc::UnboundedSender<Signal>,
    ended: watch::Receiver<Option<End>>,
    dumped: watch::Receiver<Option<DumpEnd>>,
    waits: Waits,
}

/// Starts QEMU, waits until it answers, and lets the machine run.
pub(crate) async fn launch(
    qemu: &Path,
    starter: &Starter,
    arguments: &[String],
    logs: &Logs,
    signs: &Arc<Signs>,
    waits: Waits,
) -> Result<Process, LaunchError> {
    let (control_end, control_socket) = socket_pair().map_err(LaunchError::Spawn)?;
    let (serial_end, serial_socket) = socket_pair().map_err(LaunchError::Spawn)?;
    let mut command = starter.command(qemu);
    command.args(arguments);
    command.stdin(Stdio::from(control_end)).stdout(Stdio::from(serial_end)).stderr(Stdio::piped());
    let oom_kills_before = cgroup::oom_kills();
    let mut child = spawner::spawn(command).await.map_err(LaunchError::Spawn)?;
    logs.qemu.with(|log| {
        log.new_speaker();
        Ok(())
    });
    let mut listeners = vec![tokio::spawn(logs.serial.clone().drink(serial_socket))];
    if let Some(stderr) = child.stderr.take() {
        listeners.push(tokio::spawn(logs.qemu.clone().drink(stderr)));
    }

    let (signals, orders) = mpsc::unbounded_channel();
    let (tell_end, ended) = watch::channel(None);
    let (tell_exit, exited) = watch::channel(false);
    let (tell_listener, listener) = tokio::sync::oneshot::channel();
    let started = Arc::new(AtomicBool::new(false));
    let supervisor = Supervisor {
        listeners,
        listener,
        tell_exit,
        started: Arc::clone(&started),
        signs: Arc::clone(signs),
        oom_kills_before,
        last_words: waits.last_words,
    };
    tokio::spawn(supervisor.watch(child, orders, tell_end));

    let clock = Arc::clone(signs);
    let connected = Control::connect(control_socket, waits, move || clock.now()).await;
    let (control, events) = match connected {
        Ok(connection) => connection,
        Err(error) => return Err(refused(error, signals, ended, logs, waits).await),
    };
    let control = Arc::new(control);
    let (tell_dump, dumped) = watch::channel(None);
    let listening = listen(events, Arc::clone(&control), Arc::clone(signs), tell_dump);
    let (signs_then, control_lost) = (Arc::clone(signs), control_lost(exited, waits.closed));
    let listener = tokio::spawn(async move {
        listening.await;
        if control_lost.await {
            tracing::warn!("QEMU closed its control socket and runs on");
            signs_then.push(MachineSign::Paused { state: "control socket closed".to_owned(), host_full: false });
        }
    });
    // Gone only with the supervisor, which then has no use for it.
    drop(tell_listener.send(listener));
    started.store(true, Ordering::SeqCst);
    signs.push(MachineSign::Started);
    match control.run().await {
        Ok(()) => {
            tokio::spawn(watchdog::watch(Arc::clone(&control), Arc::clone(signs), waits.answer));
            Ok(Process { control, signals, ended, dumped, waits })
        }
        Err(error) => Err(refused(error, signals, ended, logs, waits).await),
    }
}

/// What it means that the control socket failed during the start: most often, that QEMU ended and said why. Otherwise it
/// is ended here.
async fn refused(
    error: ControlError,
    signals: mpsc::UnboundedSender<Signal>,
    mut ended: watch::Receiver<Option<End>>,
    logs: &Logs,
    waits: Waits,
) -> LaunchError {
    if matches!(error, ControlError::Broken { .. }) {
        let end = tokio::time::timeout(waits.end, ended.wait_for(Option::is_some)).await;
        if let Some(end) = end.ok().and_then(Result::ok).and_then(|end| (*end).clone()) {
            return LaunchError::Ended { end, last_words: logs.qemu.last_words() };
        }
    }
    drop(signals);
    drop(tokio::time::timeout(waits.end_by_kill, ended.wait_for(Option::is_some)).await);
    LaunchError::Control(error)
}

impl Process {
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// How the process ended, once it has.
    pub(crate) fn end_seen(&self) -> Option<End> {
        self.ended.borrow().clone()
    }

    /// How the writing of the guest's memory ends, once it does; none when the process ends first. Asked for before the
    /// writing is, so that no end is missed.
    pub(crate) fn next_dump_end(&self) -> impl Future<Output = Option<DumpEnd>> + use<> {
        let mut dumped = self.dumped.clone();
        dumped.mark_unchanged();
        async move {
            dumped.changed().await.ok()?;
            dumped.borrow().clone()
        }
    }

    /// Ends the process: with a word, with SIGTERM, with SIGKILL. False when not even that ended it.
    pub(crate) async fn end(&self) -> bool {
        let Waits { end, end_by_term, end_by_kill, .. } = self.waits;
        if self.end_seen().is_some() {
            return true;
        }
        // An answer may be lost with the socket: only the end of the process counts.
        let obeyed = match self.control.quit().await {
            Ok(()) | Err(ControlError::Broken { .. }) => self.ended_within(end).await,
            Err(error) => {
                tracing::warn!(%error, "QEMU does not quit");
                false
            }
        };
        obeyed || self.signal(Signal::TERM, end_by_term).await || self.signal(Signal::KILL, end_by_kill).await
    }

    async fn signal(&self, signal: Signal, patience: Duration) -> bool {
        if self.signals.send(signal).is_err() {
            tracing::debug!("QEMU ended before it could be told to");
        }
        self.ended_within(patience).await
    }

    /// Waits for the end.
    pub(crate) async fn ended_within(&self, patience: Duration) -> bool {
        let mut ended = self.ended.clone();
        matches!(tokio::time::timeout(patience, ended.wait_for(Option::is_some)).await, Ok(Ok(_)))
    }
}

/// Owns the process. When nobody holds the [`Process`] any more, it kills.
struct Supervisor {
    listeners: Vec<JoinHandle<()>>,
    listener: tokio::sync::oneshot::Receiver<JoinHandle<()>>,
    /// For the listener, which is waited for before the end is told.
    tell_exit: watch::Sender<bool>,
    started: Arc<AtomicBool>,
    signs: Arc<Signs>,
    /// What the kernel had killed for lack of memory before this process was there.
    oom_kills_before: u64,
    /// How long the listeners are waited for.
    last_words: Duration,
}

impl Supervisor {
    async fn watch(
        mut self,
        mut child: Child,
        mut orders: mpsc::UnboundedReceiver<Signal>,
        tell_end: watch::Sender<Option<End>>,
    ) {
        let mut ordered = true;
        let mut killed = false;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                order = orders.recv(), if ordered => {
                    ordered = order.is_some();
                    killed |= order.is_none_or(|signal| signal == Signal::KILL);
                    // The process was not waited for yet, so its number is still its own.
                    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
                        let sent = kill_process(pid, order.unwrap_or(Signal::KILL));
                        tracing::debug!(?order, ?sent, "QEMU is told to end");
                    }
                }
            }
        };
        self.tell_exit.send_replace(true);
        if let Ok(events) = self.listener.try_recv() {
            self.listeners.push(events);
        }
        let last_words = async {
            for listener in self.listeners {
                drop(listener.await);
            }
        };
        drop(tokio::time::timeout(self.last_words, last_words).await);
        let kills = || cgroup::oom_kills().saturating_sub(self.oom_kills_before);
        let out_of_memory = !killed && status.as_ref().is_ok_and(|status| for_memory(*status, kills));
        let status = status.map_or_else(|error| error.to_string(), in_words);
        if self.started.load(Ordering::SeqCst) {
            self.signs.push(MachineSign::Exited { status: status.clone() });
        }
        tell_end.send_replace(Some(End { status, out_of_memory }));
    }
}

/// Whether the kernel ended a process to get memory back: it kills, and counts what it killed before it does (the
/// kernel's `mm/oom_kill.c`).
fn for_memory(status: ExitStatus, kills: impl FnOnce() -> u64) -> bool {
    status.signal() == Some(Signal::KILL.as_raw()) && kills() > 0
}

/// Writes events into the journal.
pub(crate) async fn listen(
    mut events: mpsc::Receiver<Heard>,
    control: Arc<Control>,
    signs: Arc<Signs>,
    tell_dump: watch::Sender<Option<DumpEnd>>,
) {
    let mut reader = Reader::default();
    while let Some((at, event)) = events.recv().await {
        match reader.read(&event) {
            Meaning::Sign(sign) => signs.push_at(at, sign),
            Meaning::Paused => {
                let state = control.run_state().await.unwrap_or_else(|_| "paused".to_owned());
                // A guest whose memory is written stands still for that long, and may be on its way again by now.
                if ![MEMORY_WRITTEN, RUNNING].contains(&state.as_str()) {
                    signs.push_at(at, MachineSign::Paused { state, host_full: false });
                }
            }
            Meaning::Dumped(end) => {
                tell_dump.send_replace(Some(end));
            }
            Meaning::Nothing => {}
        }
    }
}

/// Whether a process whose control socket is closed lives on: nobody could tell any more what becomes of its machine.
async fn control_lost(mut exited: watch::Receiver<bool>, grace: Duration) -> bool {
    tokio::time::timeout(grace, exited.wait_for(|exited| *exited)).await.is_err()
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// A connected pair: QEMU's end, and ours for the async runtime.
fn socket_pair() -> std::io::Result<(OwnedFd, UnixStream)> {
    let (theirs, ours) = StdStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((theirs.into(), UnixStream::from_std(ours)?))
}

/// Writes a line into QEMU's own log, before QEMU does.
pub(crate) fn note(log: &SharedLog, line: &str) {
    log.with(|log: &mut BoundedLog| log.append(format!("coexist: {line}\n").as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_for_memory_when_the_kernel_counted_one() {
        let killed = ExitStatus::from_raw(9);
        assert!(for_memory(killed, || 1));
        assert!(!for_memory(killed, || 0), "somebody's `kill -9`");
        assert!(!for_memory(ExitStatus::from_raw(11), || 1));
        assert!(!for_memory(ExitStatus::from_raw(9 << 8), || 1), "an exit code");
    }

    #[tokio::test]
    async fn control_is_lost_when_the_process_lives_on() {
        let (tell_exit, exited) = watch::channel(false);
        assert!(control_lost(exited.clone(), Duration::from_millis(20)).await);
        tell_exit.send_replace(true);
        assert!(!control_lost(exited.clone(), Duration::from_secs(60)).await);
        drop(tell_exit);
        assert!(!control_lost(exited, Duration::from_secs(60)).await);
    }
}
