//! Places where scalars stand, one of every kind.

use coexist_plan::{FileKind, Mistake, check};

use crate::support::Lab;
use crate::support::pages::whole;
use crate::{UNSEEN, mistakes_in};

/// A place for a scalar, with texts that are right there or nearly so.
pub(crate) struct Site {
    pub(crate) kind: FileKind,
    /// A part of a file with `@` where the scalar stands.
    pub(crate) part: &'static str,
    pub(crate) texts: &'static [&'static str],
}

impl Site {
    /// The whole file with a scalar at the place, and whether the reader takes it.
    pub(crate) fn with(&self, scalar: &str, lab: &Lab) -> (String, bool) {
        let file = whole(self.kind.as_str(), &self.part.replace('@', scalar));
        let place = match self.kind {
            FileKind::Matrix => lab.matrix(&file),
            FileKind::Recipe => lab.write("sites/agents/globex-sensor.yaml", &file),
            FileKind::Image => lab.write("sites/lab-11/image.yaml", &file),
        };
        let mistakes = mistakes_in(&check(&[&place]), &place);
        (file, mistakes.iter().all(|it| UNSEEN.contains(it) || self.is_elsewhere(*it)))
    }

    /// Whether the checker tells this, of more than the scalar alone.
    fn is_elsewhere(&self, mistake: Mistake) -> bool {
        mistake == Mistake::ExactlyOne || mistake == Mistake::BadFileName && !self.part.contains("file: @}")
    }
}

const fn matrix(part: &'static str, texts: &'static [&'static str]) -> Site {
    Site { kind: FileKind::Matrix, part, texts }
}

const fn recipe(part: &'static str, texts: &'static [&'static str]) -> Site {
    Site { kind: FileKind::Recipe, part, texts }
}

const fn image(part: &'static str, texts: &'static [&'static str]) -> Site {
    Site { kind: FileKind::Image, part, texts }
}

/// 64 characters.
const LONGEST: &str = "a123456789b123456789c123456789d123456789e123456789f123456789g123";

pub(crate) const SITES: &[Site] = &[
    matrix("matrix: @\n", &["nightly", "a-1", "a--b", "1e5", "-a", "Ä", LONGEST]),
    matrix("title: @\n", &["Two words", "5", "ü\u{2003}x", "\u{a0}", "a\u{1b}[1m", "a\n\n", "\na"]),
    matrix("agents: [[@]]\n", &["globex-sensor", "globex-sensor@7.1", "a@", "@a", "a@b@c"]),
    matrix(
        "scenario: {dwell: @}\n",
        &["0s", "86400s", "86401s", "24h", "0024 h", "25h", "1440m\u{a0}", "30", " 5s", "1.5h"],
    ),
    matrix("policy: {deadlines: {boot: @}}\n", &["1s", "0s", "000m", "24h", "1441m", "99999999999999999999s"]),
    matrix("scenario: {reboots: @}\n", &["1", "+50", "51", "0", "-1", "007", "1e1", "0x1"]),
    matrix("scenario: {exercise: [file-storm: @]}\n", &["1", "1000000", "1000001", "999999", "0"]),
    matrix("scenario: {exercise: [@]}\n", &["archives", "loopback", "run", "Archives", "archives\n"]),
    matrix("candidate: {kind: @, agent: a, version: '1'}\n", &["upgrade", "fresh\n", "windows-update", "upgrades", ""]),
    matrix("candidate: {kind: fresh, agent: a, version: @}\n", &["7.2-rc1", "1_0+b", ".1", "1 beta", LONGEST]),
    matrix(
        "candidate: {kind: content, agent: a, version: '1', destination: @}\n",
        &[
            r"C:\a\b.dat",
            r"c:\a b\c",
            r"C:\",
            r"C:\a\",
            r"C:\a.\b",
            "C:/a",
            r"\\server\a",
            r"C:\a|b",
            r"CC:\a",
            r"C:\ä\x",
        ],
    ),
    matrix(
        "candidate: {kind: upgrade, agent: a, version: '1', install: {exit-codes: {@: success}}}\n",
        &["0", "3010", "4294967295", "4294967296", "-1", "+0", "x"],
    ),
    matrix(
        "candidate: {kind: upgrade, agent: a, version: '1', install: {exit-codes: {0: @}}}\n",
        &["success", "busy", "Success", "restart needed"],
    ),
    matrix(
        "settings: {s: {values: {v: {restart: @, read-back: [command: x]}}}}\n",
        &["true", "false", "True", "yes", "true\n"],
    ),
    matrix(
        "settings: {s: {values: {v: {read-back: [registry: {key: @, name: a, equals: b}]}}}}\n",
        &[r"HKLM\SOFTWARE\A b", r"HKU\x", "HKLM", r"HKLM\", r"HKLM\a\\b", r"HKEY_USERS\a", r"hklm\a", r"HKLM\a/b"],
    ),
    matrix(
        "settings: {s: {values: {v: {read-back: [file: @]}}}}\n",
        &[r"C:\a\{version}\b", r"C:\{version}", r"C:\a\", "a"],
    ),
    matrix(
        "settings: {s: {values: {v: {read-back: [service: @]}}}}\n",
        &["Svc", "a-b.c$", "a b", "a/b", "Ä", "a|b", "[x]"],
    ),
    matrix(
        "settings: {s: {values: {v: {apply: [registry: {key: 'HKLM\\A', name: n, qword: @}], read-back: [command: x]}}}}\n",
        &["0", "18446744073709551615", "18446744073709551616", "18446744073709551599", "9999999999999999999", "a"],
    ),
    recipe(
        "versions: [{version: '7.0', package: {url: @, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}]\n",
        &[
            "https://a.example/b.msi",
            "http://a",
            "https://",
            "https:///a",
            "https://?a",
            "ftp://a/b",
            "https://a/ä",
            "https://a b",
        ],
    ),
    recipe(
        "versions: [{version: '7.0', package: {path: a.msi, sha256: @}}]\n",
        &["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00A08", "9f86d0"],
    ),
    recipe(
        "versions: [{version: '7.0', product-code: @, package: {path: a.msi, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}]\n",
        &[
            "{0A1B2C3D-0000-4000-8000-00A0B0C0D0E0}",
            "0A1B2C3D-0000-4000-8000-00A0B0C0D0E0",
            "{0A1B2C3D-0000-4000-8000-00A0B0C0D0EX}",
        ],
    ),
    recipe(
        "drivers: [{name: a, file: a.sys, filter: true, altitude: @}]\n",
        &["328110", "321310.5", "1.", ".5", "1.2.3", "x"],
    ),
    recipe(
        "drivers: [{name: a, file: @}]\n",
        &["globexflt.sys", "A.SYS", "a .Sys", ".sys", "a.sys.", "a.dll", "a/b.sys", "ä.sys"],
    ),
    recipe("drivers: [{name: @, file: a.sys}]\n", &["globexflt", "a\"b", "a'b", "a<b", "a\\b"]),
    image("boot-deadline: @\n", &["5m", "0h", "23h", "1m30s"]),
    image("windows: {build: @, edition: client}\n", &["26100", "7600", "7599", "99999", "100000", "07600", "11"]),
    image("windows: {build: 26100, edition: @}\n", &["client", "server", "home"]),
    image(
        "machine: {processor: max, memory: @}\n",
        &["1 MiB", "1024GiB", "1048576 MiB", "1025 GiB", "0 MiB", "4 GB", "4"],
    ),
    image("machine: {processor: max, memory: 4 GiB, cpus: @}\n", &["1", "64", "65", "0"]),
    image(
        "ssh: {user: lab, key-file: k, host-key: @}\n",
        &[
            " ssh-ed25519  AAAAC3NzaC1lZDI1NTE5AAAAIG9uZUhvc3RLZXlPbmx5Tm9uZU90aGVyV2lsbERv lab@lab",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIG9uZUhvc3RLZXlPbmx5Tm9uZU90aGVyV2lsbERv",
            "ssh-dss AAAAC3NzaC1lZDI1NTE5AAAAIG9uZUhvc3RLZXlPbmx5Tm9uZU90aGVyV2lsbERv",
            "ssh-ed25519 AAAA",
        ],
    ),
];
