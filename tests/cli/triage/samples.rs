//! `coexist triage` over real samples, and the table of `docs/triage.md` that says what each yields. They are other
//! people's data, so they are not in the repository: `COEXIST_SAMPLES` names the folder that has them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{ACCEPT, follows_the_contract, lines, repository, triage};

#[allow(clippy::print_stdout, reason = "skipped samples are said")]
fn samples(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("COEXIST_SAMPLES").map(PathBuf::from);
    if folder.is_none() {
        println!("SKIPPED samples: COEXIST_SAMPLES is not set (1 test: {test})");
    }
    folder.map(|folder| repository().join(folder))
}

const FOLDERS: [&str; 4] = ["evtx", "hives", "kernel-dumps", "user-dumps"];

fn table(folder: &Path) -> String {
    let output = triage(folder, &[&FOLDERS[..], &["-r", "--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "some samples are damaged or of no kind");
    let mut table = "| file | kind | what it yields |\n|---|---|---|\n".to_owned();
    for line in lines(&output) {
        let line = if line["notes"][0] == "packed by xz: unpack it first" { unpacked(folder, &line) } else { line };
        follows_the_contract(&line);
        let path = line["path"].as_str().unwrap();
        if line["kind"] == "unknown" {
            // What others say of the samples: text.
            continue;
        }
        let what = yields(&line).replace('|', "\\|");
        table.push_str(&format!("| `{path}` | {} | {what} |\n", line["kind"].as_str().unwrap()));
    }
    table
}

/// What a triage says of a sample that is kept packed, once it is unpacked (Debian: xz-utils).
fn unpacked(folder: &Path, packed: &Value) -> Value {
    let path = Path::new(packed["path"].as_str().unwrap());
    let there = tempfile::tempdir().unwrap();
    let plain = path.with_extension("");
    std::fs::create_dir_all(there.path().join(&plain).parent().unwrap()).unwrap();
    let into = File::create(there.path().join(&plain)).unwrap();
    let status = Command::new("xz").arg("-dc").arg(folder.join(path)).stdout(into).status().unwrap();
    assert!(status.success(), "xz cannot unpack {}", path.display());
    let output = triage(there.path(), &[plain.to_str().unwrap(), "--json"]);
    lines(&output).remove(0)
}

/// A line of a triage in a few words.
fn yields(line: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let count = |value: &Value| value.as_array().map_or(0, Vec::len);
    let mut parts = Vec::new();
    if line.get("stop_code").is_some() {
        parts.push(format!("{} {}", text(&line["stop_code"]), text(&line["stop_name"])));
        parts.push(format!("{} drivers, {} unloaded", count(&line["drivers"]), count(&line["unloaded"])));
        let blame = &line["blame"];
        let place = format!("{}: {}{}", text(&blame["strength"]), text(&blame["module"]), offset(&blame["offset"]));
        parts.push(format!("blame {}", if blame["strength"] == "none" { "none".to_owned() } else { place }));
    }
    if let Some(boots) = line.get("boots").and_then(Value::as_array).filter(|boots| !boots.is_empty()) {
        let ends = boots.iter().map(|boot| match boot.get("stop_code") {
            Some(code) => format!("{} {}", text(&boot["ended"]), text(code)),
            None => text(&boot["ended"]),
        });
        parts.push(format!("boots: {}", ends.collect::<Vec<_>>().join(", ")));
    }
    if let Some(exception) = line.get("exception") {
        let name = exception.get("name").unwrap_or(&exception["code"]);
        let module = exception.get("module").map_or("no module".to_owned(), text);
        parts.push(format!("{} in {module}{}", text(name), offset(&exception["offset"])));
    }
    if let Some(settings) = line.get("crash_settings") {
        let set = &settings["crash_dump_enabled"];
        parts.push(format!("control set {}, CrashDumpEnabled {set}", line["control_set"]));
        parts.push(format!("{} services, {} drivers", line["services"], count(&line["drivers"])));
    }
    if line["damaged"] == true || parts.is_empty() {
        let notes = count(&line["notes"]);
        let more = if notes > 1 { format!(" (and {} more)", notes - 1) } else { String::new() };
        parts.push(format!("{}{more}", text(&line["notes"][0])));
    }
    parts.join("; ")
}

fn offset(value: &Value) -> String {
    value.as_str().map(|offset| format!("+{offset}")).unwrap_or_default()
}

#[test]
fn the_table_of_the_samples_is_what_they_yield() {
    let Some(folder) = samples("the_table_of_the_samples_is_what_they_yield") else { return };
    let page = repository().join("docs/triage.md");
    let before = std::fs::read_to_string(&page).unwrap();
    let (begin, end) = ("<!-- samples -->\n", "<!-- end of samples -->\n");
    let start = before.find(begin).unwrap() + begin.len();
    let stop = before.find(end).unwrap();
    let now = format!("{}{}{}", &before[..start], table(&folder), &before[stop..]);
    if std::env::var_os("COEXIST_ACCEPT").is_some() {
        std::fs::write(&page, &now).unwrap();
    }
    assert!(now == before || std::env::var_os("COEXIST_ACCEPT").is_some(), "found:\n{now}\nif it is right: {ACCEPT}");
}
