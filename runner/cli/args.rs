//! What can be asked on the command line.

mod coverage;
mod effort;
mod ledger;
mod pict;
mod plan;

pub(crate) use coverage::CoverageArgs;
pub(crate) use effort::Effort;
pub(crate) use ledger::{LedgerArgs, LedgerCommand};
pub(crate) use plan::{PictPlanArgs, PlanArgs};

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use coexist_model::Exit;

use crate::say;

/// Shows, before an update ships, which combination of endpoint-security products, Windows version and settings it
/// breaks.
#[derive(Debug, Parser)]
#[command(name = "coexist", version, disable_help_subcommand = true)]
#[command(after_help = "Exit codes are a contract: see `coexist help exit-codes`.")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check matrices, recipes and images: every mistake at once
    Check(CheckArgs),
    /// Show what a matrix would run, without running it; or choose rows for a PICT model
    Plan(PlanArgs),
    /// Show which combinations of a matrix were tested, when; or measure what a suite covers of a PICT model
    Coverage(CoverageArgs),
    /// Run a matrix and write reports
    Run(RunArgs),
    /// Remember runs, and show or forget what is remembered of them
    Ledger(LedgerArgs),
    /// Write the reports of a finished run again, from its record
    Report(ReportArgs),
    /// Say what files of a crashed machine are, and what they prove: dumps, event logs, drivers
    Triage(TriageArgs),
    /// Print the JSON Schema of a file, for editors
    Schema(SchemaArgs),
    /// Say what this host can do, and why not: exit code 0 when machines can be made, 2 when not
    Doctor(DoctorArgs),
    /// Explain a topic
    Help {
        /// What to explain
        topic: Option<Topic>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Topic {
    /// What the exit codes mean
    ExitCodes,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// Files, or folders of them
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Color,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The matrix
    pub(crate) matrix: PathBuf,
    /// Folder for record, evidence and reports; must not exist or be empty [default: reports/out/RUN]. Below the working
    /// folder, where CI systems look: outside it, attachments in junit.xml are named by absolute paths
    #[arg(long, value_name = "DIR", env = "COEXIST_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Only cells with this id; may be given more than once
    #[arg(long = "cell", value_name = "ID")]
    pub(crate) cells: Vec<String>,
    #[command(flatten)]
    pub(crate) wishes: crate::plan::Wishes,
    #[command(flatten)]
    pub(crate) ledger: ledger::LedgerFile,
    /// How to show progress
    #[arg(long, value_enum, default_value_t, env = "COEXIST_PROGRESS")]
    pub(crate) progress: ProgressStyle,
    /// When to use colour
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// A bar on a terminal, lines elsewhere
    #[default]
    Auto,
    /// A bar
    Bar,
    /// One line per event, and a heartbeat
    Lines,
    /// Nothing
    None,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Folder of the run
    pub(crate) run: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 every file was read whole; 1 some are damaged, unknown or cannot be read (the facts \
                        of the others are told all the same); 2 the request is wrong, or nothing can be read."
)]
pub(crate) struct TriageArgs {
    /// Files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Look into the folders of folders too; symbolic links are never followed
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// For machines: one JSON object per file and line, as docs/triage.md describes it
    #[arg(long)]
    pub(crate) json: bool,
    /// Folder of recipes, which say whose a driver is [default: matrices/agents, where it is there]
    #[arg(long, value_name = "DIR")]
    pub(crate) agents: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// The file that is written
    #[arg(value_name = "matrix|recipe|image")]
    pub(crate) file: WrittenFile,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WrittenFile {
    /// Which combinations are tried, and what is done to each
    Matrix,
    /// One vendor's product
    Recipe,
    /// One golden image
    Image,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// For machines
    #[arg(long)]
    pub(crate) json: bool,
    /// Folder of the image catalogue [default: images, where it is there]
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// Read the whole disk of every image, and compare it with its digest
    #[arg(long)]
    pub(crate) verify: bool,
}

pub(crate) fn print_help() -> Exit {
    say::say(&styled(&Args::command().render_help(), &std::io::stdout()), Exit::Clean)
}

/// What the parser answers instead of arguments: help and the version, which were asked for, or what is wrong.
pub(crate) fn answer(answer: &clap::Error) -> Exit {
    if answer.use_stderr() {
        say::aside(&styled(&answer.render(), &std::io::stderr()));
        return Exit::Usage;
    }
    say::say(&styled(&answer.render(), &std::io::stdout()), Exit::Clean)
}

fn styled(text: &StyledStr, to: &impl IsTerminal) -> String {
    if Color::Auto.enabled_on(to) { text.ansi().to_string() } else { text.to_string() }
}

impl Color {
    /// Whether standard error takes colour.
    pub(crate) fn enabled(self) -> bool {
        self.enabled_on(&std::io::stderr())
    }

    /// Whether a stream takes colour: the flag, then NO_COLOR, then TERM, then whether it is a terminal.
    fn enabled_on(self, stream: &impl IsTerminal) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb") && stream.is_terminal()
            }
        }
    }
}
