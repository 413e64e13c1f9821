//! What the text may say: no more than the bytes prove.

use coexist_model::{Findings, Hex, UserModule};

use super::*;

fn text(facts: TriageFacts) -> String {
    render(&Triage::new("x", Findings::of(facts)))
}

fn boot(boot: LoggedBoot) -> String {
    text(TriageFacts::EventLog(BootHistory { boots: vec![boot], ..BootHistory::default() }))
}

fn process(exception: Option<UserException>, damaged: bool) -> String {
    let modules = vec![UserModule { name: None, base: Hex(0x1000), size: 0x1000, timestamp: Hex(0) }];
    text(TriageFacts::UserDump(UserCrash { exception, damaged, modules, ..UserCrash::default() }))
}

fn exception(offset: Option<Hex>) -> Option<UserException> {
    let (code, address) = (Hex(0xc000_0005), Hex(0x1234));
    Some(UserException { code, name: None, address, accessed: None, module: None, offset })
}

#[test]
fn a_boot_is_told_with_what_its_words_do_not_tell() {
    let at: jiff::Timestamp = "2026-11-23T08:10:00.5Z".parse().unwrap();
    let ended = |ended| LoggedBoot { first_record: Some(5), ended, ended_at: Some(at), ..LoggedBoot::default() };
    for (end, words) in [
        (Some(LoggedEnd::Clean), "clean, 2026-11-23T08:10:00Z"),
        (Some(LoggedEnd::Unexpected), "unexpected, last known to run 2026-11-23T08:10:00Z"),
        (
            Some(LoggedEnd::PowerLoss),
            "power-loss (or a reset, or a hang before either: no stop was recorded), last known to run 2026-11-23T08:10:00Z",
        ),
        (None, "end unknown, last known to run 2026-11-23T08:10:00Z"),
    ] {
        let expected = format!("  boot        record 5, beginning not told: {words}\n");
        let text = boot(ended(end));
        assert!(text.ends_with(&expected), "{text}");
    }
    let stop = LoggedBoot { stop_code: Some(Hex(0x10001)), ..ended(Some(LoggedEnd::Bugcheck)) };
    assert!(boot(stop).contains(": bugcheck 0x10001 (no name known), last known"));
    assert!(text(TriageFacts::EventLog(BootHistory::default())).ends_with("  boots       none that it tells of\n"));
}

#[test]
fn an_exception_that_is_not_there_or_nowhere() {
    assert!(process(None, false).contains("  exception   none in the dump\n"));
    assert!(process(None, true).contains("  exception   none that can be read\n"));
    assert!(process(exception(None), false).contains("  at          0x1234 in no module that the dump lists\n"));
    let nameless = process(exception(Some(Hex(0x234))), false);
    assert!(nameless.contains("  at          0x1234 (a module without a readable name)+0x234\n"), "{nameless}");
}

#[test]
fn settings_are_told_as_settings() {
    for (kind, restart, words) in [
        (None, None, "a dump of a kind that is not told"),
        (Some(3), Some(true), "a small dump, then a restart"),
        (Some(0), Some(false), "no dump, and no restart"),
        (Some(9), None, "a dump of an unknown kind"),
    ] {
        let settings = CrashSettings { crash_dump_enabled: kind, auto_reboot: restart, ..CrashSettings::default() };
        let hive = HiveFacts { crash_settings: Some(settings), ..HiveFacts::default() };
        let text = text(TriageFacts::RegistryHive(hive));
        assert!(text.ends_with(&format!("  at a stop   as set: {words}\n")), "{text}");
    }
}
