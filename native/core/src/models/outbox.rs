//! The outbox: no frame lost, doubled or overtaken, no reader that sleeps while output waits.

use std::sync::Arc;

use loom::thread;

use super::try_orders;
use crate::frame::{self, kind, Header};
use crate::outbox::Outbox;
use crate::pack::PackBuf;
use crate::sync::{lock, Condvar, Mutex};

/// What the reader sleeps on: the JavaScript thread's event loop, or the socket's writer.
struct Bell {
    rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            rung: Mutex::new(false),
            rings: Condvar::new(),
        })
    }

    fn connect(self: &Arc<Self>, outbox: &Outbox) {
        let bell = self.clone();
        outbox.connect(Arc::new(move || {
            *lock(&bell.rung) = true;
            bell.rings.notify_one();
        }));
    }

    fn wait(&self) {
        let mut rung = lock(&self.rung);
        while !*rung {
            rung = self.rings.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// One thread per list of ids, which pushes them in order; `read` is the reader, and gives what it got.
fn model(
    senders: &'static [&'static [u32]],
    read: impl Fn(&Outbox, &Bell) -> Vec<u32> + Sync + Send + 'static,
) {
    try_orders(3, move || {
        let outbox = Arc::new(Outbox::new());
        let bell = Bell::new();
        let threads: Vec<_> = senders
            .iter()
            .map(|ids| {
                let outbox = outbox.clone();
                thread::spawn(move || ids.iter().for_each(|id| push(&outbox, *id)))
            })
            .collect();
        // Those who push need not wait for the reader to come.
        bell.connect(&outbox);
        let came = read(&outbox, &bell);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(outbox.drain(false).is_empty(), "a frame was doubled");
        for ids in senders {
            let own: Vec<u32> = came.iter().copied().filter(|id| ids.contains(id)).collect();
            assert_eq!(own, *ids);
        }
    });
}

fn push(outbox: &Outbox, id: u32) {
    let header = Header {
        kind: kind::RESULT,
        id,
        ..Header::default()
    };
    outbox.push(&header, &PackBuf::new()).unwrap();
}

fn ids(mut bytes: &[u8]) -> Vec<u32> {
    let mut ids = Vec::new();
    while !bytes.is_empty() {
        let read = frame::read_frame(bytes).unwrap();
        ids.push(read.header.id);
        bytes = &bytes[read.length..];
    }
    ids
}

/// Sleeps, drains, and so on until all has come; `drain` is the part that models differ in.
fn read_until(
    count: usize,
    outbox: &Outbox,
    bell: &Bell,
    drain: impl Fn(&Outbox) -> Vec<u8>,
) -> Vec<u32> {
    let mut came = Vec::new();
    while came.len() < count {
        bell.wait();
        let frames = drain(outbox);
        came.extend(ids(&frames));
        outbox.recycle(frames);
    }
    came
}

#[test]
fn a_sleeping_reader_gets_every_frame() {
    model(&[&[1, 2], &[11]], |outbox, bell| {
        read_until(3, outbox, bell, |outbox| outbox.drain(false))
    });
}

#[test]
fn a_reader_that_watches_gets_every_frame() {
    model(&[&[1, 2], &[11]], |outbox, bell| {
        read_until(3, outbox, bell, |outbox| {
            let mut frames = outbox.drain(true);
            frames.append(&mut outbox.drain(false));
            frames
        })
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_a_reader_that_sleeps_while_it_says_it_watches() {
    model(&[&[1, 2], &[11]], |outbox, bell| {
        read_until(3, outbox, bell, |outbox| outbox.drain(true))
    });
}

#[test]
fn what_could_not_be_delivered_comes_first_and_is_told_again() {
    model(&[&[1, 2]], |outbox, bell| {
        bell.wait();
        outbox.put_back(outbox.drain(false));
        outbox.remind();
        read_until(2, outbox, bell, |outbox| outbox.drain(false))
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_what_could_not_be_delivered_is_not_told_again() {
    model(&[&[1]], |outbox, bell| {
        bell.wait();
        outbox.put_back(outbox.drain(false));
        read_until(1, outbox, bell, |outbox| outbox.drain(false))
    });
}

#[test]
fn what_is_pushed_while_the_box_closes_comes_or_is_refused() {
    try_orders(3, || {
        let outbox = Arc::new(Outbox::new());
        let bell = Bell::new();
        bell.connect(&outbox);
        let sender = outbox.clone();
        let sends = thread::spawn(move || [1, 2].into_iter().for_each(|id| push(&sender, id)));
        outbox.close();
        let mut came = ids(&outbox.drain(false));
        sends.join().unwrap();
        came.extend(ids(&outbox.drain(false)));
        assert!([1, 2].starts_with(&came), "{came:?}");
        assert!(!outbox.is_connected());
    });
}
