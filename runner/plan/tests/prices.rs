//! Prices of plans, from what earlier runs took.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use coexist_model::{ArmCost, Arms, Cell, Digests, PastCell, Plan, Seconds, Standing, Verdict};
use coexist_plan::Price;
use support::Lab;

/// One cell on each image.
fn two_cells() -> Plan {
    Lab::new().plan(&format!(
        "matrix: two\nimages: [lab-11, lab-2022]\nagents: [[globex-sensor]]\ncandidate:\n  kind: windows-update\n  \
         version: '1'\n  package: {{url: 'https://p.example/kb.msu', sha256: {}}}\n",
        "0".repeat(64)
    ))
}

fn took(seconds: u64, boots: u32, disk: Option<u64>) -> Option<ArmCost> {
    Some(ArmCost { took: Seconds::from_secs(seconds), boots, disk })
}

fn past(cell: &Cell, id: &str, at: &str, cost: Arms<Option<ArmCost>>) -> PastCell {
    PastCell {
        run: at.into(),
        at: at.parse().unwrap(),
        id: id.into(),
        image: cell.image.clone(),
        settings: cell.settings.clone(),
        agents: cell.agents.clone(),
        verdict: Verdict::Compatible,
        standing: Standing::Tested,
        candidate: None,
        digests: Digests::default(),
        cost,
    }
}

#[test]
fn a_cell_costs_what_it_took_last_and_others_what_starts_take_on_their_image() {
    let plan = two_cells();
    let [first, second] = plan.cells.as_slice() else { panic!("{} cells", plan.cells.len()) };
    let assumed = Price::of(&plan, &[]);
    assert_eq!((assumed.arms, assumed.measured, assumed.disk), (4, 0, 16_000_000_000));

    let id = first.id.as_str();
    let newer = Arms { baseline: took(100, 2, Some(1_000_000_000)), candidate: took(161, 2, Some(3_000_000_000)) };
    let older = Arms { baseline: took(9000, 2, None), candidate: took(9000, 2, None) };
    let mut history =
        vec![past(first, id, "2026-02-02T00:00:00Z", newer), past(first, id, "2026-01-01T00:00:00Z", older)];
    let half = Price::of(&plan, &history);
    assert_eq!(half.measured, 2);
    // What nothing is known of stays assumed, but disks are alike on every image.
    assert_eq!(half.time, [Seconds::from_secs(261), assumed_arms(second)].into_iter().sum());
    assert_eq!(half.disk, 1_000_000_000 + 3_000_000_000 + 2 * 2_000_000_000);
    assert!(half.basis().starts_with("2 of 4 arms from earlier runs, the others assumed: "), "{}", half.basis());

    // Another cell on the second image: 60 s for each start, and an arm of this plan has two.
    let other = Arms { baseline: took(180, 3, None), candidate: None };
    history.push(past(second, "another-cell", "2026-01-01T00:00:00Z", other));
    let whole = Price::of(&plan, &history);
    assert_eq!(whole.measured, 4);
    assert_eq!(whole.boots, 8);
    assert_eq!(whole.time, Seconds::from_secs(261 + 2 * 2 * 60));
    assert_eq!((whole.minutes(), whole.basis().as_str()), (9, "from earlier runs"));

    history.reverse();
    assert_eq!(Price::of(&plan, &history), whole, "in any order");
}

/// Both arms of one cell alone, by assumption.
fn assumed_arms(cell: &Cell) -> Seconds {
    let plan = Plan { cells: vec![cell.clone()], ..two_cells() };
    Price::of(&plan, &[]).time
}
