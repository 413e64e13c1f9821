//! The program as its users start it, and what its run left.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a finished run left.
pub(crate) struct Report {
    pub(crate) exit: i32,
    pub(crate) run: Value,
    pub(crate) junit: String,
    pub(crate) stderr: String,
    pub(crate) folder: PathBuf,
}

/// The program while it runs. A test that gives up takes it, and its machines, along.
pub(crate) struct Program(Child);

impl Program {
    /// Runs a matrix, started in `folder`. Programs in `programs` are found before the host's.
    pub(crate) fn run(matrix: &str, folder: &Path, out: &Path, programs: Option<&Path>) -> Self {
        let host = std::env::var_os("PATH").unwrap_or_default();
        let path = programs.map(Path::to_owned).into_iter().chain(std::env::split_paths(&host));
        let child = Command::new(env!("CARGO_BIN_EXE_coexist"))
            .env("PATH", std::env::join_paths(path).unwrap())
            // What a test runs is nothing to remember.
            .env("COEXIST_LEDGER", out.with_extension("ledger.sqlite"))
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

    /// The machine's word of each stop came into the record within a second of QEMU's own time of it.
    pub(crate) fn assert_stops_were_noticed_at_once(&self, arm: &str) {
        let time = |at: &Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let stops = events_of(&self.folder).into_iter().filter(|event| {
            let sign = event["machine"]["what"]["sign"].as_str().unwrap_or_default();
            event["arm"] == arm && ["panicked", "crash-loaded"].contains(&sign)
        });
        let late: Vec<_> = stops.map(|it| time(&it["at"]).duration_since(time(&it["machine"]["at"]))).collect();
        assert!(!late.is_empty(), "the machine of the {arm} arm told of no stop");
        assert!(late.iter().all(|it| it.as_secs_f64() < 1.0), "{late:?}");
    }

    /// What only the guest can know is in no report.
    pub(crate) fn assert_knows_no_card(&self) {
        for hint in ["misfortune", "Bugcheck {", "boot-once", "content-load"] {
            assert!(!self.junit.contains(hint), "the report knows what only the guest can know: {hint}");
        }
    }

    /// That nothing of the run is left: no machine, no work files.
    pub(crate) fn assert_nothing_left(&self) {
        assert!(!self.folder.join("work").exists(), "work files are left behind");
        let living = machines_of(&self.folder);
        assert!(living.is_empty(), "machines are left behind: {living:?}");
    }
}

/// What `coexist triage` says of a file.
pub(crate) fn triage(file: &Path) -> Value {
    let said = Command::new(env!("CARGO_BIN_EXE_coexist")).args(["triage", "--json"]).arg(file).output().unwrap();
    serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{}: {error}: {said:?}", file.display()))
}

/// What the record of a run holds so far.
pub(crate) fn events_of(out: &Path) -> Vec<Value> {
    let record = std::fs::read_to_string(out.join("events.jsonl")).unwrap_or_default();
    // The last line may not be whole yet.
    record.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
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
