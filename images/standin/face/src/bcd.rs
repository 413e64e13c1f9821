//! The boot configuration data, as far as it decides what happens after failed boots, and which signatures count.
//!
//! It lies where Windows shows it in the registry: `HKLM\BCD00000000\Objects\{object}\Elements\<number>`, value `Element`.
//! Numbers of the elements are those of Microsoft's BCD reference (BcdOSLoaderElementTypes, BcdLibraryElementTypes).

use std::io;

use crate::{RegValue, Registry};

/// The one loader entry, `{default}` and `{current}`; its name is the stand-in's own.
const LOADER: &str = r"HKLM\BCD00000000\Objects\{5a7e1c00-0000-4000-8000-0000000000bc}\Elements";
/// BcdOSLoaderBoolean_AutoRecoveryEnabled.
const RECOVERY_ENABLED: &str = "16000009";
/// BcdLibraryBoolean_AllowPrereleaseSignatures, which `bcdedit` calls `testsigning`.
const TEST_SIGNING: &str = "16000049";
/// BcdOSLoaderInteger_BootStatusPolicy.
const BOOT_STATUS_POLICY: &str = "250000e0";
const ELEMENT: &str = "Element";

/// Which failures the boot loader minds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootStatusPolicy {
    /// All.
    DisplayAllFailures,
    /// None.
    IgnoreAllFailures,
    /// Failed boots, but no failed shutdowns: what Windows 8 and later do.
    IgnoreShutdownFailures,
    /// Failed shutdowns, but no failed boots.
    IgnoreBootFailures,
}

impl BootStatusPolicy {
    const ALL: [(Self, &'static str); 4] = [
        (Self::DisplayAllFailures, "DisplayAllFailures"),
        (Self::IgnoreAllFailures, "IgnoreAllFailures"),
        (Self::IgnoreShutdownFailures, "IgnoreShutdownFailures"),
        (Self::IgnoreBootFailures, "IgnoreBootFailures"),
    ];

    /// Name as `bcdedit` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }

    /// The policy of this name, in any letters.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, it)| it.eq_ignore_ascii_case(name)).map(|(it, _)| *it)
    }

    /// The number that stands for it, which is its place in the list.
    #[must_use]
    pub fn number(self) -> u8 {
        Self::ALL.iter().zip(0..).find(|((it, _), _)| *it == self).map_or(0, |(_, number)| number)
    }
}

/// The loader's entry.
#[derive(Debug, Clone, Copy)]
pub struct BootStore<'a>(&'a Registry);

impl<'a> BootStore<'a> {
    /// The entry in this registry.
    #[must_use]
    pub fn new(registry: &'a Registry) -> Self {
        Self(registry)
    }

    /// Whether failed boots lead to the recovery environment: Windows' default.
    #[must_use]
    pub fn recovery_enabled(self) -> bool {
        self.first_byte(RECOVERY_ENABLED).is_none_or(|it| it != 0)
    }

    /// Sets it.
    ///
    /// # Errors
    /// What the file system said.
    pub fn set_recovery_enabled(self, enabled: bool) -> io::Result<()> {
        self.set(RECOVERY_ENABLED, vec![u8::from(enabled)])
    }

    /// Whether test-signed drivers are let in, where that is set.
    #[must_use]
    pub fn test_signing(self) -> Option<bool> {
        self.first_byte(TEST_SIGNING).map(|it| it != 0)
    }

    /// Sets it.
    ///
    /// # Errors
    /// What the file system said.
    pub fn set_test_signing(self, enabled: bool) -> io::Result<()> {
        self.set(TEST_SIGNING, vec![u8::from(enabled)])
    }

    /// Which failures count.
    #[must_use]
    pub fn policy(self) -> BootStatusPolicy {
        let number = self.first_byte(BOOT_STATUS_POLICY);
        let known = BootStatusPolicy::ALL.iter().find(|(it, _)| Some(it.number()) == number);
        known.map_or(BootStatusPolicy::IgnoreShutdownFailures, |(it, _)| *it)
    }

    /// Sets it.
    ///
    /// # Errors
    /// What the file system said.
    pub fn set_policy(self, policy: BootStatusPolicy) -> io::Result<()> {
        self.set(BOOT_STATUS_POLICY, u64::from(policy.number()).to_le_bytes().to_vec())
    }

    fn first_byte(self, element: &str) -> Option<u8> {
        match self.0.get(&format!("{LOADER}\\{element}"), ELEMENT)? {
            RegValue::Binary(bytes) => bytes.first().copied(),
            _ => None,
        }
    }

    fn set(self, element: &str, bytes: Vec<u8>) -> io::Result<()> {
        self.0.set(&format!("{LOADER}\\{element}"), ELEMENT, RegValue::Binary(bytes))
    }
}
