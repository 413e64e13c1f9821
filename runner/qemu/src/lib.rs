//! Machines as QEMU processes
