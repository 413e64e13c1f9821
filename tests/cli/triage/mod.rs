//! `coexist triage` over files that the tests build, and over real samples where those are at hand.

mod files;
mod samples;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{command, full, repository, stderr, stdout};
use files::{Evidence, FLT};

const ACCEPT: &str = "COEXIST_ACCEPT=1 cargo test -p coexist --test cli triage";

/// `coexist triage` as started in a folder, with the repository's recipes.
fn triage(folder: &Path, arguments: &[&str]) -> Output {
    start(folder, arguments).output().unwrap()
}

fn start(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(&["triage", "--agents"]);
    command.arg(repository().join("matrices/agents")).args(arguments).current_dir(folder);
    command
}

fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Compares with a file beside the tests, or writes it.
fn golden(name: &str, found: &str) {
    let path = repository().join("tests/cli/triage").join(name);
    if std::env::var_os("COEXIST_ACCEPT").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} differs; found:\n{found}\nif it is right: {ACCEPT}");
}

#[test]
fn a_folder_of_evidence_for_people_and_for_machines() {
    let evidence = Evidence::new();
    let text = triage(evidence.root(), &["case"]);
    assert_eq!(text.status.code(), Some(1), "{}", stderr(&text));
    golden("case.txt", &stdout(&text));
    let json = triage(evidence.root(), &["case", "--json"]);
    assert_eq!(json.status.code(), Some(1), "{}", stderr(&json));
    golden("case.jsonl", &stdout(&json));

    let documented = std::fs::read_to_string(repository().join("docs/triage.md")).unwrap();
    for part in stdout(&text).split("\n\n").take(2) {
        assert!(documented.contains(part.trim_end()), "docs/triage.md does not show what is printed:\n{part}");
    }
}

/// The contract's rules for every value, whatever the file.
fn follows_the_contract(line: &Value) {
    let object = line.as_object().unwrap();
    let first: Vec<&str> = object.keys().take(3).map(String::as_str).collect();
    assert_eq!(first, ["schema", "path", "kind"]);
    assert_eq!(line["schema"], "coexist.triage/1");
    let kinds = ["kernel-dump", "user-dump", "event-log", "registry-hive", "pe", "unknown"];
    assert!(kinds.contains(&line["kind"].as_str().unwrap()), "{line}");
    assert!(!has_null(line), "{line}");
    let ends = ["clean", "bugcheck", "power-loss", "power-button", "unexpected", "running"];
    for boot in line["boots"].as_array().into_iter().flatten() {
        assert!(boot.get("ended").is_none_or(|ended| ends.contains(&ended.as_str().unwrap())), "{boot}");
    }
    for name in ["stop_code", "bucket", "blame"] {
        assert!(
            object.contains_key(name) || line["kind"] != "kernel-dump" || line["damaged"] == true,
            "{name}: {line}"
        );
    }
    if let Some(blame) = line.get("blame") {
        let strength = blame["strength"].as_str().unwrap();
        assert!(["strong", "likely", "weak", "none"].contains(&strength));
        assert_eq!(blame.get("module").is_none(), strength == "none", "{blame}");
    }
    let hex = [&line["stop_code"], &line["blame"]["offset"], &line["drivers"][0]["base"], &line["parameters"][0]];
    for number in hex.into_iter().filter(|value| !value.is_null()) {
        let digits = number.as_str().unwrap().strip_prefix("0x").unwrap();
        assert_eq!(u64::from_str_radix(digits, 16).map(|number| format!("{number:x}")), Ok(digits.to_owned()));
    }
    for time in [&line["time"], &line["boots"][0]["started"]].into_iter().filter(|value| !value.is_null()) {
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(all) => all.iter().any(has_null),
        Value::Object(all) => all.values().any(has_null),
        _ => false,
    }
}

#[test]
fn every_line_follows_the_contract() {
    let evidence = Evidence::new();
    let output = triage(evidence.root(), &["case", "-r", "--json"]);
    let lines = lines(&output);
    assert_eq!(lines.len(), 6);
    lines.iter().for_each(follows_the_contract);
    let crash = lines.iter().find(|line| line["path"] == "case/minidump.dmp").unwrap();
    assert_eq!(crash["blame"]["module"], "globexflt.sys");
    assert_eq!(crash["blame"]["offset"], "0xe14ed");
    assert_eq!(crash["blame"]["vendor"], "Globex", "as the recipe says");
    assert_eq!(crash["parameters"][2], format!("{:#x}", FLT + 0xe14ed));
    assert_eq!((&crash["build"], &crash["processors"], &crash["uptime_s"]), (&19041.into(), &2.into(), &4.126.into()));
    let page_file = lines.iter().find(|line| line["path"] == "case/pagefile.sys").unwrap();
    for field in ["kind", "stop_code", "bucket", "blame"] {
        assert_eq!(page_file[field], crash[field], "a page file that begins with a dump is one");
    }
}

#[test]
fn folders_are_read_in_order_and_links_are_not_followed() {
    let evidence = Evidence::new();
    let paths = |arguments: &[&str]| -> Vec<String> {
        lines(&triage(evidence.root(), arguments))
            .iter()
            .map(|line| line["path"].as_str().unwrap().to_owned())
            .collect()
    };
    let flat = ["case/System.evtx", "case/minidump.dmp", "case/pagefile.sys", "case/readme.txt"];
    assert_eq!(paths(&["case", "--json"]), flat);
    assert_eq!(paths(&["case/", "--json"]), flat);
    assert_eq!(
        paths(&["./case/readme.txt", "case/minidump.dmp", "--json"]),
        ["./case/readme.txt", "case/minidump.dmp"]
    );
    let deep = ["case/System.evtx", "case/minidump.dmp", "case/pagefile.sys", "case/readme.txt"];
    assert_eq!(paths(&["case", "--json", "-r"]), [&deep[..], &["case/sub/cut.dmp", "case/sub/deep.evtx"]].concat());

    std::os::unix::fs::symlink("/etc", evidence.root().join("case/sub/out")).unwrap();
    std::os::unix::fs::symlink("../minidump.dmp", evidence.root().join("case/sub/inside.dmp")).unwrap();
    let output = triage(evidence.root(), &["case", "-r", "--json"]);
    assert_eq!(lines(&output).len(), 6);
    for link in ["case/sub/out", "case/sub/inside.dmp"] {
        let told = format!("passed over: {link}: a symbolic link, which is not followed\n");
        assert!(stderr(&output).contains(&told), "{}", stderr(&output));
    }
    assert_eq!(paths(&["case/sub/inside.dmp", "--json"]), ["case/sub/inside.dmp"], "one that is named is meant");
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let evidence = Evidence::new();
    let pipe = evidence.root().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::create_dir(evidence.root().join("empty")).unwrap();
    std::fs::write(evidence.root().join("nothing"), "").unwrap();
    std::fs::write(evidence.root().join("mac.dmp"), files::dump_of_macos()).unwrap();
    std::fs::File::create(evidence.root().join("huge")).unwrap().set_len(1 << 40).unwrap();
    std::os::unix::fs::symlink("circle", evidence.root().join("circle")).unwrap();
    for (arguments, code, told) in [
        (&["case/minidump.dmp", "case/System.evtx", "case/pagefile.sys"][..], 0, ""),
        (&["case/minidump.dmp", "case/readme.txt"], 1, ""),
        (&["case/sub/cut.dmp"], 1, ""),
        (&["case/readme.txt"], 1, ""),
        (&["case/minidump.dmp", "nothing.dmp"], 1, "error: nothing.dmp: No such file"),
        (&["case/minidump.dmp", "pipe"], 1, "error: pipe: a pipe, socket or device"),
        (&["/dev/zero", "case/minidump.dmp"], 1, "error: /dev/zero: a pipe, socket or device"),
        (&["nothing.dmp"], 2, "error: nothing.dmp: No such file"),
        (&["pipe"], 2, "error: pipe: a pipe, socket or device"),
        (&["empty"], 2, "error: no file there; folders of folders are looked into with -r\n"),
        (&["empty", "-r"], 2, "error: no file there\n"),
        (&["mac.dmp"], 1, ""),
        (&["nothing"], 1, ""),
        (&["huge"], 1, ""),
        (&["circle"], 2, "error: circle: Too many levels of symbolic links"),
        (&["case/minidump.dmp", "case/minidump.dmp"], 0, ""),
        (&[], 2, "<PATH>"),
        (&["case", "--nonsense"], 2, "--nonsense"),
        (&["case", "--agents", "nowhere"], 2, "--agents"),
    ] {
        for json in [&[][..], &["--json"]] {
            let output = triage(evidence.root(), &[arguments, json].concat());
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
            assert!(stderr(&output).contains(told), "{arguments:?}: {}", stderr(&output));
            assert_eq!(stderr(&output).is_empty(), told.is_empty(), "{arguments:?}: {}", stderr(&output));
        }
    }
}

/// Names that are no text, files of other kinds and dumps of other platforms have a line each, and none is `damaged`.
#[test]
fn what_is_no_evidence_of_windows_is_said() {
    let evidence = Evidence::new();
    let folder = evidence.root().join("odd");
    std::fs::create_dir(&folder).unwrap();
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff.dmp");
    std::fs::write(folder.join(name), files::dump_of_macos()).unwrap();
    std::fs::write(folder.join("empty"), "").unwrap();
    let output = triage(evidence.root(), &["odd", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let lines = lines(&output);
    lines.iter().for_each(follows_the_contract);
    let expected = [
        serde_json::json!({"schema": "coexist.triage/1", "path": "odd/empty", "kind": "unknown", "notes": ["empty"]}),
        serde_json::json!({"schema": "coexist.triage/1", "path": "odd/\u{fffd}.dmp", "kind": "user-dump",
            "notes": ["a minidump of macOS, not of Windows"]}),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_a_guest_said_moves_no_terminal_and_no_ci() {
    let evidence = Evidence::new();
    evidence.hostile();
    let output = triage(evidence.root(), &["hostile"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(!text.contains(|character: char| character.is_control() && character != '\n'), "{text:?}");
    assert!(!text.contains('\u{202e}'), "{text:?}");
    assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{text}");
    assert!(text.contains("dump C:\\�[2J�::error::x.dmp"), "{text}");
    // JSON says what there was, escaped.
    let json = triage(evidence.root(), &["hostile", "--json"]);
    assert_eq!(lines(&json).len(), 2);
    assert!(!stdout(&json).contains('\u{1b}'));
}

#[test]
fn output_that_cannot_be_written_is_74_and_a_reader_may_leave() {
    let evidence = Evidence::new();
    let output = start(evidence.root(), &["case"]).stdout(full()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(74), "{}", stderr(&output));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = start(evidence.root(), &["case/minidump.dmp"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}
