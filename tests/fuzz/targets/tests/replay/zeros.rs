//! Short inputs stand for the files that they were made of.

use fuzz_targets::zeros::{LONGEST, shortened, written_out};

#[test]
fn any_count_of_zeros_comes_back() {
    for zeros in (0..0x300).chain([0x7fff, 0x8000, 0x8001, 0x1_2345]) {
        let file = [&[7][..], &vec![0; zeros], &[0x80, 0xff]].concat();
        let input = shortened(&file);
        assert_eq!(written_out(&input), file, "{zeros}");
        assert!(input.len() <= 3 + 2 * (zeros / 0x8000 + 3), "{zeros}: {}", input.len());
    }
}

#[test]
fn no_input_is_wrong_or_too_long() {
    assert!(written_out(&[]).is_empty());
    assert_eq!(written_out(&[5, 0]), [5, 0]);
    assert_eq!(written_out(&[0xff; 3]), [0xff; 3]);
    assert_eq!(written_out(&[0, 0xff].repeat(99)).len(), LONGEST);
}
