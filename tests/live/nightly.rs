//! Parts of the nightly lab on real machines. The whole of it takes a night's hours; what it is made of is tried here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::lab::repository;
use crate::program::{Program, Report};

const IMAGES: [&str; 2] = ["standin-server-2019", "standin-server-2025"];
/// No value is the one that a machine starts with.
const CHOICE: [(&str, &str); 10] = [
    ("vbs", "on"),
    ("hvci", "on"),
    ("shadow-stacks", "off"),
    ("blocklist", "on"),
    ("lsa-protection", "on"),
    ("defender", "passive"),
    ("verifier", "standard"),
    ("test-signing", "on"),
    ("short-names", "off"),
    ("dump", "automatic"),
];

/// The settings of `matrices/nightly.yaml`, each with the chosen value alone, and without the words that say how cells are
/// chosen.
fn settings() -> String {
    let text = std::fs::read_to_string(repository().join("matrices/nightly.yaml")).unwrap();
    let mut choice = BTreeMap::from(CHOICE);
    let mut kept = "settings:\n".to_owned();
    let (mut wanted, mut keep) = ("", true);
    for line in text.split("\nsettings:\n").nth(1).unwrap().lines().take_while(|it| !it.starts_with("agents:")) {
        let word = line.trim();
        let name = word.trim_end_matches(':').trim_matches('"');
        match line.len() - line.trim_start().len() {
            2 if word.ends_with(':') => {
                (wanted, keep) = (choice.remove(name).unwrap_or_else(|| panic!("no choice for {name}")), true);
            }
            4 => keep = true,
            6 => keep = name == wanted,
            _ => {}
        }
        let of_choosing = ["#", "means:", "weight:", "negative:"].iter().any(|it| word.starts_with(it));
        if keep && !of_choosing {
            writeln!(kept, "{line}").unwrap();
        }
    }
    assert!(choice.is_empty(), "the nightly lab lacks {choice:?}");
    kept
}

/// Ten settings are set and read back on two of the seven images, beside three of the eight products: a driver that filters
/// no files and a script among them. Of the two machines only the oldest Windows finds what is planted for it.
#[test]
fn ten_settings_on_two_builds() {
    let folder = tempfile::tempdir().unwrap();
    let (root, out) = (repository().display(), folder.path().join("out"));
    let matrix = format!(
        "matrix: part-of-nightly\ncatalogue: {{agents: {root}/matrices/agents, images: {root}/images}}\n\
         images: [{}]\n{}agents:\n  - [globex-sensor, oceanic-baseline, tyrell-lock]\n\
         candidate: {{agent: globex-sensor, kind: upgrade, version: \"7.2\"}}\n\
         scenario: {{dwell: 1s, reboots: 1, settle: 1s}}\n\
         policy: {{deadlines: {{install: 60s, reboot: 90s}}}}\n",
        IMAGES.join(", "),
        settings()
    );
    std::fs::write(folder.path().join("part.yaml"), matrix).unwrap();
    let report = Report::of(Program::run("part.yaml", folder.path(), &out, None), &out);
    report.assert_nothing_left();
    assert_eq!(report.exit, 1);

    let cells = report.run["cells"].as_array().unwrap();
    let verdicts: Vec<_> =
        cells.iter().map(|it| (it["image"].as_str().unwrap(), it["verdict"].as_str().unwrap())).collect();
    assert_eq!(verdicts, [(IMAGES[0], "regressed"), (IMAGES[1], "compatible")]);
    let regressed = &cells[0]["arms"]["candidate"];
    assert_eq!((&regressed["step"], &regressed["state"]), (&"reboot-1".into(), &"bugcheck".into()));
    let crash = &regressed["crash"];
    assert_eq!((&crash["stop_code"], &crash["blame"]["module"]), (&"0xc4".into(), &"globexflt.sys".into()), "{crash}");
}
