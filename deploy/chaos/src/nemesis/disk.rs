//! A small disk in memory, which can be filled.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::BoxError;

/// How big it is: enough for a run, and soon full.
const SIZE: &str = "size=256m";
/// Set in a process that may mount what nobody else sees.
const OWN_MOUNTS: &str = "CHAOS_OWN_MOUNTS";

/// A disk over a folder, for as long as this lives.
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Puts an empty one over this folder, which nobody uses yet.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn over(folder: &Path) -> Result<Self, BoxError> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "chaos"]).arg(folder).status()?;
        let disk = mount.success().then(|| Self { folder: folder.to_owned() });
        disk.ok_or_else(|| format!("no disk can be mounted over {}", folder.display()).into())
    }

    /// Fills it to the last page, as far as others leave something.
    pub fn fill(&self) {
        let Ok(mut file) = File::create(self.filler()) else { return };
        for piece in [1 << 20, 1 << 12] {
            let zeros = vec![0; piece];
            while file.write_all(&zeros).is_ok() {}
        }
    }

    /// Gives back what [`Disk::fill`] took.
    pub fn free(&self) {
        // It may not have been filled.
        let _ = std::fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Somebody may still have files open there.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}

/// Whether this process has mounts of its own, which end with it and its children, however they end.
pub fn has_own_mounts() -> bool {
    std::env::var_os(OWN_MOUNTS).is_some()
}

/// This program with the same arguments in a namespace of its own for mounts; none without the right to that.
pub fn with_own_mounts() -> Option<Command> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--"]);
        command
    };
    let mut tried = unshare();
    // What has to be possible in there.
    tried.args(["mount", "-t", "tmpfs", "-o", SIZE, "chaos", "/mnt"]);
    let is_allowed =
        tried.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    let program = std::env::current_exe().ok().filter(|_| is_allowed)?;
    let mut command = unshare();
    command.arg(program).args(std::env::args_os().skip(1)).env(OWN_MOUNTS, "true");
    Some(command)
}
