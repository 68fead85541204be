//! COMMAND DOCS: the documentation of the command table, as redis-cli and client generators read
//! it. Every map has its fields in Redis's order, without those that say nothing.

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Argument, History, Outcome, Spec};

use super::command::{find_by_full_name, write_names};
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

/// A field of a map.
#[derive(Clone, Copy)]
enum Field<'a> {
    /// One that is left out.
    Nothing,
    Text(&'a str),
    Number(i64),
    /// A set of statuses.
    Names(&'a [&'static str]),
    History(&'a [History]),
    Arguments(&'a [Argument]),
    Subcommands(&'a [&'a Entry]),
}

impl<'a> Field<'a> {
    fn text(text: &'a str) -> Self {
        Self::known((!text.is_empty()).then_some(text))
    }

    fn known(text: Option<&'a str>) -> Self {
        text.map_or(Self::Nothing, Self::Text)
    }

    fn list<T>(list: &'a [T], field: fn(&'a [T]) -> Self) -> Self {
        if list.is_empty() { Self::Nothing } else { field(list) }
    }

    fn write(self, reply: &mut ReplyWriter<'_>) {
        match self {
            Self::Nothing => {}
            Self::Text(text) => reply.bulk(text.as_bytes()),
            Self::Number(number) => reply.int(number),
            Self::Names(names) => write_names(names.iter().map(|name| (*name).to_owned()), reply),
            Self::History(history) => write_history(history, reply),
            Self::Arguments(arguments) => {
                reply.array(arguments.len());
                arguments.iter().for_each(|argument| write_argument(argument, reply));
            }
            Self::Subcommands(entries) => write_all(entries, reply),
        }
    }
}

/// A map of those fields that say something.
fn write_fields(fields: &[(&str, Field<'_>)], reply: &mut ReplyWriter<'_>) {
    let told = fields.iter().filter(|(_, field)| !matches!(field, Field::Nothing));
    reply.map(told.clone().count());
    for (name, field) in told {
        reply.bulk(name.as_bytes());
        field.write(reply);
    }
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
    let Spec { doc_flags, deprecation, history, arguments, .. } = *entry.spec;
    let doc_flags: Vec<&str> = doc_flags.names().collect();
    let children: Vec<&Entry> = entry.children.iter().map(|id| registry().entry(*id)).collect();
    let fields = [
        ("summary", Field::text(summary)),
        ("since", Field::text(since)),
        ("group", Field::text(group.name())),
        ("complexity", Field::text(complexity)),
        ("doc_flags", Field::list(&doc_flags, Field::Names)),
        ("deprecated_since", Field::known(deprecation.map(|it| it.since))),
        ("replaced_by", Field::known(deprecation.map(|it| it.replaced_by))),
        ("history", Field::list(history, Field::History)),
        ("arguments", Field::list(arguments, Field::Arguments)),
        ("subcommands", Field::list(&children, Field::Subcommands)),
    ];
    write_fields(&fields, reply);
}

/// A set of pairs of version and text.
fn write_history(history: &[History], reply: &mut ReplyWriter<'_>) {
    reply.set(history.len());
    for History { version, text } in history {
        reply.array(2);
        reply.bulk(version.as_bytes());
        reply.bulk(text.as_bytes());
    }
}

fn write_argument(argument: &Argument, reply: &mut ReplyWriter<'_>) {
    let name = argument.name.to_ascii_lowercase();
    let flags: Vec<&str> = argument.flags.names().collect();
    let key_spec_index = argument.key_spec_index.map(|index| Field::Number(index.into()));
    let fields = [
        ("name", Field::Text(&name)),
        ("type", Field::Text(argument.kind.name())),
        ("key_spec_index", key_spec_index.unwrap_or(Field::Nothing)),
        ("token", Field::known(argument.token)),
        ("since", Field::known(argument.since)),
        ("deprecated_since", Field::known(argument.deprecated_since)),
        ("flags", Field::list(&flags, Field::Names)),
        ("arguments", Field::list(argument.arguments, Field::Arguments)),
    ];
    write_fields(&fields, reply);
}

#[cfg(test)]
mod tests {
    use shardwright_store::command::argument::Kind;

    use super::*;

    /// What is wrong with a grammar, all arguments within others included.
    fn faults(arguments: &[Argument], spec: &Spec) -> Vec<String> {
        let mut faults = Vec::new();
        for argument in arguments {
            let Argument { name, kind, key_spec_index, .. } = *argument;
            let is_group = matches!(kind, Kind::OneOf | Kind::Block);
            if is_group == argument.arguments.is_empty() {
                faults.push(format!("{name} has {} arguments", argument.arguments.len()));
            }
            if key_spec_index.is_some_and(|index| usize::from(index) >= spec.keys.len()) {
                faults.push(format!("{name} has no key specification {key_spec_index:?}"));
            }
            faults.extend(self::faults(argument.arguments, spec));
        }
        faults
    }

    #[test]
    fn grammars_agree_with_their_commands() {
        for entry in registry().entries() {
            let faults = faults(entry.spec.arguments, entry.spec);
            assert_eq!(faults, [""; 0], "{}", entry.full_name);
        }
    }
}
