//! The packages: pinned bytes, and what msitools and the database library read back.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use std::path::Path;
use std::process::Command;

use msi::{Package, Select};
use standin_forge::{Agent, Driver, Quirks, installer, nightly, vendors, write_packages};

/// Set to rewrite the pinned digests.
const ACCEPT: &str = "STANDIN_FORGE_ACCEPT";

#[test]
fn the_bytes_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let lines = |name: &str| -> String {
        let files = write_packages(&folder.path().join(name)).unwrap();
        files.iter().map(|file| format!("{}  {}\n", file.sha256, file.name)).collect()
    };
    let (first, second) = (lines("a"), lines("b"));
    assert_eq!(first, second, "two runs differ");

    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("packages.sha256");
    if std::env::var_os(ACCEPT).is_some() {
        std::fs::write(&pinned, &first).unwrap();
    }
    let expected = std::fs::read_to_string(&pinned).unwrap_or_default();
    assert_eq!(first, expected, "the packages changed; accept with {ACCEPT}=1 cargo test -p standin-forge");
}

fn tool(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|it| panic!("{program} (package msitools) must be on PATH: {it}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A table as msitools exports it, without the three header lines.
fn export(file: &Path, table: &str) -> Vec<Vec<String>> {
    let output = Command::new("msiinfo").arg("export").arg(file).arg(table).output().unwrap();
    assert!(output.status.success(), "{table}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().skip(3).map(|line| line.split('\t').map(|it| it.trim_end_matches('\r').to_owned()).collect()).collect()
}

fn agents() -> Vec<Agent> {
    let mut agents = vendors::demo();
    agents.extend(nightly::nightly());
    let quirks = Quirks {
        requires_property: Some("CUSTOMERTOKEN".to_owned()),
        fails_with: Some(5),
        wants_reboot: true,
        never_ends: true,
    };
    agents.push(Agent { id: "acme-quirky".to_owned(), quirks, ..agents[0].clone() });
    agents
}

#[test]
fn msitools_read_every_table() {
    let folder = tempfile::tempdir().unwrap();
    for agent in agents() {
        let file = folder.path().join(agent.package_name());
        std::fs::write(&file, agent.package().unwrap()).unwrap();

        let summary = tool("msiinfo", &["suminfo"], &file);
        for part in [format!("Subject: {}", agent.product_name()), format!("Author: {}", agent.vendor)] {
            assert!(summary.contains(&part), "{summary}");
        }
        assert!(summary.contains("Template: x64;1033"), "{summary}");

        let listed = tool("msiinfo", &["tables"], &file);
        let tables: BTreeSet<&str> = listed.split_whitespace().collect();
        for table in [
            "File",
            "Component",
            "Directory",
            "Registry",
            "ServiceInstall",
            "ServiceControl",
            "MsiFileHash",
            "LaunchCondition",
            "Upgrade",
            "Media",
            "InstallExecuteSequence",
            "Property",
        ] {
            assert!(tables.contains(table), "{table} is missing in {listed}");
            assert!(!export(&file, table).is_empty(), "{table} is empty");
        }
        let properties = export(&file, "Property");
        assert!(properties.contains(&vec!["UpgradeCode".to_owned(), agent.upgrade_code.clone()]), "{properties:?}");
        let acts = agent.driver.is_some();
        assert_eq!(tables.contains("CustomAction"), acts, "{}: a driver needs actions of its own", agent.id);
        let actions = if acts { export(&file, "CustomAction") } else { Vec::new() };
        let actions: BTreeSet<String> = actions.into_iter().map(|row| row[0].clone()).collect();
        let sequence: BTreeSet<String> =
            export(&file, "InstallExecuteSequence").into_iter().map(|row| row[0].clone()).collect();
        assert!(actions.is_subset(&sequence), "an action is never run: {actions:?}");
        for action in ["RegisterDriver", "StartDriver"] {
            assert_eq!(sequence.contains(action), acts, "{}: {action}", agent.id);
        }
        assert_eq!(sequence.contains("ScheduleReboot"), agent.quirks.wants_reboot);
        assert_eq!(actions.contains("Fail"), agent.quirks.fails_with.is_some());

        let out = folder.path().join(&agent.id);
        tool("msiextract", &["-C", out.to_str().unwrap()], &file);
        match &agent.driver {
            Some(driver) => {
                let installed = std::fs::read(out.join("drivers").join(&driver.file_name)).unwrap();
                assert_eq!(installed, agent.driver_file().unwrap());
            }
            None => assert!(!out.join("drivers").exists()),
        }
    }
}

#[test]
fn every_reference_between_tables_holds() {
    for agent in agents() {
        let mut package = Package::open(Cursor::new(agent.package().unwrap())).unwrap();
        let mut column = |table: &str, name: &str| -> Vec<String> {
            if !package.has_table(table) {
                return Vec::new();
            }
            let rows = package.select_rows(Select::table(table).columns(&[name])).unwrap();
            rows.filter_map(|row| row[0].as_str().map(str::to_owned)).collect()
        };
        let set = |values: Vec<String>| values.into_iter().collect::<BTreeSet<_>>();
        let (components, files, folders) =
            (set(column("Component", "Component")), set(column("File", "File")), set(column("Directory", "Directory")));
        let references = [
            ("File", "Component_", &components),
            ("Registry", "Component_", &components),
            ("ServiceInstall", "Component_", &components),
            ("ServiceControl", "Component_", &components),
            ("FeatureComponents", "Component_", &components),
            ("Component", "KeyPath", &files),
            ("MsiFileHash", "File_", &files),
            ("Component", "Directory_", &folders),
            ("CustomAction", "Source", &folders),
            ("Directory", "Directory_Parent", &folders),
        ];
        for (table, name, known) in references {
            for value in column(table, name) {
                assert!(known.contains(&value), "{table}.{name} names {value}, which is unknown");
            }
        }
        assert_eq!(set(column("FeatureComponents", "Component_")), components, "a component belongs to no feature");
    }
}

#[test]
fn the_cabinet_holds_what_the_file_table_says() {
    for agent in agents() {
        let mut package = Package::open(Cursor::new(agent.package().unwrap())).unwrap();
        let rows = package.select_rows(Select::table("File").columns(&["File", "FileSize", "Sequence"])).unwrap();
        let mut listed: Vec<(i32, String, i32)> = rows
            .map(|row| (row[2].as_int().unwrap(), row[0].as_str().unwrap().to_owned(), row[1].as_int().unwrap()))
            .collect();
        listed.sort();
        let mut bytes = Vec::new();
        package.read_stream(installer::CABINET).unwrap().read_to_end(&mut bytes).unwrap();
        let cabinet = cab::Cabinet::new(Cursor::new(bytes)).unwrap();
        let stored: Vec<(String, i32)> = cabinet
            .folder_entries()
            .flat_map(|folder| {
                folder.file_entries().map(|file| (file.name().to_owned(), file.uncompressed_size() as i32))
            })
            .collect();
        assert_eq!(stored, listed.into_iter().map(|(_, name, size)| (name, size)).collect::<Vec<_>>());
    }
}

#[test]
fn versions_share_components_but_not_products() {
    let (demo, nightly) = (vendors::demo(), nightly::nightly());
    let (old, new) = (&demo[1], &demo[2]);
    assert_eq!(old.upgrade_code, new.upgrade_code);
    assert_ne!(old.product_code, new.product_code);
    let components = |agent: &Agent| -> Vec<String> {
        let mut package = Package::open(Cursor::new(agent.package().unwrap())).unwrap();
        let rows = package.select_rows(Select::table("Component").columns(&["ComponentId"])).unwrap();
        rows.map(|row| row[0].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(components(old), components(new));
    let every = demo.iter().chain(&nightly);
    let all: BTreeSet<String> = every.flat_map(&components).collect();
    assert_eq!(all.len(), 3 + 4 + 3 + 3 + 2 + 3 + 3, "products share a component");
}

#[test]
fn agents_that_contradict_themselves_are_refused() {
    let globex = vendors::demo().swap_remove(1);
    type Change = fn(&mut Agent);
    fn driver(agent: &mut Agent) -> &mut Driver {
        agent.driver.as_mut().unwrap()
    }
    let broken: [(&str, Change); 5] = [
        ("version", |it| it.version = "7".to_owned()),
        ("version", |it| it.version = "7.300".to_owned()),
        ("too small", |it| driver(it).image_size = 0x3_0000),
        ("content", |it| it.content = None),
        ("content", |it| driver(it).card.content = Some(r"C:\other".to_owned())),
    ];
    for (part, change) in broken {
        let mut agent = globex.clone();
        change(&mut agent);
        let error = agent.package().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
