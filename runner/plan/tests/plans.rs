//! From a matrix to its plan: cells, arms, steps, checks, digests.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;

use coexist_model::{Action, Arm, CandidateKind, Cell, Method, PackageSource, Plan, Probe, Restart, Seconds};
use coexist_plan::{Ask, Mistake, check, load, plan, render_text};
use support::Lab;

const SETTINGS: &str = r#"
settings:
  hvci:
    values:
      off: {read-back: [command: 'hvci is off']}
      on: {apply: [registry: {key: 'HKLM\SOFTWARE\A', name: B, dword: 1}], read-back: [command: 'hvci is on'], restart: true}
"#;

const CONTENT: &str = r"
candidate:
  agent: globex-sensor
  kind: content
  version: '291'
  package: {url: 'https://packages.example/291.dat?token=x', sha256: 00000000000000000000000000000000000000000000000000000000000000ff}
  destination: 'C:\ProgramData\Globex\channel.dat'
  then: [sc control GlobexSvc paramchange]
";

const SCENARIO: &str = "
scenario:
  dwell: 5s
  reboots: 2
  settle: 10s
  exercise:
    - file-storm: 40
    - archives
    - run: 'ver'
    - run: 'dir'
  soak: 40s
policy:
  deadlines: {install: 2m, reboot: 3m, probe: 20s}
";

fn demo() -> String {
    format!(
        "matrix: test\ntitle: A test\nimages: [lab-11]\n{SETTINGS}\nagents:\n  - [globex-sensor]\n  - [acme-endpoint, globex-sensor]\n  - [globex-sensor, initech-guard@1.1]\n{CONTENT}{SCENARIO}"
    )
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.cells.iter().map(|cell| cell.id.as_str()).collect()
}

fn steps(cell: &Cell, arm: Arm) -> Vec<&str> {
    cell.arms[arm].iter().map(|step| step.id.as_str()).collect()
}

fn checks(cell: &Cell, arm: Arm) -> Vec<&str> {
    cell.arms[arm].iter().flat_map(|step| &step.checks).map(|check| check.name.as_str()).collect()
}

fn action<'a>(cell: &'a Cell, arm: Arm, id: &str) -> &'a Action {
    &cell.arms[arm].iter().find(|step| step.id.as_str() == id).unwrap_or_else(|| panic!("no step {id}")).action
}

#[test]
fn cells_are_the_product_in_the_order_of_the_file() {
    let plan = Lab::new().plan(&demo());
    assert_eq!(
        ids(&plan),
        [
            "lab-11.hvci-off.globex-sensor",
            "lab-11.hvci-off.acme-endpoint+globex-sensor",
            "lab-11.hvci-off.globex-sensor+initech-guard@1_1",
            "lab-11.hvci-on.globex-sensor",
            "lab-11.hvci-on.acme-endpoint+globex-sensor",
            "lab-11.hvci-on.globex-sensor+initech-guard@1_1",
        ]
    );
    assert_eq!(plan.matrix.name, "test");
    assert_eq!(plan.driver_owners["globexflt.sys"], "Globex");
    assert_eq!(plan.driver_owners.len(), 3);
    assert_eq!(plan.packages.len(), 4, "three products at a version each, and the candidate");
    assert!(plan.packages.values().all(|source| matches!(source, PackageSource::Url(_))));
    assert_eq!(plan.candidate.kind, CandidateKind::Content);
    assert_eq!(plan.candidate.vendor, "Globex");
}

#[test]
fn both_arms_have_the_same_steps_and_part_at_the_candidate() {
    let plan = Lab::new().plan(&demo());
    let cell = &plan.cells[4];
    let expected = [
        "provision",
        "configure",
        "install-acme-endpoint",
        "install-globex-sensor",
        "candidate",
        "dwell",
        "reboot-1",
        "reboot-2",
        "exercise-file-storm",
        "exercise-archives",
        "exercise-run",
        "exercise-run-2",
        "soak",
        "probe",
        "collect",
    ];
    assert_eq!(steps(cell, Arm::Baseline), expected);
    assert_eq!(steps(cell, Arm::Candidate), expected);
    assert_eq!(
        checks(cell, Arm::Candidate),
        [
            "1-provision: image boots and answers",
            "1-configure: hvci is on",
            "2-install: agent acme-endpoint",
            "2-install: agent globex-sensor",
            "3-candidate: install",
            "4-dwell: stays up",
            "4-reboot: 1 came back",
            "4-reboot: 2 came back",
            "5-exercise: file-storm",
            "5-exercise: archives",
            "5-exercise: run",
            "5-exercise: run, 2",
            "5-soak: stays up",
            "5-health: hvci is still on",
            "5-health: acme-endpoint service AcmeSvc runs",
            "5-health: acme-endpoint driver acmeflt is loaded",
            "5-health: acme-endpoint filter acmeflt is attached",
            "5-health: acme-endpoint registry Product\\Version",
            "5-health: acme-endpoint file C:\\Acme\\VERSION\\a.dll is there",
            "5-health: globex-sensor service GlobexSvc runs",
            "5-health: globex-sensor driver globexflt is loaded",
            "5-health: globex-sensor filter globexflt is attached",
            "5-health: globex-sensor registry Product\\Version",
            "5-health: globex-sensor file C:\\Globex\\VERSION\\a.dll is there",
            "5-health: no bugcheck",
            "6-collect: records fetched",
        ]
    );
    assert_eq!(checks(cell, Arm::Baseline)[4], "3-candidate: current version stays");
    assert_eq!(*action(cell, Arm::Baseline, "candidate"), Action::Hold);
    let Action::Install(candidate) = action(cell, Arm::Candidate, "candidate") else { panic!("no installation") };
    assert_eq!(candidate.file_name, "291.dat");
    assert_eq!(candidate.method, Method::File { destination: r"C:\ProgramData\Globex\channel.dat".into() });
    assert_eq!(candidate.then, ["sc control GlobexSvc paramchange"]);
    assert_eq!(candidate.deadline.as_millis(), 120_000);
    for step in cell.arms.baseline.iter().filter(|step| step.id.as_str() != "candidate") {
        assert!(cell.arms.candidate.contains(step), "{} differs", step.id);
    }
}

#[test]
fn deadlines_leave_room_for_what_a_step_does() {
    let plan = Lab::new().plan(&demo());
    let cell = &plan.cells[3];
    for step in &cell.arms.candidate {
        let seconds = step.deadline.as_millis() / 1000;
        let expected = match step.id.as_str() {
            "provision" => 90,
            "configure" => 3 * 20 + 180,
            "install-globex-sensor" => 120 + 180 + 20,
            "candidate" => 120 + 180 + 2 * 20,
            "dwell" => 5 + 20,
            "reboot-1" | "reboot-2" => 180 + 10,
            "soak" => 40 + 20,
            "probe" => 7 * 20,
            "collect" => 300,
            _ => 600,
        };
        assert_eq!(seconds, expected, "{}", step.id);
    }
}

#[test]
fn every_wait_within_a_step_is_the_policys() {
    let plan = Lab::new().plan(&demo());
    let cell = &plan.cells[3];
    let seconds = Seconds::from_secs;
    for arm in Arm::BOTH {
        let Action::Configure { settings, look, restart } = action(cell, arm, "configure") else { panic!("settings") };
        assert_eq!(settings[0].restart, Restart::Needed);
        assert_eq!((*look, *restart), (seconds(20), seconds(180)));
        let Action::Probe { settings: again, look, .. } = action(cell, arm, "probe") else { panic!("no probes") };
        assert_eq!((again, *look), (settings, seconds(20)));
        assert_eq!(*action(cell, arm, "reboot-2"), Action::Reboot { wait: seconds(180), settle: seconds(10) });
        assert_eq!(*action(cell, arm, "soak"), Action::Dwell { time: seconds(40) });
    }
    for step in ["install-globex-sensor", "candidate"] {
        let Action::Install(install) = action(cell, Arm::Candidate, step) else { panic!("no installation") };
        assert_eq!((install.deadline, install.restart, install.look), (seconds(120), seconds(180), seconds(20)));
    }
}

#[test]
fn what_a_matrix_does_not_ask_for_is_no_step() {
    let plan = Lab::new().plan(&with_candidate("[[globex-sensor]]", UPGRADE));
    let cell = &plan.cells[0];
    assert!(!steps(cell, Arm::Candidate).contains(&"soak"));
    assert!(!checks(cell, Arm::Candidate).iter().any(|check| check.contains("soak") || check.contains("still")));
    assert_eq!(plan.matrix.title, None);
    assert!(serde_json::to_value(&plan).unwrap()["matrix"].get("title").is_none());
}

#[test]
fn a_matrix_that_excludes_everything_has_a_plan_without_cells() {
    let lab = Lab::new();
    let nothing = format!("{}exclude:\n  - agents: [globex-sensor]\n", with_candidate("[[globex-sensor]]", UPGRADE));
    let matrix = lab.matrix(&nothing);
    let planned = plan(&load(&matrix).unwrap(), &Ask::default()).unwrap();
    assert!(planned.plan.cells.is_empty() && planned.plan.images.is_empty());
    let told = lab.told(&planned.warnings);
    assert_eq!((planned.warnings.errors(), planned.warnings.warnings()), (0, 1), "{told}");
    assert_eq!(planned.warnings.messages()[0].mistake(), Mistake::NoCells);
    assert!(told.contains("the rule in line 6 excludes 1 of 1 cell"), "{told}");
    assert_eq!(planned.warnings, check(&[&matrix]), "a plan warns of what a check warns of");
}

#[test]
fn warnings_come_with_a_plan_and_with_errors() {
    let lab = Lab::new();
    let text = with_candidate("[[globex-sensor]]", UPGRADE);
    let useless = "exclude:\n  - agents: [globex-sensor@1.1]\n";
    let planned = plan(&load(&lab.matrix(&format!("{text}{useless}"))).unwrap(), &Ask::default()).unwrap();
    assert_eq!(planned.plan.cells.len(), 1);
    assert_eq!(planned.warnings.messages()[0].mistake(), Mistake::ExcludesNothing, "{}", planned.warnings);
    let unwanted = "  - {image: lab-2022}\ninclude:\n  - {image: lab-2022, agents: [globex-sensor]}\n";
    let two = format!("{text}{useless}{unwanted}").replace("[lab-11]", "[lab-11, lab-2022]");
    let report = plan(&load(&lab.matrix(&two)).unwrap(), &Ask::default()).unwrap_err();
    assert_eq!((report.errors(), report.warnings()), (1, 1), "{report}");
    assert!(plan(&load(&lab.matrix(&text)).unwrap(), &Ask::default()).unwrap().warnings.messages().is_empty());
}

#[test]
fn lines_are_those_of_the_matrix() {
    let lab = Lab::new();
    let text = demo();
    let plan = lab.plan(&text);
    let line = |name: &str| {
        let cell = &plan.cells[5];
        let check = cell.arms.candidate.iter().flat_map(|step| &step.checks).find(|check| check.name.contains(name));
        text.lines().nth(check.unwrap_or_else(|| panic!("no check {name}")).line as usize - 1).unwrap()
    };
    assert_eq!(line("1-provision"), "images: [lab-11]");
    assert!(line("1-configure").starts_with("      on:"));
    assert_eq!(line("2-install: agent initech"), "  - [globex-sensor, initech-guard@1.1]");
    assert_eq!(line("initech-guard driver"), "  - [globex-sensor, initech-guard@1.1]");
    assert_eq!(line("3-candidate"), "  agent: globex-sensor");
    assert_eq!(line("4-dwell"), "  dwell: 5s");
    assert_eq!(line("4-reboot: 2"), "  reboots: 2");
    assert_eq!(line("5-exercise: archives"), "    - archives");
}

const UPGRADE: &str = "{agent: globex-sensor, kind: upgrade, version: '1.1'}";

fn with_candidate(sets: &str, candidate: &str) -> String {
    format!("matrix: test\nimages: [lab-11]\nagents: {sets}\ncandidate: {candidate}\n")
}

fn wanted_version(cell: &Cell, arm: Arm) -> String {
    let Action::Probe { probes, .. } = action(cell, arm, "probe") else { panic!("no probes") };
    let found =
        probes.iter().filter(|probe| probe.agent.as_str() == "globex-sensor").find_map(|probe| match &probe.probe {
            Probe::Registry { equals, .. } => Some(equals.clone()),
            _ => None,
        });
    found.expect("a registry probe")
}

#[test]
fn an_upgrade_is_installed_over_the_current_version() {
    let text =
        with_candidate("[[globex-sensor, acme-endpoint]]", "{agent: globex-sensor, kind: upgrade, version: '1.1'}");
    let plan = Lab::new().plan(&text);
    let cell = &plan.cells[0];
    assert_eq!(cell.id.as_str(), "lab-11.as-it-is.globex-sensor+acme-endpoint");
    assert_eq!(cell.agents[0].version, "1.0");
    let Action::Install(install) = action(cell, Arm::Candidate, "candidate") else { panic!("no installation") };
    assert_eq!(install.version, "1.1");
    assert_eq!(install.method, Method::Msi { arguments: vec!["NEW=1".into()] });
    assert!(install.exit_codes.contains_key(&3010), "the usual codes of msiexec");
    assert!(matches!(action(cell, Arm::Baseline, "install-globex-sensor"), Action::Install(it) if it.version == "1.0"));
    assert_eq!(wanted_version(cell, Arm::Baseline), "1.0");
    assert_eq!(wanted_version(cell, Arm::Candidate), "1.1");
    assert_eq!(checks(cell, Arm::Baseline).len(), checks(cell, Arm::Candidate).len());
}

#[test]
fn a_fresh_installation_has_no_step_of_the_product_before_it() {
    let text =
        with_candidate("[[globex-sensor, acme-endpoint]]", "{agent: globex-sensor, kind: fresh, version: '1.1'}");
    let plan = Lab::new().plan(&text);
    let cell = &plan.cells[0];
    for arm in Arm::BOTH {
        assert!(!steps(cell, arm).contains(&"install-globex-sensor"));
    }
    assert!(matches!(action(cell, Arm::Baseline, "candidate"), Action::Install(it) if it.version == "1.0"));
    assert!(matches!(action(cell, Arm::Candidate, "candidate"), Action::Install(it) if it.version == "1.1"));
    assert_eq!(wanted_version(cell, Arm::Candidate), "1.1");
    let names: Vec<_> = checks(cell, Arm::Baseline).into_iter().filter(|name| name.starts_with("3-")).collect();
    assert_eq!(names, ["3-candidate: current version installs"]);
}

#[test]
fn windows_updates_need_no_product() {
    let package = format!("{{url: 'https://packages.example/kb5050000.msu', sha256: {}}}", "1".repeat(64));
    let text = with_candidate(
        "[[], [acme-endpoint]]",
        &format!("{{kind: windows-update, version: KB5050000, package: {package}}}"),
    );
    let plan = Lab::new().plan(&text);
    assert_eq!(ids(&plan), ["lab-11.as-it-is.no-agent", "lab-11.as-it-is.acme-endpoint"]);
    assert_eq!((plan.candidate.vendor.as_str(), plan.candidate.agent.as_str()), ("Microsoft", "windows"));
    assert!(
        matches!(action(&plan.cells[0], Arm::Candidate, "candidate"), Action::Install(it) if it.method == Method::Msu)
    );
}

#[test]
fn rows_are_included_once_and_excluded() {
    let lab = Lab::new();
    let rows = "include:
  - {image: lab-2022, settings: {hvci: on}, agents: [initech-guard, globex-sensor]}
  - {image: lab-11, settings: {hvci: on}, agents: [acme-endpoint, globex-sensor]}
exclude:
  - {settings: {hvci: off}, agents: [initech-guard]}
  - {image: lab-11, settings: {hvci: on}, agents: [initech-guard@1.1]}
";
    let plan = lab.plan(&format!("{}{rows}", demo()));
    assert_eq!(
        ids(&plan),
        [
            "lab-11.hvci-off.globex-sensor",
            "lab-11.hvci-off.acme-endpoint+globex-sensor",
            "lab-11.hvci-on.globex-sensor",
            "lab-11.hvci-on.acme-endpoint+globex-sensor",
            "lab-2022.hvci-on.initech-guard+globex-sensor",
        ]
    );
    assert_eq!(plan.images.len(), 2);
}

#[test]
fn long_combinations_have_bounded_names_that_differ() {
    let lab = Lab::new();
    let id = |tail: &str| format!("{}-{tail}", "a".repeat(60));
    let mut sets = String::new();
    for tail in ["x", "y"] {
        let mut all = vec!["globex-sensor".to_owned()];
        for number in 0..6 {
            let id = id(&format!("{tail}{number}"));
            let recipe = std::fs::read_to_string(lab.path("matrices/agents/acme-endpoint.yaml")).unwrap();
            lab.write(
                &format!("matrices/agents/{id}.yaml"),
                &recipe.replace("id: acme-endpoint", &format!("id: {id}")),
            );
            all.push(id);
        }
        sets.push_str(&format!("  - [{}]\n", all.join(", ")));
    }
    let text = format!(
        "matrix: test\nimages: [lab-11]\nagents:\n{sets}candidate: {{agent: globex-sensor, kind: upgrade, version: '1.1'}}\n"
    );
    let plan = lab.plan(&text);
    let [one, other] = ids(&plan)[..] else { panic!("two cells") };
    assert!(one.len() <= 200 && other.len() <= 200, "{one} {other}");
    assert_ne!(one, other);
}

#[test]
fn every_digest_is_pinned_and_paths_hold_everywhere() {
    let lab = Lab::new();
    lab.write("packages/globex-1.1.msi", "package");
    let package = format!("{{path: ../packages/globex-1.1.msi, sha256: {}}}", "c".repeat(64));
    let text = with_candidate(
        "[[globex-sensor]]",
        &format!("{{agent: globex-sensor, kind: upgrade, version: '1.1', package: {package}}}"),
    );
    let plan = lab.plan(&text);
    let image = plan.images.values().next().unwrap();
    assert_eq!(image.disk.sha256.as_str(), "ab".repeat(32));
    assert_eq!(image.access.host_key, format!("ssh-ed25519 {}", "A".repeat(68)), "without the comment");
    assert!(image.disk.path.is_absolute() && image.access.key_file.is_absolute());
    let files = plan.packages.values().filter_map(|it| match it {
        PackageSource::File(path) => Some(path),
        PackageSource::Url(_) => None,
    });
    let [file] = &files.collect::<Vec<_>>()[..] else { panic!("one file") };
    assert!(file.is_absolute() && file.is_file());
    let used =
        plan.cells.iter().flat_map(|cell| Arm::BOTH.map(|arm| &cell.arms[arm])).flatten().filter_map(
            |step| match &step.action {
                Action::Install(install) => Some(install.package.clone()),
                _ => None,
            },
        );
    assert_eq!(used.collect::<BTreeSet<_>>(), plan.packages.keys().cloned().collect());
}

#[test]
fn what_was_not_made_yet_stops_a_plan_but_not_a_check() {
    let lab = Lab::new();
    std::fs::remove_file(lab.path("images/lab-11/disk.sha256")).unwrap();
    std::fs::remove_file(lab.path("images/lab-11/disk.img")).unwrap();
    let matrix = lab.matrix(&demo());
    let checked = check(&[&matrix]);
    assert_eq!((checked.errors(), checked.warnings()), (0, 2), "{checked}");
    let report = load(&matrix).unwrap_err();
    assert_eq!((report.errors(), report.warnings()), (2, 0), "{report}");
    assert!(report.messages().iter().all(|it| it.mistake() == Mistake::MissingFile));
    assert!(lab.told(&report).contains("images/lab-11/image.yaml:3:14"), "{}", lab.told(&report));
}

#[test]
fn digest_files_and_host_keys_are_checked_when_read() {
    let lab = Lab::new();
    lab.write("images/lab-11/disk.sha256", "sha256:nothing\n");
    lab.write("images/lab-11/host.pub", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    let report = load(&lab.matrix(&demo())).unwrap_err();
    let kinds: Vec<_> = report.messages().iter().map(coexist_plan::Message::mistake).collect();
    assert_eq!(kinds, [Mistake::BadDigest, Mistake::BadHostKey], "{report}");
}

#[test]
fn a_folder_is_checked_with_every_file_once() {
    let lab = Lab::new();
    lab.matrix(&demo());
    lab.write("matrices/agents/initech-guard.yaml", "id: initech-guard\n");
    let report = check(&[lab.path("")]);
    let missing = report.messages().iter().filter(|it| it.mistake() == Mistake::MissingKey).count();
    assert_eq!((missing, report.errors()), (5, 5), "{report}");
    assert_eq!(report.files(), 6, "{report}");
}

#[test]
fn text_and_json_hold_a_plan() {
    let lab = Lab::new();
    let plan = lab.plan(&demo());
    let text = render_text(&plan);
    assert!(!text.contains(lab.path("").to_str().unwrap()), "{text}");
    for part in [
        "candidate  content of globex-sensor (Globex), version 291  sha256:0000000000000000",
        "image      lab-11: Lab 26100, build 26100  sha256:abababababababab",
        "matrix     test: A test  sha256:",
        "size       6 cells, 12 arms, 176 steps, about 42 boots",
        "5. lab-11.hvci-on.acme-endpoint+globex-sensor",
        "   configure                  hvci on, restart, read back, within 240 s",
        "   soak                       stay up for 40 s, within 60 s",
        "   probe                      1 setting, 10 probes, no bugcheck, within 240 s",
        "   candidate                  baseline: current version stays",
        "                              candidate: file 291.dat (globex-sensor 291), then 1 command",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["matrix"]["title"], "A test");
    assert_eq!(json["schema"], coexist_model::PLAN_SCHEMA);
    assert_eq!(json["cells"][4]["arms"]["baseline"][4]["action"]["do"], "hold");
    assert_eq!(plan, lab.plan(&demo()), "the same matrix, the same plan");
}

#[test]
fn a_saved_plan_is_read_back() {
    let plan = Lab::new().plan(&demo());
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn retries_after_faults_of_the_lab_are_two_unless_the_policy_says_otherwise() {
    let lab = Lab::new();
    let retries = |policy: &str| {
        let text = format!("{}{policy}", with_candidate("[[globex-sensor]]", UPGRADE));
        lab.plan(&text).lab_fault_retries
    };
    assert_eq!(retries(""), 2);
    assert_eq!(retries("policy: {deadlines: {boot: 3m}}\n"), 2);
    assert_eq!(retries("policy: {lab-fault-retries: 0}\n"), 0);
    assert_eq!(retries("policy: {lab-fault-retries: 10}\n"), 10);
    // A plan that was saved before there was the key.
    let mut saved = serde_json::to_value(lab.plan(&demo())).unwrap();
    saved.as_object_mut().unwrap().remove("lab_fault_retries").unwrap();
    assert_eq!(serde_json::from_value::<Plan>(saved).unwrap().lab_fault_retries, 2);
}
