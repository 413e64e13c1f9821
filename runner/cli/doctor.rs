//! `coexist doctor`: what this host can do, and why not, each with the step that mends it.
//!
//! ```text
//! the host ─► facts (crate `qemu`, the catalogue) ─► findings, one a line ─► text, JSON, exit code
//! ```

mod clock;
mod finding;
mod images;
mod limits;
mod programs;
mod room;

use std::path::Path;

use coexist_model::Exit;
use coexist_qemu::{Accelerator, DiscoverError, HostReport, Limits, QemuOptions, QemuProvider, Room, Storage};
use serde_json::{Map, Value, json};

use crate::args::DoctorArgs;
use crate::say;

use finding::{Finding, State};

/// Where `coexist run` keeps runs, and with them the overlays of their machines.
const RUNS: &str = "reports/out";
/// Where images are looked for when nobody says where.
const IMAGES: &str = "images";

/// Says what this host can do; the exit code says whether machines can be made, as `coexist run` would find it.
pub(crate) fn doctor(args: &DoctorArgs) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            crate::complain(&error);
            return Exit::Internal;
        }
    };
    let host = runtime.block_on(Facts::gather(args));
    let findings = host.findings();
    let text = if args.json { format!("{:#}\n", host.as_json(&findings)) } else { finding::as_text(&findings) };
    say::say(&text, if can_run(&findings) { Exit::Clean } else { Exit::Usage })
}

fn can_run(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.state < State::Problem)
}

/// All that is known of this host.
struct Facts {
    qemu: Result<HostReport, Vec<DiscoverError>>,
    room: Room,
    runs: Option<Storage>,
    temporary: Option<Storage>,
    clock: clock::Facts,
    limits: Limits,
    images: images::Facts,
}

impl Facts {
    async fn gather(args: &DoctorArgs) -> Self {
        let begun = clock::Moment::now();
        let images = images::Facts::of(args.images.as_deref(), Path::new(IMAGES), args.verify);
        let qemu = match QemuProvider::discover(QemuOptions::default()).await {
            Ok(provider) => Ok(provider.report().await),
            Err(error) => {
                let missing = coexist_qemu::missing_programs();
                Err(if missing.is_empty() { vec![error] } else { missing })
            }
        };
        Self {
            qemu,
            room: Room::of_this_host(),
            runs: Storage::of(Path::new(RUNS)),
            temporary: Storage::of(&std::env::temp_dir()),
            clock: clock::Facts::since(&begun, images.disks()),
            limits: Limits::of_this_process(),
            images,
        }
    }

    /// Where nothing is known, emulation: it takes more.
    fn accelerator(&self) -> Accelerator {
        self.qemu.as_ref().map_or(Accelerator::Tcg, |report| report.acceleration.accelerator)
    }

    fn findings(&self) -> Vec<Finding> {
        let uefi = self.qemu.as_ref().map_or(true, |report| report.firmware.is_some());
        let mut findings = programs::findings(&self.qemu);
        findings.extend(room::findings(&self.room, self.images.example(), self.accelerator()));
        findings.push(room::runs(self.runs.as_ref(), RUNS));
        findings.push(room::temporary(self.temporary.as_ref(), &std::env::temp_dir()));
        findings.push(self.clock.finding());
        findings.extend(limits::findings(&self.limits));
        findings.extend(self.images.findings(uefi));
        findings
    }

    /// Unknown is absent, never null.
    fn as_json(&self, findings: &[Finding]) -> Value {
        let mut value = Map::new();
        value.insert("schema".to_owned(), json!("coexist.doctor/1"));
        value.insert("can_run".to_owned(), json!(can_run(findings)));
        let problems = findings.iter().filter(|finding| finding.state == State::Problem);
        let why: Vec<String> = problems.map(|finding| format!("{}: {}", finding.name, finding.found)).collect();
        if !why.is_empty() {
            value.insert("why".to_owned(), json!(why.join("; ")));
        }
        if let Ok(report) = &self.qemu {
            value.append(&mut programs::as_json(report));
        }
        value.append(&mut room::as_json(&self.room, self.images.example(), self.accelerator()));
        let storage = [("disk", &self.runs), ("temporary", &self.temporary)];
        for (name, storage) in storage.into_iter().filter_map(|(name, storage)| Some((name, storage.as_ref()?))) {
            value.insert(name.to_owned(), room::storage_as_json(storage));
        }
        if let Some(runs) = &self.runs {
            value.insert("disk_free".to_owned(), json!(runs.free_bytes));
        }
        value.insert("limits".to_owned(), limits::as_json(&self.limits));
        value.insert("images".to_owned(), self.images.as_json());
        value.insert("findings".to_owned(), findings.iter().map(Finding::as_json).collect());
        Value::Object(value)
    }
}
