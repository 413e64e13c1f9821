//! A validator that nobody here wrote, asked once for many files.

use std::io::Write as _;
use std::process::{Command, Stdio};

use coexist_plan::{FileKind, schema};
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("judge.py");

/// What the validator says of one file.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Why a YAML parser does not take it.
    pub(crate) no_yaml: Option<String>,
    /// Why the schema refuses it, for each of the ways to look at it that find fault.
    pub(crate) refused: Vec<String>,
    /// The number of ways that find fault.
    views: usize,
}

impl Judged {
    /// An editor shows a mistake, whichever way it looks.
    pub(crate) fn is_told(&self) -> bool {
        self.no_yaml.is_some() || self.refused.len() == self.views
    }
}

/// Whether the validator is there; where it must be, it is.
pub(crate) fn ready() -> bool {
    let output = Command::new("python3").args(["-c", "import jsonschema, yaml"]).output();
    let reason = match output {
        Err(error) => format!("python3 does not start: {error}"),
        Ok(output) if !output.status.success() => {
            "the Python packages jsonschema and PyYAML are not installed".to_owned()
        }
        Ok(_) => return true,
    };
    assert!(std::env::var_os("COEXIST_REQUIRE_READERS").is_none(), "{reason}");
    println!("SKIPPED schema validator: {reason}");
    false
}

/// Judges files in one go; the schemas themselves are judged first.
pub(crate) fn judge(files: &[(FileKind, String)]) -> Vec<Judged> {
    let schemas: serde_json::Map<_, _> = FileKind::ALL
        .into_iter()
        .map(|kind| (kind.as_str().to_owned(), serde_json::from_str(&schema(kind)).unwrap()))
        .collect();
    let files: Vec<_> = files.iter().map(|(kind, text)| json!([kind.as_str(), text])).collect();
    let asked = json!({ "schemas": schemas, "files": files }).to_string();

    let mut python = Command::new("python3");
    let mut child = python
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads all before it writes anything, so that neither side waits for the other.
    let sent = child.stdin.take().unwrap().write_all(asked.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    sent.unwrap();
    let answer: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer.len(), files.len());
    answer.iter().map(judged).collect()
}

fn judged(answer: &Value) -> Judged {
    let refused = answer["refused"].as_object().unwrap();
    Judged {
        no_yaml: answer["no_yaml"].as_str().map(str::to_owned),
        refused: refused.iter().map(|(view, why)| format!("{view}: {}", why.as_str().unwrap())).collect(),
        views: 3,
    }
}
