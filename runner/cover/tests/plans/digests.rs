//! Plans are the same on every machine and in any number of threads: recorded digests of the rows of some small models.
//!
//! A change to the engine may change rows. `COEXIST_ACCEPT=1 cargo test -p coexist-cover --test plans recorded` records the new
//! digests; only with them do rows that people have saved differ from what would be planned anew.

use coexist_cover::{
    Demand, Effort, Expression, Fill, Group, Model, Parameter, Predicate, Request, Rule, Strength, plan,
};

use crate::examples::{grid, lab};

const RECORDED: &str = include_str!("digests.txt");

struct Case {
    name: &'static str,
    model: Model,
    request: Request,
}

fn case(name: &'static str, model: Model, request: Request) -> Case {
    Case { name, model, request: Request { effort: Effort::Quick, ..request } }
}

fn plain(parameters: Vec<Parameter>) -> Model {
    Model::new(parameters, Vec::new()).expect("only what exists is named")
}

/// The model of the command line's tests: constraints, aliases, numbers.
fn volumes() -> Model {
    let text = include_str!("../../../../tests/cli/pict/volume.pict");
    coexist_cover::pict::parse(text, &coexist_cover::pict::Dialect::default()).expect("it is PICT's language").model
}

fn cases() -> Vec<Case> {
    let usual = Request::strength;
    let mut weighted = grid(4, 3);
    weighted[2].values[1].weight = 9;
    let mut negative = grid(4, 3);
    negative[0].values[2].negative = true;
    negative[3].values[0].negative = true;
    let relation = Expression::Related { left: 0, right: 1, allowed: vec![vec![0], vec![1, 2], vec![0, 2]] };
    let two = Demand::AtLeast(2, (0..5).map(|agent| Predicate::is(agent, 1)).collect());
    let mixed = Strength { base: 2, groups: vec![Group { parameters: vec![0, 2, 4], strength: 3 }] };
    let seeds = vec![vec![Some(1), None, Some(2), None, None], vec![Some(0); 5]];
    vec![
        case("pairs of a field", plain(grid(5, 4)), usual(2)),
        case("pairs of many", plain(grid(12, 3)), usual(2)),
        case("triples", plain(grid(6, 3)), usual(3)),
        case("four of five", plain(grid(5, 2)), usual(4)),
        case("single values", plain(grid(4, 5)), usual(1)),
        case("weights", plain(weighted), usual(2)),
        case("values out of range", plain(negative), usual(2)),
        case(
            "a relation",
            Model::new(grid(4, 3), vec![Rule::holds("relation", relation)]).expect("only what exists is named"),
            usual(2),
        ),
        case(
            "two at least",
            Model::new(grid(5, 2), vec![Rule { label: "two".into(), demand: two }]).expect("only what exists is named"),
            usual(2),
        ),
        case("mixed strength", plain(grid(5, 3)), Request { strength: mixed, ..usual(2) }),
        case("seeds", plain(grid(5, 3)), Request { seeds, ..usual(2) }),
        case(
            "masked and counted",
            plain(grid(4, 3)),
            Request { counted: vec![vec![0; 4], vec![1; 4]], masked: vec![vec![2; 4]], ..usual(2) },
        ),
        case("a small lab", lab(6, 2), usual(2)),
        case("a model of PICT's", volumes(), usual(3)),
        case("a small lab, alike", lab(6, 2), Request { fill: Fill::Alike(vec![0, 1, 2, 3]), ..usual(2) }),
    ]
}

/// FNV-1a of a plan's rows, each value as eight bytes.
fn digest(case: &Case) -> String {
    let made = plan(&case.model, &case.request).expect("every case has a plan");
    let bytes = made.rows.iter().flatten().flat_map(|&value| (value as u64).to_le_bytes());
    let digest =
        bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{}: {} rows, {digest:016x}\n", case.name, made.rows.len())
}

/// The digests of all cases, planned by so many threads at once.
fn digests(cases: &[Case], threads: usize) -> String {
    let each = |first: usize| cases.iter().enumerate().skip(first).step_by(threads);
    let mut told: Vec<(usize, String)> = std::thread::scope(|scope| {
        let work =
            |first: usize| scope.spawn(move || each(first).map(|(at, case)| (at, digest(case))).collect::<Vec<_>>());
        let started: Vec<_> = (0..threads).map(work).collect();
        started.into_iter().flat_map(|thread| thread.join().expect("no plan panics")).collect()
    });
    told.sort();
    told.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn rows_are_those_recorded_in_one_two_and_four_threads() {
    let cases = cases();
    let made = digests(&cases, 1);
    assert_eq!(made, digests(&cases, 2));
    assert_eq!(made, digests(&cases, 4));
    if std::env::var_os("COEXIST_ACCEPT").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plans/digests.txt"), made).unwrap();
    } else {
        assert_eq!(made, RECORDED, "COEXIST_ACCEPT=1 records the new digests");
    }
}
