//! How what was published comes to the connections of a thread.

use super::Thread;
use crate::messages::ConnId;

impl Thread {
    /// Lets connections take what was published for them, as many as a turn has time for. Returns
    /// whether some have to wait for the next one.
    pub fn deliver(&self) -> bool {
        let mut called = self.called.take();
        called.extend(self.server.pubsub.called(self.id));
        let begin = self.clock.ticks();
        while let Some(id) = called.pop_front() {
            self.take_pushes(id);
            if self.clock.ticks().since(begin) > self.turn_ticks {
                break;
            }
        }
        let more = !called.is_empty();
        self.called.replace(called);
        more
    }

    fn take_pushes(&self, id: ConnId) {
        if let Some(connection) = self.connections.borrow_mut().get_mut(id)
            && connection.session.has_overflowed()
        {
            self.server.pubsub.count_overflow();
            let client = connection.session.client.info.id;
            tracing::warn!(
                client,
                "a subscriber takes its messages too slowly: it is disconnected"
            );
            return connection.break_off();
        }
        self.with_connection(id, |_| {});
    }
}
