//! User-mode minidumps of Windows processes.
//!
//! Crate `minidump` reads header, directory, system and exception and names the exception. Its lists of modules are not
//! used: each name is copied as long as its record says, so that a file of one megabyte asks for gigabytes when all its
//! modules share one long name. [`modules`] reads the list with a limit on every part.

mod modules;

use coexist_model::{Hex, UserCrash, UserException};
use minidump::system_info::{Cpu, Os};
use minidump::{CrashReason, Error, Minidump, MinidumpException, MinidumpSystemInfo};

use crate::bytes::Bytes;
use crate::guard::guarded;

/// Layout in published facts.
const FORMAT: &str = "minidump";
/// More streams than any writer makes: Windows' own dumps have some twenty. The crate keeps all that are stated.
const MAX_STREAMS: u32 = 4096;
/// Notes kept of one dump; further ones would only repeat that it is damaged.
const MAX_NOTES: usize = 32;

/// Why bytes give no facts of a Windows process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserDumpError {
    /// The signature is missing.
    #[error("not a user-mode minidump")]
    NotADump,
    /// Written on another system than Windows.
    #[error("a minidump of {platform}, not of Windows")]
    OtherPlatform {
        /// Name of the system.
        platform: String,
    },
    /// Ends before its directory of streams, has another version, or more streams than any writer makes.
    #[error("a damaged minidump: {0}")]
    Damaged(String),
}

/// Reads the facts of a minidump, at most a small multiple of `bytes` in memory. A dump with the whole memory of its
/// process has that at its end (documented for `Memory64ListStream`), so the beginning of a large file may do.
///
/// # Errors
/// When there is no directory of streams, or the dump is of another platform. What is wrong with a single stream is a
/// note beside the facts of the others.
pub fn read_user_dump(bytes: &[u8]) -> Result<UserCrash, UserDumpError> {
    contained(|| read(bytes))
}

/// Runs the crate, which checks most of what it reads: a panic of it is damage.
fn contained(read: impl FnOnce() -> Result<UserCrash, UserDumpError>) -> Result<UserCrash, UserDumpError> {
    guarded(read).unwrap_or_else(|| Err(UserDumpError::Damaged("the library that reads it failed".to_owned())))
}

fn read(bytes: &[u8]) -> Result<UserCrash, UserDumpError> {
    if let Some(streams) = streams(bytes).filter(|&streams| streams > MAX_STREAMS) {
        return Err(UserDumpError::Damaged(format!("it states {streams} streams")));
    }
    let dump = Minidump::read(bytes).map_err(|error| match error {
        Error::MissingHeader | Error::HeaderMismatch => UserDumpError::NotADump,
        other => UserDumpError::Damaged(other.to_string()),
    })?;
    // Nothing that runs Windows writes numbers the other way round.
    if dump.endian != minidump::Endian::Little {
        let named = dump.get_stream::<MinidumpSystemInfo>().ok().map(|system| system.os);
        let named = named.filter(|system| !matches!(system, Os::Windows | Os::Unknown(_)));
        return Err(UserDumpError::OtherPlatform {
            platform: named.map_or("a big-endian system".to_owned(), platform),
        });
    }
    let mut reading =
        Reading { dump: &dump, bytes, crash: UserCrash { format: FORMAT.to_owned(), ..UserCrash::default() } };
    reading.crash.time = written(dump.header.time_date_stamp);
    let system = reading.system()?;
    reading.modules();
    reading.exception(system.as_ref());
    Ok(reading.crash)
}

/// How many streams a dump states (`MINIDUMP_HEADER`), in the byte order of its signature.
fn streams(bytes: &[u8]) -> Option<u32> {
    let stated = Bytes(bytes).u32(8)?;
    Some(if bytes.starts_with(b"PMDM") { stated.swap_bytes() } else { stated })
}

/// Seconds since 1970; writers that do not know the time leave 0.
fn written(seconds: u32) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(seconds.into()).ok().filter(|_| seconds != 0)
}

/// A dump and the facts read from it so far.
struct Reading<'d> {
    dump: &'d Minidump<'d, &'d [u8]>,
    bytes: &'d [u8],
    crash: UserCrash,
}

impl Reading<'_> {
    fn note(&mut self, text: impl Into<String>) {
        if self.crash.notes.len() < MAX_NOTES {
            self.crash.notes.push(text.into());
        }
    }

    /// Notes what is wrong with a stream that every dump must have.
    fn damage(&mut self, stream: &str, error: &Error) {
        self.crash.damaged = true;
        let what = match error {
            Error::StreamNotFound => "missing".to_owned(),
            other => format!("unreadable ({other})"),
        };
        self.note(format!("{stream}: {what}"));
    }

    fn system(&mut self) -> Result<Option<MinidumpSystemInfo>, UserDumpError> {
        let system = match self.dump.get_stream::<MinidumpSystemInfo>() {
            Ok(system) => system,
            Err(error) => {
                self.damage("platform, processor and build", &error);
                return Ok(None);
            }
        };
        match system.os {
            Os::Windows => {}
            Os::Unknown(id) => self.note(format!("of an unknown platform ({id:#x}), which may be no Windows")),
            other => return Err(UserDumpError::OtherPlatform { platform: platform(other) }),
        }
        self.crash.architecture = architecture(system.cpu).map(str::to_owned);
        if self.crash.architecture.is_none() {
            self.note(format!("unknown processor architecture {:#x}", system.raw.processor_architecture));
        }
        let build = Some(system.raw.build_number).filter(|&build| build != 0);
        self.crash.build = build.filter(|_| is_of_windows(Some(&system)));
        Ok(Some(system))
    }

    fn modules(&mut self) {
        match self.dump.get_raw_stream(modules::LOADED) {
            Ok(stream) => {
                let list = modules::read(stream, self.bytes);
                self.crash.damaged |= !list.damage.is_empty();
                list.damage.into_iter().for_each(|damage| self.note(damage));
                self.crash.modules = list.modules;
            }
            Err(error) => self.damage("list of modules", &error),
        }
        // The program comes first in every list that Windows writes. [K] No document promises it; all samples have it.
        self.crash.process = self.crash.modules.first().and_then(|module| module.name.clone());
    }

    fn exception(&mut self, system: Option<&MinidumpSystemInfo>) {
        let exception = match self.dump.get_stream::<MinidumpException<'_>>() {
            Ok(exception) => exception,
            Err(Error::StreamNotFound) => return self.note("no exception: it does not say that anything crashed"),
            Err(error) => return self.damage("exception", &error),
        };
        let cpu = system.map_or(Cpu::Unknown(u16::MAX), |system| system.cpu);
        self.crash.thread = Some(exception.get_crashing_thread_id());
        let address = self.instruction(&exception, system, cpu);
        let place = modules::holding(&self.crash.modules, address);
        let facts = UserException {
            code: Hex::from(exception.raw.exception_record.exception_code),
            name: name(exception.get_crash_reason(Os::Windows, cpu)).filter(|_| is_of_windows(system)),
            address: Hex(address),
            accessed: accessed(&exception, cpu).map(Hex),
            module: place.and_then(|(module, _)| module.name.clone()),
            offset: place.map(|(_, offset)| Hex(offset)),
        };
        if place.is_none() {
            let note = self.outside_modules(address);
            self.note(note);
        }
        self.crash.exception = Some(facts);
    }

    /// The instruction at which the exception was raised: as its record says, unless only the registers stand in a
    /// module. Programs that report on themselves (seen in Crashpad's dumps) leave the record's address empty.
    fn instruction(&mut self, exception: &MinidumpException<'_>, system: Option<&MinidumpSystemInfo>, cpu: Cpu) -> u64 {
        let stated = narrowed(exception.raw.exception_record.exception_address, cpu);
        if modules::holding(&self.crash.modules, stated).is_some() {
            return stated;
        }
        let registers = system.and_then(|system| exception.context(system, None));
        let found = registers.map(|registers| registers.get_instruction_pointer());
        match found.filter(|&address| modules::holding(&self.crash.modules, address).is_some()) {
            None => stated,
            Some(found) => {
                self.note(format!("the exception's record says {stated:#x}; its registers say {found:#x}"));
                found
            }
        }
    }

    fn outside_modules(&self, address: u64) -> String {
        let unloaded = self.dump.get_raw_stream(modules::UNLOADED).unwrap_or_default();
        let was = modules::unloaded_from(unloaded, self.bytes, address);
        let was = was.map(|name| format!("; {name}, unloaded before, had been there")).unwrap_or_default();
        format!("the instruction {address:#x} lies in no module{was}")
    }
}

/// Whether the dump says that Windows wrote it: only then its codes have the names that Windows gives them.
fn is_of_windows(system: Option<&MinidumpSystemInfo>) -> bool {
    system.is_some_and(|system| system.os == Os::Windows)
}

fn platform(system: Os) -> String {
    match system {
        Os::MacOs => "macOS".to_owned(),
        other => other.long_name().into_owned(),
    }
}

/// Name in published facts.
fn architecture(cpu: Cpu) -> Option<&'static str> {
    match cpu {
        Cpu::X86 => Some("x86"),
        Cpu::X86_64 => Some("x64"),
        Cpu::Arm => Some("arm"),
        Cpu::Arm64 => Some("arm64"),
        _ => None,
    }
}

/// Writers may extend the sign of a 32-bit address.
fn narrowed(address: u64, cpu: Cpu) -> u64 {
    match cpu {
        Cpu::X86 | Cpu::Arm => address & u64::from(u32::MAX),
        _ => address,
    }
}

fn name(reason: CrashReason) -> Option<String> {
    match reason {
        CrashReason::WindowsUnknown(_) | CrashReason::Unknown(..) => None,
        known => Some(known.to_string()),
    }
}

/// The second parameter of an access violation or of an error while paging is the address that could not be had.
fn accessed(exception: &MinidumpException<'_>, cpu: Cpu) -> Option<u64> {
    const ACCESS_VIOLATION: u32 = 0xc000_0005;
    const IN_PAGE_ERROR: u32 = 0xc000_0006;
    let record = &exception.raw.exception_record;
    let states_it = matches!(record.exception_code, ACCESS_VIOLATION | IN_PAGE_ERROR) && record.number_parameters >= 2;
    states_it.then(|| narrowed(record.exception_information[1], cpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_the_library_is_damage() {
        let error = contained(|| panic!("as a library would")).unwrap_err();
        assert_eq!(error.to_string(), "a damaged minidump: the library that reads it failed");
    }
}
