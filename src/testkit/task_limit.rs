//! spec/testkit.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! A limit on the tasks of a daemon and what it starts, as systemd's `TasksMax` sets it. It needs
//! the right to make control groups; tests without it skip such limits, with a message.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the controller of tasks has its groups: version 1, then version 2.
const TREES: [&str; 2] = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];

/// A control group of its own with a limit on tasks. Dropping it removes it once it is empty.
#[derive(Debug)]
pub struct TaskLimit {
    folder: PathBuf,
}

impl TaskLimit {
    /// Makes a group with this name in which there may be `most` tasks; `None` where that is not
    /// allowed.
    pub fn new(name: &str, most: u64) -> Option<TaskLimit> {
        let name = format!("papertrader-{name}-{}", std::process::id());
        TREES.iter().find_map(|tree| {
            let folder = Path::new(tree).join(&name);
            fs::create_dir(&folder).ok()?;
            let limit = TaskLimit { folder };
            limit.try_set(most).then_some(limit)
        })
    }

    /// Changes the limit. Tasks beyond it stay.
    pub fn set(&self, most: u64) {
        assert!(self.try_set(most), "{}", self.folder.display());
    }

    fn try_set(&self, most: u64) -> bool {
        // The file is there where the group has the controller.
        let file = self.folder.join("pids.max");
        file.exists() && fs::write(file, most.to_string()).is_ok()
    }

    /// Tasks that there are.
    pub fn used(&self) -> u64 {
        let text = fs::read_to_string(self.folder.join("pids.current")).unwrap();
        text.trim().parse().unwrap()
    }

    /// What runs a program in the group: a shell, which the program takes the place of.
    pub fn prefix(&self) -> Vec<String> {
        let enter = format!(
            "echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"",
            self.folder.display()
        );
        ["sh", "-c", &enter].map(str::to_owned).to_vec()
    }
}

impl Drop for TaskLimit {
    fn drop(&mut self) {
        // A group whose last process is still ending stays; nothing else uses its name.
        let _ = fs::remove_dir(&self.folder);
    }
}
