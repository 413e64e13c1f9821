//! `check-plan MODEL ROWS STRENGTH [SEEDS]`, `check-plan --matrix MATRIX ROWS [STRENGTH]`: checks a plan. Exits with 0 where it is as it should be, 1 where not, 2 where
//! that could not be told.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to people")]

use std::error::Error;
use std::process::ExitCode;

use coexist_plan_checker::{Model, check, check_matrix};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let told = match &words[..] {
        [first, words @ ..] if first == "--matrix" => of_matrix(words),
        words => of_model(words),
    };
    match told {
        Ok((findings, all_good)) => {
            println!("{findings}");
            if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// What was found, and whether there is nothing wrong.
type Told = Result<(String, bool), Box<dyn Error>>;

fn read(path: &String) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

fn of_matrix(words: &[String]) -> Told {
    let (matrix, rows, strength) = match words {
        [matrix, rows] => (matrix, rows, None),
        [matrix, rows, strength] => (matrix, rows, Some(strength.parse()?)),
        _ => return Err("expected: check-plan --matrix MATRIX ROWS [STRENGTH]".into()),
    };
    let findings = check_matrix(matrix.as_ref(), &read(rows)?, strength)?;
    Ok((findings.to_string(), findings.all_good()))
}

fn of_model(words: &[String]) -> Told {
    let (model, rows, strength, seeds) = match words {
        [model, rows, strength] => (model, rows, strength, None),
        [model, rows, strength, seeds] => (model, rows, strength, Some(read(seeds)?)),
        _ => return Err("expected: check-plan MODEL ROWS STRENGTH [SEEDS]".into()),
    };
    let model = Model::read(&read(model)?).map_err(|error| format!("{model}, {error}"))?;
    let findings = check(&model, strength.parse()?, &read(rows)?, seeds.as_deref())?;
    Ok((findings.to_string(), findings.all_good()))
}
