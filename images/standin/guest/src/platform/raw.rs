//! The two things that no safe wrapper offers: an ioctl on the random device and one byte in a device's memory.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use rustix::ioctl::{Setter, ioctl, opcode};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Bytes of seed handed over in one go.
pub(super) const SEED: usize = 64;
/// Length of the mapping of a device's memory: the smallest there is.
const PAGE: usize = 4096;

/// `struct rand_pool_info` with a buffer of its own (random(4)).
#[repr(C)]
pub(super) struct PoolInfo {
    /// Entropy to credit, in bits.
    pub(super) bits: i32,
    /// Bytes that follow.
    pub(super) size: i32,
    /// The seed.
    pub(super) seed: [u8; SEED],
}

/// Mixes the seed into the kernel's pool and credits it.
pub(super) fn add_entropy(random: &File, pool: PoolInfo) -> io::Result<()> {
    // RNDADDENTROPY is _IOW('R', 3, int[2]): the size in the number is that of the head alone (linux/random.h).
    const ADD_ENTROPY: rustix::ioctl::Opcode = opcode::write::<[i32; 2]>(b'R', 3);
    // SAFETY: the opcode takes a pointer to a rand_pool_info whose `size` says how many bytes follow its head; the
    // type is exactly that, with the buffer inside, and the kernel only reads it.
    unsafe { ioctl(random, Setter::<ADD_ENTROPY, PoolInfo>::new(pool)) }.map_err(io::Error::from)
}

/// Writes one byte at the start of a memory resource (`/sys/bus/pci/devices/…/resource0`).
pub(super) fn poke(resource: &File, byte: u8) -> io::Result<()> {
    let flags = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a fresh shared mapping at an address the kernel picks; nothing else in this program points into it.
    let memory = unsafe { mmap(std::ptr::null_mut(), PAGE, flags, MapFlags::SHARED, resource, 0) }?;
    // SAFETY: the mapping is live, writable and at least one byte long; device memory must be written volatile.
    unsafe { memory.cast::<u8>().write_volatile(byte) };
    // SAFETY: exactly the range mapped above, not used afterwards.
    unsafe { munmap(memory, PAGE) }.map_err(io::Error::from)
}
