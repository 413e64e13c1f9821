//! Stamps what happens with the time and tells everyone who watches.

use std::sync::Arc;

use coexist_lab::Clock;
use coexist_model::{ArmRef, Event, Happening};

/// Someone who watches a run. Called in the order of events, from several tasks.
pub trait Sink: Send + Sync {
    /// Sees one event.
    fn see(&self, event: &Event);
}

/// The one place where events are made.
#[derive(Clone)]
pub struct Recorder {
    clock: Arc<dyn Clock>,
    sinks: Arc<[Arc<dyn Sink>]>,
    order: Arc<std::sync::Mutex<()>>,
}

impl Recorder {
    /// Tells `sinks`, in this order.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, sinks: Vec<Arc<dyn Sink>>) -> Self {
        Self { clock, sinks: sinks.into(), order: Arc::default() }
    }

    /// Something happened.
    pub fn tell(&self, what: Happening) {
        // One at a time, so that every sink sees the same order and times never go back in it.
        let _order = self.order.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = self.clock.now();
        let event = Event { at: now.round(jiff::Unit::Millisecond).unwrap_or(now), what };
        for sink in self.sinks.iter() {
            sink.see(&event);
        }
    }

    /// A remark on an arm.
    pub fn note(&self, of: &ArmRef, note: impl Into<String>) {
        self.tell(Happening::Noted { of: of.clone(), note: note.into() });
    }
}
