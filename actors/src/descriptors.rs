//! File descriptors: how many the process may have, how many it needs for itself, and so how many are
//! left for clients. What the log and checkpoints need is set aside, so that no number of clients can
//! take it.

use std::fmt;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use shardwright_config::Settings;
use thiserror::Error;

use crate::admin::MAX_CONNECTIONS;
use crate::migration::peer::MOST_OPEN;

/// Standard input, output and error, the process's log, the pair of sockets that signals come by, one
/// connection that is accepted to be refused; the rest for what is open for moments, such as files of
/// `/proc` and the supervisor's socket.
const PROCESS: u64 = 16;

/// The directory's lock, the log's segment and the one after it or a spare, the manifest, the directory
/// while it is synced, the checkpoint that is written, the RDB file that is made of it or reloaded, both
/// to read and to write; twice what can be open at the same time.
const FILES: u64 = 16;

/// What an event loop has: its epoll, another handle on it, the event that wakes it, and its end of the
/// pair of signals.
const LOOP: u64 = 4;

/// Threads with a loop besides the shards': control, the writer and the checkpointer.
const OTHER_LOOPS: u64 = 3;

/// The admin listener's own socket, its worker's loop, and the epoll and event by which it accepts.
const ADMIN: u64 = 1 + LOOP + 2;

/// What a connection to another server has: its socket, or before it two while a name is looked up.
const PEER: u64 = 2;

/// Descriptors that the process needs besides its clients'.
fn reserve(settings: &Settings, shards: u16) -> u64 {
    let listeners = settings.bind.len() as u64 + u64::from(settings.unixsocket.is_some());
    let loops = u64::from(shards) + OTHER_LOOPS;
    let admin = if settings.admin_port == 0 { 0 } else { ADMIN + MAX_CONNECTIONS as u64 };
    PROCESS + FILES + listeners + loops * LOOP + admin + PEER * MOST_OPEN as u64
}

/// The limits of open files that the system keeps for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// What it may have.
    soft: u64,
    /// What it may raise that to by itself.
    hard: u64,
}

/// What became of making room for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Clients that there is room for: as many as were wanted, or fewer.
    pub clients: u32,
    /// Open files that the process may have now.
    limit: u64,
    /// Open files that it might have before.
    before: u64,
    /// Of these, those that are not for clients.
    reserve: u64,
}

impl Room {
    /// Room for so many clients of those that are wanted.
    fn within(limit: u64, before: u64, wanted: u32, reserve: u64) -> Self {
        let left = u32::try_from(limit.saturating_sub(reserve)).unwrap_or(u32::MAX);
        Self { clients: wanted.min(left), limit, before, reserve }
    }

    /// Puts into the log what changed, and that `wanted` clients are too many, if they are.
    fn tell(&self, wanted: u32) {
        if self.limit != self.before {
            let (limit, before) = (self.limit, self.before);
            tracing::info!(limit, before, "the limit of open files was raised");
        }
        if self.clients < wanted {
            tracing::warn!("{}", Reduced { room: *self, wanted });
        }
    }
}

/// The warning that there is room for fewer clients than the settings want.
struct Reduced {
    room: Room,
    wanted: u32,
}

impl fmt::Display for Reduced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { room: Room { clients, limit, reserve, .. }, wanted } = self;
        write!(
            f,
            "maxclients has been reduced to {clients} from {wanted}: the process may have {limit} \
             open files, of which it needs {reserve} for itself. Raise the limit ('ulimit -n', \
             'LimitNOFILE' of systemd) if that is too few"
        )
    }
}

/// There is no room for any client.
#[derive(Debug, Error)]
#[error(
    "the process may have {limit} open files, but needs {needed}: raise the limit ('ulimit -n', \
     'LimitNOFILE' of systemd)"
)]
pub struct NoRoom {
    /// Open files that the process may have.
    limit: u64,
    /// What it needs for itself and one client.
    needed: u64,
}

/// Makes room for the clients that settings want, or lowers `maxclients` to those that there is room
/// for.
///
/// # Errors
/// There is room for none; the settings are unchanged then.
pub fn fit(settings: &mut Settings, shards: u16) -> Result<(), NoRoom> {
    let wanted = settings.maxclients;
    let room = make_room(settings, shards);
    if room.clients == 0 {
        return Err(NoRoom { limit: room.limit, needed: room.reserve + 1 });
    }
    room.tell(wanted);
    settings.maxclients = room.clients;
    Ok(())
}

/// Raises the process's limit of open files, as far as the system lets it, so that the clients that
/// settings want fit besides the reserve. The limit is never lowered.
pub fn make_room(settings: &Settings, shards: u16) -> Room {
    let (wanted, reserve) = (settings.maxclients, reserve(settings, shards));
    // Without an answer of the system, what it usually says, as Redis assumes.
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
    let set = |to: Limits| setrlimit(Resource::RLIMIT_NOFILE, to.soft, to.hard).is_ok();
    let limit = raise(Limits { soft, hard }, u64::from(wanted) + reserve, set);
    Room::within(limit, soft, wanted, reserve)
}

/// Raises limits to what is needed, or as far as `set` lets them; gives what holds then.
fn raise(now: Limits, needed: u64, mut set: impl FnMut(Limits) -> bool) -> u64 {
    if needed <= now.soft {
        return now.soft;
    }
    // Whoever has the right to raise the second limit can have all; others have what it says.
    let all = Limits { soft: needed, hard: now.hard.max(needed) };
    let most = Limits { soft: now.hard, hard: now.hard };
    match [all, most].into_iter().find(|limits| limits.soft > now.soft && set(*limits)) {
        Some(limits) => limits.soft,
        None => now.soft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Raises for a process without rights.
    fn raised(soft: u64, hard: u64, needed: u64) -> u64 {
        raise(Limits { soft, hard }, needed, |limits| limits.hard <= hard && limits.soft <= hard)
    }

    #[test]
    fn the_limit_rises_to_what_is_needed_or_what_is_allowed_and_never_falls() {
        for (soft, hard, needed, limit) in [
            (1024, 1_048_576, 10_200, 10_200),
            (1024, 4096, 10_200, 4096),
            (4096, 4096, 10_200, 4096),
            (20_000, 20_000, 10_200, 20_000),
            (1024, u64::MAX, 10_200, 10_200),
        ] {
            assert_eq!(raised(soft, hard, needed), limit, "{soft} {hard} {needed}");
        }
        let limits = Limits { soft: 1024, hard: 4096 };
        assert_eq!(raise(limits, 10_200, |_| true), 10_200, "with the right to raise both");
        assert_eq!(raise(limits, 10_200, |_| false), 1024, "the system refuses everything");
    }

    #[test]
    fn clients_have_what_the_reserve_leaves() {
        for (limit, wanted, clients) in
            [(10_200, 10_000, 10_000), (4096, 10_000, 3896), (200, 10_000, 0), (100, 5, 0)]
        {
            assert_eq!(Room::within(limit, 1024, wanted, 200).clients, clients, "{limit}");
        }
    }

    #[test]
    fn the_reserve_grows_with_shards_and_listeners() {
        let settings = Settings { admin_port: 0, ..Settings::default() };
        let least = reserve(&settings, 1);
        assert_eq!(reserve(&settings, 3), least + 2 * LOOP);
        let with_socket = Settings { unixsocket: Some("s".into()), ..settings };
        assert_eq!(reserve(&with_socket, 1), least + 1);
        let with_admin = Settings { admin_port: 9121, ..with_socket };
        assert_eq!(reserve(&with_admin, 1), least + 1 + ADMIN + MAX_CONNECTIONS as u64);
    }

    #[test]
    fn the_warning_says_what_redis_says() {
        let room = Room::within(4096, 1024, 10_000, 200);
        let text = Reduced { room, wanted: 10_000 }.to_string();
        assert!(text.starts_with("maxclients has been reduced to 3896 from 10000: "), "{text}");
    }
}
