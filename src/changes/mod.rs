//! The change log as partners follow it.
