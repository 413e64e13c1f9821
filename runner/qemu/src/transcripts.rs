//! Replays of `tests/transcripts`: from QEMU's socket through the event reader into the journal, and on through the model.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coexist_lab::{Clock, Journal};
use coexist_model::{MachineEvent, MachineSign, Pace, boot_edges, boots, crashes};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use crate::control::Control;
use crate::process::listen;
use crate::signs::Signs;
use crate::waits::Waits;

/// When every machine here was powered on.
const POWERED_ON: Timestamp = Timestamp::constant(1_800_000_000, 0);
/// What the clock shows while transcripts are read, so that the times in them count.
const NOW: Timestamp = Timestamp::constant(1_800_000_060, 0);

struct Stopped;

#[async_trait::async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}

/// QEMU's end of a control socket.
struct Qemu {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    state: String,
}

impl Qemu {
    async fn send(&mut self, line: &str) {
        self.write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Answers one command.
    async fn answer(&mut self) {
        let mut line = String::new();
        self.read.read_line(&mut line).await.unwrap();
        let command: Value = serde_json::from_str(&line).unwrap();
        let answer = match command["execute"].as_str().unwrap() {
            "qmp_capabilities" => json!({}),
            "query-status" => json!({ "running": self.state == "running", "singlestep": false, "status": self.state }),
            other => panic!("nobody asks for {other} here"),
        };
        self.send(&json!({ "return": answer }).to_string()).await;
    }
}

/// A QEMU whose events go into a journal.
async fn connected() -> (Qemu, Arc<Journal>, tokio::task::JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (read, write) = theirs.into_split();
    let mut qemu = Qemu { read: BufReader::new(read), write, state: "running".to_owned() };
    qemu.send(r#"{"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":""},"capabilities":[]}}"#).await;
    let waits = Waits::at_pace(Duration::from_secs(20), Pace::AS_PLANNED);
    let (control, ()) = tokio::join!(Control::connect(ours, waits, || NOW), qemu.answer());
    let (control, events) = control.unwrap();
    let signs = Arc::new(Signs::new(Arc::new(Stopped)));
    signs.push_at(POWERED_ON, MachineSign::Started);
    let journal = signs.journal();
    let (tell_dump, _dumped) = watch::channel(None);
    let listener = tokio::spawn(listen(events, Arc::new(control), signs, tell_dump));
    (qemu, journal, listener)
}

/// The signs that a transcript leaves, the power-on first.
async fn replay(transcript: &str) -> Vec<MachineEvent> {
    let (mut qemu, journal, listener) = connected().await;
    for line in transcript.lines() {
        if let Some(state) = line.strip_prefix("? ") {
            state.clone_into(&mut qemu.state);
        } else if line.starts_with('{') {
            qemu.send(line).await;
            if line.contains(r#""event":"STOP""#) {
                qemu.answer().await;
            }
        }
    }
    drop(qemu);
    listener.await.unwrap();
    journal.since(0)
}

/// What became of a transcript, in the words of its last lines.
fn told(signs: &[MachineEvent]) -> Vec<String> {
    let sign = |event: &MachineEvent| serde_json::to_string(&event.what).unwrap();
    let mut lines: Vec<String> = signs.iter().skip(1).map(sign).collect();
    lines.push(format!("crashes {}, edges {}", crashes(signs), boot_edges(signs)));
    for boot in boots(signs) {
        let ended = serde_json::to_value(boot.ended).unwrap();
        lines.push(format!("boot {}, ended by {}", boot.state, ended.as_str().unwrap()));
    }
    lines
}

#[tokio::test]
async fn every_transcript_is_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    names.sort();
    assert!(names.len() >= 20, "{names:?}");
    for path in names {
        let transcript = std::fs::read_to_string(&path).unwrap();
        let expected: Vec<_> = transcript.lines().filter_map(|line| line.strip_prefix("=> ")).collect();
        assert_eq!(told(&replay(&transcript).await), expected, "{}", path.display());
    }
}

/// Nothing waits for a timer between QEMU's word and the journal: with a clock that moves only when somebody waits for
/// it, no time passes.
#[tokio::test]
async fn a_panic_is_noticed_as_it_is_told() {
    let (mut qemu, journal, listener) = connected().await;
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    for (line, count) in [(r#"{"event":"GUEST_PANICKED","data":{"action":"run"}}"#, 2), (r#"{"event":"RESET"}"#, 3)] {
        qemu.send(line).await;
        journal.more_than(count - 1).await;
        assert_eq!(journal.len(), count);
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    drop(qemu);
    listener.await.unwrap();
}
