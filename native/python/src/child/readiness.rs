//! Waiting for several descriptors at once, and a bell that ends the wait.
//!
//! Threads: one waits, any other changes what is waited for. Must not know what the descriptors carry.

use std::io::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// What to be told of.
#[derive(Clone, Copy)]
pub enum Interest {
    Nothing,
    Read,
    Write,
}

/// Descriptors that a thread waits for. They must live as long.
pub struct Readiness(OwnedFd);

impl Readiness {
    pub fn new() -> Result<Self> {
        // SAFETY: needs nothing; the descriptor is nobody else's.
        unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }.map(Self)
    }

    pub fn add(&self, of: &impl AsRawFd, interest: Interest) -> Result<()> {
        self.control(libc::EPOLL_CTL_ADD, of, interest)
    }

    /// Also ends a wait that is under way, if there is something to tell.
    pub fn change(&self, of: &impl AsRawFd, interest: Interest) -> Result<()> {
        self.control(libc::EPOLL_CTL_MOD, of, interest)
    }

    /// Waits until one of them is ready, or has lost its other end; or a signal came.
    pub fn wait(&self) -> Option<RawFd> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event, which is written.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), &mut event, 1, -1) };
        (count == 1).then_some(event.u64 as RawFd)
    }

    fn control(&self, operation: i32, of: &impl AsRawFd, interest: Interest) -> Result<()> {
        let fd = of.as_raw_fd();
        let events = match interest {
            Interest::Nothing => 0,
            Interest::Read => libc::EPOLLIN,
            Interest::Write => libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: fd as u64,
        };
        // SAFETY: two descriptors and an event that the call reads.
        match unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &mut event) } {
            0 => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }
}

/// Ready to be read from when it was rung.
pub struct Bell(OwnedFd);

impl Bell {
    pub fn new() -> Result<Self> {
        // SAFETY: needs nothing; the descriptor is nobody else's.
        unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) }.map(Self)
    }

    pub fn ring(&self) {
        // SAFETY: writes the eight bytes of a number. It fails only where the bell has rung very often already.
        unsafe { libc::write(self.0.as_raw_fd(), (&1u64 as *const u64).cast(), 8) };
    }

    pub fn quiet(&self) {
        let mut rung = 0u64;
        // SAFETY: reads the eight bytes of a number. It fails only where the bell was not rung.
        unsafe { libc::read(self.0.as_raw_fd(), (&mut rung as *mut u64).cast(), 8) };
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// # Safety
/// The descriptor, if it is one, belongs to nobody else.
unsafe fn owned(fd: RawFd) -> Result<OwnedFd> {
    if fd < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
