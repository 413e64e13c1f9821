//! `coexist triage`: what files of a crashed machine are, and what they prove.

mod files;
mod text;

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use coexist_evidence::DriverOwners;
use coexist_model::{DriverFile, Exit, Triage};

use crate::args::TriageArgs;
use crate::{printable, say};
use files::Found;

/// Prints what each file is and proves, one after the other. The exit codes are those of the contract.
pub(crate) fn triage(args: &TriageArgs) -> Exit {
    let owners = match owners(args.agents.as_deref()) {
        Ok(owners) => owners,
        Err(exit) => return exit,
    };
    let owners = owners.with_files(driver_files(args));
    let mut tally = Tally::default();
    let mut stopped = None;
    files::each(&args.paths, args.recursive, &mut |found| match tally.one(found, &owners, args.json) {
        ControlFlow::Continue(()) => true,
        ControlFlow::Break(exit) => {
            stopped = exit;
            false
        }
    });
    stopped.unwrap_or_else(|| tally.exit(args.recursive))
}

/// Whose drivers are whose, by the recipes.
fn owners(agents: Option<&Path>) -> Result<DriverOwners, Exit> {
    let folder = agents.unwrap_or_else(|| Path::new("matrices/agents"));
    if agents.is_some() && !folder.is_dir() {
        say::aside(&format!("error: --agents {}: no such folder", folder.display()));
        return Err(Exit::Usage);
    }
    Ok(coexist_plan::driver_owners(folder).into_iter().collect())
}

/// Largest driver that is read for what it says of its maker.
const MAX_DRIVER: u64 = 64 << 20;

/// Driver files among those that are meant: they say who made the drivers that dumps name.
fn driver_files(args: &TriageArgs) -> Vec<(String, DriverFile)> {
    let mut drivers = Vec::new();
    files::each(&args.paths, args.recursive, &mut |found| {
        if let Found::File(path, file) = found
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
            && name.to_ascii_lowercase().ends_with(".sys")
            && let Some(facts) = driver_file(file)
        {
            drivers.push((name.to_owned(), facts));
        }
        true
    });
    drivers
}

/// What a file says of itself, if it is a driver's: a page file has the same ending.
fn driver_file(mut file: File) -> Option<DriverFile> {
    let mut bytes = Vec::new();
    file.by_ref().take(2).read_to_end(&mut bytes).ok()?;
    bytes.starts_with(b"MZ").then_some(())?;
    file.take(MAX_DRIVER).read_to_end(&mut bytes).ok()?;
    coexist_evidence::read_driver_file(&bytes).ok()
}

/// What has come of the files so far.
#[derive(Default)]
struct Tally {
    whole: usize,
    damaged_or_unknown: usize,
    unreadable: usize,
}

impl Tally {
    fn one(&mut self, found: Found, owners: &DriverOwners, json: bool) -> ControlFlow<Option<Exit>> {
        let (path, file) = match found {
            Found::File(path, file) => (path, file),
            Found::PassedOver(path, why) => {
                say::aside(&format!("passed over: {}: {why}", shown(&path)));
                return ControlFlow::Continue(());
            }
            Found::Unreadable(path, why) => return self.unreadable(&path, &why),
        };
        let findings = match coexist_evidence::triage(file, owners) {
            Ok(findings) => findings,
            Err(error) => return self.unreadable(&path, &error.to_string()),
        };
        if findings.read_whole() {
            self.whole += 1;
        } else {
            self.damaged_or_unknown += 1;
        }
        let triage = Triage::new(path.to_string_lossy(), findings);
        if !json {
            let between = if self.whole + self.damaged_or_unknown == 1 { "" } else { "\n" };
            return say::say_part(&format!("{between}{}", text::render(&triage)));
        }
        match serde_json::to_string(&triage) {
            Ok(line) => say::say_part(&format!("{line}\n")),
            Err(error) => {
                crate::complain(&error);
                ControlFlow::Break(Some(Exit::Internal))
            }
        }
    }

    fn unreadable(&mut self, path: &Path, why: &str) -> ControlFlow<Option<Exit>> {
        self.unreadable += 1;
        say::aside(&format!("error: {}: {}", shown(path), printable::line(why)));
        ControlFlow::Continue(())
    }

    fn exit(&self, recursive: bool) -> Exit {
        if self.whole + self.damaged_or_unknown == 0 {
            if self.unreadable == 0 {
                let hint = if recursive { "" } else { "; folders of folders are looked into with -r" };
                say::aside(&format!("error: no file there{hint}"));
            }
            Exit::Usage
        } else if self.damaged_or_unknown + self.unreadable > 0 {
            // The code is the contract's; its meaning for a triage stands in the command's help.
            Exit::ProductFailure
        } else {
            Exit::Clean
        }
    }
}

fn shown(path: &Path) -> String {
    printable::line(&path.to_string_lossy())
}
