//! What outlives one boot: the record of boots and shutdowns, the crash settings, and the dump on its way from the page
//! file to `\Windows\Minidump`.

pub(crate) mod crash_settings;
pub(crate) mod dump_file;
pub(crate) mod events;
pub(crate) mod memory_dump;
pub(crate) mod minidump;
pub(crate) mod record;
pub(crate) mod recovery;
