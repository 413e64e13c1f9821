//! Windows kernel dumps.
//!
//! Layout: `DUMP_HEADER64` and `DUMP_HEADER32` as in the public Windows SDK (crate `windows-sys`,
//! `Win32::System::Diagnostics::Debug`), and the triage block of small dumps as seen in three dumps of Windows 10 and
//! told by public readers (rizin, Ghidra). Dumps of physical memory are read by [`read_dump_file`] alone; from bytes
//! they give the facts of their header.

mod file;
mod header;
mod memory;
mod physical;
mod process;
mod triage;

use std::time::Duration;

use crate::bytes::Bytes;

pub use file::read_dump_file;
pub use header::stated_length;
pub use memory::Memory;

/// Notes kept of one dump; further ones would only repeat that it is damaged.
const MAX_NOTES: usize = 32;

/// Why bytes give no facts at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// The signature is missing.
    #[error("not a kernel dump")]
    NotADump,
    /// Starts with `MDMP`.
    #[error("a user-mode dump, not a kernel dump")]
    UserMode,
    /// Ends before the stop code and its parameters.
    #[error("a kernel dump cut after {length} bytes, before its stop code")]
    TooShort {
        /// Bytes there are.
        length: u64,
    },
    /// Reading failed.
    #[error("a file that could not be read: {reason}")]
    Unreadable {
        /// What the system says.
        reason: String,
    },
    /// The stop code was never written.
    #[error("a kernel dump without a stop code")]
    NoStopCode,
}

/// How a dump is laid out, from the type its header states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpFormat {
    /// 1: all physical memory.
    Full,
    /// 2: kernel memory.
    Kernel,
    /// 3: the header alone.
    Header,
    /// 4: a small memory dump (minidump).
    Triage,
    /// 5: all memory, pages listed in a bitmap.
    BitmapFull,
    /// 6: kernel memory, pages listed in a bitmap.
    BitmapKernel,
    /// 7: automatic; laid out like one with a bitmap (unverified).
    Automatic,
    /// 8: kernel memory, pages listed in ranges.
    RangesKernel,
    /// 9: kernel memory and the current process, pages listed in ranges.
    RangesKernelAndUser,
    /// 10: all memory, pages listed in ranges.
    RangesComplete,
}

/// Size of the crashed system's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Starts with `PAGEDUMP`.
    Bits32,
    /// Starts with `PAGEDU64`.
    Bits64,
}

impl Width {
    /// Bytes of an address.
    pub(crate) const fn bytes(self) -> u64 {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
        }
    }

    /// Whether an address is of the kernel's half.
    pub(crate) fn is_kernel(self, address: u64) -> bool {
        match self {
            Self::Bits32 => (0x8000_0000..=0xffff_ffff).contains(&address),
            Self::Bits64 => address >> 48 == 0xffff,
        }
    }
}

impl DumpFormat {
    /// Name in published facts: `triage64` and so on.
    #[must_use]
    pub fn name(self, width: Width) -> String {
        let kind = match self {
            Self::Full => "full",
            Self::Kernel => "kernel",
            Self::Header => "header",
            Self::Triage => "triage",
            Self::BitmapFull => "bitmap-full",
            Self::BitmapKernel => "bitmap-kernel",
            Self::Automatic => "automatic",
            Self::RangesKernel => "ranges-kernel",
            Self::RangesKernelAndUser => "ranges-kernel-user",
            Self::RangesComplete => "ranges-complete",
        };
        format!("{kind}{}", 8 * width.bytes())
    }

    /// Whether the dump holds pages of physical memory in a layout that is read.
    fn is_physical(self) -> bool {
        !matches!(self, Self::Kernel | Self::Header | Self::Triage)
    }
}

/// Processor family of the crashed system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// AMD64.
    X64,
    /// ARM64.
    Arm64,
    /// 32-bit x86.
    X86,
}

impl Architecture {
    /// Name in published facts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
            Self::X86 => "x86",
        }
    }
}

/// Registers of the header's context. For codes of the 0x7E family they are those of the exception; for others those
/// of the routine that stopped the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// RIP or PC.
    pub instruction: u64,
    /// RSP or SP.
    pub stack: u64,
    /// The register that holds a return address, where the processor has one: LR of ARM64.
    pub link: Option<u64>,
}

/// One loaded driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// Lower-case base name; `None` when the dump's name could not be read.
    pub name: Option<String>,
    /// Address of the image.
    pub base: u64,
    /// Bytes of the image in memory.
    pub size: u32,
    /// Link time stamp, or the hash that reproducible builds put in its place; `None` where this dump does not tell it.
    pub timestamp: Option<u32>,
}

/// Modules whose presence says nothing: every stop is made by them.
const KERNEL: &[&str] = &[
    "ntoskrnl.exe",
    "ntkrnlmp.exe",
    "ntkrnlpa.exe",
    "ntkrpamp.exe",
    "ntkrla57.exe",
    "hal.dll",
    // Of 32-bit systems, as a debugger names their files.
    "halacpi.dll",
    "halmacpi.dll",
];

impl Driver {
    /// Whether it is the kernel or its HAL.
    pub(crate) fn is_kernel(&self) -> bool {
        self.name.as_deref().is_some_and(|name| KERNEL.contains(&name))
    }
}

/// Characters of an unloaded driver's name that small dumps have room for.
pub const UNLOADED_NAME: usize = 12;

/// One driver that had been unloaded before the crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnloadedDriver {
    /// Lower-case name; `None` when it could not be read.
    pub name: Option<String>,
    /// Whether it may go on: small dumps have the first [`UNLOADED_NAME`] characters only.
    pub name_is_cut: bool,
    /// Where it began.
    pub start: u64,
    /// Where it ended.
    pub end: u64,
}

/// What the bytes of a kernel dump say. Unknown is absent, never guessed.
#[derive(Debug, Clone)]
pub struct KernelDump<'a> {
    /// Size of the system's addresses.
    pub width: Width,
    /// Layout; absent where the file ends before it is stated or the type is unknown.
    pub format: Option<DumpFormat>,
    /// Stop code as written, with the flag of the "_M" forms.
    pub stop_code: u32,
    /// Its parameters.
    pub parameters: [u64; 4],
    /// Windows build number.
    pub build: Option<u32>,
    /// Processor family.
    pub architecture: Option<Architecture>,
    /// When the system stopped, by its own clock.
    pub time: Option<jiff::Timestamp>,
    /// Time since its boot.
    pub uptime: Option<Duration>,
    /// Number of processors.
    pub processors: Option<u32>,
    /// Image name of the process that the system stopped in, cut to 14 characters by Windows.
    pub process: Option<String>,
    /// The header's registers.
    pub context: Option<Context>,
    /// Loaded drivers, in load order.
    pub drivers: Vec<Driver>,
    /// Unloaded drivers, as listed.
    pub unloaded: Vec<UnloadedDriver>,
    /// The memory that the dump holds.
    pub memory: Memory<'a>,
    /// Whether some part of it could not be read; the notes say which.
    pub damaged: bool,
    /// Whether it was not written to its end.
    pub cut_short: bool,
    /// Every oddity met.
    pub notes: Vec<String>,
}

impl KernelDump<'_> {
    /// The same, living on its own.
    fn into_owned(self) -> KernelDump<'static> {
        KernelDump { memory: self.memory.into_owned(), ..self }
    }

    /// The loaded driver that holds an address.
    #[must_use]
    pub fn driver_at(&self, address: u64) -> Option<(&Driver, u64)> {
        let offset = |driver: &Driver| self.offset_in(address, driver.base, driver.size.into());
        // A damaged entry may claim the place of others: the nearest one is meant.
        self.drivers.iter().filter_map(|driver| Some((driver, offset(driver)?))).min_by_key(|(_, offset)| *offset)
    }

    /// One of the parameters, 1 to 4.
    pub(crate) fn parameter(&self, number: usize) -> Option<u64> {
        self.parameters.get(number.checked_sub(1)?).copied()
    }

    /// The unloaded driver that held an address, unless several did one after another.
    #[must_use]
    pub fn unloaded_at(&self, address: u64) -> Option<(&UnloadedDriver, u64)> {
        let mut held = self.unloaded.iter().filter_map(|driver| {
            Some((driver, self.offset_in(address, driver.start, driver.end.saturating_sub(driver.start))?))
        });
        let (driver, offset) = held.next()?;
        held.all(|(other, _)| other.name == driver.name).then_some((driver, offset))
    }

    /// A damaged list must not be able to claim user addresses or small numbers, so both must be of the kernel's half.
    fn offset_in(&self, address: u64, base: u64, size: u64) -> Option<u64> {
        let offset = address.checked_sub(base)?;
        (self.width.is_kernel(base) && self.width.is_kernel(address) && offset < size).then_some(offset)
    }

    /// The driver, other than the kernel, that holds an address. One whose name could not be read might be the kernel.
    pub(crate) fn suspect_at(&self, address: u64) -> Option<(&Driver, u64)> {
        self.driver_at(address).filter(|(driver, _)| driver.name.is_some() && !driver.is_kernel())
    }

    /// Takes the process's name from a copy of its `EPROCESS`.
    fn set_process(&mut self, process: &[u8]) {
        self.process = process::image_name(process, self.architecture, self.build).map(|found| match found {
            process::Found::Known(name) => name,
            process::Found::Searched(name) => {
                self.note(
                    "process: the only text that can be its name; its place in this build is not known".to_owned(),
                );
                name
            }
        });
    }

    /// Notes that a part could not be read.
    fn damage(&mut self, text: String) {
        self.damaged = true;
        self.note(text);
    }

    /// Notes that its end was never written, or is not here.
    fn ends_early(&mut self, text: String) {
        self.cut_short = true;
        self.damage(text);
    }

    fn note(&mut self, text: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(text);
        }
    }
}

/// Reads the facts of a kernel dump, at most a small multiple of `bytes` in memory. Of dumps of physical memory these
/// are the facts of the header; [`read_dump_file`] gives the rest.
///
/// # Errors
/// Only where there is no stop code to report; any other damage is a note beside the facts that remain.
pub fn read_kernel_dump(bytes: &[u8]) -> Result<KernelDump<'_>, DumpError> {
    let bytes = Bytes(bytes);
    let mut dump = header::read(bytes)?;
    if dump.format == Some(DumpFormat::Triage) {
        triage::read_into(&mut dump, bytes);
    } else if let Some(format) = dump.format {
        dump.damage(format!("a {} dump: only its header is read", format.name(dump.width)));
    }
    Ok(dump)
}
