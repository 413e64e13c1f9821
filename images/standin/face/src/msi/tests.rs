//! Packages made with the forge, installed by our `msiexec`.

use std::time::{Duration, Instant};

use msi::Value;
use standin_forge::installer::{CABINET, Database, Summary, guid, text, uuid};

use crate::testing::Machine;
use crate::text::{decode, lock};

/// A small product with a service, a value of each kind and a content file.
struct Product {
    version: &'static str,
    /// Name, type, target, sequence.
    custom: Vec<(&'static str, i32, &'static str, i32)>,
    service_image: &'static [u8],
    wants_reboot: bool,
    broken_cabinet: bool,
}

impl Default for Product {
    fn default() -> Self {
        Self {
            version: "1.2.0",
            custom: Vec::new(),
            service_image: b"MZ agent",
            wants_reboot: false,
            broken_cabinet: false,
        }
    }
}

const TO_REMOVE: i32 = 257;

impl Product {
    fn code(&self) -> String {
        guid(&["test product", self.version])
    }

    fn write(&self, machine: &Machine, path: &str) {
        let mut base = Database::default();
        let database = &mut base;
        let code = self.code();
        for (name, value) in [
            ("ProductCode", code.as_str()),
            ("ProductName", "Acme Agent"),
            ("ProductVersion", self.version),
            ("Manufacturer", "Acme"),
            ("ProductLanguage", "1033"),
            ("UpgradeCode", &guid(&["test upgrade"])),
            ("ALLUSERS", "1"),
        ] {
            database.row("Property", [text(name), text(value)]);
        }
        for (key, parent, name) in [
            ("TARGETDIR", "", "SourceDir"),
            ("ProgramFiles64Folder", "TARGETDIR", "."),
            ("System64Folder", "TARGETDIR", "."),
            ("VENDORDIR", "ProgramFiles64Folder", "Acme"),
            ("INSTALLDIR", "VENDORDIR", "ACMEAG~1|Acme Agent"),
        ] {
            database.row("Directory", [text(key), text(parent), text(name)]);
        }
        let component =
            [text("c"), text(&guid(&["c"])), text("INSTALLDIR"), Value::Int(256), Value::Null, text("f_agent")];
        database.row("Component", component);
        let feature =
            [text("F"), Value::Null, Value::Null, Value::Null, Value::Null, Value::Int(1), Value::Null, Value::Int(0)];
        database.row("Feature", feature);
        database.row("FeatureComponents", [text("F"), text("c")]);
        for (key, name, bytes) in [
            ("f_agent", "AGENTS~1.EXE|agent-service.exe", self.service_image),
            ("f_version", "version.txt", self.version.as_bytes()),
        ] {
            let sequence = database.file(key, bytes.to_vec());
            let size = i32::try_from(bytes.len()).unwrap();
            database.row(
                "File",
                [
                    text(key),
                    text("c"),
                    text(name),
                    Value::Int(size),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Int(sequence),
                ],
            );
        }
        let cabinet = if self.broken_cabinet { "#missing.cab".to_owned() } else { format!("#{CABINET}") };
        database.row("Media", [Value::Int(1), Value::Int(2), Value::Null, text(&cabinet), Value::Null, Value::Null]);
        for (at, (name, value)) in [
            ("Dir", "[INSTALLDIR]"),
            ("Exe", "[#f_agent]"),
            ("Token", "[ACMETOKEN]"),
            ("Number", "#305419896"),
            ("Bytes", "#x0102FF"),
            ("Expand", "#%%SystemRoot%\\x"),
            ("List", "one[~]two"),
            ("Hash", "##lit"),
        ]
        .iter()
        .enumerate()
        {
            let key = text("SOFTWARE\\Acme\\Agent");
            database.row("Registry", [text(&format!("r{at}")), Value::Int(2), key, text(name), text(value), text("c")]);
        }
        let star = [text("rk"), Value::Int(2), text("SOFTWARE\\Acme\\Empty"), text("*"), Value::Null, text("c")];
        database.row("Registry", star);
        database.row(
            "ServiceInstall",
            [
                text("s"),
                text("AcmeAgent"),
                text("Acme Agent Service"),
                Value::Int(16),
                Value::Int(2),
                Value::Int(1),
                Value::Null,
                Value::Null,
                text("LocalSystem"),
                Value::Null,
                Value::Null,
                text("c"),
                Value::Null,
            ],
        );
        database.row(
            "ServiceControl",
            [text("sc"), text("AcmeAgent"), Value::Int(163), Value::Null, Value::Int(1), text("c")],
        );
        database.row("LaunchCondition", [text("Installed OR ACMETOKEN"), text("A token is needed.")]);
        database.row(
            "Upgrade",
            [
                text(&guid(&["test upgrade"])),
                text("0.0.0"),
                text(self.version),
                Value::Null,
                Value::Int(TO_REMOVE),
                Value::Null,
                text("OLDERFOUND"),
            ],
        );
        let mut sequence = vec![
            ("FindRelatedProducts", 50),
            ("LaunchConditions", 100),
            ("CostInitialize", 800),
            ("FileCost", 900),
            ("CostFinalize", 1000),
            ("InstallValidate", 1400),
            ("RemoveExistingProducts", 1450),
            ("InstallInitialize", 1500),
            ("ProcessComponents", 1600),
            ("StopServices", 1900),
            ("DeleteServices", 2000),
            ("RemoveRegistryValues", 2600),
            ("RemoveFiles", 3500),
            ("InstallFiles", 4000),
            ("WriteRegistryValues", 5000),
            ("InstallServices", 5800),
            ("StartServices", 5900),
            ("RegisterProduct", 6100),
            ("PublishProduct", 6400),
            ("InstallFinalize", 6600),
        ];
        if self.wants_reboot {
            sequence.push(("ScheduleReboot", 6550));
        }
        for (action, number) in sequence {
            database.row("InstallExecuteSequence", [text(action), Value::Null, Value::Int(number)]);
        }
        for (name, kind, target, number) in &self.custom {
            database.row("CustomAction", [text(name), Value::Int(*kind), text("System64Folder"), text(target)]);
            database.row("InstallExecuteSequence", [text(name), text("NOT Installed"), Value::Int(*number)]);
        }
        let words = format!("{}{:?}{}", self.version, self.custom, self.wants_reboot);
        let summary =
            Summary { product: "Acme Agent".into(), author: "Acme".into(), package_code: uuid(&[words.as_bytes()]) };
        machine.write(path, base.to_bytes(&summary).unwrap());
    }
}

const INSTALL: &str = r"msiexec /i C:\p.msi /qn /norestart /l*v C:\p.log ACMETOKEN=v";
const KEY: &str = r"HKLM\SOFTWARE\Acme\Agent";
const EXE: &str = r"C:\Program Files\Acme\Acme Agent\agent-service.exe";

/// Nothing of the product is left.
fn assert_clean(machine: &Machine) {
    let system = &machine.system;
    assert!(!system.volume.resolve(r"C:\Program Files\Acme").exists());
    assert!(!system.volume.resolve(r"C:\Config.Msi").exists());
    assert!(!system.registry.has_key(r"HKLM\SOFTWARE\Acme"));
    assert!(system.services.config("AcmeAgent").is_none());
    assert_eq!(system.registry.subkeys(super::products::UNINSTALL), Vec::<String>::new());
}

#[test]
fn a_product_comes_and_goes() {
    let machine = Machine::new();
    let product = Product::default();
    product.write(&machine, r"C:\p.msi");
    assert_eq!(machine.run(r"msiexec /i C:\p.msi /qn").2, 1603, "no token");
    assert_clean(&machine);
    assert_eq!(machine.run(INSTALL).2, 0);
    let log = machine.read(r"C:\p.log");
    assert_eq!(&log[..2], &[0xff, 0xfe]);
    let log = decode(&log);
    assert!(log.contains("Action ended") && log.contains("InstallFinalize. Return value 1."), "{log}");
    assert_eq!(machine.read(EXE), b"MZ agent");
    let registry = &machine.system.registry;
    let value = |name| registry.text(KEY, name).unwrap();
    assert_eq!(value("Dir"), r"C:\Program Files\Acme\Acme Agent\");
    assert_eq!(value("Exe"), EXE);
    assert_eq!(value("Token"), "v");
    assert_eq!(value("Number"), "305419896");
    assert_eq!(value("Bytes"), "0102FF");
    assert_eq!(value("Expand"), r"%SystemRoot%\x");
    assert_eq!(value("List"), r"one\0two");
    assert_eq!(value("Hash"), "#lit");
    assert!(registry.has_key(r"HKLM\SOFTWARE\Acme\Empty"));
    let shown = format!("{}\\{}", super::products::UNINSTALL, product.code());
    assert_eq!(registry.text(&shown, "DisplayVersion").unwrap(), "1.2.0");
    assert_eq!(registry.text(&shown, "Version").unwrap(), ((1 << 24) + (2 << 16)).to_string());
    assert!(machine.run("sc query AcmeAgent").0.contains("4  RUNNING"));
    assert_eq!(machine.run(INSTALL).2, 0, "again");
    assert_eq!(machine.run(&format!("msiexec /x {} /qn", product.code())).2, 0);
    assert_clean(&machine);
    assert_eq!(machine.run(&format!("msiexec /x {} /qn", product.code())).2, 1605);
    assert_eq!(machine.run(r"msiexec /x C:\p.msi /qn").2, 1605);
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let deferred = |target, number| Product { custom: vec![("Break", 3106, target, number)], ..Product::default() };
    for (what, product) in [
        ("a command after the files", deferred("cmd.exe /c exit 5", 4500)),
        ("a command after the services", deferred("cmd.exe /c exit 5", 6500)),
        ("a program that is not there", deferred("nosuch.exe", 4500)),
        ("an error action", Product { custom: vec![("Break", 19, "no", 5950)], ..Product::default() }),
        ("a service that does not start", Product { service_image: b"junk", ..Product::default() }),
        ("no cabinet", Product { broken_cabinet: true, ..Product::default() }),
    ] {
        let machine = Machine::new();
        product.write(&machine, r"C:\p.msi");
        assert_eq!(machine.run(INSTALL).2, 1603, "{what}");
        assert_clean(&machine);
    }
    let machine = Machine::new();
    let lenient = Product { custom: vec![("Break", 1058 + 64, "cmd.exe /c exit 5", 4500)], ..Product::default() };
    lenient.write(&machine, r"C:\p.msi");
    assert_eq!(machine.run(INSTALL).2, 0);
}

#[test]
fn an_upgrade_replaces_the_older_version() {
    let machine = Machine::new();
    let (old, new) = (Product::default(), Product { version: "1.3.0", wants_reboot: true, ..Product::default() });
    old.write(&machine, r"C:\p.msi");
    new.write(&machine, r"C:\new.msi");
    assert_eq!(machine.run(INSTALL).2, 0);
    assert_eq!(machine.run(&INSTALL.replace("p.msi", "new.msi")).2, 3010);
    assert_eq!(machine.system.registry.subkeys(super::products::UNINSTALL), [new.code()]);
    assert_eq!(machine.read(r"C:\Program Files\Acme\Acme Agent\version.txt"), b"1.3.0");
    assert!(machine.run("sc query AcmeAgent").0.contains("4  RUNNING"));
    assert_eq!(machine.run(&format!("msiexec /x{} /quiet", old.code())).2, 1605);
    assert_eq!(machine.run(r"msiexec /x C:\new.msi /quiet /norestart").2, 3010);
    assert_clean(&machine);
}

#[test]
fn a_restart_that_is_not_suppressed_is_done() {
    let machine = Machine::new();
    Product { wants_reboot: true, ..Product::default() }.write(&machine, r"C:\p.msi");
    assert_eq!(machine.run(r"msiexec /i C:\p.msi /qn ACMETOKEN=v").2, 1641);
    assert!(lock(&machine.kernel.asked).contains(&"shutdown true 0 Windows Installer".to_owned()));
}

#[test]
fn bad_packages_and_lines_have_their_codes() {
    let machine = Machine::new();
    machine.write(r"C:\junk.msi", "junk");
    Product::default().write(&machine, r"C:\p.msi");
    for (line, code) in [
        (r"msiexec /i C:\nosuch.msi /qn", 1619),
        (r"msiexec /i C:\junk.msi /qn", 1620),
        (r"msiexec /i C:\Windows /qn", 1619),
        (r"msiexec /qn", 1639),
        (r"msiexec /i C:\p.msi /nonsense", 1639),
        (r"msiexec /x {00000000-0000-0000-0000-000000000001} /qn", 1605),
        (r"msiexec /i C:\p.msi /qn /l*v C:\nosuch\x.log", 1622),
    ] {
        assert_eq!(machine.run(line).2, code, "{line}");
    }
    let running = machine.system.installer.lock().unwrap();
    assert_eq!(machine.run(INSTALL).2, 1618);
    drop(running);
    assert_eq!(machine.run(INSTALL).2, 0);
    // The same product from another package.
    Product { wants_reboot: true, ..Product::default() }.write(&machine, r"C:\other.msi");
    assert_eq!(machine.run(&INSTALL.replace("p.msi", "other.msi")).2, 1638);
}

#[test]
fn another_installation_keeps_the_installer_for_a_while() {
    let machine = Machine::new();
    Product::default().write(&machine, r"C:\p.msi");
    machine.system.keep_installer_busy(Duration::from_secs(1));
    for awaited in [1618, 0] {
        let begun = Instant::now();
        while machine.run(INSTALL).2 != awaited {
            assert!(begun.elapsed() < Duration::from_secs(20), "waited for {awaited}");
        }
    }
}

#[test]
fn an_installer_within_an_installer_is_refused() {
    let machine = Machine::new();
    let nested = Product {
        custom: vec![(
            "Nested",
            3106,
            r"cmd.exe /c msiexec /x C:\p.msi /qn & if errorlevel 1618 echo busy>C:\busy.txt",
            4500,
        )],
        ..Product::default()
    };
    nested.write(&machine, r"C:\p.msi");
    assert_eq!(machine.run(INSTALL).2, 0);
    assert_eq!(machine.read(r"C:\busy.txt"), b"busy\r\n");
}

#[test]
fn the_vendors_packages_install_and_go() {
    let machine = Machine::new();
    for agent in [standin_forge::vendors::demo(), standin_forge::nightly::nightly()].concat() {
        let mut line = format!(r"msiexec /i C:\{} /qn /norestart", agent.package_name());
        if let Some(property) = &agent.quirks.requires_property {
            line.push_str(&format!(" {property}=token"));
        }
        machine.write(&format!(r"C:\{}", agent.package_name()), agent.package().unwrap());
        let code = machine.run(&line).2;
        assert!(matches!(code, 0 | 3010), "{}: {code}", agent.id);
        let loaded = crate::Kernel::loaded_drivers(machine.kernel.as_ref());
        assert!(machine.run(&format!("sc query \"{}\"", agent.service.name)).0.contains("4  RUNNING"), "{}", agent.id);
        if let Some(driver) = &agent.driver {
            assert!(loaded.iter().any(|it| it.service.eq_ignore_ascii_case(&driver.service)), "{}", agent.id);
            let config = machine.system.services.config(&driver.service).unwrap();
            let kind = if driver.card.altitude.is_some() { 2 } else { 1 };
            assert_eq!((config.service_type, config.start), (kind, 1));
        }
    }
    // The last package of each product wins; whatever is listed can be removed.
    for code in machine.system.registry.subkeys(super::products::UNINSTALL) {
        let code = machine.run(&format!("msiexec /x {code} /qn /norestart")).2;
        assert!(matches!(code, 0 | 3010), "{code}");
    }
    assert_eq!(crate::Kernel::loaded_drivers(machine.kernel.as_ref()), []);
}
