//! Writes the stand-in's packages and prints their digests.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Writes the packages of the invented vendors and prints `sha256  name` lines.
#[derive(Parser)]
#[command(name = "standin-forge")]
struct Arguments {
    /// Folder to write into; it is made when missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match standin_forge::write_packages(&Arguments::parse().out) {
        Ok(files) => {
            files.iter().for_each(|file| println!("{}  {}", file.sha256, file.name));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let mut message = format!("standin-forge: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                message.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
