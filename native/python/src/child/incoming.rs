//! The socket's stream, cut into whole frames for the session.
//!
//! Threads: any, one at a time (its owner locks); never takes the GIL and never waits. Must not know what a frame means.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;

use symphony_core::frame::{self, Chunk};
use symphony_core::pack::Malformed;

use crate::session;

/// How much is read at once; longer frames go straight to where they stay.
const READ: usize = 256 * 1024;

/// Why nothing more can be read.
pub type Lost = String;

/// The receiving side.
pub struct Incoming {
    buffer: Box<[u8]>,
    /// The front of a frame whose rest has not come yet.
    begun: Vec<u8>,
    long: Option<Long>,
    lost: Option<Lost>,
}

/// A long frame that is being received.
struct Long {
    chunk: Chunk,
    filled: usize,
}

impl Incoming {
    pub fn new() -> Self {
        Self {
            buffer: vec![0; READ].into_boxed_slice(),
            begun: Vec::new(),
            long: None,
            lost: None,
        }
    }

    /// Reads once from a socket that does not block, and hands on the frames that are whole now. Once lost, lost for
    /// good.
    pub fn read(&mut self, mut socket: &UnixStream) -> Result<(), Lost> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        let room = match &mut self.long {
            Some(long) => &mut long.chunk.bytes_mut()[long.filled..],
            None => &mut self.buffer,
        };
        let taken = match socket.read(room) {
            // A signal that Python handles may arrive on any thread.
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(())
            }
            Ok(0) | Err(_) => Err("the editor closed the connection".to_owned()),
            Ok(count) => self
                .take(count)
                .map_err(|error| format!("the editor sent a malformed frame: {error}")),
        };
        self.lost = taken.as_ref().err().cloned();
        taken
    }

    /// Looks at the `count` bytes that were read last.
    fn take(&mut self, count: usize) -> Result<(), Malformed> {
        if let Some(mut long) = self.long.take() {
            long.filled += count;
            if long.filled == long.chunk.bytes().len() {
                return session::submit(long.chunk);
            }
            self.long = Some(long);
            return Ok(());
        }
        let mut begun = std::mem::take(&mut self.begun);
        let bytes = if begun.is_empty() {
            &self.buffer[..count]
        } else {
            begun.extend_from_slice(&self.buffer[..count]);
            &begun
        };
        let (whole, rest) = bytes.split_at(whole_frames(bytes)?);
        if !whole.is_empty() {
            session::submit(Chunk::copy(whole))?;
        }
        match frame::peek_length(rest)? {
            Some(length) if length > READ => self.long = Some(Long::begin(rest, length)),
            _ => self.begun = rest.to_vec(),
        }
        Ok(())
    }
}

impl Long {
    fn begin(front: &[u8], length: usize) -> Self {
        let mut chunk = Chunk::with_length(length);
        chunk.bytes_mut()[..front.len()].copy_from_slice(front);
        let filled = front.len();
        Self { chunk, filled }
    }
}

/// Length of the whole frames at the front of `bytes`.
fn whole_frames(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut whole = 0;
    while let Some(length) = frame::peek_length(&bytes[whole..])? {
        if whole + length > bytes.len() {
            break;
        }
        whole += length;
    }
    Ok(whole)
}
