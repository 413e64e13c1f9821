//! Agents that misbehave in a way the test learns only afterwards.
//!
//! Vendor, driver, stop code, parameters and offset are drawn from a seed. What was drawn is the [`Truth`], which a test
//! keeps aside until the runner has said what it found.

mod dumps;
mod trouble;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standin_behaviour::{Card, Parameter};

pub use dumps::DumpSettings;
/// How a machine ends whose dump is half written: part of [`Trouble::PowerLost`].
pub use standin_behaviour::CutShort;
pub use trouble::Trouble;

use crate::vendors::{agent, content};
use crate::{Agent, Content, Quirks};

/// An agent and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misbehaving {
    /// The agent to package and install.
    pub agent: Agent,
    /// Content update that brings the trouble about; only for [`Trouble::ContentLoad`]. It replaces the agent's content
    /// file.
    pub candidate_content: Option<Content>,
    /// What the runner should find.
    pub truth: Truth,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// What goes wrong, and when.
    pub trouble: Trouble,
    /// Vendor to blame.
    pub vendor: String,
    /// Driver file to blame, lower case.
    pub driver: String,
    /// The stop; absent where the machine does not stop.
    pub stop: Option<Stop>,
}

/// A stop of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Stop code.
    pub code: u32,
    /// Its parameters as the card has them; exactly one lies in the driver.
    pub parameters: [Parameter; 4],
    /// Offset of the faulting instruction in the driver's image, bytes.
    pub offset: u32,
}

/// Stop codes whose documented parameters name the faulting instruction, and which parameter that is (from 0).
const CODES: [(u32, usize); 6] = [(0x50, 2), (0xd1, 3), (0x7e, 1), (0x3b, 1), (0x1e, 1), (0x0a, 3)];
const ONSETS: [&str; 12] = ["b", "d", "f", "g", "k", "l", "m", "n", "r", "t", "v", "z"];
const NUCLEI: [&str; 5] = ["a", "e", "i", "o", "u"];
const PRODUCTS: [&str; 6] = ["Shield", "Watch", "Protect", "Defend", "Insight", "Control"];
const SMALLEST_IMAGE: u32 = 0x4_0000;
const LARGEST_IMAGE: u32 = 0x12_0000;
const PAGE: u32 = 0x1000;

impl Misbehaving {
    /// Draws an agent with this trouble.
    #[must_use]
    pub fn random(seed: u64, trouble: Trouble) -> Self {
        let mut draw = StdRng::seed_from_u64(seed);
        let (vendor, stem) = names(&mut draw);
        let driver = format!("{stem}flt.sys");
        let product = PRODUCTS[draw.random_range(0..PRODUCTS.len())];
        let version = format!("{}.{}", draw.random_range(1..20), draw.random_range(0..10));
        let image_size = draw.random_range(SMALLEST_IMAGE / PAGE..LARGEST_IMAGE / PAGE) * PAGE;
        let stop = trouble.stops().then(|| stop(&mut draw, image_size));

        let (old, new) = (draw.random_range(100..500), draw.random_range(500..1_000));
        let path = format!(r"C:\ProgramData\{vendor}\signatures.dat");
        let service = format!("{vendor}Svc");
        let has_content = trouble == Trouble::ContentLoad;
        let content_of = |number: u32| Content { path: path.clone(), text: content(&number.to_string()) };

        let card = Card {
            altitude: Some(format!("{}.{}", draw.random_range(320_000..329_999), draw.random_range(1..100))),
            content: has_content.then(|| path.clone()),
            misfortunes: trouble.misfortunes(stop, new, &service, &format!("{stem}flt")),
        };
        let id = format!("{stem}-{}", product.to_lowercase());
        let agent = Agent {
            content: has_content.then(|| content_of(old)),
            ..agent([&id, &vendor, product, &version], &service, &driver, image_size, card)
        };
        let candidate_content = has_content.then(|| content_of(new));
        Self { agent, candidate_content, truth: Truth { trouble, vendor, driver, stop } }
    }

    /// The same, with an installer that sets how this Windows writes its dumps. It holds from the next boot on.
    #[must_use]
    pub fn with_dump_settings(mut self, settings: DumpSettings) -> Self {
        self.agent.registry.extend(settings.registry());
        self
    }

    /// The same with an installer that has these quirks.
    #[must_use]
    pub fn with_quirks(mut self, quirks: Quirks) -> Self {
        self.agent.quirks = quirks;
        self
    }
}

/// An agent that behaves well, with names from the seed.
#[must_use]
pub fn harmless(seed: u64) -> Agent {
    let mut drawn = Misbehaving::random(seed, Trouble::Hang).agent;
    drawn.misfortunes_mut().clear();
    drawn
}

/// A vendor such as `Zukotavi` and the lower-case stem of its driver's name.
fn names(draw: &mut StdRng) -> (String, String) {
    let mut stem = String::new();
    for _ in 0..3 {
        stem.push_str(ONSETS[draw.random_range(0..ONSETS.len())]);
        stem.push_str(NUCLEI[draw.random_range(0..NUCLEI.len())]);
    }
    let (first, rest) = stem.split_at(1);
    (format!("{}{rest}", first.to_uppercase()), stem)
}

/// A stop whose parameters look as the code's documentation says: only one of them lies in a driver.
fn stop(draw: &mut StdRng, image_size: u32) -> Stop {
    let (code, faulting) = CODES[draw.random_range(0..CODES.len())];
    let offset = draw.random_range(PAGE..image_size);
    let pool = 0xffff_8405_0000_0000 + u64::from(draw.random::<u32>() & !7);
    let stack = 0xffff_9405_8000_0000 + u64::from(draw.random::<u32>() & 0x0fff_fff0);
    let near_null = u64::from(draw.random_range(1..0x40_u32)) * 8;
    let irql = 2;
    let access = u64::from(draw.random_range(0..2_u32));
    let violation = 0xffff_ffff_c000_0005;
    let others = match code {
        0x50 => [pool, 2 * access, 2],
        0xd1 | 0x0a => [near_null, irql, access],
        0x7e => [violation, stack, stack + 0x6b8],
        0x3b => [0xc000_0005, stack, 0],
        _ => [violation, access, near_null],
    };
    let mut values = others.into_iter().map(Parameter::Value);
    let parameters = std::array::from_fn(|index| {
        if index == faulting { Parameter::InDriver(offset) } else { values.next().unwrap_or(Parameter::Value(0)) }
    });
    Stop { code, parameters, offset }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use standin_behaviour::{Condition, CutShort};

    use super::*;

    const TROUBLES: [Trouble; 28] = [
        Trouble::Install,
        Trouble::ContentLoad,
        Trouble::Running { after_ms: 1_500 },
        Trouble::BootOnce,
        Trouble::BootLoop,
        Trouble::PowerLost { end: CutShort::StandStill },
        Trouble::FullDisk { leave: 32 << 10 },
        Trouble::ClearsLog { after_ms: 1_500 },
        Trouble::CutsDownloads { bytes: 40 << 10, times: 2 },
        Trouble::LiveReport { after_ms: 1_500 },
        Trouble::Hang,
        Trouble::HangDeaf,
        Trouble::HangsLater { after_ms: 1_500, deaf: false },
        Trouble::HangsLater { after_ms: 1_500, deaf: true },
        Trouble::SlowBoot { ms: 1_500 },
        Trouble::SlowNetwork { ms: 1_500 },
        Trouble::BreakNetwork,
        Trouble::GoesSilent { after_ms: 1_500 },
        Trouble::CutSessions,
        Trouble::LimitUploads { bytes: 1 << 20 },
        Trouble::DenyCommands,
        Trouble::SshdEnds { after_ms: 1_500 },
        Trouble::ServiceEnds { after_ms: 1_500 },
        Trouble::ServiceCrashes { after_ms: 1_500 },
        Trouble::ServiceStops { after_ms: 1_500 },
        Trouble::FilterVanishes { after_ms: 1_500 },
        Trouble::IgnoresPowerButton,
        Trouble::UpdatesItself { ms: 1_500 },
    ];

    #[test]
    fn the_truth_is_what_the_card_says() {
        for seed in 0..200 {
            for trouble in TROUBLES {
                let drawn = Misbehaving::random(seed, trouble);
                let driver = drawn.agent.driver.as_ref().unwrap();
                assert_eq!(driver.file_name, drawn.truth.driver);
                assert_eq!(drawn, Misbehaving::random(seed, trouble));
                let deed = &driver.card.misfortunes[0].deed;
                let Some(stop) = drawn.truth.stop else {
                    assert_eq!(deed.parameters(), None);
                    continue;
                };
                assert_eq!(deed.parameters(), Some(&stop.parameters));
                let (_, faulting) = CODES.into_iter().find(|(code, _)| *code == stop.code).unwrap();
                for (index, parameter) in stop.parameters.into_iter().enumerate() {
                    let expected = index == faulting;
                    assert_eq!(parameter == Parameter::InDriver(stop.offset), expected, "{stop:?}");
                }
                assert!((PAGE..driver.image_size).contains(&stop.offset));
            }
        }
    }

    /// Troubles of one kind with other conditions must not become the same card by an oversight.
    #[test]
    fn every_trouble_has_a_card_of_its_own() {
        let cards: Vec<_> = TROUBLES.map(|it| Misbehaving::random(5, it).agent.misfortunes().to_vec()).into();
        for (number, card) in cards.iter().enumerate() {
            assert!(!card.is_empty());
            assert!(!cards[..number].contains(card), "{:?}", TROUBLES[number]);
        }
    }

    #[test]
    fn dump_settings_go_into_the_package() {
        let drawn = Misbehaving::random(9, Trouble::BootOnce).with_dump_settings(DumpSettings::Dedicated);
        let names: Vec<&str> = drawn.agent.registry.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["CrashDumpEnabled", "DedicatedDumpFile", "DumpFileSize"]);
        assert!(drawn.agent.package().is_ok());
    }

    #[test]
    fn seeds_differ() {
        let drawn: Vec<Misbehaving> = (0..300).map(|seed| Misbehaving::random(seed, Trouble::BootLoop)).collect();
        let codes: BTreeSet<u32> = drawn.iter().filter_map(|it| it.truth.stop).map(|stop| stop.code).collect();
        assert_eq!(codes, CODES.into_iter().map(|(code, _)| code).collect());
        let drivers: BTreeSet<&str> = drawn.iter().map(|it| it.truth.driver.as_str()).collect();
        assert!(drivers.len() > 280, "{}", drivers.len());
    }

    #[test]
    fn content_trouble_waits_for_the_candidate() {
        let drawn = Misbehaving::random(7, Trouble::ContentLoad);
        let (Some(old), Some(new)) = (&drawn.agent.content, &drawn.candidate_content) else { panic!("no content") };
        assert_eq!(old.path, new.path);
        let first_line = new.text.lines().next().unwrap().to_owned();
        assert!(!old.text.starts_with(&first_line));
        assert_eq!(drawn.agent.misfortunes()[0].when, [Condition::ContentVersion(first_line)]);
    }

    #[test]
    fn every_kind_can_be_packaged() {
        for trouble in TROUBLES {
            let drawn = Misbehaving::random(42, trouble);
            let quirks =
                Quirks { requires_property: Some("TOKEN".to_owned()), wants_reboot: true, ..Quirks::default() };
            assert!(drawn.with_quirks(quirks).agent.package().is_ok());
        }
        assert!(harmless(3).package().is_ok());
    }
}
