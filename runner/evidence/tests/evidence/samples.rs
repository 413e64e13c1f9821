//! Real dumps, compared with what WinDbg and rizin say of them. They are other people's memory, so they are not in the
//! repository: `COEXIST_SAMPLES` names the folder that has them.

use std::path::{Path, PathBuf};

use coexist_evidence::dump::Architecture;
use coexist_evidence::stop_codes;
use coexist_evidence::{
    DriverOwners, DumpError, KernelDump, blame, bucket, crash_from, read_dump_file, read_kernel_dump,
};
use coexist_model::Strength;

/// The folder, or a line that says what was not tested.
pub(crate) fn samples(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("COEXIST_SAMPLES").map(PathBuf::from);
    if folder.is_none() {
        println!("SKIPPED samples: COEXIST_SAMPLES is not set (1 test: {test})");
    }
    folder
}

pub(crate) fn read(folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn text(folder: &Path, name: &str) -> String {
    String::from_utf8_lossy(&read(folder, name)).into_owned()
}

const NOTMYFAULT: &str = "kernel-dumps/eolaruhagen_083125-14875-01.dmp";
const AMDPPM: &str = "kernel-dumps/rizin_triage_x64.dmp";
const WINHVR: &str = "kernel-dumps/proxyrule_011620-8250-01.dmp";

fn summary(dump: &KernelDump<'_>) -> (u32, usize, usize, Option<u32>, Option<u32>, String) {
    (
        dump.stop_code,
        dump.drivers.len(),
        dump.unloaded.len(),
        dump.build,
        dump.processors,
        dump.time.unwrap().round(jiff::Unit::Second).unwrap().to_string(),
    )
}

#[test]
fn facts_and_conclusions() {
    let Some(folder) = samples("facts_and_conclusions") else { return };
    let rows = [
        (NOTMYFAULT, 0x4a, 156, 9, 19041, 1, Strength::None, None, "4a|-|in notmyfault64.e|-"),
        (
            AMDPPM,
            0x1000_007e,
            151,
            4,
            19041,
            16,
            Strength::Strong,
            Some(("amdppm.sys", 0x334c)),
            "7e|c0000005|amdppm.sys+0x334c|",
        ),
        (
            WINHVR,
            0x1000_007e,
            108,
            3,
            17763,
            8,
            Strength::Likely,
            Some(("winhvr.sys", 0x16755)),
            "7e|c0000005|winhvr.sys+0x16755|",
        ),
    ];
    for (name, code, drivers, unloaded, build, processors, strength, place, start_of_bucket) in rows {
        let bytes = read(&folder, name);
        let dump = read_kernel_dump(&bytes).unwrap();
        let (found_code, found_drivers, found_unloaded, found_build, found_processors, time) = summary(&dump);
        println!("{name}: {time} {} {:?}", bucket(&dump), crash_from(&dump, &DriverOwners::default()).blame);
        assert_eq!(dump.notes, Vec::<String>::new(), "{name}");
        assert_eq!((found_code, found_drivers, found_unloaded), (code, drivers, unloaded), "{name}");
        assert_eq!((found_build, found_processors), (Some(build), Some(processors)), "{name}");
        let blame = blame(&dump, &DriverOwners::default());
        assert_eq!(blame.strength, strength, "{name}: {}", blame.reason);
        assert_eq!(blame.module.as_deref().zip(blame.offset.map(|offset| offset.0)), place, "{name}");
        assert!(bucket(&dump).0.starts_with(start_of_bucket), "{name}: {}", bucket(&dump));
    }
}

#[test]
fn processes_as_windbg_and_rizin_name_them() {
    let Some(folder) = samples("processes_as_windbg_and_rizin_name_them") else { return };
    let analysis = text(&folder, "kernel-dumps/oracle-083125/analyze_v.txt");
    let windbg = analysis.lines().find_map(|line| line.strip_prefix("PROCESS_NAME:")).unwrap().trim().to_owned();
    for (name, expected) in [(NOTMYFAULT, windbg.as_str()), (AMDPPM, "System"), (WINHVR, "System")] {
        let bytes = read(&folder, name);
        let dump = read_kernel_dump(&bytes).unwrap();
        assert_eq!(dump.process.as_deref(), Some(expected), "{name}");
        // The search for builds whose layout is unknown finds the same, and says that it searched.
        let mut unknown = bytes.clone();
        unknown[0x0c..0x10].copy_from_slice(&26100_u32.to_le_bytes());
        let searched = read_kernel_dump(&unknown).unwrap();
        assert_eq!(searched.process.as_deref(), Some(expected), "{name}");
        assert_eq!(searched.notes.len(), 1, "{:?}", searched.notes);
        let crash = crash_from(&dump, &DriverOwners::default());
        assert_eq!(crash.process.as_deref(), Some(expected));
    }
}

#[test]
fn drivers_as_windbg_lists_them() {
    let Some(folder) = samples("drivers_as_windbg_lists_them") else { return };
    let bytes = read(&folder, NOTMYFAULT);
    let dump = read_kernel_dump(&bytes).unwrap();
    let listing = text(&folder, "kernel-dumps/oracle-083125/lm_t_n.txt");
    let (loaded, unloaded) = listing.split_once("Unloaded modules:").unwrap();

    let address = |text: &str| u64::from_str_radix(&text.replace('`', ""), 16).ok();
    let range = |line: &str| {
        let mut words = line.split_whitespace();
        Some((address(words.next()?)?, address(words.next()?)?, words.map(str::to_owned).collect::<Vec<_>>()))
    };
    let stamp = |words: &[String]| {
        let digits = words.iter().map(|word| word.trim_matches(['(', ')']));
        digits.filter(|word| word.len() == 8).find_map(|word| u32::from_str_radix(word, 16).ok()).unwrap()
    };
    let mut expected: Vec<_> = loaded
        .lines()
        .filter_map(range)
        .map(|(start, end, words)| {
            // WinDbg shows the name in the kernel's symbols.
            let name = words[1].to_lowercase().replace("ntkrnlmp.exe", "ntoskrnl.exe");
            (start, end, name, stamp(&words[2..]))
        })
        .collect();
    let mut found: Vec<_> = dump
        .drivers
        .iter()
        .map(|driver| {
            (driver.base, driver.base + u64::from(driver.size), driver.name.clone().unwrap(), driver.timestamp.unwrap())
        })
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(expected.len(), 156);
    assert_eq!(found, expected);

    let mut expected: Vec<_> =
        unloaded.lines().filter_map(range).map(|(start, end, words)| (start, end, words[0].to_lowercase())).collect();
    let mut found: Vec<_> =
        dump.unloaded.iter().map(|driver| (driver.start, driver.end, driver.name.clone().unwrap())).collect();
    expected.sort();
    found.sort();
    assert_eq!(expected.len(), 9);
    assert_eq!(found, expected);
}

#[test]
fn stack_as_windbg_shows_it() {
    let Some(folder) = samples("stack_as_windbg_shows_it") else { return };
    let bytes = read(&folder, NOTMYFAULT);
    let dump = read_kernel_dump(&bytes).unwrap();
    // Child-SP and return address of the two kernel frames of `kv`.
    for (stack_pointer, returns_to) in
        [(0xffff_a704_eeb6_bc88_u64, 0xffff_f807_5c01_faa9_u64), (0xffff_a704_eeb6_bdd0 - 8, 0xffff_f807_5c01_f951)]
    {
        assert_eq!(dump.memory.read(stack_pointer, 8), Some(&returns_to.to_le_bytes()[..]), "{stack_pointer:#x}");
    }
    assert_eq!(dump.context.unwrap().stack, 0xffff_a704_eeb6_bc88);
    assert_eq!(dump.parameters, [0x7ffe_7350_d0c4, 2, 0, 0xffff_a704_eeb6_bec0]);
}

#[test]
fn fields_and_frames_as_rizin_shows_them() {
    let Some(folder) = samples("fields_and_frames_as_rizin_shows_them") else { return };
    let bytes = read(&folder, AMDPPM);
    let dump = read_kernel_dump(&bytes).unwrap();
    let expected = text(&folder, "kernel-dumps/oracle-triage_x64/rizin-expected.txt");
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let field = |name: &str| {
        let line = expected.lines().find(|line| line.trim_start().starts_with(&format!("{name} : "))).unwrap();
        hex(line.split_whitespace().nth(2).unwrap()).unwrap()
    };
    assert_eq!(u64::from(dump.stop_code), field("BugCheckCode"));
    for (number, parameter) in (1..).zip(dump.parameters) {
        assert_eq!(parameter, field(&format!("BugCheckParameter{number}")));
    }
    assert_eq!(u64::from(dump.build.unwrap()), field("MinorVersion"));
    assert_eq!(u64::from(dump.processors.unwrap()), field("NumberProcessors"));
    assert_eq!(dump.drivers.len() as u64, field("DriverCount"));
    assert_eq!(dump.memory.block_count() as u64, field("DataBlocksCount"));
    let (top, copy) = dump.memory.stack().unwrap();
    assert_eq!((top, copy.len() as u64), (field("TopOfStack"), field("SizeOfCallStack")));

    let frames: Vec<u64> = expected
        .lines()
        .filter(|line| line.contains(" sp: "))
        .filter_map(|line| hex(line.split_whitespace().nth(1)?))
        .filter(|&address| address != 0)
        .collect();
    assert_eq!(frames.len(), 36);
    let on_stack = |address: u64| copy.chunks_exact(8).any(|slot| slot == address.to_le_bytes());
    // The first frame is the stop routine itself; nobody returns to it.
    let missing: Vec<_> = frames[1..].iter().filter(|&&address| !on_stack(address)).collect();
    assert!(missing.is_empty(), "{missing:x?}");
    assert!(frames.iter().all(|&address| dump.driver_at(address).is_some()));
}

#[test]
fn malformed_headers_still_tell_their_code() {
    let Some(folder) = samples("malformed_headers_still_tell_their_code") else { return };
    for (name, code) in [
        ("CRITICAL_PROCESS_DIED", 0xef),
        ("DRIVER_IRQL_NOT_LESS_OR_EQUAL", 0xd1),
        ("IRQL_NOT_LESS_OR_EQUAL", 0x0a),
        ("MEMORY_MANAGEMENT", 0x1a),
        ("PAGE_FAULT_IN_NONPAGED_AREA", 0x50),
    ] {
        let bytes = read(&folder, &format!("kernel-dumps/header-only/{name}.dmp"));
        let dump = read_kernel_dump(&bytes).unwrap();
        assert_eq!((dump.stop_code, stop_codes::name(dump.stop_code)), (code, Some(name)));
        assert_eq!(dump.notes, ["nothing behind the header: no drivers, no stack"]);
        assert_eq!(blame(&dump, &DriverOwners::default()).strength, Strength::None);
    }
    let narrow = read(&folder, "kernel-dumps/header-only/IRQL_32bit.dmp");
    let dump = read_kernel_dump(&narrow).unwrap();
    assert_eq!((dump.stop_code, dump.parameters), (0x0a, [0xc000_0005, 2, 1, 0x8054_321a]));
    assert_eq!((dump.build, dump.processors, dump.architecture), (Some(7601), Some(4), Some(Architecture::X86)));
    let user = read(&folder, "kernel-dumps/header-only/ACCESS_VIOLATION.dmp");
    assert_eq!(read_kernel_dump(&user).unwrap_err(), DumpError::UserMode);
}

/// Whatever kernel dumps lie in the samples' folder, ones added later included.
#[test]
fn every_kernel_dump_there_is() {
    let Some(folder) = samples("every_kernel_dump_there_is") else { return };
    let mut found = 0;
    for place in ["kernel-dumps", "kernel-dumps/header-only"] {
        for entry in std::fs::read_dir(folder.join(place)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "dmp") {
                continue;
            }
            match read_dump_file(std::fs::File::open(&path).unwrap()) {
                Ok(dump) => {
                    let crash = crash_from(&dump, &DriverOwners::default());
                    println!("{}: {} {:?}", path.display(), crash.bucket, crash.notes);
                    assert!(crash.stop_name.is_some() && crash.parameters.len() == 4, "{}", path.display());
                    found += 1;
                }
                Err(error) => assert_eq!(error, DumpError::UserMode, "{}", path.display()),
            }
        }
    }
    assert!(found >= 9, "{found}");
}

#[test]
fn real_dumps_cut_anywhere() {
    let Some(folder) = samples("real_dumps_cut_anywhere") else { return };
    for name in [NOTMYFAULT, AMDPPM, WINHVR] {
        let bytes = read(&folder, name);
        for length in (0x60..bytes.len()).step_by(4096) {
            let dump = read_kernel_dump(&bytes[..length]).unwrap();
            // The debugger's dump does not say how much secondary data there should be.
            assert!(!dump.notes.is_empty() || (name == AMDPPM && length >= 0x13_a28c), "{name} {length:#x}");
            let _ = crash_from(&dump, &DriverOwners::default());
        }
    }
}

/// Every module, the stack and the unloaded drivers at places of their own: all eight-byte values that lie in one of
/// them move with it, in the lists, the registers, the parameters, the stack and the blocks.
fn moved(bytes: &[u8], seed: u64) -> Vec<u8> {
    let dump = read_kernel_dump(bytes).unwrap();
    let (top, copy) = dump.memory.stack().unwrap();
    let loaded = dump.drivers.iter().map(|driver| (driver.base, driver.base + u64::from(driver.size)));
    // Their list holds their ends too, which lie in none of them.
    let unloaded = dump.unloaded.iter().map(|driver| (driver.start, driver.end + 1));
    let ranges: Vec<_> = loaded.chain(unloaded).chain([(top, top + copy.len() as u64)]).collect();
    let places = ranges.len() as u64;
    // 37 has no factor in common with a number of places that is not a multiple of it.
    assert!(!places.is_multiple_of(37));
    let elsewhere = |value: u64| {
        let index = ranges.iter().position(|(start, end)| (*start..*end).contains(&value))?;
        let place = (index as u64 * 37 + seed) % places;
        // As far apart as the largest image is long, and then some.
        Some(0xffff_9100_0000_0000 + place * 0x2000_0000 + (value - ranges[index].0))
    };
    let words = bytes.chunks(8).flat_map(|chunk| match <[u8; 8]>::try_from(chunk).map(u64::from_le_bytes) {
        Ok(value) => elsewhere(value).unwrap_or(value).to_le_bytes().to_vec(),
        Err(_) => chunk.to_vec(),
    });
    words.collect()
}

#[test]
fn real_dumps_loaded_elsewhere_are_the_same_crash() {
    let Some(folder) = samples("real_dumps_loaded_elsewhere_are_the_same_crash") else { return };
    let owners = DriverOwners::default();
    for name in [NOTMYFAULT, AMDPPM, WINHVR] {
        let bytes = read(&folder, name);
        let dump = read_kernel_dump(&bytes).unwrap();
        for seed in [0, 1, 60] {
            let elsewhere = moved(&bytes, seed);
            let other = read_kernel_dump(&elsewhere).unwrap();
            assert!(dump.drivers.iter().zip(&other.drivers).all(|(here, there)| here.base != there.base), "{name}");
            assert_ne!(dump.context, other.context, "{name}");
            assert_eq!(bucket(&other), bucket(&dump), "{name}");
            assert_eq!(blame(&other, &owners), blame(&dump, &owners), "{name}");
            assert_eq!(other.process, dump.process, "{name}");
        }
    }
    let buckets: std::collections::BTreeSet<_> = [NOTMYFAULT, AMDPPM, WINHVR]
        .map(|name| bucket(&read_kernel_dump(&read(&folder, name)).unwrap()))
        .into_iter()
        .collect();
    assert_eq!(buckets.len(), 3);
}

/// Names where Microsoft's documentation and its metadata differ; ours are the metadata's.
const NAMED_OTHERWISE: &[u32] = &[0x58, 0x6e, 0x6f, 0x70, 0x11a, 0x17c, 0x1d0];

#[test]
fn names_as_documented() {
    let Some(folder) = samples("names_as_documented") else { return };
    let mut compared = 0;
    for line in text(&folder, "bugcheck_names_msdocs.tsv").lines() {
        let mut cells = line.split('\t');
        let code = u32::from_str_radix(cells.next().unwrap().trim_start_matches("0x"), 16).unwrap();
        let documented = cells.next().unwrap();
        if documented.starts_with("XBOX_") || documented.starts_with("SAVER_") || NAMED_OTHERWISE.contains(&code) {
            continue;
        }
        assert_eq!(stop_codes::name(code), Some(documented), "{code:#x}");
        compared += 1;
    }
    assert!(compared > 400, "{compared}");
}
