//! Values of another language that pass through the Pit unread: models, step inputs and results, variables.
//! The bytes, where the owner could encode the value, are what outlives the process.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A value whose meaning only its owner knows. Cheap to clone; any thread.
#[derive(Clone)]
pub struct Opaque {
    value: Arc<dyn Any + Send + Sync>,
    bytes: Option<Arc<[u8]>>,
}

impl Opaque {
    /// `bytes`: the encoded value when it can be kept beyond this process.
    pub fn new<T: Send + Sync + 'static>(value: T, bytes: Option<Vec<u8>>) -> Self {
        Opaque {
            value: Arc::new(value),
            bytes: bytes.map(Arc::from),
        }
    }
    /// A value of which only the kept form is there: of a run that another process began.
    pub fn kept(bytes: Vec<u8>) -> Self {
        Opaque::new((), Some(bytes))
    }
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }
    pub fn bytes(&self) -> Option<&Arc<[u8]>> {
        self.bytes.as_ref()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes.as_ref().map(|bytes| bytes.len());
        out.debug_struct("Opaque")
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}
