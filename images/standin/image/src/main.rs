//! Command line of the image build: `standin-image [WORKSPACE]`.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use standin_image::{Options, build};

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    let workspace = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let workspace = match Path::new(&workspace).canonicalize() {
        Ok(workspace) => workspace,
        Err(error) => {
            eprintln!("standin-image: {}: {error}", Path::new(&workspace).display());
            return ExitCode::from(2);
        }
    };
    match build(&Options::for_workspace(&workspace), &|step| eprintln!("standin-image: {step}")) {
        Ok(image) => {
            let state = if image.rebuilt { "built" } else { "up to date" };
            println!("{} {} ({state})", image.sha256, image.disk.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("standin-image: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}
