//! The sample run: invented from end to end, one cell for each thing that can come of one.

use std::collections::BTreeMap;

use coexist_model::{
    Action, AgentChoice, Arm, ArmOutcome, ArmRef, Arms, Blame, Bucket, CandidateKind, CandidateRef, Cell, Check,
    CheckOutcome, Crash, Disk, DiskBus, EVENTS_SCHEMA, Edition, Event, Evidence, EvidenceKind, Exercise, FailureState,
    FaultKind, Firmware, GuestAccess, Happening, Hex, Host, Image, LabFault, LoadedDriver, MachineEvent,
    MachineProfile, MachineSign, MatrixRef, NetworkCard, PLAN_SCHEMA, Pace, PackageSource, Plan, PlanCoverage, Rung,
    RungOutcome, Seconds, Sha256, Step, StepFailure, Strength, StrengthCoverage, USUAL_LAB_FAULT_RETRIES, WindowsFacts,
};
use jiff::Timestamp;

/// What the sample's arms do.
enum Fate {
    Up,
    /// The lab fails the first attempt at its first step; the next one passes.
    UpAfter(LabFault),
    /// The step, how it fails, and how many boots crash before the lab gives up.
    Fails(&'static str, Box<StepFailure>, usize),
    Fault(&'static str, LabFault),
}

struct Tape {
    ms: i64,
    events: Vec<Event>,
}

impl Tape {
    fn at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.ms).unwrap()
    }

    fn tell(&mut self, ms: i64, what: Happening) {
        self.ms += ms;
        self.events.push(Event { at: self.at(), what });
    }

    fn sign(&mut self, of: &ArmRef, ms: i64, what: MachineSign) {
        self.ms += ms;
        let machine = MachineEvent { at: self.at(), what };
        self.tell(0, Happening::MachineSigned { of: of.clone(), machine });
    }

    fn restart(&mut self, of: &ArmRef) {
        self.sign(of, 0, MachineSign::RestartAsked);
        self.sign(of, 300, MachineSign::Reset { guest: true, reason: None });
    }

    fn evidence(&mut self, of: &ArmRef, file: &str, kind: EvidenceKind, rung: Rung, size: u64) {
        let path = format!("evidence/{}/{}/{file}", of.cell, of.arm);
        let evidence = Evidence { path, kind, rung, sha256: digest(file), size };
        self.tell(40, Happening::EvidenceTaken { of: of.clone(), evidence });
    }

    fn rung(&mut self, of: &ArmRef, rung: Rung, outcome: RungOutcome, took: u64) {
        let took_s = Seconds::from_millis(took);
        self.tell(took as i64, Happening::RungEnded { of: of.clone(), rung, outcome, took_s });
    }

    /// The ladder as it is climbed for a guest that left its dump on the disk only.
    fn ladder(&mut self, of: &ArmRef, failure: &StepFailure) {
        let gave = |files| RungOutcome::Gave { files, what: None, lacks: None };
        let because = str::to_owned;
        let told = because("the machine told of a stop, and not which");
        self.rung(of, Rung::Panic, RungOutcome::Nothing { why: told }, 0);
        self.evidence(of, "screen.png", EvidenceKind::Screenshot, Rung::Console, 14_201);
        self.evidence(of, "serial.log", EvidenceKind::SerialLog, Rung::Console, 9_120);
        self.rung(of, Rung::Console, gave(2), 3);
        let sftp = match failure.state {
            FailureState::Loop => because("the guest never settled"),
            _ => because("the guest holds no dump of this crash"),
        };
        self.rung(of, Rung::Sftp, RungOutcome::Nothing { why: sftp }, 12);
        self.rung(of, Rung::Nmi, RungOutcome::Skipped { why: because("the guest does not hang") }, 0);
        self.rung(of, Rung::Memory, RungOutcome::Skipped { why: because("the guest does not hang") }, 0);
        self.evidence(of, "pagefile.dmp", EvidenceKind::KernelDump, Rung::Disk, 262_144);
        self.evidence(of, "system.evtx", EvidenceKind::EventLog, Rung::Disk, 69_632);
        self.rung(of, Rung::Disk, gave(2), 450);
    }

    fn check(&mut self, of: &ArmRef, step: &Step, check: &Check, outcome: CheckOutcome, took: u64) {
        let took_s = Seconds::from_millis(took);
        let check = check.name.clone();
        let ended = Happening::CheckEnded { of: of.clone(), step: step.id.clone(), check, outcome, took_s };
        self.tell(took as i64, ended);
    }

    fn arm(&mut self, cell: &Cell, arm: Arm, fate: Fate) {
        let of = ArmRef { cell: cell.id.clone(), arm };
        self.tell(10, Happening::ArmStarted { of: of.clone() });
        if let Fate::UpAfter(fault) = &fate {
            let step = cell.arms[arm][0].id.clone();
            self.tell(1, Happening::StepStarted { of: of.clone(), step: step.clone() });
            self.evidence(&of, "qemu.log", EvidenceKind::QemuLog, Rung::Host, 198);
            self.tell(9, Happening::ArmAbandoned { of: of.clone(), step, fault: fault.clone() });
            self.tell(1, Happening::ArmStarted { of: of.clone() });
        }
        let mut ended: Option<(ArmOutcome, String)> = None;
        for (index, step) in cell.arms[arm].iter().enumerate() {
            self.tell(1, Happening::StepStarted { of: of.clone(), step: step.id.clone() });
            if step.id.as_str() == "provision" {
                self.sign(&of, 5, MachineSign::Started);
            }
            let took = 700 + 130 * index as u64;
            let outcome = match (&ended, &fate) {
                (Some((_, why)), _) => CheckOutcome::NotRun { reason: why.clone() },
                (None, Fate::Fails(at, failure, crashes)) if step.id.as_str() == *at => {
                    self.restart(&of);
                    for _ in 0..*crashes {
                        self.sign(&of, 900, MachineSign::CrashLoaded);
                        self.sign(&of, 20, MachineSign::Panicked { stop: None });
                        self.sign(&of, 30, MachineSign::Reset { guest: true, reason: None });
                    }
                    if failure.state == FailureState::Loop {
                        // The lab reads the disk of a machine that is off.
                        let reason = "host-qmp-quit".to_owned();
                        self.sign(&of, 400, MachineSign::Shutdown { guest: false, reason });
                        self.sign(&of, 30, MachineSign::Exited { status: "exit code 0".to_owned() });
                    } else {
                        self.sign(&of, 2900, MachineSign::Answered);
                    }
                    self.ladder(&of, failure);
                    let failure = StepFailure::clone(failure);
                    let step = step.id.clone();
                    let why = format!("needs step {step}, which failed");
                    ended = Some((ArmOutcome::Failed { step, failure: failure.clone() }, why));
                    CheckOutcome::Failed { failure }
                }
                (None, Fate::Fault(at, fault)) if step.id.as_str() == *at => {
                    self.sign(&of, 200, MachineSign::Exited { status: "signal 9".to_owned() });
                    self.evidence(&of, "qemu.log", EvidenceKind::QemuLog, Rung::Host, 311);
                    let step = step.id.clone();
                    let why = format!("lab fault in step {step}");
                    ended = Some((ArmOutcome::Fault { step, fault: fault.clone() }, why));
                    CheckOutcome::Faulted { fault: fault.clone() }
                }
                (None, _) => CheckOutcome::Passed,
            };
            if ended.is_none() && matches!(step.action, Action::Provision | Action::Reboot { .. }) {
                if matches!(step.action, Action::Reboot { .. }) {
                    self.restart(&of);
                }
                self.sign(&of, 2900, MachineSign::Answered);
            }
            let took = if matches!(outcome, CheckOutcome::NotRun { .. }) { 0 } else { took };
            for check in &step.checks {
                self.check(&of, step, check, outcome.clone(), took);
            }
            let took_s = Seconds::from_millis(took * step.checks.len() as u64);
            self.tell(1, Happening::StepEnded { of: of.clone(), step: step.id.clone(), took_s });
        }
        let records = match fate {
            Fate::Up => Some("system.evtx"),
            Fate::UpAfter(_) => Some("attempt-2/system.evtx"),
            Fate::Fails(..) | Fate::Fault(..) => None,
        };
        if let Some(file) = records {
            self.evidence(&of, file, EvidenceKind::EventLog, Rung::Sftp, 69_632);
        }
        let outcome = ended.map_or(ArmOutcome::Up, |(outcome, _)| outcome);
        self.tell(5, Happening::ArmEnded { of, outcome });
    }

    fn cell(&mut self, cell: &Cell, baseline: Fate, candidate: Fate) {
        self.tell(2, Happening::CellStarted { cell: cell.id.clone() });
        self.arm(cell, Arm::Baseline, baseline);
        self.arm(cell, Arm::Candidate, candidate);
    }
}

/// A digest for a file that does not exist.
fn digest(name: &str) -> Sha256 {
    let sum = name.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    Sha256::from(format!("{sum:016x}").repeat(4))
}

fn crash(code: u64, name: &str, module: &str, vendor: &str, offset: u64) -> Box<Crash> {
    let base = 0xffff_f804_8b58_0000;
    let driver = |name: &str, base: u64| LoadedDriver {
        name: Some(name.to_owned()),
        base: Hex(base),
        size: 262_144,
        timestamp: Some(Hex(0x66a0_1b2c)),
    };
    Box::new(Crash {
        format: Some("triage64".to_owned()),
        stop_code: Hex(code),
        stop_name: Some(name.to_owned()),
        parameters: [0xffff_ffff_c000_0005, base + offset, 0xffff_8504_2989_1ee8, 0xffff_8504_2989_1720]
            .map(Hex)
            .to_vec(),
        build: Some(26_100),
        architecture: Some("x64".to_owned()),
        time: Some("2026-11-23T05:11:03Z".parse().unwrap()),
        uptime_s: Some(Seconds::from_millis(1700)),
        processors: Some(2),
        process: None,
        drivers: vec![driver("ntoskrnl.exe", 0xffff_f804_8a00_0000), driver(module, base)],
        unloaded: Vec::new(),
        stack: Vec::new(),
        blame: Blame {
            strength: Strength::Strong,
            module: Some(module.to_owned()),
            offset: Some(Hex(offset)),
            vendor: Some(vendor.to_owned()),
            reason: format!("parameter 2, the faulting instruction, lies in {module}"),
        },
        bucket: Bucket(format!("{code:x}|c0000005|{module}+{offset:#x}")),
        notes: vec!["the system module list was read whole".to_owned()],
    })
}

fn failure(state: FailureState, message: &str, crash: Box<Crash>) -> Box<StepFailure> {
    Box::new(StepFailure { state, message: message.to_owned(), bucket: Some(crash.bucket.clone()), crash: Some(crash) })
}

fn steps(arm: Arm, agents: &[&str], hvci: &str) -> Vec<Step> {
    let step = |id: &str, action: Action, checks: &[(&str, u32)]| Step {
        id: id.into(),
        action,
        deadline: Seconds::from_secs(120),
        checks: checks.iter().map(|(name, line)| Check { name: (*name).to_owned(), line: *line }).collect(),
    };
    let look = Seconds::from_secs(60);
    let configure = Action::Configure { settings: Vec::new(), look, restart: look };
    let mut steps = vec![
        step("provision", Action::Provision, &[("1-provision: image boots and answers", 6)]),
        step("configure", configure, &[(&format!("1-configure: hvci is {hvci}"), 9)]),
    ];
    for agent in agents {
        let name = format!("2-install: agent {agent}");
        steps.push(step(&format!("install-{agent}"), Action::Hold, &[(&name, 22)]));
    }
    let what = match arm {
        Arm::Baseline => "3-candidate: the current version stays",
        Arm::Candidate => "3-candidate: content update of globex-sensor",
    };
    steps.push(step("candidate", Action::Hold, &[(what, 28)]));
    let reboot = Action::Reboot { wait: look, settle: Seconds::from_secs(1) };
    steps.push(step("reboot-1", reboot, &[("4-reboot: 1 came back", 38)]));
    let storm = Action::Exercise(Exercise::FileStorm { files: 40 });
    steps.push(step("exercise-1", storm, &[("5-exercise: file-storm", 41)]));
    let health = [("6-health: service GlobexSvc runs", 28), ("6-health: no bugcheck", 28)];
    steps.push(step("probe", Action::Probe { settings: Vec::new(), probes: Vec::new(), look }, &health));
    steps.push(step("collect", Action::Collect, &[("7-collect: the guest's records are here", 28)]));
    steps
}

pub(crate) fn cell(hvci: &str, agents: &[&str]) -> Cell {
    Cell {
        id: format!("standin-client.hvci-{hvci}.{}", agents.join("+")).into(),
        image: "standin-client".into(),
        settings: BTreeMap::from([("hvci".to_owned(), hvci.to_owned())]),
        wave: None,
        agents: agents
            .iter()
            .map(|id| AgentChoice {
                id: (*id).into(),
                version: if *id == "acme-endpoint" { "4.1" } else { "7.0" }.into(),
            })
            .collect(),
        arms: Arms::from_fn(|arm| steps(arm, agents, hvci)),
    }
}

pub(crate) fn plan() -> Plan {
    let image = Image {
        id: "standin-client".into(),
        title: "Stand-in, client personality".to_owned(),
        stand_in: true,
        disk: Disk { path: "images/standin/out/standin.qcow2".into(), sha256: digest("standin.qcow2") },
        windows: WindowsFacts { build: 26_100, edition: Edition::Client },
        machine: MachineProfile {
            firmware: Firmware::Bios,
            processor: "max".to_owned(),
            cpus: 1,
            memory_mib: 256,
            disk_bus: DiskBus::VirtioBlk,
            network: NetworkCard::VirtioNet,
            product_name: None,
            translation_cache_mib: None,
        },
        access: GuestAccess {
            user: "Administrator".to_owned(),
            host_key: "ssh-ed25519 AAAA".to_owned(),
            key_file: "images/standin/out/key".into(),
        },
        boot_deadline: Seconds::from_secs(60),
        expires: None,
    };
    Plan {
        schema: PLAN_SCHEMA.to_owned(),
        matrix: MatrixRef {
            name: "sample".to_owned(),
            title: Some("A content update beside two neighbours".to_owned()),
            path: "matrices/sample.yaml".to_owned(),
            sha256: digest("sample.yaml"),
        },
        candidate: CandidateRef {
            agent: "globex-sensor".into(),
            vendor: "Globex".to_owned(),
            kind: CandidateKind::Content,
            version: "291".to_owned(),
            sha256: Some(digest("content-291")),
            signing: None,
        },
        images: BTreeMap::from([("standin-client".into(), image)]),
        packages: BTreeMap::from([(digest("content-291"), PackageSource::File("packages/content-291.dat".into()))]),
        driver_owners: BTreeMap::from([
            ("acmeflt.sys".to_owned(), "Acme".to_owned()),
            ("globexflt.sys".to_owned(), "Globex".to_owned()),
            ("initechmon.sys".to_owned(), "Initech".to_owned()),
        ]),
        lab_fault_retries: USUAL_LAB_FAULT_RETRIES,
        // As if a budget had paid for all cells but one.
        coverage: Some(PlanCoverage {
            strengths: vec![StrengthCoverage { strength: 2, feasible: 14, covered: 13, impossible: 1 }],
            left_out: 1,
        }),
        cells: vec![
            cell("off", &["globex-sensor"]),
            cell("off", &["acme-endpoint", "globex-sensor"]),
            cell("on", &["acme-endpoint", "globex-sensor"]),
            cell("off", &["globex-sensor", "initech-guard"]),
            cell("on", &["globex-sensor"]),
            cell("on", &["globex-sensor", "initech-guard"]),
        ],
    }
}

/// In the words of `runner/qemu`, faults.rs, with those of QEMU inside.
fn ports_taken() -> LabFault {
    let forward = "hostfwd=tcp:127.0.0.1:40008-:22";
    let last_words = format!(
        "qemu-system-x86_64: -netdev user,id=net0,restrict=on,ipv6=off,{forward}: Could not set up host forwarding rule \
         'tcp:127.0.0.1:40008-:22'"
    );
    let offered = (40001..=40008).map(|port: u16| port.to_string()).collect::<Vec<_>>().join(", ");
    let message = format!(
        "QEMU could have none of the ports {offered} of 127.0.0.1 for the SSH forward: {last_words}; `ss -ltnp` shows who \
         listens; net.ipv4.ip_local_port_range sets what is offered"
    );
    LabFault::new(FaultKind::PortTaken, message)
}

/// The sample's events: a run whose coordinator died before the last cell.
pub(crate) fn events() -> Vec<Event> {
    let plan = plan();
    let cells = plan.cells.clone();
    let start: Timestamp = "2026-11-23T05:10:00Z".parse().unwrap();
    let mut tape = Tape { ms: start.as_millisecond(), events: Vec::new() };
    let host = Host {
        name: "lab-1".to_owned(),
        acceleration: "tcg".to_owned(),
        qemu: "7.2.22".to_owned(),
        pace: Pace::AS_PLANNED,
        notes: vec!["acceleration is tcg: this host has no /dev/kvm".to_owned()],
    };
    let run = "20261123T051000Z-4f2a".into();
    tape.tell(0, Happening::RunStarted { schema: EVENTS_SCHEMA.to_owned(), run, host, plan: Box::new(plan) });

    tape.cell(&cells[0], Fate::Up, Fate::Up);
    tape.cell(&cells[1], Fate::Up, Fate::UpAfter(ports_taken()));
    let loops = failure(
        FailureState::Loop,
        "boot loop: 3 boots in a row never settled, 3 times with a stop",
        crash(0x1000_007e, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M", "globexflt.sys", "Globex", 0x1a2b),
    );
    tape.cell(&cells[2], Fate::Up, Fate::Fails("reboot-1", loops, 3));
    let broken = || {
        let crash = crash(0xd1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL", "initechmon.sys", "Initech", 0x44c0);
        Fate::Fails("reboot-1", failure(FailureState::Bugcheck, "the guest stopped once and came back", crash), 1)
    };
    tape.cell(&cells[3], broken(), broken());
    let note = "the guest's log ends with: \u{1b}[31mSTOP\u{1b}[0m ]]></system-out><testcase name=\"forged\"/> \
                [[ATTACHMENT|/etc/passwd]] ##[error]x";
    let of = ArmRef { cell: cells[3].id.clone(), arm: Arm::Candidate };
    tape.tell(3, Happening::Noted { of, note: note.to_owned() });
    // In the words of `runner/exec`, signs.rs.
    let died = "QEMU ended in the middle of the step (signal 9); its log and the host's journal say why";
    let fault = LabFault::new(FaultKind::QemuDied, died);
    tape.cell(&cells[4], Fate::Up, Fate::Fault("exercise-1", fault));
    tape.events
}
