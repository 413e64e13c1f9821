//! One run in which the product of each arm suffers a misfortune of its own: two scenarios for the time of one.

use std::path::Path;

use serde_json::Value;
use standin_forge::Agent;
use standin_forge::misbehaving::{DumpSettings, Misbehaving, Trouble, Truth};

use crate::crashes::before;
use crate::lab::{Candidate, Lab};
use crate::program::{Report, events_of};

/// What one arm's product suffers.
pub(crate) struct Suffers {
    trouble: Trouble,
    /// What it suffers as well, at other moments.
    also: Option<Trouble>,
    /// The image's own when absent: small dumps in the page file.
    dumps: Option<DumpSettings>,
}

impl Suffers {
    pub(crate) fn from(trouble: Trouble) -> Self {
        Self { trouble, also: None, dumps: None }
    }

    /// The same, and another trouble at another moment of the driver's life, which stops nothing.
    pub(crate) fn and(self, also: Trouble) -> Self {
        Self { also: Some(also), ..self }
    }

    pub(crate) fn with_dumps(self, dumps: DumpSettings) -> Self {
        Self { dumps: Some(dumps), ..self }
    }

    /// The agent of this draw. One seed gives one product, whatever it suffers.
    fn drawn(&self, seed: u64) -> Misbehaving {
        let mut drawn = Misbehaving::random(seed, self.trouble);
        if let Some(also) = self.also {
            let also = Misbehaving::random(seed, also).agent;
            drawn.agent.misfortunes_mut().extend_from_slice(also.misfortunes());
        }
        match self.dumps {
            None => drawn,
            Some(dumps) => drawn.with_dump_settings(dumps),
        }
    }
}

/// What both arms came to.
pub(crate) struct Pair {
    pub(crate) report: Report,
    /// The product's name in its recipe.
    pub(crate) agent: String,
    pub(crate) baseline: Truth,
    pub(crate) candidate: Truth,
    /// The report's files lie in it.
    _lab: Lab,
}

/// Runs a lab, which may be changed first, in which the arms suffer this.
pub(crate) fn run(baseline: &Suffers, candidate: &Suffers, scenario: &str, change: impl FnOnce(&mut Lab)) -> Pair {
    run_watched(baseline, candidate, scenario, change, |_| ())
}

/// The same, with a look at the folder of the run while it goes on.
pub(crate) fn run_watched(
    baseline: &Suffers,
    candidate: &Suffers,
    scenario: &str,
    change: impl FnOnce(&mut Lab),
    watch: impl FnOnce(&Path),
) -> Pair {
    let mut lab = Lab::new();
    change(&mut lab);
    let (old, new) = (baseline.drawn(lab.seed()), candidate.drawn(lab.seed()));
    let older = older(&old.agent);
    lab.write_matrix(&Candidate::Fresh { old: &older, new: &new.agent }, scenario);
    let out = lab.path("out");
    let program = lab.start(&out);
    watch(&out);
    let report = Report::of(program, &out);
    report.assert_nothing_left();
    report.assert_knows_no_card();
    Pair { report, agent: new.agent.id, baseline: old.truth, candidate: new.truth, _lab: lab }
}

/// The version before, with the misfortunes that are its own.
fn older(agent: &Agent) -> Agent {
    let mut older = before(agent);
    *older.misfortunes_mut() = agent.misfortunes().to_vec();
    older
}

/// One arm of a report.
pub(crate) struct Tried<'a> {
    pub(crate) report: &'a Report,
    pub(crate) arm: &'static str,
}

impl Pair {
    pub(crate) fn baseline(&self) -> Tried<'_> {
        Tried { report: &self.report, arm: "baseline" }
    }

    pub(crate) fn candidate(&self) -> Tried<'_> {
        Tried { report: &self.report, arm: "candidate" }
    }
}

impl Tried<'_> {
    pub(crate) fn json(&self) -> &Value {
        self.report.arm(self.arm)
    }

    pub(crate) fn message(&self) -> &str {
        self.json()["message"].as_str().unwrap_or_default()
    }

    /// Failed at this step, in this state.
    pub(crate) fn assert_failed(&self, step: &str, state: &str) {
        let arm = self.json();
        let seen = ["outcome", "step", "state"].map(|key| arm[key].as_str().unwrap_or_default());
        assert_eq!(seen, ["failed", step, state], "{}: {}", self.arm, self.message());
    }

    pub(crate) fn assert_up(&self) {
        assert_eq!(self.json()["outcome"], "up", "{}: {}", self.arm, self.message());
    }

    /// What came of each rung, in the order they were climbed: `panic nothing`.
    pub(crate) fn rungs(&self) -> Vec<String> {
        let ladder = self.json()["ladder"].as_array().cloned().unwrap_or_default();
        let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
        ladder.iter().map(|it| format!("{} {}", text(it, "rung"), text(it, "result"))).collect()
    }

    /// All that a rung says of itself, its result included.
    pub(crate) fn rung(&self, rung: &str) -> String {
        let ladder = self.json()["ladder"].as_array().cloned().unwrap_or_default();
        let found = ladder.iter().find(|it| it["rung"] == rung);
        found.unwrap_or_else(|| panic!("{}: no rung {rung}: {ladder:?}", self.arm)).to_string()
    }

    /// Whole seconds that a step of this arm took.
    pub(crate) fn took(&self, step: &str) -> u64 {
        let is_its_end = |it: &Value| it["event"] == "step-ended" && it["step"] == step && it["arm"] == self.arm;
        let events = events_of(&self.report.folder);
        let took = events.iter().find(|it| is_its_end(it)).and_then(|it| it["took_s"].as_f64());
        took.map(std::time::Duration::from_secs_f64).unwrap_or_default().as_secs()
    }

    /// Files of this kind that this rung gave: at least one, none of them empty.
    pub(crate) fn assert_gave(&self, rung: &str, kind: &str) -> Vec<Vec<u8>> {
        let all = self.report.evidence(self.arm, kind);
        let found: Vec<_> =
            all.iter().filter(|(got, _)| got == rung).map(|(_, at)| std::fs::read(at).unwrap()).collect();
        assert!(!found.is_empty(), "{}: no {kind} by {rung}: {all:?}; {:?}", self.arm, self.rungs());
        assert!(found.iter().all(|bytes| !bytes.is_empty()), "{}: an empty {kind}", self.arm);
        found
    }

    /// The same, where more than one rung may be the one.
    pub(crate) fn assert_gave_by_any(&self, rungs: &[&str], kind: &str) {
        let all = self.report.evidence(self.arm, kind);
        let rung = rungs.iter().find(|rung| all.iter().any(|(got, _)| got == *rung));
        let rung = rung.unwrap_or_else(|| panic!("{}: no {kind} by {rungs:?}: {all:?}; {:?}", self.arm, self.rungs()));
        self.assert_gave(rung, kind);
    }

    pub(crate) fn assert_none(&self, kind: &str) {
        let all = self.report.evidence(self.arm, kind);
        assert!(all.is_empty(), "{}: {all:?}", self.arm);
    }

    /// The dump names the driver that was drawn, where it was drawn.
    pub(crate) fn assert_blames(&self, truth: &Truth) {
        let (stop, crash) = (truth.stop.unwrap(), &self.json()["crash"]);
        assert_eq!(crash["stop_code"], format!("{:#x}", stop.code), "{}: {}", self.arm, self.message());
        assert_eq!(crash["blame"]["strength"], "strong");
        assert_eq!(crash["blame"]["module"], truth.driver.as_str());
        assert_eq!(crash["blame"]["offset"], format!("{:#x}", stop.offset));
        assert_eq!(crash["blame"]["vendor"], truth.vendor.as_str());
    }

    /// The stop is known, and what is left of its dump names nobody.
    pub(crate) fn assert_knows_the_stop_alone(&self, truth: &Truth) {
        let (stop, crash) = (truth.stop.unwrap(), &self.json()["crash"]);
        assert_eq!(crash["stop_code"], format!("{:#x}", stop.code), "{}: {}", self.arm, self.message());
        assert_eq!(crash["blame"]["strength"], "none", "{}: {crash}", self.arm);
        let named = ["module", "offset", "vendor"].map(|key| crash["blame"].get(key));
        assert_eq!(named, [None; 3], "{}: {crash}", self.arm);
    }

    /// Nobody is accused.
    pub(crate) fn assert_blames_nobody(&self) {
        assert!(self.json().get("crash").is_none(), "{}: {}", self.arm, self.json()["crash"]);
    }
}
