//! From a row to a cell: the steps of both arms, what each proves, and how long it may take.

use std::collections::{BTreeMap, BTreeSet};

use coexist_model::{
    Action, AgentChoice, Arm, Arms, CANDIDATE_STEP, CandidateKind, Cell, CellId, Check, Exercise, Image, Install,
    PlannedProbe, Probe, Restart, Seconds, SettingValue, Step,
};

use crate::checked::{Checked, Member, Product};
use crate::choose::Row;
use crate::source::{Sources, Span};

/// Longest name of a check, in characters.
const LONGEST_NAME: usize = 160;

/// Makes cells of rows. Check names follow one scheme, `<phase digit>-<phase>: <what>`: stable across runs, without
/// versions, unique within an arm.
pub(crate) struct Stepper<'a> {
    pub(crate) checked: &'a Checked,
    pub(crate) sources: &'a Sources,
}

impl Stepper<'_> {
    pub(crate) fn cell(&self, id: CellId, row: &Row<'_>, image: &Image) -> Cell {
        Cell {
            id,
            image: image.id.clone(),
            settings: row.values.iter().map(|it| (it.setting.setting.clone(), it.setting.value.clone())).collect(),
            agents: row
                .set
                .members
                .iter()
                .map(|it| AgentChoice { id: it.agent.as_str().into(), version: it.version.clone() })
                .collect(),
            wave: None,
            arms: Arms {
                baseline: self.arm(Arm::Baseline, row, image),
                candidate: self.arm(Arm::Candidate, row, image),
            },
        }
    }

    fn arm(&self, arm: Arm, row: &Row<'_>, image: &Image) -> Vec<Step> {
        let deadlines = &self.checked.deadlines;
        let scenario = &self.checked.scenario;
        let mut steps = vec![self.step(
            "provision",
            Action::Provision,
            image.boot_deadline,
            vec![("1-provision: image boots and answers".into(), row.image.span)],
        )];
        steps.push(self.configure(row));
        for member in &row.set.members {
            if self.is_fresh(member) {
                continue;
            }
            if let Some(install) = self.install_of(member) {
                let deadline = Self::installing(&install);
                let name = format!("2-install: agent {}", member.agent);
                let id = format!("install-{}", member.agent);
                steps.push(self.step(&id, Action::Install(Box::new(install)), deadline, vec![(name, member.span)]));
            }
        }
        steps.push(self.candidate(arm, row));
        steps.push(self.step(
            "dwell",
            Action::Dwell { time: scenario.dwell },
            sum([scenario.dwell, deadlines.probe]),
            vec![("4-dwell: stays up".into(), scenario.dwell_span)],
        ));
        for count in 1..=scenario.reboots {
            let action = Action::Reboot { wait: deadlines.reboot, settle: scenario.settle };
            steps.push(self.step(
                &format!("reboot-{count}"),
                action,
                sum([deadlines.reboot, scenario.settle]),
                vec![(format!("4-reboot: {count} came back"), scenario.reboots_span)],
            ));
        }
        steps.extend(self.exercises());
        if let Some((time, span)) = scenario.soak {
            let deadline = sum([time, deadlines.probe]);
            steps.push(self.step("soak", Action::Dwell { time }, deadline, vec![("5-soak: stays up".into(), span)]));
        }
        steps.push(self.probe(arm, row));
        steps.push(self.step(
            "collect",
            Action::Collect,
            deadlines.collect,
            vec![("6-collect: records fetched".into(), scenario.span)],
        ));
        steps
    }

    fn step(&self, id: &str, action: Action, deadline: Seconds, checks: Vec<(String, Span)>) -> Step {
        let checks = checks.into_iter().map(|(name, span)| Check { name: plain(&name), line: self.sources.line(span) });
        Step { id: id.into(), action, deadline, checks: checks.collect() }
    }

    fn configure(&self, row: &Row<'_>) -> Step {
        let deadlines = &self.checked.deadlines;
        let settings = settings(row);
        let mut checks: Vec<_> = row
            .values
            .iter()
            .map(|it| (format!("1-configure: {} is {}", it.setting.setting, it.setting.value), it.span))
            .collect();
        if checks.is_empty() {
            checks.push(("1-configure: as the image is".into(), row.image.span));
        }
        // Every setting is read before and after.
        let looks = settings.iter().map(|it| it.apply.len() + 2 * it.read_back.len()).sum::<usize>().max(1);
        let restarts = settings.iter().any(|it| it.restart == Restart::Needed);
        let (look, restart) = (deadlines.probe, deadlines.reboot);
        let deadline = sum(std::iter::repeat_n(look, looks).chain(restarts.then_some(restart)));
        self.step("configure", Action::Configure { settings, look, restart }, deadline, checks)
    }

    /// Time for the whole step: the installer, a restart it may begin, a look, and the commands afterwards.
    fn installing(install: &Install) -> Seconds {
        let looks = std::iter::repeat_n(install.look, install.then.len() + 1);
        sum(looks.chain([install.deadline, install.restart]))
    }

    fn install_of(&self, member: &Member) -> Option<Install> {
        let product = self.product(member)?;
        let release = product.releases.iter().find(|it| it.version == member.version)?;
        Some(crate::checked::install(product, release, &self.checked.deadlines))
    }

    fn product(&self, member: &Member) -> Option<&Product> {
        self.checked.products.get(&member.agent).map(|it| &**it)
    }

    /// Whether the candidate is a first installation of this member, which then has no step of its own before it.
    fn is_fresh(&self, member: &Member) -> bool {
        let candidate = &self.checked.candidate;
        candidate.kind == CandidateKind::Fresh && candidate.install.agent.as_str() == member.agent
    }

    fn candidate(&self, arm: Arm, row: &Row<'_>) -> Step {
        let candidate = &self.checked.candidate;
        let install = Action::Install(Box::new(candidate.install.clone()));
        let (action, name) = match (arm, candidate.kind) {
            (Arm::Candidate, _) => (install, "3-candidate: install"),
            (Arm::Baseline, CandidateKind::Fresh) => {
                let current = row.set.members.iter().find(|it| self.is_fresh(it)).and_then(|it| self.install_of(it));
                match current {
                    Some(current) => (Action::Install(Box::new(current)), "3-candidate: current version installs"),
                    None => (Action::Hold, "3-candidate: current version stays"),
                }
            }
            (Arm::Baseline, _) => (Action::Hold, "3-candidate: current version stays"),
        };
        let deadline = match &action {
            Action::Install(install) => Self::installing(install),
            _ => self.checked.deadlines.probe,
        };
        self.step(CANDIDATE_STEP, action, deadline, vec![(name.into(), candidate.span)])
    }

    fn exercises(&self) -> Vec<Step> {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut steps = Vec::new();
        for (exercise, span) in &self.checked.scenario.exercise {
            let count = seen.entry(exercise.name()).or_default();
            *count += 1;
            let (id, name) = match count {
                1 => (format!("exercise-{}", exercise.name()), format!("5-exercise: {}", exercise.name())),
                more => {
                    (format!("exercise-{}-{more}", exercise.name()), format!("5-exercise: {}, {more}", exercise.name()))
                }
            };
            let action = Action::Exercise(Exercise::clone(exercise));
            steps.push(self.step(&id, action, self.checked.deadlines.exercise, vec![(name, *span)]));
        }
        steps
    }

    fn probe(&self, arm: Arm, row: &Row<'_>) -> Step {
        let (mut probes, mut checks) = (Vec::new(), Vec::new());
        let mut names = BTreeSet::new();
        let settings = settings(row);
        for value in &row.values {
            let base = format!("5-health: {} is still {}", value.setting.setting, value.setting.value);
            checks.push((unique(plain(&base), &mut names), value.span));
        }
        for member in &row.set.members {
            let Some(product) = self.product(member) else { continue };
            for probe in &product.probes {
                let wanted = filled(probe, self.version(arm, member));
                // The name comes from the recipe's words, where a version is a placeholder.
                let base = plain(&format!("5-health: {} {}", member.agent, filled(probe, "VERSION")));
                let name = unique(base, &mut names);
                probes.push(PlannedProbe { agent: member.agent.as_str().into(), probe: wanted });
                checks.push((name, member.span));
            }
        }
        checks.push(("5-health: no bugcheck".into(), self.checked.scenario.span));
        let looks = settings.iter().map(|it| it.read_back.len()).sum::<usize>() + probes.len() + 1;
        let look = self.checked.deadlines.probe;
        let deadline = sum(std::iter::repeat_n(look, looks));
        self.step("probe", Action::Probe { settings, probes, look }, deadline, checks)
    }

    /// The version that an arm holds when it is probed.
    fn version<'a>(&'a self, arm: Arm, member: &'a Member) -> &'a str {
        let candidate = &self.checked.candidate;
        let replaced = matches!(candidate.kind, CandidateKind::Upgrade | CandidateKind::Fresh)
            && candidate.install.agent.as_str() == member.agent;
        if arm == Arm::Candidate && replaced { &candidate.install.version } else { &member.version }
    }
}

/// What a row sets, in the order of the axes.
fn settings(row: &Row<'_>) -> Vec<SettingValue> {
    row.values.iter().map(|it| it.setting.clone()).collect()
}

/// The name, or the first of `name, 2`, `name, 3` … that is free; cut so that the number has room.
fn unique(base: String, taken: &mut BTreeSet<String>) -> String {
    let base: String = base.chars().take(LONGEST_NAME - 8).collect();
    let numbered = (2_u32..).map(|number| format!("{base}, {number}"));
    let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(base);
    taken.insert(name.clone());
    name
}

/// A probe with the product's version where its recipe leaves a place for it.
fn filled(probe: &Probe, version: &str) -> Probe {
    let fill = |text: &String| text.replace("{version}", version);
    match probe {
        Probe::Registry { key, name, equals } => {
            Probe::Registry { key: key.clone(), name: name.clone(), equals: fill(equals) }
        }
        Probe::File { path } => Probe::File { path: fill(path) },
        Probe::Command { run, prints } => Probe::Command { run: fill(run), prints: prints.as_ref().map(fill) },
        Probe::Service { .. } | Probe::Driver { .. } | Probe::Filter { .. } => probe.clone(),
    }
}

/// A check name that no report misreads: one line, bounded, without the characters that CI systems give a meaning.
fn plain(name: &str) -> String {
    let mut plain: String = name
        .chars()
        .map(|c| match c {
            '|' | '[' | ']' | '<' | '>' | '`' => '_',
            _ if c.is_control() => ' ',
            _ => c,
        })
        .take(LONGEST_NAME)
        .collect();
    plain.truncate(plain.trim_end().len());
    plain
}

fn sum(all: impl IntoIterator<Item = Seconds>) -> Seconds {
    all.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_unique() {
        assert_eq!(plain("5-health: a|b [c] <d> `e`\n"), "5-health: a_b _c_ _d_ _e_");
        let mut taken = BTreeSet::new();
        let names = [(); 3].map(|()| unique("a".into(), &mut taken));
        assert_eq!(names, ["a", "a, 2", "a, 3"]);
        let long = "x".repeat(500);
        let names = [(); 3].map(|()| plain(&unique(long.clone(), &mut taken)));
        assert!(names[0] != names[1] && names[1] != names[2], "{names:?}");
    }
}
