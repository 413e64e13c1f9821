//! Rows that were tested already, rows that are masked, and what fills cells that nothing needs.

use std::collections::BTreeSet;

use coexist_cover::{
    CoverError, Effort, Expression, Fill, Model, Parameter, Request, Rule, Strength, measure, most_first_after, plan,
};
use proptest::prelude::*;

use crate::checker::{combinations, every_row, is_valid};
use crate::examples::grid;
use crate::models;

/// Some of the rows, as the dice fall.
fn some(every: &[Vec<usize>], dice: u64, of: u64) -> Vec<Vec<usize>> {
    let chosen = every.iter().enumerate().filter(|(at, _)| (dice.rotate_left(*at as u32 * 11) >> 3).is_multiple_of(of));
    chosen.map(|(_, row)| row.clone()).take(20).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rows_counted_and_planned_cover_everything_together(
        (model, strength) in models::with_strength(), dice in any::<u64>()
    ) {
        let every = every_row(&model);
        let counted = some(&every, dice, 9);
        let request = Request { strength: strength.clone(), effort: Effort::Quick, counted: counted.clone(), ..Request::strength(2) };
        let Ok(made) = plan(&model, &request) else { return Ok(()) };
        let before = combinations(&model, &strength, &counted);
        let feasible = combinations(&model, &strength, &every);
        prop_assert_eq!(made.counted, before.len() as u64);
        prop_assert_eq!(made.combinations, feasible.len() as u64);
        prop_assert!(made.lower_bound <= made.rows.len());
        prop_assert!(before.len() < feasible.len() || made.rows.is_empty());
        prop_assert!(made.rows.iter().all(|row| is_valid(&model, row)));
        prop_assert_eq!(combinations(&model, &strength, &[counted, made.rows].concat()), feasible);
    }

    #[test]
    fn masked_rows_do_not_come_again_and_their_combinations_are_planned_elsewhere(
        (model, strength) in models::with_strength(), dice in any::<u64>()
    ) {
        let every = every_row(&model);
        let masked = some(&every, dice, 7);
        let request = Request { strength: strength.clone(), effort: Effort::Quick, masked: masked.clone(), ..Request::strength(2) };
        let others: Vec<Vec<usize>> = every.iter().filter(|row| !masked.contains(row)).cloned().collect();
        match plan(&model, &request) {
            Ok(made) => {
                prop_assert!(made.rows.iter().all(|row| is_valid(&model, row) && !masked.contains(row)));
                let elsewhere = combinations(&model, &strength, &others);
                prop_assert_eq!(&combinations(&model, &strength, &made.rows), &elsewhere);
                let lost: BTreeSet<_> = combinations(&model, &strength, &masked).difference(&elsewhere).cloned().collect();
                prop_assert_eq!(made.only_masked.into_iter().collect::<BTreeSet<_>>(), lost);
            }
            Err(CoverError::Contradiction { .. }) => prop_assert!(others.iter().all(|row| !is_valid(&model, row))),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn filling_changes_no_coverage((model, strength) in models::with_strength(), dice in any::<u64>()) {
        let alike = (0..model.parameters().len()).filter(|at| dice >> at & 1 == 1).collect();
        let request = Request { strength: strength.clone(), effort: Effort::Quick, fill: Fill::Alike(alike), ..Request::strength(2) };
        let Ok(made) = plan(&model, &request) else { return Ok(()) };
        prop_assert!(made.rows.iter().all(|row| is_valid(&model, row)));
        let feasible = combinations(&model, &strength, &every_row(&model));
        prop_assert_eq!(combinations(&model, &strength, &made.rows), feasible);
    }

    #[test]
    fn what_was_counted_comes_last((model, strength) in models::with_strength(), dice in any::<u64>()) {
        let Ok(made) = plan(&model, &Request { strength: strength.clone(), effort: Effort::Quick, ..Request::strength(2) }) else {
            return Ok(());
        };
        let counted = some(&every_row(&model), dice, 9);
        let order = most_first_after(&model, &strength, &made.rows, &counted).unwrap();
        prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), made.rows.len());
        prop_assert_eq!(order.len(), made.rows.len());
        let adds = |before: &[usize], row: usize| {
            let mut rows = counted.clone();
            rows.extend(before.iter().map(|&number| made.rows[number].clone()));
            let covered = combinations(&model, &strength, &rows).len();
            rows.push(made.rows[row].clone());
            combinations(&model, &strength, &rows).len() - covered
        };
        let added: Vec<usize> = order.iter().enumerate().map(|(at, &row)| adds(&order[..at], row)).collect();
        let nothing = added.iter().position(|&added| added == 0).unwrap_or(added.len());
        prop_assert!(added[nothing..].iter().all(|&added| added == 0), "{:?}", added);
    }
}

#[test]
fn everything_counted_needs_no_row() {
    let model = Model::new(grid(4, 3), Vec::new()).unwrap();
    let before = plan(&model, &Request::strength(2)).unwrap();
    let request = Request { counted: before.rows, ..Request::strength(2) };
    let after = plan(&model, &request).unwrap();
    assert_eq!((after.rows.len(), after.counted, after.lower_bound), (0, after.combinations, 0));
}

#[test]
fn a_seed_that_is_masked_is_dropped_and_told() {
    let model = Model::new(grid(3, 2), Vec::new()).unwrap();
    let request = Request {
        seeds: vec![vec![Some(0), Some(1), Some(0)], vec![Some(1); 3]],
        masked: vec![vec![0, 1, 0]],
        ..Request::strength(2)
    };
    let made = plan(&model, &request).unwrap();
    assert_eq!((made.seeds, made.dropped.len()), (1, 1));
    assert_eq!(made.dropped[0].rules, ["masked row v0, v1, v0"]);
    let model = Model::new(
        grid(3, 2),
        vec![Rule::holds(
            "only p0 = v0 with p1 = v1",
            Expression::is(0, 0).implies(Expression::All(vec![Expression::is(1, 1), Expression::is(2, 0)])),
        )],
    )
    .unwrap();
    let made = plan(&model, &request).unwrap();
    assert_eq!(made.impossible, [(0, 0)]);
    assert_eq!(made.only_masked, [vec![(0, 0), (1, 1)], vec![(0, 0), (2, 0)]]);
}

#[test]
fn rows_that_fit_no_model_are_refused() {
    let model = Model::new(grid(3, 2), Vec::new()).unwrap();
    let told = |request: Request| plan(&model, &request).unwrap_err().to_string();
    assert_eq!(
        told(Request { counted: vec![vec![0, 0, 0], vec![0, 0]], ..Request::strength(2) }),
        "counted row 2 does not fit the model"
    );
    assert_eq!(
        told(Request { masked: vec![vec![0, 0, 2]], ..Request::strength(2) }),
        "masked row 1 does not fit the model"
    );
    assert_eq!(
        told(Request { fill: Fill::Alike(vec![3]), ..Request::strength(2) }),
        "parameter to fill alike, number 4 does not fit the model"
    );
}

/// Wide parameters that need many rows, and four narrow ones whose cells are mostly free.
fn roomy() -> Model {
    let mut parameters = grid(2, 9);
    parameters.extend((2..6).map(|p| Parameter::new(format!("p{p}"), ["a", "b", "c"])));
    Model::new(parameters, Vec::new()).expect("nothing is ruled out")
}

#[test]
fn free_cells_hold_more_triples_or_fewer_settings() {
    let model = roomy();
    let request = |fill| Request { effort: Effort::Quick, fill, ..Request::strength(2) };
    let higher = plan(&model, &request(Fill::HigherCoverage)).unwrap();
    let alike = plan(&model, &request(Fill::Alike(vec![2, 3, 4, 5]))).unwrap();
    let triples = |rows: &[Vec<usize>]| measure(&model, &Strength::uniform(3), rows, 0).unwrap().covered;
    let settings = |rows: &[Vec<usize>]| rows.iter().map(|row| row[2..].to_vec()).collect::<BTreeSet<_>>().len();
    assert_eq!(higher.rows.len(), alike.rows.len());
    let (more, fewer) = (triples(&higher.rows), triples(&alike.rows));
    assert!(more * 10 > fewer * 11, "{more} triples beside {fewer}");
    // Nine rows at least differ in four parameters of three values each.
    let (few, many) = (settings(&alike.rows), settings(&higher.rows));
    assert!(few <= 27 && few * 2 <= many, "{few} settings beside {many}");
}
