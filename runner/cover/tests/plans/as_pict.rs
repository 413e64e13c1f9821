//! Small models, and how many valid rows PICT itself finds in each: built from its source (commit c3dad2b), and asked for
//! all combinations (`/o:max`). For the 39 models kept here the rows were the same, sign by sign; what differs elsewhere is
//! in `docs/pict.md`.

use crate::checker::{every_row, is_valid};
use coexist_cover::pict::{Dialect, parse};

const MODELS: &[(&str, usize)] = &[
    ("A: 1, 2, 3\nB: x, y\n[A] > 1 OR [B] = \"x\";\n", 5),
    ("A: 0x10, 0x20, 3\n[A] >= 0x10 AND [A] < 33;\n", 2),
    ("A: 1e1, 2.5, .5, -3, +4\n[A] > -1e0;\n", 4),
    ("A: inf, -1, 5\n[A] > 4;\n", 2),
    ("A: nan, 1, 2\n[A] <> 1;\n", 2),
    ("A: 1, 2, 3\nIF [A]=1 THEN [A]>3ELSE [A] <3;\n", 1),
    ("A: a_, aB, ac\n[A] < \"a_\";\n", 2),
    ("A: straße, STRASSE, STRAẞE\n[A] = \"strasse\";\n", 1),
    ("A: é, É, e\n[A] = \"É\";\n", 2),
    ("A: FAT, FAT32, NTFS, exFAT\n[A] LIKE \"*FAT*\" AND NOT [A] LIKE \"?????\";\n", 1),
    ("A: FAT, FAT32, NTFS\n[A] NOT LIKE \"F*\";\n", 1),
    ("A: 1, 2, 3, 4\n[A] NOT IN {1, 3};\n", 2),
    ("A: a, b, c\nB: a, b\n[A] NOT IN {\"a\"} AND [B] IN {\"a\", \"q\"};\n", 2),
    ("A: 1, 2, 3\nB: 2, 3, 4\n[A] <> [B];\n", 7),
    ("A: 1, 2, 3\nB: 2, 3, 4\n[A] < [B];\n", 6),
    ("A: a, B, c\nB: A, b, C\n[A] = [B];\n", 3),
    ("A: 1, 2\nB: 1.0, 2.00\n[A] = [B];\n", 2),
    ("A: ~-1, 0, 1\nB: ~-1, 0, 1\nIF [A] = -1 THEN [B] = 0;\n", 7),
    ("A: ~-1, 0, 1\nB: ~-1, 0, 1\nC: x, y\nIF IsNegative(A) THEN [C] = \"x\";\n", 14),
    ("A: ~-1, 0, 1\nB: ~-1, 0, 1\nC: x, y\nIF IsNegative() THEN [C] = \"x\" ELSE [C] = \"y\";\n", 8),
    ("A: ~-1, 0, 1\nB: ~-1, 0, 1\nC: x, y\nIF NOT IsPositive() THEN [C] = \"x\";\n", 12),
    ("A: ~a, b, c\nB: x, y\nC: ~p, q\nIF [C] = \"p\" THEN [A] <> \"b\";\n", 8),
    ("A: 1, 2, 3\nB: <A>, 4\nC: x, <Nothing>\nIF [C] = \"<Nothing>\" THEN [B] = 4;\n", 15),
    ("A, 1, 2\nB, x, y\nIF [A] = 1 THEN [B] = \"x\";\n", 3),
    ("A: 1, 2 (10), 3\nB: a (2), b\n[A] <> 2 OR [B] = \"a\";\n", 5),
    ("A: 0, 1\nB: 0, 1\nC: 0, 1\n[A] = 1 OR [B] = 1 AND [C] = 1;\n", 5),
    ("A: 0, 1\nB: 0, 1\nC: 0, 1\nIF NOT NOT [A] = 1 THEN NOT ([B] = 1 OR [C] = 1) ELSE [B] = [C];\n", 3),
    (
        "A: 0, 1, 2\nB: 0, 1, 2\nC: 0, 1, 2\nIF [A] = [B] AND [C] > 0\nTHEN [A] <> 2\n  # a comment\nELSE [C] <> [A];\n\nIF [B] IN {1, 2} THEN [C] >= [B];\n",
        13,
    ),
    ("Para one: a b, c d\nPara two: \"q\", r\nIF [para ONE] = \"A B\" THEN [Para two] = \"\\\"q\\\"\";\n", 3),
    ("A[1]: x, y\nB: z, w\nIF [A[1\\]] = \"x\" THEN [B] = \"z\";\n", 3),
    ("IFfy: a, b\nNotes: c, d\n[IFfy] = \"a\" OR [Notes] = \"c\";\n", 3),
    ("A: 1, 2,\nB: x,,y\n[A] <> \"\";\n", 6),
    ("A: 1, 2, x\nB: 1, 2\n[A] > \"1\";\n", 4),
    ("A: a, b, c\nB: a, b, c\nC: a, b, c\n[A] <> [B] AND [B] <> [C] AND [A] <> [C];\n", 6),
    ("A: -1, -2, 3\n[A] IN {-1, 3.0};\n", 2),
    ("A: 10, 9, 100\nB: 10x, 9x, 100x\n[A] > 9 AND [B] > \"10x\";\n", 2),
    ("A: 0, 1\nB: 0, 1\nif [A] = 1\nthen [B] = 1;\n\nif [B] = 1 then [A] = 1;\n", 2),
    ("ÄÖ: ü, ö\n日本: 東, 京\nIF [äö] = \"Ü\" THEN [日本] = \"京\";\n", 3),
    (
        "A: 0, 1, 2, 3, 4, 5\nB: 0, 1, 2, 3, 4, 5\nIF [A] > 2 OR [A] = 0 THEN [B] < 4 AND [B] <> 2 ELSE NOT [B] IN {1, 5};\n",
        20,
    ),
];

#[test]
fn the_valid_rows_are_those_of_pict() {
    for (text, rows) in MODELS {
        let model = parse(text, &Dialect::default()).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}")).model;
        let valid = every_row(&model).iter().filter(|row| is_valid(&model, row)).count();
        assert_eq!(valid, *rows, "{text}");
    }
}
