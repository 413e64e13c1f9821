//! Packed files: whole, cut, damaged, made up.

use std::fs;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use proptest::prelude::*;
use sha2::Digest;

use super::{Frame, LARGEST_BLOCK, Packed, PackedReader, PackedWriter, seek_table};

const BLOCK: usize = 1000;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("x.dmp.zst")
    }

    fn writer(&self) -> PackedWriter {
        PackedWriter::with_blocks(&self.file(), BLOCK).unwrap()
    }

    fn pack(&self, plain: &[u8]) -> Packed {
        let mut writer = self.writer();
        let from = usize::try_from(writer.plain_bytes()).unwrap();
        writer.write_all(&plain[from..]).unwrap();
        writer.finish().unwrap()
    }

    fn packed(&self) -> Vec<u8> {
        fs::read(self.file()).unwrap()
    }
}

/// Zeros and noise, as in memory.
fn memory(pages: &[u8]) -> Vec<u8> {
    let byte = |seed: u8, n: u32| (n.wrapping_mul(2_654_435_761).wrapping_mul(u32::from(seed)) >> 13) as u8;
    pages.iter().flat_map(|&seed| (0..700).map(move |n| byte(seed, n))).collect()
}

fn read(packed: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    PackedReader::new(Cursor::new(packed))?.read_to_end(&mut plain)?;
    Ok(plain)
}

fn digest(plain: &[u8]) -> String {
    sha2::Sha256::digest(plain).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn zstd_unpacks_what_is_packed() {
    for plain in [Vec::new(), vec![7], memory(&[1, 0, 0, 9, 200, 3])] {
        let place = Place::new();
        let packed = place.pack(&plain);
        assert_eq!(packed.sha256.as_str(), digest(&plain));
        assert_eq!((packed.plain_bytes, packed.packed_bytes), (plain.len() as u64, place.packed().len() as u64));
        assert!(read(place.packed()).unwrap() == plain);
        let program = std::process::Command::new("zstd").args(["-dc", "--"]).arg(place.file()).output();
        match program {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                assert!(output.stdout == plain);
            }
            Err(error) => println!("SKIPPED the zstd program as a reader of packed files: {error}"),
        }
    }
}

#[test]
fn zeros_cost_next_to_nothing() {
    let place = Place::new();
    let mut writer = PackedWriter::open(&place.file()).unwrap();
    let page = vec![0; 1 << 20];
    for _ in 0..64 {
        writer.write_all(&page).unwrap();
    }
    let packed = writer.finish().unwrap();
    assert_eq!(packed.plain_bytes, 64 << 20);
    assert!(packed.packed_bytes < 32 << 10, "{}", packed.packed_bytes);
    let again = PackedWriter::open(&place.file()).unwrap();
    assert_eq!(again.plain_bytes(), 64 << 20);
    assert_eq!(again.finish().unwrap(), packed);
}

#[test]
fn a_flush_puts_everything_on_the_disk() {
    let place = Place::new();
    let plain = memory(&[5, 6, 7]);
    let mut writer = place.writer();
    writer.write_all(&plain[..1234]).unwrap();
    writer.flush().unwrap();
    writer.write_all(&plain[1234..1300]).unwrap();
    assert_eq!(writer.plain_bytes(), 1300);
    drop(writer);
    assert_eq!(place.writer().plain_bytes(), 1234);
    place.pack(&plain);
    assert!(read(place.packed()).unwrap() == plain);
}

#[test]
fn made_up_files_are_refused() {
    let frame = |packed, plain| Frame { packed, plain };
    let good = zstd::bulk::compress(&[0; 5000], 1).unwrap();
    let length = good.len() as u32;
    let with = |frames: &[Frame]| [good.clone(), seek_table(frames)].concat();
    assert_eq!(read(with(&[frame(length, 5000)])).unwrap(), [0; 5000]);
    let bomb = zstd::bulk::compress(&vec![0; LARGEST_BLOCK + 1], 1).unwrap();
    let bombed = |plain| [bomb.clone(), seek_table(&[frame(bomb.len() as u32, plain)])].concat();
    let mut cut = with(&[frame(length, 5000)]);
    cut.pop();
    let mut reserved = with(&[frame(length, 5000)]);
    let at = reserved.len() - 5;
    reserved[at] = 4;
    for (file, why) in [
        (Vec::new(), "no seek table"),
        (good.clone(), "no seek table"),
        (cut, "no seek table"),
        (reserved, "does not fit"),
        (with(&[frame(length + 1, 5000)]), "does not fit"),
        (with(&[frame(length, 5000), frame(0, 5000)]), "damaged"),
        (with(&[frame(length, 0)]), "does not fit"),
        (with(&[frame(length, 1)]), "damaged"),
        (with(&[frame(length, 4999)]), "damaged"),
        (with(&[frame(length, 5001)]), "damaged"),
        (with(&[frame(u32::MAX, u32::MAX)]), "larger than"),
        (bombed(LARGEST_BLOCK as u32 + 1), "larger than"),
        (bombed(LARGEST_BLOCK as u32), "damaged"),
    ] {
        let error = read(file).unwrap_err();
        assert!(error.to_string().contains(why), "{error}, not {why}");
    }
}

#[test]
fn a_bomb_in_an_unfinished_file_is_dropped() {
    let place = Place::new();
    place.pack(&memory(&[1, 2]));
    let mut file = place.packed();
    file.truncate(file.len() - 8 - 9 - 2 * 8);
    let whole = file.len();
    file.extend(zstd::bulk::compress(&vec![0; LARGEST_BLOCK + 1], 1).unwrap());
    fs::write(place.file(), file).unwrap();
    assert_eq!(place.writer().plain_bytes(), 1400);
    assert_eq!(place.packed().len(), whole);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn cut_anywhere_it_goes_on_and_comes_out_the_same(
        pages in proptest::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..12),
        cut in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let plain = memory(&pages);
        let place = Place::new();
        let whole = place.pack(&plain);
        let mut file = place.packed();
        file.truncate(cut.index(file.len() + 1));
        file.extend(noise);
        fs::write(place.file(), file).unwrap();
        let held = place.writer().plain_bytes() as usize;
        prop_assert!(held == plain.len() || (held < plain.len() && held.is_multiple_of(BLOCK)), "{held}");
        prop_assert_eq!(place.pack(&plain), whole);
        prop_assert!(read(place.packed()).unwrap() == plain);
    }

    #[test]
    fn damage_is_told_or_harmless(
        pages in proptest::collection::vec(any::<u8>(), 1..8),
        place_of_damage in any::<prop::sample::Index>(),
        bits in 1_u8..,
    ) {
        let plain = memory(&pages);
        let place = Place::new();
        place.pack(&plain);
        let mut file = place.packed();
        let at = place_of_damage.index(file.len());
        file[at] ^= bits;
        if let Ok(found) = read(file.clone()) {
            prop_assert!(found == plain);
        }
        fs::write(place.file(), file).unwrap();
        let again = place.pack(&plain);
        prop_assert_eq!(again.sha256.as_str(), digest(&plain));
    }

    #[test]
    fn it_reads_like_the_plain_file(
        pages in proptest::collection::vec(any::<u8>(), 1..40),
        looks in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..3000, 0..3), 1..30),
    ) {
        let plain = memory(&pages);
        let place = Place::new();
        place.pack(&plain);
        let mut reader = PackedReader::new(fs::File::open(place.file()).unwrap()).unwrap();
        let mut truth = Cursor::new(&plain);
        prop_assert_eq!(reader.plain_bytes(), plain.len() as u64);
        for (index, length, how) in looks {
            let to = index.index(plain.len() + 100) as u64;
            let to = match how {
                0 => SeekFrom::Start(to),
                1 => SeekFrom::End(50 - to as i64),
                _ => SeekFrom::Current(to as i64 - truth.position() as i64),
            };
            let sought = truth.seek(to).ok();
            prop_assert_eq!(reader.seek(to).ok(), sought);
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            (&mut reader).take(length as u64).read_to_end(&mut found).unwrap();
            (&mut truth).take(length as u64).read_to_end(&mut expected).unwrap();
            prop_assert!(found == expected);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), frames in proptest::collection::vec((0..300_u32, any::<u32>()), 0..5)) {
        let frames: Vec<_> = frames.into_iter().map(|(packed, plain)| Frame { packed, plain }).collect();
        let _ = read([bytes, seek_table(&frames)].concat());
    }
}
