//! What the server says of itself when it starts.

use crate::server::{REDIS_VERSION, Server};

/// Logs version, shards, addresses, directory, and what is on or off.
pub fn print(server: &Server, addresses: &[String]) {
    let settings = server.settings();
    let directory = std::env::current_dir().unwrap_or_default();
    tracing::info!(
        version = server.identity.version,
        redis_version = REDIS_VERSION,
        shards = server.router().map.shards(),
        databases = server.router().databases,
        addresses = addresses.join(", "),
        directory = %directory.display(),
        pid = std::process::id(),
        log = match settings.appendonly {
            true => settings.appendfsync.to_string(),
            false => "off".to_owned(),
        },
        shadow = settings.shadow,
        password = !server.is_open(),
        admin_port = settings.admin_port,
        "shardwright is ready to accept connections",
    );
}
