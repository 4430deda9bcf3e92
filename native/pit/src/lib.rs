//! The Pit: five components. No Python in it.
