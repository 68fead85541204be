//! COMMAND DOCS: the documentation lines of the command table, as redis-cli and client generators
//! read them.

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Outcome, Spec};

use super::command::find_by_full_name;
use crate::registry::{Entry, registry};
use crate::session::SessionCx;

/// COMMAND DOCS. A name that does not exist is left out.
pub(super) fn docs(_: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let entries: Vec<&Entry> = if args.len() == 2 {
        registry().top_level().collect()
    } else {
        args.iter().skip(2).filter_map(find_by_full_name).collect()
    };
    write_all(&entries, reply);
    Ok(())
}

/// A map from full names to documentation.
fn write_all(entries: &[&Entry], reply: &mut ReplyWriter<'_>) {
    reply.map(entries.len());
    for entry in entries {
        reply.bulk(entry.full_name.as_bytes());
        write_one(entry, reply);
    }
}

fn write_one(entry: &Entry, reply: &mut ReplyWriter<'_>) {
    let Spec { summary, since, group, complexity, .. } = *entry.spec;
    let lines = [
        ("summary", summary),
        ("since", since),
        ("group", group.name()),
        ("complexity", complexity),
    ];
    let lines = lines.iter().filter(|(_, text)| !text.is_empty());
    let children: Vec<&Entry> = entry.children.iter().map(|id| registry().entry(*id)).collect();
    reply.map(lines.clone().count() + usize::from(!children.is_empty()));
    for (name, text) in lines {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if !children.is_empty() {
        reply.bulk(b"subcommands");
        write_all(&children, reply);
    }
}
