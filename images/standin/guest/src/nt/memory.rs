//! Where images lie: picked at random in each boot, as Windows does, never overlapping.

/// Addresses of images in this boot.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// Where the next driver may lie.
    next: u64,
    /// Where the kernel itself lies.
    kernel: u64,
    state: u64,
}

/// The kernel lies somewhere in the first 16 GiB of the system's image range, drivers behind it.
const KERNEL_RANGE: u64 = 0xffff_f800_0000_0000;
const DRIVER_RANGE: u64 = 0xffff_f804_0000_0000;
/// Boundary of the kernel image: large pages.
const KERNEL_ALIGN: u64 = 0x20_0000;
/// Boundary of driver images.
const DRIVER_ALIGN: u64 = 0x1_0000;

impl Memory {
    /// A layout from a seed, which the boot draws at random.
    pub(crate) fn new(seed: u64) -> Self {
        let mut memory = Self { next: 0, kernel: 0, state: seed | 1 };
        memory.kernel = KERNEL_RANGE + memory.below(0x1f00) * KERNEL_ALIGN;
        memory.next = DRIVER_RANGE + memory.below(0x8000) * DRIVER_ALIGN;
        memory
    }

    /// Where the kernel lies.
    pub(crate) fn kernel(&self) -> u64 {
        self.kernel
    }

    /// A place for an image.
    pub(crate) fn place(&mut self, size: u32) -> u64 {
        let base = self.next;
        let end = base + u64::from(size);
        self.next = end.next_multiple_of(DRIVER_ALIGN) + self.below(8) * DRIVER_ALIGN;
        base
    }

    /// Some number below this one. Not for secrets: it only makes one boot differ from another (xorshift64).
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % limit.max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn images_never_overlap(seed: u64, sizes in prop::collection::vec(1_u32..0x0200_0000, 1..60)) {
            let mut memory = Memory::new(seed);
            let mut end = memory.kernel() + 0x0200_0000;
            for size in sizes {
                let base = memory.place(size);
                prop_assert!(base >= end);
                prop_assert_eq!(base & 0xfff, 0);
                prop_assert_eq!(base >> 36, 0xfff_ff80);
                end = base + u64::from(size);
            }
        }
    }

    #[test]
    fn boots_differ() {
        assert_ne!(Memory::new(7).kernel(), Memory::new(0x1234_5678_9abc).kernel());
    }
}
