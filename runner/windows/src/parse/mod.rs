//! What the native tools print, read with suspicion: labels may be localized, columns may be shifted.

pub(crate) mod events;
pub(crate) mod filters;
pub(crate) mod registry;
pub(crate) mod service;
