//! What is installed: under `…\Installer\UserData\S-1-5-18\Products`, as on Windows, with packed codes.

use std::io;

use crate::{RegValue, Registry};

const PRODUCTS: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\UserData\S-1-5-18\Products";
const UPGRADE_CODES: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\UpgradeCodes";
/// Where installed programs are listed for people.
pub(super) const UNINSTALL: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";

/// An installed product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) code: String,
    pub(super) package_code: String,
    pub(super) version: String,
    /// Windows path of the cached package.
    pub(super) local_package: String,
    /// Where its directories were put: `NAME=path`. Windows keeps this per component; one list does here.
    pub(super) directories: Vec<String>,
}

/// A code without braces and hyphens, its parts turned round, as the installer names its keys.
pub(super) fn packed(code: &str) -> String {
    let parts: Vec<&str> = code.trim_matches(['{', '}']).split('-').collect();
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        let letters: Vec<char> = part.to_uppercase().chars().collect();
        if at < 3 {
            out.extend(letters.iter().rev());
        } else {
            letters.chunks(2).for_each(|pair| out.extend(pair.iter().rev()));
        }
    }
    out
}

fn key(code: &str) -> String {
    format!("{PRODUCTS}\\{}\\InstallProperties", packed(code))
}

/// The product with this code, when it is installed.
pub(super) fn find(registry: &Registry, code: &str) -> Option<Product> {
    let key = key(code);
    let text = |name| registry.text(&key, name).unwrap_or_default();
    registry.get(&key, "LocalPackage")?;
    let directories = match registry.get(&key, "StandinDirectories") {
        Some(RegValue::MultiSz(list)) => list,
        _ => Vec::new(),
    };
    Some(Product {
        code: text("ProductCode"),
        package_code: text("PackageCode"),
        version: text("DisplayVersion"),
        local_package: text("LocalPackage"),
        directories,
    })
}

/// Products that share an upgrade code.
pub(super) fn related(registry: &Registry, upgrade_code: &str) -> Vec<Product> {
    registry
        .values(&format!("{UPGRADE_CODES}\\{}", packed(upgrade_code)))
        .iter()
        .filter_map(|(_, code)| find(registry, &code.as_text()))
        .collect()
}

/// Values that make a product known, as key, name, value.
pub(super) fn entries(product: &Product, upgrade_code: Option<&str>) -> Vec<(String, String, RegValue)> {
    let key = key(&product.code);
    let text = |text: &str| RegValue::Sz(text.to_owned());
    let mut entries: Vec<_> = [
        ("ProductCode", text(&product.code)),
        ("PackageCode", text(&product.package_code)),
        ("DisplayVersion", text(&product.version)),
        ("LocalPackage", text(&product.local_package)),
        ("StandinDirectories", RegValue::MultiSz(product.directories.clone())),
    ]
    .map(|(name, value)| (key.clone(), name.to_owned(), value))
    .into();
    if let Some(code) = upgrade_code {
        // The data is empty on Windows; here it holds the code, so that nothing need be unpacked.
        entries.push((format!("{UPGRADE_CODES}\\{}", packed(code)), packed(&product.code), text(&product.code)));
    }
    entries
}

/// Forgets a product.
pub(super) fn forget(registry: &Registry, code: &str, upgrade_code: Option<&str>) -> io::Result<()> {
    registry.delete_key(&format!("{PRODUCTS}\\{}", packed(code)))?;
    registry.delete_key(&format!("{UNINSTALL}\\{code}"))?;
    if let Some(upgrade) = upgrade_code {
        let key = format!("{UPGRADE_CODES}\\{}", packed(upgrade));
        registry.delete_value(&key, &packed(code))?;
        if registry.values(&key).is_empty() {
            registry.delete_key(&key)?;
        }
    }
    Ok(())
}

/// Whether `version` lies in the range of a row of the Upgrade table; three parts count.
pub(super) fn in_range(version: &str, min: Option<&str>, max: Option<&str>, attributes: i32) -> bool {
    const MIN_INCLUSIVE: i32 = 256;
    const MAX_INCLUSIVE: i32 = 512;
    let parts = |text: &str| -> Vec<u32> {
        let mut parts: Vec<u32> = text.split('.').take(3).map(|it| it.trim().parse().unwrap_or(0)).collect();
        parts.resize(3, 0);
        parts
    };
    let it = parts(version);
    let above = min.filter(|it| !it.is_empty()).is_none_or(|min| {
        let min = parts(min);
        it > min || (attributes & MIN_INCLUSIVE != 0 && it == min)
    });
    let below = max.filter(|it| !it.is_empty()).is_none_or(|max| {
        let max = parts(max);
        it < max || (attributes & MAX_INCLUSIVE != 0 && it == max)
    });
    above && below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_packed_as_windows_does() {
        let code = "{12345678-9ABC-DEF0-1234-56789ABCDEF0}";
        assert_eq!(packed(code), "87654321CBA90FED21436587A9CBED0F");
    }

    #[test]
    fn version_ranges() {
        for (version, min, max, attributes, expected) in [
            ("1.2.0", Some("0.0.0"), Some("1.3.0"), 257, true),
            ("1.3.0", Some("0.0.0"), Some("1.3.0"), 257, false),
            ("1.3.0", Some("0.0.0"), Some("1.3.0"), 768, true),
            ("1.3.0.9", None, Some("1.3.0"), 512, true),
            ("0.0.0", Some("0.0.0"), None, 0, false),
            ("2", Some("1.9"), None, 0, true),
        ] {
            assert_eq!(in_range(version, min, max, attributes), expected, "{version}");
        }
    }
}
