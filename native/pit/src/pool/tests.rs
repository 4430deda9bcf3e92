//! What the pool keeps inside: not seen from outside.

use super::*;

struct Instant;

impl ModelLoader for Instant {
    fn load(&self, _spec: &ModelSpec, _parent: u64) -> Loading<Opaque> {
        Box::pin(async { Ok(Opaque::new((), None)) })
    }
    fn unload(&self, _model: Opaque) -> Loading<()> {
        Box::pin(async { Ok(()) })
    }
}

#[test]
fn a_pool_that_lives_for_days_keeps_nothing_of_what_is_gone() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let pool = Pool::new(runtime.handle().clone());
    for _ in 0..100 {
        let spec = ModelSpec {
            name: "m".into(),
            version: "1".into(),
            model_type: ModelType::Custom,
            memory_mb: 1,
            cpu_cores: 1.0,
            configuration: serde_json::Map::new(),
        };
        pool.register(spec, Arc::new(Instant)).expect("register");
        let lease = runtime
            .block_on(pool.allocate("m", 0, None, 0))
            .expect("lease");
        assert!(lease.release());
        lease.id();
        runtime.block_on(pool.unregister("m")).expect("unregister");
    }
    let state = pool.shared.state.lock();
    assert_eq!((state.lives.len(), state.leases.len()), (1, 0));
    assert_eq!((state.by_id.len(), state.waiting.len()), (0, 0));
}
