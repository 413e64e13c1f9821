//! QEMU's control socket.
//!
//! ```text
//!   socket ─► lines ─┬─ events ──► a channel, read by the machine
//!                    └─ replies ─► crate `qapi`, which pairs them with commands
//! ```
//!
//! Events bypass `qapi`: it knows the events of one QEMU version and gives up on the first one it does not know. Commands
//! run one after another: `qapi` 0.15 does not recognise the `oob` of QEMU's greeting and so gives them no numbers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use qapi::futures::{QapiService, QmpStreamTokio};
use qapi::qmp::{
    DumpGuestMemoryFormat, ImageFormat, QmpCommand, cont, dump_guest_memory, inject_nmi, query_status, quit, screendump,
};
use qapi::{Command, Execute, ExecuteError};
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::waits::Waits;

/// Longest line that QEMU may send.
const LONGEST_LINE: u64 = 1 << 20;
/// Events that may wait to be read.
const WAITING_EVENTS: usize = 1024;
/// How long an event may have waited to be read, at most: on a host that stands still.
const LATE: SignedDuration = SignedDuration::from_mins(10);
/// How far ahead of our clock QEMU's, which is the same, may seem to be. More means that the clock was set back meanwhile.
const AHEAD: SignedDuration = SignedDuration::from_secs(1);

/// Why a command has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ControlError {
    /// No answer in time.
    #[error("QEMU did not answer `{command}` within {patience:?}")]
    Silent { command: &'static str, patience: Duration },
    /// QEMU said no.
    #[error("QEMU refused `{command}`: {reason}")]
    Refused { command: &'static str, reason: String },
    /// The socket is closed.
    #[error("QEMU's control socket broke at `{command}`: {reason}")]
    Broken { command: &'static str, reason: String },
}

/// Whether QEMU is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It answers.
    Beats,
    /// It does not, although its socket is open.
    Silent,
    /// Its socket is closed.
    Gone,
}

/// Questions whose answers are read as plain JSON: the types of `qapi` are those of one QEMU version, and refuse the
/// answers of older ones (which lack a counter) and of newer ones (which know more formats).
macro_rules! plain_question {
    ($(#[$doc:meta])* $name:ident, $word:literal) => {
        $(#[$doc])*
        #[derive(Serialize)]
        struct $name {}

        impl QmpCommand for $name {}

        impl Command for $name {
            type Ok = Value;
            const NAME: &'static str = $word;
            const ALLOW_OOB: bool = false;
        }
    };
}

plain_question!(
    /// How much the disks did.
    BlockCounters,
    "query-blockstats"
);
plain_question!(
    /// In which formats QEMU writes the guest's memory.
    MemoryFormats,
    "query-dump-guest-memory-capability"
);

/// An event with the time at which QEMU sent it.
pub(crate) type Heard = (Timestamp, Value);

/// The way to tell a running QEMU what to do.
pub(crate) struct Control {
    service: QapiService<QmpStreamTokio<OwnedWriteHalf>>,
    waits: Waits,
    /// Whether the last question was left unanswered.
    doubted: AtomicBool,
}

impl Control {
    /// Greets QEMU. Events come from now on; the channel ends when the socket does.
    pub(crate) async fn connect(
        socket: UnixStream,
        waits: Waits,
        now: impl Fn() -> Timestamp + Send + 'static,
    ) -> Result<(Self, mpsc::Receiver<Heard>), ControlError> {
        let (read, write) = socket.into_split();
        let (replies, replies_end) = tokio::io::duplex(64 << 10);
        let (events, heard) = mpsc::channel(WAITING_EVENTS);
        tokio::spawn(split(read, replies, events, now));
        let greet = async {
            let broken =
                |error: std::io::Error| ControlError::Broken { command: "qmp_capabilities", reason: error.to_string() };
            let greeting = QmpStreamTokio::open_split(replies_end, write).await.map_err(broken)?;
            greeting.negotiate().await.map_err(broken)
        };
        let patience = waits.answer;
        let silent = |_| ControlError::Silent { command: "qmp_capabilities", patience };
        let stream = tokio::time::timeout(patience, greet).await.map_err(silent)??;
        let (service, answers) = stream.into_parts();
        tokio::spawn(answers.into_future());
        Ok((Self { service, waits, doubted: AtomicBool::new(false) }, heard))
    }

    /// Lets the machine run.
    pub(crate) async fn run(&self) -> Result<(), ControlError> {
        self.ask(cont {}).await.map(drop)
    }

    /// The name of QEMU's run state.
    pub(crate) async fn run_state(&self) -> Result<String, ControlError> {
        self.run_state_within(self.waits.answer).await
    }

    /// The same, with a patience of its own.
    pub(crate) async fn run_state_within(&self, patience: Duration) -> Result<String, ControlError> {
        let status = self.ask_within(query_status {}, patience.min(self.waits.answer)).await?.status;
        let name = serde_json::to_value(status).ok().and_then(|name| name.as_str().map(str::to_owned));
        Ok(name.unwrap_or_else(|| format!("{status:?}")))
    }

    /// Asks whether QEMU is there. The patience is spent in two parts: a coordinator that was stopped itself finds the
    /// first one over at once, and QEMU still has the second.
    pub(crate) async fn pulse(&self, patience: Duration) -> Pulse {
        let pulse = self.feel(patience).await;
        self.doubted.store(pulse == Pulse::Silent, Ordering::SeqCst);
        pulse
    }

    async fn feel(&self, patience: Duration) -> Pulse {
        let mut answer = tokio::spawn(self.service.execute(query_status {}));
        for _ in 0..2 {
            match tokio::time::timeout(patience / 2, &mut answer).await {
                Err(_late) => {}
                Ok(Ok(Ok(_) | Err(ExecuteError::Qapi(_)))) => return Pulse::Beats,
                Ok(Ok(Err(ExecuteError::Io(_))) | Err(_)) => return Pulse::Gone,
            }
        }
        Pulse::Silent
    }

    /// Has QEMU write a picture of the screen.
    pub(crate) async fn picture(&self, file: &str) -> Result<(), ControlError> {
        let filename = file.to_owned();
        self.ask(screendump { filename, device: None, head: None, format: Some(ImageFormat::png) }).await.map(drop)
    }

    /// Interrupts every processor of the guest.
    pub(crate) async fn interrupt(&self) -> Result<(), ControlError> {
        self.ask(inject_nmi {}).await.map(drop)
    }

    /// Read and write operations on the disk that is node `name`.
    pub(crate) async fn disk_operations(&self, name: &str) -> Result<u64, ControlError> {
        let answer = self.ask(BlockCounters {}).await?;
        let disks = answer.as_array().into_iter().flatten();
        let operations = disks.filter(|disk| disk["node-name"] == name).find_map(|disk| {
            let count = |operations| disk["stats"][operations].as_u64();
            count("rd_operations")?.checked_add(count("wr_operations")?)
        });
        let reason = || format!("no count of the operations on {name}");
        operations.ok_or_else(|| ControlError::Refused { command: BlockCounters::NAME, reason: reason() })
    }

    /// Whether QEMU can write the guest's memory as a Windows crash dump, if the guest helps.
    pub(crate) async fn knows_windows_dumps(&self) -> Result<bool, ControlError> {
        let answer = self.ask(MemoryFormats {}).await?;
        Ok(answer["formats"].as_array().is_some_and(|formats| formats.iter().any(|format| format == "win-dmp")))
    }

    /// Has QEMU begin to write the guest's memory. The guest stands still until that is done; an event tells when.
    pub(crate) async fn begin_dump(&self, file: &str, windows: bool) -> Result<(), ControlError> {
        let format = if windows { DumpGuestMemoryFormat::win_dmp } else { DumpGuestMemoryFormat::elf };
        self.ask(dump_guest_memory {
            paging: false,
            protocol: format!("file:{file}"),
            detach: Some(true),
            begin: None,
            length: None,
            format: Some(format),
        })
        .await
        .map(drop)
    }

    /// Ends QEMU. Not long waited for: there are other ways.
    pub(crate) async fn quit(&self) -> Result<(), ControlError> {
        self.ask_within(quit {}, self.waits.answer.min(self.waits.quit)).await.map(drop)
    }

    async fn ask<C>(&self, command: C) -> Result<C::Ok, ControlError>
    where
        C: QmpCommand + Send + 'static,
        C::Ok: Send + 'static,
        Execute<C, u32>: Send,
    {
        self.ask_within(command, self.waits.answer).await
    }

    async fn ask_within<C>(&self, command: C, patience: Duration) -> Result<C::Ok, ControlError>
    where
        C: QmpCommand + Send + 'static,
        C::Ok: Send + 'static,
        Execute<C, u32>: Send,
    {
        let command_name = C::NAME;
        // In a task of its own: `qapi` gives up on the whole connection when an answer finds nobody waiting for it.
        let answer = tokio::spawn(self.service.execute(command));
        let broken = |reason: String| ControlError::Broken { command: command_name, reason };
        let doubted = self.doubted.load(Ordering::SeqCst);
        let patience = if doubted { patience.min(self.waits.doubt) } else { patience };
        let answered = tokio::time::timeout(patience, answer).await;
        self.doubted.store(answered.is_err(), Ordering::SeqCst);
        match answered {
            Err(_late) => Err(ControlError::Silent { command: command_name, patience }),
            Ok(Err(lost)) => Err(broken(lost.to_string())),
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(ExecuteError::Qapi(error)))) => {
                Err(ControlError::Refused { command: command_name, reason: error.desc })
            }
            Ok(Ok(Err(ExecuteError::Io(error)))) => Err(broken(error.to_string())),
        }
    }
}

/// When QEMU sent this, by its own word: reading it may have taken any time. Where that cannot be, `now`.
fn sent(message: &Value, now: Timestamp) -> Timestamp {
    let part = |name| message["timestamp"][name].as_i64();
    let said = part("seconds").zip(part("microseconds")).and_then(|(seconds, microseconds)| {
        let nanoseconds = i32::try_from(microseconds).ok()?.checked_mul(1000)?;
        Timestamp::new(seconds, nanoseconds).ok()
    });
    said.filter(|said| (-AHEAD..=LATE).contains(&now.duration_since(*said))).unwrap_or(now)
}

/// Reads lines until the socket ends, and sends each where it belongs. Events matter most: whatever becomes of the rest,
/// they are read on.
async fn split(
    read: OwnedReadHalf,
    replies: DuplexStream,
    events: mpsc::Sender<Heard>,
    now: impl Fn() -> Timestamp + Send,
) {
    let mut read = BufReader::new(read);
    let mut replies = Some(replies);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A QEMU that was killed resets the connection: the end, like any other.
        match (&mut read).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        match serde_json::from_slice::<Value>(&line) {
            Ok(message) if message.get("event").is_some() => {
                if events.send((sent(&message, now()), message)).await.is_err() {
                    return;
                }
            }
            Ok(_) => {
                if let Some(open) = &mut replies
                    && let Err(error) = open.write_all(&line).await
                {
                    tracing::warn!(%error, "nobody hears QEMU's answers any more");
                    replies = None;
                }
            }
            Err(error) => tracing::warn!(%error, "QEMU sent a line that is no message"),
        }
    }
}

#[cfg(test)]
mod tests {
    use coexist_model::Pace;

    use super::*;

    const GREETING: &str =
        r#"{"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":""},"capabilities":["oob"]}}"#;

    /// A QEMU that answers each command with the next line of its script.
    fn qemu(script: &'static [&'static str]) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        tokio::spawn(async move {
            let (read, mut write) = theirs.into_split();
            let mut commands = BufReader::new(read).lines();
            write.write_all(format!("{GREETING}\n").as_bytes()).await.unwrap();
            for answer in script {
                let Ok(Some(_)) = commands.next_line().await else { return };
                write.write_all(answer.as_bytes()).await.unwrap();
            }
            // Keeps the socket open until the other side leaves.
            while let Ok(Some(_)) = commands.next_line().await {}
        });
        ours
    }

    const PATIENCE: Duration = Duration::from_millis(300);

    fn waits(answer: Duration) -> Waits {
        Waits::at_pace(answer, Pace::AS_PLANNED)
    }

    const OK: &str = "{\"return\":{}}\n";

    async fn connect(script: &'static [&'static str]) -> (Control, mpsc::Receiver<Heard>) {
        Control::connect(qemu(script), waits(PATIENCE), || Timestamp::UNIX_EPOCH).await.unwrap()
    }

    #[tokio::test]
    async fn events_that_nobody_knows_do_not_break_the_connection() {
        let script = &[
            OK,
            "{\"event\":\"OF_TOMORROW\",\"data\":{\"x\":1}}\n{\"return\":{}}\n{\"event\":\"STOP\"}\n",
            "{\"return\":{\"running\":false,\"singlestep\":false,\"status\":\"io-error\"}}\n",
        ];
        let (control, mut events) = connect(script).await;
        control.run().await.unwrap();
        assert_eq!(control.run_state().await.unwrap(), "io-error");
        assert_eq!(events.recv().await.unwrap().1["event"], "OF_TOMORROW");
        assert_eq!(events.recv().await.unwrap().1["event"], "STOP");
    }

    #[tokio::test]
    async fn a_refusal_and_a_silence_are_told() {
        let script = &[OK, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no screen\"}}\n", ""];
        let (control, _events) = connect(script).await;
        let refused = control.picture("/x").await.unwrap_err();
        assert_eq!(refused, ControlError::Refused { command: "screendump", reason: "no screen".to_owned() });
        let silent = control.run().await.unwrap_err();
        assert_eq!(silent, ControlError::Silent { command: "cont", patience: PATIENCE });
        // Commands wait for each other, as they do in QEMU: one that hangs holds up the rest.
        let behind = control.quit().await.unwrap_err();
        assert_eq!(behind, ControlError::Silent { command: "quit", patience: PATIENCE });
    }

    #[tokio::test]
    async fn a_qemu_that_was_silent_is_not_waited_for_in_full_again() {
        let doubt = Duration::from_millis(100);
        let waits = Waits { doubt, ..waits(Duration::from_secs(60)) };
        let short = Duration::from_millis(50);
        for the_watchdog_asks in [false, true] {
            let connected = Control::connect(qemu(&[OK, ""]), waits, || Timestamp::UNIX_EPOCH).await;
            let (control, _events) = connected.unwrap();
            if the_watchdog_asks {
                assert_eq!(control.pulse(short).await, Pulse::Silent);
            } else {
                control.run_state_within(short).await.unwrap_err();
            }
            let silent = control.picture("/x").await.unwrap_err();
            assert_eq!(silent, ControlError::Silent { command: "screendump", patience: doubt });
        }
    }

    #[tokio::test]
    async fn a_socket_that_dies_ends_events_and_commands() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let broken = Control::connect(ours, waits(PATIENCE), || Timestamp::UNIX_EPOCH).await.err().unwrap();
        assert!(matches!(broken, ControlError::Broken { .. }), "{broken}");

        let (ours, theirs) = UnixStream::pair().unwrap();
        let (read, mut write) = theirs.into_split();
        let dies = tokio::spawn(async move {
            let mut commands = BufReader::new(read).lines();
            write.write_all(format!("{GREETING}\n").as_bytes()).await.unwrap();
            commands.next_line().await.unwrap();
            write.write_all(OK.as_bytes()).await.unwrap();
            commands.next_line().await.unwrap();
        });
        let (control, mut events) = Control::connect(ours, waits(PATIENCE), || Timestamp::UNIX_EPOCH).await.unwrap();
        assert!(matches!(control.run().await, Err(ControlError::Broken { .. })));
        dies.await.unwrap();
        assert!(events.recv().await.is_none());
        assert!(matches!(control.quit().await, Err(ControlError::Broken { .. })));
    }

    #[tokio::test]
    async fn lines_that_are_no_messages_are_passed_over() {
        let script =
            &[OK, "no message\n\n{\"event\":\"RESET\"}\n{\"return\":{}}\n", "{\"error\":7}\n{\"event\":\"STOP\"}\n"];
        let (control, mut events) = connect(script).await;
        control.run().await.unwrap();
        assert_eq!(events.recv().await.unwrap().1["event"], "RESET");
        // An answer that nobody understands costs the answers, not the events.
        control.run().await.unwrap_err();
        assert_eq!(events.recv().await.unwrap().1["event"], "STOP");
    }

    #[tokio::test]
    async fn a_pulse_beats_stops_or_is_gone() {
        const RUNNING: &str = "{\"return\":{\"running\":true,\"singlestep\":false,\"status\":\"running\"}}\n";
        let (control, _events) = connect(&[OK, RUNNING, ""]).await;
        assert_eq!(control.pulse(Duration::from_secs(60)).await, Pulse::Beats);
        assert_eq!(control.pulse(PATIENCE).await, Pulse::Silent);

        let (ours, theirs) = UnixStream::pair().unwrap();
        let (read, mut write) = theirs.into_split();
        tokio::spawn(async move {
            let mut commands = BufReader::new(read).lines();
            write.write_all(format!("{GREETING}\n{OK}").as_bytes()).await.unwrap();
            commands.next_line().await.unwrap();
        });
        let (control, _events) = Control::connect(ours, waits(PATIENCE), || Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(control.pulse(Duration::from_secs(60)).await, Pulse::Gone);
    }

    #[test]
    fn events_are_of_the_time_at_which_they_were_sent() {
        let now = Timestamp::new(1_000_000, 0).unwrap();
        let at = |seconds: i64, microseconds: i64| {
            sent(&serde_json::json!({"timestamp": {"seconds": seconds, "microseconds": microseconds}}), now)
        };
        let table = [
            ("just now", at(999_999, 999_000), Timestamp::new(999_999, 999_000_000).unwrap()),
            ("read late", at(999_900, 5), Timestamp::new(999_900, 5_000).unwrap()),
            ("another clock", at(998_000, 0), now),
            ("the clock was set back", at(1_000_030, 0), now),
            ("before 1970", at(-1, -1), now),
            ("beyond all bounds", at(i64::MAX, i64::MAX), now),
            ("no time", sent(&serde_json::json!({"timestamp": "noon"}), now), now),
        ];
        for (name, found, expected) in table {
            assert_eq!(found, expected, "{name}");
        }
    }
}
