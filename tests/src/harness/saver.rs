//! Checkpoints one after another, while a test does other things.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use super::client::{Client, encode};

/// Begins a checkpoint whenever none is being written, until it is told to end or the connection ends.
pub fn save_again_and_again(address: SocketAddr, ended: &AtomicBool) {
    let Ok(mut client) = Client::connect(address) else { return };
    while !ended.load(Relaxed)
        && client.send_raw(&encode(&["BGSAVE"])).is_ok()
        && client.read_raw().is_ok()
    {
        std::thread::sleep(Duration::from_millis(2));
    }
}
