//! A lab in a folder of its own: matrix, recipes, packages, image.

use std::path::{Path, PathBuf};

use rand::RngExt;
use standin_forge::{Agent, Content};

use crate::program::{Program, Report};

/// A matrix with everything it names.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    seed: u64,
    pub(crate) policy: Policy,
    /// Products that are installed before the candidate's, in this order.
    others: Vec<String>,
    /// Commands after the installation of the candidate's product.
    pub(crate) then: Vec<String>,
    /// Folder whose programs are found before the host's.
    pub(crate) programs: Option<PathBuf>,
}

/// The matrix's policy: longest times in seconds, and what the lab may try again.
pub(crate) struct Policy {
    /// The image's own when absent.
    pub(crate) boot: Option<u32>,
    pub(crate) install: u32,
    /// Until a guest that does not come back is given up.
    pub(crate) reboot: u32,
    pub(crate) exercise: u32,
    /// How often an arm that the lab failed is begun anew.
    pub(crate) retries: u32,
}

impl Policy {
    /// One key of the matrix, indented by two.
    fn text(&self) -> String {
        let Self { boot, install, reboot, exercise, retries } = self;
        let boot = boot.map(|boot| format!("boot: {boot}s, ")).unwrap_or_default();
        format!(
            "policy:\n  lab-fault-retries: {retries}\n  deadlines: {{{boot}reboot: {reboot}s, install: {install}s, exercise: {exercise}s}}\n"
        )
    }
}

/// The candidate of a lab.
pub(crate) enum Candidate<'a> {
    /// A product on a machine that never had it; the baseline gets `old`.
    Fresh { old: &'a Agent, new: &'a Agent },
    /// A content file for a product that is there.
    Content { agent: &'a Agent, content: &'a Content },
}

/// Files of the stand-in's client image.
pub(crate) struct ImageFiles {
    pub(crate) disk: PathBuf,
    pub(crate) host_key: PathBuf,
    pub(crate) key: PathBuf,
}

impl Default for ImageFiles {
    /// As they were built.
    fn default() -> Self {
        let out = repository().join("images/standin/out");
        Self { disk: out.join("standin.qcow2"), host_key: out.join("host_key.pub"), key: out.join("id_ed25519") }
    }
}

impl Lab {
    pub(crate) fn new() -> Self {
        let seed = std::env::var("COEXIST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| rand::rng().random());
        println!("COEXIST_SEED={seed} repeats this draw");
        let folder = tempfile::Builder::new().prefix("coexist-live-").tempdir().unwrap();
        for name in ["agents", "packages"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let policy = Policy { boot: None, install: 60, reboot: 90, exercise: 60, retries: 0 };
        let lab = Self { folder, seed, policy, others: Vec::new(), then: Vec::new(), programs: None };
        lab.write_image(&ImageFiles::default());
        lab
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The stand-in's client image, made of these files. Its digest stays the one of the disk as it was built.
    pub(crate) fn write_image(&self, files: &ImageFiles) {
        let out = repository().join("images/standin/out");
        let mut text = std::fs::read_to_string(repository().join("images/standin-client/image.yaml")).unwrap();
        for (line, file) in [
            ("host-key-file: ../standin/out/host_key.pub", &files.host_key),
            ("key-file: ../standin/out/id_ed25519", &files.key),
            ("path: ../standin/out/standin.qcow2", &files.disk),
            ("sha256-file: ../standin/out/standin.qcow2.sha256", &out.join("standin.qcow2.sha256")),
        ] {
            let (key, _) = line.split_once(' ').unwrap();
            let found = format!(" {line}\n");
            assert!(text.contains(&found), "{line}");
            text = text.replace(&found, &format!(" {key} {}\n", file.display()));
        }
        let folder = self.path("images/standin-client");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("image.yaml"), text).unwrap();
    }

    /// A matrix of one cell. `scenario` is YAML, indented by two.
    pub(crate) fn write_matrix(&self, candidate: &Candidate<'_>, scenario: &str) {
        let text = match candidate {
            Candidate::Fresh { old, new } => {
                self.write_recipe(old, &self.then);
                let package = self.write_package(&new.package_name(), &new.package().unwrap());
                format!("agent: {}\n  kind: fresh\n  version: \"{}\"\n{package}", new.id, new.version)
            }
            Candidate::Content { agent, content } => {
                self.write_recipe(agent, &self.then);
                let version = content.text.lines().next().unwrap();
                let package = self.write_package("content.dat", content.text.as_bytes());
                format!(
                    "agent: {}\n  kind: content\n  version: \"{version}\"\n{package}  destination: '{}'\n  \
                     then: [\"sc control {} paramchange\"]\n",
                    agent.id, content.path, agent.service.name
                )
            }
        };
        let id = match candidate {
            Candidate::Fresh { old, .. } => &old.id,
            Candidate::Content { agent, .. } => &agent.id,
        };
        let agents: Vec<&str> = self.others.iter().chain([id]).map(String::as_str).collect();
        let matrix = format!(
            "matrix: live\ncatalogue: {{agents: agents, images: images}}\nimages: [standin-client]\n\
             agents:\n  - [{}]\ncandidate:\n  {text}scenario:\n{scenario}{}",
            agents.join(", "),
            self.policy.text()
        );
        std::fs::write(self.path("live.yaml"), matrix).unwrap();
    }

    /// Another product in the cell.
    pub(crate) fn add(&mut self, agent: &Agent) {
        self.write_recipe(agent, &[]);
        self.others.push(agent.id.clone());
    }

    /// Another product in the cell, whose installer is a command file that leaves one file behind.
    pub(crate) fn add_script(&mut self, id: &str, lines: &[String], leaves: &str) {
        let package =
            self.write_package(&format!("{id}.cmd"), format!("@echo off\r\n{}\r\n", lines.join("\r\n")).as_bytes());
        let install = "kind: script\n  exit-codes: {0: success, 1641: restart-begun}";
        let parts = format!("probes:\n  - file: '{leaves}'\n");
        self.write_recipe_file(id, [id, id, "1.0"], &package, install, &parts);
        self.others.push(id.to_owned());
    }

    fn write_recipe(&self, agent: &Agent, then: &[String]) {
        let package = self.write_package(&agent.package_name(), &agent.package().unwrap());
        let then: String = then.iter().map(|command| format!("\n    - '{command}'")).collect();
        let install = if then.is_empty() { "kind: msi".to_owned() } else { format!("kind: msi\n  then:{then}") };
        let mut parts = format!("services: [{}]\n", agent.service.name);
        if let Some(driver) = &agent.driver {
            parts.push_str(&format!("drivers:\n  - {{name: {}, file: {}}}\n", driver.service, driver.file_name));
        }
        self.write_recipe_file(&agent.id, [&agent.vendor, &agent.product, &agent.version], &package, &install, &parts);
    }

    /// A recipe of one version; names in the order vendor, product, version.
    fn write_recipe_file(&self, id: &str, names: [&str; 3], package: &str, install: &str, parts: &str) {
        let [vendor, product, version] = names;
        let package = package.replace('\n', "\n  ");
        let text = format!(
            "id: {id}\nvendor: {vendor}\nproduct: {product}\ncurrent: \"{version}\"\nversions:\n  \
             - version: \"{version}\"\n  {package}\ninstall:\n  {install}\n{parts}"
        );
        std::fs::write(self.path("agents").join(format!("{id}.yaml")), text).unwrap();
    }

    /// Writes a package and returns its `package:` lines, with absolute paths.
    fn write_package(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path("packages").join(name);
        std::fs::write(&path, bytes).unwrap();
        format!("  package:\n    path: {}\n    sha256: {}\n", path.display(), digest(bytes))
    }

    /// The program on this lab's matrix, started.
    pub(crate) fn start(&self, out: &Path) -> Program {
        Program::run("live.yaml", self.folder.path(), out, self.programs.as_deref())
    }

    /// Runs the matrix to its end.
    pub(crate) fn run(&self) -> Report {
        let out = self.path("out");
        Report::of(self.start(&out), &out)
    }
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
