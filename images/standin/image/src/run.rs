//! Runs the tools of this build.

use std::process::{Command, Stdio};

use crate::error::BuildError;
use crate::tools;

/// How much of a failed program's output an error quotes, in bytes.
const QUOTED: usize = 2000;

/// A command for a tool, found even outside the caller's PATH, speaking English.
pub(crate) fn command(tool: &str) -> Command {
    let mut command = Command::new(tools::find(tool).unwrap_or_else(|| tool.into()));
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns what it wrote to its output.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| BuildError::Start { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    let said = tail(&said);
    Err(BuildError::Failed { program, status: output.status.to_string(), said })
}

/// The end of a program's output, as text.
pub(crate) fn tail(output: &[u8]) -> String {
    String::from_utf8_lossy(&output[output.len().saturating_sub(QUOTED)..]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_quotes_the_program() {
        let error = run(command("sh").args(["-c", "echo no >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("no"), "{error}");
        assert_eq!(run(command("echo").arg("hi")).unwrap(), b"hi\n");
        assert!(matches!(run(&mut command("no-such-program-anywhere")), Err(BuildError::Start { .. })));
    }

    #[test]
    fn long_output_keeps_its_end() {
        let text = format!("{}end", "x".repeat(10_000));
        assert!(tail(text.as_bytes()).ends_with("end"));
        assert_eq!(tail(text.as_bytes()).len(), QUOTED);
    }
}
