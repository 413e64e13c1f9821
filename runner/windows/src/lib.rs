//! The Windows guest over SSH.
//!
//! ```text
//! door ─► session ─┬─ exec: one channel per command, cmd.exe semantics ─► parse ─► guest
//!                  └─ sftp: files both ways                            ─► files ─┘
//! ```
//! One SSH connection is one boot of one guest. Nothing is asked through `PowerShell`: an encoded command from a network
//! logon is what the products under test exist to stop, so vital signs come from `reg`, `sc`, `fltmc`, `wevtutil` and
//! `shutdown` alone. Whatever the guest says is bounded and made printable where it enters ([`text`]).
//!
//! Facts about Windows carry the tags of the facts file: \[R\] read in the primary source, \[K\] not yet confirmed on a
//! real guest. Nothing here was run on a real Windows.

mod boot;
mod browse;
mod door;
mod evidence;
mod exercise;
mod files;
mod guest;
mod install;
mod parse;
mod paths;
mod places;
mod probe;
mod quote;
mod session;
mod text;
#[cfg(test)]
mod wine;

pub use door::WindowsDoor;
