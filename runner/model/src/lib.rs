//! The lab's nouns and pure rules: no files, no clock, no async.
mod crash;
mod hex;
mod seconds;

pub use crash::{Blame, Bucket, Crash, LoadedDriver, Strength};
pub use hex::Hex;
pub use seconds::Seconds;
