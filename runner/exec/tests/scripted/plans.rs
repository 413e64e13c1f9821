//! A plan of one cell, small and complete.

use std::collections::BTreeMap;
use std::path::PathBuf;

use coexist_model::{
    Action, AgentChoice, AgentId, Apply, Arm, Arms, CandidateKind, CandidateRef, Cell, CellId, Check, Disk, DiskBus,
    Edition, Exercise, ExitMeaning, Firmware, GuestAccess, Image, ImageId, Install, MachineProfile, MatrixRef, Method,
    NetworkCard, PLAN_SCHEMA, PackageSource, Plan, PlannedProbe, Probe, RegistryData, Restart, Seconds, SettingValue,
    Sha256, Step, StepId, USUAL_LAB_FAULT_RETRIES, WindowsFacts,
};

pub(crate) fn package() -> Sha256 {
    Sha256::from("1".repeat(64))
}

fn step(id: &str, action: Action, checks: &[&str]) -> Step {
    let checks = checks.iter().map(|name| Check { name: (*name).to_owned(), line: 1 }).collect();
    Step { id: StepId::from(id), action, deadline: Seconds::from_secs(60), checks }
}

fn install(version: &str) -> Action {
    let codes = [
        (0, ExitMeaning::Success),
        (3010, ExitMeaning::RestartNeeded),
        (1641, ExitMeaning::RestartBegun),
        (1618, ExitMeaning::Busy),
    ];
    Action::Install(Box::new(Install {
        agent: AgentId::from("acme"),
        version: version.to_owned(),
        package: package(),
        file_name: "acme.msi".to_owned(),
        method: Method::Msi { arguments: Vec::new() },
        exit_codes: codes.into(),
        then: Vec::new(),
        deadline: Seconds::from_secs(30),
        restart: Seconds::from_secs(60),
        look: Seconds::from_secs(10),
    }))
}

fn steps(arm: Arm) -> Vec<Step> {
    let setting = SettingValue {
        setting: "hvci".to_owned(),
        value: "on".to_owned(),
        apply: vec![Apply::Registry { key: "HKLM\\A".to_owned(), name: "B".to_owned(), data: RegistryData::Dword(1) }],
        read_back: vec![Probe::Registry { key: "HKLM\\A".to_owned(), name: "B".to_owned(), equals: "1".to_owned() }],
        restart: Restart::Needed,
    };
    let (look, restart) = (Seconds::from_secs(10), Seconds::from_secs(60));
    let filter = Probe::Filter { name: "acmeflt".to_owned(), altitude: None };
    let filter = PlannedProbe { agent: AgentId::from("acme"), probe: filter };
    let service = PlannedProbe { agent: AgentId::from("acme"), probe: Probe::Service { name: "AcmeSvc".to_owned() } };
    let candidate = match arm {
        Arm::Baseline => Action::Hold,
        Arm::Candidate => install("2"),
    };
    vec![
        step("provision", Action::Provision, &["1-provision: image boots and answers"]),
        step(
            "configure",
            Action::Configure { settings: vec![setting.clone()], look, restart },
            &["1-configure: hvci is on"],
        ),
        step("install-acme", install("1"), &["2-install: agent acme"]),
        step("candidate", candidate, &["3-candidate: install"]),
        step("dwell", Action::Dwell { time: Seconds::from_secs(20) }, &["4-dwell: stays up"]),
        step(
            "reboot-1",
            Action::Reboot { wait: Seconds::from_secs(60), settle: Seconds::from_secs(1) },
            &["4-reboot: 1 came back"],
        ),
        step("exercise-1", Action::Exercise(Exercise::FileStorm { files: 4 }), &["5-exercise: file-storm"]),
        step(
            "probe",
            Action::Probe { settings: vec![setting], probes: vec![service, filter], look },
            &[
                "5-health: hvci is still on",
                "5-health: acme service AcmeSvc runs",
                "5-health: acme filter acmeflt is attached",
                "5-health: no bugcheck",
            ],
        ),
        step("collect", Action::Collect, &["6-collect: records fetched"]),
    ]
}

/// The same with an update of Windows for a candidate.
pub(crate) fn of_windows_update() -> Plan {
    let mut plan = one_cell();
    let candidate = plan.cells[0].arms.candidate.iter_mut().find(|step| step.id.as_str() == "candidate").unwrap();
    let Action::Install(install) = &mut candidate.action else { panic!("{candidate:?}") };
    install.method = Method::Msu;
    plan
}

pub(crate) fn one_cell() -> Plan {
    let image = Image {
        id: ImageId::from("memory"),
        title: "A machine in memory".to_owned(),
        stand_in: true,
        disk: Disk { path: PathBuf::from("none"), sha256: package() },
        windows: WindowsFacts { build: 26100, edition: Edition::Client },
        machine: MachineProfile {
            firmware: Firmware::Bios,
            processor: "none".to_owned(),
            cpus: 1,
            memory_mib: 1,
            disk_bus: DiskBus::Sata,
            network: NetworkCard::E1000e,
            product_name: None,
            translation_cache_mib: None,
        },
        access: GuestAccess { user: "lab".to_owned(), host_key: "key".to_owned(), key_file: PathBuf::from("none") },
        // Longer than any step, as a real Windows needs it.
        boot_deadline: Seconds::from_secs(900),
        expires: None,
    };
    let cell = Cell {
        id: CellId::from("memory.hvci-on.acme"),
        image: image.id.clone(),
        settings: BTreeMap::from([("hvci".to_owned(), "on".to_owned())]),
        agents: vec![AgentChoice { id: AgentId::from("acme"), version: "1".to_owned() }],
        wave: None,
        arms: Arms::from_fn(steps),
    };
    Plan {
        schema: PLAN_SCHEMA.to_owned(),
        matrix: MatrixRef { name: "test".to_owned(), title: None, path: "test.yaml".to_owned(), sha256: package() },
        candidate: CandidateRef {
            agent: AgentId::from("acme"),
            vendor: "Acme".to_owned(),
            kind: CandidateKind::Upgrade,
            version: "2".to_owned(),
            sha256: None,
            signing: None,
        },
        images: BTreeMap::from([(image.id.clone(), image)]),
        packages: BTreeMap::from([(package(), PackageSource::File(PathBuf::from("package")))]),
        driver_owners: BTreeMap::new(),
        lab_fault_retries: USUAL_LAB_FAULT_RETRIES,
        coverage: None,
        cells: vec![cell],
    }
}
