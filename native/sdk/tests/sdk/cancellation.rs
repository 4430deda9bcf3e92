//! Cancellation both ways: a dropped future cancels Python.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::types::PyCFunction;
use symphony_sdk::{block, operation, sleep, PythonFunction};

use crate::support::{get, run, until, with_python};

#[test]
fn dropping_a_call_cancels_a_coroutine_and_interrupts_a_function() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    with_python(|py| {
        let names = run(
            py,
            "
            import asyncio

            async def sleeps(started, ended):
                started()
                try:
                    await asyncio.sleep(600)
                except asyncio.CancelledError:
                    ended()
                    raise

            def computes(started, ended):
                started()
                try:
                    while True:
                        pass
                except KeyboardInterrupt:
                    ended()
                    raise
            ",
        );
        for (count, name) in [(1, "sleeps"), (2, "computes")] {
            static STARTED: AtomicUsize = AtomicUsize::new(0);
            let function: PythonFunction = get(&names, name);
            let note = |counter: &'static AtomicUsize| {
                PyCFunction::new_closure(py, None, None, |_, _| {
                    counter.fetch_add(1, Ordering::SeqCst);
                })
                .unwrap()
                .unbind()
            };
            let (started, ended) = (note(&STARTED), note(&ENDED));
            let future = async move {
                let mut call = Box::pin(function.run((started, ended)));
                let first = std::future::poll_fn(|context| {
                    std::task::Poll::Ready(call.as_mut().poll(context).is_pending())
                });
                assert!(first.await, "it cannot be over yet");
                while STARTED.load(Ordering::SeqCst) < count {
                    sleep(Duration::from_millis(1)).await;
                }
                drop(call);
                Ok(())
            };
            operation!("drop").wait(py, future).unwrap();
            until(py, name, || ENDED.load(Ordering::SeqCst) == count);
        }
    });
}

#[test]
fn blocking_work_is_told_to_stop() {
    static STOPPED: AtomicUsize = AtomicUsize::new(0);
    with_python(|py| {
        let future = async {
            let mut work = Box::pin(block(|stop| {
                while !stop.is_set() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                STOPPED.fetch_add(1, Ordering::SeqCst);
            }));
            std::future::poll_fn(|context| {
                std::task::Poll::Ready(work.as_mut().poll(context).is_pending())
            })
            .await;
            Ok(())
        };
        operation!("stop").wait(py, future).unwrap();
        until(py, "the work ends", || STOPPED.load(Ordering::SeqCst) == 1);
    });
}
