//! Who is suspected of a crash, how strongly, and why. The first rule that finds somebody wins:
//!
//! | strength | rule |
//! |---|---|
//! | `none` | the stop code is one that operators or hardware cause, or whose cause has left no trace in a small dump |
//! | `strong` | the faulting instruction lies in a driver: by a parameter, by the exception record, context record or trap frame that one points to, by the trap on the stack, or by the header's context |
//! | `strong` | a parameter lies in a driver that Microsoft's reference finds the culprit by: the routine that broke a rule |
//! | `likely` | the faulting instruction lies in a framework, and the nearest return address in another driver is near |
//! | `weak` | … and that return address is far up |
//! | `likely` | … and there is none: then it is the framework |
//! | `likely` | the instruction lies where a driver, and no other, was loaded before it was unloaded |
//! | `likely` | a routine took too long, and the clock's interrupt found a driver running |
//! | `likely` | the instruction lies in the kernel or in no module, and the nearest return address on the stack in a driver is near, or known to follow a call |
//! | `weak` | any parameter lies in a driver, loaded or unloaded |
//! | `weak` | a return address in a driver lies further up the stack |
//! | `weak` | a parameter or a return address lies in a framework, and there is no other driver |
//! | `none` | nothing of the above |
//!
//! "Driver" is any loaded module whose name is known, but the kernel, its HAL, and the frameworks that carry other
//! drivers' calls (`frameworks.rs`). These are passed over on the stack as the kernel is, and the reason says so: a
//! debugger would name the driver behind them as well. Codes that tell of damage found late give `weak` where `likely`
//! stands. Where a trap led to the stop and the registers of the fault are not found, no return address counts as near.
//! Stack rules read from the fault's stack pointer upwards (`fault.rs`), never from the lower end of the copy,
//! where values of finished calls lie. Of three real dumps at hand this finds the publicly known culprit in two and
//! nobody in the third; that is no measure of how good it is in general.

use coexist_model::{Blame, Hex, Strength};

use crate::dump::{Driver, KernelDump, UnloadedDriver};
use crate::fault;
use crate::frameworks::is_framework;
use crate::stack::{self, Callers, Kept};
use crate::stop_codes::{self, Suspects, Trap};
use crate::vendors::{DriverOwners, ImageId};

/// Who is suspected of the crash, how strongly and why; the module doc's table is the rule.
#[must_use]
pub fn blame(dump: &KernelDump<'_>, owners: &DriverOwners) -> Blame {
    blame_of(suspicion(dump), owners)
}

pub(crate) fn blame_of(suspicion: Suspicion, owners: &DriverOwners) -> Blame {
    let Suspicion { strength, place, mut reason, .. } = suspicion;
    let mut vendor = place.as_ref().and_then(|place| owners.vendor(&place.module, place.image.id()));
    if let Some(place) = place.as_ref().filter(|place| vendor.is_none() && place.name_is_cut)
        && let Some((driver, maker)) = owners.of_cut_name(&place.module)
    {
        vendor = Some(maker);
        reason = format!("{reason}; the dump's name is cut, and so begins {driver}");
    }
    let vendor = vendor.map(str::to_owned);
    let (module, offset) = place.map(|place| (place.module, Hex(place.offset))).unzip();
    Blame { strength, module, offset, vendor, reason }
}

/// A place in a module, in terms that do not depend on where it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) module: String,
    pub(crate) offset: u64,
    pub(crate) image: Image,
    /// Whether the name may be the beginning of a longer one.
    pub(crate) name_is_cut: bool,
}

/// Which image of a module it was: offsets compare within one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    Loaded { timestamp: Option<u32>, size: u64 },
    Unloaded { size: u64 },
}

impl Image {
    /// What a file can be compared with.
    pub(crate) fn id(self) -> Option<ImageId> {
        match self {
            Self::Loaded { timestamp, size } => Some(ImageId { timestamp: timestamp?, size }),
            Self::Unloaded { .. } => None,
        }
    }
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

    fn by_chance(self) -> Self {
        Self { incidental: true, ..self }
    }

    fn with_note(self, callers: &Callers<'_>) -> Self {
        Self { note: Some(callers.note.clone()), ..self }
    }

    fn nobody(reason: impl Into<String>) -> Self {
        Self { strength: Strength::None, place: None, reason: reason.into(), incidental: false, note: None }
    }
}

pub(crate) fn suspicion(dump: &KernelDump<'_>) -> Suspicion {
    if let Suspects::Nobody(reason) = stop_codes::suspects(dump.stop_code) {
        return Suspicion::nobody(reason);
    }
    let callers = stack::callers(dump);
    let found = in_driver(dump)
        .or_else(|| in_routine(dump))
        .or_else(|| in_framework(dump, &callers))
        .or_else(|| in_unloaded(dump))
        .or_else(|| in_interrupted(dump))
        .or_else(|| near_caller(&callers))
        .or_else(|| any_parameter(dump, Kind::Driver))
        .or_else(|| far_caller(&callers))
        .or_else(|| any_parameter(dump, Kind::Framework))
        .or_else(|| framework_on_stack(&callers))
        .unwrap_or_else(|| Suspicion::nobody("no parameter, register or near return address lies in a driver"));
    if stop_codes::is_found_late(dump.stop_code) && found.strength == Strength::Likely {
        let reason = format!("{}; this code tells of damage that another may have done before", found.reason);
        return Suspicion { strength: Strength::Weak, reason, ..found };
    }
    found
}

/// Where the fault lies, in the kernel or in a framework: what the bucket falls back on.
pub(crate) fn fault_place(dump: &KernelDump<'_>) -> Option<Place> {
    fault::instructions(dump).into_iter().filter(|told| told.is_the_fault).find_map(|told| {
        let (driver, offset) = dump.driver_at(told.address)?;
        place(driver, offset).filter(|place| driver.is_kernel() || is_framework(&place.module))
    })
}

fn in_driver(dump: &KernelDump<'_>) -> Option<Suspicion> {
    fault::instructions(dump).into_iter().find_map(|told| {
        let (driver, offset) = dump.driver_at(told.address).filter(|(driver, _)| !driver.is_kernel())?;
        let Some(place) = place(driver, offset) else {
            let nobody = || Suspicion::nobody(format!("{}, lies in a module whose name could not be read", told.what));
            return told.is_the_fault.then(nobody);
        };
        let reason = format!("{}, lies in {}", told.what, place.module);
        (!is_framework(&place.module)).then(|| Suspicion::of(Strength::Strong, place, reason))
    })
}

/// A parameter that finds the driver, as Microsoft's reference says.
fn in_routine(dump: &KernelDump<'_>) -> Option<Suspicion> {
    let (number, what) = stop_codes::routine(dump.stop_code, &dump.parameters)?;
    let (driver, offset) = dump.suspect_at(dump.parameter(number)?)?;
    let place = place(driver, offset).filter(|place| !is_framework(&place.module))?;
    let reason = format!("parameter {number}, {what}, lies in {}", place.module);
    Some(Suspicion::of(Strength::Strong, place, reason))
}

fn in_framework(dump: &KernelDump<'_>, callers: &Callers<'_>) -> Option<Suspicion> {
    let (what, framework) = fault::instructions(dump).into_iter().find_map(|told| {
        let (driver, offset) = dump.suspect_at(told.address)?;
        Some((told.what, place(driver, offset).filter(|place| is_framework(&place.module))?))
    })?;
    let lies = format!("{what}, lies in {}, which works for other drivers", framework.module);
    let caller = callers.near.as_ref().map(|found| (Strength::Likely, found));
    let Some((strength, found)) = caller.or_else(|| callers.far.as_ref().map(|found| (Strength::Weak, found))) else {
        let reason = format!("{lies}; no return address in another is on the stack");
        return Some(Suspicion::of(Strength::Likely, framework, reason));
    };
    let reason = format!("{lies}; the nearest return address in another is in {}, {}", found.module, found.how());
    let suspicion = Suspicion::of(strength, caller_place(found), reason).with_note(callers);
    Some(if strength == Strength::Weak { suspicion.by_chance() } else { suspicion })
}

fn in_unloaded(dump: &KernelDump<'_>) -> Option<Suspicion> {
    fault::instructions(dump).into_iter().find_map(|told| {
        let place = unloaded_at(dump, told.address)?;
        let reason = format!("{}, lies where {} was before it was unloaded", told.what, place.module);
        Some(Suspicion::of(Strength::Likely, place, reason))
    })
}

/// It need not be what took the time, so it is no more than likely.
fn in_interrupted(dump: &KernelDump<'_>) -> Option<Suspicion> {
    let (driver, offset) = dump.suspect_at(fault::first_trap(dump, Trap::Clock)?.instruction)?;
    let place = place(driver, offset).filter(|place| !is_framework(&place.module))?;
    let reason = format!("{} ran when the clock's interrupt found that time was up", place.module);
    Some(Suspicion::of(Strength::Likely, place, reason))
}

fn near_caller(callers: &Callers<'_>) -> Option<Suspicion> {
    let found = callers.near.as_ref()?;
    let passed = match callers.passed.as_slice() {
        [] => String::new(),
        passed => format!(", past {}, which works for other drivers", passed.join(", ")),
    };
    let reason = format!("the nearest return address in a driver is in {}, {}{passed}", found.module, found.how());
    Some(Suspicion::of(Strength::Likely, caller_place(found), reason).with_note(callers))
}

fn far_caller(callers: &Callers<'_>) -> Option<Suspicion> {
    let found = callers.far.as_ref()?;
    let reason = format!("the nearest return address in a driver is in {}, {}", found.module, found.how());
    Some(Suspicion::of(Strength::Weak, caller_place(found), reason).by_chance().with_note(callers))
}

fn framework_on_stack(callers: &Callers<'_>) -> Option<Suspicion> {
    let found = callers.framework.as_ref()?;
    let reason = format!(
        "the nearest return address is in {}, {}; that works for other drivers, and none of them is on the stack",
        found.module,
        found.how()
    );
    Some(Suspicion::of(Strength::Weak, caller_place(found), reason).by_chance().with_note(callers))
}

/// Which modules a rule is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Driver,
    Framework,
}

fn any_parameter(dump: &KernelDump<'_>, kind: Kind) -> Option<Suspicion> {
    let meanings = stop_codes::parameter_meanings(dump.stop_code, &dump.parameters);
    (1..).zip(dump.parameters).zip(meanings).find_map(|((number, address), meaning)| {
        let (place, how) = match dump.suspect_at(address) {
            Some((driver, offset)) => (place(driver, offset)?, "lies in"),
            None => (unloaded_at(dump, address)?, "lies in the unloaded"),
        };
        (is_framework(&place.module) == (kind == Kind::Framework)).then_some(())?;
        let module = &place.module;
        let reason = match meaning {
            Some(meaning) => format!("parameter {number}, the {meaning}, {how} {module}; that is not the fault itself"),
            None => format!("parameter {number} {how} {module}; this code does not say what it stands for"),
        };
        Some(Suspicion::of(Strength::Weak, place, reason))
    })
}

fn caller_place(found: &Kept<'_>) -> Place {
    place_of(found.module, found.driver, found.offset)
}

/// `None` where the module's name is unknown: nobody can be named then.
fn place(driver: &Driver, offset: u64) -> Option<Place> {
    Some(place_of(driver.name.as_deref()?, driver, offset))
}

fn place_of(module: &str, driver: &Driver, offset: u64) -> Place {
    let image = Image::Loaded { timestamp: driver.timestamp, size: driver.size.into() };
    Place { module: module.to_owned(), offset, image, name_is_cut: false }
}

fn unloaded_at(dump: &KernelDump<'_>, address: u64) -> Option<Place> {
    let (driver, offset) = dump.unloaded_at(address)?;
    let UnloadedDriver { name, name_is_cut, start, end } = driver;
    Some(Place {
        module: name.clone()?,
        offset,
        image: Image::Unloaded { size: end - start },
        name_is_cut: *name_is_cut,
    })
}
