//! Where an agent's parts go: the rows of its package.

use md5::{Digest, Md5};
use msi::Value;

use super::{Agent, Content, Driver, RegistryData};
use crate::ForgeError;
use crate::installer::{CABINET, Database, ShortNames, Summary, file_name, guid, text, uuid};

const FEATURE: &str = "Main";
/// 64-bit component.
const COMPONENT_64: i32 = 256;
const LOCAL_MACHINE: i32 = 2;
const OWN_PROCESS: i32 = 16;
const AUTOMATIC: i32 = 2;
const ERROR_NORMAL: i32 = 1;
/// Start and stop on install; stop and delete on uninstall.
const SERVICE_EVENTS: i32 = 1 + 2 + 32 + 128;
/// Stop and delete on uninstall. Creating and starting it is the custom actions' part.
const DRIVER_EVENTS: i32 = 32 + 128;
/// A command line in the script of the installation, run by the system account.
const COMMAND: i32 = 34 + 1024 + 2048;
/// File attribute "vital": the installation fails without it.
const VITAL: i32 = 512;
/// Group of a filter whose card names none.
const ACTIVITY_MONITOR: &str = "FSFilter Activity Monitor";
const PROGRAM_DATA: &str = r"C:\ProgramData\";

/// The package's rows while they are gathered.
struct Layout<'a> {
    agent: &'a Agent,
    version: String,
    database: Database,
    names: ShortNames,
    components: Vec<&'static str>,
    registry_rows: usize,
}

pub(super) fn package(agent: &Agent) -> Result<Vec<u8>, ForgeError> {
    let [major, minor, build, _] = agent.numbers()?;
    let mut layout = Layout {
        agent,
        version: format!("{major}.{minor}.{build}"),
        database: Database::default(),
        names: ShortNames::default(),
        components: Vec::new(),
        registry_rows: 0,
    };
    layout.properties();
    layout.folders();
    layout.program()?;
    if let Some(driver) = &agent.driver {
        layout.driver(driver)?;
    }
    layout.content()?;
    layout.feature_and_media();
    layout.conditions();
    layout.sequence();

    let described = serde_json::to_vec(agent).map_err(ForgeError::Json)?;
    let words: Vec<&[u8]> = layout.database.contents().chain([described.as_slice()]).collect();
    let summary = Summary { product: agent.product_name(), author: agent.vendor.clone(), package_code: uuid(&words) };
    layout.database.to_bytes(&summary)
}

impl Layout<'_> {
    fn properties(&mut self) {
        let properties = [
            ("ProductCode", self.agent.product_code.as_str()),
            ("ProductName", &self.agent.product_name()),
            ("ProductVersion", &self.version),
            ("Manufacturer", &self.agent.vendor),
            ("ProductLanguage", "1033"),
            ("UpgradeCode", &self.agent.upgrade_code),
            ("ALLUSERS", "1"),
            ("ARPNOMODIFY", "1"),
            ("SecureCustomProperties", "NEWERFOUND;OLDERFOUND"),
        ];
        for (name, value) in properties {
            self.database.row("Property", [text(name), text(value)]);
        }
    }

    fn folders(&mut self) {
        self.database.row("Directory", [text("TARGETDIR"), Value::Null, text("SourceDir")]);
        for standard in ["ProgramFiles64Folder", "System64Folder"] {
            self.database.row("Directory", [text(standard), text("TARGETDIR"), text(".")]);
        }
        self.folder("VENDORDIR", "ProgramFiles64Folder", &self.agent.vendor);
        self.folder("INSTALLDIR", "VENDORDIR", &self.agent.product);
        if self.agent.driver.is_some() {
            self.folder("DRIVERSDIR", "System64Folder", "drivers");
        }
    }

    fn folder(&mut self, key: &str, parent: &str, name: &str) {
        let name = self.names.of(parent, name);
        self.database.row("Directory", [text(key), text(parent), text(&name)]);
    }

    /// The service's program and a readme, with the product's registry values.
    fn program(&mut self) -> Result<(), ForgeError> {
        let agent = self.agent;
        self.component("C_Service", "INSTALLDIR", "F_Service", &agent.service_file_name());
        self.versioned("F_Service", "C_Service", &agent.service_file_name(), agent.service_file()?);
        let service = &agent.service;
        self.database.row(
            "ServiceInstall",
            [
                text("S_Service"),
                text(&service.name),
                text(&service.display_name),
                Value::Int(OWN_PROCESS),
                Value::Int(AUTOMATIC),
                Value::Int(ERROR_NORMAL),
                Value::Null,
                Value::Null,
                text("LocalSystem"),
                Value::Null,
                Value::Null,
                text("C_Service"),
                text(&format!("{} test service", agent.product_name())),
            ],
        );
        self.service_control("SC_Service", &service.name, SERVICE_EVENTS, "C_Service");

        let readme = format!(
            "{} {}\r\n\r\nAn invented product of a test guest. It protects nothing.\r\n",
            agent.product_name(),
            agent.version
        );
        self.component("C_Readme", "INSTALLDIR", "F_Readme", "readme.txt");
        self.unversioned("F_Readme", "C_Readme", "readme.txt", readme.into_bytes());

        let key = format!(r"SOFTWARE\{}\{}", agent.vendor, agent.product);
        self.registry(&key, "Version", &agent.version, "C_Service");
        self.registry(&key, "InstallDir", "[INSTALLDIR]", "C_Service");
        if let Some(property) = &agent.quirks.requires_property {
            self.registry(&key, "Token", &format!("[{property}]"), "C_Service");
        }
        for value in &agent.registry {
            let data = match &value.data {
                RegistryData::Text(data) if data.starts_with('#') => format!("#{data}"),
                RegistryData::Text(data) => data.clone(),
                RegistryData::Number(number) => format!("#{number}"),
            };
            self.registry(&value.key, &value.name, &data, "C_Service");
        }
        Ok(())
    }

    fn driver(&mut self, driver: &Driver) -> Result<(), ForgeError> {
        let path = format!(r"drivers\{}", driver.file_name);
        self.component("C_Driver", "DRIVERSDIR", "F_Driver", &path);
        self.versioned("F_Driver", "C_Driver", &driver.file_name, self.agent.driver_file()?);
        self.service_control("SC_Driver", &driver.service, DRIVER_EVENTS, "C_Driver");
        let display_name = format!("{} {}", self.agent.product_name(), driver.role());
        let (kind, group) = match &driver.card.altitude {
            Some(_) => ("filesys", format!(" group= \"{}\"", driver.group.as_deref().unwrap_or(ACTIVITY_MONITOR))),
            None => ("kernel", String::new()),
        };
        let create = format!(
            "sc.exe create {} type= {kind} start= system error= normal binPath= \\SystemRoot\\System32\\drivers\\{}{group} \
             DisplayName= \"{display_name}\"",
            driver.service, driver.file_name
        );
        self.command("RegisterDriver", &create);
        self.command("StartDriver", &format!("sc.exe start {}", driver.service));
        if let Some(altitude) = &driver.card.altitude {
            let instance = format!("{} Instance", driver.service);
            let key = format!(r"SYSTEM\CurrentControlSet\Services\{}\Instances", driver.service);
            self.registry(&key, "DefaultInstance", &instance, "C_Driver");
            self.registry(&format!(r"{key}\{instance}"), "Altitude", altitude, "C_Driver");
            self.registry(&format!(r"{key}\{instance}"), "Flags", "#0", "C_Driver");
        }
        Ok(())
    }

    fn content(&mut self) -> Result<(), ForgeError> {
        let content = self.agent.content.as_ref();
        let read = self.agent.driver.as_ref().and_then(|it| it.card.content.as_deref());
        let Some(Content { path, text: contents }) = content else {
            return match read {
                Some(path) => Err(ForgeError::Content { path: path.to_owned() }),
                None => Ok(()),
            };
        };
        let below = path.strip_prefix(PROGRAM_DATA).filter(|_| read.is_none_or(|it| it.eq_ignore_ascii_case(path)));
        let Some(below) = below else { return Err(ForgeError::Content { path: path.clone() }) };

        self.database.row("Directory", [text("CommonAppDataFolder"), text("TARGETDIR"), text(".")]);
        let mut parent = "CommonAppDataFolder".to_owned();
        let folders: Vec<&str> = below.split('\\').collect();
        for (depth, name) in folders[..folders.len() - 1].iter().enumerate() {
            let key = format!("CONTENTDIR{depth}");
            self.folder(&key, &parent, name);
            parent = key;
        }
        self.component("C_Content", &parent, "F_Content", below);
        self.unversioned("F_Content", "C_Content", file_name(path), contents.clone().into_bytes());
        Ok(())
    }

    fn feature_and_media(&mut self) {
        self.database.row(
            "Feature",
            [
                text(FEATURE),
                Value::Null,
                text(&self.agent.product_name()),
                Value::Null,
                Value::Int(1),
                Value::Int(1),
                text("INSTALLDIR"),
                Value::Int(0),
            ],
        );
        for component in &self.components {
            self.database.row("FeatureComponents", [text(FEATURE), text(component)]);
        }
        let last = i32::try_from(self.database.contents().count()).unwrap_or(i32::MAX);
        let cabinet = text(&format!("#{CABINET}"));
        self.database.row("Media", [Value::Int(1), Value::Int(last), Value::Null, cabinet, Value::Null, Value::Null]);
    }

    /// What must hold before anything is done, and which products are replaced.
    fn conditions(&mut self) {
        const REMOVE_FROM_AND_MIGRATE: i32 = 256 + 1;
        const ONLY_DETECT: i32 = 2;
        let upgrade_code = &self.agent.upgrade_code;
        let rows = [
            (text("0.0.0"), text(&self.version), REMOVE_FROM_AND_MIGRATE, "OLDERFOUND"),
            (text(&self.version), Value::Null, ONLY_DETECT, "NEWERFOUND"),
        ];
        for (from, to, attributes, property) in rows {
            let values =
                [text(upgrade_code), from, to, Value::Null, Value::Int(attributes), Value::Null, text(property)];
            self.database.row("Upgrade", values);
        }
        let newer = "A newer version of this product is installed.";
        self.database.row("LaunchCondition", [text("Installed OR NOT NEWERFOUND"), text(newer)]);
        if let Some(property) = &self.agent.quirks.requires_property {
            let description = format!("The property {property} must be given.");
            self.database.row("LaunchCondition", [text(&format!("Installed OR {property}")), text(&description)]);
        }
    }

    fn sequence(&mut self) {
        const FRESH: &str = "NOT Installed";
        let quirks = &self.agent.quirks;
        let mut actions = vec![
            ("FindRelatedProducts", 50, ""),
            ("LaunchConditions", 100, ""),
            ("CostInitialize", 800, ""),
            ("FileCost", 900, ""),
            ("CostFinalize", 1000, ""),
            ("InstallValidate", 1400, ""),
            ("RemoveExistingProducts", 1450, ""),
            ("InstallInitialize", 1500, ""),
            ("ProcessComponents", 1600, ""),
            ("UnpublishFeatures", 1800, ""),
            ("StopServices", 1900, ""),
            ("DeleteServices", 2000, ""),
            ("RemoveRegistryValues", 2600, ""),
            ("RemoveFiles", 3500, ""),
            ("InstallFiles", 4000, ""),
            ("RegisterDriver", 4100, FRESH),
            ("WriteRegistryValues", 5000, ""),
            ("InstallServices", 5800, ""),
            ("StartDriver", 5850, FRESH),
            ("StartServices", 5900, ""),
            ("RegisterUser", 6000, ""),
            ("RegisterProduct", 6100, ""),
            ("PublishFeatures", 6300, ""),
            ("PublishProduct", 6400, ""),
            ("InstallFinalize", 6600, ""),
        ];
        if self.agent.driver.is_none() {
            actions.retain(|(action, ..)| !["RegisterDriver", "StartDriver"].contains(action));
        }
        if quirks.wants_reboot {
            actions.push(("ScheduleReboot", 6550, FRESH));
        }
        if let Some(code) = quirks.fails_with {
            self.command("Fail", &format!("cmd.exe /c exit {code}"));
            actions.push(("Fail", 4050, FRESH));
        }
        if self.agent.quirks.never_ends {
            self.command("NeverEnd", "cmd.exe /c ping -t 127.0.0.1 >nul");
            actions.push(("NeverEnd", 4060, FRESH));
        }
        for (action, sequence, condition) in actions {
            self.database.row("InstallExecuteSequence", [text(action), text(condition), Value::Int(sequence)]);
        }
    }

    /// A component whose identity follows from what it installs, so that versions share it.
    fn component(&mut self, key: &'static str, folder: &str, key_path: &str, path: &str) {
        let id = guid(&["component", &self.agent.id, folder, path]);
        self.database.row(
            "Component",
            [text(key), text(&id), text(folder), Value::Int(COMPONENT_64), Value::Null, text(key_path)],
        );
        self.components.push(key);
    }

    fn versioned(&mut self, key: &str, component: &str, name: &str, bytes: Vec<u8>) {
        let version = format!("{}.0", self.version);
        self.file(key, component, name, bytes, text(&version), text("1033"));
    }

    fn unversioned(&mut self, key: &str, component: &str, name: &str, bytes: Vec<u8>) {
        let hash = Md5::digest(&bytes);
        let part = |index: usize| {
            let word = [hash[4 * index], hash[4 * index + 1], hash[4 * index + 2], hash[4 * index + 3]];
            Value::Int(i32::from_le_bytes(word))
        };
        self.database.row("MsiFileHash", [text(key), Value::Int(0), part(0), part(1), part(2), part(3)]);
        self.file(key, component, name, bytes, Value::Null, Value::Null);
    }

    fn file(&mut self, key: &str, component: &str, name: &str, bytes: Vec<u8>, version: Value, language: Value) {
        let size = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        let sequence = self.database.file(key, bytes);
        let name = self.names.of(component, name);
        let values = [
            text(key),
            text(component),
            text(&name),
            Value::Int(size),
            version,
            language,
            Value::Int(VITAL),
            Value::Int(sequence),
        ];
        self.database.row("File", values);
    }

    fn service_control(&mut self, key: &str, service: &str, events: i32, component: &str) {
        let values = [text(key), text(service), Value::Int(events), Value::Null, Value::Int(1), text(component)];
        self.database.row("ServiceControl", values);
    }

    fn registry(&mut self, key: &str, name: &str, value: &str, component: &str) {
        self.registry_rows += 1;
        let id = format!("R_{:02}", self.registry_rows);
        let values = [text(&id), Value::Int(LOCAL_MACHINE), text(key), text(name), text(value), text(component)];
        self.database.row("Registry", values);
    }

    fn command(&mut self, action: &str, line: &str) {
        self.database.row("CustomAction", [text(action), Value::Int(COMMAND), text("System64Folder"), text(line)]);
    }
}
