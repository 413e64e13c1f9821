//! Plans against a checker that tries every row, on models at random and on some that are told.

mod as_pict;
mod checker;
mod digests;
mod examples;
mod models;
mod pict;
mod sequences;
mod tested;

use coexist_cover::{CoverError, Effort, Request, Strength, measure, plan};
use proptest::prelude::*;

use checker::{breaks, combinations, every_row, is_valid};

fn quick(strength: Strength, seeds: Vec<Vec<Option<usize>>>) -> Request {
    Request { strength, effort: Effort::Quick, seeds, ..Request::strength(2) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_plan_is_valid_and_covers_what_any_row_can((model, strength) in models::with_strength()) {
        let every = every_row(&model);
        match plan(&model, &quick(strength.clone(), Vec::new())) {
            Ok(made) => {
                prop_assert!(made.rows.iter().all(|row| is_valid(&model, row)));
                let feasible = combinations(&model, &strength, &every);
                prop_assert_eq!(made.combinations, feasible.len() as u64);
                prop_assert_eq!(combinations(&model, &strength, &made.rows), feasible);
                prop_assert!(made.lower_bound <= made.rows.len());
                for (parameter, value) in made.impossible {
                    prop_assert!(every.iter().all(|row| row[parameter] != value || !is_valid(&model, row)));
                }
            }
            Err(CoverError::Contradiction { rules }) => {
                prop_assert!(every.iter().all(|row| !is_valid(&model, row)));
                let named = |number: usize| rules.contains(&model.rules()[number].label);
                let numbers: Vec<usize> = (0..model.rules().len()).filter(|&number| named(number)).collect();
                let negatives = usize::from(!rules.iter().all(|rule| rule.starts_with("rule ")));
                prop_assert_eq!(numbers.len() + negatives, rules.len());
                let survives = |row: &Vec<usize>, left_out: Option<usize>| {
                    numbers.iter().all(|&number| Some(number) == left_out || !breaks(&model, number, row))
                };
                if negatives == 0 {
                    prop_assert!(every.iter().all(|row| !survives(row, None)));
                    let together = |some: &[usize]| {
                        every.iter().any(|row| some.iter().all(|&number| !breaks(&model, number, row)))
                    };
                    for one in 0..model.rules().len() {
                        prop_assert!(numbers.len() < 2 || together(&[one]));
                        prop_assert!(numbers.len() < 3 || (0..one).all(|other| together(&[one, other])));
                        let triples = |other: usize| (0..other).all(|third| together(&[one, other, third]));
                        prop_assert!(numbers.len() < 4 || (0..one).all(triples));
                    }
                    for &number in &numbers {
                        prop_assert!(every.iter().any(|row| survives(row, Some(number))));
                    }
                }
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn measuring_agrees_with_counting((model, strength) in models::with_strength(), dice in any::<u64>()) {
        let every = every_row(&model);
        let rows = every.iter().enumerate().filter(|(at, _)| dice.rotate_left(*at as u32 * 7) % 5 == 0);
        let rows: Vec<Vec<usize>> = rows.map(|(_, row)| row.clone()).collect();
        let Ok(measured) = measure(&model, &strength, &rows, 3) else {
            prop_assert!(every.iter().all(|row| !is_valid(&model, row)));
            return Ok(());
        };
        let feasible = combinations(&model, &strength, &every);
        let covered = combinations(&model, &strength, &rows);
        prop_assert_eq!(measured.feasible, feasible.len() as u64);
        prop_assert_eq!(measured.covered, covered.len() as u64);
        prop_assert_eq!(measured.first.iter().sum::<u64>(), measured.covered);
        let invalid: Vec<usize> = measured.invalid.iter().map(|row| row.number).collect();
        let expected: Vec<usize> = (0..rows.len()).filter(|&at| !is_valid(&model, &rows[at])).collect();
        prop_assert_eq!(invalid, expected);
        prop_assert_eq!(measured.missing.len(), 3.min(feasible.len() - covered.len()));
        for missing in &measured.missing {
            prop_assert!(feasible.contains(missing) && !covered.contains(missing));
        }
    }

    #[test]
    fn seeds_come_first_and_stay_as_they_are((model, strength) in models::with_strength(), dice in any::<u64>()) {
        let every = every_row(&model);
        let seed = |at: usize, row: &Vec<usize>| -> Vec<Option<usize>> {
            row.iter().enumerate().map(|(p, &v)| (dice.rotate_left((at * 5 + p) as u32) & 3 > 0).then_some(v)).collect()
        };
        let seeds = every.iter().enumerate().step_by(1 + (dice % 50) as usize).take(12);
        let seeds: Vec<_> = seeds.map(|(at, row)| seed(at, row)).collect();
        let fits = |seed: &[Option<usize>], row: &[usize]| seed.iter().zip(row).all(|(s, v)| s.is_none_or(|s| s == *v));
        let Ok(made) = plan(&model, &quick(strength.clone(), seeds.clone())) else { return Ok(()) };
        let dropped: Vec<usize> = made.dropped.iter().map(|seed| seed.number).collect();
        let possible = |seed: &[Option<usize>]| every.iter().any(|row| fits(seed, row) && is_valid(&model, row));
        let impossible: Vec<usize> = (0..seeds.len()).filter(|&at| !possible(&seeds[at])).collect();
        prop_assert_eq!(&dropped, &impossible);
        let kept = (0..seeds.len()).filter(|at| !dropped.contains(at));
        prop_assert_eq!(made.seeds, seeds.len() - dropped.len());
        prop_assert!(made.rows.len() >= made.seeds + made.least_new);
        for (row, seed) in made.rows.iter().zip(kept) {
            prop_assert!(fits(&seeds[seed], row));
        }
        prop_assert!(made.rows.iter().all(|row| is_valid(&model, row)));
        let feasible = combinations(&model, &strength, &every);
        prop_assert_eq!(combinations(&model, &strength, &made.rows), feasible);
    }
}
