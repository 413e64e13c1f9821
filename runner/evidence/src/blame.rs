//! Who is suspected of a crash, how strongly, and why. The first rule that finds somebody wins:
//!
//! | strength | rule |
//! |---|---|
//! | `none` | the stop code is one that operators or hardware cause, or whose cause has left no trace in a small dump |
//! | `strong` | the parameter that is the faulting instruction lies in a driver |
//! | `strong` | the instruction named by an exception record that a parameter points to lies in a driver |
//! | `strong` | the instruction of the header's context lies in a driver |
//! | `likely` | one of them lies where a driver, and no other, was loaded before it was unloaded |
//! | `likely` | the instruction lies in the kernel or in no module, and the nearest return address on the stack in a driver is near, or known to follow a call |
//! | `weak` | any parameter lies in a driver, loaded or unloaded |
//! | `weak` | a return address in a driver lies further up the stack |
//! | `none` | nothing of the above |
//!
//! "Driver" is any loaded module but the kernel and its HAL. Stack rules read the copy from the context's stack pointer
//! upwards, never from its lower end, where values of finished calls lie. Of three real dumps at hand this finds the
//! publicly known culprit in two and nobody in the third; that is no measure of how good it is in general.

use coexist_model::{Blame, Hex, Strength};

use crate::dump::{Driver, KernelDump};
use crate::stack;
use crate::stop_codes::{self, Suspects};
use crate::vendors::DriverOwners;

/// A trap's dispatcher takes this much stack below the kernel's stop routine (measured on a dump of build 19041), so a
/// return address nearer than this is of a direct caller.
const NEAR: u64 = 0x140;

/// Who is suspected of the crash, how strongly and why; the module doc's table is the rule.
#[must_use]
pub fn blame(dump: &KernelDump<'_>, owners: &DriverOwners) -> Blame {
    let Suspicion { strength, place, reason, .. } = suspicion(dump);
    let vendor = place.as_ref().and_then(|place| owners.vendor(&place.module)).map(str::to_owned);
    let (module, offset) = place.map(|place| (place.module, Hex(place.offset))).unzip();
    Blame { strength, module, offset, vendor, reason }
}

/// A place in a module, in terms that do not depend on where it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) module: String,
    pub(crate) offset: u64,
    /// Time stamp (unknown for an unloaded driver) and size of the image: offsets compare within equal ones only.
    pub(crate) identity: (Option<u32>, u64),
}

/// What was found, and of what kind the finding is.
pub(crate) struct Suspicion {
    pub(crate) strength: Strength,
    pub(crate) place: Option<Place>,
    pub(crate) reason: String,
    /// Whether the place is a matter of chance, and so nothing to compare crashes by.
    pub(crate) incidental: bool,
    /// How much of the stack was believed.
    pub(crate) note: Option<String>,
}

impl Suspicion {
    fn of(strength: Strength, place: Place, reason: String) -> Self {
        Self { strength, place: Some(place), reason, incidental: false, note: None }
    }

    fn nobody(reason: impl Into<String>) -> Self {
        Self { strength: Strength::None, place: None, reason: reason.into(), incidental: false, note: None }
    }
}

pub(crate) fn suspicion(dump: &KernelDump<'_>) -> Suspicion {
    if let Suspects::Nobody(reason) = stop_codes::suspects(dump.stop_code) {
        return Suspicion::nobody(reason);
    }
    instruction_in_driver(dump)
        .or_else(|| instruction_in_unloaded(dump))
        .or_else(|| on_stack(dump, Strength::Likely))
        .or_else(|| any_parameter(dump))
        .or_else(|| on_stack(dump, Strength::Weak))
        .unwrap_or_else(|| Suspicion::nobody("no parameter, register or near return address lies in a driver"))
}

/// The first of the instructions that lies in the kernel: what the bucket falls back on.
pub(crate) fn kernel_place(dump: &KernelDump<'_>) -> Option<Place> {
    // The context of other stops is that of the routine that makes every stop.
    let context = dump.context.filter(|_| stop_codes::base_code(dump.stop_code) == 0x7e);
    let told = told_instructions(dump).into_iter().map(|(_, address)| address);
    told.chain(context.map(|context| context.instruction)).find_map(|address| {
        let (driver, offset) = dump.driver_at(address)?;
        driver.is_kernel().then(|| place(driver, offset))
    })
}

fn instruction_in_driver(dump: &KernelDump<'_>) -> Option<Suspicion> {
    instructions(dump).into_iter().find_map(|(what, address)| {
        let (driver, offset) = dump.suspect_at(address)?;
        let place = place(driver, offset);
        let reason = format!("{what}, lies in {}", place.module);
        Some(Suspicion::of(Strength::Strong, place, reason))
    })
}

fn instruction_in_unloaded(dump: &KernelDump<'_>) -> Option<Suspicion> {
    instructions(dump).into_iter().find_map(|(what, address)| {
        let place = unloaded_at(dump, address)?;
        let reason = format!("{what}, lies where {} was before it was unloaded", place.module);
        Some(Suspicion::of(Strength::Likely, place, reason))
    })
}

/// The instructions that the dump names, the one nearest to the fault first, each with what it is.
/// The instructions that parameters tell of, and that of the context.
fn instructions(dump: &KernelDump<'_>) -> Vec<(String, u64)> {
    let context = dump.context.map(|context| ("the context's instruction pointer".to_owned(), context.instruction));
    told_instructions(dump).into_iter().chain(context).collect()
}

/// The faulting instruction, by a parameter or by the exception record that one points to.
fn told_instructions(dump: &KernelDump<'_>) -> Vec<(String, u64)> {
    let value = |number: usize| Some((number, *dump.parameters.get(number.checked_sub(1)?)?));
    let parameter = match stop_codes::suspects(dump.stop_code) {
        Suspects::Parameter(number) => value(number),
        Suspects::Hints | Suspects::Nobody(_) => None,
    };
    let record = stop_codes::exception_record(dump.stop_code).and_then(value).and_then(|(number, record)| {
        let address = dump.memory.read(record.checked_add(stop_codes::EXCEPTION_ADDRESS)?, 8)?;
        Some((number, u64::from_le_bytes(address.try_into().ok()?)))
    });
    let parameter = parameter.map(|(number, at)| (format!("parameter {number}, the faulting instruction"), at));
    let record = record.map(|(number, at)| (format!("the instruction in parameter {number}'s exception record"), at));
    parameter.into_iter().chain(record).collect()
}

fn any_parameter(dump: &KernelDump<'_>) -> Option<Suspicion> {
    let meanings = stop_codes::parameter_meanings(dump.stop_code, &dump.parameters);
    (1..).zip(dump.parameters).zip(meanings).find_map(|((number, address), meaning)| {
        let (place, how) = match dump.suspect_at(address) {
            Some((driver, offset)) => (place(driver, offset), "lies in"),
            None => (unloaded_at(dump, address)?, "lies in the unloaded"),
        };
        let module = &place.module;
        let reason = match meaning {
            Some(meaning) => format!("parameter {number}, the {meaning}, {how} {module}; that is not the fault itself"),
            None => format!("parameter {number} {how} {module}; this code does not say what it stands for"),
        };
        Some(Suspicion::of(Strength::Weak, place, reason))
    })
}

/// The nearest return address in a driver: near or proved for `Likely`, anywhere in the window for `Weak`.
fn on_stack(dump: &KernelDump<'_>, strength: Strength) -> Option<Suspicion> {
    let context = dump.context?;
    if dump.driver_at(context.instruction).is_some_and(|(driver, _)| !driver.is_kernel()) {
        return None;
    }
    let (kept, candidates) = stack::kept(dump);
    let found = kept.iter().find(|found| strength == Strength::Weak || found.proved || found.distance < NEAR)?;
    let (distance, place) = (found.distance, place(found.driver, found.offset));
    let how = if found.proved { ", behind a call" } else { "" };
    let reason = format!(
        "the nearest return address in a driver is in {}, {distance:#x} bytes above the stack pointer{how}",
        place.module
    );
    let note = Some(format!("thread stack: {} of {candidates} candidates kept", kept.len()));
    Some(Suspicion { strength, place: Some(place), reason, incidental: strength == Strength::Weak, note })
}

fn place(driver: &Driver, offset: u64) -> Place {
    let module = driver.name.clone().unwrap_or_else(|| UNNAMED.to_owned());
    Place { module, offset, identity: (Some(driver.timestamp), driver.size.into()) }
}

/// Stands for a name that the dump does not give.
pub(crate) const UNNAMED: &str = "?";

fn unloaded_at(dump: &KernelDump<'_>, address: u64) -> Option<Place> {
    let (driver, offset) = dump.unloaded_at(address)?;
    let module = if driver.name.is_empty() { UNNAMED.to_owned() } else { driver.name.clone() };
    Some(Place { module, offset, identity: (None, driver.end - driver.start) })
}
