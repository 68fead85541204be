//! What a client gets between replies: messages of channels that it is subscribed to, and the
//! answers of SUBSCRIBE and its kin.

use std::sync::Arc;

use shardwright_codec::resp::{Protocol, ReplyWriter};

use super::{Client, ReplyMode, Session, SessionCx};
use crate::pubsub::push::Push;
use crate::pubsub::subscriber::Subscriber;
use crate::pubsub::{Kind, Name, PubSub, Subscriptions};

impl Client {
    /// What it is subscribed to, to change that.
    pub fn subscriptions(&mut self) -> &mut Subscriptions {
        let info = &self.info;
        self.subscribed
            .get_or_insert_with(|| Box::new(Subscriptions::new(Subscriber::new(Arc::clone(info)))))
    }

    /// Whether it is subscribed to anything.
    #[inline]
    pub fn is_subscribed(&self) -> bool {
        let any = |subscribed: &Subscriptions| Kind::ALL.iter().any(|k| subscribed.count(*k) > 0);
        self.subscribed.as_deref().is_some_and(any)
    }

    /// Whether it has to tell replies from messages by their form: it speaks RESP2 and is subscribed
    /// to something.
    #[inline]
    pub fn must_tell_apart(&self) -> bool {
        self.subscribed.is_some() && self.protocol == Protocol::Resp2 && self.is_subscribed()
    }

    /// Adds the answer to a subscription, or to its end: behind what waits for the client already.
    pub fn tell_subscription(&mut self, kind: Kind, verb: &'static str, name: Option<Name>) {
        let subscribed = self.subscriptions();
        let count = match kind {
            Kind::Shard => subscribed.count(Kind::Shard),
            Kind::Channel | Kind::Pattern => {
                subscribed.count(Kind::Channel) + subscribed.count(Kind::Pattern)
            }
        };
        // The connection is at work, and looks for pushes before it rests: nobody has to call it.
        subscribed.subscriber.push(Push::Answer { verb, name, count }, 0);
    }

    /// Tells others what it is subscribed to.
    pub fn publish_subscriptions(&self) {
        if let Some(subscribed) = &self.subscribed {
            self.info.publish_subscriptions(Kind::ALL.map(|kind| subscribed.count(kind)));
        }
    }

    /// Ends all subscriptions without an answer.
    pub fn end_subscriptions(&mut self, pubsub: &PubSub) {
        if let Some(subscribed) = &mut self.subscribed {
            subscribed.clear(pubsub);
            self.publish_subscriptions();
        }
    }
}

impl SessionCx<'_> {
    /// Writes what waits for the client, before a reply of its own. While replies are off it leaves
    /// by itself.
    pub fn flush_pushes(&mut self, reply: &mut ReplyWriter<'_>) {
        let wants = self.client.reply_mode == ReplyMode::On;
        let Some(subscribed) = &mut self.client.subscribed else { return };
        if !wants || !subscribed.subscriber.has_any() {
            return;
        }
        for push in subscribed.take_pushes() {
            if let Some(shared) = push.write(reply) {
                reply.raw(&shared);
            }
        }
    }
}

impl Session {
    /// Whether more came for the client than it may leave untaken.
    pub fn has_overflowed(&self) -> bool {
        self.client.subscribed.as_ref().is_some_and(|it| it.subscriber.has_overflowed())
    }

    /// Takes pushes into the output, if that is between two replies.
    #[inline]
    pub(super) fn take_pushes(&mut self) {
        if let Some(subscribed) = &self.client.subscribed
            && subscribed.subscriber.has_any()
        {
            self.take_waiting_pushes();
        }
    }

    #[inline(never)]
    fn take_waiting_pushes(&mut self) {
        // A command that waits for a key has said nothing yet. Behind the last reply nothing comes.
        let between = self.flight.is_empty() || self.key_wait.is_some();
        let between = between && !self.client.close;
        let protocol = self.client.protocol;
        let Some(subscribed) = &mut self.client.subscribed else { return };
        if !between || self.output.is_muted() {
            return;
        }
        for push in subscribed.take_pushes() {
            let out = self.output.buffer();
            if let Some(shared) = push.write(&mut ReplyWriter::new(out, protocol)) {
                self.output.share(shared);
            }
        }
    }
}
