//! The door and the guest against a small SSH server on the loopback interface.

// Each file is marked as a test: helpers may then unwrap like the tests they serve.
#[cfg(test)]
mod door;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod server;
