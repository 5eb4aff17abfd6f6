//! Snapshot files: the whole catalog as of a position of the change log.
