//! Libraries that check most of what they read, but not all.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a library on hostile bytes: a panic of it is `None`, and the panic hook's message on standard error is all that
/// remains of it.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
