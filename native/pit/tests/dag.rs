//! Validation, order, overlap, failure, retry, cancel, durability of runs.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use symphony_pit::dag::{
    Definition, DependencyKind, OnFailure, RunOptions, RunState, StepRunner, StepState,
};
use symphony_pit::{Failure, Kind, PitError};

type Runners = Vec<Arc<dyn StepRunner>>;

fn start(
    rooms: &symphony_pit::Rooms,
    definition: Definition,
    runners: Runners,
) -> Arc<symphony_pit::dag::Run> {
    let workflow = rooms
        .dag
        .create_workflow(definition, runners)
        .expect("valid")
        .wait()
        .expect("saved");
    rooms
        .dag
        .execute(workflow.id, RunOptions::default())
        .expect("execute")
        .wait()
        .expect("started")
}

fn problems(error: &PitError) -> Vec<String> {
    let found = error
        .details()
        .iter()
        .find(|(key, _)| key == "problems")
        .expect("problems");
    found
        .1
        .as_array()
        .expect("list")
        .iter()
        .map(|problem| problem["code"].as_str().expect("code").to_owned())
        .collect()
}

#[test]
fn validation_collects_every_error() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let mut bad = graph(
        &["a", "b", "c", "a", "d"],
        &[
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("d", "d"),
            ("x", "d"),
            ("a", "b"),
        ],
    );
    bad.steps[4].kind = "teleport".into();
    let error = rooms
        .dag
        .create_workflow(bad, Vec::new())
        .err()
        .expect("refused");
    assert_eq!(error.kind(), Kind::Invalid);
    let mut found = problems(&error);
    found.sort();
    assert_eq!(
        found,
        [
            "bad-kind",
            "cycle",
            "duplicate-edge",
            "duplicate-step",
            "self-edge",
            "unknown-step"
        ]
    );
    let path = error
        .details()
        .iter()
        .find(|(key, _)| key == "problems")
        .map(|(_, list)| list.clone())
        .expect("problems");
    let cycle = path
        .as_array()
        .expect("list")
        .iter()
        .find(|problem| problem["code"] == "cycle")
        .expect("cycle")
        .clone();
    assert_eq!(
        cycle["steps"],
        serde_json::json!(["a", "b", "c", "a"]),
        "{cycle}"
    );
    assert_eq!(
        problems(
            &rooms
                .dag
                .create_workflow(graph(&[], &[]), Vec::new())
                .err()
                .expect("empty")
        ),
        ["empty"]
    );
}

#[test]
fn a_long_chain_and_a_large_graph_are_validated_without_recursion() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let names: Vec<String> = (0..10_000).map(|number| format!("s{number}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let edges: Vec<(&str, &str)> = (0..50_000)
        .map(|edge| (edge % 9_990, 1 + edge / 9_990))
        .map(|(from, gap)| (texts[from], texts[from + gap]))
        .collect();
    let definition = graph(&texts, &edges);
    let runners: Runners = texts.iter().map(|_| sum(1)).collect();
    let begun = Instant::now();
    rooms
        .dag
        .create_workflow(definition, runners)
        .expect("valid")
        .wait()
        .expect("saved");
    println!("10,000 steps, 50,000 edges: {:?}", begun.elapsed());
    let mut ring: Vec<(&str, &str)> = texts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    ring.push((texts[9_999], texts[0]));
    assert_eq!(
        problems(
            &rooms
                .dag
                .create_workflow(graph(&texts, &ring), Vec::new())
                .err()
                .expect("cycle")
        ),
        ["cycle"]
    );
}

#[test]
fn results_flow_down_and_are_on_disk() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let run = {
        let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
        let run = start(
            &rooms,
            graph(&["a", "b", "c"], &[("a", "c"), ("b", "c")]),
            vec![sum(1), sum(10), sum(100)],
        );
        let results = runtime.block_on(run.result()).expect("completed");
        let numbers: Vec<(String, i64)> = results
            .iter()
            .map(|(name, value)| (name.clone(), *value.get().expect("number")))
            .collect();
        assert_eq!(
            numbers,
            [("a".into(), 1), ("b".into(), 10), ("c".into(), 111)]
        );
        run.id
    };
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open again");
    let status = rooms.dag.status(run).expect("status");
    assert_eq!(status.state, RunState::Completed);
    assert!(status
        .steps
        .iter()
        .all(|step| step.state == StepState::Completed && step.attempts == 1));
    assert_eq!(
        rooms.dag.status(status.workflow).expect("latest run").id,
        run
    );
    let saved = rooms.dag.saved_results(run).expect("results");
    assert!(saved.contains(&("c".into(), Some(111i64.to_le_bytes().to_vec()))));
    assert_eq!(rooms.home.integrity().expect("check"), "ok");
}

#[test]
fn independent_steps_overlap_within_the_bound() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let runners: Runners = texts
        .iter()
        .map(|_| {
            let (now, most) = (now.clone(), most.clone());
            Arc::new(Step(move |_| {
                let (now, most) = (now.clone(), most.clone());
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(number(0))
                }
            })) as Arc<dyn StepRunner>
        })
        .collect();
    let workflow = rooms
        .dag
        .create_workflow(graph(&texts, &[]), runners)
        .expect("valid")
        .wait()
        .expect("saved");
    let options = RunOptions {
        concurrency: 4,
        ..RunOptions::default()
    };
    let run = rooms
        .dag
        .execute(workflow.id, options)
        .expect("execute")
        .wait()
        .expect("started");
    runtime.block_on(run.result()).expect("completed");
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

#[test]
fn failure_retry_skip_and_soft_dependencies() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = tries.clone();
    let flaky: Arc<dyn StepRunner> = Arc::new(Step(move |_| {
        let attempt = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            if attempt < 2 {
                Err(Failure::new("not yet"))
            } else {
                Ok(number(5))
            }
        }
    }));
    let broken: Arc<dyn StepRunner> = Arc::new(Step(|_| async { Err(Failure::new("broken")) }));
    let mut definition = graph(
        &["flaky", "broken", "hard", "soft"],
        &[
            ("flaky", "hard"),
            ("broken", "hard"),
            ("broken", "soft"),
            ("flaky", "soft"),
        ],
    );
    definition.steps[0].retries = 2;
    definition.steps[1].on_failure = OnFailure::Skip;
    definition.dependencies[2].kind = DependencyKind::Soft;
    let run = start(
        &rooms,
        definition.clone(),
        vec![flaky.clone(), broken.clone(), sum(1), sum(1)],
    );
    let results = runtime.block_on(run.result()).expect("completed");
    assert_eq!(
        results
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["flaky", "soft"]
    );
    let states: Vec<StepState> = run.status().steps.iter().map(|step| step.state).collect();
    assert_eq!(
        states,
        [
            StepState::Completed,
            StepState::Skipped,
            StepState::Skipped,
            StepState::Completed
        ]
    );
    assert_eq!(run.status().steps[0].attempts, 3);

    definition.steps[1].on_failure = OnFailure::Fail;
    let run = start(&rooms, definition, vec![flaky, broken, sum(1), sum(1)]);
    let error = runtime.block_on(run.result()).expect_err("failed");
    assert_eq!(
        (error.kind(), run.state()),
        (Kind::Failed, RunState::Failed)
    );
    assert!(error.message().contains("'broken'"), "{error}");
}

#[test]
fn cancel_reaches_running_steps_and_every_reader_sees_every_event() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    struct Flag(Arc<AtomicUsize>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let flag = dropped.clone();
    let endless: Arc<dyn StepRunner> = Arc::new(Step(move |_| {
        let held = Flag(flag.clone());
        async move {
            let _held = held;
            std::future::pending::<()>().await;
            Ok(number(0))
        }
    }));
    let run = start(
        &rooms,
        graph(
            &["a", "endless", "b"],
            &[("a", "endless"), ("endless", "b")],
        ),
        vec![sum(1), endless, sum(1)],
    );
    let kinds = runtime.block_on(async {
        let mut kinds = Vec::new();
        while let Some(event) = run.event(kinds.len()).await {
            assert_eq!(event.seq, kinds.len());
            kinds.push(event.kind.name());
            if event.step.as_deref() == Some("endless") && kinds.last() == Some(&"step-started") {
                run.cancel();
            }
        }
        kinds
    });
    assert_eq!(
        kinds,
        [
            "run-started",
            "step-started",
            "step-completed",
            "step-started",
            "step-failed",
            "run-cancelled"
        ]
    );
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(run.state(), RunState::Cancelled);
    assert_eq!(
        runtime
            .block_on(run.result())
            .expect_err("cancelled")
            .kind(),
        Kind::Cancelled
    );
}

#[test]
fn unknown_ids_are_told_from_known_ones_without_callables() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let id = {
        let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
        rooms
            .dag
            .create_workflow(graph(&["a"], &[]), vec![sum(1)])
            .expect("valid")
            .wait()
            .expect("saved")
            .id
    };
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
    assert_eq!(
        rooms
            .dag
            .execute(id, RunOptions::default())
            .expect_err("elsewhere")
            .kind(),
        Kind::Conflict
    );
    let unknown = symphony_pit::ids::fresh();
    assert_eq!(
        rooms
            .dag
            .execute(unknown, RunOptions::default())
            .expect_err("unknown")
            .kind(),
        Kind::NotFound
    );
    assert_eq!(
        rooms.dag.status(unknown).expect_err("unknown").kind(),
        Kind::NotFound
    );
}
