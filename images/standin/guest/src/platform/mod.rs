//! What the stand-in needs of the machine and the Linux kernel under it.
//!
//! One concern per file; everything above this module speaks of Windows things only.

pub(crate) mod button;
pub(crate) mod console;
pub(crate) mod emergency;
pub(crate) mod entropy;
pub(crate) mod interrupts;
pub(crate) mod kmods;
pub(crate) mod mounts;
pub(crate) mod netlink;
pub(crate) mod network;
pub(crate) mod panic_device;
pub(crate) mod pci;
pub(crate) mod power;
pub(crate) mod pulse;
mod raw;
pub(crate) mod serial;
