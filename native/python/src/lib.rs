//! PyO3 module `_native`.
