//! A signature that is equal for equal crashes, whatever address anything was loaded at.
//!
//! `{base code}|{access or subcode}|{module}+{offset}|{time stamp}-{size}`, all numbers in base 16:
//! `7e|c0000005|amdppm.sys+0x334c|5f1a2b3c-40000`. A part that is unknown is `-`.
//!
//! - The code is the base code, so that 0x7E and its "_M" form meet.
//! - The place is that of the blame. Where nobody is blamed, or only a value far up the stack hints at somebody, it is
//!   the instruction in the kernel or a framework, where one is told. Codes that are nobody's doing have no place: the
//!   process stands there, and equal signatures prove nothing (`Bucket::names_a_place`).
//! - An address that lies in no module is never part of it: it would differ from boot to boot.
//! - Offsets compare only between equal images, so time stamp and size of the module are part of it.
//! - Names of unloaded drivers are cut as Windows cuts them in small dumps, so that a small and a big dump of one crash
//!   give one signature.

use coexist_model::{Bucket, Strength};

use crate::blame::{Image, Place, Suspicion, fault_place, suspicion};
use crate::dump::{KernelDump, UNLOADED_NAME};
use crate::stop_codes::{Suspects, base_code, subcode, suspects};

/// The signature of a crash.
#[must_use]
pub fn bucket(dump: &KernelDump<'_>) -> Bucket {
    bucket_of(dump, &suspicion(dump))
}

pub(crate) fn bucket_of(dump: &KernelDump<'_>, suspicion: &Suspicion) -> Bucket {
    let code = base_code(dump.stop_code);
    let subcode = subcode(dump.stop_code, &dump.parameters).unwrap_or_else(|| "-".to_owned());
    let place = if matches!(suspects(dump.stop_code), Suspects::Nobody(_)) {
        None
    } else if suspicion.strength == Strength::None || suspicion.incidental {
        fault_place(dump)
    } else {
        suspicion.place.clone()
    };
    let (place, identity) = match place {
        None => (dump.process.as_deref().map_or_else(|| "-".to_owned(), in_process), "-".to_owned()),
        Some(Place { module, offset, image: Image::Loaded { timestamp, size }, .. }) => {
            let timestamp = timestamp.map_or_else(|| "-".to_owned(), |timestamp| format!("{timestamp:x}"));
            (format!("{}+{offset:#x}", safe(&module)), format!("{timestamp}-{size:x}"))
        }
        Some(Place { module, offset, image: Image::Unloaded { size }, .. }) => {
            let module: String = module.chars().take(UNLOADED_NAME).collect();
            (format!("{}+{offset:#x}", safe(&module)), format!("unloaded-{size:x}"))
        }
    };
    Bucket(format!("{code:x}|{subcode}|{place}|{identity}"))
}

fn in_process(name: &str) -> String {
    format!("in {}", safe(name))
}

/// A name as a part of a signature: the guest's text must not look like another part, or like a place.
fn safe(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c.to_ascii_lowercase() } else { '?' };
    name.chars().map(safe).collect()
}
