//! `check-plan MODEL ROWS STRENGTH [SEEDS]`: checks a plan. Exits with 0 where it is as it should be, 1 where not, 2 where
//! that could not be told.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to people")]

use std::error::Error;
use std::process::ExitCode;

use coexist_plan_checker::{Findings, Model, check};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match findings(&words) {
        Ok(findings) => {
            println!("{findings}");
            if findings.all_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn findings(words: &[String]) -> Result<Findings, Box<dyn Error>> {
    let read = |path: &String| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let (model, rows, strength, seeds) = match words {
        [model, rows, strength] => (model, rows, strength, None),
        [model, rows, strength, seeds] => (model, rows, strength, Some(read(seeds)?)),
        _ => return Err("expected: check-plan MODEL ROWS STRENGTH [SEEDS]".into()),
    };
    let model = Model::read(&read(model)?).map_err(|error| format!("{model}, {error}"))?;
    Ok(check(&model, strength.parse()?, &read(rows)?, seeds.as_deref())?)
}
