//! Operations as Python calls them, and Python as async Rust calls it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use symphony_sdk::{block, operation, sleep, PythonFunction, Result};

use crate::support::{get, run, run_in, with_python};

const FUNCTIONS: &str = "
    import asyncio, threading

    def twice(number):
        return number * 2

    async def later(number):
        await asyncio.sleep(0.001)
        return number * 3

    async def where(_):
        return threading.current_thread().name
";

#[test]
fn async_rust_calls_functions_and_coroutines() {
    with_python(|py| {
        let names = run(py, FUNCTIONS);
        for (name, expected) in [("twice", 14), ("later", 21)] {
            let function: PythonFunction = get(&names, name);
            let future = async move { Ok(function.call::<_, i64>((7,)).await?) };
            assert_eq!(operation!("call").wait(py, future).unwrap(), expected);
        }
        let function: PythonFunction = get(&names, "where");
        let future = async move { Ok(function.call::<_, String>((0,)).await?) };
        assert_eq!(
            operation!("call").wait(py, future).unwrap(),
            "conductor-loop"
        );
    });
}

#[test]
fn calls_run_side_by_side() {
    with_python(|py| {
        let names = run(
            py,
            "
            import asyncio
            arrived = []

            async def meet(number):
                arrived.append(number)
                while len(arrived) < 50:
                    await asyncio.sleep(0.001)
                return number
            ",
        );
        let meet: PythonFunction = get(&names, "meet");
        let future = async move {
            // Each starts with its first poll; all must be under way before any can end.
            let mut running: Vec<_> = (0..50)
                .map(|n| Box::pin(meet.call::<_, i64>((n,))))
                .collect();
            let mut sum = 0;
            std::future::poll_fn(|context| {
                running.retain_mut(|call| match call.as_mut().poll(context) {
                    std::task::Poll::Ready(number) => {
                        sum += number.expect("a number");
                        false
                    }
                    std::task::Poll::Pending => true,
                });
                if running.is_empty() {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            })
            .await;
            Ok(sum)
        };
        assert_eq!(operation!("meet").wait(py, future).unwrap(), 49 * 50 / 2);
    });
}

#[test]
fn python_awaits_a_future() {
    with_python(|py| {
        let names = run(py, "async def triple(n): return n * 3");
        let triple: PythonFunction = get(&names, "triple");
        let spawn = PyCFunction::new_closure(py, None, None, move |args, _| {
            let (triple, number) = (triple.clone(), args.get_item(0)?.extract::<i64>()?);
            let awaitable = operation!("spawned").spawn(args.py(), async move {
                sleep(Duration::from_millis(1)).await;
                let doubled = block(move |_| number * 2).await;
                Ok(triple.call::<_, i64>((doubled,)).await?)
            });
            awaitable.map(Bound::unbind)
        });
        names.set_item("spawn", spawn.unwrap()).unwrap();
        run_in(
            py,
            "
            import asyncio

            async def main():
                assert await spawn(7) == 42
                assert sum(await asyncio.gather(*map(spawn, range(200)))) == 6 * sum(range(200))

            asyncio.run(main())
            ",
            &names,
        );
    });
}

#[test]
fn what_rust_calls_sees_the_context_variables_of_who_called_rust() {
    with_python(|py| {
        let names = run(
            py,
            "
            import asyncio, contextvars
            variable = contextvars.ContextVar('variable', default='unset')

            def on_thread():
                found = variable.get()
                variable.set('left behind')
                return found

            async def on_loop():
                await asyncio.sleep(0.001)
                return on_thread()
            ",
        );
        let spawn = PyCFunction::new_closure(py, None, None, |args, _| {
            let future = called_twice(args.get_item(0)?.extract()?);
            operation!("spawn")
                .spawn(args.py(), future)
                .map(Bound::unbind)
        });
        let wait = PyCFunction::new_closure(py, None, None, |args, _| {
            let future = called_twice(args.get_item(0)?.extract()?);
            operation!("wait").wait(args.py(), future)
        });
        names.set_item("spawn", spawn.unwrap()).unwrap();
        names.set_item("wait", wait.unwrap()).unwrap();
        run_in(
            py,
            "
            async def awaits(value):
                variable.set(value)
                for function in (on_thread, on_loop):
                    assert await spawn(function) == [value, value]
                assert variable.get() == value

            async def main():
                await asyncio.gather(*map(awaits, 'abc'))

            def waits(value):
                variable.set(value)
                for function in (on_thread, on_loop):
                    assert wait(function) == [value, value]
                assert variable.get() == value

            asyncio.run(main())
            contextvars.copy_context().run(waits, 'd')
            assert wait(on_thread) == ['unset', 'unset']
            ",
            &names,
        );
    });
}

#[test]
fn a_called_function_is_not_in_the_span_of_its_caller() {
    with_python(|py| {
        let names = run(
            py,
            "
            from symphony_bridge import _runtime
            token = _runtime.current_span.set(7)
            span = _runtime.current_span.get
            ",
        );
        let span: PythonFunction = get(&names, "span");
        let future = async move { Ok(span.call::<_, u64>(()).await?) };
        let seen = operation!("span").wait(py, future);
        run_in(py, "_runtime.current_span.reset(token)", &names);
        assert_eq!(seen.unwrap(), 0);
    });
}

#[test]
fn a_function_is_found_by_name_and_takes_keywords() {
    with_python(|py| {
        let sorted = PythonFunction::import(py, "builtins", "sorted").unwrap();
        let from_keys = PythonFunction::import(py, "builtins", "dict.fromkeys").unwrap();
        let future = async move {
            let reverse = HashMap::from([("reverse", true)]);
            let numbers: Vec<u32> = sorted.call_with((vec![1, 3, 2],), reverse).await?;
            let keys: HashMap<u32, bool> = from_keys.call((numbers.clone(), true)).await?;
            Ok((numbers, keys.len()))
        };
        let found = operation!("named").wait(py, future).unwrap();
        assert_eq!(found, (vec![3, 2, 1], 3));
        for (module, path) in [
            ("no_such_module", "x"),
            ("builtins", "no_such"),
            ("sys", "path"),
        ] {
            assert!(
                PythonFunction::import(py, module, path).is_err(),
                "{module}:{path}"
            );
        }
    });
}

#[test]
fn a_thread_of_the_component_calls_python() {
    with_python(|py| {
        let names = run(py, "import threading; here = threading.get_ident()");
        let ident = PythonFunction::import(py, "threading", "get_ident").unwrap();
        let thread = thread::spawn(move || block_on(ident.call::<_, u64>(())));
        let there = py.detach(|| thread.join().unwrap()).unwrap();
        names.set_item("there", there).unwrap();
        run_in(py, "assert there != here", &names);
    });
}

/// What a function gives to async Rust, and to blocking work.
async fn called_twice(function: PythonFunction) -> Result<Vec<String>> {
    // From here on it is polled by Tokio.
    sleep(Duration::from_millis(1)).await;
    let first = function.call(()).await?;
    let second = block(move |_| block_on(function.call(()))).await?;
    Ok(vec![first, second])
}

/// Waits for a future as code does that is not async.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn blocking_forms_give_their_values() {
    with_python(|py| {
        assert_eq!(operation!("run").run(py, |_| Ok(1)).unwrap(), 1);
        assert_eq!(operation!("detach").detach(py, || Ok(2)).unwrap(), 2);
        let future = async {
            sleep(Duration::from_millis(1)).await;
            Ok(3)
        };
        assert_eq!(operation!("wait").wait(py, future).unwrap(), 3);
    });
}

#[test]
fn what_cannot_be_called_is_refused() {
    with_python(|py| {
        let refused = py
            .None()
            .bind(py)
            .extract::<PythonFunction>()
            .err()
            .unwrap();
        assert!(
            refused.to_string().contains("NoneType cannot be called"),
            "{refused}"
        );
        let outside = operation!("spawn").spawn(py, async { Result::Ok(()) });
        assert!(outside
            .unwrap_err()
            .to_string()
            .contains("no running event loop"));
    });
}

#[test]
fn crossings_are_in_the_trace_with_both_ends() {
    with_python(|py| {
        let names = run(
            py,
            "
            import tempfile, os
            from symphony_bridge import _native

            path = os.path.join(tempfile.mkdtemp(), 'trace')
            _native.open_trace(path)

            def measured(number):
                return number
            ",
        );
        let measured: PythonFunction = get(&names, "measured");
        let future = async move {
            let scanning = operation!("scan").span();
            drop(scanning);
            Ok(measured.call::<_, i64>((5,)).await?)
        };
        operation!("traced").wait(py, future).unwrap();
        run_in(
            py,
            "
            data = open(path, 'rb').read()
            for name in (b'sdk.traced', b'sdk.scan', b'measured'):
                assert name in data, name
            assert b'tests/sdk/calls.rs:' in data
            ",
            &names,
        );
    });
}
