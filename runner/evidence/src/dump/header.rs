//! The header: `DUMP_HEADER64`, the first 0x2000 bytes, or `DUMP_HEADER32`, the first 0x1000.

use std::time::Duration;

use super::{Architecture, Context, DumpError, DumpFormat, KernelDump, Memory, Width};
use crate::bytes::Bytes;

/// Bytes of the header of a 64-bit dump.
pub(crate) const HEADER_SIZE: u64 = WIDE.size;

/// Where the fields lie.
struct Layout {
    size: u64,
    machine: u64,
    processors: u64,
    stop_code: u64,
    parameters: u64,
    context: u64,
    dump_type: u64,
    required_space: u64,
    system_time: u64,
    up_time: u64,
    attributes: u64,
}

/// In both layouts.
const BUILD: u64 = 0x0c;

/// `DUMP_HEADER64`.
const WIDE: Layout = Layout {
    size: 0x2000,
    machine: 0x30,
    processors: 0x34,
    stop_code: 0x38,
    parameters: 0x40,
    context: 0x348,
    dump_type: 0xf98,
    required_space: 0xfa0,
    system_time: 0xfa8,
    up_time: 0x1030,
    attributes: 0x1050,
};

/// `DUMP_HEADER32`; no real dump was at hand to try it on [K].
const NARROW: Layout = Layout {
    size: 0x1000,
    machine: 0x20,
    processors: 0x24,
    stop_code: 0x28,
    parameters: 0x2c,
    context: 0x320,
    dump_type: 0xf88,
    required_space: 0xfa0,
    system_time: 0xfc0,
    up_time: 0xfb8,
    attributes: 0x8a0,
};

impl Layout {
    fn of(width: Width) -> &'static Self {
        match width {
            Width::Bits64 => &WIDE,
            Width::Bits32 => &NARROW,
        }
    }
}

/// Seconds from 1601-01-01, where a FILETIME starts, to 1970-01-01.
const FILETIME_TO_UNIX: i64 = 11_644_473_600;
/// FILETIME ticks (100 ns) in a second.
const TICKS: u64 = 10_000_000;

pub(super) fn read(bytes: Bytes<'_>) -> Result<KernelDump<'_>, DumpError> {
    let width = match bytes.slice_up_to(0, 8) {
        b"PAGEDU64" => Width::Bits64,
        b"PAGEDUMP" => Width::Bits32,
        start if start.starts_with(b"MDMP") => return Err(DumpError::UserMode),
        _ => return Err(DumpError::NotADump),
    };
    let layout = Layout::of(width);
    let too_short = DumpError::TooShort { length: bytes.len() };
    let mut parameters = [0; 4];
    for (index, parameter) in (0..).zip(&mut parameters) {
        *parameter =
            bytes.address(width, layout.parameters + width.bytes() * index).ok_or_else(|| too_short.clone())?;
    }
    bytes.u32(layout.stop_code).ok_or(too_short)?;
    let stop_code = bytes.set_u32(layout.stop_code).ok_or(DumpError::NoStopCode)?;

    let mut dump = KernelDump {
        width,
        format: None,
        stop_code,
        parameters,
        build: bytes.set_u32(BUILD).filter(|&build| build != 0),
        architecture: None,
        time: bytes.set_u64(layout.system_time).and_then(from_filetime),
        uptime: bytes.set_u64(layout.up_time).filter(|&ticks| ticks != 0).map(from_ticks),
        processors: bytes.set_u32(layout.processors).filter(|&count| count != 0),
        process: None,
        context: None,
        drivers: Vec::new(),
        unloaded: Vec::new(),
        memory: Memory::none(bytes),
        damaged: false,
        cut_short: false,
        notes: Vec::new(),
    };
    if width == Width::Bits32 {
        dump.note("32-bit: read by the public layout alone, no real dump of this kind was seen".to_owned());
    }
    if bytes.len() < layout.size {
        dump.ends_early(format!("truncated: {:#x} of the header's {:#x} bytes", bytes.len(), layout.size));
    }
    for (index, number) in (0..).zip(1..=4) {
        if bytes.set_address(width, layout.parameters + width.bytes() * index).is_none() {
            dump.note(format!("parameter {number} was never written"));
        }
    }
    match bytes.set_u32(layout.machine) {
        Some(0x14c) => dump.architecture = Some(Architecture::X86),
        Some(0x8664) => dump.architecture = Some(Architecture::X64),
        Some(0xaa64) => dump.architecture = Some(Architecture::Arm64),
        Some(other) => dump.note(format!("machine type {other:#x} is unknown")),
        None => {}
    }
    match bytes.set_u32(layout.dump_type) {
        None => {}
        Some(number) => match format_of(number) {
            Some(format) => dump.format = Some(format),
            None => dump.damage(format!("dump type {number:#x} is unknown: only its header is read")),
        },
    }
    let context = Bytes(bytes.slice_up_to(layout.context, Context::SIZE));
    dump.context = dump.architecture.and_then(|architecture| Context::read(context, width, architecture));
    Ok(dump)
}

fn format_of(number: u32) -> Option<DumpFormat> {
    Some(match number {
        1 => DumpFormat::Full,
        2 => DumpFormat::Kernel,
        3 => DumpFormat::Header,
        4 => DumpFormat::Triage,
        5 => DumpFormat::BitmapFull,
        6 => DumpFormat::BitmapKernel,
        7 => DumpFormat::Automatic,
        8 => DumpFormat::RangesKernel,
        9 => DumpFormat::RangesKernelAndUser,
        10 => DumpFormat::RangesComplete,
        _ => return None,
    })
}

impl Context {
    /// Bytes of a `CONTEXT` in which the registers lie that are read.
    pub(crate) const SIZE: u64 = 0x110;

    /// The registers in a `CONTEXT`, if it says that it holds the control registers of this architecture.
    pub(crate) fn read(bytes: Bytes<'_>, width: Width, architecture: Architecture) -> Option<Self> {
        const CONTROL: u32 = 1;
        let (flags, family, instruction, stack, link) = match architecture {
            Architecture::X64 => (0x30, 0x10_0000, 0xf8, 0x98, None),
            // Offsets of the public contexts; no dump of these two was at hand to try them on [K].
            Architecture::Arm64 => (0x0, 0x40_0000, 0x108, 0x100, Some(0xf8)),
            Architecture::X86 => (0x0, 0x1_0000, 0xb8, 0xc4, None),
        };
        bytes.set_u32(flags).filter(|flags| flags & family != 0 && flags & CONTROL != 0)?;
        Some(Self {
            instruction: bytes.set_address(width, instruction)?,
            stack: bytes.set_address(width, stack)?,
            link: link.and_then(|link| bytes.set_address(width, link)),
        })
    }
}

fn from_filetime(ticks: u64) -> Option<jiff::Timestamp> {
    if ticks == 0 {
        return None;
    }
    let seconds = i64::try_from(ticks / TICKS).ok()?.checked_sub(FILETIME_TO_UNIX)?;
    let nanoseconds = i32::try_from(ticks % TICKS * 100).ok()?;
    jiff::Timestamp::new(seconds, nanoseconds).ok()
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_secs(ticks / TICKS).saturating_add(Duration::from_nanos(ticks % TICKS * 100))
}

/// Bytes of a small dump that the kernel wrote; a debugger puts a number there that is not the file's.
pub(super) fn required_by_windows(bytes: Bytes<'_>, width: Width) -> Option<u64> {
    /// "Kernel generated triage dump", as WinDbg prints it.
    const BY_KERNEL: u32 = 8;
    let layout = Layout::of(width);
    bytes.set_u32(layout.attributes).filter(|attributes| attributes & BY_KERNEL != 0)?;
    bytes.set_u64(layout.required_space)
}

/// Bytes that a dump says it takes, from its first [`HEADER_SIZE`] and some bytes. `None`: it does not say.
///
/// `RequiredDumpSpace` equals the file's length in dumps that Windows wrote; a triage block's own size leaves out the
/// secondary data behind it, so it is the second choice.
#[must_use]
pub fn stated_length(start: &[u8]) -> Option<u64> {
    let bytes = Bytes(start);
    let layout = Layout::of(if start.starts_with(b"PAGEDUMP") { Width::Bits32 } else { Width::Bits64 });
    let sane = |length: &u64| (layout.size..=i64::MAX as u64).contains(length);
    let triage = || {
        let is_triage = bytes.set_u32(layout.dump_type) == Some(4);
        // `SizeOfDump` of the triage block that follows the header.
        bytes.set_u32(layout.size + 4).filter(|_| is_triage).map(u64::from)
    };
    bytes.set_u64(layout.required_space).filter(sane).or_else(|| triage().filter(sane))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filetimes() {
        for (ticks, expected) in [
            (0x01d7_07f2_3dbb_3399, Some("2021-02-21T01:38:22.9877657Z")),
            (116_444_736_000_000_000, Some("1970-01-01T00:00:00Z")),
            (1, Some("1601-01-01T00:00:00.0000001Z")),
            (0, None),
            (u64::MAX, None),
        ] {
            assert_eq!(from_filetime(ticks).map(|time| time.to_string()), expected.map(str::to_owned), "{ticks}");
        }
        assert_eq!(from_ticks(0x23b_c1e9), Duration::from_nanos(3_747_069_700));
    }
}
