//! The admin listener: `/metrics` and `/readyz`, on the control thread.

use std::sync::Arc;

use crate::process::RunError;
use crate::server::Server;

/// The running listener.
pub struct Admin;

impl Admin {
    /// Ends it.
    pub async fn stop(self) {}
}

/// Starts it, if the settings want it.
pub fn start(_server: &Arc<Server>) -> Result<Option<Admin>, RunError> {
    Ok(None)
}
