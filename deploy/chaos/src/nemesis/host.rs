//! The clock and the disk of a machine that processes under test believe to run on (Linux; see `deploy/chaos/preload`).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use shared::testkit::dynamic_library;

use crate::BoxError;

/// What is loaded into processes, built.
///
/// # Panics
/// When it cannot be built.
pub fn preload() -> Option<PathBuf> {
    cfg!(target_os = "linux").then(|| dynamic_library("chaos-preload"))
}

/// See above. Its clock is right and its disk is fast until something else is told.
pub struct Host {
    /// What its clock is ahead by when nothing happens to it, in milliseconds.
    usually_ahead: AtomicI64,
    preload: String,
    file: String,
    told: File,
    has_disk: bool,
}

impl Host {
    /// A machine for processes that this is loaded into; `file` becomes how it is told what it is like. It has a disk if
    /// they keep something there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(preload: &Path, file: &Path, has_disk: bool) -> Result<Self, BoxError> {
        let told = File::create(file)?;
        told.set_len(16)?;
        let (preload, file) = (text(preload)?.to_owned(), text(file)?.to_owned());
        Ok(Self { usually_ahead: AtomicI64::default(), preload, file, told, has_disk })
    }

    /// What its processes have in their environment.
    pub fn environment(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", &self.preload), ("CHAOS_PRELOAD", &self.file)]
    }

    /// Whether anything is written through to its disk.
    pub fn has_disk(&self) -> bool {
        self.has_disk
    }

    /// Gives it a clock that is so many milliseconds ahead of the right time, or behind it.
    pub fn set_usually_ahead(&self, milliseconds: i64) {
        self.usually_ahead.store(milliseconds, Ordering::Relaxed);
        self.set_ahead(0);
    }

    /// Moves its clock: so many milliseconds ahead of what it usually tells, or behind that.
    pub fn set_ahead(&self, milliseconds: i64) {
        self.tell(0, (self.usually_ahead.load(Ordering::Relaxed) + milliseconds) * 1000);
    }

    /// Makes everything that is written through to its disk take longer by this.
    pub fn set_slower(&self, by: Duration) {
        self.tell(8, i64::try_from(by.as_micros()).unwrap_or(i64::MAX));
    }

    fn tell(&self, at: u64, micros: i64) {
        // A few bytes of a file that exists: a run in which they cannot be written has less to fear.
        let _ = self.told.write_all_at(&micros.to_ne_bytes(), at);
    }
}

fn text(path: &Path) -> Result<&str, BoxError> {
    path.to_str().ok_or_else(|| format!("{} is no text", path.display()).into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;
    use std::time::{Instant, SystemTime};

    use super::*;

    /// The time in seconds since 1970, as a process on this machine sees it, after it has written a file through.
    fn seen(host: &Host, folder: &Path) -> i64 {
        let mut command = Command::new("sh");
        command.args(["-c", r#"dd if=/dev/zero of="$0" bs=1 count=1 conv=fsync 2>&1 && date +%s"#]);
        let output =
            command.arg(folder.join("written")).envs(host.environment()).output().expect("there is a shell");
        let told = String::from_utf8_lossy(&output.stdout);
        told.lines().last().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{told}"))
    }

    #[test]
    fn a_process_sees_the_clock_and_the_disk_of_its_host() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::new(&preload().unwrap(), &folder.path().join("host"), true).unwrap();
        let ahead = || {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            seen(&host, folder.path()) - i64::try_from(now).unwrap()
        };
        assert!((0..60).contains(&ahead()), "the clock is right");
        host.set_ahead(7_200_000);
        assert!((7200..7260).contains(&ahead()), "ahead");
        host.set_ahead(-7_200_500);
        assert!((-7201..-7140).contains(&ahead()), "behind");
        host.set_usually_ahead(3_600_000);
        assert!((3600..3660).contains(&ahead()), "as usual");
        host.set_ahead(-7_200_500);
        assert!((-3601..-3540).contains(&ahead()), "behind what is usual");

        let slow = Duration::from_millis(300);
        host.set_slower(slow);
        let began = Instant::now();
        seen(&host, folder.path());
        assert!(began.elapsed() >= slow, "it waits for the disk");
    }
}
