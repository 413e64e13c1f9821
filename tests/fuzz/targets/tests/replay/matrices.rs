//! Matrices in each form of choosing cells, and that each is planned to its end.

use std::path::Path;

use coexist_plan::{Ask, Effort, load, plan};

/// Each way to say which cells there are, among the files of `tests/mending`.
pub(crate) const MATRICES: [(&str, &str); 5] = [
    (
        "choice",
        "matrix: choice
catalogue: {agents: ../agents, images: ../images}
images: [lab-11]
agents:
  from:
    acme-endpoint: {versions: [\"4.1\"], weight: 2}
    acme-vault: {with: [globex, acme]}
    globex-sensor:
  at-least: 1
  at-most: 2
  exclusive: [[acme-vault, globex-sensor]]
order: pairs
coverage: {strength: 2}
candidate: {kind: windows-update, version: \"1\", package: {url: 'https://p.example/1.msu', sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}
",
    ),
    (
        "constraints",
        "matrix: constraints
catalogue: {agents: ../agents, images: ../images}
images: [lab-11]
settings:
  hvci: {values: {\"off\": {read-back: [command: a]}, \"on\": {read-back: [command: b], weight: 3}, broken: {read-back: [command: c], negative: true}}}
  locale: {values: {en: {read-back: [command: a]}, de: {read-back: [command: b]}}}
agents: {from: {acme-endpoint: , globex-sensor: }}
constraints:
  - if hvci = on then locale in (en, de)
  - not (locale = \"de\" and hvci not in (off, broken)) or acme-endpoint
  - image in (lab-11) or acme-endpoint != 4.1
  - if globex-sensor >= 7.0 then image.build >= 22000 and image.edition = client
coverage: {strength: 2, also: [[agent, agent, hvci], [image, locale, acme-endpoint]]}
weights: {lab-11: 5}
include: [{image: lab-11, settings: {hvci: on, locale: en}, agents: [globex-sensor]}]
exclude: [{settings: {hvci: off}, agents: [acme-endpoint]}]
candidate: {agent: globex-sensor, kind: upgrade, version: \"7.1\", package: {url: 'https://p.example/7.msi', sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}
",
    ),
    (
        "triples",
        "matrix: triples
catalogue: {agents: ../agents, images: ../images}
images: [lab-11]
agents: {from: {acme-endpoint: , acme-vault: , globex-sensor: }}
order: triples
coverage: {strength: 3}
waves: [{name: canary, at-most: 1}, {name: vault, where: acme-vault, at-most: 2}]
candidate: {kind: windows-update, version: \"1\", package: {url: 'https://p.example/1.msu', sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}
",
    ),
    (
        "signing",
        "matrix: signing
catalogue: {agents: ../agents, images: ../images}
images: [lab-11]
settings:
  hvci: {means: memory-integrity, values: {\"off\": {read-back: [command: a]}, \"on\": {read-back: [command: b]}}}
  locale: {means: secure-boot, values: {\"off\": {read-back: [command: a]}, \"on\": {read-back: [command: b]}}}
agents: [[globex-sensor], [acme-endpoint, globex-sensor]]
order: pairs
coverage: {strength: 2}
waves: [{name: canary, where: hvci = off and not acme-endpoint}]
candidate: {agent: globex-sensor, kind: upgrade, version: \"7.1\", signing: test, package: {url: 'https://p.example/7.msi', sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}
",
    ),
    (
        "contradiction",
        "matrix: contradiction
catalogue: {agents: ../agents, images: ../images}
images: [lab-11]
agents: {from: {acme-endpoint: , globex-sensor: }, at-least: 1}
constraints:
  - if acme-endpoint then globex-sensor
  - not globex-sensor
coverage: {strength: 2}
candidate: {kind: windows-update, version: \"1\", package: {url: 'https://p.example/1.msu', sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}
",
    ),
];

#[test]
fn seeds_of_matrices_are_planned_to_their_end() {
    let mending = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mending").canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in MATRICES {
        let place = folder.path().join("nightly.yaml");
        std::fs::write(&place, text.replace("../", &format!("{}/", mending.display()))).unwrap();
        let resolved = load(&place).unwrap_or_else(|report| panic!("{name}: {report}"));
        let planned = plan(&resolved, &Ask { effort: Effort::Quick, ..Ask::default() });
        match planned {
            Ok(planned) => assert!(planned.plan.cells.len() > 1, "{name}"),
            Err(report) => {
                let told = report.to_string();
                assert!(name == "contradiction" && told.contains("error[contradiction]"), "{name}: {told}");
            }
        }
    }
}
