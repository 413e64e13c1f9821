//! Limits of this process, which QEMU inherits.

use coexist_qemu::Limits;
use serde_json::{Value, json};

use super::finding::{Finding, State};

/// One limit, and what two machines and their sessions need of it.
struct Need {
    name: &'static str,
    limit: Option<u64>,
    /// Below this nothing works.
    least: u64,
    /// Below this something will not.
    enough: u64,
    what_for: &'static str,
    mend: &'static str,
}

/// Open files: 60 were seen in a QEMU, 35 in a coordinator of two machines. Processes: threads count, and each QEMU may
/// start up to 64 for its disk (QEMU's `util/thread-pool.c`). A file: the overlay of a Windows disk and its dump.
/// Address space: QEMU maps its guest's memory, a gigabyte of translated code, and its libraries.
fn needs(limits: &Limits) -> [Need; 4] {
    const GIB: u64 = 1 << 30;
    [
        Need {
            name: "open files",
            limit: limits.open_files,
            least: 64,
            enough: 256,
            what_for: "two machines and their sessions",
            mend: "ulimit -n 4096",
        },
        Need {
            name: "processes",
            limit: limits.processes,
            least: 32,
            enough: 256,
            what_for: "two machines and their threads",
            mend: "ulimit -u 4096",
        },
        Need {
            name: "file size",
            limit: limits.file_size,
            least: GIB,
            enough: 32 * GIB,
            what_for: "the overlay of a Windows disk",
            mend: "ulimit -f unlimited",
        },
        Need {
            name: "address space",
            limit: limits.address_space,
            least: 2 * GIB,
            enough: 16 * GIB,
            what_for: "QEMU, its guest's memory and what it translates",
            mend: "ulimit -v unlimited",
        },
    ]
}

/// All limits in one line when none is tight, else one line for each that is; and the ports.
pub(super) fn findings(limits: &Limits) -> Vec<Finding> {
    let needs = needs(limits);
    let mut findings: Vec<Finding> = needs.iter().filter_map(tight).collect();
    if findings.is_empty() {
        let told = |need: &Need| format!("{}: {}", need.name, amount(need.limit));
        findings.push(Finding::ok("limits", needs.iter().map(told).collect::<Vec<_>>().join(", ")));
    }
    findings.push(ports(limits));
    findings
}

fn tight(need: &Need) -> Option<Finding> {
    let Need { name, limit, least, enough, what_for, mend } = need;
    let limit = limit.filter(|limit| limit < enough)?;
    let state = if limit < *least { State::Problem } else { State::Warning };
    let found = format!("limited to {limit}; {enough} are enough for {what_for}");
    Some(Finding { name: (*name).to_owned(), state, found, mend: Some((*mend).to_owned()) })
}

fn amount(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

/// Every machine takes a port of 127.0.0.1 for its SSH forward.
fn ports(limits: &Limits) -> Finding {
    const FEW: u16 = 1000;
    const WIDEN: &str = "sysctl -w net.ipv4.ip_local_port_range='32768 60999'";
    if let Some(error) = &limits.no_port {
        let found = format!("no port of 127.0.0.1 can be had: {error}");
        return Finding::problem("ports", found, format!("ip link set lo up; {WIDEN}; `ss -ltn` shows who holds some"));
    }
    match limits.ports {
        Some((first, last)) if last - first < FEW => {
            Finding::warning("ports", format!("the system gives out {first} to {last} only"), WIDEN)
        }
        Some((first, last)) => {
            Finding::ok("ports", format!("127.0.0.1 answers; the system gives out {first} to {last}"))
        }
        None => Finding::ok("ports", "127.0.0.1 answers"),
    }
}

pub(super) fn as_json(limits: &Limits) -> Value {
    let Limits { open_files, processes, file_size, address_space, ports, no_port: _ } = limits;
    let mut value = json!({});
    let numbers = [
        ("open_files", open_files),
        ("processes", processes),
        ("file_bytes", file_size),
        ("address_bytes", address_space),
    ];
    for (name, limit) in numbers {
        // What is not limited is said so: absent is unknown.
        value[name] = limit.map_or_else(|| json!("unlimited"), |limit| json!(limit));
    }
    if let Some((first, last)) = ports {
        value["ports"] = json!({"first": first, "last": last});
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide() -> Limits {
        Limits {
            open_files: Some(1024),
            processes: None,
            file_size: None,
            address_space: None,
            ports: Some((32768, 60999)),
            no_port: None,
        }
    }

    #[test]
    fn wide_limits_are_one_line() {
        let found = findings(&wide());
        let text: Vec<&str> = found.iter().map(|finding| finding.found.as_str()).collect();
        let limits = "open files: 1024, processes: unlimited, file size: unlimited, address space: unlimited";
        assert_eq!(text, [limits, "127.0.0.1 answers; the system gives out 32768 to 60999"]);
        assert!(found.iter().all(|finding| finding.state == State::Ok));
    }

    #[test]
    fn each_tight_limit_is_named_with_its_command() {
        let table = [
            (Limits { open_files: Some(100), ..wide() }, "open files", State::Warning, "ulimit -n 4096"),
            (Limits { open_files: Some(20), ..wide() }, "open files", State::Problem, "ulimit -n 4096"),
            (Limits { processes: Some(100), ..wide() }, "processes", State::Warning, "ulimit -u 4096"),
            (Limits { processes: Some(10), ..wide() }, "processes", State::Problem, "ulimit -u 4096"),
            (Limits { file_size: Some(8 << 30), ..wide() }, "file size", State::Warning, "ulimit -f unlimited"),
            (Limits { file_size: Some(1 << 20), ..wide() }, "file size", State::Problem, "ulimit -f unlimited"),
            (Limits { address_space: Some(8 << 30), ..wide() }, "address space", State::Warning, "ulimit -v unlimited"),
            (Limits { address_space: Some(1 << 30), ..wide() }, "address space", State::Problem, "ulimit -v unlimited"),
        ];
        for (limits, name, state, mend) in table {
            let found = findings(&limits);
            assert_eq!((found[0].name.as_str(), found[0].state, found[0].mend.as_deref()), (name, state, Some(mend)));
            assert_eq!(found.len(), 2, "the others are wide: {found:?}");
        }
    }

    #[test]
    fn ports_may_be_few_or_none() {
        assert_eq!(ports(&Limits { ports: Some((50000, 50010)), ..wide() }).state, State::Warning);
        assert_eq!(ports(&Limits { ports: None, ..wide() }).state, State::Ok);
        let none = ports(&Limits { no_port: Some("Cannot assign requested address".to_owned()), ..wide() });
        assert_eq!(none.state, State::Problem);
        assert!(none.found.contains("Cannot assign") && none.mend.is_some_and(|mend| mend.contains("ip link")));
    }

    #[test]
    fn what_is_not_limited_is_told_apart_from_what_is_unknown() {
        let value = as_json(&Limits { ports: None, ..wide() });
        let unlimited = "unlimited";
        let expected =
            json!({"open_files": 1024, "processes": unlimited, "file_bytes": unlimited, "address_bytes": unlimited});
        assert_eq!(value, expected);
    }
}
