//! PICT's language: what is read, and what is told about what cannot be.

use coexist_cover::pict::{Dialect, PictModel, parse};
use coexist_cover::{Effort, Request, plan};
use proptest::prelude::*;

use crate::checker::{every_row, is_valid, negatives};

fn read(text: &str) -> PictModel {
    parse(text, &Dialect::default()).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn told(text: &str) -> Vec<String> {
    let mistakes = parse(text, &Dialect::default()).expect_err("something is wrong with it");
    mistakes.iter().map(ToString::to_string).collect()
}

/// The valid rows of a model, by the names of their values.
fn valid(text: &str) -> Vec<String> {
    let model = read(text).model;
    let rows: Vec<_> = every_row(&model).into_iter().filter(|row| is_valid(&model, row)).collect();
    let named = |row: &Vec<usize>| {
        let cells = row.iter().zip(model.parameters());
        cells.map(|(&value, parameter)| parameter.values[value].names[0].as_str()).collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(named).collect()
}

#[test]
fn parameters_have_aliases_weights_references_and_values_out_of_range() {
    let text = "# volumes\nType: Single, Span | Stripe (10)\nCopy: <Type>, ~None\n\nSize: ~-1, 0, 1\n";
    let model = read(text).model;
    let names: Vec<Vec<&[String]>> = model
        .parameters()
        .iter()
        .map(|parameter| parameter.values.iter().map(|value| value.names.as_slice()).collect())
        .collect();
    assert_eq!(names[0], [&["Single".to_string()][..], &["Span".to_string(), "Stripe".to_string()]]);
    assert_eq!(names[1][2], ["~None"]);
    assert_eq!(model.parameters()[0].values[1].weight, 10);
    assert!(model.parameters()[1].values[2].negative && model.parameters()[2].values[0].negative);
    let shown = model.named(&[vec![1, 0, 1], vec![1, 0, 1], vec![1, 0, 1]]);
    assert_eq!(shown.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["Span", "Stripe", "Span"]);
}

#[test]
fn relations_compare_numbers_as_numbers_and_texts_as_texts() {
    assert_eq!(valid("A: 9, 10, 100\n[A] > 9 AND [A] <= 10;"), ["10"]);
    assert_eq!(valid("A: x9, x10\n[A] < \"x2\";"), ["x10"]);
    assert_eq!(valid("A: FAT, FAT32, NTFS\n[a] LIKE \"f?t*\" AND NOT [A] LIKE \"*2\";"), ["FAT"]);
    assert_eq!(valid("A: 1, 2, 3, 4\nIF [A] IN {1, 2} THEN [A] = 2 ELSE [A] <> 3;"), ["2", "4"]);
    assert_eq!(valid("A: 1, 2, 3\nB: 2, 3\n[A] >= [B];"), ["2 2", "3 2", "3 3"]);
    assert_eq!(valid("A: ~-1, 0\nB: 0, 1\nif [A] = -1 then [B] = 0;"), ["~-1 0", "0 0", "0 1"]);
    assert_eq!(valid("A: ~x, y\nB: ~x, y\nISNEGATIVE([A]) OR IsPositive();"), ["~x y", "y y"]);
}

#[test]
fn and_binds_tighter_than_or_and_not_tighter_than_both() {
    assert_eq!(valid("A: 0, 1\nB: 0, 1\n[A] = 1 OR [A] = 0 AND [B] = 0;"), ["0 0", "1 0", "1 1"]);
    assert_eq!(valid("A: 0, 1\nB: 0, 1\nNOT [A] = 0 AND [B] = 0;"), ["1 0"]);
    assert_eq!(valid("A: 0, 1\nB: 0, 1\n# a comment\n(NOT ([A] = 0\n AND [B] = 0));"), ["0 1", "1 0", "1 1"]);
}

#[test]
fn sub_models_have_an_order_of_their_own() {
    let read = read("A: 0, 1\nB: 0, 1\nC: 0, 1\nD: 0, 1\n{ A, b, C } @ 3\n{ C, D }\n");
    let strength = read.strength(2);
    assert_eq!(strength.groups[0].parameters, [0, 1, 2]);
    assert_eq!([strength.groups[0].strength, strength.groups[1].strength], [3, 2]);
    let made = plan(&read.model, &Request { strength, effort: Effort::Quick, ..Request::strength(2) }).unwrap();
    assert_eq!(made.rows.len(), 8);
}

#[test]
fn values_out_of_range_stand_alone_and_mask_nothing() {
    let model = read("A: ~-1, 0, 1, 2\nB: ~-1, 0, 1, 2\n").model;
    let made = plan(&model, &Request::strength(2)).unwrap();
    assert_eq!(made.rows.iter().filter(|row| negatives(&model, row) == 0).count(), 9);
    assert_eq!(made.rows.len(), 15);
}

#[test]
fn every_mistake_is_told_with_its_line() {
    assert_eq!(
        told(
            "A: 1, 2\na: 3\nB: x\n{ A, Z } @ 2\n[A] = \"1\";\n[B] LIKE 3;\n[C] = 1;\n[B] = \"x\" XOR [A] = 1;\n[A] = 1"
        ),
        [
            "line 2: there is a parameter \"a\" already, when case is not told apart",
            "line 4: a sub-model names \"Z\", which is no parameter",
            "line 5: all values of [A] are numbers, so it compares with numbers, not with \"1\"",
            "line 6: a \"pattern\" was expected after LIKE",
            "line 7: [C] is no parameter of this model",
            "line 8: \"XOR\" is not understood; parameters stand in [brackets], texts in \"quotes\"",
            "line 9: AND, OR or the \";\" that ends every constraint was expected",
        ]
    );
    assert_eq!(told("A: 1\n[A = 1;\n"), ["line 2: \"[\" is not closed by ']' on the same line"]);
    assert_eq!(told(""), ["there is no parameter"]);
    let deep = format!("A: 1\n{}[A] = 1{};\n", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(told(&deep), ["line 2: more than 60 levels of parentheses and NOT, the most that are read"]);
    let bomb: String = (1..60).map(|n| format!("p{n}: <p{}>, <p{}>\n", n - 1, n - 1)).collect();
    assert_eq!(
        told(&format!("p0: a, b\n{bomb}")),
        ["line 13: 16382 values up to here; at most 12288 are read: split the model into models that share few \
             parameters"]
    );
}

#[test]
fn a_rule_is_named_by_its_line_and_text() {
    let model = read("A: 1, 2\n\nIF [A] = 1\n  THEN [A] = 2;\n[A] = 1;\n").model;
    let told = plan(&model, &Request::strength(1)).unwrap_err().to_string();
    assert!(told.ends_with("line 3: IF [A] = 1 THEN [A] = 2; line 5: [A] = 1"), "{told}");
}

#[test]
fn rows_are_read_back_by_any_of_their_names() {
    let dialect = Dialect::default();
    let model = read("A: one | uno, two\nB: ~-1, 0\nC: x\n");
    let read = model.rows("\u{feff}b\tA\tZ\r\n~-1\tUNO\tq\r\n\n0\tthree\n", &dialect).unwrap();
    assert_eq!(read.rows, [vec![Some(0), Some(0), None], vec![None, Some(1), None]]);
    assert_eq!(read.lines, [2, 4]);
    let notes: Vec<String> = read.notes.iter().map(|note| format!("{}: {}", note.line, note.text)).collect();
    assert_eq!(
        notes,
        [
            "1: the model has no parameter \"Z\": its column is passed over",
            "4: parameter \"A\" has no value \"three\": the cell is open",
        ]
    );
    let told = |text: &str| model.rows(text, &dialect).unwrap_err()[0].to_string();
    assert_eq!(told("A\ta\n"), "line 1: the heading names parameter \"a\" twice");
    assert_eq!(told("A\none\tx\n"), "line 2: the row has 2 cells, and the heading 1");
    assert_eq!(told(" \n"), "line 1: there is no heading: parameters separated by tabs were expected");
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "(?s)[AB:,|~()<>{}@#\\[\\]\"\\\\;=*? \n0-9IFTHENORANDLIKé-]{0,200}") {
        let _ = parse(&text, &Dialect::default());
        let _ = parse(&format!("A: 1, 2\nB: x, y\n[{text}"), &Dialect::default());
    }
}
