//! Cancellation both ways: asyncio drops a future of Rust's, a dropped future cancels Python.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use symphony_sdk::{block, operation, sleep, PythonFunction};

use crate::support::{get, run, run_in, until, with_python, Counted};

const FOREVER: Duration = Duration::from_secs(600);

#[test]
fn cancelling_an_awaitable_drops_the_future_before_the_canceller_knows() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    with_python(|py| {
        let spawn = PyCFunction::new_closure(py, None, None, |args, _| {
            let future = async {
                let _counted = Counted(&DROPPED);
                sleep(FOREVER).await;
                Ok(())
            };
            operation!("forever")
                .spawn(args.py(), future)
                .map(Bound::unbind)
        });
        let dropped = PyCFunction::new_closure(py, None, None, |_, _| {
            PyResult::Ok(DROPPED.load(Ordering::SeqCst))
        });
        let names = run(py, "import asyncio");
        names.set_item("spawn", spawn.unwrap()).unwrap();
        names.set_item("dropped", dropped.unwrap()).unwrap();
        run_in(
            py,
            "
            async def main():
                for count in range(1, 21):
                    task = asyncio.ensure_future(wait())
                    await asyncio.sleep(0.002)
                    task.cancel()
                    try:
                        await task
                        raise AssertionError('it ended')
                    except asyncio.CancelledError:
                        assert dropped() == count

            async def wait():
                await spawn()

            asyncio.run(main())
            ",
            &names,
        );
    });
}

#[test]
fn the_clean_up_of_a_coroutine_has_run_when_two_borders_away_the_canceller_knows() {
    with_python(|py| {
        let names = run(
            py,
            "
            import asyncio
            log = []

            async def patient(_):
                log.append('started')
                try:
                    await asyncio.sleep(600)
                finally:
                    await asyncio.sleep(0.05)
                    log.append('cleaned up')
            ",
        );
        let patient: PythonFunction = get(&names, "patient");
        let spawn = PyCFunction::new_closure(py, None, None, move |args, _| {
            let patient = patient.clone();
            let future = async move { Ok(patient.run((0,)).await?) };
            operation!("outer")
                .spawn(args.py(), future)
                .map(Bound::unbind)
        });
        names.set_item("spawn", spawn.unwrap()).unwrap();
        run_in(
            py,
            "
            async def main():
                async def wait():
                    await spawn()

                task = asyncio.ensure_future(wait())
                while not log:
                    await asyncio.sleep(0.001)
                task.cancel()
                try:
                    await task
                    raise AssertionError('it ended')
                except asyncio.CancelledError:
                    assert log == ['started', 'cleaned up'], log

            asyncio.run(main())
            ",
            &names,
        );
    });
}

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

#[test]
fn a_call_that_is_stopped_is_over_when_python_has_cleaned_up() {
    static BEGAN: AtomicUsize = AtomicUsize::new(0);
    with_python(|py| {
        let began = PyCFunction::new_closure(py, None, None, |_, _| {
            BEGAN.fetch_add(1, Ordering::SeqCst);
        });
        let began = began.unwrap().unbind();
        let names = run(
            py,
            "
            import asyncio, time
            log = []

            async def coroutine(began):
                try:
                    began()
                    await asyncio.sleep(600)
                finally:
                    await asyncio.sleep(0.05)
                    log.append('coroutine')

            def function(began):
                try:
                    began()
                    while True:
                        time.sleep(0.001)
                finally:
                    time.sleep(0.05)
                    log.append('function')

            async def in_time():
                return True
            ",
        );
        for (count, name) in [(1, "coroutine"), (2, "function")] {
            let function: PythonFunction = get(&names, name);
            let began = began.clone_ref(py);
            let future = async move {
                let stop = async move {
                    while BEGAN.load(Ordering::SeqCst) < count {
                        sleep(Duration::from_millis(1)).await;
                    }
                };
                Ok(function
                    .call_until::<_, bool>((began,), stop)
                    .await
                    .map_err(|error| error.kind))
            };
            let outcome = operation!("stopped").wait(py, future).unwrap();
            let kind = outcome.unwrap_err();
            assert!(
                kind.ends_with("CancelledError")
                    || kind.ends_with("CallCancelled")
                    || kind == "KeyboardInterrupt",
                "{kind}"
            );
            names.set_item("name", name).unwrap();
            run_in(py, "assert log.pop() == name, log", &names);
        }
        let in_time: PythonFunction = get(&names, "in_time");
        let future = async move { Ok(in_time.call_until::<_, bool>((), sleep(FOREVER)).await?) };
        assert!(operation!("in time").wait(py, future).unwrap());
    });
}
