//! Models to plan and to check, in PICT's language: labs of any size, and those that are numbers only.

use std::fmt::Write;

/// A lab of the kind that this project is for: seven images, their settings, and agents that do not all get on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lab {
    /// Agents, each a parameter with `none` and its versions.
    pub agents: usize,
    /// Versions of each, from 1.
    pub versions: usize,
    /// Whether a row without any agent is against the rules. PICT cannot take that of twelve and more.
    pub at_least_one: bool,
    /// Which agents have which quirks, and whom each excludes. 0 is the regular lab, on which sizes were recorded.
    pub seed: u64,
}

const SETTINGS: &str = "\
image: w10_22h2, w11_23h2, w11_24h2, w11_25h2, srv2019, srv2022, srv2025
arch: x64, arm64
hvci: off, on
vbs: off, on, locked
secureboot: off, on
bitlocker: off, tpm, tpm_pin
verifier: off, standard, dif
testsign: off, on
state: fresh, upgraded, reboot_pending
update: none, lcu, preview
";

const PLATFORM_RULES: &str = "
([hvci] <> \"on\" OR [vbs] <> \"off\");
([secureboot] <> \"on\" OR [testsign] = \"off\");
([arch] <> \"arm64\" OR [image] = \"w11_23h2\" OR [image] = \"w11_24h2\" OR [image] = \"w11_25h2\");
([bitlocker] <> \"tpm_pin\" OR [secureboot] = \"on\");
([vbs] <> \"locked\" OR [secureboot] = \"on\");
([image] <> \"w10_22h2\" OR [update] <> \"preview\");
([verifier] <> \"dif\" OR [hvci] = \"off\");
(([image] <> \"srv2019\" AND [image] <> \"srv2022\" AND [image] <> \"srv2025\") OR ([update] <> \"preview\" AND [state] <> \"upgraded\"));
";

/// A vendor's rule: of so many agents the one with this remainder has it. `A` is the agent, `L` its last version.
const VENDOR_RULES: [(usize, usize, &str); 4] = [
    (3, 1, "([arch] <> \"arm64\" OR [A] = \"none\" OR [A] = \"L\");"),
    (4, 2, "([image] <> \"srv2025\" OR [A] <> \"v1\");"),
    (4, 3, "([hvci] <> \"on\" OR [A] <> \"v1\");"),
    (5, 0, "([A] = \"none\" OR [image] <> \"w10_22h2\");"),
];

/// The model of a lab: the same text for the same lab, on every machine.
pub fn lab(lab: &Lab) -> String {
    let mut dice = Dice(lab.seed);
    let mut throw = |sides: usize| if lab.seed == 0 { 0 } else { (dice.next() % sides.max(1) as u64) as usize };
    let versions: Vec<String> = (1..=lab.versions).map(|version| format!("v{version}")).collect();
    let mut text = SETTINGS.to_string();
    for agent in 1..=lab.agents {
        let _ = writeln!(text, "agent{agent}: none, {}", versions.join(", "));
    }
    text.push_str(PLATFORM_RULES);
    let shifts = VENDOR_RULES.map(|(of, ..)| throw(of));
    for agent in 1..=lab.agents {
        for ((of, remainder, rule), shift) in VENDOR_RULES.iter().zip(shifts) {
            if (agent + shift) % of == *remainder {
                let name = format!("[agent{agent}]");
                let last = versions.last().map_or("none", String::as_str);
                let _ = writeln!(text, "{}", rule.replace("[A]", &name).replace("\"L\"", &format!("\"{last}\"")));
            }
        }
    }
    let mut agents: Vec<usize> = (1..=lab.agents).collect();
    for at in 0..agents.len() {
        let other = at + throw(agents.len() - at);
        agents.swap(at, other);
    }
    for pair in agents.chunks_exact(2) {
        let _ = writeln!(text, "([agent{}] = \"none\" OR [agent{}] = \"none\");", pair[0], pair[1]);
    }
    if lab.at_least_one {
        let some: Vec<String> = (1..=lab.agents).map(|agent| format!("[agent{agent}] <> \"none\"")).collect();
        let _ = writeln!(text, "({});", some.join(" OR "));
    }
    text
}

/// A model without rules, from a name as they are known by: `4^5_3^4` is five parameters of four values and four of three.
pub fn uniform(name: &str) -> Option<String> {
    let mut text = String::new();
    let mut number = 0;
    for block in name.split('_') {
        let (values, parameters) = block.split_once('^')?;
        let values: usize = values.parse().ok().filter(|values| (1..=1000).contains(values))?;
        let values: Vec<String> = (0..values).map(|value| format!("v{value}")).collect();
        for _ in 0..parameters.parse().ok().filter(|many: &usize| *many <= 1000)? {
            number += 1;
            let _ = writeln!(text, "p{number}: {}", values.join(", "));
        }
    }
    Some(text)
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
