//! spec/testkit.md · 3.1.2 Database Management
//!
//! A small disk of a deployment, which can be filled and made read-only. It needs the right to
//! mount; tests without it skip these faults, with a message.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mounted tmpfs. Dropping it unmounts it.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl SmallDisk {
    /// Mounts a tmpfs of `megabytes` at `folder`; `None` where that is not allowed.
    pub fn mount(folder: &Path, megabytes: u32) -> Option<SmallDisk> {
        fs::create_dir_all(folder).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                &size,
                "tmpfs",
                folder.to_str().unwrap(),
            ],
        );
        mounted.then(|| SmallDisk {
            folder: folder.to_owned(),
        })
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        self.fill_with(File::create(self.folder.join("filler")).unwrap());
    }

    /// Fills the space that has become free since.
    pub fn fill_on(&self) {
        let filler = self.folder.join("filler");
        self.fill_with(File::options().append(true).open(filler).unwrap());
    }

    /// Fills it but for so many bytes.
    pub fn fill_leaving(&self, bytes: u64) {
        self.fill();
        let filler = File::options()
            .write(true)
            .open(self.folder.join("filler"))
            .unwrap();
        let filled = filler.metadata().unwrap().len();
        filler.set_len(filled.saturating_sub(bytes)).unwrap();
    }

    fn fill_with(&self, mut filler: File) {
        let mut chunk = vec![0x5A; 1 << 20];
        while !chunk.is_empty() {
            if filler.write_all(&chunk).is_err() {
                chunk.truncate(chunk.len() / 2);
            }
        }
    }

    /// Removes the filling.
    pub fn clear(&self) {
        let _ = fs::remove_file(self.folder.join("filler"));
    }

    /// Makes it writable or read-only. No process may have a file on it open.
    pub fn set_writable(&self, writable: bool) {
        let option = if writable { "remount,rw" } else { "remount,ro" };
        assert!(
            run("mount", &["-o", option, self.folder.to_str().unwrap()]),
            "{option} failed"
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l", self.folder.to_str().unwrap()]);
    }
}
