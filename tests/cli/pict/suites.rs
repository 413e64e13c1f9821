//! `coexist coverage --pict`: what existing suites cover.

use serde_json::{Value, json};

use super::{Files, documented, golden, good, stderr, stdout};

const HEADING: &str = "Type\tSize\tFormat method\tFile system\tCluster size\tCompression\n";

/// Rows of a suite that grew by hand: one is against a rule, one names a size that is no more, one stands twice.
const GROWN: &str = "Single\t10\tQuick\tNTFS\t512\tOn\n\
                     Span\t100\tSlow\tFAT32\t1024\tOff\n\
                     Stripe\t5000\tSlow\tFAT\t512\tOff\n\
                     Mirror\t250\tFast\tNTFS\t4096\tOn\n\
                     RAID-5\t40000\tFast\tNTFS\t16384\tOff\n\
                     single\t10\tfast\tntfs\t512\ton\n";

fn grown() -> Files {
    let files = Files::with_volume();
    files.put("suite.tsv", &format!("{HEADING}{GROWN}"));
    files
}

#[test]
fn what_a_suite_covers_for_people_and_for_machines() {
    let files = grown();
    let text = files.ask(&["coverage", "--rows", "suite.tsv", "--pict", "volume.pict", "--missing", "3"]);
    assert_eq!(text.status.code(), Some(1), "{}", stderr(&text));
    golden("coverage.txt", &stdout(&text));
    documented(&stdout(&text));
    assert_eq!(stderr(&text), "note: suite.tsv: line 5: parameter \"Size\" has no value \"250\": the cell is open\n");

    let json = files.ask(&["coverage", "--rows", "suite.tsv", "--pict", "volume.pict", "--missing", "1", "--json"]);
    assert_eq!(json.status.code(), Some(1));
    golden("coverage.json", &stdout(&json));
    let told: Value = serde_json::from_str(&stdout(&json)).unwrap();
    let rule = "line 9: IF [File system] = \"FAT\" THEN [Size] <= 4096";
    assert_eq!(told["invalid"], json!([{"line": 4, "rules": [rule]}]));
    assert_eq!(told["open"], json!([{"line": 5, "parameters": ["Size"]}]));
    assert_eq!(told["adds_nothing"], json!([7]));
    // Three rows of fifteen pairs each; two of them have Quick with NTFS.
    assert_eq!((&told["feasible"], &told["covered"]), (&json!(241), &json!(44)));
}

#[test]
fn only_a_whole_suite_of_valid_rows_is_0() {
    let files = Files::new(&[("m.pict", "A: 1, 2\nB: 1, 2\nIF [A] = 1 THEN [B] = 1;\n")]);
    for (rows, code) in [
        ("1\t1\n2\t1\n2\t2\n", 0),
        ("1\t1\n2\t1\n2\t2\n2\t2\n", 0),
        ("1\t1\n2\t1\n", 1),
        ("1\t1\n2\t1\n2\t2\n1\t2\n", 1),
        ("1\t1\n2\t1\n2\t2\n1\n", 1),
        ("", 1),
    ] {
        files.put("s.tsv", &format!("A\tB\n{rows}"));
        let output = files.ask(&["coverage", "--rows", "s.tsv", "--pict", "m.pict"]);
        assert_eq!(output.status.code(), Some(code), "{rows:?}: {}{}", stdout(&output), stderr(&output));
        assert_eq!(stdout(&output).contains("100.00 %"), rows.contains("1\t1\n2\t1\n2\t2\n"), "{}", stdout(&output));
    }
}

#[test]
fn a_suite_that_cannot_be_measured_is_2() {
    let files = Files::new(&[("m.pict", "A: 1, 2\nB: 1, 2\nC: 1, 2\n"), ("wrong.pict", "A 1\n"), ("s.tsv", "A\n1\n")]);
    let told = files.refused(&["coverage", "--rows", "s.tsv", "--pict", "m.pict"]);
    assert_eq!(
        told,
        "error: s.tsv: the heading has no column for parameter \"B\", nor for 1 more: a suite has one for each\n"
    );
    assert!(files.refused(&["coverage", "--rows", "s.tsv", "--pict", "wrong.pict"]).contains("wrong.pict: line 1:"));
    assert!(files.refused(&["coverage", "--rows", "absent.tsv", "--pict", "m.pict"]).contains("absent.tsv"));
    files.put("empty.tsv", "\n");
    let told = files.refused(&["coverage", "--rows", "empty.tsv", "--pict", "m.pict"]);
    assert_eq!(told, "error: empty.tsv: line 1: there is no heading: parameters separated by tabs were expected\n");
}

#[test]
fn a_percentage_is_never_rounded_up_to_all() {
    let values: String = (0..101).map(|number| format!("v{number}, ")).collect();
    let files = Files::new(&[("m.pict", &format!("A: {values}w\nB: {values}w\n"))]);
    let rows = good(&files.ask(&["plan", "--pict", "m.pict", "--rows", "--effort", "quick"]));
    let (most, _) = rows.trim_end().rsplit_once('\n').unwrap();
    files.put("s.tsv", most);
    let output = files.ask(&["coverage", "--rows", "s.tsv", "--pict", "m.pict"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("99.99 %: 10403 of 10404"), "{}", stdout(&output));
}

#[test]
fn help_says_what_the_exit_codes_mean() {
    let files = Files::new(&[]);
    let help = good(&files.ask(&["coverage", "--help"]));
    assert!(
        help.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("1 combinations are missing, or rows are invalid")
    );
}
