//! `coexist doctor` as a user meets it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use sha2::Digest;

use crate::{command, stderr, stdout};

/// An image folder with one image, whole.
fn image_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("small");
    std::fs::create_dir(&image).unwrap();
    let mut disk = b"QFI\xfb\0\0\0\x02".to_vec();
    disk.resize(1 << 20, 0);
    let digest: String = sha2::Sha256::digest(&disk).iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = "id: small\nstand-in: true\nmade-by: make small\n\
                 disk: {path: disk.qcow2, sha256-file: disk.sha256}\nwindows: {build: 26100, edition: client}\n\
                 machine: {firmware: bios, processor: Westmere, cpus: 1, memory: 64 MiB, translation-cache: 32 MiB}\n\
                 ssh: {user: lab, host-key-file: host.pub, key-file: key}\n";
    let host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7VFxXTsTaZAZDDZC8KRY8zRrBkFkwzlXR1YTlVm3rT lab\n";
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    for (name, bytes) in [
        ("image.yaml", entry.as_bytes()),
        ("disk.qcow2", &disk),
        ("disk.sha256", digest.as_bytes()),
        ("host.pub", host_key.as_bytes()),
        ("key", key.as_bytes()),
    ] {
        std::fs::write(image.join(name), bytes).unwrap();
    }
    std::fs::set_permissions(image.join("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn doctor(images: &Path, more: &[&str]) -> Output {
    command(&[&["doctor", "--images", images.to_str().unwrap()], more].concat()).output().unwrap()
}

fn json(images: &Path, more: &[&str]) -> (Output, Value) {
    let output = doctor(images, &[&["--json"], more].concat());
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    (output, value)
}

/// State, text and way out of a finding.
fn finding<'a>(value: &'a Value, name: &str) -> [&'a str; 3] {
    let findings = value["findings"].as_array().unwrap();
    let found = findings.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name} in {findings:#?}"));
    ["state", "found", "mend"].map(|key| found[key].as_str().unwrap_or_default())
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(has_null),
        Value::Object(map) => map.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[test]
fn words_and_json_say_the_same() {
    let folder = image_folder();
    let (output, value) = json(folder.path(), &[]);
    assert_eq!(value["schema"], "coexist.doctor/1");
    assert!(!has_null(&value), "unknown is absent: {value:#}");
    let findings = value["findings"].as_array().unwrap();
    let can_run = findings.iter().all(|it| it["state"] != "problem");
    assert_eq!((value["can_run"] == true, output.status.code()), (can_run, Some(if can_run { 0 } else { 2 })));
    assert_eq!(value["why"].is_string(), !can_run);
    assert!(findings.iter().all(|it| it["mend"].is_string() == (it["state"] != "ok")), "{findings:#?}");
    let text = doctor(folder.path(), &[]);
    assert_eq!(text.status.code(), output.status.code());
    let text = stdout(&text);
    for it in findings {
        let (state, name) = (it["state"].as_str().unwrap(), it["name"].as_str().unwrap());
        // Two runs of the program measure these twice, and a busy host may change its answer.
        let steady = !["pace", "memory", "machines", "clock"].contains(&name);
        let told = |line: &str| {
            line.get(9..).is_some_and(|rest| rest.starts_with(&format!("{name} ")))
                && (!steady || line.starts_with(state))
        };
        assert!(text.lines().any(told), "{name}: {text}");
    }
}

#[test]
fn without_qemu_the_doctor_ends_as_a_run_does() {
    let folder = image_folder();
    let images = folder.path().to_str().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let ended = |arguments: &[&str]| command(arguments).env("PATH", empty.path()).output().unwrap();
    let out = empty.path().join("out");
    let run = ended(&["run", "matrices/demo.yaml", "--out", out.to_str().unwrap()]);
    let text = ended(&["doctor", "--images", images]);
    assert_eq!((run.status.code(), text.status.code()), (Some(2), Some(2)), "{}", stderr(&run));
    // Without the built image a run ends sooner, for want of that.
    if crate::repository().join("images/standin/out/standin.qcow2").exists() {
        assert!(stderr(&run).contains("`qemu-system-x86_64` is not installed"), "{}", stderr(&run));
    }

    let known = ["QEMU ", "qemu-img ", "image small ", "to mend it: apt-get"];
    let path = empty.path().display().to_string();
    let masked = stdout(&text).replace(&path, "PATH").replace(images, "IMAGES");
    let own: Vec<String> = masked
        .lines()
        .filter(|line| known.iter().any(|name| line.get(9..).is_some_and(|rest| rest.trim().starts_with(name))))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let missing = "is not installed (searched in PATH); Debian has it in the package";
    let expected = [
        format!("problem QEMU `qemu-system-x86_64` {missing} `qemu-system-x86`"),
        "to mend it: apt-get install qemu-system-x86".to_owned(),
        format!("problem qemu-img `qemu-img` {missing} `qemu-utils`"),
        "to mend it: apt-get install qemu-utils".to_owned(),
        "ok image small IMAGES/small/disk.qcow2 (1 MiB), not compared with its digest (--verify); keys are there"
            .to_owned(),
    ];
    assert_eq!(own, expected, "{masked}");
    let last = masked.lines().last().unwrap();
    assert!(last.starts_with("no machine can be made before this is mended: QEMU, qemu-img"), "{masked}");

    let value: Value = serde_json::from_slice(&ended(&["doctor", "--json", "--images", images]).stdout).unwrap();
    assert_eq!(value["can_run"], false);
    assert!(value["why"].as_str().unwrap().contains("`qemu-img` is not installed"), "{value:#}");
    assert!(value["memory_mib"]["total"].as_u64().unwrap() > 0, "the rest is told all the same");
    assert_eq!(value["machines"]["image"], "small");
    assert!(value.get("qemu").is_none());
}

#[test]
fn an_image_is_as_good_as_its_files() {
    let told = |change: &dyn Fn(&Path), more: &[&str]| {
        let folder = image_folder();
        change(&folder.path().join("small"));
        let (output, value) = json(folder.path(), more);
        let [state, found, mend] = finding(&value, "image small").map(str::to_owned);
        assert_eq!(state == "problem", value["why"].as_str().is_some_and(|why| why.contains("image small")));
        assert!(state != "problem" || output.status.code() == Some(2));
        (state, found, mend)
    };
    let remove = |name: &'static str| move |image: &Path| std::fs::remove_file(image.join(name)).unwrap();
    let write =
        |name: &'static str, text: &'static str| move |image: &Path| std::fs::write(image.join(name), text).unwrap();
    let expired = |image: &Path| {
        let entry = std::fs::read_to_string(image.join("image.yaml")).unwrap();
        std::fs::write(image.join("image.yaml"), format!("{entry}expires: 2020-01-31\n")).unwrap();
    };
    let open = |image: &Path| {
        std::fs::set_permissions(image.join("key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    };
    let other = "1111111111111111111111111111111111111111111111111111111111111111";
    type Change<'a> = &'a dyn Fn(&Path);
    let table: [(Change<'_>, &[&str], [&str; 3]); 10] = [
        (&|_| (), &["--verify"], ["ok", "as its digest says; keys are there", ""]),
        (&remove("disk.qcow2"), &[], ["warning", "the disk is not there", "make small"]),
        (&remove("host.pub"), &["--verify"], ["warning", "the host key is not there", "make small"]),
        (&remove("key"), &[], ["warning", "the private key is not there", "make small"]),
        (&write("disk.sha256", other), &["--verify"], ["problem", "is not what the plan was made from", "make small"]),
        (&write("disk.sha256", other), &[], ["ok", "not compared with its digest", ""]),
        (&write("key", "nonsense"), &[], ["problem", "holds no private key", "make small"]),
        (&expired, &[], ["problem", "it is not used from 2020-01-31 on", "make small"]),
        (&open, &[], ["warning", "others may read its private key", "chmod 600 "]),
        (&write("image.yaml", "id: small\n"), &[], ["problem", "its entry is wrong", "coexist check "]),
    ];
    for (number, (change, more, [state, words, way])) in table.into_iter().enumerate() {
        let (found_state, found, mend) = told(change, more);
        assert_eq!(found_state, state, "{number}: {found}");
        assert!(found.contains(words) && mend.starts_with(way), "{number}: {found} / {mend}");
    }
}

#[test]
fn a_folder_without_images_is_a_wrong_request() {
    let folder = tempfile::tempdir().unwrap();
    let (output, value) = json(folder.path(), &[]);
    assert_eq!((output.status.code(), finding(&value, "images")[0]), (Some(2), "problem"));
}

#[test]
fn a_tight_limit_is_named_with_its_command() {
    let folder = image_folder();
    let binary = env!("CARGO_BIN_EXE_coexist");
    let line = format!("ulimit -n 100; exec {binary} doctor --json --images {}", folder.path().display());
    let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tight = "limited to 100; 256 are enough for two machines and their sessions";
    assert_eq!(finding(&value, "open files"), ["warning", tight, "ulimit -n 4096"]);
    assert_eq!(value["limits"]["open_files"], 100);
}
