//! What the tests share: a runtime, a Pit in memory or in a folder, steps and loaders made of closures.
#![allow(
    dead_code,
    reason = "each test file is a program of its own and uses a part"
)]

use std::future::Future;
use std::sync::Arc;

use symphony_pit::dag::{
    Definition, Dependency, DependencyKind, OnFailure, Running, StepContext, StepRunner, StepSpec,
    CALLABLE,
};
use symphony_pit::pool::{Loading, ModelLoader, ModelSpec, ModelType};
use symphony_pit::{Failure, Opaque, Pit, Place};
use tokio::runtime::{Builder, Runtime};

pub fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("runtime")
}

pub fn pit(runtime: &Runtime) -> Pit {
    Pit::new(Place::Memory, runtime.handle().clone())
}

pub fn pit_in(runtime: &Runtime, folder: &std::path::Path) -> Pit {
    Pit::new(Place::Folder(folder.to_owned()), runtime.handle().clone())
}

pub struct Step<F>(pub F);

impl<F, R> StepRunner for Step<F>
where
    F: Fn(StepContext) -> R + Send + Sync,
    R: Future<Output = Result<Opaque, Failure>> + Send + 'static,
{
    fn run(&self, context: StepContext) -> Running {
        Box::pin((self.0)(context))
    }
}

/// A step that gives its number plus the numbers of its inputs.
pub fn sum(own: i64) -> Arc<dyn StepRunner> {
    Arc::new(Step(move |context: StepContext| async move {
        let inputs: i64 = context
            .inputs
            .iter()
            .filter_map(|(_, value)| value.get::<i64>())
            .sum();
        Ok(number(own + inputs))
    }))
}

pub fn number(value: i64) -> Opaque {
    Opaque::new(value, Some(value.to_le_bytes().to_vec()))
}

pub fn step(name: &str) -> StepSpec {
    StepSpec {
        name: name.into(),
        kind: CALLABLE.into(),
        configuration: Default::default(),
        on_failure: OnFailure::Fail,
        retries: 0,
    }
}

pub fn edge(from: &str, to: &str) -> Dependency {
    Dependency {
        from: from.into(),
        to: to.into(),
        kind: DependencyKind::Hard,
    }
}

pub fn graph(steps: &[&str], edges: &[(&str, &str)]) -> Definition {
    Definition {
        name: "test".into(),
        version: "1".into(),
        steps: steps.iter().map(|name| step(name)).collect(),
        dependencies: edges.iter().map(|(from, to)| edge(from, to)).collect(),
    }
}

pub struct Loader<L, U> {
    pub load: L,
    pub unload: U,
}

impl<L, U, A, B> ModelLoader for Loader<L, U>
where
    L: Fn(&ModelSpec) -> A + Send + Sync,
    U: Fn(Opaque) -> B + Send + Sync,
    A: Future<Output = Result<Opaque, Failure>> + Send + 'static,
    B: Future<Output = Result<(), Failure>> + Send + 'static,
{
    fn load(&self, spec: &ModelSpec, _parent: u64) -> Loading<Opaque> {
        Box::pin((self.load)(spec))
    }
    fn unload(&self, model: Opaque) -> Loading<()> {
        Box::pin((self.unload)(model))
    }
}

pub fn spec(name: &str, memory_mb: u64) -> ModelSpec {
    ModelSpec {
        name: name.into(),
        version: "1".into(),
        model_type: ModelType::Custom,
        memory_mb,
        cpu_cores: 1.0,
        configuration: Default::default(),
    }
}

/// A loader that only takes a little time.
pub fn instant_loader() -> Arc<dyn ModelLoader> {
    Arc::new(Loader {
        load: |_: &ModelSpec| async { Ok(number(1)) },
        unload: |_| async { Ok(()) },
    })
}
