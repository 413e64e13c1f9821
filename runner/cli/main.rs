//! The command line: arguments, progress, exit codes. The only place that picks real ports.

mod args;
mod check;
mod coverage;
mod doctor;
mod exit_codes;
mod host;
mod ledger;
mod packages;
mod pict;
mod plan;
mod printable;
mod progress;
mod report;
mod run;
mod say;
mod schema;
mod triage;

use clap::Parser;
use coexist_model::Exit;

use args::{Args, Command, Topic};

fn main() -> std::process::ExitCode {
    // Rust's own exit code for a panic is no contract.
    let exit = std::panic::catch_unwind(|| match Args::try_parse() {
        Ok(args) => dispatch(args),
        Err(answer) => args::answer(&answer),
    });
    exit.unwrap_or(Exit::Internal).code().into()
}

fn dispatch(args: Args) -> Exit {
    start_logging();
    match args.command {
        Command::Check(check) => check::check(&check),
        Command::Plan(plan) => plan::plan(&plan),
        Command::Coverage(coverage) => coverage::coverage(&coverage),
        Command::Run(run) => run::run(&run),
        Command::Ledger(ledger) => ledger::ledger(&ledger),
        Command::Report(report) => report::report(&report),
        Command::Triage(triage) => triage::triage(&triage),
        Command::Schema(schema) => schema::schema(&schema),
        Command::Doctor(doctor) => doctor::doctor(&doctor),
        Command::Help { topic: Some(Topic::ExitCodes) } => exit_codes::print(),
        Command::Help { topic: None } => args::print_help(),
    }
}

/// Diagnostics for developers go to standard error when `COEXIST_LOG` asks for them; progress and results are events.
fn start_logging() {
    if let Ok(filter) = std::env::var("COEXIST_LOG") {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}

/// Says what went wrong, with its causes, once.
fn complain(what: &dyn std::error::Error) {
    let mut text = format!("error: {}", printable::line(&what.to_string()));
    let mut cause = what.source();
    while let Some(error) = cause {
        text.push_str(&format!("\n  because: {}", printable::line(&error.to_string())));
        cause = error.source();
    }
    say::aside(&text);
}
