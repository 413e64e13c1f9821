//! What the checker says of plans that are as they should be, and of the same plans with one thing wrong.

use coexist_plan_checker::models::{Lab, lab, uniform};
use coexist_plan_checker::{Cost, Findings, Model, check, cost_of_new_value};
use proptest::prelude::*;

fn read(model: &str) -> Model {
    Model::read(model).unwrap_or_else(|error| panic!("{error}\n{model}"))
}

fn found(model: &str, strength: usize, rows: &str) -> Findings {
    check(&read(model), strength, rows, None).expect("rows of the model")
}

/// Every row there could be, valid or not.
fn every_row(model: &Model) -> Vec<Vec<usize>> {
    model.parameters.iter().fold(vec![Vec::new()], |rows, parameter| {
        let longer = |row: Vec<usize>| (0..parameter.values.len()).map(move |value| [&row[..], &[value]].concat());
        rows.into_iter().flat_map(longer).collect()
    })
}

fn is_valid(model: &Model, row: &[usize]) -> bool {
    model.rules.iter().all(|rule| rule.formula.holds(row)) && model.negatives(row).len() < 2
}

fn text(model: &Model, rows: &[Vec<usize>]) -> String {
    let mut lines = vec![model.parameters.iter().map(|p| p.name.clone()).collect::<Vec<_>>().join("\t")];
    let cells = |row: &Vec<usize>| -> Vec<String> {
        row.iter().zip(&model.parameters).map(|(&value, p)| p.values[value].names[0].clone()).collect()
    };
    lines.extend(rows.iter().map(|row| cells(row).join("\t")));
    lines.join("\n")
}

/// The valid rows, as their values' names.
fn valid(text: &str) -> Vec<String> {
    let model = read(text);
    let shown = |row: Vec<usize>| {
        let names = row.iter().zip(&model.parameters).map(|(&value, p)| p.values[value].names[0].as_str());
        names.collect::<Vec<_>>().join(" ")
    };
    every_row(&model).into_iter().filter(|row| is_valid(&model, row)).map(shown).collect()
}

#[test]
fn models_mean_what_pict_s_documentation_says() {
    assert_eq!(valid("A: 9, 10, 100\n[A] > 9 AND [A] <= 10;"), ["10"]);
    assert_eq!(valid("A: x9, x10\n[A] < \"x2\";"), ["x10"]);
    assert_eq!(valid("A: FAT, FAT32, NTFS\n[a] LIKE \"f?t*\" AND NOT [A] LIKE \"*2\";"), ["FAT"]);
    assert_eq!(valid("A: 1, 2, 3, 4\nIF [A] IN {1, 2} THEN [A] = 2 ELSE [A] <> 3;"), ["2", "4"]);
    assert_eq!(valid("A: 1, 2, 3\nB: 2, 3\n# larger\n[A] >= [B];"), ["2 2", "3 2", "3 3"]);
    assert_eq!(valid("A: ~-1, 0\nB: 0, 1\nif [A] = -1\n  then [B] = 0;"), ["~-1 0", "0 0", "0 1"]);
    assert_eq!(valid("A: ~x, y\nB: ~x, y\nISNEGATIVE([A]) OR IsPositive();"), ["~x y", "y y"]);
    assert_eq!(valid("A: 0, 1\nB: <A>\n[A] = 1 OR [A] = 0 AND [B] = 0;"), ["0 0", "1 0", "1 1"]);
    assert_eq!(valid("A: 0, 1\nB: 0, 1\n(NOT [A] = 0 AND [B] = 0);"), ["1 0"]);
    assert_eq!(valid("Type: one | uno (10), two\n[type] <> \"uno\";"), ["one", "two"]);
}

#[test]
fn a_text_that_is_no_model_is_told_with_its_line() {
    let told = |text: &str| Model::read(text).unwrap_err().to_string();
    assert_eq!(told("A: 1\na: 2\n"), "line 2: parameter \"a\" is there already");
    assert_eq!(told("A: 1\n\n[A] = 1;\n[B] = 1;"), "line 4: [B] is no parameter");
    assert_eq!(told("A: 1\n[A] = 1"), "line 2: a semicolon was expected");
    assert_eq!(told("A: 1\n{ A, B } @ 2\n"), "line 2: \"B\" is no parameter");
    assert_eq!(told("A: 1\n[A] = \"x\";"), "line 2: [A] has numbers, and \"x\" is none");
    let deep = format!("A: 1\n{}[A] = 1{};", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(told(&deep), "line 2: more than 60 levels of NOT and parentheses");
}

const THREE: &str = "A: 0, 1\nB: 0, 1\nC: 0, 1\n";
const PAIRS: &str = "A\tB\tC\n0\t0\t0\n0\t1\t1\n1\t0\t1\n1\t1\t0\n";

#[test]
fn a_removed_row_is_missed() {
    let complete = found(THREE, 2, PAIRS);
    assert!(complete.all_good());
    assert_eq!(complete.to_string(), "rows 4  invalid 0  feasible 12  missing 0  lower-bound 4");
    let less = found(THREE, 2, PAIRS.trim_end().rsplit_once('\n').unwrap().0);
    assert!(!less.all_good());
    assert_eq!((less.rows, less.missing), (3, 3));
    assert_eq!(less.examples, ["A = 1, B = 1", "A = 1, C = 0", "B = 1, C = 0"]);
}

#[test]
fn a_row_that_breaks_a_rule_is_invalid_and_covers_nothing() {
    let model = format!("{THREE}IF [A] = 1 THEN [B] = 1;\n");
    let rows = "A\tB\tC\n0\t0\t0\n0\t0\t1\n0\t1\t1\n1\t1\t0\n1\t1\t1\n0\t1\t0\n";
    assert!(found(&model, 2, rows).all_good());
    let changed = found(&model, 2, &rows.replace("0\t0\t1\n", "1\t0\t1\n"));
    assert_eq!(changed.invalid.len(), 1);
    assert_eq!((changed.invalid[0].line, changed.missing), (3, 1));
    assert_eq!(changed.invalid[0].why, "it breaks the constraint on line 4 of the model");
    assert_eq!(changed.examples, ["B = 0, C = 1"]);
}

#[test]
fn values_and_columns_that_are_unknown_are_told() {
    let unknown = found(THREE, 2, &format!("{PAIRS}0\t2\t0\n0\t\t0\n0\t0\n"));
    let whys: Vec<&str> = unknown.invalid.iter().map(|row| row.why.as_str()).collect();
    assert_eq!(whys, ["B has no value \"2\"", "B has no value here", "C has no value here"]);
    assert!(!unknown.all_good());
    let told = |rows: &str| check(&read(THREE), 2, rows, None).unwrap_err().to_string();
    assert_eq!(told("A\tD\n"), "rows, line 1: \"D\" is no parameter");
    assert_eq!(told("A\ta\n"), "rows, line 1: \"a\" stands here twice");
    assert_eq!(told("A\n0\t1\n"), "rows, line 2: more cells than the heading");
}

#[test]
fn a_pair_beside_a_negative_value_is_masked() {
    let model = "A: ~x, 0, 1\nB: 0, 1\nC: 0, 1\n";
    let rows = format!("{PAIRS}~x\t0\t0\n~x\t1\t1\n");
    assert!(found(model, 2, &rows).all_good());
    // The pair of B = 1 and C = 1 is still there, but only in the row with the negative value.
    let masked = found(model, 2, &rows.replacen("0\t1\t1\n", "0\t1\t0\n", 1));
    assert_eq!(masked.examples, ["A = 0, C = 1", "B = 1, C = 1"]);
    let two = found("A: ~x, 0\nB: ~y, 0\n", 2, "A\tB\n0\t0\n~x\t0\n0\t~y\n~x\t~y\n");
    assert_eq!((two.feasible, two.missing, two.bound), (3, 0, 3));
    assert_eq!(two.invalid[0].why, "it has 2 negative values");
}

#[test]
fn a_triple_of_a_sub_model_is_missed() {
    let model = format!("{THREE}D: 0, 1\n{{ B, C, D }} @ 3\n");
    let mut rows = "A\tB\tC\tD\n".to_string();
    for at in 0..8 {
        let (b, c, d) = (at & 1, at >> 1 & 1, at >> 2);
        rows += &format!("{}\t{b}\t{c}\t{d}\n", (b + c + d) % 2);
    }
    let complete = found(&model, 2, &rows);
    assert!(complete.all_good(), "{complete}");
    assert_eq!((complete.feasible, complete.bound), (6 * 4 + 8, 8));
    let less = found(&model, 2, &rows.replace("1\t1\t1\t1\n", "1\t1\t1\t0\n"));
    assert_eq!(less.examples, ["B = 1, C = 1, D = 1"]);
}

#[test]
fn a_sub_model_of_a_lower_strength_asks_for_less() {
    let model = format!("{THREE}{{ A, B }} @ 1\n");
    let rows = "A\tB\tC\n0\t0\t0\n0\t0\t1\n1\t1\t0\n1\t1\t1\n";
    assert!(found(&model, 2, rows).all_good());
    assert_eq!(found(THREE, 2, rows).examples, ["A = 0, B = 1", "A = 1, B = 0"]);
}

#[test]
fn seeds_come_first_as_they_were() {
    let told = check(&read(THREE), 2, PAIRS, Some("A\ta\n")).unwrap_err().to_string();
    assert_eq!(told, "seeds, line 1: \"a\" stands here twice");
    let model = format!("{THREE}IF [A] = 1 AND [B] = 1 THEN [C] = 0;\n");
    let lost = |seeds: &str| check(&read(&model), 2, PAIRS, Some(seeds)).unwrap().lost_seeds;
    assert_eq!(lost("C\tQ\tA\n0\tq\t0\n1\t\n"), [0; 0]);
    // No valid row has the first of these, so that the others move up.
    assert_eq!(lost("A\tB\tC\n1\t1\t1\n0\t0\t0\n0\t1\t1\n"), [0; 0]);
    assert_eq!(lost("A\tB\tC\n0\t1\t1\n0\t0\t0\n"), [2, 3]);
    assert_eq!(lost("A\tB\tC\n0\t0\t0\n0\t1\t0\n"), [3]);
    assert_eq!(lost("A\tB\n0\t0\n0\t1\n1\t0\n1\t1\n1\t1\n"), [6]);
}

#[test]
fn what_one_more_value_costs_counts_agents_that_exclude_each_other() {
    assert_eq!(cost_of_new_value(&read("A: 0, 1, new\nB: 0, 1, 2\n"), 0, 2), Ok(Cost { pairs: 3, rows: 3 }));
    let agents = "A: none, 1, 2\nB: none, 1, 2\nC: none, 1, 2\nD: x, new\n";
    let apart: String = ["AB", "AC", "BC"]
        .iter()
        .map(|pair| format!("[{}] = \"none\" OR [{}] = \"none\";\n", &pair[..1], &pair[1..]))
        .collect();
    assert_eq!(cost_of_new_value(&read(agents), 3, 1), Ok(Cost { pairs: 9, rows: 3 }));
    assert_eq!(cost_of_new_value(&read(&format!("{agents}{apart}")), 3, 1), Ok(Cost { pairs: 9, rows: 6 }));
}

#[test]
fn labs_are_the_same_each_time_and_other_by_their_seed() {
    let of = |seed| lab(&Lab { agents: 8, versions: 3, at_least_one: true, seed });
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    let regular = read(&of(0));
    assert_eq!((regular.parameters.len(), regular.rules.len()), (18, 8 + 8 + 4 + 1));
    assert_eq!(read(&uniform("4^5_3^4").unwrap()).parameters.len(), 9);
    assert_eq!(uniform("TCAS_12"), None);
}

fn model_text() -> impl Strategy<Value = String> {
    let shape = prop::collection::vec((1usize..5, any::<u8>()), 2..6);
    shape.prop_flat_map(|shape| {
        let sizes: Vec<usize> = shape.iter().map(|&(size, _)| size).collect();
        let line = |(at, &(size, dice)): (usize, &(usize, u8))| {
            let mark = |value: usize| if dice < 90 && dice >> value & 1 == 1 { "~" } else { "" };
            let values: Vec<String> = (0..size).map(|value| format!("{}{value}", mark(value))).collect();
            format!("p{at}: {}\n", values.join(", "))
        };
        let parameters: String = shape.iter().enumerate().map(line).collect();
        let width = sizes.len();
        let leaf =
            (0..width, 1..width, 0usize..4, 0usize..6, any::<bool>()).prop_map(move |(left, by, value, sign, two)| {
                let sign = ["=", "<>", "<", "<=", ">", ">="][sign];
                let right = if two { format!("[p{}]", (left + by) % width) } else { value.to_string() };
                format!("[p{left}] {sign} {right}")
            });
        let clause = leaf.prop_recursive(3, 10, 3, |inner| {
            let two = (inner.clone(), inner.clone());
            prop_oneof![
                inner.prop_map(|one| format!("NOT ({one})")),
                two.clone().prop_map(|(one, other)| format!("({one} AND {other})")),
                two.prop_map(|(one, other)| format!("({one} OR {other})")),
            ]
        });
        let rule = (clause.clone(), clause).prop_map(|(when, then)| format!("IF {when} THEN {then};\n"));
        let sub = prop::collection::btree_set(0..width, 2..=width).prop_flat_map(|set| {
            let names: Vec<String> = set.iter().map(|at| format!("p{at}")).collect();
            (1..=names.len().min(3)).prop_map(move |strength| format!("{{ {} }} @ {strength}\n", names.join(", ")))
        });
        let subs = prop::collection::vec(sub, 0..2);
        (subs, prop::collection::vec(rule, 0..5))
            .prop_map(move |(subs, rules)| [parameters.clone(), subs.concat(), rules.concat()].concat())
    })
}

/// What rows cover, by looking at each set of parameters for itself.
fn covered(model: &Model, strength: usize, rows: &[Vec<usize>]) -> std::collections::BTreeSet<Vec<(usize, usize)>> {
    let width = model.parameters.len();
    let base = strength.min(width);
    let inside = |set: usize, sub: &[usize]| sub.iter().filter(|&&at| set >> at & 1 == 1).count();
    let wanted = |set: &usize| {
        let size = set.count_ones() as usize;
        let too_many = |sub: &coexist_plan_checker::SubModel| {
            sub.strength.is_some_and(|most| most < base && inside(*set, &sub.parameters) > most)
        };
        (size == base && !model.sub_models.iter().any(too_many))
            || model.sub_models.iter().any(|sub| sub.strength == Some(size) && inside(*set, &sub.parameters) == size)
    };
    let sets: Vec<usize> = (0..1 << width).filter(wanted).collect();
    let mut all = std::collections::BTreeSet::new();
    for row in rows.iter().filter(|row| is_valid(model, row)) {
        for set in &sets {
            if model.negatives(row).iter().all(|at| set >> at & 1 == 1) {
                all.insert((0..width).filter(|at| set >> at & 1 == 1).map(|at| (at, row[at])).collect());
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn searching_agrees_with_trying_every_row(text_of_model in model_text(), strength in 1usize..4, dice in any::<u64>()) {
        let model = read(&text_of_model);
        let every = every_row(&model);
        let some = every.iter().enumerate().filter(|(at, _)| dice.rotate_left(*at as u32 * 7) % 5 == 0);
        let rows: Vec<Vec<usize>> = some.map(|(_, row)| row.clone()).collect();
        let findings = check(&model, strength, &text(&model, &rows), None).unwrap();
        let feasible = covered(&model, strength, &every).len() as u64;
        prop_assert_eq!(findings.feasible, feasible);
        prop_assert_eq!(findings.missing, feasible - covered(&model, strength, &rows).len() as u64);
        let invalid: Vec<usize> = (0..rows.len()).filter(|&at| !is_valid(&model, &rows[at])).map(|at| at + 2).collect();
        prop_assert_eq!(findings.invalid.iter().map(|row| row.line).collect::<Vec<_>>(), invalid);
        let complete = check(&model, strength, &text(&model, &every), None).unwrap();
        prop_assert_eq!((complete.feasible, complete.missing), (feasible, 0));
    }

    #[test]
    fn no_text_is_too_strange(text in "(?s)[AB:,|~()<>{}@#\\[\\]\"\\\\;=*? \n0-9IFTHENORANDLIKé-]{0,200}") {
        let _ = Model::read(&text);
        let _ = Model::read(&format!("A: 1, 2\nB: x, y\n[{text}"));
        let _ = check(&read("A: 1, 2\nB: x, y\n"), 2, &text, Some(&text));
    }
}
