//! Progress of a run on standard error: a bar on a terminal, one line per event and a heartbeat elsewhere.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coexist_exec::Sink;
use coexist_model::{Arm, ArmOutcome, ArmRef, CheckOutcome, Event, Happening, Verdict};
use indicatif::{ProgressBar, ProgressStyle as BarStyle};

use crate::args::ProgressStyle;
use crate::printable;

/// CI systems end jobs that are silent for minutes.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Shows a run to whoever waits for it.
pub(crate) struct Progress {
    show: Show,
    state: Mutex<State>,
    color: bool,
}

enum Show {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

struct State {
    begun: Instant,
    said: Instant,
    /// What each living arm is doing.
    doing: BTreeMap<ArmRef, String>,
    arms: usize,
    arms_done: usize,
}

impl Progress {
    /// A display in the style that was asked for.
    pub(crate) fn new(style: ProgressStyle, color: bool) -> Arc<Self> {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let show = match style {
            ProgressStyle::None => Show::Nothing,
            ProgressStyle::Lines => Show::Lines,
            ProgressStyle::Auto if !terminal => Show::Lines,
            ProgressStyle::Auto | ProgressStyle::Bar => Show::Bar(bar()),
        };
        let now = Instant::now();
        let state = State { begun: now, said: now, doing: BTreeMap::new(), arms: 0, arms_done: 0 };
        Arc::new(Self { show, state: Mutex::new(state), color })
    }

    /// Says something when nothing was said for a while; call it every few seconds.
    pub(crate) fn heartbeat(&self) {
        let mut state = self.state();
        if matches!(self.show, Show::Lines) && state.said.elapsed() >= HEARTBEAT {
            let doing: Vec<String> = state.doing.iter().map(|(of, what)| format!("{of} {what}")).collect();
            self.line(&mut state, &format!("still running: {}", doing.join("; ")));
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, state: &mut State, text: &str) {
        state.said = Instant::now();
        let seconds = state.begun.elapsed().as_secs();
        let text = format!("[{:02}:{:02}] {}", seconds / 60, seconds % 60, printable::line(text));
        match &self.show {
            Show::Bar(bar) => bar.println(text),
            Show::Lines => {
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }
            Show::Nothing => {}
        }
    }

    fn now(&self, state: &State) {
        if let Show::Bar(bar) = &self.show {
            bar.set_length(state.arms as u64);
            bar.set_position(state.arms_done as u64);
            let doing: Vec<String> = state.doing.iter().map(|(of, what)| format!("{} {what}", of.arm)).collect();
            let cell = state.doing.keys().next().map(|of| of.cell.to_string()).unwrap_or_default();
            bar.set_message(printable::line(&format!("{cell}: {}", doing.join(", "))));
        }
    }

    fn painted(&self, text: &str, code: &str) -> String {
        // Painting comes after `printable::line` has seen the guest's part, so only our own escapes pass.
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A cell's verdict, once both arms are there.
    pub(crate) fn verdict(&self, cell: &str, verdict: Verdict, reason: &str) {
        let mut state = self.state();
        state.said = Instant::now();
        let code = match verdict {
            Verdict::Compatible | Verdict::Fixed => "32",
            Verdict::Regressed | Verdict::Flaky => "31;1",
            Verdict::AlreadyBroken | Verdict::Inconclusive | Verdict::NotRun => "33",
        };
        let seconds = state.begun.elapsed().as_secs();
        let text = format!(
            "[{:02}:{:02}] {}: {}: {}",
            seconds / 60,
            seconds % 60,
            printable::line(cell),
            self.painted(verdict.as_str(), code),
            printable::line(reason)
        );
        match &self.show {
            Show::Bar(bar) => bar.println(text),
            Show::Lines => {
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }
            Show::Nothing => {}
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is a constant of ours; were it wrong, the default one would do.
    if let Ok(style) = BarStyle::with_template("{elapsed_precise} [{bar:24}] {pos}/{len} arms  {wide_msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

impl Sink for Progress {
    fn see(&self, event: &Event) {
        let mut state = self.state();
        match &event.what {
            Happening::RunStarted { run, plan, host, .. } => {
                state.arms = plan.cells.len() * Arm::BOTH.len();
                let cells = if plan.cells.len() == 1 { "cell" } else { "cells" };
                let text = format!(
                    "run {run}: {} {cells} of {} on {} (QEMU {}, {})",
                    plan.cells.len(),
                    plan.matrix.name,
                    host.name,
                    host.qemu,
                    host.acceleration
                );
                self.line(&mut state, &text);
            }
            Happening::StepStarted { of, step } => {
                state.doing.insert(of.clone(), step.to_string());
                if matches!(self.show, Show::Lines) {
                    self.line(&mut state, &format!("{of} {step}"));
                }
            }
            Happening::CheckEnded { of, step, check, outcome, .. } => match outcome {
                CheckOutcome::Passed | CheckOutcome::NotRun { .. } => {}
                CheckOutcome::Failed { failure } => {
                    self.line(&mut state, &format!("{of} {step}: FAILED: {check}: {}", failure.message));
                }
                CheckOutcome::Faulted { fault } => {
                    self.line(
                        &mut state,
                        &format!("{of} {step}: LAB FAULT ({}): {check}: {}", fault.kind, fault.message),
                    );
                }
            },
            Happening::Noted { of, note } => self.line(&mut state, &format!("{of} note: {note}")),
            Happening::ArmAbandoned { of, step, fault } => {
                state.doing.remove(of);
                self.line(&mut state, &format!("{of} begins anew: lab fault ({}) in step {step}", fault.kind));
            }
            Happening::ArmEnded { of, outcome } => {
                state.doing.remove(of);
                state.arms_done += 1;
                if matches!(self.show, Show::Lines) && !matches!(outcome, ArmOutcome::NotRun { .. }) {
                    self.line(&mut state, &format!("{of} ended: {}", outcome.as_str()));
                }
            }
            Happening::WaveHeld { held } => self.line(&mut state, &format!("no further cell: {}", held.reason())),
            Happening::RunEnded { .. } => {
                if let Show::Bar(bar) = &self.show {
                    bar.finish_and_clear();
                }
                return;
            }
            Happening::CellStarted { .. }
            | Happening::ArmStarted { .. }
            | Happening::MachineSigned { .. }
            | Happening::EvidenceTaken { .. }
            | Happening::RungEnded { .. }
            | Happening::StepEnded { .. } => {}
        }
        self.now(&state);
    }
}
