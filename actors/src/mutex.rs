//! Locking what stays whole whatever happens.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic of somebody who had it: only for what is whole at every moment.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
