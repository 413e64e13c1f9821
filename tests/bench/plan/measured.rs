//! One plan, with what it cost and what the checker says of it; and PICT's for the same model.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use coexist_cover::pict::{self, Dialect, PictModel};
use coexist_cover::{Effort, Plan, Request, plan};
use coexist_plan_checker::{Findings, Model, check};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use rustix::time::{ClockId, clock_gettime};

use crate::Failure;

pub(crate) struct Measured {
    pub(crate) plan: Plan,
    /// Seconds of CPU, with reading the model.
    pub(crate) seconds: f64,
    pub(crate) findings: Findings,
}

/// Plans a model and has the plan checked.
pub(crate) fn measure(text: &str, strength: usize, effort: Effort) -> Result<Measured, Failure> {
    let before = cpu();
    let parsed = parse(text)?;
    let request = Request { strength: parsed.strength(strength), effort, ..Request::strength(strength) };
    let plan = plan(&parsed.model, &request)?;
    let seconds = cpu() - before;
    let findings = check(&Model::read(text)?, strength, &printed(&parsed, &plan.rows), None)?;
    Ok(Measured { plan, seconds, findings })
}

pub(crate) fn parse(text: &str) -> Result<PictModel, Failure> {
    pict::parse(text, &Dialect::default())
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ").into())
}

/// Rows as people get them.
pub(crate) fn printed(model: &PictModel, rows: &[Vec<usize>]) -> String {
    let heading = model.model.parameters().iter().map(|parameter| parameter.name.clone()).collect::<Vec<_>>();
    let mut lines = vec![heading.join("\t")];
    lines.extend(model.model.named(rows).iter().map(|row| row.join("\t")));
    lines.join("\n") + "\n"
}

/// Seconds of CPU this process has used.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// What PICT did with a model.
pub(crate) enum Pict {
    /// There is no `pict` on the path.
    Absent,
    /// Rows, and seconds of CPU.
    Rows(usize, f64),
    /// No rows: it failed, or had used so much CPU.
    Nothing,
}

/// Seconds of CPU after which PICT is stopped.
pub(crate) const PICT_SECONDS: f64 = 10.0;

/// Runs PICT at strength 2.
pub(crate) fn pict(text: &str, folder: &Path) -> Result<Pict, Failure> {
    let (model, rows) = (folder.join("model.pict"), folder.join("rows.tsv"));
    std::fs::write(&model, text)?;
    let mut command = Command::new("pict");
    command.arg(&model).arg("/o:2").stdin(Stdio::null()).stdout(std::fs::File::create(&rows)?).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return Ok(Pict::Absent) };
    let pid = Pid::from_raw(i32::try_from(child.id())?).ok_or("a process has a number")?;
    // What is left to be waited for can still be asked for its time, to the nanosecond.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(pid), ended)?.is_none() {
        if cpu_of(child.id())? > PICT_SECONDS {
            child.kill()?;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let seconds = cpu_of(child.id())?;
    if !child.wait()?.success() {
        return Ok(Pict::Nothing);
    }
    let lines = std::fs::read_to_string(&rows)?.lines().filter(|line| !line.trim().is_empty()).count();
    Ok(if lines > 1 { Pict::Rows(lines - 1, seconds) } else { Pict::Nothing })
}

/// Seconds of CPU of a process with one thread: the first number of its `schedstat` (Linux, `sched-stats.rst`).
fn cpu_of(process: u32) -> Result<f64, Failure> {
    let text = std::fs::read_to_string(format!("/proc/{process}/schedstat"))?;
    let nanoseconds = text.split_whitespace().next().ok_or("schedstat was empty")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}
