//! Rows that others needed. Most of the models themselves are not ours to copy.

use crate::families::Kind;

/// PICT (snapshot c3dad2b), strength 2, measured in 2026.
const CLASSIC: [(&str, usize); 24] = [
    ("10^10", 166),
    ("10^1_9^1_8^1_7^1_6^1_5^1_4^1_3^1_2^1", 98),
    ("10^20", 213),
    ("2^10", 8),
    ("2^100", 16),
    ("2^20", 11),
    ("3^13", 19),
    ("3^4", 12),
    ("3^50", 27),
    ("4^10", 31),
    ("4^15_3^17_2^29", 38),
    ("4^1_3^39_2^35", 28),
    ("4^5_3^4", 25),
    ("5^10", 45),
    ("5^1_3^8_2^2", 21),
    ("5^1_4^4_3^11_2^5", 28),
    ("5^20", 58),
    ("6^10", 66),
    ("6^1_5^1_4^6_3^8_2^3", 35),
    ("6^6_5^5_3^4", 65),
    ("7^1_6^1_5^1_4^5_3^8_2^3", 46),
    ("7^8", 80),
    ("8^2_7^2_6^2_5^2", 78),
    ("TCAS_12", 100),
];

/// The same for the 35 models of Garvin, Cohen, Dwyer and Shi.
const CONSTRAINED: [(&str, usize); 35] = [
    ("1", 51),
    ("10", 58),
    ("11", 56),
    ("12", 50),
    ("13", 46),
    ("14", 49),
    ("15", 42),
    ("16", 31),
    ("17", 49),
    ("18", 60),
    ("19", 70),
    ("2", 42),
    ("20", 72),
    ("21", 46),
    ("22", 38),
    ("23", 15),
    ("24", 60),
    ("25", 68),
    ("26", 44),
    ("27", 46),
    ("28", 73),
    ("29", 34),
    ("3", 18),
    ("30", 26),
    ("4", 27),
    ("5", 64),
    ("6", 31),
    ("7", 13),
    ("8", 58),
    ("9", 24),
    ("apache", 40),
    ("bugzilla", 19),
    ("gcc", 32),
    ("spins", 29),
    ("spinv", 63),
];

/// The same for the 18 models of Segall and others (ISSTA 2011).
const IBM: [(&str, usize); 18] = [
    ("Banking1", 17),
    ("Banking2", 13),
    ("CommProtocol", 22),
    ("Concurrency", 6),
    ("Healthcare1", 32),
    ("Healthcare2", 20),
    ("Healthcare3", 39),
    ("Healthcare4", 51),
    ("NetworkMgmt", 125),
    ("ProcessorComm1", 29),
    ("ProcessorComm2", 36),
    ("Services", 116),
    ("Storage1", 18),
    ("Storage3", 54),
    ("Storage4", 118),
    ("Storage5", 233),
    ("SystemMgmt", 18),
    ("Telecom", 32),
];

/// The same for labs; the three largest without the clause that PICT cannot take.
const LABS: [(&str, usize); 5] = [("lab12x4", 164), ("lab20x4", 264), ("lab30x5", 511), ("lab4x3", 52), ("lab8x3", 73)];

/// ACTS, strength 3, as the authors of TCA published them (github.com/jkunlin/TCA, `result/excel/3way`), for the models of
/// Garvin and others.
const ACTS: [(&str, usize); 35] = [
    ("1", 293),
    ("10", 329),
    ("11", 318),
    ("12", 263),
    ("13", 200),
    ("14", 244),
    ("15", 173),
    ("16", 117),
    ("17", 265),
    ("18", 344),
    ("19", 373),
    ("2", 174),
    ("20", 463),
    ("21", 235),
    ("22", 164),
    ("23", 48),
    ("24", 341),
    ("25", 404),
    ("26", 207),
    ("27", 204),
    ("28", 420),
    ("29", 154),
    ("3", 71),
    ("30", 100),
    ("4", 102),
    ("5", 386),
    ("6", 119),
    ("7", 35),
    ("8", 326),
    ("9", 84),
    ("apache", 173),
    ("bugzilla", 68),
    ("gcc", 108),
    ("spins", 98),
    ("spinv", 286),
];

/// What PICT needed for the model's pairs.
pub(crate) fn pict(kind: Kind, model: &str) -> Option<usize> {
    let known: &[(&str, usize)] = match kind {
        Kind::Classic => &CLASSIC,
        Kind::Constrained => &CONSTRAINED,
        Kind::Ibm => &IBM,
        Kind::Lab => &LABS,
        Kind::Other => &[],
    };
    find(known, model)
}

/// What ACTS needed for the model's triples.
pub(crate) fn acts(kind: Kind, model: &str) -> Option<usize> {
    if kind == Kind::Constrained { find(&ACTS, model) } else { None }
}

fn find(known: &[(&str, usize)], model: &str) -> Option<usize> {
    known.iter().find(|(name, _)| *name == model).map(|&(_, rows)| rows)
}
