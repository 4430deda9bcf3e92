//! The socket's stream, cut into whole frames for the session.
//!
//! Threads: any, one at a time (its owner locks); never takes the GIL, and waits, for some milliseconds at most, only
//! for the memory of a long frame. Must not know what a frame means.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;

use symphony_core::chunk::Chunk;
use symphony_core::frame;
use symphony_core::huge_pages;
use symphony_core::pack::Malformed;

use crate::room::Room;
use crate::session;

/// How much is read at once; longer frames go straight to where they stay.
const READ: usize = 256 * 1024;
/// A segment from this length on gets Python's own memory: to ask for that takes longer than to copy a short one.
const APART: usize = 4 << 20;

/// Why nothing more can be read.
pub type Lost = String;

/// The receiving side.
pub struct Incoming {
    buffer: Box<[u8]>,
    /// The front of a frame whose rest has not come yet.
    begun: Vec<u8>,
    long: Option<Long>,
    /// Padding behind a segment that was received apart: it is nothing, and still to come.
    padding: usize,
    lost: Option<Lost>,
}

impl Incoming {
    pub fn new() -> Self {
        Self {
            buffer: vec![0; READ].into_boxed_slice(),
            begun: Vec::new(),
            long: None,
            padding: 0,
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
            Some(long) => long.rest(),
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
            if long.rest().is_empty() {
                return self.submit_long(long);
            }
            self.long = Some(long);
            return Ok(());
        }
        let padding = self.padding.min(count);
        self.padding -= padding;
        let read = &self.buffer[padding..count];
        let mut begun = std::mem::take(&mut self.begun);
        let bytes = if begun.is_empty() {
            read
        } else {
            begun.extend_from_slice(read);
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

    fn submit_long(&mut self, long: Long) -> Result<(), Malformed> {
        match long.place {
            Place::Whole(chunk) => session::submit(chunk),
            Place::Apart(front, segment) => {
                let end = front.bytes().len() + segment.bytes().len();
                self.padding = end.next_multiple_of(8) - end;
                session::submit_apart(front, segment)
            }
        }
    }
}

/// A long frame that is being received.
struct Long {
    place: Place,
    /// Bytes of what is filled: of the whole, or of the segment.
    filled: usize,
}

enum Place {
    Whole(Chunk),
    /// A frame's front, and Python's own memory for its only segment: so the bytes are copied once less.
    Apart(Chunk, Room),
}

impl Long {
    fn begin(begun: &[u8], length: usize) -> Self {
        if let Some((front, segment, mut room)) = apart(begun) {
            // While the editor copies what it will send.
            let memory = room.bytes_mut();
            huge_pages::map_now(memory.as_mut_ptr(), memory.len());
            memory[..segment.len()].copy_from_slice(segment);
            return Self {
                place: Place::Apart(Chunk::copy(front), room),
                filled: segment.len(),
            };
        }
        let mut chunk = Chunk::with_length(length);
        chunk.bytes_mut()[..begun.len()].copy_from_slice(begun);
        Self {
            place: Place::Whole(chunk),
            filled: begun.len(),
        }
    }

    fn rest(&mut self) -> &mut [u8] {
        let all = match &mut self.place {
            Place::Whole(chunk) => chunk.bytes_mut(),
            Place::Apart(_, room) => room.bytes_mut(),
        };
        &mut all[self.filled..]
    }
}

/// The front of a frame with a single long segment, what is there of the segment, and room for it. Less than the whole
/// of the segment must have come.
fn apart(begun: &[u8]) -> Option<(&[u8], &[u8], Room)> {
    let at = frame::only_segment(begun)?;
    if at.len() < APART || begun.len() >= at.end {
        return None;
    }
    let (front, segment) = begun.split_at(at.start);
    Some((front, segment, Room::ask(at.len())?))
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
