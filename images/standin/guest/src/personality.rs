//! Which Windows the stand-in plays: the machine says so through the SMBIOS product name, so that one disk serves for all.

use std::fs;
use std::io;

use standin_face::{Personality, RegValue, Registry, System, first_boot};

const CURRENT_VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// Smart App Control exists on Windows 11 clients only.
const CODE_INTEGRITY: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\CI\Policy";
const SMART_APP_CONTROL: &str = "VerifiedAndReputablePolicyState";

/// One row of the table.
struct Row {
    /// SMBIOS product name that asks for it.
    product: &'static str,
    build: u32,
    /// `ProductName`: on Windows 11 clients the registry still says "Windows 10".
    name: &'static str,
    version: &'static str,
    server: bool,
    /// Whether Smart App Control can be switched on; elsewhere a starting system puts the setting back.
    smart_app_control: bool,
}

const fn client(product: &'static str, build: u32, version: &'static str, smart_app_control: bool) -> Row {
    Row { product, build, name: "Windows 10 Enterprise", version, server: false, smart_app_control }
}

const fn server(product: &'static str, build: u32, name: &'static str, version: &'static str) -> Row {
    Row { product, build, name, version, server: true, smart_app_control: false }
}

/// All of them; the first is played when the machine asks for none of them.
static TABLE: [Row; 7] = [
    client("standin-client-26100", 26_100, "24H2", true),
    client("standin-client-26200", 26_200, "25H2", true),
    client("standin-client-22631", 22_631, "23H2", true),
    client("standin-client-19045", 19_045, "22H2", false),
    server("standin-server-26100", 26_100, "Windows Server 2025 Standard", "24H2"),
    server("standin-server-20348", 20_348, "Windows Server 2022 Standard", "21H2"),
    server("standin-server-17763", 17_763, "Windows Server 2019 Standard", "1809"),
];

/// The Windows of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    /// As the face wants it.
    pub(crate) windows: Personality,
    smart_app_control: bool,
}

impl Role {
    /// What this machine asks for.
    pub(crate) fn of_machine() -> Self {
        Self::named(&fs::read_to_string("/sys/class/dmi/id/product_name").unwrap_or_default())
    }

    /// What this product name asks for.
    pub(crate) fn named(product: &str) -> Self {
        let row = TABLE.iter().find(|it| it.product == product.trim()).unwrap_or(&TABLE[0]);
        Self {
            windows: Personality {
                product_name: row.name.to_owned(),
                build: row.build,
                revision: 1,
                display_version: row.version.to_owned(),
                edition: if row.server { "ServerStandard" } else { "Enterprise" }.to_owned(),
                server: row.server,
                ..Personality::default()
            },
            smart_app_control: row.smart_app_control,
        }
    }

    /// Makes the volume that of this Windows, when it is not yet, and puts back settings this Windows does not have.
    pub(crate) fn settle(&self, system: &System) -> io::Result<()> {
        if !self.is_settled(&system.registry) {
            first_boot(system, &self.windows)?;
        }
        let on = system.registry.get(CODE_INTEGRITY, SMART_APP_CONTROL).and_then(|it| it.as_u32());
        if on.is_some_and(|it| it != 0) && !self.smart_app_control {
            system.registry.set(CODE_INTEGRITY, SMART_APP_CONTROL, RegValue::Dword(0))?;
        }
        Ok(())
    }

    fn is_settled(&self, registry: &Registry) -> bool {
        let says = |name, text: &str| registry.text(CURRENT_VERSION, name).as_deref() == Some(text);
        says("CurrentBuildNumber", &self.windows.build.to_string())
            && says("ProductName", &self.windows.product_name)
            && says("EditionID", &self.windows.edition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nt::testing;

    #[test]
    fn the_machine_chooses() {
        assert_eq!(Role::named("standin-server-17763\n").windows.build, 17_763);
        assert!(!Role::named("standin-client-19045").windows.server);
        assert_eq!(Role::named("Standard PC (Q35 + ICH9, 2009)"), Role::named("standin-client-26100"));
        for (number, row) in TABLE.iter().enumerate() {
            assert!(row.product.ends_with(&row.build.to_string()), "{}", row.product);
            assert!(TABLE[..number].iter().all(|other| other.product != row.product));
        }
    }

    /// What an entry of the catalogue promises is what the machine it asks for plays.
    #[test]
    fn every_entry_of_the_catalogue_finds_its_windows() {
        let images = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut played = std::collections::BTreeSet::new();
        for folder in fs::read_dir(images).unwrap() {
            let Ok(entry) = fs::read_to_string(folder.unwrap().path().join("image.yaml")) else { continue };
            let value = |key: &str| {
                let line = entry.lines().find_map(|it| it.trim().strip_prefix(key)?.strip_prefix(": "));
                line.unwrap_or_else(|| panic!("no {key} in {entry}")).to_owned()
            };
            let product = value("product-name");
            assert!(TABLE.iter().any(|row| row.product == product), "{product} is not in the table");
            let windows = Role::named(&product).windows;
            let edition = if windows.server { "server" } else { "client" };
            assert_eq!(
                (value("build"), value("edition")),
                (windows.build.to_string(), edition.to_owned()),
                "{product}"
            );
            played.insert(product);
        }
        assert_eq!(played.len(), TABLE.len(), "a Windows that no entry asks for: {played:?}");
    }

    #[test]
    fn a_volume_changes_its_windows_and_lacking_settings_are_put_back() {
        let lab = testing::lab();
        let text = |key, name| lab.system.registry.text(key, name).unwrap();
        lab.system.registry.set(CODE_INTEGRITY, SMART_APP_CONTROL, RegValue::Dword(1)).unwrap();
        Role::named("standin-client-26100").settle(&lab.system).unwrap();
        assert_eq!(text(CODE_INTEGRITY, SMART_APP_CONTROL), "1");
        Role::named("standin-server-20348").settle(&lab.system).unwrap();
        assert_eq!(text(CODE_INTEGRITY, SMART_APP_CONTROL), "0");
        assert_eq!(text(CURRENT_VERSION, "CurrentBuild"), "20348");
        assert_eq!(text(CURRENT_VERSION, "InstallationType"), "Server");
        assert!(Role::named("standin-server-20348").is_settled(&lab.system.registry));
    }
}
