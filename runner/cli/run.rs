//! `coexist run`: a matrix to machines to reports.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coexist_exec::{EventLog, Gate, HaltSwitch, Options, Ports, Recorder, RunFolder, Sink};
use coexist_lab::{Provider, SystemClock};
use coexist_model::{ArmRecord, Arms, CellId, Ending, Event, Exit, Happening, Plan, Run, RunId};
use coexist_reports::{Report, write_reports};
use coexist_windows::WindowsDoor;

use crate::args::RunArgs;
use crate::progress::Progress;
use crate::{complain, host, ledger, packages, plan, report, say};

/// Runs a matrix.
pub(crate) fn run(args: &RunArgs) -> Exit {
    let plan = match plan::make(&args.matrix, &args.cells, &args.wishes, Some(&args.ledger.path), args.color) {
        Ok(made) => made.planned.plan,
        Err(exit) => return exit,
    };
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(run_plan(args, &plan)),
        Err(error) => {
            complain(&error);
            Exit::Internal
        }
    }
}

async fn run_plan(args: &RunArgs, plan: &Plan) -> Exit {
    let clock = Arc::new(SystemClock::default());
    let provider = match host::provider(clock.clone()).await {
        Ok(provider) => provider,
        Err(error) => {
            complain(&error);
            return nothing_was_started();
        }
    };
    let packages = match packages::gather(plan).await {
        Ok(packages) => Arc::new(packages),
        Err(errors) => {
            errors.iter().for_each(|error| complain(error));
            return nothing_was_started();
        }
    };
    let id = RunId::from(ulid::Ulid::generate().to_string());
    let folder = match prepare_folder(args.out.as_deref(), &id) {
        Ok(folder) => folder,
        Err(exit) => return exit,
    };
    let log = match EventLog::create(&folder.events()) {
        Ok(log) => Arc::new(log),
        Err(error) => {
            complain(&error);
            return Exit::ReportNotWritten;
        }
    };
    let progress = Progress::new(args.progress, args.color.enabled());
    let record = Arc::new(Record { run: Mutex::new(None), folder: folder.clone(), progress: progress.clone() });
    let sinks: Vec<Arc<dyn Sink>> = vec![log.clone(), progress.clone(), record.clone()];
    let recorder = Recorder::new(clock.clone(), sinks);
    let options = Options { arms_together: host::has_room_for_two(plan, provider.accelerator()) };
    let door = Arc::new(WindowsDoor::default().at_pace(provider.host().pace));
    let ports = Ports { provider, door, clock, packages, gate: record.clone() };

    let (switch, halt) = HaltSwitch::new();
    let watch = tokio::spawn(watch_signals(switch));
    let beat = tokio::spawn(beat(progress));
    let ending = coexist_exec::run(&id, plan, &ports, &folder, &recorder, options, halt).await;
    watch.abort();
    beat.abort();

    let logged = log.finish();
    let exit = match record.take() {
        Some(run) => {
            let exit = report::publish(&run, &folder);
            ledger::remember(&args.ledger.path, &run, folder.root());
            exit
        }
        None => Exit::Internal,
    };
    if let Err(error) = logged {
        complain(&error);
        return Exit::ReportNotWritten;
    }
    match ending {
        // Whoever stopped the run still has to know that its report is not there.
        _ if exit == Exit::ReportNotWritten => exit,
        Ending::Completed => exit,
        Ending::Interrupted => Exit::Interrupted,
        Ending::Terminated => Exit::Terminated,
    }
}

fn nothing_was_started() -> Exit {
    say::aside("nothing was started");
    Exit::Usage
}

/// The folder of the run: the one that was asked for, or a new one that `latest` then names.
fn prepare_folder(out: Option<&Path>, id: &RunId) -> Result<RunFolder, Exit> {
    let root = out.map_or_else(|| PathBuf::from("reports/out").join(id.as_str()), Path::to_owned);
    let taken = fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        let root = root.display();
        say::aside(&format!("error: {root} is not empty: a run never writes over another; name another --out"));
        return Err(Exit::Usage);
    }
    let made = fs::create_dir_all(&root).and_then(|()| root.canonicalize());
    let root = made.map_err(|error| {
        say::aside(&format!("error: {}: {error}", root.display()));
        Exit::Usage
    })?;
    if out.is_none() {
        name_latest(&root, id);
    }
    Ok(RunFolder::new(root))
}

/// `reports/out/latest` names the newest run. Only a convenience: a file system without links does not stop a run.
fn name_latest(root: &Path, id: &RunId) {
    let Some(parent) = root.parent() else { return };
    let fresh = parent.join(format!(".latest-{id}"));
    if std::os::unix::fs::symlink(id.as_str(), &fresh).is_ok() && fs::rename(&fresh, parent.join("latest")).is_err() {
        let _ = fs::remove_file(&fresh);
    }
}

/// Ctrl-C and SIGTERM ask the run to stop; a second one ends the program at once, and its machines with it.
async fn watch_signals(switch: HaltSwitch) {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    let mut asked = false;
    loop {
        let ending = tokio::select! {
            pressed = tokio::signal::ctrl_c() => if pressed.is_ok() { Ending::Interrupted } else { return },
            _ = terminate.recv() => Ending::Terminated,
        };
        if asked {
            let exit = if ending == Ending::Interrupted { Exit::Interrupted } else { Exit::Terminated };
            std::process::exit(exit.code().into());
        }
        asked = true;
        say::aside("stopping: machines are ended and reports written; once more to stop at once");
        switch.throw(ending);
    }
}

async fn beat(progress: Arc<Progress>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        progress.heartbeat();
    }
}

/// Folds events as they come, shows verdicts, and writes the reports after each cell, so that a run that is cut off
/// leaves readable ones.
struct Record {
    run: Mutex<Option<Run>>,
    folder: RunFolder,
    progress: Arc<Progress>,
}

impl Record {
    fn take(&self) -> Option<Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Gate for Record {
    fn clean(&self, cell: &CellId) -> bool {
        let slot = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(run) = slot.as_ref() else { return false };
        let verdicts = coexist_judge::verdicts(run);
        let of_cell = run.plan.cells.iter().zip(&verdicts.cells).find(|(it, _)| it.id == *cell);
        of_cell.is_some_and(|(_, judgement)| judgement.verdict.exit() == Exit::Clean)
    }
}

impl Sink for Record {
    fn see(&self, event: &Event) {
        let mut slot = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_mut() {
            None => *slot = Run::begin(event.clone()).ok(),
            // The executor tells of no arm that its plan does not have.
            Some(run) => drop(run.apply(event.clone())),
        }
        let (Happening::ArmEnded { of, .. }, Some(run)) = (&event.what, slot.as_ref()) else { return };
        let done = |arms: &Arms<ArmRecord>| arms.baseline.ended && arms.candidate.ended;
        let here = run.records().position(|(cell, arms)| cell.id == of.cell && done(arms));
        if let Some(index) = here {
            let verdicts = coexist_judge::verdicts(run);
            if let Some(judgement) = verdicts.cells.get(index) {
                self.progress.verdict(of.cell.as_str(), judgement.verdict, &judgement.reason);
            }
            if let Ok(report) = Report::new(run, &verdicts) {
                // The last write, after the run, is the one whose failure counts.
                let _ = write_reports(report, self.folder.root(), &report::junit_options(&self.folder));
            }
        }
    }
}
