//! The sessions of this process: one per JavaScript environment, and which of them a thread means.
//!
//! Threads: a JavaScript thread means its own, a job the one that asked for it, every other thread the
//! process's: the main environment's, or the oldest of the others. Must not know frames.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::Mutex;

use symphony_core::outbox::Outbox;
use symphony_core::sync::lock;

/// One conversation with TypeScript. Leaked on purpose: what it has given out may ask for it at any age.
pub struct Session {
    number: u32,
    /// On the thread that the process began with.
    main: bool,
    closed: AtomicBool,
    pub outbox: Outbox,
}

impl Session {
    /// Counted up over the life of the process; never 0.
    #[inline]
    pub fn number(&self) -> u32 {
        self.number
    }

    pub fn is_main(&self) -> bool {
        self.main
    }

    #[inline]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

struct Open {
    sessions: Vec<&'static Session>,
    /// Those that were closed: held, so that a checker of leaks sees that they stay on purpose. Each is small.
    ended: Vec<&'static Session>,
    last: u32,
}

static OPEN: Mutex<Open> = Mutex::new(Open {
    sessions: Vec::new(),
    ended: Vec::new(),
    last: 0,
});
/// The process's session, for threads that have none.
static PRIMARY: AtomicPtr<Session> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    static CURRENT: Cell<Option<&'static Session>> = const { Cell::new(None) };
}

/// Opens a session, which is the calling thread's from now on.
pub fn open() -> &'static Session {
    let mut open = lock(&OPEN);
    open.last += 1;
    let session: &'static Session = Box::leak(Box::new(Session {
        number: open.last,
        main: is_main_thread(),
        closed: AtomicBool::new(false),
        outbox: Outbox::new(),
    }));
    open.sessions.push(session);
    choose_primary(&open);
    CURRENT.set(Some(session));
    session
}

/// Marks a session as closed; false when it was.
pub fn close(session: &'static Session) -> bool {
    let mut open = lock(&OPEN);
    open.sessions.retain(|other| other.number != session.number);
    choose_primary(&open);
    let closed = session.closed.swap(true, Ordering::AcqRel);
    if !closed {
        open.ended.push(session);
    }
    !closed
}

/// The session that the calling thread means.
#[inline]
pub fn current() -> Option<&'static Session> {
    CURRENT.get().or_else(|| {
        // SAFETY: null, or a session, which is never freed.
        unsafe { PRIMARY.load(Ordering::Acquire).as_ref() }
    })
}

/// The calling thread means `session` until the guard drops; None changes nothing.
#[inline]
pub fn enter(session: Option<&'static Session>) -> Inside {
    let before = CURRENT.get();
    if session.is_some() {
        CURRENT.set(session);
    }
    Inside { before }
}

/// As [`enter`], by number; 0 changes nothing.
pub fn enter_number(number: u32) -> Inside {
    if number == 0
        || CURRENT
            .get()
            .is_some_and(|current| current.number == number)
    {
        return enter(None);
    }
    enter(known(number))
}

/// The session of that number, open or ended: what is meant for one that has ended is for no other. None for 0.
pub fn known(number: u32) -> Option<&'static Session> {
    if number == 0 {
        return None;
    }
    let open = lock(&OPEN);
    let mut all = open.sessions.iter().chain(&open.ended);
    all.find(|session| session.number == number).copied()
}

/// The open session of that number.
pub fn find(number: u32) -> Option<&'static Session> {
    let open = lock(&OPEN);
    open.sessions
        .iter()
        .find(|session| session.number == number)
        .copied()
}

/// Reminds the readers of output that they could not take. Called about once a second.
pub fn remind() {
    let open: Vec<_> = lock(&OPEN).sessions.clone();
    for session in open {
        session.outbox.remind();
    }
}

/// Gives the thread its own session back when dropped.
pub struct Inside {
    before: Option<&'static Session>,
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

fn choose_primary(open: &Open) {
    let sessions = &open.sessions;
    let primary = sessions
        .iter()
        .find(|session| session.main)
        .or(sessions.first());
    let pointer = primary.map_or(std::ptr::null(), |session| std::ptr::from_ref(*session));
    PRIMARY.store(pointer.cast_mut(), Ordering::Release);
}

fn is_main_thread() -> bool {
    // SAFETY: both ask for numbers of the caller's own.
    unsafe { libc::gettid() == libc::getpid() }
}
