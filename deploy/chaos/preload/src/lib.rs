//! Loaded before the C library (`LD_PRELOAD`) into a process under test: tells it another time, and makes it wait for its
//! disk, as the file says that `CHAOS_PRELOAD` names. That holds two numbers of 64 bits, as this machine writes them: by
//! how many microseconds the clock is ahead, and how many it takes longer to write something through to the disk.
//!
//! Timers and [`Instant`](std::time::Instant) go by `CLOCK_MONOTONIC`, which no jump of the clock moves.
#![cfg(target_os = "linux")]

use std::ffi::{c_int, c_long};
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use libc::{
    CLOCK_REALTIME, MAP_FAILED, MAP_SHARED, O_CLOEXEC, O_RDONLY, PROT_READ, clockid_t, timespec, timeval,
};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What the file holds.
#[repr(C)]
struct Control {
    ahead: AtomicI64,
    slower: AtomicI64,
}

/// The file, as long as the process lives; none when it cannot be read.
fn control() -> Option<&'static Control> {
    static CONTROL: OnceLock<Option<&'static Control>> = OnceLock::new();
    *CONTROL.get_or_init(|| {
        // SAFETY: the names are C strings, every result is checked, and the mapping is never undone. Whoever writes the
        // file never makes it smaller.
        unsafe {
            let path = libc::getenv(c"CHAOS_PRELOAD".as_ptr());
            if path.is_null() {
                return None;
            }
            let file = libc::open(path, O_RDONLY | O_CLOEXEC);
            if file < 0 {
                return None;
            }
            let size = size_of::<Control>();
            let mapped = libc::mmap(null_mut(), size, PROT_READ, MAP_SHARED, file, 0);
            libc::close(file);
            (mapped != MAP_FAILED).then(|| &*mapped.cast::<Control>())
        }
    })
}

/// What is done with an error of a system call: the number of the error is told in `errno`.
fn told(result: c_long) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}

/// See clock_gettime(2).
///
/// # Safety
/// As of the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the arguments are the caller's.
    let result = told(unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) });
    if result == 0
        && clock == CLOCK_REALTIME
        && let Some(control) = control()
    {
        // SAFETY: the kernel has just written there.
        let time = unsafe { &mut *time };
        let micros = control.ahead.load(Ordering::Relaxed);
        let nanos = time.tv_nsec + micros.rem_euclid(MICROS_PER_SECOND) * 1000;
        time.tv_sec += micros.div_euclid(MICROS_PER_SECOND) + nanos.div_euclid(1_000_000_000);
        time.tv_nsec = nanos.rem_euclid(1_000_000_000);
    }
    result
}

/// See gettimeofday(2).
///
/// # Safety
/// As of the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut timeval, _zone: *mut libc::c_void) -> c_int {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is there, and `time` is the caller's.
    unsafe {
        let result = clock_gettime(CLOCK_REALTIME, &raw mut now);
        if result == 0 && !time.is_null() {
            time.write(timeval { tv_sec: now.tv_sec, tv_usec: now.tv_nsec / 1000 });
        }
        result
    }
}

/// See fsync(2).
#[unsafe(no_mangle)]
pub extern "C" fn fsync(file: c_int) -> c_int {
    written_through(libc::SYS_fsync, file)
}

/// See fdatasync(2).
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(file: c_int) -> c_int {
    written_through(libc::SYS_fdatasync, file)
}

fn written_through(call: c_long, file: c_int) -> c_int {
    let micros = control().map_or(0, |control| control.slower.load(Ordering::Relaxed));
    if let Ok(micros @ 1..) = u64::try_from(micros) {
        std::thread::sleep(std::time::Duration::from_micros(micros));
    }
    // SAFETY: the kernel checks whether the file is one.
    told(unsafe { libc::syscall(call, file) })
}
