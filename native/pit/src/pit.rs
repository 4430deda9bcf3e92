//! The whole Pit of a process: the pool, which needs no disk, and the components that share a home. The home is opened at
//! the first use that needs it; a failure is told to that caller and tried anew by the next.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::arbitration::Arbitration;
use crate::artifacts::Artifacts;
use crate::dag::Dag;
use crate::error::Result;
use crate::home::Home;
use crate::pool::Pool;
use crate::stale::Stale;

/// Where a Pit keeps its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Memory,
    Folder(PathBuf),
}

/// The components that live in the home.
pub struct Rooms {
    pub home: Arc<Home>,
    pub dag: Dag,
    pub artifacts: Arc<Artifacts>,
    pub arbitration: Arbitration,
    pub stale: Stale,
}

pub struct Pit {
    pub pool: Pool,
    place: Box<dyn Fn() -> Place + Send + Sync>,
    runtime: Handle,
    rooms: OnceLock<Arc<Rooms>>,
    /// Held while the home opens, which may take as long as another process holds it: only openers wait for it.
    opening: Mutex<()>,
}

impl Pit {
    /// Opens nothing yet. Runs and loads go on `runtime`.
    pub fn new(place: Place, runtime: Handle) -> Pit {
        Pit::at(move || place.clone(), runtime)
    }

    /// As `new`; `place` is asked each time that the home is to be opened.
    pub fn at(place: impl Fn() -> Place + Send + Sync + 'static, runtime: Handle) -> Pit {
        Pit {
            pool: Pool::new(runtime.clone()),
            place: Box::new(place),
            runtime,
            rooms: OnceLock::new(),
            opening: Mutex::default(),
        }
    }

    /// Where the home is, or would be opened now.
    pub fn place(&self) -> Place {
        match self.open_rooms() {
            Some(rooms) => rooms
                .home
                .folder()
                .map_or(Place::Memory, |folder| Place::Folder(folder.to_owned())),
            None => (self.place)(),
        }
    }

    /// The components of the home; opens it when that is not done yet. Blocks on the disk the first time.
    pub fn rooms(&self) -> Result<Arc<Rooms>> {
        if let Some(open) = self.open_rooms() {
            return Ok(open);
        }
        let _opening = self.opening.lock();
        if let Some(open) = self.open_rooms() {
            return Ok(open);
        }
        let home = Arc::new(match (self.place)() {
            Place::Memory => Home::in_memory()?,
            Place::Folder(folder) => Home::open(&folder)?,
        });
        let artifacts = Arc::new(Artifacts::new(home.clone()));
        let open = Arc::new(Rooms {
            dag: Dag::new(home.clone(), self.runtime.clone()),
            arbitration: Arbitration::new(home.clone()),
            stale: Stale::new(home.clone(), artifacts.clone(), self.pool.clone()),
            artifacts,
            home,
        });
        Ok(self.rooms.get_or_init(|| open).clone())
    }

    /// The components of the home if it is open. Never waits.
    pub fn open_rooms(&self) -> Option<Arc<Rooms>> {
        self.rooms.get().cloned()
    }
}
