//! The reaper: a thread that frees what is too much for a shard's turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};

use shardwright_store::partition::Garbage;

/// Messages of garbage that wait to be freed. Who finds the queue full frees its own.
const QUEUE: usize = 64;

/// What the reaper was given and what it has freed: keys of flushed databases, and large values.
#[derive(Debug, Default)]
pub struct Reaped {
    given: AtomicU64,
    freed: AtomicU64,
}

impl Reaped {
    /// Objects that were freed.
    pub fn freed(&self) -> u64 {
        self.freed.load(Relaxed)
    }

    /// Objects that wait to be freed.
    pub fn pending(&self) -> u64 {
        // In this order, so that it is never less than none.
        let freed = self.freed();
        self.given.load(Relaxed).saturating_sub(freed)
    }
}

/// The way to the reaper.
#[derive(Debug)]
pub struct Reaper {
    queue: SyncSender<Vec<Garbage>>,
    reaped: Arc<Reaped>,
}

impl Reaper {
    /// Starts its thread, which ends with the way to it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(reaped: &Arc<Reaped>) -> std::io::Result<Self> {
        let (queue, garbage) = sync_channel::<Vec<Garbage>>(QUEUE);
        let counts = Arc::clone(reaped);
        let free = move |garbage: Vec<Garbage>| {
            for one in garbage {
                let objects = one.objects();
                drop(one);
                counts.freed.fetch_add(objects, Relaxed);
            }
        };
        let thread = std::thread::Builder::new().name("reaper".to_owned());
        thread.spawn(move || garbage.into_iter().for_each(free))?;
        Ok(Self { queue, reaped: Arc::clone(reaped) })
    }

    /// Frees it on the reaper's thread, or here if there is too much to do there.
    pub fn take(&self, garbage: Vec<Garbage>) {
        let objects = garbage.iter().map(Garbage::objects).sum();
        self.reaped.given.fetch_add(objects, Relaxed);
        if let Err(refused) = self.queue.try_send(garbage) {
            drop(refused);
            self.reaped.given.fetch_sub(objects, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use shardwright_store::value::Object;

    use super::*;

    #[test]
    fn what_is_given_is_freed_and_counted() {
        let reaped = Arc::new(Reaped::default());
        let reaper = Reaper::start(&reaped).unwrap();
        assert_eq!((reaped.pending(), reaped.freed()), (0, 0));
        for _ in 0..3 {
            reaper.take(vec![Garbage::Value(Box::new(Object::String(vec![0; 1 << 20])))]);
        }
        let begin = Instant::now();
        while reaped.pending() > 0 && begin.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert_eq!((reaped.pending(), reaped.freed()), (0, 3));
    }
}
