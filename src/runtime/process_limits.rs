//! spec/runtime/process_limits.md · 4.1 Design Goals
//!
//! What the system lets this process have: tasks, descriptors, memory. Where nothing is known,
//! nothing is limited.

use rustix::process::{Resource, getrlimit, getuid};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder in which the system shows control groups.
const CGROUPS: &str = "/sys/fs/cgroup";
/// Limits of memory from here on are none: version 1 of control groups has no other word for it.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// How much of something a process may have, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Tasks or descriptors beside those in use, or bytes in all.
    pub amount: u64,
    /// The limit's name and value, and where it is set, for an administrator.
    pub set_by: String,
}

/// What a process may have. `None`: no limit is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Tasks, which are threads and processes, beside those that there are.
    pub tasks: Option<Allowance>,
    /// Descriptors beside those that are open.
    pub descriptors: Option<Allowance>,
    /// Bytes of memory, those in use among them.
    pub memory: Option<Allowance>,
}

impl ProcessLimits {
    /// The limits of this process now.
    pub fn read() -> ProcessLimits {
        let groups = Cgroups::of_this_process();
        let machine = rustix::system::sysinfo();
        let memory = (machine.totalram as u64).saturating_mul(u64::from(machine.mem_unit));
        ProcessLimits {
            tasks: least([groups.tasks(), user_tasks()]),
            descriptors: descriptors(),
            memory: least([
                groups.memory(),
                Some(Allowance {
                    amount: memory,
                    set_by: format!("the machine has {} MiB of memory", memory >> 20),
                }),
            ]),
        }
    }

    /// These, and the task and the descriptor that each of so many clients has already.
    pub fn and_clients(mut self, clients: usize) -> ProcessLimits {
        let clients = u64::try_from(clients).unwrap_or(u64::MAX);
        for known in [&mut self.tasks, &mut self.descriptors]
            .into_iter()
            .flatten()
        {
            known.amount = known.amount.saturating_add(clients);
        }
        self
    }
}

/// The least of several allowances.
fn least(of: impl IntoIterator<Item = Option<Allowance>>) -> Option<Allowance> {
    of.into_iter().flatten().min_by_key(|known| known.amount)
}

/// Descriptors that this process may still open.
fn descriptors() -> Option<Allowance> {
    let limit = getrlimit(Resource::Nofile).current?;
    let open = fs::read_dir("/proc/self/fd").map_or(0, |found| found.count() as u64);
    Some(Allowance {
        amount: limit.saturating_sub(open),
        set_by: format!("the limit of descriptors is {limit}; systemd: LimitNOFILE"),
    })
}

/// Tasks that this process's user may still start. The system does not limit those of root.
fn user_tasks() -> Option<Allowance> {
    let user = getuid();
    if user.is_root() {
        return None;
    }
    let limit = getrlimit(Resource::Nproc).current?;
    let used = tasks_of(user.as_raw());
    Some(Allowance {
        amount: limit.saturating_sub(used),
        set_by: format!(
            "the limit of this user's tasks is {limit}; ulimit -u, systemd: LimitNPROC"
        ),
    })
}

/// The tasks of all processes of a user, as far as they can be seen.
fn tasks_of(user: u32) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| name.parse::<u32>().is_ok())
        })
        .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok())
        .filter_map(|status| threads_of(&status, user))
        .sum()
}

/// The threads of a process with this `/proc/PID/status`, if it is the user's.
fn threads_of(status: &str, user: u32) -> Option<u64> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    (field("Uid:")? == u64::from(user)).then(|| field("Threads:"))?
}

/// The control groups of a process: its own and those around it, of both versions.
#[derive(Debug)]
struct Cgroups {
    root: PathBuf,
    /// The lines of `/proc/PID/cgroup`: number, controllers, path, between colons.
    lines: String,
}

impl Cgroups {
    fn of_this_process() -> Cgroups {
        Cgroups {
            root: PathBuf::from(CGROUPS),
            lines: fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
        }
    }

    /// Tasks that may still be started in the group that has least room for them.
    fn tasks(&self) -> Option<Allowance> {
        let room = |folder: &Path, name: &str| {
            let most = number(&folder.join("pids.max"))?;
            let used = number(&folder.join("pids.current")).unwrap_or(0);
            Some(Allowance {
                amount: most.saturating_sub(used),
                set_by: format!("pids.max of {name} is {most}; systemd: TasksMax"),
            })
        };
        least(self.each("pids", room))
    }

    /// The least limit of memory.
    fn memory(&self) -> Option<Allowance> {
        let files = [
            ("memory.max", "MemoryMax"),
            ("memory.high", "MemoryHigh"),
            ("memory.limit_in_bytes", "MemoryMax"),
        ];
        let limit = |folder: &Path, name: &str| {
            least(files.map(|(file, setting)| {
                let bytes = number(&folder.join(file)).filter(|most| *most < UNLIMITED_BYTES)?;
                let set_by = format!(
                    "{file} of {name} is {} MiB; systemd: {setting}",
                    bytes >> 20
                );
                let amount = bytes;
                Some(Allowance { amount, set_by })
            }))
        };
        least(self.each("memory", limit))
    }

    /// What `look` finds in each group that has this controller, from the process's own to the
    /// outermost. It gets the group's folder and name.
    fn each(
        &self,
        controller: &str,
        look: impl Fn(&Path, &str) -> Option<Allowance>,
    ) -> Vec<Option<Allowance>> {
        let mut found = Vec::new();
        for line in self.lines.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            // Version 2 has all controllers in one tree, which stands beside version 1's or alone.
            let trees = if controllers.is_empty() {
                vec![self.root.clone(), self.root.join("unified")]
            } else if controllers.split(',').any(|has| has == controller) {
                vec![self.root.join(controllers), self.root.join(controller)]
            } else {
                continue;
            };
            let path = Path::new(path.trim_start_matches('/'));
            for tree in trees {
                // In a container the path may be that outside, of which only the root is seen.
                for group in path.ancestors() {
                    found.push(look(&tree.join(group), &format!("/{}", group.display())));
                }
            }
        }
        found
    }
}

/// The number in a file of a control group. `None` where it is `max`, or there is no such file.
fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn groups(root: &Path, lines: &str) -> Cgroups {
        Cgroups {
            root: root.to_owned(),
            lines: lines.to_owned(),
        }
    }

    #[test]
    fn the_tightest_group_around_the_process_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "system.slice/eu1.service/pids.max", "1138\n");
        write(root, "system.slice/eu1.service/pids.current", "38\n");
        write(root, "system.slice/pids.max", "max\n");
        write(root, "system.slice/pids.current", "900\n");
        write(root, "system.slice/eu1.service/memory.max", "max\n");
        write(root, "system.slice/eu1.service/memory.high", "536870912\n");
        write(root, "system.slice/memory.max", "1073741824\n");
        let groups = groups(root, "0::/system.slice/eu1.service\n");
        let tasks = groups.tasks().unwrap();
        assert_eq!(tasks.amount, 1_100);
        assert_eq!(
            tasks.set_by,
            "pids.max of /system.slice/eu1.service is 1138; systemd: TasksMax"
        );
        let memory = groups.memory().unwrap();
        assert_eq!(memory.amount, 512 << 20);
        assert!(memory.set_by.contains("MemoryHigh"), "{}", memory.set_by);
        write(root, "system.slice/pids.max", "910\n");
        let tasks = groups.tasks().unwrap();
        assert_eq!(
            (tasks.amount, tasks.set_by.contains("/system.slice is 910")),
            (10, true)
        );
    }

    #[test]
    fn version_1_has_a_tree_for_each_controller() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "pids/a/b/pids.max", "150\n");
        write(root, "pids/a/b/pids.current", "1\n");
        write(
            root,
            "memory/a/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        let groups = groups(root, "9:pids:/a/b\n8:cpu,cpuacct:/\n7:memory:/a\n0::/a\n");
        assert_eq!(groups.tasks().unwrap().amount, 149);
        assert_eq!(groups.memory(), None, "the largest number is no limit");
    }

    #[test]
    fn where_nothing_is_known_nothing_is_limited() {
        let folder = tempfile::tempdir().unwrap();
        for lines in ["", "0::/\n", "nonsense\n3:pids\n", "0::/../../etc\n"] {
            let groups = groups(folder.path(), lines);
            assert_eq!((groups.tasks(), groups.memory()), (None, None), "{lines:?}");
        }
    }

    #[test]
    fn a_container_that_sees_only_its_root_has_that_limit() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "pids/pids.max", "64\n");
        let groups = groups(folder.path(), "4:pids:/docker/0123abcd\n");
        assert_eq!(groups.tasks().unwrap().amount, 64);
    }

    #[test]
    fn threads_of_other_users_do_not_count() {
        let status = "Name:\tgpg-agent\nUid:\t990\t990\t990\t990\nThreads:\t3\n";
        assert_eq!(threads_of(status, 990), Some(3));
        assert_eq!(threads_of(status, 991), None);
        assert_eq!(threads_of("", 0), None);
        let own = tasks_of(getuid().as_raw());
        assert!(own >= 1, "{own}");
    }

    #[test]
    fn this_process_has_descriptors_and_memory() {
        let limits = ProcessLimits::read();
        assert!(limits.memory.unwrap().amount > 1 << 24);
        assert!(limits.descriptors.is_none_or(|left| left.amount > 0));
    }
}
