//! What control does while the server runs: it carries out requests, and ends the process in good
//! order, unless that is called off or fails.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::checkpoint::Purpose;
use crate::ending::How;
use crate::gateway::Quiesce;
use crate::messages::Block;
use crate::migration::peer::ship;
use crate::process::reload;
use crate::server::{ControlRequest, Server};

/// Requests to control.
pub type Requests = UnboundedReceiver<ControlRequest>;

/// SHUTDOWN's answer, as Redis's, when the process goes on.
const NOT_ENDED: &str = "ERR Errors trying to SHUTDOWN. Check logs.";

/// How often the end asks whether something is still in flight.
const STEP: Duration = Duration::from_millis(10);

/// Carries out requests until the process is to end: how, and whom to answer if it does not.
pub async fn next_end(server: &Arc<Server>, requests: &mut Requests) -> (How, Option<Block>) {
    while let Some(request) = requests.recv().await {
        match request {
            ControlRequest::Shutdown { how, block } => return (how, block),
            ControlRequest::Reload => reload(server),
            ControlRequest::Ship(shipment) => ship(server, shipment),
            // What it was about has failed by itself.
            ControlRequest::Resume => {}
        }
    }
    (How { now: true, ..How::default() }, None)
}

/// Carries out requests until the process ends: everything is saved that is to be, and nothing is in
/// flight that could be waited for.
pub async fn run_until_end(server: &Arc<Server>, requests: &mut Requests) {
    loop {
        let (how, block) = next_end(server, requests).await;
        let mut waiting: Vec<Block> = block.into_iter().collect();
        server.ending.begin();
        let ready = unless_called_off(server, requests, &mut waiting, prepare(server, how)).await;
        if ready == Some(true) && server.ending.make_certain() {
            return;
        }
        server.ending.call_off();
        tracing::warn!("the server does not end, and goes on");
        for block in waiting {
            server.answer_block(block, |reply| reply.error(NOT_ENDED));
        }
    }
}

/// Waits until the end is prepared; tells nothing if it was called off before. Who asks for the end
/// meanwhile waits with the others.
async fn unless_called_off(
    server: &Arc<Server>,
    requests: &mut Requests,
    waiting: &mut Vec<Block>,
    preparing: impl Future<Output = bool>,
) -> Option<bool> {
    let mut preparing = std::pin::pin!(preparing);
    loop {
        tokio::select! {
            ready = &mut preparing => return Some(ready),
            request = requests.recv() => match request {
                Some(ControlRequest::Shutdown { block, .. }) => waiting.extend(block),
                Some(ControlRequest::Reload) => reload(server),
                Some(ControlRequest::Ship(shipment)) => ship(server, shipment),
                Some(ControlRequest::Resume) => return None,
                None => return Some(preparing.await),
            },
        }
    }
}

/// Waits for what is in flight and saves. Tells whether the process may end.
async fn prepare(server: &Arc<Server>, how: How) -> bool {
    if !how.now {
        quiesce(server).await;
    }
    // What a failed log lost is in memory alone.
    let lost = server.durability.has_failed() && how.save != Some(false);
    if lost {
        tracing::error!("the log has failed: what it lost is in memory alone");
    }
    save_last(server, how).await && !lost || how.force
}

/// Writes a last checkpoint, if that was said, or if there is no log and the settings want
/// checkpoints. Tells whether nothing that should have been saved was not.
async fn save_last(server: &Arc<Server>, how: How) -> bool {
    let by_default = || !server.durability.is_enabled() && !server.settings().save.is_empty();
    if !how.save.unwrap_or_else(by_default) {
        return true;
    }
    if let Err(error) = server.open_directory() {
        tracing::error!(%error, "nothing can be saved");
        return false;
    }
    // One that is being written may be of an earlier state.
    while !server.begin_checkpoint(Purpose::Save) {
        actix_rt::time::sleep(STEP).await;
    }
    while server.checkpoints.is_running() {
        actix_rt::time::sleep(STEP).await;
    }
    !server.checkpoints.ended(Purpose::Save).last_failed()
}

/// Waits until nothing is in flight, for as long as the settings allow.
async fn quiesce(server: &Arc<Server>) {
    let until = Instant::now() + server.settings().shutdown_timeout;
    let Some(directory) = server.directory() else { return };
    while Instant::now() < until {
        let mut busy = 0;
        for thread in &directory.threads {
            let wait = until.saturating_duration_since(Instant::now());
            let asked = actix_rt::time::timeout(wait, thread.gateway.send(Quiesce)).await;
            busy += asked.map_or(1, |answer| answer.unwrap_or(0));
        }
        if busy == 0 {
            return;
        }
        actix_rt::time::sleep(STEP).await;
    }
    tracing::warn!("ending with replies that clients did not take");
}
