//! Stamps what happens with the time and tells everyone who watches, in one order, without ever making the run wait.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use coexist_lab::Clock;
use coexist_model::{ArmRef, Event, Happening};

/// Someone who watches a run. Called in the order of events, on a thread of the recorder's: a terminal that is stopped
/// or a slow disk holds up those who watch, never the run's deadlines.
pub trait Sink: Send + Sync {
    /// Sees one event.
    fn see(&self, event: &Event);
}

enum Message {
    Event(Box<Event>),
    /// Everything told before this has been seen.
    Flushed(Sender<()>),
}

/// The one place where events are made.
#[derive(Clone)]
pub struct Recorder {
    clock: Arc<dyn Clock>,
    line: Arc<Mutex<Sender<Message>>>,
}

impl Recorder {
    /// Tells `sinks`, in this order.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, sinks: Vec<Arc<dyn Sink>>) -> Self {
        let (line, messages) = mpsc::channel();
        thread::spawn(move || drive(&messages, &sinks));
        Self { clock, line: Arc::new(Mutex::new(line)) }
    }

    /// Something happened.
    pub fn tell(&self, what: Happening) {
        // Stamped and queued under one lock, so that times never go back in the queue.
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let at = now.round(jiff::Unit::Millisecond).unwrap_or(now);
        // The other end lives as long as this one, unless a sink panicked: then nobody watches any more.
        let _ = line.send(Message::Event(Box::new(Event { at, what })));
    }

    /// A remark on an arm.
    pub fn note(&self, of: &ArmRef, note: impl Into<String>) {
        self.tell(Happening::Noted { of: of.clone(), note: note.into() });
    }

    /// Waits until everything told so far was seen.
    pub async fn flush(&self) {
        let (sender, seen) = mpsc::channel();
        let sent = self.line.lock().unwrap_or_else(PoisonError::into_inner).send(Message::Flushed(sender));
        if sent.is_ok() {
            // An error says that a sink panicked: there is nothing left to wait for.
            let _ = tokio::task::spawn_blocking(move || seen.recv()).await;
        }
    }
}

fn drive(messages: &Receiver<Message>, sinks: &[Arc<dyn Sink>]) {
    for message in messages {
        match message {
            Message::Event(event) => sinks.iter().for_each(|sink| sink.see(&event)),
            Message::Flushed(seen) => drop(seen.send(())),
        }
    }
}
