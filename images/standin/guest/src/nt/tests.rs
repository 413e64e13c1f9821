//! The kernel over a temporary volume and a machine that takes notes.

use std::time::Duration;

use standin_behaviour::{Card, Condition, CutShort, Deed, Misfortune, Moment, Parameter};
use standin_face::{Kernel as _, ServiceConfig, State, errors};

use super::Hang;
use super::testing::{Lab, lab};

fn card(at: Moment, when: Vec<Condition>, deed: Deed) -> Card {
    let content = Some(r"C:\ProgramData\Acme\rules.dat".to_owned());
    Card { altitude: Some("321410".to_owned()), content, misfortunes: vec![Misfortune { at, when, deed }] }
}

fn bugcheck() -> Deed {
    let parameters = [Parameter::Value(0x74), Parameter::Value(0), Parameter::InDriver(0x14ed), Parameter::Value(2)];
    Deed::Bugcheck { code: 0x50, parameters }
}

#[test]
fn a_boot_loop_begins_with_the_content_and_ends_with_its_counter() {
    let when = vec![
        Condition::ContentVersion("291".to_owned()),
        Condition::DriverLoaded("other.SYS".to_owned()),
        Condition::BootsWithContent { from: 1, to: 2 },
    ];
    let lab = lab();
    lab.add_driver("acme", &card(Moment::Boot, when, bugcheck()));
    lab.add_driver("other", &Card { altitude: None, content: None, misfortunes: Vec::new() });
    lab.write(r"C:\ProgramData\Acme\rules.dat", b"290\r\nrest");
    lab.nt.is_up();
    lab.nt.load_driver("acme", true).unwrap();
    lab.write(r"C:\ProgramData\Acme\rules.dat", b"291\r\n");
    lab.nt.content_may_have_changed();
    assert!(lab.machine.notes().stops.is_empty(), "not before the next boot");

    let mut lab = lab;
    for stops in [1, 1, 0] {
        lab = lab.next_boot();
        lab.nt.boot_drivers();
        let notes = lab.machine.notes();
        assert_eq!(notes.stops.len(), stops);
        for stop in notes.stops {
            assert_eq!(stop.failed.as_deref(), Some("acme.sys"));
            let driver = stop.dump.drivers.iter().find(|it| it.name == "acme.sys").unwrap();
            assert_eq!(stop.dump.parameters[2], driver.base + 0x14ed);
            assert!(stop.dump.drivers.iter().any(|it| it.name == "other.sys"));
        }
    }
}

#[test]
fn an_install_strikes_once_and_content_each_time_it_changes() {
    let lab = lab();
    lab.nt.is_up();
    lab.add_driver("acme", &card(Moment::Install, Vec::new(), Deed::BreakNetwork));
    lab.nt.load_driver("acme", true).unwrap();
    assert_eq!(lab.machine.notes().silences, 1);
    assert_eq!(lab.nt.load_driver("acme", true), Err(errors::SERVICE_ALREADY_RUNNING));
    lab.nt.unload_driver("acme").unwrap();
    assert_eq!(lab.nt.unload_driver("acme"), Err(errors::SERVICE_NOT_ACTIVE));
    lab.nt.load_driver("acme", true).unwrap();
    assert_eq!(lab.machine.notes().silences, 0, "a second start is no installation");

    lab.add_driver("reader", &card(Moment::ContentLoad, Vec::new(), Deed::Hang));
    lab.write(r"C:\ProgramData\Acme\rules.dat", b"1");
    lab.nt.load_driver("reader", true).unwrap();
    lab.write(r"C:\ProgramData\Acme\rules.dat", b"2");
    lab.nt.content_may_have_changed();
    lab.nt.content_may_have_changed();
    assert_eq!(lab.machine.notes().hangs, [Hang::Interruptible; 2], "at the load and at the one change");
}

#[test]
fn a_driver_that_refuses_is_not_in_memory() {
    let lab = lab();
    lab.nt.is_up();
    lab.add_driver("acme", &card(Moment::ContentLoad, Vec::new(), Deed::RefuseLoad(1275)));
    assert_eq!(lab.nt.load_driver("acme", true), Err(1275));
    assert!(!lab.nt.is_loaded("acme.sys"));
    let lab = lab.next_boot();
    assert_eq!(lab.nt.boot_drivers(), [("acme".to_owned(), 1275)]);
    assert!(lab.nt.loaded_drivers().iter().all(|it| it.service != "acme"));
}

#[test]
fn a_timer_strikes_after_its_time() {
    let lab = lab();
    lab.nt.is_up();
    lab.add_driver("acme", &card(Moment::Running { after_ms: 1 }, Vec::new(), bugcheck()));
    lab.nt.load_driver("acme", true).unwrap();
    let begun = std::time::Instant::now();
    while lab.machine.notes().stops.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the timer never struck");
        std::thread::yield_now();
    }
}

#[test]
fn a_service_crashes_when_its_time_comes() {
    let lab = lab();
    lab.nt.is_up();
    lab.write(r"C:\other.exe", b"MZ");
    lab.system.services.create(&ServiceConfig::new("other", r"C:\other.exe")).unwrap();
    lab.system.services.start("other").unwrap();
    let deed = Deed::EndService("other".to_owned());
    lab.add_driver("acme", &card(Moment::Running { after_ms: 1 }, Vec::new(), deed));
    lab.nt.load_driver("acme", true).unwrap();
    let begun = std::time::Instant::now();
    while lab.system.logs.system.query(|it| it.event_id == 7034).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the service lives on");
        std::thread::yield_now();
    }
    assert_eq!(lab.system.services.status("other").unwrap().exit_code, 1067);
}

#[test]
fn the_wrong_files_and_services_are_refused() {
    let lab = lab();
    lab.nt.is_up();
    assert_eq!(lab.nt.load_driver("none", true), Err(errors::SERVICE_DOES_NOT_EXIST));
    assert_eq!(lab.nt.unload_driver("FltMgr"), Err(errors::INVALID_SERVICE_CONTROL));
    lab.add_driver("bad", &Card { altitude: None, content: None, misfortunes: Vec::new() });
    lab.write(r"C:\Windows\System32\drivers\bad.sys", b"MZ nothing");
    assert_eq!(lab.nt.load_driver("bad", true), Err(errors::BAD_EXE_FORMAT));
    let filters = lab.nt.loaded_drivers();
    assert!(filters.iter().any(|it| it.altitude.as_deref() == Some("328010")));
}

#[test]
fn a_shutdown_can_be_taken_back() {
    let lab = lab();
    lab.nt.is_up();
    lab.nt.shutdown(true, Duration::from_secs(3600), "later");
    assert!(lab.nt.abort_shutdown());
    assert!(!lab.nt.abort_shutdown());
    assert_eq!(lab.system.logs.system.query(|it| it.event_id == 1074).len(), 1);
    assert!(lab.machine.notes().ends.is_empty());
}

#[test]
fn a_service_is_stopped_even_at_boot() {
    let lab = lab();
    lab.write(r"C:\other.exe", b"MZ");
    let other = ServiceConfig { start: 2, ..ServiceConfig::new("other", r"C:\other.exe") };
    lab.system.services.create(&other).unwrap();
    lab.add_driver("acme", &card(Moment::Boot, Vec::new(), Deed::StopService("other".to_owned())));
    let lab = lab.next_boot();
    assert!(lab.nt.boot_drivers().is_empty());
    lab.nt.is_up();
    assert!(lab.system.services.start_automatic().is_empty());
    assert_eq!(lab.system.services.status("other").unwrap().state, State::Running);
    lab.nt.services_are_started();
    assert_eq!(lab.system.services.status("other").unwrap().state, State::Stopped);
}

/// Loads a driver that does this at its installation.
fn installed(deed: Deed) -> Lab {
    let lab = lab();
    lab.nt.is_up();
    lab.add_driver("acme", &card(Moment::Install, Vec::new(), deed));
    lab.nt.load_driver("acme", true).unwrap();
    lab
}

#[test]
fn a_stop_whose_power_fails_and_a_hang_that_nothing_ends() {
    let Deed::Bugcheck { code, parameters } = bugcheck() else { panic!("no stop") };
    let lab = installed(Deed::BugcheckCutShort { code, parameters, end: CutShort::StandStill });
    let stops = lab.machine.notes().stops;
    assert_eq!((stops[0].cut, stops[0].dump.stop_code), (Some(CutShort::StandStill), 0x50));
    assert_eq!(stops[0].failed.as_deref(), Some("acme.sys"));
    assert_eq!(installed(Deed::HangDeaf).machine.notes().hangs, [Hang::Deaf]);
    let slow = installed(Deed::SlowNetwork { ms: 5 });
    assert_eq!(slow.machine.notes().pauses, [Duration::from_millis(5)]);
}

#[test]
fn a_live_report_is_a_dump_of_a_system_that_lives_on() {
    let Deed::Bugcheck { parameters, .. } = bugcheck() else { panic!("no stop") };
    let lab = installed(Deed::LiveReport { component: "WATCHDOG".to_owned(), code: 0x1a8, parameters });
    assert!(lab.machine.notes().stops.is_empty());
    let folder = lab.system.volume.resolve(r"C:\Windows\LiveKernelReports\WATCHDOG");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let name = file.file_name().into_string().unwrap();
    assert!(name.starts_with("WATCHDOG-2") && name.ends_with(".dmp"), "{name}");
    let dump = std::fs::read(file.path()).unwrap();
    assert_eq!((&dump[..8], dump[0x38], dump[0x39]), (&b"PAGEDU64"[..], 0xa8, 0x01));
    let told = lab.system.logs.application.query(|it| it.event_id == 1001);
    assert_eq!(told[0].event_data[2].1, "LiveKernelEvent");
    assert!(told[0].event_data[15].1.ends_with(&name), "{told:?}");
}

#[test]
fn a_filter_goes_a_log_is_cleared_and_the_button_is_not_heard() {
    let lab = installed(Deed::UnloadDriver("acme".to_owned()));
    assert!(!lab.nt.is_loaded("acme.sys"));

    let lab = installed(Deed::ClearLog("System".to_owned()));
    let left: Vec<u16> = lab.system.logs.system.query(|_| true).iter().map(|it| it.event_id).collect();
    assert_eq!(left, [104]);

    let lab = installed(Deed::IgnorePowerButton);
    lab.nt.power_button();
    assert!(lab.machine.notes().ends.is_empty());
    let heard = super::testing::lab();
    heard.nt.power_button();
    assert_eq!(heard.machine.notes().ends, [false]);
}

#[test]
fn a_crashed_service_leaves_a_dump() {
    let lab = lab();
    lab.nt.is_up();
    lab.write(r"C:\other.exe", &[b"MZ".to_vec(), vec![0; 200]].concat());
    lab.system.services.create(&ServiceConfig::new("other", r"C:\other.exe")).unwrap();
    lab.system.services.start("other").unwrap();
    lab.add_driver("acme", &card(Moment::Install, Vec::new(), Deed::CrashService("other".to_owned())));
    lab.nt.load_driver("acme", true).unwrap();
    assert_eq!(lab.system.services.status("other").unwrap().exit_code, 1067);
    let told = lab.system.logs.application.query(|it| it.event_id == 1001);
    let dump = std::fs::read(lab.system.volume.resolve(&told[0].event_data[15].1)).unwrap();
    assert_eq!(dump[..4], *b"MDMP");
}
