//! Damaged and hostile dumps: facts or a typed error, never a panic, never more memory than the file deserves.

use coexist_evidence::{DriverOwners, bucket, crash_from, read_kernel_dump};
use proptest::prelude::*;

use crate::dump_builder::{ACME, DumpSpec, GLOBEX, Order, put32, quiet};

fn specimen(order: Order) -> Vec<u8> {
    DumpSpec {
        code: 0xd1,
        parameters: [0, 2, 0, ACME + 0x1100],
        blocks: (0..40).map(|n| (GLOBEX + 0x40 * n, vec![0xe8; 0x40])).collect(),
        order,
        ..quiet()
    }
    .with_slot(0x40, GLOBEX + 0x1200)
    .build()
}

/// Reads as a caller would; what comes of it must stay in proportion to the input.
fn survive(bytes: &[u8]) {
    let Ok(dump) = read_kernel_dump(bytes) else { return };
    let crash = crash_from(&dump, &DriverOwners::from_iter([("acmeflt.sys", "Acme")]));
    assert_eq!(crash.bucket, bucket(&dump));
    assert_eq!(crash.blame.strength == coexist_model::Strength::None, crash.blame.module.is_none());
    assert!(crash.notes.len() <= 40);
    assert!(dump.drivers.len() <= bytes.len() / 0x4c);
    assert!(dump.unloaded.len() <= bytes.len() / 0x38);
    assert!(dump.memory.block_count() <= bytes.len() / 0x10);
    assert!(serde_json::to_vec(&crash).unwrap().len() <= 64 * bytes.len() + 0x4000);
}

/// A generator of our own, so that every run tries the same damage.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

#[test]
fn every_length() {
    for order in [Order::Windows, Order::Debugger] {
        let bytes = specimen(order);
        for length in (0..bytes.len()).step_by(7).chain(0..0x70).chain(0x1ff0..0x2090) {
            survive(&bytes[..length]);
        }
    }
}

#[test]
fn every_offset_and_count_out_of_range() {
    let bytes = specimen(Order::Debugger);
    let end = u32::try_from(bytes.len()).unwrap();
    for field in (0x2000..0x2080).step_by(4) {
        for value in [0, 1, 0x1fff, end - 1, end, end + 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
            let mut damaged = bytes.clone();
            put32(&mut damaged, field, value);
            survive(&damaged);
        }
    }
}

#[test]
fn many_kinds_of_damage() {
    let seeds = [specimen(Order::Windows), specimen(Order::Debugger)];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..6000 {
        let mut bytes = seeds[round % 2].clone();
        for _ in 0..=dice.roll(6) {
            let at = dice.roll(bytes.len() - 8);
            match dice.roll(5) {
                0 => bytes[at] ^= 1 << dice.roll(8),
                1 => put32(&mut bytes, at & !3, [0, 1, 0xffff_ffff, 0x8000_0000, 0x2000][dice.roll(5)]),
                2 => {
                    let from = dice.roll(bytes.len() - 8);
                    bytes.copy_within(from..from + 8, at);
                }
                3 => {
                    let field = 0x2000 + 4 * dice.roll(32);
                    let value = dice.roll(bytes.len() * 2);
                    put32(&mut bytes, field, u32::try_from(value).unwrap());
                }
                _ => {
                    let end = (at + 1 + dice.roll(0x200)).min(bytes.len());
                    bytes[at..end].fill([0, 0xff, 0x45][dice.roll(3)]);
                }
            }
        }
        if dice.roll(4) == 0 {
            bytes.truncate(dice.roll(bytes.len()));
        }
        survive(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_word_anywhere(at in 0_usize..0x4000, value: u32, cut in 0_usize..0x4000) {
        let mut bytes = specimen(Order::Windows);
        let at = at.min(bytes.len() - 4);
        put32(&mut bytes, at, value);
        survive(&bytes);
        bytes.truncate(bytes.len().saturating_sub(cut));
        survive(&bytes);
    }

    #[test]
    fn any_word_anywhere_in_32_bits(at in 0_usize..0x1400, value: u32, cut in 0_usize..0x1400) {
        let mut bytes = DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], ..quiet() }.build_narrow();
        let at = at.min(bytes.len() - 4);
        put32(&mut bytes, at, value);
        survive(&bytes);
        bytes.truncate(bytes.len().saturating_sub(cut));
        survive(&bytes);
    }

    #[test]
    fn any_bytes_behind_the_signature(rest in proptest::collection::vec(any::<u8>(), 0..0x3000)) {
        for signature in [b"PAGEDU64", b"PAGEDUMP"] {
            survive(&[signature, &rest[..]].concat());
        }
    }
}
