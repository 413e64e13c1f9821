//! Names that must not be mixed up.

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// One execution of a plan.
    RunId
);
name!(
    /// One combination: readable, stable across runs, safe as a folder name.
    CellId
);
name!(
    /// One step of an arm: `provision`, `install-acme-endpoint`, `reboot-1`.
    StepId
);
name!(
    /// One image of the catalogue.
    ImageId
);
name!(
    /// One agent of the catalogue.
    AgentId
);
name!(
    /// SHA-256 digest, 64 lower-case hexadecimal digits.
    Sha256
);
