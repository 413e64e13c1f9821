//! One run of a package's sequence.

use std::collections::BTreeMap;

use super::condition::{self, Facts};
use super::directories::{self, SYSTEM_FOLDERS};
use super::formatted::{self, Names};
use super::journal::Journal;
use super::log::Log;
use super::package::{Package, Record};
use super::products::{self, Product};
use super::{actions, custom};
use crate::process::Process;

/// The installation failed and was rolled back; the log says why.
#[derive(Debug)]
pub(super) struct Failed;

/// What is done to the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is not there yet.
    Install,
    /// It is there and is put there again.
    Repair,
    /// It is there and nothing was asked for.
    Maintain,
    /// It goes.
    Remove,
}

/// One entry of the script that InstallFinalize runs.
pub(super) enum Step {
    Standard(actions::Action),
    Command(custom::Command),
    /// To be run if a later step fails.
    Rollback(custom::Command),
    /// To be run when all is done.
    Commit(custom::Command),
    /// Remove a product within the transaction.
    RemoveProduct(Product),
}

/// A file that the package installs.
#[derive(Debug, Clone)]
pub(super) struct PackagedFile {
    pub(super) key: String,
    /// Full Windows path.
    pub(super) path: String,
    /// Name at the source, for packages that are not compressed.
    pub(super) source_name: String,
    pub(super) size: u64,
    pub(super) sequence: i32,
}

pub(super) struct Session<'a> {
    pub(super) process: &'a Process,
    pub(super) package: Package,
    /// Windows path of the package.
    pub(super) source: String,
    pub(super) mode: Mode,
    pub(super) properties: BTreeMap<String, String>,
    /// Directory keys to paths with a backslash at the end; filled by CostFinalize.
    pub(super) directories: BTreeMap<String, String>,
    /// Components that take part, by key.
    pub(super) components: BTreeMap<String, Record>,
    /// Their files.
    pub(super) files: Vec<PackagedFile>,
    pub(super) script: Vec<(String, Step)>,
    /// Between InstallInitialize and InstallFinalize.
    pub(super) scripting: bool,
    pub(super) journal: Journal,
    pub(super) log: &'a mut Log,
    /// A restart is needed.
    pub(super) reboot: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        process: &'a Process,
        package: Package,
        source: String,
        mode: Mode,
        installed: Option<&Product>,
        given: &[(String, String)],
        log: &'a mut Log,
    ) -> Self {
        let mut properties = system_properties(process);
        properties.extend(package.properties.clone());
        if let Some(product) = installed {
            properties.insert("Installed".to_owned(), "00:00:00".to_owned());
            properties.insert("ProductState".to_owned(), "5".to_owned());
            let kept = product.directories.iter().filter_map(|it| it.split_once('='));
            properties.extend(kept.map(|(name, path)| (name.to_owned(), path.to_owned())));
        }
        if mode == Mode::Remove {
            properties.insert("REMOVE".to_owned(), "ALL".to_owned());
        }
        if mode == Mode::Repair {
            properties.insert("REINSTALL".to_owned(), "ALL".to_owned());
        }
        properties.extend(given.iter().cloned());
        properties.retain(|_, value| !value.is_empty());
        properties.insert("OriginalDatabase".to_owned(), source.clone());
        let folder = source.rsplit_once('\\').map_or("C:", |(folder, _)| folder);
        properties.insert("SourceDir".to_owned(), format!("{folder}\\"));
        Self {
            process,
            package,
            source,
            mode,
            properties,
            directories: BTreeMap::new(),
            components: BTreeMap::new(),
            files: Vec::new(),
            script: Vec::new(),
            scripting: false,
            journal: Journal::default(),
            log,
            reboot: false,
        }
    }

    pub(super) fn product_code(&self) -> String {
        self.properties.get("ProductCode").cloned().unwrap_or_default()
    }

    /// Runs the sequence; afterwards everything is committed or rolled back.
    pub(super) fn run(&mut self) -> Result<(), Failed> {
        let outcome = self.run_sequence();
        if outcome.is_ok() {
            self.journal.commit(&self.process.system);
        } else {
            self.log.line("Executing op: rollback");
            self.journal.roll_back(self.process);
        }
        let name = self.properties.get("ProductName").cloned().unwrap_or_default();
        let what = if self.mode == Mode::Remove { "Removal" } else { "Installation" };
        let how = if outcome.is_ok() { "completed successfully" } else { "failed" };
        self.log.line(&format!("Product: {name} -- {what} {how}."));
        outcome
    }

    /// Runs the sequence and leaves its journal open.
    fn run_sequence(&mut self) -> Result<(), Failed> {
        let mut actions: Vec<(i32, String, String)> = self
            .package
            .rows("InstallExecuteSequence")
            .iter()
            .filter_map(|row| Some((row.number("Sequence")?, row.text("Action"), row.text("Condition"))))
            .filter(|(sequence, ..)| *sequence > 0)
            .collect();
        actions.sort();
        if actions.is_empty() {
            self.log.error(2229, "The package has no InstallExecuteSequence.");
            return Err(Failed);
        }
        self.log.begin("INSTALL");
        for (_, action, text) in actions {
            match condition::holds(&text, self) {
                Some(true) => {}
                Some(false) => {
                    self.log.line(&format!("Skipping action: {action} (condition is false)"));
                    continue;
                }
                None => {
                    self.log.error(2762, &format!("Condition of {action} cannot be evaluated: {text}"));
                    return Err(Failed);
                }
            }
            if self.process.cancel.is_cancelled() {
                return Err(Failed);
            }
            self.log.line(&format!("Doing action: {action}"));
            self.log.begin(&action);
            let outcome = actions::perform(self, &action);
            self.log.end(&action, if outcome.is_ok() { 1 } else { 3 });
            outcome.inspect_err(|_| self.log.end("INSTALL", 3))?;
        }
        self.log.end("INSTALL", 1);
        Ok(())
    }

    /// Runs what was gathered since InstallInitialize.
    pub(super) fn run_script(&mut self) -> Result<(), Failed> {
        self.scripting = false;
        let mut commits = Vec::new();
        for (name, step) in std::mem::take(&mut self.script) {
            self.log.line(&format!("Executing op: ActionStart(Name={name})"));
            match step {
                Step::Standard(action) => actions::execute(self, action)?,
                Step::Command(command) => custom::execute(self, &name, &command)?,
                Step::Rollback(command) => self.journal.push(command.undo()),
                Step::Commit(command) => commits.push((name, command)),
                Step::RemoveProduct(product) => self.remove_product(&product, true)?,
            }
        }
        for (name, command) in commits {
            custom::execute(self, &name, &command)?;
        }
        Ok(())
    }

    /// Removes another product with its own cached package. With `together`, a failure of this installation later brings
    /// it back.
    pub(super) fn remove_product(&mut self, product: &Product, together: bool) -> Result<(), Failed> {
        let system = &self.process.system;
        let path = product.local_package.clone();
        let package = std::fs::File::open(system.volume.resolve(&path)).and_then(Package::read).map_err(|_| Failed)?;
        let given = [("UPGRADINGPRODUCTCODE".to_owned(), self.product_code())];
        let mut nested = Session::new(self.process, package, path, Mode::Remove, Some(product), &given, &mut *self.log);
        if together {
            let outcome = nested.run_sequence();
            let (journal, reboot) = (std::mem::take(&mut nested.journal), nested.reboot);
            self.journal.append(journal);
            self.reboot |= reboot;
            outcome
        } else {
            let outcome = nested.run();
            let reboot = nested.reboot;
            self.reboot |= reboot;
            outcome
        }
    }

    /// Text with what stands in brackets replaced.
    pub(super) fn format(&self, text: &str) -> String {
        formatted::format(text, self)
    }

    /// CostFinalize: directories, components, files.
    pub(super) fn cost(&mut self) -> Result<(), Failed> {
        let directories = self.package.rows("Directory");
        self.directories = directories::resolve(&directories, &self.properties);
        for (key, path) in &self.directories {
            self.properties.insert(key.clone(), path.clone());
        }
        for row in self.package.rows("Component") {
            let condition = row.text("Condition");
            let wanted = self.mode == Mode::Remove || condition::holds(&condition, self).unwrap_or(false);
            if wanted {
                self.components.insert(row.text("Component"), row);
            }
        }
        for row in self.package.rows("File") {
            let Some(component) = self.components.get(&row.text("Component_")) else { continue };
            let Some(directory) = self.directories.get(&component.text("Directory_")) else {
                self.log.error(2203, &format!("Directory {} is unknown.", component.text("Directory_")));
                return Err(Failed);
            };
            // short|long
            let name = row.text("FileName");
            let name = name.rsplit('|').next().unwrap_or(&name).to_owned();
            self.files.push(PackagedFile {
                key: row.text("File"),
                path: format!("{directory}{name}"),
                source_name: name,
                size: row.number("FileSize").and_then(|it| u64::try_from(it).ok()).unwrap_or(0),
                sequence: row.number("Sequence").unwrap_or(0),
            });
        }
        self.files.sort_by_key(|it| it.sequence);
        Ok(())
    }
}

impl Facts for Session<'_> {
    fn property(&self, name: &str) -> Option<String> {
        self.properties.get(name).cloned()
    }

    fn marked(&self, mark: char, name: &str) -> Option<String> {
        // 2 absent, 3 local.
        let now = self.properties.contains_key("Installed");
        let state = |there: bool| Some(if there { "3" } else { "2" }.to_owned());
        match mark {
            '%' => self.process.environment.get(name).map(str::to_owned),
            '$' if !self.components.contains_key(name) => None,
            '$' | '&' => state(self.mode != Mode::Remove),
            _ => state(now),
        }
    }
}

impl Names for Session<'_> {
    fn property(&self, name: &str) -> Option<String> {
        self.properties.get(name).cloned()
    }

    fn file(&self, key: &str) -> Option<String> {
        self.files.iter().find(|it| it.key == key).map(|it| it.path.clone())
    }

    fn component(&self, key: &str) -> Option<String> {
        self.directories.get(&self.components.get(key)?.text("Directory_")).cloned()
    }

    fn environment(&self, name: &str) -> Option<String> {
        self.process.environment.get(name).map(str::to_owned)
    }
}

/// Properties the system sets.
fn system_properties(process: &Process) -> BTreeMap<String, String> {
    let system = &process.system;
    let server = system
        .registry
        .text(r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion", "InstallationType")
        .is_some_and(|it| it == "Server");
    let folders = SYSTEM_FOLDERS.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned()));
    let mut properties: BTreeMap<String, String> = folders.collect();
    for (name, value) in [
        // Packages are told 6.3 by every Windows since 8.1, for compatibility.
        ("VersionNT", "603"),
        ("VersionNT64", "603"),
        ("WindowsBuild", "9600"),
        ("ServicePackLevel", "0"),
        ("MsiNTProductType", if server { "3" } else { "1" }),
        ("VersionMsi", "5.00"),
        ("Intel", "6"),
        ("Intel64", "6"),
        ("Msix64", "6"),
        ("AdminUser", "1"),
        ("Privileged", "1"),
        ("UILevel", "2"),
        ("USERNAME", crate::USER),
        ("LogonUser", crate::USER),
        ("ComputerName", &system.computer_name()),
        ("SystemLanguageID", "1033"),
        ("UserLanguageID", "1033"),
        ("ROOTDRIVE", "C:\\"),
        ("ProductState", "-1"),
    ] {
        properties.insert(name.to_owned(), value.to_owned());
    }
    properties
}

/// Products that the Upgrade table is about, each with the property it goes into and whether it is only detected.
pub(super) fn related_products(session: &mut Session<'_>) -> Vec<(String, Product, bool)> {
    const ONLY_DETECT: i32 = 2;
    let mut found = Vec::new();
    for row in session.package.rows("Upgrade") {
        let attributes = row.number("Attributes").unwrap_or(0);
        for product in products::related(&session.process.system.registry, &row.text("UpgradeCode")) {
            let (min, max) = (row.optional("VersionMin"), row.optional("VersionMax"));
            let own = product.code == session.product_code();
            if !own && products::in_range(&product.version, min.as_deref(), max.as_deref(), attributes) {
                found.push((row.text("ActionProperty"), product, attributes & ONLY_DETECT != 0));
            }
        }
    }
    found
}
