//! Frames on their way out, in order, and the printed text between them.
//!
//! Threads: any thread pushes; one reader (the JavaScript thread or the socket's writer) drains. The
//! waker is called when the box turns from empty to waiting, outside the lock. Must not know what a
//! frame means, nor Python.

use std::sync::{Arc, Mutex};

use symphony_core::frame::{self, kind, Header};
use symphony_core::pack::PackBuf;

use crate::job::lock;

/// Text is put into frames of at most this many bytes.
const TEXT_FRAME: usize = 256 * 1024;

type Waker = Arc<dyn Fn() + Send + Sync>;

/// The outgoing side of a session.
pub struct Outbox {
    waiting: Mutex<Waiting>,
}

struct Waiting {
    frames: Vec<u8>,
    text: Vec<u8>,
    stream: &'static str,
    waker: Option<Waker>,
    /// The waker has been called and nothing was drained since.
    woken: bool,
    closed: bool,
}

impl Outbox {
    pub const fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                frames: Vec::new(),
                text: Vec::new(),
                stream: "",
                waker: None,
                woken: false,
                closed: false,
            }),
        }
    }

    /// Who is told that output waits. Called at once if it already does.
    pub fn connect(&self, waker: Waker) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = false;
        waiting.waker = Some(waker.clone());
        waiting.woken = !waiting.frames.is_empty() || !waiting.text.is_empty();
        let has_output = waiting.woken;
        drop(waiting);
        if has_output {
            waker();
        }
    }

    /// Whether somebody reads what is pushed.
    pub fn is_connected(&self) -> bool {
        let waiting = lock(&self.waiting);
        waiting.waker.is_some() && !waiting.closed
    }

    /// Queues a whole frame. Ignored after [`Outbox::close`]: nobody reads it any more.
    pub fn push(&self, frame: &[u8]) {
        self.append(|waiting| {
            waiting.flush_text(true);
            waiting.frames.extend_from_slice(frame);
        });
    }

    /// Queues printed bytes; a UTF-8 character may arrive in parts.
    pub fn push_text(&self, stream: &'static str, bytes: &[u8]) {
        self.append(|waiting| {
            if waiting.stream != stream {
                waiting.flush_text(true);
                waiting.stream = stream;
            }
            waiting.text.extend_from_slice(bytes);
        });
    }

    /// Takes all waiting output. Empty when there is none.
    pub fn drain(&self) -> Vec<u8> {
        let mut waiting = lock(&self.waiting);
        waiting.woken = false;
        waiting.flush_text(false);
        std::mem::take(&mut waiting.frames)
    }

    /// Refuses further output; what waits can still be drained.
    pub fn close(&self) {
        lock(&self.waiting).closed = true;
    }

    fn append(&self, add: impl FnOnce(&mut Waiting)) {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return;
        }
        add(&mut waiting);
        let waker = waiting.waker.clone().filter(|_| !waiting.woken);
        waiting.woken |= waker.is_some();
        drop(waiting);
        if let Some(wake) = waker {
            wake();
        }
    }
}

impl Waiting {
    /// Moves text into OUTPUT frames. Without `all`, an unfinished last character stays behind.
    fn flush_text(&mut self, all: bool) {
        let whole = if all {
            self.text.len()
        } else {
            whole_characters(&self.text)
        };
        let text: Vec<u8> = self.text.drain(..whole).collect();
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            let cut = if rest.len() > TEXT_FRAME {
                whole_characters(&rest[..TEXT_FRAME])
            } else {
                rest.len()
            };
            let (part, next) = rest.split_at(cut);
            let mut pack = PackBuf::new();
            pack.tuple(2);
            pack.str(self.stream);
            pack.str(&String::from_utf8_lossy(part));
            let header = Header {
                kind: kind::OUTPUT,
                ..Header::default()
            };
            // A part is far below the limit of a frame.
            let _ = frame::write_frame(&mut self.frames, &header, &pack);
            rest = next;
        }
    }
}

/// Length of `bytes` without a UTF-8 character that is cut off at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    let start = bytes.len().saturating_sub(3);
    for (offset, byte) in bytes[start..].iter().enumerate().rev() {
        let needed = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
            0x80..=0xBF => continue,
            _ => 1,
        };
        let at = start + offset;
        return if at + needed > bytes.len() {
            at
        } else {
            bytes.len()
        };
    }
    bytes.len()
}
