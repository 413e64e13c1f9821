//! Plans against their limits: sizes beside PICT's and those of ACTS, CPU time, what the checker finds, and what one more
//! value costs.
//!
//! `bench-plan [--models FOLDER]… [--effort quick|normal|long]… [--only pairs|triples|extension]…`, always a release build.
//! Without a folder: the classic models, which are numbers only, and labs. PICT runs beside it when `pict` is on the path.
//! Prints Markdown; exits with 1 when any limit is missed, or any plan is not as it should be.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells its figures")]

mod extension;
mod families;
mod limits;
mod measured;
mod pairs;
mod recorded;
mod report;
mod triples;

use std::error::Error;
use std::process::{Command, ExitCode};

use coexist_cover::Effort;
use families::Family;
use report::{Report, word};

type Failure = Box<dyn Error>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Pairs,
    Triples,
    Extension,
}

struct Asked {
    families: Vec<Family>,
    efforts: Vec<Effort>,
    parts: Vec<Part>,
}

fn main() -> Result<ExitCode, Failure> {
    let asked = asked()?;
    let folder = tempfile::tempdir()?;
    let mut report = Report::default();
    for family in &asked.families {
        eprintln!("{}: {} models", family.name, family.models.len());
        for part in &asked.parts {
            match part {
                Part::Pairs => pairs::table(family, &asked.efforts, folder.path(), &mut report)?,
                Part::Triples => triples::table(family, &mut report)?,
                Part::Extension => extension::table(family, &mut report)?,
            }
        }
    }
    heading(&asked);
    println!("{report}");
    Ok(if report.nothing_missed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn heading(asked: &Asked) {
    let efforts: Vec<&str> = asked.efforts.iter().map(|&effort| word(effort)).collect();
    println!("# How large plans are, and how long they take\n");
    println!("What `cargo xtask bench plan` says. {}", told_of_columns());
    println!("- Families: {}.", asked.families.iter().map(|family| &*family.name).collect::<Vec<_>>().join(", "));
    println!("- Efforts at strength 2: {}.", efforts.join(", "));
    println!("- Commit {}, {}, {}.\n", commit(), jiff::Zoned::now().date(), processor());
}

fn told_of_columns() -> String {
    format!(
        "Each plan was checked by `tests/checker`, which\nshares nothing with the planner: complete means that every row is \
         valid and every feasible combination is in one.\nA bound is the least that any plan needs. Ratios are to the recorded \
         sizes where there are any, at the `normal` effort.\nPICT marked with \\* had no plan within {} s of CPU, and was \
         given the model without the clause \"at least one agent\".\n",
        measured::PICT_SECONDS
    )
}

/// The commit that is checked out, with a mark when files differ from it.
fn commit() -> String {
    let told = Command::new("git").args(["describe", "--always", "--dirty", "--exclude=*"]).output();
    told.map_or("unknown".to_string(), |told| String::from_utf8_lossy(&told.stdout).trim().to_string())
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let many = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{many} processors, {}", model.unwrap_or("of unknown make"))
}

fn asked() -> Result<Asked, Failure> {
    let mut asked = Asked { families: Vec::new(), efforts: Vec::new(), parts: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match (&*word, &*value) {
            ("--models", folder) => asked.families.push(families::of_folder(folder.as_ref())?),
            ("--effort", "quick") => asked.efforts.push(Effort::Quick),
            ("--effort", "normal") => asked.efforts.push(Effort::Normal),
            ("--effort", "long") => asked.efforts.push(Effort::Long),
            ("--only", "pairs") => asked.parts.push(Part::Pairs),
            ("--only", "triples") => asked.parts.push(Part::Triples),
            ("--only", "extension") => asked.parts.push(Part::Extension),
            _ => return Err(format!("{word} {value} is not known").into()),
        }
    }
    if asked.families.is_empty() {
        asked.families = families::made_here();
    }
    if asked.efforts.is_empty() {
        asked.efforts = vec![Effort::Quick, Effort::Normal, Effort::Long];
    }
    if asked.parts.is_empty() {
        asked.parts = vec![Part::Pairs, Part::Triples, Part::Extension];
    }
    Ok(asked)
}
