//! Models of what threads share without waiting for each other's whole work: the tests try every order in which the
//! threads of a model can take their steps, with what the memory model allows each of them to see.
//!
//! Built with `--cfg loom` only (`scripts/lib/suites.mjs`, suite `models`). Beside each model stand broken forms of it,
//! which must fail: they show that the model can see the fault it is there for.

mod inbox;
mod lane;
mod outbox;
mod ring;
pub(crate) mod world;

/// Tries the orders of `threads` in which at most this many threads lose the processor where they did not wait.
/// Faults in queues show with two; each more multiplies the time.
#[cfg(test)]
fn try_orders(preemptions: usize, threads: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(threads);
}
