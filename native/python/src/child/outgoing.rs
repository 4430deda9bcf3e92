//! The session's output on its way into the socket.
//!
//! Threads: any, one at a time (its owner locks); with or without the GIL, because it never waits. Must not know what a
//! frame means.

use std::io::{ErrorKind, Result, Write};
use std::os::unix::net::UnixStream;

use crate::session;

/// The sending side.
#[derive(Default)]
pub struct Outgoing {
    frames: Vec<u8>,
    /// Bytes of `frames` that the socket has taken.
    sent: usize,
}

impl Outgoing {
    /// Sends what the socket takes now of all that waits; whether that was everything.
    pub fn send(&mut self, mut socket: &UnixStream) -> Result<bool> {
        loop {
            if self.sent == self.frames.len() && !self.refill() {
                return Ok(true);
            }
            match socket.write(&self.frames[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    fn refill(&mut self) -> bool {
        session::recycle(std::mem::take(&mut self.frames));
        self.frames = session::drain(false);
        self.sent = 0;
        !self.frames.is_empty()
    }
}
