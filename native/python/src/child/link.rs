//! The connection with the editor: who reads from it and who writes to it.
//!
//! Threads: the link's own native thread reads, writes and watches the life line; it never takes the GIL, so the editor
//! gets answers, and its death is noticed, whatever Python does. It need not be woken for most calls, because waking a
//! thread takes longer than they do: a worker that looks out for its next job reads the socket itself meanwhile, and
//! who has an answer sends it, unless others will have more in a moment. Must not know what a frame means.

use std::fs::File;
use std::io::{ErrorKind, Read, Result};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, TryLockError};
use std::thread;
use std::time::Duration;

use symphony_core::lane::LOOK_OUT;
use symphony_core::sync::spin_for;

use super::incoming::Incoming;
use super::leave;
use super::outgoing::Outgoing;
use super::readiness::{Bell, Interest, Readiness};
use crate::dispatch::{self, Lookout};
use crate::job::lock;

/// How long answers wait for others while jobs follow jobs.
const BATCH: Duration = Duration::from_micros(50);
const CLOSED: &str = "the editor closed the connection";

/// Both directions of the socket. Lives as long as the process.
pub struct Link {
    /// To read from, and to write to: the same socket, waited for apart.
    from: UnixStream,
    to: UnixStream,
    lifeline: File,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
    /// Calls the link's thread: output waits that nobody sends, or the socket is lost.
    bell: Bell,
    ready: Readiness,
}

impl Link {
    pub fn new(socket: UnixStream, lifeline: File) -> Result<Self> {
        socket.set_nonblocking(true)?;
        let link = Self {
            to: socket.try_clone()?,
            from: socket,
            lifeline,
            incoming: Mutex::new(Incoming::new()),
            outgoing: Mutex::default(),
            bell: Bell::new()?,
            ready: Readiness::new()?,
        };
        link.ready.add(&link.from, Interest::Read)?;
        link.ready.add(&link.to, Interest::Nothing)?;
        link.ready.add(&link.lifeline, Interest::Read)?;
        link.ready.add(&link.bell, Interest::Read)?;
        Ok(link)
    }

    /// Output waits. Never waits itself: the caller may hold the GIL.
    pub fn send_soon(&self) {
        // Who is at work has answers for the jobs that wait, too: they leave together.
        let sent = !dispatch::has_waiting() && self.send_now();
        if !sent {
            self.bell.ring();
        }
    }

    /// The body of the link's thread.
    pub fn serve(&self) -> ! {
        loop {
            let ready = self.ready.wait();
            if ready == Some(self.lifeline.as_raw_fd()) {
                self.watch();
            }
            if ready == Some(self.bell.as_raw_fd()) {
                self.gather();
            }
            self.send();
            if ready != Some(self.to.as_raw_fd()) {
                let read = lock(&self.incoming).read(&self.from);
                read.unwrap_or_else(|lost| leave(&lost));
            }
        }
    }

    /// The bell was rung. While jobs follow jobs, some more answers are there in a moment; sending each alone takes
    /// both sides longer than the call.
    fn gather(&self) {
        self.bell.quiet();
        if dispatch::has_waiting() {
            thread::sleep(BATCH);
        }
    }

    /// Whether everything was sent, by this thread.
    fn send_now(&self) -> bool {
        let Some(mut outgoing) = unless_taken(&self.outgoing) else {
            return false;
        };
        // The link's thread meets the same error, and may wait for the end.
        outgoing.send(&self.to).unwrap_or(false)
    }

    fn send(&self) {
        let sent = lock(&self.outgoing).send(&self.to);
        let rest = match sent {
            Ok(true) => Interest::Nothing,
            Ok(false) => Interest::Write,
            Err(_) => leave(CLOSED),
        };
        self.wait_for(&self.to, rest);
    }

    fn wait_for(&self, socket: &UnixStream, interest: Interest) {
        // Changing what is waited for takes no memory: it does not fail.
        if let Err(error) = self.ready.change(socket, interest) {
            leave(&format!("cannot wait for the editor: {error}"));
        }
    }

    /// The editor holds the other end; when it ends, however it ends, so do we.
    fn watch(&self) {
        match (&self.lifeline).read(&mut [0; 64]) {
            Ok(count) if count > 0 => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => leave("the editor has gone"),
        }
    }
}

impl Lookout for Link {
    fn look_out(&self, came: &dyn Fn() -> bool) {
        self.wait_for(&self.from, Interest::Nothing);
        spin_for(LOOK_OUT, || {
            let read = unless_taken(&self.incoming).map(|mut incoming| incoming.read(&self.from));
            if let Some(Err(_)) = read {
                self.bell.ring();
            }
            came()
        });
        // What has come meanwhile, or comes while the job runs, is the link's thread's again.
        self.wait_for(&self.from, Interest::Read);
    }
}

fn unless_taken<T>(mutex: &Mutex<T>) -> Option<std::sync::MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
