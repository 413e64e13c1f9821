//! A plan as text for people: cells, arms, steps, digests.

mod summary;

use std::fmt::Write as _;

use coexist_model::{Action, Arm, Cell, Exercise, Method, Plan, Sha256, Step};

use crate::checked::kind_word;
use crate::planning::Planned;
use crate::price;
use crate::words::{count, quote};

pub use summary::{OnHost, compared, replanned_in_words};

/// Cells beyond which a plan is told with a line for each.
const MANY_CELLS: usize = 40;

/// How much of a plan is told.
#[derive(Debug, Clone, Default)]
pub struct Telling {
    /// Every step, however many cells there are.
    pub steps: bool,
    /// What is on this host, where it was looked for.
    pub on_host: Option<OnHost>,
}

/// Renders a plan with all that is known of it; the same plan is always the same text. No path of the host is in it.
#[must_use]
pub fn render(planned: &Planned, telling: &Telling) -> String {
    let plan = &planned.plan;
    let large = plan.cells.len() > MANY_CELLS;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = head(plan, Some(&planned.forced_by_signing), &mut text)
        .and_then(|()| waves(&planned.waves, &mut text))
        .and_then(|()| summary::write(planned, telling.on_host.as_ref(), large, &mut text))
        .and_then(|()| if large && !telling.steps { table(plan, &mut text) } else { cells(plan, &mut text) });
    text
}

/// Renders a plan alone, with every step.
#[must_use]
pub fn render_text(plan: &Plan) -> String {
    let mut text = String::new();
    let _ = head(plan, None, &mut text).and_then(|()| cells(plan, &mut text));
    text
}

/// `forced`: settings that the candidate's signature forces; `None` where only the plan is known.
fn head(plan: &Plan, forced: Option<&[(String, String)]>, text: &mut String) -> std::fmt::Result {
    let candidate = &plan.candidate;
    let title = plan.matrix.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    writeln!(text, "matrix     {}{title}  {}", plan.matrix.name, short(&plan.matrix.sha256))?;
    let digest = candidate.sha256.as_ref().map(short).unwrap_or_default();
    let (vendor, agent) = (&candidate.vendor, &candidate.agent);
    writeln!(
        text,
        "candidate  {} of {agent} ({vendor}), version {}  {digest}",
        kind_word(candidate.kind),
        candidate.version
    )?;
    if let Some(signing) = candidate.signing {
        let what = forced.map(|forced| format!(": {}", forced_in_words(forced))).unwrap_or_default();
        summary::line(text, "signing", &format!("{signing}{what}"))?;
    }
    for image in plan.images.values() {
        let stand_in = if image.stand_in { ", a stand-in: no Windows" } else { "" };
        let disk = short(&image.disk.sha256);
        writeln!(text, "image      {}: {}, build {}{stand_in}  {disk}", image.id, image.title, image.windows.build)?;
    }
    let starts: usize = plan.cells.iter().map(boots).sum();
    let steps: usize = plan.cells.iter().map(|cell| cell.arms.baseline.len() + cell.arms.candidate.len()).sum();
    let (cells, arms) = (count(plan.cells.len(), "cell"), count(2 * plan.cells.len(), "arm"));
    writeln!(text, "size       {cells}, {arms}, {}, about {}", count(steps, "step"), count(starts, "boot"))
}

/// `secure-boot off and test-signing on in every cell`.
fn forced_in_words(forced: &[(String, String)]) -> String {
    let forced: Vec<String> = forced.iter().map(|(setting, value)| format!("{setting} {value}")).collect();
    match forced.as_slice() {
        [] => "no setting of this matrix is forced".to_owned(),
        all => format!("{} in every cell", all.join(" and ")),
    }
}

/// `canary 4 cells, then rest 31 cells`.
fn waves(waves: &[(String, usize)], text: &mut String) -> std::fmt::Result {
    if waves.is_empty() {
        return Ok(());
    }
    let waves: Vec<String> = waves.iter().map(|(name, cells)| format!("{name} {}", count(*cells, "cell"))).collect();
    summary::line(text, "waves", &waves.join(", then "))
}

/// A line for each cell.
fn table(plan: &Plan, text: &mut String) -> std::fmt::Result {
    const WAVE: &str = "wave";
    let digits = plan.cells.len().to_string().len();
    let widths = plan.cells.iter().filter_map(|cell| cell.wave.as_ref()).map(|wave| wave.chars().count());
    // Two spaces behind the longest name; no column at all where there are no waves.
    let width = widths.max().map_or(0, |longest| longest.max(WAVE.len()) + 2);
    let title = if width > 0 { WAVE } else { "" };
    writeln!(text, "\n{:>digits$}  boots  {title:<width$}cell", "")?;
    for (number, cell) in plan.cells.iter().enumerate() {
        let wave = cell.wave.as_deref().unwrap_or("");
        writeln!(text, "{:>digits$}  {:>5}  {wave:<width$}{}", number + 1, boots(cell), cell.id)?;
    }
    Ok(())
}

/// Every step of every cell.
fn cells(plan: &Plan, text: &mut String) -> std::fmt::Result {
    for (number, cell) in plan.cells.iter().enumerate() {
        writeln!(text, "\n{}. {}", number + 1, cell.id)?;
        let agents: Vec<String> = cell.agents.iter().map(|agent| format!("{} {}", agent.id, agent.version)).collect();
        let agents = if agents.is_empty() { "none".to_owned() } else { agents.join(", ") };
        let wave = cell.wave.as_ref().map(|wave| format!("; wave {wave}")).unwrap_or_default();
        writeln!(text, "   agents: {agents}; about {}{wave}", count(boots(cell), "boot"))?;
        for (baseline, candidate) in cell.arms.baseline.iter().zip(&cell.arms.candidate) {
            let (one, other) = (what(baseline), what(candidate));
            if one == other {
                line(text, &baseline.id.to_string(), &one)?;
            } else {
                line(text, &baseline.id.to_string(), &format!("{}: {one}", Arm::Baseline))?;
                line(text, "", &format!("{}: {other}", Arm::Candidate))?;
            }
        }
    }
    Ok(())
}

fn line(text: &mut String, step: &str, what: &str) -> std::fmt::Result {
    writeln!(text, "   {step:<26} {what}")
}

/// What a step does, in a line.
fn what(step: &Step) -> String {
    let what = match &step.action {
        Action::Provision => "start a fresh machine".to_owned(),
        Action::Configure { settings, .. } if settings.is_empty() => "nothing to set".to_owned(),
        Action::Configure { settings, .. } => {
            let all: Vec<String> = settings.iter().map(|it| format!("{} {}", it.setting, it.value)).collect();
            let restart = if step.restarts() { ", restart" } else { "" };
            format!("{}{restart}, read back", all.join(", "))
        }
        Action::Install(install) => {
            let how = match &install.method {
                Method::Msi { .. } => "msi",
                Method::Exe { .. } => "exe",
                Method::Script { .. } => "script",
                Method::File { .. } => "file",
                Method::Driver => "driver",
                Method::Msu => "msu",
            };
            let then = if install.then.is_empty() {
                String::new()
            } else {
                format!(", then {}", count(install.then.len(), "command"))
            };
            format!(
                "{how} {} ({} {}){then}  {}",
                install.file_name,
                install.agent,
                install.version,
                short(&install.package)
            )
        }
        Action::Hold => "current version stays".to_owned(),
        Action::Dwell { time } => format!("stay up for {} s", seconds(time.as_millis())),
        Action::Reboot { settle, .. } => format!("restart, settle for {} s", seconds(settle.as_millis())),
        Action::Exercise(Exercise::FileStorm { files }) => format!("{files} files"),
        Action::Exercise(Exercise::ProcessStarts { processes }) => format!("{processes} processes"),
        Action::Exercise(Exercise::Run { command }) => format!("run {}", quote(command)),
        Action::Exercise(exercise @ (Exercise::Archives | Exercise::Loopback)) => exercise.name().to_owned(),
        Action::Probe { settings, probes, .. } => {
            let settings =
                if settings.is_empty() { String::new() } else { format!("{}, ", count(settings.len(), "setting")) };
            format!("{settings}{}, no bugcheck", count(probes.len(), "probe"))
        }
        Action::Collect => "fetch the guest's records".to_owned(),
    };
    format!("{what}, within {} s", seconds(step.deadline.as_millis()))
}

/// Starts of machines that both arms of a cell take; installers may add some.
fn boots(cell: &Cell) -> usize {
    price::boots(&cell.arms.baseline) + price::boots(&cell.arms.candidate)
}

fn seconds(milliseconds: u64) -> String {
    match (milliseconds / 1000, milliseconds % 1000) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part:03}"),
    }
}

/// Enough of a digest to tell files apart.
fn short(sha256: &Sha256) -> String {
    format!("sha256:{}", sha256.as_str().get(..16).unwrap_or_else(|| sha256.as_str()))
}
