//! A lab in a folder of its own: matrix, recipes, packages, and the program's report on them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rand::RngExt;
use serde_json::Value;
use standin_forge::{Agent, Content};

/// A matrix with everything it names.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    seed: u64,
    /// Seconds until a guest that does not come back is given up.
    pub(crate) reboot_deadline: u32,
}

/// What a finished run left.
pub(crate) struct Report {
    pub(crate) exit: i32,
    pub(crate) run: Value,
    pub(crate) junit: String,
    pub(crate) stderr: String,
    pub(crate) folder: PathBuf,
}

/// The candidate of a lab.
pub(crate) enum Candidate<'a> {
    /// A product on a machine that never had it; the baseline gets `old`.
    Fresh { old: &'a Agent, new: &'a Agent },
    /// A content file for a product that is there.
    Content { agent: &'a Agent, content: &'a Content },
}

impl Lab {
    pub(crate) fn new() -> Self {
        let seed = std::env::var("COEXIST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| rand::rng().random());
        println!("COEXIST_SEED={seed} repeats this draw");
        let folder = tempfile::Builder::new().prefix("coexist-live-").tempdir().unwrap();
        for name in ["agents", "packages", "image"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let lab = Self { folder, seed, reboot_deadline: 90 };
        lab.write_image(&repository().join("images/standin/out/host_key.pub"));
        lab
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The stand-in's client image, with this host key pinned.
    pub(crate) fn write_image(&self, host_key: &Path) {
        let out = repository().join("images/standin/out");
        let text = std::fs::read_to_string(repository().join("images/standin-client/image.yaml")).unwrap();
        let text = text
            .replace("../standin/out/host_key.pub", &host_key.display().to_string())
            .replace("../standin/out", &out.display().to_string());
        let folder = self.path("images/standin-client");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("image.yaml"), text).unwrap();
    }

    /// A matrix of one cell. `scenario` is YAML, indented by two.
    pub(crate) fn write_matrix(&self, candidate: &Candidate<'_>, scenario: &str) {
        let text = match candidate {
            Candidate::Fresh { old, new } => {
                self.write_recipe(old);
                let package = self.write_package(&new.package_name(), &new.package().unwrap());
                format!("agent: {}\n  kind: fresh\n  version: \"{}\"\n{package}", new.id, new.version)
            }
            Candidate::Content { agent, content } => {
                self.write_recipe(agent);
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
        let matrix = format!(
            "matrix: live\ncatalogue: {{agents: agents, images: images}}\nimages: [standin-client]\n\
             agents:\n  - [{id}]\ncandidate:\n  {text}scenario:\n{scenario}\
             policy:\n  deadlines: {{reboot: {}s, install: 60s, exercise: 60s}}\n",
            self.reboot_deadline
        );
        std::fs::write(self.path("live.yaml"), matrix).unwrap();
    }

    fn write_recipe(&self, agent: &Agent) {
        let package = self.write_package(&agent.package_name(), &agent.package().unwrap());
        let package = package.replace("\n", "\n  ");
        let text = format!(
            "id: {}\nvendor: {}\nproduct: {}\ncurrent: \"{}\"\nversions:\n  - version: \"{}\"\n  {package}\n\
             install:\n  kind: msi\n  exit-codes: {{0: success, 3010: restart-needed}}\n\
             services: [{}]\ndrivers:\n  - {{name: {}, file: {}}}\n",
            agent.id,
            agent.vendor,
            agent.product,
            agent.version,
            agent.version,
            agent.service.name,
            agent.driver.service,
            agent.driver.file_name
        );
        std::fs::write(self.path("agents").join(format!("{}.yaml", agent.id)), text).unwrap();
    }

    /// Writes a package and returns its `package:` lines, with absolute paths.
    fn write_package(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path("packages").join(name);
        std::fs::write(&path, bytes).unwrap();
        format!("  package:\n    path: {}\n    sha256: {}\n", path.display(), digest(bytes))
    }

    /// The program on this lab's matrix, started.
    pub(crate) fn start(&self, out: &Path) -> Program {
        Program::run("live.yaml", self.folder.path(), out)
    }

    /// Runs the matrix to its end.
    pub(crate) fn run(&self) -> Report {
        let out = self.path("out");
        Report::of(self.start(&out), &out)
    }
}

/// The program while it runs. A test that gives up takes it, and its machines, along.
pub(crate) struct Program(Child);

impl Program {
    /// Runs a matrix, started in `folder`.
    pub(crate) fn run(matrix: &str, folder: &Path, out: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_coexist"))
            .args(["run", matrix, "--progress", "lines", "--out"])
            .arg(out)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Its end: exit status, standard output and standard error.
    fn end(mut self) -> (ExitStatus, String, String) {
        let text = |mut stream: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let stdout = text(Box::new(self.0.stdout.take().unwrap()));
        let stderr = text(Box::new(self.0.stderr.take().unwrap()));
        let status = until_within(Duration::from_secs(600), "the run to end", || self.0.try_wait().unwrap());
        (status, stdout.join().unwrap(), stderr.join().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Its machines end with it; after an ordinary end there is nothing left to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Report {
    /// Waits for the program and reads what it left.
    pub(crate) fn of(program: Program, out: &Path) -> Self {
        let (status, stdout, stderr) = program.end();
        println!("{stderr}\n{stdout}");
        let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap_or_default();
        let run = serde_json::from_str(&read("run.json")).unwrap_or(Value::Null);
        let exit = status.code().unwrap_or(-1);
        Self { exit, run, junit: read("junit.xml"), stderr, folder: out.to_owned() }
    }

    pub(crate) fn cell(&self) -> &Value {
        &self.run["cells"][0]
    }

    pub(crate) fn arm(&self, arm: &str) -> &Value {
        &self.cell()["arms"][arm]
    }

    /// The evidence of an arm of this kind, as it lies on the disk.
    pub(crate) fn evidence(&self, arm: &str, kind: &str) -> Vec<(String, PathBuf)> {
        let all = self.arm(arm)["evidence"].as_array().cloned().unwrap_or_default();
        let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
        all.iter()
            .filter(|it| it["kind"] == kind)
            .map(|it| (text(it, "rung"), self.folder.join(text(it, "path"))))
            .collect()
    }

    /// That nothing of the run is left: no machine, no work files.
    pub(crate) fn assert_nothing_left(&self) {
        assert!(!self.folder.join("work").exists(), "work files are left behind");
        let living = machines_of(&self.folder);
        assert!(living.is_empty(), "machines are left behind: {living:?}");
    }
}

/// Processes of QEMU that have files of this folder open or on their command line.
pub(crate) fn machines_of(folder: &Path) -> Vec<u32> {
    // QEMU's command line has the path that the program made of it.
    let needle = folder.canonicalize().unwrap().display().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let command = String::from_utf8_lossy(&command).into_owned();
            let program = command.split('\0').next().unwrap_or_default();
            (program.contains("qemu-system") && command.contains(&needle)).then_some(id)
        })
        .collect()
}

/// Waits until something holds, and says what if it never does.
pub(crate) fn until<T>(what: &str, holds: impl FnMut() -> Option<T>) -> T {
    until_within(Duration::from_secs(120), what, holds)
}

fn until_within<T>(limit: Duration, what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = holds() {
            return value;
        }
        assert!(begun.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
