//! `coexist plan --pict` and `coexist coverage --pict` over models that people would bring.

mod huge;
mod suites;

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::{command, full, repository, stderr, stdout};

const ACCEPT: &str = "COEXIST_ACCEPT=1 cargo test -p coexist --test cli pict";

/// Files of a test in a folder of its own.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn with_volume() -> Self {
        Self::new(&[("volume.pict", include_str!("volume.pict"))])
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// The program in this folder, so that messages name files without their folder.
    fn ask(&self, arguments: &[&str]) -> Output {
        command(arguments).current_dir(self.path()).output().unwrap()
    }

    /// A request that is wrong: what it is told, without a word on standard output.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(2), ""),
            "{arguments:?}: {}",
            stderr(&output)
        );
        stderr(&output)
    }
}

fn good(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    stdout(output)
}

/// Compares with a file beside the tests, or writes it.
fn golden(name: &str, found: &str) {
    let path = repository().join("tests/cli/pict").join(name);
    if std::env::var_os("COEXIST_ACCEPT").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} differs; found:\n{found}\nif it is right: {ACCEPT}");
}

/// The page shows what is printed.
fn documented(found: &str) {
    let page = std::fs::read_to_string(repository().join("docs/pict.md")).unwrap();
    assert!(page.contains(found.trim_end()), "docs/pict.md does not show what is printed:\n{found}");
}

#[test]
fn a_model_in_short_and_its_rows() {
    let files = Files::with_volume();
    let short = good(&files.ask(&["plan", "--pict", "volume.pict"]));
    golden("plan.txt", &short);
    documented(&short);

    let rows = good(&files.ask(&["plan", "--pict", "volume.pict", "--strength", "2", "--rows"]));
    let mut lines = rows.lines();
    assert_eq!(lines.next(), Some("Type\tSize\tFormat method\tFile system\tCluster size\tCompression"));
    assert!(lines.clone().all(|line| line.split('\t').count() == 6));
    assert!(short.contains(&format!("rows          {},", lines.count())));
    documented(&rows.lines().take(4).collect::<Vec<_>>().join("\n"));
    files.put("rows.tsv", &rows);
    let whole = good(&files.ask(&["coverage", "--rows", "rows.tsv", "--pict", "volume.pict"]));
    assert!(whole.contains("100.00 %"), "{whole}");

    let quick = good(&files.ask(&["plan", "--pict", "volume.pict", "--rows", "--effort", "quick"]));
    assert_eq!(quick, good(&files.ask(&["plan", "--pict", "volume.pict", "--rows", "--effort", "quick"])));
    let triples =
        good(&files.ask(&["plan", "--pict", "volume.pict", "--strength", "3", "--rows", "--effort", "quick"]));
    assert!(triples.lines().count() > quick.lines().count());
}

#[test]
fn a_plan_for_machines_names_every_value() {
    let files = Files::with_volume();
    files.put("seeds.tsv", "Size\tFile system\tFormat method\n40000\tNTFS\tfast\n40000\tFAT\tSlow\n");
    let arguments = ["plan", "--pict", "volume.pict", "--json", "--seed-rows", "seeds.tsv", "--effort", "quick"];
    let output = files.ask(&arguments);
    let plan: Value = serde_json::from_str(&good(&output)).unwrap();
    let dropped = "note: seeds.tsv: line 3: this row is dropped, as it breaks line 9: IF [File system] = \"FAT\" THEN \
                   [Size] <= 4096\n";
    assert_eq!(stderr(&output), dropped);
    assert_eq!(plan["schema"], "coexist.pict-plan/1");
    assert_eq!(plan["combinations"], serde_json::json!({"feasible": 241, "impossible": 8}));
    assert_eq!(plan["seeds"]["kept"], 1);
    assert_eq!(plan["seeds"]["dropped"][0]["line"], 3);
    let rows = plan["rows"].as_array().unwrap();
    let named: Vec<&Value> = ["Size", "File system", "Format method"].iter().map(|name| &rows[0][name]).collect();
    assert_eq!(named, ["40000", "NTFS", "Fast"], "a seed keeps its names, as the model writes them");
    assert!(rows.iter().all(|row| row.as_object().unwrap().keys().eq(plan["parameters"].as_array().unwrap())));
}

#[test]
fn seeds_come_first_and_unchanged() {
    let files = Files::new(&[
        ("m.pict", "A: 1, 2\nB: x | y | z, w\nC: ~0, 1\n"),
        ("s.tsv", "A\tB\tC\n2\tz\t1\n2\tz\t1\n1\ty\t~0\n"),
    ]);
    let rows = good(&files.ask(&["plan", "--pict", "m.pict", "--rows", "--seed-rows", "s.tsv"]));
    assert!(rows.starts_with("A\tB\tC\n2\tz\t1\n2\tz\t1\n1\ty\t~0\n"), "{rows}");
    let output = files.ask(&["plan", "--pict", "m.pict", "--seed-rows", "s.tsv"]);
    assert!(good(&output).contains("seed rows     3 kept, 0 dropped"), "{}", stdout(&output));
    files.put("strange.tsv", "A\tQ\n2\tq\n7\t\n");
    let output = files.ask(&["plan", "--pict", "m.pict", "--rows", "--seed-rows", "strange.tsv"]);
    assert!(good(&output).lines().nth(1).unwrap().starts_with("2\t"));
    let told = "note: strange.tsv: line 1: the model has no parameter \"Q\": its column is passed over\n\
                note: strange.tsv: line 3: parameter \"A\" has no value \"7\": the cell is open\n";
    assert_eq!(stderr(&output), told);
}

#[test]
fn a_value_that_no_row_can_hold_is_told_and_is_no_mistake() {
    let files = Files::new(&[("m.pict", "A: 1, 2, 3\nB: x, y\n[A] <> 3;\nIF [A] IN {1, 2} THEN [B] = \"x\";\n")]);
    let output = files.ask(&["plan", "--pict", "m.pict"]);
    assert!(good(&output).contains("in no row     A: 3\n"), "{}", stdout(&output));
    let told = "note: m.pict: no valid row can hold 3 of A: line 3: [A] <> 3\n\
                note: m.pict: no valid row can hold y of B: line 3: [A] <> 3; line 4: IF [A] IN {1, 2} THEN [B] = \"x\"\n";
    assert_eq!(stderr(&output), told);
}

#[test]
fn rules_that_contradict_each_other_are_the_fewest() {
    let parameters: String = (0..40).map(|number| format!("P{number}: 1, 2, 3\n")).collect();
    let harmless: String = (0..37).map(|number| format!("IF [P{number}] = 1 THEN [P{}] <> 2;\n", number + 1)).collect();
    let two = format!("{parameters}{harmless}[P38] = 1;\n[P38] <> 1;\nIF [P38] = 2 THEN [P39] = 2;\n");
    let three =
        format!("{parameters}{harmless}[P38] = 1;\nIF [P38] = 1 THEN [P39] = 2;\nIF [P38] = 1 THEN [P39] = 3;\n");
    let files = Files::new(&[("two.pict", &two), ("three.pict", &three)]);
    assert_eq!(
        files.refused(&["plan", "--pict", "two.pict", "--rows"]),
        "error: two.pict: no row is valid: these 2 rules cannot be kept\n  line 78: [P38] = 1\n  line 79: [P38] <> 1\n"
    );
    assert_eq!(
        files.refused(&["plan", "--pict", "three.pict"]),
        "error: three.pict: no row is valid: these 3 rules cannot be kept\n  line 78: [P38] = 1\n  line 79: IF [P38] = 1 \
         THEN [P39] = 2\n  line 80: IF [P38] = 1 THEN [P39] = 3\n"
    );
}

#[test]
fn a_wrong_model_is_told_with_its_lines() {
    let wrong = "A: 1, 2\na: 3\n$Result: ok, bad\nB @ 3: x, y\nC: ~p, ~q\nD: 1\n{ A, Z } @ 2\n[A] = \"1\";\n[D] LIKE 3;\n[Q] = 1;\nIF [A] = 1 THEN\n";
    let files = Files::new(&[("wrong.pict", wrong), ("none.pict", "\n# nothing\n"), ("cut.tsv", "A\n1\t2\n")]);
    golden("wrong.txt", &files.refused(&["plan", "--pict", "wrong.pict", "--rows"]));
    assert_eq!(files.refused(&["plan", "--pict", "none.pict"]), "error: none.pict: there is no parameter\n");
    assert!(files.refused(&["plan", "--pict", "absent.pict"]).contains("error: absent.pict: No such file"));
    files.put("one.pict", "A: 1\n");
    let cut = files.refused(&["plan", "--pict", "one.pict", "--seed-rows", "cut.tsv"]);
    assert_eq!(cut, "error: cut.tsv: line 2: the row has 2 cells, and the heading 1\n");
    for strength in ["0", "7"] {
        let told = files.refused(&["plan", "--pict", "one.pict", "--strength", strength]);
        assert_eq!(told, format!("error: one.pict: strength {strength} is not planned: 1 to 6 are\n"));
    }
    std::fs::write(files.path().join("utf16.pict"), b"\xff\xfeA\0:\0").unwrap();
    std::fs::write(files.path().join("latin.pict"), b"A: 1\nB: \xfc\n").unwrap();
    assert_eq!(
        files.refused(&["plan", "--pict", "utf16.pict"]),
        "error: utf16.pict: the text is UTF-16: save it as UTF-8\n"
    );
    let latin = files.refused(&["plan", "--pict", "latin.pict"]);
    assert_eq!(latin, "error: latin.pict: line 2: this is no UTF-8: save the text as UTF-8\n");
}

#[test]
fn a_model_in_other_signs() {
    let files = Files::new(&[("m.pict", "A; 1; 2 / two; !3\nB; x; X\nIF [A] = 2 THEN [B] = \"X\";\n")]);
    let arguments = ["plan", "--pict", "m.pict", "--rows", "--value-separator", ";", "--alias-separator", "/"];
    let output = files.ask(&[&arguments[..], &["--negative-prefix", "!", "--case-sensitive"]].concat());
    let rows = good(&output);
    let mut lines: Vec<&str> = rows.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["!3\tX", "!3\tx", "1\tX", "1\tx", "2\tX", "A\tB"]);
}

#[test]
fn a_matrix_and_a_model_do_not_mix() {
    let files = Files::new(&[("m.pict", "A: 1, 2\n")]);
    for (arguments, told) in [
        (&["plan", "demo.yaml", "--pict", "m.pict"][..], "'[MATRIX]' cannot be used with '--pict <MODEL>'"),
        (&["plan", "--pict", "m.pict", "--cell", "a"], "'--cell <ID>' cannot be used with '--pict <MODEL>'"),
        (&["plan", "--pict", "m.pict", "--rows", "--json"], "cannot be used with"),
        (&["plan", "demo.yaml", "--rows"], "error: --rows is about a PICT model: give one with --pict MODEL"),
        (&["plan", "demo.yaml", "--value-separator", ";"], "error: --value-separator is about a PICT model"),
        (&["plan", "--pict", "m.pict", "--value-separator", "::"], "one sign was expected"),
        (&["plan"], "required"),
        (&["coverage", "--pict", "m.pict"], "--rows <FILE>"),
    ] {
        let output = files.ask(arguments);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{arguments:?}");
        assert!(
            stderr(&output).contains(told) || stderr(&output).contains("'--pict <MODEL>' cannot be used with"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn rows_that_nobody_can_take_are_no_success() {
    let files = Files::with_volume();
    let mut request = command(&["plan", "--pict", "volume.pict", "--rows", "--effort", "quick"]);
    let output = request.current_dir(files.path()).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
}
