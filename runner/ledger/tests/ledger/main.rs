//! Ledgers in temporary files: what goes in comes out, once, whoever writes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod files;
mod joins;
mod runs;
mod writers;

use std::path::{Path, PathBuf};

use coexist_ledger::Ledger;
use coexist_model::{
    AgentChoice, ArmCost, Arms, CandidateKind, CandidateRef, CellId, Digests, MatrixRef, PastCell, PastRun, Seconds,
    Standing, Verdict,
};
use jiff::Timestamp;

/// So many microseconds after a moment in 2023.
pub(crate) fn at(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(1_700_000_000_000_000 + microseconds).unwrap()
}

pub(crate) fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("below/ledger.sqlite")
}

pub(crate) fn open(path: &Path) -> Ledger {
    Ledger::open(path).unwrap()
}

/// A run of cells, which take the run's name and time.
pub(crate) fn run(name: &str, ended: Timestamp, cells: Vec<PastCell>) -> PastRun {
    PastRun {
        run: name.into(),
        at: ended,
        matrix: MatrixRef { name: "nightly".to_owned(), title: None, path: "n.yaml".to_owned(), sha256: "d".into() },
        candidate: CandidateRef {
            agent: "globex".into(),
            vendor: "Globex".to_owned(),
            kind: CandidateKind::Content,
            version: "291".to_owned(),
            sha256: Some("c291".into()),
            signing: None,
        },
        cells: cells.into_iter().map(|cell| PastCell { run: name.into(), at: ended, ..cell }).collect(),
    }
}

/// `image hvci=on acme@4.1 globex@7.0`: the agents in the order of installation, each package's digest its id and version.
pub(crate) fn cell(words: &str, verdict: Verdict, standing: Standing) -> PastCell {
    let mut words = words.split(' ');
    let image = words.next().unwrap();
    let mut cell = PastCell {
        run: "".into(),
        at: at(0),
        id: CellId::from(image),
        image: image.into(),
        settings: std::collections::BTreeMap::new(),
        agents: Vec::new(),
        verdict,
        standing,
        candidate: Some("c291".into()),
        digests: Digests { image: Some(format!("disk of {image}").into()), ..Digests::default() },
        cost: Arms {
            baseline: Some(ArmCost { took: Seconds::from_millis(61_500), boots: 3, disk: Some(1 << 30) }),
            candidate: None,
        },
    };
    for word in words {
        if let Some((setting, value)) = word.split_once('=') {
            cell.settings.insert(setting.to_owned(), value.to_owned());
        } else {
            let (id, version) = word.split_once('@').unwrap();
            cell.agents.push(AgentChoice { id: id.into(), version: version.to_owned() });
            cell.digests.agents.insert(id.into(), word.into());
        }
    }
    cell
}

pub(crate) fn tested(words: &str) -> PastCell {
    cell(words, Verdict::Compatible, Standing::Tested)
}

pub(crate) fn regressed(words: &str) -> PastCell {
    cell(words, Verdict::Regressed, Standing::Masked)
}
