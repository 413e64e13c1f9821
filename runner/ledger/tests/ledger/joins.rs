//! Pairs and triples by joins are those that are counted one by one.

use std::collections::{BTreeMap, BTreeSet};

use coexist_ledger::Ask;
use coexist_model::{Met, Part, PartKind, PastCell, PastRun, RunId, Standing, Verdict};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{at, cell, file, open, regressed, run, tested};

const IMAGES: [&str; 2] = ["w10", "w11"];
const VERDICTS: [(Verdict, Standing); 5] = [
    (Verdict::Compatible, Standing::Tested),
    (Verdict::Fixed, Standing::Tested),
    (Verdict::Regressed, Standing::Masked),
    (Verdict::Inconclusive, Standing::Masked),
    (Verdict::AlreadyBroken, Standing::Masked),
];

fn any_cell() -> impl Strategy<Value = PastCell> {
    let agents = prop::sample::subsequence(vec!["acme", "globex", "initech", "umbrella"], 0..4)
        .prop_shuffle()
        .prop_flat_map(|ids| {
            let versions = prop::collection::vec(1..3_u8, ids.len());
            versions.prop_map(move |versions| ids.iter().zip(versions).map(|(id, v)| format!(" {id}@{v}")).collect())
        });
    let settings = ("hvci=(on|off)", "verifier=(on|off)");
    (0..2_usize, settings, agents, 0..5_usize).prop_map(|(image, settings, agents, verdict): (_, _, String, _)| {
        let (verdict, standing) = VERDICTS[verdict];
        cell(&format!("{} {} {}{agents}", IMAGES[image], settings.0, settings.1), verdict, standing)
    })
}

fn any_runs() -> impl Strategy<Value = Vec<PastRun>> {
    let cells = prop::collection::vec(any_cell(), 0..6);
    // Some runs end at the same moment.
    prop::collection::vec((0..4_i64, cells), 1..5).prop_map(|runs| {
        let named = runs.into_iter().enumerate();
        named.map(|(n, (ended, cells))| run(&format!("run-{n}"), at(ended), cells)).collect()
    })
}

/// The parts of a cell, as questions name them, with the place of agents.
fn parts(cell: &PastCell) -> Vec<(Part, usize)> {
    let image = Part {
        kind: PartKind::Image,
        name: String::new(),
        value: cell.image.as_str().to_owned(),
        digest: cell.digests.image.clone(),
    };
    let settings = cell.settings.iter().map(|(name, value)| Part {
        kind: PartKind::Setting,
        name: name.clone(),
        value: value.clone(),
        digest: None,
    });
    let agents = cell.agents.iter().map(|agent| Part {
        kind: PartKind::Agent,
        name: agent.id.as_str().to_owned(),
        value: agent.version.clone(),
        digest: cell.digests.agents.get(&agent.id).cloned(),
    });
    std::iter::once(image)
        .chain(settings)
        .map(|part| (part, 0))
        .chain(agents.enumerate().map(|(n, it)| (it, n)))
        .collect()
}

/// Every combination of a cell that has these kinds.
fn combinations(cell: &PastCell, ask: Ask<'_>) -> BTreeSet<Vec<Part>> {
    let all = parts(cell);
    let mut found: Vec<Vec<(Part, usize)>> = vec![Vec::new()];
    for kind in ask.of {
        found = found
            .into_iter()
            .flat_map(|chosen| {
                let next = all.iter().filter(|(part, place)| {
                    let last = chosen.iter().rfind(|(before, _)| before.kind == *kind);
                    part.kind == *kind
                        && last.is_none_or(|(before, at)| {
                            if ask.in_sequence && *kind == PartKind::Agent {
                                place > at
                            } else {
                                part.name > before.name
                            }
                        })
                });
                next.map(|it| [chosen.clone(), vec![it.clone()]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    found
        .into_iter()
        .map(|chosen| {
            let mut parts: Vec<Part> = chosen.into_iter().map(|(part, _)| part).collect();
            if !ask.in_sequence {
                parts.sort();
            }
            parts
        })
        .collect()
}

/// The same answer, counted one by one.
fn counted(runs: &[PastRun], ask: Ask<'_>) -> Vec<Met> {
    type Seen<'a> = Vec<(Timestamp, &'a RunId, Verdict)>;
    let mut seen: BTreeMap<(Vec<Part>, Standing), Seen<'_>> = BTreeMap::new();
    for run in runs.iter().filter(|run| ask.since.is_none_or(|since| run.at >= since)) {
        for cell in &run.cells {
            for parts in combinations(cell, ask) {
                seen.entry((parts, cell.standing)).or_default().push((run.at, &run.run, cell.verdict));
            }
        }
    }
    let met = seen.into_iter().map(|((parts, standing), seen)| {
        let last = seen.iter().map(|it| it.0).max().unwrap();
        let of_last = seen.iter().filter(|it| it.0 == last).map(|it| it.2);
        let verdict = of_last.min_by_key(|it| Verdict::ALL.iter().position(|known| known == it)).unwrap();
        let runs: BTreeSet<_> = seen.iter().map(|it| it.1).collect();
        Met { parts, standing, runs: runs.len() as u64, cells: seen.len() as u64, last, verdict }
    });
    met.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn joins_are_what_is_counted_one_by_one(runs in any_runs(), since in prop::option::of(0..4_i64)) {
        use PartKind::{Agent, Image, Setting};
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = open(&file(&folder));
        for run in &runs {
            ledger.add(run).unwrap();
        }
        for of in [&[Agent][..], &[Agent, Agent], &[Agent, Agent, Agent], &[Setting, Agent], &[Image, Agent],
            &[Image, Setting, Agent], &[Setting, Setting], &[Agent, Agent, Setting], &[]]
        {
                for in_sequence in [false, true] {
                    let ask = Ask { of, in_sequence, since: since.map(at) };
                    let expected = if of.is_empty() { Vec::new() } else { counted(&runs, ask) };
                    prop_assert_eq!(ledger.combinations(ask).unwrap(), expected, "{:?}", ask);
                }
        }
    }
}

#[test]
fn the_worst_verdict_of_the_last_run_speaks() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&file(&folder));
    let broken = cell("w11 acme@1 globex@2", Verdict::Inconclusive, Standing::Masked);
    ledger.add(&run("old", at(0), vec![regressed("w11 acme@1 globex@2")])).unwrap();
    ledger.add(&run("new", at(9), vec![broken, tested("w10 globex@2 acme@1")])).unwrap();
    let ask = Ask { of: &[PartKind::Agent; 2], in_sequence: false, since: None };
    let met = ledger.combinations(ask).unwrap();
    let told: Vec<_> = met.iter().map(|it| (it.standing, it.runs, it.last, it.verdict)).collect();
    let expected =
        [(Standing::Tested, 1, at(9), Verdict::Compatible), (Standing::Masked, 2, at(9), Verdict::Inconclusive)];
    assert_eq!(told, expected);
    let sequences = ledger.combinations(Ask { in_sequence: true, ..ask }).unwrap();
    let first: Vec<_> = sequences.iter().map(|it| (it.parts[0].name.as_str(), it.standing)).collect();
    assert_eq!(first, [("acme", Standing::Masked), ("globex", Standing::Tested)]);
}
