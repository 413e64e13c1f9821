//! Random draws that are the same on every machine: SplitMix64 (Steele, Lea, Flood, 2014) from a constant seed.

/// Where every plan starts from. Any other number would do; changing it changes every plan.
const SEED: u64 = 0x5eed_c0e8_1575_0001;

/// A stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The same stream for the same number.
    pub(crate) fn stream(number: u64) -> Self {
        let mut random = Self(SEED ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when there is none.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
