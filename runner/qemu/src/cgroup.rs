//! Control groups: what a container or a service manager leaves of the host's memory, and whom the kernel killed for it.
//!
//! Sources: cgroups(7), proc(5) for `/proc/self/cgroup` and `/proc/self/mountinfo`, the kernel's
//! `admin-guide/cgroup-v2.rst` and `admin-guide/cgroup-v1/memory.rst`.

use std::path::{Component, Path, PathBuf};

/// Version 1 tells "no limit" as the largest number of whole pages.
const NO_LIMIT: u64 = 1 << 60;

/// The two layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    V1,
    V2,
}

/// A control group that bounds the memory of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemoryGroup {
    folder: PathBuf,
    layout: Layout,
}

/// What a group leaves, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) limit: u64,
    pub(crate) available: u64,
    /// The file that sets the limit.
    pub(crate) file: PathBuf,
}

/// The groups of this process, the innermost first.
pub(crate) fn memory_groups() -> Vec<MemoryGroup> {
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    find(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
}

/// How many processes of our group the kernel has killed for lack of memory, since the group was made.
pub(crate) fn oom_kills() -> u64 {
    let of_group = memory_groups().iter().find_map(MemoryGroup::oom_kills);
    // The outermost group has no such count; the system's own tells then.
    of_group.or_else(|| number_in(&std::fs::read_to_string("/proc/vmstat").ok()?, "oom_kill")).unwrap_or_default()
}

fn find(cgroup: &str, mountinfo: &str) -> Vec<MemoryGroup> {
    let mut groups = Vec::new();
    for (line, mount) in cgroup.lines().flat_map(|line| mountinfo.lines().map(move |mount| (line, mount))) {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let Some(mount) = Mount::parse(mount) else { continue };
        let layout = match mount.kind {
            "cgroup2" if controllers.is_empty() => Layout::V2,
            "cgroup" if lists(controllers, "memory") && lists(mount.options, "memory") => Layout::V1,
            _ => continue,
        };
        let innermost = mount.place(Path::new(path));
        let upwards = innermost.ancestors().take_while(|folder| folder.starts_with(&mount.point));
        groups.extend(upwards.map(|folder| MemoryGroup { folder: folder.to_owned(), layout }));
    }
    groups
}

fn lists(words: &str, word: &str) -> bool {
    words.split(',').any(|it| it == word)
}

/// A line of `/proc/self/mountinfo`.
struct Mount<'a> {
    root: PathBuf,
    point: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let mut right = right.split(' ');
        Some(Self {
            root: left.next()?.into(),
            point: unescaped(left.next()?).into(),
            kind: right.next()?,
            options: right.nth(1)?,
        })
    }

    /// Where a group lies. A container may see less of the tree than `/proc/self/cgroup` names: then its own top.
    fn place(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.root) {
            Ok(rest) if !rest.components().any(|part| part == Component::ParentDir) => {
                self.point.join(rest).components().collect()
            }
            _ => self.point.clone(),
        }
    }
}

/// Blanks and backslashes in mount points are written in octal (proc(5)).
pub(crate) fn unescaped(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// The file system that a path lies on, as `/proc/self/mountinfo` names it.
pub(crate) fn file_system(path: &Path, mountinfo: &str) -> Option<String> {
    let mounts = mountinfo.lines().filter_map(Mount::parse).filter(|mount| path.starts_with(&mount.point));
    // Of two on the same place, the later one hides the earlier.
    mounts.max_by_key(|mount| mount.point.components().count()).map(|mount| mount.kind.to_owned())
}

impl MemoryGroup {
    /// The tightest limit of this group; none where there is none.
    pub(crate) fn bound(&self) -> Option<Bound> {
        let (limits, used, cache): (&[&str], _, _) = match self.layout {
            Layout::V2 => (&["memory.max", "memory.high"], "memory.current", "inactive_file"),
            Layout::V1 => (&["memory.limit_in_bytes"], "memory.usage_in_bytes", "total_inactive_file"),
        };
        let limit = |name: &&str| Some((self.number(name)?, self.folder.join(name)));
        let (limit, file) = limits.iter().filter_map(limit).filter(|(limit, _)| *limit < NO_LIMIT).min()?;
        // Pages of files that were not used lately count as used, but go when room is needed.
        let cache = number_in(&self.text("memory.stat")?, cache).unwrap_or_default();
        let used = self.number(used)?.saturating_sub(cache);
        Some(Bound { limit, available: limit.saturating_sub(used), file })
    }

    fn oom_kills(&self) -> Option<u64> {
        let file = match self.layout {
            Layout::V2 => "memory.events",
            Layout::V1 => "memory.oom_control",
        };
        number_in(&self.text(file)?, "oom_kill")
    }

    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(name)).ok()
    }

    /// A file with one number; `max` is none.
    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.trim().parse().ok()
    }
}

/// The number behind a name, in a file of names and numbers.
fn number_in(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(cgroup: &str, mountinfo: &str) -> Vec<String> {
        find(cgroup, mountinfo).iter().map(|group| group.folder.display().to_string()).collect()
    }

    #[test]
    fn groups_are_found_where_systems_put_them() {
        const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
        const V1: &str = "32 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory";
        const DOCKER: &str =
            "32 31 0:32 /docker/f00 /sys/fs/cgroup/memory ro shared:9 master:2 - cgroup cgroup rw,memory";
        const CPU: &str = "11 28 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu";
        let table: [(&str, &str, &str, &[&str]); 7] = [
            (
                "systemd",
                "0::/user.slice/run.scope\n",
                V2,
                &["/sys/fs/cgroup/user.slice/run.scope", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"],
            ),
            ("a container with a namespace", "0::/\n", V2, &["/sys/fs/cgroup"]),
            ("a group outside the namespace", "0::/../other\n", V2, &["/sys/fs/cgroup"]),
            ("version 1", "4:memory:/job\n1:cpu:/job\n", V1, &["/sys/fs/cgroup/memory/job", "/sys/fs/cgroup/memory"]),
            ("version 1 in a container", "4:memory:/docker/f00\n", DOCKER, &["/sys/fs/cgroup/memory"]),
            ("no memory controller", "1:cpu:/job\n0::/\n", CPU, &[]),
            ("not readable", "", "", &[]),
        ];
        for (name, cgroup, mountinfo, expected) in table {
            assert_eq!(folders(cgroup, mountinfo), expected, "{name}");
        }
    }

    fn group(layout: Layout, files: &[(&str, &str)]) -> (tempfile::TempDir, MemoryGroup) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let group = MemoryGroup { folder: folder.path().to_owned(), layout };
        (folder, group)
    }

    #[test]
    fn the_tightest_limit_counts_and_idle_cache_does_not() {
        let stat = ("memory.stat", "anon 10\ninactive_file 30\ntotal_inactive_file 50\n");
        let v2 = |max, high| [("memory.max", max), ("memory.high", high), ("memory.current", "100\n"), stat];
        let v1 = |limit| [("memory.limit_in_bytes", limit), ("memory.usage_in_bytes", "100\n"), stat];
        let left = |layout, files: &[(&str, &str)]| {
            let (folder, group) = group(layout, files);
            group.bound().map(|bound| {
                let file = bound.file.strip_prefix(folder.path()).unwrap().display().to_string();
                (bound.limit, bound.available, file)
            })
        };
        let file = |name: &str| name.to_owned();
        assert_eq!(left(Layout::V2, &v2("1000\n", "max\n")), Some((1000, 930, file("memory.max"))));
        assert_eq!(left(Layout::V2, &v2("1000\n", "800\n")), Some((800, 730, file("memory.high"))));
        assert_eq!(left(Layout::V2, &v2("40\n", "max\n")), Some((40, 0, file("memory.max"))));
        assert_eq!(left(Layout::V2, &v2("max\n", "max\n")), None);
        assert_eq!(left(Layout::V1, &v1("1000\n")), Some((1000, 950, file("memory.limit_in_bytes"))));
        assert_eq!(left(Layout::V1, &v1("9223372036854771712\n")), None);
        assert_eq!(left(Layout::V2, &[]), None);
    }

    #[test]
    fn kills_are_counted() {
        let (_v2, events) = group(Layout::V2, &[("memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0\n")]);
        assert_eq!(events.oom_kills(), Some(2));
        let (_v1, control) =
            group(Layout::V1, &[("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n")]);
        assert_eq!(control.oom_kills(), Some(7));
        assert_eq!(group(Layout::V2, &[]).1.oom_kills(), None);
    }

    #[test]
    fn the_innermost_mount_names_the_file_system() {
        let mountinfo = "1 0 8:1 / / rw - ext4 /dev/vda rw\n\
                         2 1 0:5 / /lab\\040here rw shared:1 - tmpfs none rw,size=2m\n\
                         3 1 0:6 / /lab rw - overlay overlay rw,lowerdir=/a\n";
        let kind = |path| file_system(Path::new(path), mountinfo);
        assert_eq!(kind("/lab here/run").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/lab/run").as_deref(), Some("overlay"));
        assert_eq!(kind("/labels").as_deref(), Some("ext4"));
        assert_eq!(file_system(Path::new("/x"), ""), None);
    }
}
