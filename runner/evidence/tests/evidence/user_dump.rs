//! User-mode minidumps: real ones against what others say of them, built ones for what no sample has.

use coexist_evidence::{UserDumpError, read_user_dump};
use coexist_model::{UserCrash, UserException};
use proptest::prelude::*;

use crate::samples::{read, samples, text};
use crate::user_dump_builder::{MinidumpSpec, ModuleSpec, Raised};

fn place(exception: &UserException) -> String {
    match (&exception.module, exception.offset) {
        (Some(module), Some(offset)) => format!("{module}+{offset}"),
        other => format!("{other:?}"),
    }
}

fn row(crash: &UserCrash) -> String {
    let build = crash.build.map(|build| build.to_string()).unwrap_or_default();
    let what = crash.exception.as_ref().map_or_else(
        || "no exception".to_owned(),
        |exception| {
            let accessed = exception.accessed.map(|address| format!(" {address}")).unwrap_or_default();
            format!("{}{accessed} at {}", exception.name.as_deref().unwrap_or("-"), place(exception))
        },
    );
    let process = crash.process.as_deref().unwrap_or("-");
    format!(
        "{} {build} {process} {} modules: {what}",
        crash.architecture.as_deref().unwrap_or("-"),
        crash.modules.len()
    )
}

#[test]
fn every_sample_as_its_oracle_says() {
    let Some(folder) = samples("every_sample_as_its_oracle_says") else { return };
    const VIOLATION: &str = "EXCEPTION_ACCESS_VIOLATION";
    for (name, expected) in [
        ("breakpad_ascii_read_av", "x86 7600 crashme.exe 26 modules: AV_READ 0x41414141 at crashme.exe+0xa6cd"),
        ("breakpad_ascii_write_av", "x86 7600 crashme.exe 26 modules: AV_WRITE 0x41414141 at crashme.exe+0xa6cd"),
        ("breakpad_minidump2", "x86 2600 test_app.exe 13 modules: AV_WRITE 0x45 at test_app.exe+0x429e"),
        (
            "breakpad_minidump_32bit_crash_addr",
            "x86 2600 test_app.exe 13 modules: AV_WRITE 0x45 at test_app.exe+0x429e",
        ),
        ("breakpad_null_read_av", "x86 7600 crashme.exe 26 modules: AV_READ 0x0 at crashme.exe+0xa6cd"),
        ("breakpad_null_write_av", "x86 7600 crashme.exe 26 modules: AV_WRITE 0x0 at crashme.exe+0xa6cd"),
        ("breakpad_read_av_conditional", "x86 7600 crashme.exe 26 modules: AV_READ 0x4e3c9 at crashme.exe+0x109e"),
        ("breakpad_read_av_non_null", "x86 7600 crashme.exe 26 modules: AV_READ 0x4e3c9 at crashme.exe+0x1098"),
        (
            "breakpad_stack_exhaustion",
            "x86 7600 crashme.exe 26 modules: EXCEPTION_STACK_OVERFLOW at crashme.exe+0xa637",
        ),
        ("breakpad_thread_name_list", "x86 17763 allocer32.exe 17 modules: AV_READ 0xf1004 at allocer32.exe+0x15fd"),
        (
            "breakpad_tiny-exe-fastfail",
            "x64 19042 tiny.exe 21 modules: EXCEPTION_STACK_BUFFER_OVERRUN / FAST_FAIL_FATAL_APP_EXIT at tiny.exe+0x1af42",
        ),
        ("breakpad_tiny-exe-with-cet-xsave-x86", "x86 22631 tiny.exe 19 modules: no exception"),
        (
            "breakpad_write_av_non_canonical",
            "x64 19042 crash.exe 15 modules: AV_READ 0xffffffffffffffff at crash.exe+0x1331",
        ),
        ("breakpad_write_av_non_null", "x86 7600 crashme.exe 26 modules: AV_WRITE 0x4e3c9 at crashme.exe+0x1097"),
        ("electron_windows", "x64 14393 electron.exe 58 modules: AV_WRITE 0x0 at electron.exe+0xe8da4"),
        ("plaso_WER1090.tmp", "x64 7601 notepad.exe 30 modules: AV_WRITE 0x2c10ff0 at ntdll.dll+0x550ce"),
        ("radare2_calc", "x64 7601 calc.exe 28 modules: EXCEPTION_BREAKPOINT at ntdll.dll+0x4ae10"),
        (
            "rust-minidump_invalid-parameter",
            "x64 17134 crashtest.exe 31 modules: STATUS_INVALID_PARAMETER at crashtest.exe+0x7a9a3",
        ),
        ("rust-minidump_stability-report", "x64 22631 electron.exe 42 modules: AV_WRITE 0x0 at electron.exe+0x38c480"),
        ("rust-minidump_test", "x86 2600 test_app.exe 13 modules: AV_WRITE 0x45 at test_app.exe+0x429e"),
        ("symbolic_windows_mini", "x86 14393 crash.exe 17 modules: AV_WRITE 0x45 at crash.exe+0x2a3d"),
    ] {
        let extension = if name.starts_with("plaso") { "mdmp" } else { "dmp" };
        let crash = read_user_dump(&read(&folder, &format!("user-dumps/{name}.{extension}"))).unwrap();
        assert_eq!(row(&crash), expected.replace(" AV_", &format!(" {VIOLATION}_")), "{name}");
        assert!(!crash.damaged, "{name}: {:?}", crash.notes);
        assert_eq!(crash.thread.is_some(), crash.exception.is_some(), "{name}");
    }
}

#[test]
fn modules_as_breakpad_lists_them() {
    let Some(folder) = samples("modules_as_breakpad_lists_them") else { return };
    let crash = read_user_dump(&read(&folder, "user-dumps/breakpad_minidump2.dmp")).unwrap();
    let listing = text(&folder, "user-dumps/oracle/rust-minidump_test.dmp.human.snap");
    let expected: Vec<String> = listing
        .lines()
        .skip_while(|line| !line.starts_with("Loaded modules:"))
        .filter(|line| line.starts_with("0x"))
        .map(|line| line.split_whitespace().take(4).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(expected.len(), 13);
    let mut found: Vec<String> = crash
        .modules
        .iter()
        .map(|module| {
            let last = module.base.0 + module.size - 1;
            format!("{:#010x} - {last:#010x} {}", module.base.0, module.name.as_deref().unwrap())
        })
        .collect();
    found.sort();
    assert_eq!(found, expected);
    assert!(listing.contains(&format!("tid: {}", crash.thread.unwrap())));
}

#[test]
fn samples_that_are_not_of_windows_or_damaged() {
    let Some(folder) = samples("samples_that_are_not_of_windows_or_damaged") else { return };
    let of = |name: &str| read_user_dump(&read(&folder, &format!("user-dumps/rust-minidump_{name}.dmp")));
    let refused = of("simple-crashpad").unwrap_err();
    assert_eq!(refused.to_string(), "a minidump of macOS, not of Windows");
    for name in ["invalid-range", "invalid-record-count"] {
        let crash = of(name).unwrap();
        assert!(crash.damaged && crash.modules.is_empty(), "{name}: {crash:?}");
        assert_eq!(crash.notes[0], "platform, processor and build: missing", "{name}");
    }
    let kernel = read(&folder, "kernel-dumps/rizin_triage_x64.dmp");
    assert_eq!(read_user_dump(&kernel), Err(UserDumpError::NotADump));
}

#[test]
fn a_built_dump() {
    let crash = read_user_dump(&MinidumpSpec::default().build()).unwrap();
    assert_eq!(
        row(&crash),
        "x64 22631 agent.exe 2 modules: EXCEPTION_ACCESS_VIOLATION_EXEC 0x10 at acmehook.dll+0x1234"
    );
    let expected = r#"{"format":"minidump","architecture":"x64","build":22631,"time":"2026-01-02T03:04:05Z","process":"agent.exe","thread":4711,"exception":{"code":"0xc0000005","name":"EXCEPTION_ACCESS_VIOLATION_EXEC","address":"0x180001234","accessed":"0x10","module":"acmehook.dll","offset":"0x1234"},"modules":[{"name":"agent.exe","base":"0x140000000","size":65536,"timestamp":"0x5f1a2b3c"},{"name":"acmehook.dll","base":"0x180000000","size":32768,"timestamp":"0x5f1a2b3c"}]}"#;
    assert_eq!(serde_json::to_string(&crash).unwrap(), expected);
}

#[test]
fn an_instruction_in_no_module() {
    let raised = Raised { address: 0x1_9000_0000, ..Raised::default() };
    let spec = MinidumpSpec { raised: Some(raised), ..MinidumpSpec::default() };
    let crash = read_user_dump(&spec.build()).unwrap();
    let exception = crash.exception.as_ref().unwrap();
    assert_eq!((&exception.module, exception.offset), (&None, None));
    assert_eq!(crash.notes, ["the instruction 0x190000000 lies in no module"]);

    let unloaded = vec![ModuleSpec { path: r"C:\Acme\GoneHook.dll", base: 0x1_9000_0000, size: 0x1000 }];
    let crash = read_user_dump(&MinidumpSpec { unloaded, ..spec }.build()).unwrap();
    assert_eq!(
        crash.notes,
        ["the instruction 0x190000000 lies in no module; gonehook.dll, unloaded before, had been there"]
    );
}

#[test]
fn other_platforms_are_refused_by_name() {
    for (platform, name) in [(0x8101, "macOS"), (0x8201, "Linux"), (0x8203, "Android"), (0x8102, "iOS")] {
        let refused = read_user_dump(&MinidumpSpec { platform, ..MinidumpSpec::default() }.build()).unwrap_err();
        assert_eq!(refused, UserDumpError::OtherPlatform { platform: name.to_owned() });
    }
    let unknown = read_user_dump(&MinidumpSpec { platform: 0x7777, ..MinidumpSpec::default() }.build()).unwrap();
    assert_eq!(unknown.notes, ["of an unknown platform (0x7777), which may be no Windows"]);
    let exception = unknown.exception.unwrap();
    assert_eq!((unknown.build, exception.code.0, exception.name), (None, 0xc000_0005, None), "names are Windows' own");
    // Header and directory of another byte order, as on PowerPC and SPARC.
    let turned: Vec<u8> = [0x504d_444d_u32, 0xa793, 0, 32, 0, 0, 0, 0].into_iter().flat_map(u32::to_be_bytes).collect();
    let refused = read_user_dump(&turned).unwrap_err();
    assert_eq!(refused, UserDumpError::OtherPlatform { platform: "a big-endian system".to_owned() });
    assert_eq!(read_user_dump(b"MZ"), Err(UserDumpError::NotADump));
    assert_eq!(read_user_dump(&[]), Err(UserDumpError::NotADump));
}

#[test]
fn a_32_bit_address_is_not_sign_extended() {
    let raised =
        Raised { code: 0xc000_0005, address: 0xffff_ffff_8000_1000, information: vec![0, 0xffff_ffff_ffff_fff0] };
    let modules = vec![ModuleSpec { path: "a.exe", base: 0x8000_0000, size: 0x2000 }];
    let spec = MinidumpSpec { architecture: 0, modules, raised: Some(raised), ..MinidumpSpec::default() };
    let crash = read_user_dump(&spec.build()).unwrap();
    assert_eq!(row(&crash), "x86 22631 a.exe 1 modules: EXCEPTION_ACCESS_VIOLATION_READ 0xfffffff0 at a.exe+0x1000");
}

/// Facts must stay in proportion to the bytes they come from.
fn survive(bytes: &[u8]) {
    let Ok(crash) = read_user_dump(bytes) else { return };
    assert!(crash.notes.len() <= 32);
    assert!(crash.modules.len() <= bytes.len() / 108);
    assert!(serde_json::to_vec(&crash).unwrap().len() <= 64 * bytes.len() + 0x4000);
}

#[test]
fn many_modules_that_share_one_long_name() {
    let path = "x".repeat(0x2_0000);
    let modules: Vec<_> = (0..5000).map(|n| ModuleSpec { path: &path, base: n << 32, size: 0x1000 }).collect();
    let bytes = MinidumpSpec { modules, share_names: true, ..MinidumpSpec::default() }.build();
    let crash = read_user_dump(&bytes).unwrap();
    assert_eq!(crash.modules.len(), 4096);
    assert!(crash.damaged && crash.notes.contains(&"list of modules: 5000 stated, 4096 read".to_owned()));
    assert!(crash.modules.iter().all(|module| module.name.as_ref().unwrap().len() == 256));
}

#[test]
fn more_streams_than_any_writer_makes() {
    let mut bytes = MinidumpSpec::default().build();
    bytes.resize(bytes.len() + 12 * 5000, 0);
    for (streams, whole) in [(4, true), (4096, true), (4097, false), (u32::MAX, false)] {
        bytes[8..12].copy_from_slice(&streams.to_le_bytes());
        let read = read_user_dump(&bytes);
        let error = read.as_ref().err().map(ToString::to_string);
        let expected = format!("a damaged minidump: it states {streams} streams");
        assert_eq!((read.is_ok(), error), (whole, (!whole).then_some(expected)));
    }
}

#[test]
fn every_length_and_every_word() {
    let bytes = MinidumpSpec::default().build();
    for length in 0..bytes.len() {
        survive(&bytes[..length]);
    }
    for at in (0..bytes.len() - 4).step_by(4) {
        for value in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 3, u32::MAX] {
            let mut damaged = bytes.clone();
            damaged[at..at + 4].copy_from_slice(&value.to_le_bytes());
            survive(&damaged);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_two_words(at in prop::array::uniform2(0_usize..0x800), value: [u32; 2]) {
        let mut bytes = MinidumpSpec::default().build();
        for (at, value) in at.into_iter().zip(value) {
            let at = at.min(bytes.len() - 4);
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        survive(&bytes);
    }
}
