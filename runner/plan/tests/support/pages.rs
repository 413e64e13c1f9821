//! The pages under `docs/` that explain the files, and their examples.

use std::path::Path;

pub(crate) const PAGES: [&str; 3] = ["matrix.md", "recipe.md", "image.md"];

pub(crate) fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)).unwrap()
}

/// Fenced blocks with their word after `yaml` and the line they begin at.
pub(crate) fn examples(page: &str) -> Vec<(usize, String, String)> {
    let mut all = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(fence)) => {
                let kind = fence.strip_prefix("yaml ").unwrap_or_else(|| panic!("line {}: ```{fence}", number + 1));
                open = Some((number + 2, kind.to_owned(), String::new()));
            }
            (Some(_), Some(_)) => all.extend(open.take()),
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    all
}

/// A whole file that an example is a part of: what the example says itself is taken out of it.
pub(crate) fn whole(kind: &str, example: &str) -> String {
    let base: &[&str] = match kind {
        "matrix" => &[
            "matrix: test\n",
            "images: [lab-11]\n",
            "agents: [[acme-endpoint, globex-sensor], [globex-sensor@7.0]]\n",
            "candidate: {agent: globex-sensor, kind: upgrade, version: '7.1'}\n",
        ],
        "recipe" => &[
            "id: globex-sensor\n",
            "vendor: Globex\n",
            "product: Sensor\n",
            "versions: [{version: '7.0', package: {url: 'https://p.example/a.msi', sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}]\n",
            "current: '7.0'\n",
            "install: {kind: msi}\n",
        ],
        "image" => &[
            "id: lab-11\n",
            "disk: {path: disk.img, sha256-file: disk.sha256}\n",
            "windows: {build: 26100, edition: client}\n",
            "machine: {processor: max, memory: 4 GiB}\n",
            "ssh: {user: lab, host-key-file: host.pub, key-file: key}\n",
        ],
        other => panic!("no such kind of example: {other}"),
    };
    let said = |key: &str| example.lines().any(|line| line.starts_with(&format!("{key}:")));
    let rest = base.iter().filter(|line| !said(line.split(':').next().unwrap()));
    rest.copied().chain([example]).collect()
}
