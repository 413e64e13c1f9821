//! Windows file formats the stand-in guest writes: kernel dumps ([`dump`]), dumps of processes ([`user_dump`]) and event
//! logs ([`evtx`]).
//!
//! All are pure functions from facts to bytes: no files, no clock, no randomness, so the same facts always give the
//! same bytes. Nothing here reads a format back; that is left to readers nobody on this side of the house wrote.

mod bytes;
pub mod dump;
pub mod evtx;
pub mod filetime;
pub mod user_dump;
