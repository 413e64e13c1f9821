//! Plans for every PICT model in a folder: rows, CPU time, and how that compares with what PICT (pairs) or ACTS (triples)
//! needed.
//!
//! `bench-plan FOLDER [--strength T] [--effort quick|normal|long] [--rows FOLDER]`, always a release build. With `--rows`
//! each plan is written as TSV, for a checker that shares nothing with the planner. Exits with 1 when any plan is larger
//! than theirs.
#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use coexist_cover::pict::{self, Dialect};
use coexist_cover::{Effort, Request, plan};
use rustix::time::{ClockId, clock_gettime};

mod recorded;

type Failure = Box<dyn Error>;

struct Asked {
    folder: PathBuf,
    strength: usize,
    effort: Effort,
    rows: Option<PathBuf>,
}

fn main() -> Result<ExitCode, Failure> {
    let asked = asked()?;
    let mut models: Vec<PathBuf> = std::fs::read_dir(&asked.folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "pict"))
        .collect();
    models.sort();
    println!("model                                     rows  bound  known  ratio  cpu s");
    let (mut logs, mut slowest, mut larger) = (Vec::new(), 0f64, 0);
    for path in models {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path)?;
        let before = cpu();
        let parsed = match pict::parse(&text, &Dialect::default()) {
            Ok(parsed) => parsed,
            Err(mistakes) => {
                println!("{name}: {}", mistakes.first().map_or(String::new(), ToString::to_string));
                continue;
            }
        };
        let request = Request {
            strength: parsed.strength(asked.strength),
            effort: asked.effort,
            ..Request::strength(asked.strength)
        };
        let made = match plan(&parsed.model, &request) {
            Ok(made) => made,
            Err(error) => {
                println!("{name}: {error}");
                continue;
            }
        };
        let took = cpu() - before;
        slowest = slowest.max(took);
        let known = recorded::rows(&name, asked.strength);
        let ratio = known.map(|known| made.rows.len() as f64 / known as f64);
        logs.extend(ratio.map(f64::ln));
        larger += usize::from(ratio.is_some_and(|ratio| ratio > 1.0));
        println!(
            "{name:<40} {:>5} {:>6} {:>6} {:>6} {took:>6.2}",
            made.rows.len(),
            made.lower_bound,
            known.map_or("-".to_string(), |known| known.to_string()),
            ratio.map_or("-".to_string(), |ratio| format!("{ratio:.3}")),
        );
        if let Some(folder) = &asked.rows {
            write(&folder.join(format!("{name}.tsv")), &parsed, &made)?;
        }
    }
    let mean = (logs.iter().sum::<f64>() / logs.len().max(1) as f64).exp();
    println!("{} compared: geometric mean {mean:.3}, larger {larger}; slowest {slowest:.2} s", logs.len());
    Ok(if larger == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn asked() -> Result<Asked, Failure> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().ok_or("a folder of models was expected")?.into();
    let mut asked = Asked { folder, strength: 2, effort: Effort::Normal, rows: None };
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match (&*word, &*value) {
            ("--strength", strength) => asked.strength = strength.parse()?,
            ("--effort", "quick") => asked.effort = Effort::Quick,
            ("--effort", "normal") => asked.effort = Effort::Normal,
            ("--effort", "long") => asked.effort = Effort::Long,
            ("--rows", folder) => asked.rows = Some(folder.into()),
            _ => return Err(format!("{word} {value} is not known").into()),
        }
    }
    Ok(asked)
}

/// Seconds of CPU this process has used.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn write(path: &Path, parsed: &pict::PictModel, made: &coexist_cover::Plan) -> Result<(), Failure> {
    let mut lines: Vec<String> =
        vec![parsed.model.parameters().iter().map(|parameter| parameter.name.clone()).collect::<Vec<_>>().join("\t")];
    lines.extend(parsed.model.named(&made.rows).iter().map(|row| row.join("\t")));
    std::fs::write(path, lines.join("\n") + "\n")?;
    Ok(())
}
