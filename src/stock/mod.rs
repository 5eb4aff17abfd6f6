//! Stock levels: state, not history. The newest level of a product in a store holds, whatever the
//! order in which levels arrive.

pub mod model;
pub mod store;
