//! `cargo xtask demo`: the main job, on the stand-in guest.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::{debian, process, standin};

/// What the demo's run must end with: it exists to show a regression.
const REGRESSED: i32 = 1;

const NEXT: &str = "
`coexist` below is target/debug/coexist; the guest was the stand-in, not Windows. What to try next:
  coexist plan matrices/demo.yaml       what was run, step by step
  coexist check matrices                every mistake in every matrix and recipe, at once
  change `sha256:` of a package in matrices/agents, or a word in matrices/demo.yaml, and check again
  cargo xtask test                      every test of the project, on real machines
";

/// Sets up, builds, runs and shows.
///
/// # Errors
/// When a part of it cannot be done, or the run does not find what it must.
pub(crate) fn demo(root: &Path) -> Result<ExitCode, String> {
    let begun = Instant::now();
    debian::ensure(debian::Purpose::Demo)?;
    println!("Building coexist and the stand-in guest (minutes the first time, nothing afterwards) …");
    standin::build_programs(root)?;
    standin::ensure(root)?;
    println!("Running matrices/demo.yaml … (`coexist` below is target/debug/coexist)");
    let mut run = process::command(root, process::built("coexist")?, &["run", "matrices/demo.yaml"]);
    let status = run.status().map_err(|error| error.to_string())?;
    if status.code() != Some(REGRESSED) {
        return Err(format!(
            "the demo must end with a regression found (exit code {REGRESSED}), but ended with {status}"
        ));
    }
    print!("{NEXT}");
    println!("The demo took {} s, set-up and building included.", begun.elapsed().as_secs());
    Ok(ExitCode::SUCCESS)
}
