//! Writer of the small kernel dump ("minidump", DumpType 4) of 64-bit Windows, and of the dump of the kernel's memory
//! that tells the same (`kernel`).
//!
//! The layout is a 0x2000-byte header (`DUMP_HEADER64` of the public SDK) whose unset fields hold the letters `PAGE`,
//! then the triage block. Field offsets, the 0x90-byte driver entries, the string lengths in characters and the order
//! of the blocks follow dumps written by Windows 10 (builds 17763 and 19041) that were compared byte by byte. [M]
//!
//! ```text
//! 0x0000 header │ 0x2000 triage header │ 0x2080 memory figures │ 0x20d0 PRCB │ process │ thread │ call stack
//!        │ debugger data │ unloaded drivers │ drivers │ names │ data blocks │ "TRGD" │ secondary data
//! ```
//! Blocks that only a debugger with symbols reads (PRCB, thread, most of the process) are zero but for what is named
//! here.

mod header;
mod kernel;
mod memory;
mod triage;

/// What a small dump tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallDump {
    /// Windows build, e.g. 19041.
    pub build: u32,
    /// Number of processors.
    pub processors: u32,
    /// Moment of the stop, FILETIME.
    pub system_time: u64,
    /// Time since the boot, in 100 ns.
    pub uptime_100ns: u64,
    /// Stop code.
    pub stop_code: u32,
    /// Its four parameters.
    pub parameters: [u64; 4],
    /// Loaded images in load order; the first is the kernel itself.
    pub drivers: Vec<DumpDriver>,
    /// Images unloaded since the boot, latest first. Windows keeps the last fifty; more are cut off.
    pub unloaded: Vec<UnloadedDriver>,
    /// Image name of the process that was running, e.g. `System`; cut to 14 characters as Windows does.
    pub process_name: String,
    /// Instruction pointer of the context record.
    pub context_rip: u64,
    /// Stack pointer of the context record.
    pub context_rsp: u64,
    /// Copy of the thread's kernel stack.
    pub stack: Stack,
}

/// A loaded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpDriver {
    /// Base name, e.g. `ntoskrnl.exe`: dumps written by Windows hold no paths.
    pub name: String,
    /// Load address.
    pub base: u64,
    /// SizeOfImage of the PE header, bytes.
    pub size: u32,
    /// TimeDateStamp of the PE header.
    pub timestamp: u32,
    /// CheckSum of the PE header.
    pub checksum: u32,
}

/// An image that was loaded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnloadedDriver {
    /// Base name; cut to 12 characters as Windows does.
    pub name: String,
    /// First address it used.
    pub start: u64,
    /// First address after it.
    pub end: u64,
}

/// A copy of the kernel stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    /// Address of the first byte of the copy, called TopOfStack in the format.
    pub top: u64,
    /// The bytes from there upwards.
    pub bytes: Vec<u8>,
}

impl Stack {
    /// A stack that holds these 64-bit words from `top` upwards.
    #[must_use]
    pub fn of_words(top: u64, words: &[u64]) -> Self {
        Self { top, bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect() }
    }
}

impl SmallDump {
    /// The dump as bytes. Its length stands in the header as RequiredDumpSpace.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = header::write(self, &header::TRIAGE);
        triage::append_triage(self, &mut bytes);
        header::seal(&mut bytes);
        bytes
    }

    /// The same facts as a dump of the kernel's memory (DumpType 6, bitmap), of which it holds the pages that carry them
    /// and so many bytes of the pool. Its length stands in the header as RequiredDumpSpace.
    #[must_use]
    pub fn to_kernel_dump(&self, pool: &[u8]) -> Vec<u8> {
        let mut bytes = kernel::write(self, pool);
        header::seal(&mut bytes);
        bytes
    }

    /// Load address of the kernel, zero when no image is listed.
    fn kernel_base(&self) -> u64 {
        self.drivers.first().map_or(0, |kernel| kernel.base)
    }

    /// Address of the list head PsLoadedModuleList, invented within the kernel image.
    fn module_list(&self) -> u64 {
        self.kernel_base().wrapping_add(0x1_4ee0)
    }

    /// Address of the list head PsActiveProcessHead, invented within the kernel image.
    fn process_list(&self) -> u64 {
        self.kernel_base().wrapping_add(0x1_2130)
    }

    /// Address of the debugger data block, invented within the kernel image.
    fn debugger_data(&self) -> u64 {
        self.kernel_base().wrapping_add(0x1_0b20)
    }
}
