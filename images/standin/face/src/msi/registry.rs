//! WriteRegistryValues and RemoveRegistryValues.

use super::package::Record;
use super::session::{Failed, Mode, Session};
use crate::RegValue;

/// Component attribute: 64-bit.
const SIXTY_FOUR_BITS: i32 = 256;

/// Data as the Registry table writes it: `#1`, `#x0A`, `#%text`, `##text`, `one[~]two`, or plain text.
pub(super) fn parse(text: &str) -> RegValue {
    if let Some(rest) = text.strip_prefix('#') {
        if rest.starts_with('#') {
            return RegValue::Sz(rest.to_owned());
        }
        if let Some(expandable) = rest.strip_prefix('%') {
            return RegValue::ExpandSz(expandable.to_owned());
        }
        if let Some(hex) = rest.strip_prefix(['x', 'X']) {
            let digits: Vec<u32> = hex.chars().filter_map(|it| it.to_digit(16)).collect();
            let bytes = digits.rchunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit));
            let mut bytes: Vec<u8> = bytes.map(|it| u8::try_from(it).unwrap_or(0)).collect();
            bytes.reverse();
            return RegValue::Binary(bytes);
        }
        if let Ok(number) = rest.parse::<i64>() {
            // Negative numbers are stored as their two's complement.
            return RegValue::Dword((number & 0xffff_ffff) as u32);
        }
    }
    if text.contains("[~]") {
        return RegValue::MultiSz(text.split("[~]").filter(|it| !it.is_empty()).map(str::to_owned).collect());
    }
    RegValue::Sz(text.to_owned())
}

/// Full key of a row whose component takes part.
fn key_of(session: &Session<'_>, row: &Record) -> Option<String> {
    let component = session.components.get(&row.text("Component_"))?;
    let root = match row.number("Root")? {
        0 => "HKEY_CLASSES_ROOT",
        1 => "HKEY_CURRENT_USER",
        2 => "HKEY_LOCAL_MACHINE",
        3 => "HKEY_USERS",
        _ if session.properties.contains_key("ALLUSERS") => "HKEY_LOCAL_MACHINE",
        _ => "HKEY_CURRENT_USER",
    };
    let key = session.format(&row.text("Key"));
    let wide = component.number("Attributes").unwrap_or(0) & SIXTY_FOUR_BITS != 0;
    // A 32-bit component's software keys are redirected on 64-bit Windows.
    let rest = key.get(..9).filter(|it| it.eq_ignore_ascii_case("SOFTWARE\\")).map(|_| &key[9..]);
    Some(match rest {
        Some(rest) if !wide && root == "HKEY_LOCAL_MACHINE" => format!("{root}\\SOFTWARE\\WOW6432Node\\{rest}"),
        _ => format!("{root}\\{key}"),
    })
}

pub(super) fn write(session: &mut Session<'_>) -> Result<(), Failed> {
    let registry = &session.process.system.registry;
    let rows = session.package.rows("Registry");
    let held = registry.hold();
    for row in rows {
        let Some(key) = key_of(session, &row) else { continue };
        let name = row.optional("Name").map(|it| session.format(&it));
        let result = match (name.as_deref(), row.optional("Value")) {
            (Some("+" | "*"), None) => session.journal.make_key(registry, &key),
            (Some("-"), None) => Ok(()),
            (name, value) => {
                let value = parse(&session.format(&value.unwrap_or_default()));
                session.journal.set_value(registry, &key, name.unwrap_or_default(), value)
            }
        };
        if result.is_err() {
            session.log.error(1406, &format!("Could not write value to key {key}."));
            return Err(Failed);
        }
    }
    held.release().map_err(|_| Failed)
}

pub(super) fn remove(session: &mut Session<'_>) -> Result<(), Failed> {
    let registry = &session.process.system.registry;
    let held = registry.hold();
    let removing = session.mode == Mode::Remove;
    // RemoveRegistry acts when its component is installed.
    let table = if removing { "Registry" } else { "RemoveRegistry" };
    for row in session.package.rows(table) {
        let Some(key) = key_of(session, &row) else { continue };
        let name = row.optional("Name").map(|it| session.format(&it));
        let whole = match name.as_deref() {
            Some("-") => true,
            Some("*") => removing,
            _ => false,
        };
        let result = if whole && (!removing || row.optional("Value").is_none()) {
            session.journal.delete_key(registry, &key)
        } else if name.as_deref() == Some("+") && row.optional("Value").is_none() {
            Ok(())
        } else {
            session.journal.delete_value(registry, &key, &name.unwrap_or_default())
        };
        result.map_err(|_| Failed)?;
        // A key that is empty now goes too, and those above it as far as the vendor's.
        let mut key = key;
        while key.matches('\\').count() >= 2 {
            if registry.has_key(&key) {
                if !registry.values(&key).is_empty() || !registry.subkeys(&key).is_empty() {
                    break;
                }
                session.journal.delete_key(registry, &key).map_err(|_| Failed)?;
            }
            key = key.rsplit_once('\\').map_or_else(String::new, |(above, _)| above.to_owned());
        }
    }
    held.release().map_err(|_| Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data() {
        for (text, expected) in [
            ("plain", RegValue::Sz("plain".into())),
            ("#305419896", RegValue::Dword(0x1234_5678)),
            ("#-1", RegValue::Dword(u32::MAX)),
            ("#x0102FF", RegValue::Binary(vec![1, 2, 255])),
            ("#x102", RegValue::Binary(vec![1, 2])),
            ("#%%SystemRoot%\\x", RegValue::ExpandSz("%SystemRoot%\\x".into())),
            ("##lit", RegValue::Sz("#lit".into())),
            ("one[~]two", RegValue::MultiSz(vec!["one".into(), "two".into()])),
            ("", RegValue::Sz(String::new())),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
