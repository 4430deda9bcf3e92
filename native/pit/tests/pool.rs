//! The pool's rules: one load for many, limits kept, idle ones evicted by age, priorities, deadlines, failures, leaks.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use symphony_pit::pool::{ModelSpec, ModelState, Pool};
use symphony_pit::{Failure, Kind};

fn pool(runtime: &tokio::runtime::Runtime, limit_mb: u64) -> Pool {
    let pool = Pool::new(runtime.handle().clone());
    pool.set_memory_limit(limit_mb).expect("limit");
    pool
}

async fn until_waiting(pool: &Pool, count: usize) {
    while pool.status().waiting < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn many_allocations_of_a_cold_model_load_it_once() {
    let runtime = runtime();
    let pool = pool(&runtime, 100);
    let loads = Arc::new(AtomicUsize::new(0));
    let counter = loads.clone();
    let loader = Loader {
        load: move |_: &ModelSpec| {
            counter.fetch_add(1, Ordering::SeqCst);
            async {
                tokio::time::sleep(Duration::from_millis(30)).await;
                Ok(number(7))
            }
        },
        unload: |_| async { Ok(()) },
    };
    pool.register(spec("m", 60), Arc::new(loader))
        .expect("register");
    let leases = runtime.block_on(async {
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move {
                    pool.allocate("m", 0, Some(Duration::from_secs(20)), 0)
                        .await
                })
            })
            .collect();
        let mut leases = Vec::new();
        for task in tasks {
            leases.push(task.await.expect("task").expect("lease"));
        }
        leases
    });
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    let status = pool.model_status("m").expect("status");
    assert_eq!(
        (status.state, status.status, status.leases, status.loads),
        (ModelState::Hot, "Busy", 1000, 1)
    );
    assert_ne!(leases[0].id(), leases[1].id());
    for lease in &leases {
        assert!(lease.release());
        assert!(!lease.release(), "released once");
    }
    assert_eq!(pool.model_status("m").expect("status").status, "Ready");
    assert_eq!(pool.status().leaked, 0);
}

#[test]
fn the_least_recently_used_idle_model_makes_room_and_a_busy_one_never_does() {
    let runtime = runtime();
    let pool = pool(&runtime, 100);
    for name in ["a", "b", "c"] {
        pool.register(spec(name, 50), instant_loader())
            .expect("register");
    }
    runtime.block_on(async {
        pool.allocate("a", 0, None, 0).await.expect("a").release();
        pool.allocate("b", 0, None, 0).await.expect("b").release();
        pool.allocate("a", 0, None, 0).await.expect("a").release();
        let c = pool
            .allocate("c", 0, Some(Duration::from_secs(5)), 0)
            .await
            .expect("c");
        assert_eq!(
            pool.model_status("b").expect("b").state,
            ModelState::Cold,
            "b was used longest ago"
        );
        assert_eq!(pool.model_status("a").expect("a").state, ModelState::Hot);
        let a = pool.allocate("a", 0, None, 0).await.expect("a");
        let late = pool
            .allocate("b", 0, Some(Duration::from_millis(50)), 0)
            .await
            .err()
            .expect("no room");
        assert_eq!(late.kind(), Kind::Timeout);
        assert_eq!(pool.status().memory_used_mb, 100);
        assert!(a.release() && c.release());
    });
}

#[test]
fn waiting_allocations_are_served_by_priority() {
    let runtime = runtime();
    let pool = pool(&runtime, 10);
    for name in ["holder", "low", "high"] {
        pool.register(spec(name, 10), instant_loader())
            .expect("register");
    }
    let order = Arc::new(parking_lot::Mutex::new(Vec::new()));
    runtime.block_on(async {
        let holder = pool.allocate("holder", 0, None, 0).await.expect("holder");
        let mut tasks = Vec::new();
        for (name, priority) in [("low", -5), ("high", 5)] {
            let (shared, order) = (pool.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let lease = shared
                    .allocate(name, priority, Some(Duration::from_secs(5)), 0)
                    .await
                    .expect(name);
                order.lock().push(name);
                lease.release();
            }));
            until_waiting(&pool, tasks.len()).await;
        }
        holder.release();
        for task in tasks {
            task.await.expect("task");
        }
    });
    assert_eq!(*order.lock(), ["high", "low"]);
}

#[test]
fn what_can_never_fit_and_what_is_not_allowed_is_refused_at_the_door() {
    let runtime = runtime();
    let pool = pool(&runtime, 10);
    assert_eq!(
        pool.register(spec("big", 11), instant_loader())
            .unwrap_err()
            .kind(),
        Kind::Capacity
    );
    assert_eq!(
        pool.register(spec("", 1), instant_loader())
            .unwrap_err()
            .kind(),
        Kind::Invalid
    );
    assert_eq!(
        pool.register(spec("none", 0), instant_loader())
            .unwrap_err()
            .kind(),
        Kind::Invalid
    );
    pool.register(spec("m", 1), instant_loader())
        .expect("register");
    assert_eq!(
        pool.register(spec("m", 1), instant_loader())
            .unwrap_err()
            .kind(),
        Kind::Conflict
    );
    assert_eq!(
        pool.try_allocate("unknown", 0)
            .err()
            .expect("unknown")
            .kind(),
        Kind::NotFound
    );
    assert_eq!(
        pool.try_allocate("m", 1001).err().expect("priority").kind(),
        Kind::Invalid
    );
    assert!(pool.try_allocate("m", 0).expect("cold").is_none());
}

#[test]
fn a_failing_loader_frees_its_memory_and_the_next_allocation_tries_again() {
    let runtime = runtime();
    let pool = pool(&runtime, 10);
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = tries.clone();
    let loader = Loader {
        load: move |_: &ModelSpec| {
            let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if first {
                    Err(Failure::new("no weights"))
                } else {
                    Ok(number(1))
                }
            }
        },
        unload: |_| async { Ok(()) },
    };
    pool.register(spec("m", 10), Arc::new(loader))
        .expect("register");
    runtime.block_on(async {
        let error = pool.allocate("m", 0, None, 0).await.err().expect("fails");
        assert_eq!(error.kind(), Kind::Failed);
        assert!(error.message().contains("no weights"));
        assert_eq!(
            (
                pool.model_status("m").expect("m").state,
                pool.status().memory_used_mb
            ),
            (ModelState::Failed, 0)
        );
        pool.allocate("m", 0, None, 0)
            .await
            .expect("second try")
            .release();
    });
    let states: Vec<_> = pool
        .model_status("m")
        .expect("m")
        .history
        .iter()
        .map(|step| step.to)
        .collect();
    use ModelState::{Cold, Failed, Hot, Warming};
    assert_eq!(states, [Warming, Failed, Cold, Warming, Hot]);
}

#[test]
fn a_panicking_loader_is_a_failure() {
    let runtime = runtime();
    let pool = pool(&runtime, 10);
    let loader = Loader {
        load: |_: &ModelSpec| async { panic!("boom") },
        unload: |_| async { Ok(()) },
    };
    pool.register(spec("m", 10), Arc::new(loader))
        .expect("register");
    let error = runtime
        .block_on(pool.allocate("m", 0, None, 0))
        .err()
        .expect("fails");
    assert_eq!(error.kind(), Kind::Failed);
}

#[test]
fn an_abandoned_allocation_gives_up_its_place() {
    let runtime = runtime();
    let pool = pool(&runtime, 10);
    pool.register(spec("holder", 10), instant_loader())
        .expect("register");
    pool.register(spec("other", 10), instant_loader())
        .expect("register");
    runtime.block_on(async {
        let holder = pool.allocate("holder", 0, None, 0).await.expect("holder");
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.allocate("other", 1000, None, 0).await }
        });
        until_waiting(&pool, 1).await;
        waiting.abort();
        drop(waiting.await);
        assert_eq!(pool.status().waiting, 0);
        holder.release();
    });
}

#[test]
fn a_dropped_lease_is_released_and_counted_as_a_leak() {
    let runtime = runtime();
    let pool = pool(&runtime, 10);
    pool.register(spec("m", 10), instant_loader())
        .expect("register");
    let lease = runtime
        .block_on(pool.allocate("m", 0, None, 0))
        .expect("lease");
    lease.id();
    drop(lease);
    assert_eq!(
        (
            pool.model_status("m").expect("m").leases,
            pool.status().leaked
        ),
        (0, 1)
    );
    let held = pool.hold(
        runtime
            .block_on(pool.allocate("m", 0, None, 0))
            .expect("lease"),
    );
    assert_eq!(
        pool.model_status(&held.to_string())
            .expect("by lease")
            .leases,
        1
    );
    pool.release_id(held).expect("release");
    assert_eq!(pool.release_id(held).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(pool.status().leaked, 1);
    runtime.block_on(pool.unregister("m")).expect("unregister");
    assert_eq!(pool.model_status("m").unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn an_unregistered_model_is_not_loaded_for_those_who_wait_for_it() {
    let runtime = runtime();
    let pool = pool(&runtime, 10);
    for name in ["holder", "gone"] {
        pool.register(spec(name, 10), instant_loader())
            .expect("register");
    }
    runtime.block_on(async {
        let holder = pool.allocate("holder", 0, None, 0).await.expect("holder");
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.allocate("gone", 0, None, 0).await.map(drop) }
        });
        until_waiting(&pool, 1).await;
        pool.unregister("gone").await.expect("unregister");
        let error = waiting.await.expect("task").unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        holder.release();
        pool.unload("holder").await.expect("unload");
        assert_eq!(pool.status().memory_used_mb, 0);
        // The slot of the model that is gone serves the next, which is a model of its own.
        pool.register(spec("next", 10), instant_loader())
            .expect("register");
        assert_eq!(pool.model_status("next").expect("next").loads, 0);
        pool.allocate("next", 0, None, 0)
            .await
            .expect("next")
            .release();
        assert_eq!(pool.status().memory_used_mb, 10);
    });
}

#[test]
fn a_hot_lease_costs_nanoseconds() {
    let runtime = runtime();
    let pool = pool(&runtime, 10);
    pool.register(spec("m", 10), instant_loader())
        .expect("register");
    runtime
        .block_on(pool.allocate("m", 0, None, 0))
        .expect("warm")
        .release();
    let rounds = 200_000;
    let begun = Instant::now();
    for _ in 0..rounds {
        pool.try_allocate("m", 0)
            .expect("hot")
            .expect("hot")
            .release();
    }
    let each = begun.elapsed().as_nanos() / rounds;
    println!("allocate + release: {each} ns");
    // Far from the figure itself, so that a busy machine does not fail it; the benchmark holds the figure.
    assert!(each < 3_000, "{each} ns");
}
