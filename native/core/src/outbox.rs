//! Frames on their way out, in order, and the printed text between them.
//!
//! Threads: any thread pushes; one reader (the JavaScript thread or the socket's writer) drains. The
//! waker is called when the box turns from empty to waiting, outside the lock, unless the reader
//! watches the box by itself. Must not know what a frame means, nor Python.

use std::sync::Arc;

use crate::frame::{self, kind, Header, TooLarge};
use crate::pack::PackBuf;
use crate::sync::{lock, Mutex};

/// Text is put into frames of at most this many bytes.
const TEXT_FRAME: usize = 256 * 1024;
/// Memory of delivered output up to this size is used again.
const KEPT: usize = 1024 * 1024;

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
    /// The reader looks by itself, until it drains for the last time.
    watched: bool,
    spare: Vec<u8>,
    closed: bool,
}

impl Outbox {
    /// An outbox that nobody reads yet.
    #[cfg(not(loom))]
    #[expect(
        clippy::new_without_default,
        reason = "an outbox is a static: it is made in constants, where Default cannot be"
    )]
    pub const fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting::new()),
        }
    }

    /// As above: the locks of the models are no constants.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting::new()),
        }
    }

    /// Who is told that output waits. Called at once if it already does.
    pub fn connect(&self, waker: Waker) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = false;
        waiting.waker = Some(waker.clone());
        waiting.watched = false;
        waiting.woken = waiting.has_output();
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

    /// Queues a frame. Ignored after [`Outbox::close`]: nobody reads it any more.
    pub fn push(&self, header: &Header, pack: &PackBuf) -> Result<(), TooLarge> {
        self.append(|waiting| {
            waiting.flush_text(true);
            frame::write_frame(&mut waiting.frames, header, pack)
        })
        .unwrap_or(Ok(()))
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

    /// Takes all waiting output. Empty when there is none. After a drain that is `watched`, the reader comes again
    /// without being woken.
    pub fn drain(&self, watched: bool) -> Vec<u8> {
        let mut waiting = lock(&self.waiting);
        waiting.woken = false;
        waiting.watched = watched;
        waiting.flush_text(false);
        let spare = std::mem::take(&mut waiting.spare);
        std::mem::replace(&mut waiting.frames, spare)
    }

    /// Takes memory back whose output was delivered.
    pub fn recycle(&self, mut delivered: Vec<u8>) {
        if delivered.capacity() <= KEPT {
            delivered.clear();
            let mut waiting = lock(&self.waiting);
            if !waiting.closed {
                waiting.spare = delivered;
            }
        }
    }

    /// Takes back output that could not be delivered, in front of what came since.
    pub fn put_back(&self, mut undelivered: Vec<u8>) {
        let mut waiting = lock(&self.waiting);
        undelivered.append(&mut waiting.frames);
        waiting.frames = undelivered;
    }

    /// Wakes the reader if output waits that it was not told of.
    pub fn remind(&self) {
        let mut waiting = lock(&self.waiting);
        let waker = waiting.has_output().then(|| waiting.due_waker()).flatten();
        drop(waiting);
        if let Some(wake) = waker {
            wake();
        }
    }

    /// Refuses further output; what waits can still be drained.
    pub fn close(&self) {
        lock(&self.waiting).closed = true;
    }

    /// As [`Outbox::close`], and nobody drains any more: what waits is dropped, with all memory.
    pub fn forget(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = true;
        let waker = waiting.waker.take();
        waiting.frames = Vec::new();
        waiting.text = Vec::new();
        waiting.spare = Vec::new();
        drop(waiting);
        // May be the last owner of anything: not under the lock.
        drop(waker);
    }

    fn append<T>(&self, add: impl FnOnce(&mut Waiting) -> T) -> Option<T> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return None;
        }
        let added = add(&mut waiting);
        let waker = waiting.due_waker();
        drop(waiting);
        if let Some(wake) = waker {
            wake();
        }
        Some(added)
    }
}

impl Waiting {
    const fn new() -> Self {
        Self {
            frames: Vec::new(),
            text: Vec::new(),
            stream: "",
            waker: None,
            woken: false,
            watched: false,
            spare: Vec::new(),
            closed: false,
        }
    }

    fn has_output(&self) -> bool {
        !self.frames.is_empty() || !self.text.is_empty()
    }

    /// The waker, if the reader has to be told; notes that it is.
    fn due_waker(&mut self) -> Option<Waker> {
        if self.woken || self.watched {
            return None;
        }
        let waker = self.waker.clone();
        self.woken = waker.is_some();
        waker
    }

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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn outbox() -> (Outbox, Arc<AtomicUsize>) {
        let outbox = Outbox::new();
        let woken = Arc::new(AtomicUsize::new(0));
        let count = woken.clone();
        outbox.connect(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        (outbox, woken)
    }

    fn push(outbox: &Outbox, id: u32) {
        let header = Header {
            kind: kind::RESULT,
            id,
            ..Header::default()
        };
        outbox.push(&header, &PackBuf::new()).unwrap();
    }

    fn ids(bytes: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let read = frame::read_frame(rest).unwrap();
            ids.push(read.header.id);
            rest = &rest[read.length..];
        }
        ids
    }

    #[test]
    fn the_reader_is_woken_once_until_it_drains() {
        let (outbox, woken) = outbox();
        push(&outbox, 1);
        push(&outbox, 2);
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert_eq!(ids(&outbox.drain(false)), [1, 2]);
        push(&outbox, 3);
        assert_eq!(woken.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn an_outbox_that_is_forgotten_keeps_neither_output_nor_waker() {
        let (outbox, woken) = outbox();
        push(&outbox, 1);
        outbox.push_text("stdout", b"text");
        outbox.forget();
        push(&outbox, 2);
        assert!(outbox.drain(false).is_empty());
        assert!(!outbox.is_connected());
        assert_eq!(Arc::strong_count(&woken), 1);
    }

    #[test]
    fn a_reader_that_looks_by_itself_is_not_woken() {
        let (outbox, woken) = outbox();
        assert!(outbox.drain(true).is_empty());
        push(&outbox, 1);
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        assert_eq!(ids(&outbox.drain(true)), [1]);
        assert!(outbox.drain(false).is_empty());
        push(&outbox, 2);
        assert_eq!(woken.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn output_that_found_no_memory_comes_first_and_is_told_again() {
        let (outbox, woken) = outbox();
        push(&outbox, 1);
        let refused = outbox.drain(false);
        push(&outbox, 2);
        outbox.put_back(refused);
        outbox.remind();
        assert_eq!(woken.load(Ordering::Relaxed), 2);
        assert_eq!(ids(&outbox.drain(false)), [1, 2]);

        push(&outbox, 3);
        let refused = outbox.drain(false);
        outbox.put_back(refused);
        outbox.remind();
        assert_eq!(woken.load(Ordering::Relaxed), 4);
        outbox.remind();
        assert_eq!(woken.load(Ordering::Relaxed), 4);
        assert_eq!(ids(&outbox.drain(false)), [3]);
        outbox.remind();
        assert_eq!(woken.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn delivered_memory_is_used_again_unless_it_is_large() {
        let (outbox, _woken) = outbox();
        let mut delivered = Vec::with_capacity(KEPT);
        delivered.push(1);
        let address = delivered.as_ptr();
        outbox.recycle(delivered);
        drop(outbox.drain(false));
        push(&outbox, 1);
        let drained = outbox.drain(false);
        assert_eq!(drained.as_ptr(), address);
        assert_eq!(ids(&drained), [1]);
        outbox.recycle(Vec::with_capacity(KEPT + 1));
        assert_eq!(outbox.drain(false).capacity(), 0);
    }
}
