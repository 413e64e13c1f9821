//! The stand-in guest: one static program as PID 1.
fn main() {}
