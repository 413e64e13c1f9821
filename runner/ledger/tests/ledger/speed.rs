//! How long many cells take; asked for by `cargo test -p coexist-ledger --release -- --ignored --nocapture`.

use coexist_ledger::{Ask, Grain};
use coexist_model::PartKind;

use crate::{at, file, open, run, tested};

#[test]
#[ignore = "prints figures for people"]
fn a_hundred_thousand_cells() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&file(&folder));
    let cells: Vec<_> = (0..200_u32)
        .map(|n| {
            let settings: String = (0..10).map(|s| format!(" s{s}={}", (n >> (s % 7)) & 1)).collect();
            let (a, b, c) = (n % 8, (n + 1 + n / 8 % 7) % 8, n % 5 + 8);
            let second = if a == b { String::new() } else { format!(" v{b}@1") };
            tested(&format!("w{}{settings} v{a}@{}{second} v{c}@1", n % 7, n % 2))
        })
        .collect();
    let begun = std::time::Instant::now();
    for n in 0..500 {
        ledger.add(&run(&format!("run-{n}"), at(n), cells.clone())).unwrap();
    }
    println!("added 500 runs of 200 cells in {:.1?}", begun.elapsed());
    println!("{} MiB", std::fs::metadata(file(&folder)).unwrap().len() >> 20);
    let begun = std::time::Instant::now();
    assert_eq!(ledger.cells(None).unwrap().len(), 100_000);
    println!("read all cells in {:.1?}", begun.elapsed());
    use PartKind::{Agent, Image, Setting};
    for of in [&[Agent, Agent][..], &[Setting, Agent], &[Image, Agent], &[Setting, Setting], &[Agent, Agent, Setting]] {
        for grain in [Grain::Product, Grain::Exact] {
            let begun = std::time::Instant::now();
            let met = ledger.combinations(Ask { of, grain, in_sequence: false, since: None }).unwrap();
            println!("{of:?} {grain:?}: {} in {:.1?}", met.len(), begun.elapsed());
        }
    }
    let begun = std::time::Instant::now();
    let ask = Ask { of: &[Agent, Agent], grain: Grain::Product, in_sequence: false, since: Some(at(470)) };
    let met = ledger.combinations(ask).unwrap();
    println!("pairs of agents in the last 30 runs: {} in {:.1?}", met.len(), begun.elapsed());
}
