//! Publish and subscribe: SUBSCRIBE and its kin, PUBLISH, PUBSUB.

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Command, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use shardwright_store::error::CommandError;

use super::pubsub_arguments as args;
use super::write_help;
use crate::pubsub::{Kind, Published};
use crate::registry::{SessionCommand, SessionRun};
use crate::session::SessionCx;

const TO_LISTEN: &[Flags] =
    &[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::BARRIER];

const TO_PUBLISH: &[Flags] =
    &[Flags::PUBSUB, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::BARRIER];

const TO_ASK: &[Flags] = &[Flags::PUBSUB, Flags::LOADING, Flags::STALE];

const fn listening(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::PubSub, arity).flags(TO_LISTEN)
}

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[
    Command::new(
        listening("subscribe", -2)
            .doc(
                "2.0.0",
                "O(N) where N is the number of channels to subscribe to.",
                "Get what is published to channels from now on",
            )
            .arguments(args::CHANNELS)
            .example("> SUBSCRIBE news\n1) \"subscribe\"\n2) \"news\"\n3) (integer) 1"),
        SessionRun::Handler(|cx, args, reply| add(cx, Kind::Channel, "subscribe", args, reply)),
    ),
    Command::new(
        listening("unsubscribe", -1)
            .doc(
                "2.0.0",
                "O(N) where N is the number of clients already subscribed to a channel.",
                "Get no more of channels, or of any",
            )
            .arguments(args::SOME_CHANNELS)
            .example("> UNSUBSCRIBE news\n1) \"unsubscribe\"\n2) \"news\"\n3) (integer) 0"),
        SessionRun::Handler(|cx, args, reply| {
            remove(cx, Kind::Channel, "unsubscribe", args, reply)
        }),
    ),
    Command::new(
        listening("psubscribe", -2)
            .doc(
                "2.0.0",
                "O(N) where N is the number of patterns the client is already subscribed to.",
                "Get what is published to all channels whose names match patterns",
            )
            .arguments(args::PATTERNS)
            .example("> PSUBSCRIBE n*\n1) \"psubscribe\"\n2) \"n*\"\n3) (integer) 1"),
        SessionRun::Handler(|cx, args, reply| add(cx, Kind::Pattern, "psubscribe", args, reply)),
    ),
    Command::new(
        listening("punsubscribe", -1)
            .doc(
                "2.0.0",
                "O(N+M) where N is the number of patterns the client is already subscribed and M \
                 is the number of total patterns subscribed in the system (by any client).",
                "Get no more of what matches patterns, or any pattern",
            )
            .arguments(args::SOME_PATTERNS)
            .example("> PUNSUBSCRIBE\n1) \"punsubscribe\"\n2) (nil)\n3) (integer) 0"),
        SessionRun::Handler(|cx, args, reply| {
            remove(cx, Kind::Pattern, "punsubscribe", args, reply)
        }),
    ),
    Command::new(
        Spec::new("publish", Group::PubSub, 3)
            .flags(TO_PUBLISH)
            .doc(
                "2.0.0",
                "O(N+M) where N is the number of clients subscribed to the receiving channel and \
                 M is the total number of subscribed patterns (by any client).",
                "Send a message to all who listen to a channel",
            )
            .arguments(args::PUBLISH)
            .example("> PUBLISH news hello\n(integer) 0"),
        SessionRun::Handler(publish),
    ),
    Command::new(
        listening("ssubscribe", -2)
            .keys(&[KeySpec::rest(1, 1, KeyUse::NOT_KEY)])
            .doc(
                "7.0.0",
                "O(N) where N is the number of shard channels to subscribe to.",
                "Get what is published to shard channels from now on",
            )
            .arguments(args::SHARD_CHANNELS)
            .example("> SSUBSCRIBE news\n1) \"ssubscribe\"\n2) \"news\"\n3) (integer) 1"),
        SessionRun::Handler(ssubscribe),
    ),
    Command::new(
        listening("sunsubscribe", -1)
            .keys(&[KeySpec::rest(1, 1, KeyUse::NOT_KEY)])
            .doc(
                "7.0.0",
                "O(N) where N is the number of clients already subscribed to a shard channel.",
                "Get no more of shard channels, or of any",
            )
            .arguments(args::SOME_SHARD_CHANNELS)
            .example("> SUNSUBSCRIBE\n1) \"sunsubscribe\"\n2) (nil)\n3) (integer) 0"),
        SessionRun::Handler(|cx, args, reply| remove(cx, Kind::Shard, "sunsubscribe", args, reply)),
    ),
    Command::new(
        Spec::new("spublish", Group::PubSub, 3)
            .flags(TO_PUBLISH)
            .keys(&[KeySpec::one(1, KeyUse::NOT_KEY)])
            .doc(
                "7.0.0",
                "O(N) where N is the number of clients subscribed to the receiving shard channel.",
                "Send a message to all who listen to a shard channel",
            )
            .arguments(args::SPUBLISH)
            .example("> SPUBLISH news hello\n(integer) 0"),
        SessionRun::Handler(spublish),
    ),
    Command::container(
        Spec::new("pubsub", Group::PubSub, -2)
            .doc("2.8.0", "Depends on subcommand.", "Commands about who listens to what")
            .example("> PUBSUB NUMPAT\n(integer) 0"),
        SUBCOMMANDS,
    ),
];

const SUBCOMMANDS: &[SessionCommand] = &[
    Command::new(
        Spec::new("channels", Group::PubSub, -2)
            .flags(TO_ASK)
            .doc(
                "2.8.0",
                "O(N) where N is the number of active channels, and assuming constant time \
                 pattern matching (relatively short channels and patterns)",
                "Get the channels that somebody listens to",
            )
            .arguments(args::PATTERN)
            .example("> PUBSUB CHANNELS\n(empty array)"),
        SessionRun::Handler(|cx, args, reply| channels(cx, Kind::Channel, args, reply)),
    ),
    Command::new(
        Spec::new("numpat", Group::PubSub, 2)
            .flags(TO_ASK)
            .doc("2.8.0", "O(1)", "Get the number of different patterns that somebody listens to")
            .example("> PUBSUB NUMPAT\n(integer) 0"),
        SessionRun::Handler(numpat),
    ),
    Command::new(
        Spec::new("numsub", Group::PubSub, -2)
            .flags(TO_ASK)
            .doc(
                "2.8.0",
                "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
                "Get the numbers of those who listen to channels",
            )
            .arguments(args::SOME_CHANNELS)
            .example("> PUBSUB NUMSUB news\n1) \"news\"\n2) (integer) 0"),
        SessionRun::Handler(|cx, args, reply| numsub(cx, Kind::Channel, args, reply)),
    ),
    Command::new(
        Spec::new("shardchannels", Group::PubSub, -2)
            .flags(TO_ASK)
            .doc(
                "7.0.0",
                "O(N) where N is the number of active shard channels, and assuming constant time \
                 pattern matching (relatively short shard channels).",
                "Get the shard channels that somebody listens to",
            )
            .arguments(args::PATTERN)
            .example("> PUBSUB SHARDCHANNELS\n(empty array)"),
        SessionRun::Handler(|cx, args, reply| channels(cx, Kind::Shard, args, reply)),
    ),
    Command::new(
        Spec::new("shardnumsub", Group::PubSub, -2)
            .flags(TO_ASK)
            .doc(
                "7.0.0",
                "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard \
                 channels",
                "Get the numbers of those who listen to shard channels",
            )
            .arguments(args::SOME_SHARD_CHANNELS)
            .example("> PUBSUB SHARDNUMSUB news\n1) \"news\"\n2) (integer) 0"),
        SessionRun::Handler(|cx, args, reply| numsub(cx, Kind::Shard, args, reply)),
    ),
    Command::new(
        Spec::new("help", Group::PubSub, 2).flags(&[Flags::LOADING, Flags::STALE]).doc(
            "6.2.0",
            "O(1)",
            "Show a text about the subcommands",
        ),
        SessionRun::Handler(help),
    ),
];

/// SUBSCRIBE and its kin: an answer for each name.
fn add(
    cx: &mut SessionCx<'_>,
    kind: Kind,
    verb: &'static str,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    for name in args.skip(1).iter() {
        let name = cx.client.subscriptions().add(kind, name, &cx.server.pubsub);
        cx.client.tell_subscription(kind, verb, Some(name));
    }
    cx.client.publish_subscriptions();
    cx.flush_pushes(reply);
    Ok(())
}

fn ssubscribe(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if cx.in_transaction {
        // Redis allows it for the other two alone, which were there before it looked.
        return Err(CommandError::Text("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    add(cx, Kind::Shard, "ssubscribe", args, reply)
}

/// UNSUBSCRIBE and its kin: an answer for each name, or for all there are, or one that says that
/// there are none.
fn remove(
    cx: &mut SessionCx<'_>,
    kind: Kind,
    verb: &'static str,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let mut names: Vec<_> = args.skip(1).iter().map(Into::into).collect();
    if args.len() == 1 {
        names = cx.client.subscriptions().names(kind);
        if names.is_empty() {
            cx.client.tell_subscription(kind, verb, None);
        }
    }
    for name in names {
        cx.client.subscriptions().remove(kind, &name, &cx.server.pubsub);
        cx.client.tell_subscription(kind, verb, Some(name));
    }
    cx.client.publish_subscriptions();
    cx.flush_pushes(reply);
    Ok(())
}

fn publish(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let limit = cx.server.push_limit();
    let published = cx.server.pubsub.publish(args.at(1), args.at(2), limit);
    answer(cx, published, reply);
    Ok(())
}

fn spublish(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (pubsub, limit) = (&cx.server.pubsub, cx.server.push_limit());
    let published = pubsub.publish_to_shard_channel(args.at(1), args.at(2), limit);
    answer(cx, published, reply);
    Ok(())
}

/// Calls those who got a message, and tells how many they are. If the client is one of them, it
/// sees the message first.
fn answer(cx: &mut SessionCx<'_>, published: Published, reply: &mut ReplyWriter<'_>) {
    cx.server.call_subscribers(published.calls);
    cx.flush_pushes(reply);
    reply.int(i64::try_from(published.receivers).unwrap_or(i64::MAX));
}

fn channels(
    cx: &mut SessionCx<'_>,
    kind: Kind,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    if args.len() > 3 {
        return Err(wrong_number(args));
    }
    let names = cx.server.pubsub.names(kind, args.get(2));
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name));
    Ok(())
}

/// What Redis says where its table lets any number of arguments through and the command does not.
fn wrong_number(args: Args<'_>) -> CommandError {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::quoting(before, args.at(1), "'. Try PUBSUB HELP.")
}

fn numpat(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(i64::try_from(cx.server.pubsub.count(Kind::Pattern)).unwrap_or(i64::MAX));
    Ok(())
}

fn numsub(
    cx: &mut SessionCx<'_>,
    kind: Kind,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let names = args.skip(2);
    reply.array(2 * names.len());
    for name in names.iter() {
        reply.bulk(name);
        let count = cx.server.pubsub.subscribers(kind, name);
        reply.int(i64::try_from(count).unwrap_or(i64::MAX));
    }
    Ok(())
}

const HELP: &[&str] = &[
    "PUBSUB <subcommand> [<arg> ...]. Subcommands are:",
    "CHANNELS [<pattern>]",
    "    Show the channels that somebody listens to, or those that match a pattern.",
    "NUMPAT",
    "    Tell how many different patterns somebody listens to.",
    "NUMSUB [<channel> ...]",
    "    Tell how many listen to each channel; those by pattern do not count.",
    "SHARDCHANNELS [<pattern>]",
    "    Show the shard channels that somebody listens to, or those that match a pattern.",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Tell how many listen to each shard channel.",
    "HELP",
    "    Show these lines.",
];

fn help(_: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write_help(HELP, reply);
    Ok(())
}
