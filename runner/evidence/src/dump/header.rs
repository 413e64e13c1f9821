//! `DUMP_HEADER64`: the first 0x2000 bytes.

use std::time::Duration;

use super::{Architecture, Context, DumpError, DumpFormat, KernelDump, Memory};
use crate::bytes::Bytes;

/// Bytes of the header.
pub(crate) const HEADER_SIZE: u64 = 0x2000;

const BUILD: u64 = 0x0c;
const MACHINE: u64 = 0x30;
const PROCESSORS: u64 = 0x34;
const STOP_CODE: u64 = 0x38;
const PARAMETERS: u64 = 0x40;
const CONTEXT: u64 = 0x348;
const DUMP_TYPE: u64 = 0xf98;
const REQUIRED_SPACE: u64 = 0xfa0;
const SYSTEM_TIME: u64 = 0xfa8;
const UP_TIME: u64 = 0x1030;
const ATTRIBUTES: u64 = 0x1050;
/// `SizeOfDump` of the triage block that follows the header.
const TRIAGE_SIZE: u64 = HEADER_SIZE + 4;

/// Seconds from 1601-01-01, where a FILETIME starts, to 1970-01-01.
const FILETIME_TO_UNIX: i64 = 11_644_473_600;
/// FILETIME ticks (100 ns) in a second.
const TICKS: u64 = 10_000_000;

pub(super) fn read(bytes: Bytes<'_>) -> Result<KernelDump<'_>, DumpError> {
    match bytes.slice_up_to(0, 8) {
        b"PAGEDU64" => {}
        b"PAGEDUMP" => return Err(DumpError::ThirtyTwoBit),
        start if start.starts_with(b"MDMP") => return Err(DumpError::UserMode),
        _ => return Err(DumpError::NotADump),
    }
    let too_short = DumpError::TooShort { length: bytes.len() };
    let mut parameters = [0; 4];
    for (index, parameter) in (0..).zip(&mut parameters) {
        *parameter = bytes.u64(PARAMETERS + 8 * index).ok_or_else(|| too_short.clone())?;
    }
    bytes.u32(STOP_CODE).ok_or(too_short)?;
    let stop_code = bytes.set_u32(STOP_CODE).ok_or(DumpError::NoStopCode)?;

    let mut dump = KernelDump {
        format: None,
        stop_code,
        parameters,
        build: bytes.set_u32(BUILD).filter(|&build| build != 0),
        architecture: None,
        time: bytes.set_u64(SYSTEM_TIME).and_then(from_filetime),
        uptime: bytes.set_u64(UP_TIME).filter(|&ticks| ticks != 0).map(from_ticks),
        processors: bytes.set_u32(PROCESSORS).filter(|&count| count != 0),
        process: None,
        context: None,
        drivers: Vec::new(),
        unloaded: Vec::new(),
        memory: Memory::none(bytes),
        notes: Vec::new(),
    };
    if bytes.len() < HEADER_SIZE {
        dump.note(format!("truncated: {:#x} of the header's {HEADER_SIZE:#x} bytes", bytes.len()));
    }
    for (index, number) in (0..).zip(1..=4) {
        if bytes.set_u64(PARAMETERS + 8 * index).is_none() {
            dump.note(format!("parameter {number} was never written"));
        }
    }
    match bytes.set_u32(MACHINE) {
        Some(0x8664) => dump.architecture = Some(Architecture::X64),
        Some(0xaa64) => dump.architecture = Some(Architecture::Arm64),
        Some(other) => dump.note(format!("machine type {other:#x} is unknown")),
        None => {}
    }
    match bytes.set_u32(DUMP_TYPE) {
        None => {}
        Some(number) => match format_of(number) {
            Some(format) => dump.format = Some(format),
            None => dump.note(format!("dump type {number:#x} is unknown: only its header is read")),
        },
    }
    dump.context = dump.architecture.and_then(|architecture| context(bytes, architecture));
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

/// The registers, if the context says that it holds the control registers of this architecture.
fn context(bytes: Bytes<'_>, architecture: Architecture) -> Option<Context> {
    let (flags, family, instruction, stack) = match architecture {
        Architecture::X64 => (0x30, 0x10_0000, 0xf8, 0x98),
        // Offsets of the public ARM64 CONTEXT; no ARM64 dump was at hand to try them on [K].
        Architecture::Arm64 => (0x0, 0x40_0000, 0x108, 0x100),
    };
    const CONTROL: u32 = 1;
    let flags = bytes.set_u32(CONTEXT + flags)?;
    if flags & family == 0 || flags & CONTROL == 0 {
        return None;
    }
    Some(Context { instruction: bytes.set_u64(CONTEXT + instruction)?, stack: bytes.set_u64(CONTEXT + stack)? })
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
pub(super) fn required_by_windows(bytes: Bytes<'_>) -> Option<u64> {
    /// "Kernel generated triage dump", as WinDbg prints it.
    const BY_KERNEL: u32 = 8;
    bytes.set_u32(ATTRIBUTES).filter(|attributes| attributes & BY_KERNEL != 0)?;
    bytes.set_u64(REQUIRED_SPACE)
}

/// Bytes that a dump says it takes, from its first [`HEADER_SIZE`] and some bytes. `None`: it does not say.
///
/// `RequiredDumpSpace` equals the file's length in dumps that Windows wrote; a triage block's own size leaves out the
/// secondary data behind it, so it is the second choice.
#[must_use]
pub fn stated_length(start: &[u8]) -> Option<u64> {
    let bytes = Bytes(start);
    let sane = |length: &u64| (HEADER_SIZE..=i64::MAX as u64).contains(length);
    let triage = || {
        let is_triage = bytes.set_u32(DUMP_TYPE) == Some(4);
        bytes.set_u32(TRIAGE_SIZE).filter(|_| is_triage).map(u64::from)
    };
    bytes.set_u64(REQUIRED_SPACE).filter(sane).or_else(|| triage().filter(sane))
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
