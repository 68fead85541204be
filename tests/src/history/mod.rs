//! Recorded histories, and the check that they are strictly serializable: is there
//! one order of all calls, respecting real time, in which a single-threaded
//! server would have given the same replies?

mod check;
mod model;
mod record;

pub use check::{explain, is_strictly_serializable};
pub use model::{Call, KEYS, Op, State, Value};
pub use record::{Mix, record};
