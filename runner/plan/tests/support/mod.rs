//! A small lab in a temporary folder: one image, three products, and whatever matrix a test writes.

#[allow(dead_code, reason = "not every test file looks at the pages")]
pub(crate) mod pages;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        for (id, build) in [("lab-11", 26100), ("lab-2022", 20348)] {
            lab.write(
                &format!("images/{id}/image.yaml"),
                &format!(
                    "id: {id}\n\
                     title: Lab {build}\n\
                     disk: {{path: disk.img, sha256-file: disk.sha256}}\n\
                     windows: {{build: {build}, edition: client}}\n\
                     machine: {{processor: max, memory: 4 GiB}}\n\
                     ssh: {{user: lab, host-key-file: host.pub, key-file: key}}\n\
                     settings: [hvci, locale]\n\
                     boot-deadline: 90s\n"
                ),
            );
            lab.write(&format!("images/{id}/disk.img"), "");
            lab.write(&format!("images/{id}/key"), "");
            lab.write(&format!("images/{id}/disk.sha256"), &format!("{}  disk.img\n", "ab".repeat(32)));
            lab.write(&format!("images/{id}/host.pub"), &format!("ssh-ed25519 {} lab@lab\n", "A".repeat(68)));
        }
        for (number, (id, vendor, service, driver)) in [
            ("acme-endpoint", "Acme", "AcmeSvc", "acmeflt"),
            ("globex-sensor", "Globex", "GlobexSvc", "globexflt"),
            ("initech-guard", "Initech", "InitechSvc", "initechflt"),
        ]
        .into_iter()
        .enumerate()
        {
            lab.write(
                &format!("matrices/agents/{id}.yaml"),
                &format!(
                    "id: {id}\n\
                     vendor: {vendor}\n\
                     product: Product\n\
                     versions:\n\
                     \x20 - version: \"1.0\"\n\
                     \x20   package: {{url: \"https://packages.example/{id}-1.0.msi\", sha256: {number:064}}}\n\
                     \x20 - version: \"1.1\"\n\
                     \x20   package: {{url: \"https://packages.example/{id}-1.1.msi\", sha256: {:064}}}\n\
                     \x20   arguments: [NEW=1]\n\
                     current: \"1.0\"\n\
                     install: {{kind: msi, arguments: [OLD=1]}}\n\
                     services: [{service}]\n\
                     drivers:\n\
                     \x20 - {{name: {driver}, file: {driver}.sys, filter: true, altitude: \"321310.5\"}}\n\
                     probes:\n\
                     \x20 - registry: {{key: 'HKLM\\SOFTWARE\\{vendor}\\Product', name: Version, equals: \"{{version}}\"}}\n\
                     \x20 - file: 'C:\\{vendor}\\{{version}}\\a.dll'\n",
                    number + 10,
                ),
            );
        }
        lab
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn matrix(&self, text: &str) -> PathBuf {
        self.write("matrices/test.yaml", text)
    }

    /// The text of a report without the folder's name in it.
    #[allow(dead_code, reason = "not every test file looks at text")]
    pub(crate) fn told(&self, report: &coexist_plan::Report) -> String {
        report.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }

    #[allow(dead_code, reason = "not every test file plans")]
    pub(crate) fn plan(&self, text: &str) -> coexist_model::Plan {
        plan_at(&self.matrix(text))
    }

    /// As [`Self::plan`], for tests that share a lab.
    #[allow(dead_code, reason = "not every test file plans")]
    pub(crate) fn plan_named(&self, name: &str, text: &str) -> coexist_model::Plan {
        plan_at(&self.write(&format!("matrices/{name}.yaml"), text))
    }
}

pub(crate) fn plan_at(path: &Path) -> coexist_model::Plan {
    let resolved = coexist_plan::load(path).unwrap_or_else(|report| panic!("{report}"));
    coexist_plan::plan(&resolved, &coexist_plan::Ask::default()).unwrap_or_else(|report| panic!("{report}")).plan
}
