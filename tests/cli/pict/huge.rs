//! Models and rows far beyond any size: refused with their size and what to do, in less than a gigabyte of addresses.

use std::process::Command;

use super::{Files, stderr, stdout};

/// Kilobytes of addresses, and seconds of CPU. A refusal takes a small part of either.
const LIMITS: &str = "ulimit -v 1000000; ulimit -t 60; exec \"$0\" \"$@\"";

/// What is told of a request within the limits, which is refused.
fn refused(files: &Files, arguments: &[&str]) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", LIMITS, env!("CARGO_BIN_EXE_coexist")]).args(arguments).current_dir(files.path());
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{arguments:?}: {}", stderr(&output));
    stderr(&output)
}

fn of(text: &str) -> String {
    refused(&Files::new(&[("m.pict", text)]), &["plan", "--pict", "m.pict", "--rows"])
}

fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn sizes_of_models() {
    assert_eq!(
        of(&format!("A: {}\n", "x".repeat(4 << 20))),
        "error: m.pict: the text has 4194308 bytes; at most 4194304 are read: split it\n"
    );
    assert_eq!(
        of(&each(5000, |number| format!("p{number}: a\n"))),
        "error: m.pict: the model has 5000 parameters; at most 4096 are read: split it into models that share few \
         parameters\n"
    );
    let values = "values up to here; at most 12288 are read: split the model into models that share few parameters\n";
    let hundred_thousand = each(100_000, |number| format!(", v{number}"));
    assert_eq!(of(&format!("A: v{hundred_thousand}\n")), format!("error: m.pict: line 1: 100001 {values}"));
    let chain = each(60, |number| format!("p{}: <p{number}>, <p{number}>\n", number + 1));
    assert_eq!(of(&format!("p0: a, b\n{chain}")), format!("error: m.pict: line 13: 16382 {values}"));
    assert!(of(&"ab\n".repeat(1_300_000)).len() < 20_000, "not every mistake of a million is told");
    assert!(of(&format!("A: 1, 2\n{}", "{A}\n".repeat(900_000))).contains("line 258: 257 sub-models up to here"));
    assert!(
        of(&format!("A: {}\n", "x".repeat(3 << 20))).contains("has 3145728 bytes; at most 1000 are read: shorten it")
    );
}

#[test]
fn sizes_of_combinations() {
    let files = Files::new(&[("m.pict", &each(300, |number| format!("p{number}: a, b\n")))]);
    assert_eq!(
        refused(&files, &["plan", "--pict", "m.pict", "--strength", "6"]),
        "error: m.pict: strength 6 asks for 61620662188800 combinations, which take 492965297510400 bytes of memory; at \
         most 805306368 are used: ask for a lower strength, or for this strength among fewer parameters\n"
    );
    assert!(
        of(&each(4096, |number| format!("p{number}: a, b, c\n"))).contains("strength 2 asks for 75479040 combinations")
    );
}

#[test]
fn sizes_of_constraints() {
    let about = |constraints: &str| of(&format!("A: 1, 2\nB: 1, 2\n{constraints}"));
    let levels = "error: m.pict: line 3: more than 60 levels of parentheses and NOT, the most that are read\n";
    assert_eq!(about(&format!("{}[A] = 1{};\n", "(".repeat(10_000), ")".repeat(10_000))), levels);
    assert_eq!(about(&format!("{}[A] = 1;\n", "NOT ".repeat(10_000))), levels);
    let words = "error: m.pict: line 3: the constraint has more than 200000 words, the most that are read: split it\n";
    assert_eq!(about(&format!("{}[A] = 1;", "[A]=1 OR ".repeat(440_000))), words);
    assert_eq!(about(&format!("[A] IN {{{}1}};", "1,".repeat(2_000_000))), words);
    assert_eq!(
        about(&"[A]=1;".repeat(690_000)),
        "error: m.pict: line 3: 50001 constraints up to here; at most 50000 are read: join some by AND\n"
    );
    let wide = |name: &str| each(6000, |number| format!("{name}{number}, ")) + name;
    let related = format!("A: {}\nB: {}\n{}", wide("v"), wide("w"), "[A] <> [B];\n".repeat(100));
    assert!(of(&related).contains("line 3: 36012001 values in constraints up to here; at most 1500000 are read"));
    let slow = each(90, |number| format!("{}{number}, ", "a".repeat(900))) + "b";
    let pattern = format!("[A] LIKE \"{}b\";\n", "*a".repeat(450));
    assert!(
        of(&format!("A: {slow}\nB: 1\n{}", pattern.repeat(1000))).contains("comparisons for constraints up to here")
    );
}

#[test]
fn sizes_of_rows() {
    let about = |rows: &str| {
        let files = Files::new(&[("m.pict", "A: 1, 2\nB: 1, 2\n"), ("s.tsv", rows)]);
        let seeds = refused(&files, &["plan", "--pict", "m.pict", "--rows", "--seed-rows", "s.tsv"]);
        assert_eq!(seeds, refused(&files, &["coverage", "--pict", "m.pict", "--rows", "s.tsv"]));
        seeds
    };
    assert_eq!(
        about(&format!("A\tB\n{}", "1\t1\n".repeat(1_000_000))),
        "error: s.tsv: line 30002: 30001 rows up to here; at most 30000 are read: leave out some\n"
    );
    assert!(about(&format!("A\tB\n{}", "1\t1\n".repeat(1_048_576))).contains("4194308 bytes"));
    let files = Files::new(&[
        ("m.pict", &each(4000, |number| format!("p{number}: 1\n"))),
        ("s.tsv", &format!("p1\n{}", "1\n".repeat(2000))),
    ]);
    let cells = refused(&files, &["plan", "--pict", "m.pict", "--rows", "--seed-rows", "s.tsv"]);
    assert!(cells.contains("line 1002: 4004000 cells of rows up to here; at most 4000000 are read"), "{cells}");
}

#[test]
fn a_device_that_never_ends_is_read_to_the_limit() {
    let files = Files::new(&[]);
    assert!(refused(&files, &["plan", "--pict", "/dev/zero"]).contains("at most 4194304 are read"));
}
