//! How two replies of COMMAND DOCS are compared: field by field, in their order. Only the words of
//! a summary and the choice of subcommands may differ.

use std::collections::BTreeMap;

use crate::differential::admitted;
use crate::differential::compare::same_kind;
use crate::harness::reply::Reply;

/// Each command of ours is documented as Redis's of the same name. Commands may be missing here,
/// and those that later versions of Redis have may be more.
///
/// # Errors
/// The first command and field that differ.
pub fn same_docs(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    let theirs: BTreeMap<String, &Reply> = pairs(theirs).collect();
    let is_later = |name: &str| admitted::LATER_FORMS.contains(&name);
    pairs(ours).try_for_each(|(name, doc)| match theirs.get(&name) {
        Some(other) if is_later(&name) => same_kind(doc, other),
        Some(other) => same_doc(doc, other).map_err(|problem| format!("{name}: {problem}")),
        None if admitted::LATER_NAMES.contains(&name.as_str()) => Ok(()),
        None => Err(format!("{name} is not Redis's")),
    })
}

/// A flattened map, which RESP2 gives as an array.
fn pairs(map: &Reply) -> impl Iterator<Item = (String, &Reply)> {
    map.items().chunks_exact(2).map(|pair| (pair[0].text(), &pair[1]))
}

fn same_doc(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    let names = |doc| pairs(doc).map(|(name, _)| name).collect::<Vec<_>>();
    if names(ours) != names(theirs) {
        return Err(format!("fields {:?} instead of {:?}", names(ours), names(theirs)));
    }
    for ((name, left), (_, right)) in pairs(ours).zip(pairs(theirs)) {
        match name.as_str() {
            "summary" => same_kind(left, right)?,
            "subcommands" => same_docs(left, right)?,
            _ if left == right => {}
            _ => return Err(format!("{name} {left:?} instead of {right:?}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    /// The documentation of one command.
    fn docs(name: &str, fields: &[(&str, Reply)]) -> Reply {
        let fields = fields.iter().flat_map(|(name, field)| [bulk(name), field.clone()]);
        Reply::Map(vec![bulk(name), Reply::Map(fields.collect())])
    }

    #[test]
    fn only_summaries_and_the_choice_of_subcommands_may_differ() {
        let sub = |name: &str| docs(name, &[("since", bulk("2.0.0"))]);
        let two = Reply::Map([sub("x|a").items(), sub("x|b").items()].concat());
        let other = |fields: &[(&str, Reply)]| {
            let theirs =
                [("summary", bulk("s")), ("since", bulk("1")), ("subcommands", two.clone())];
            same_docs(&docs("x", fields), &docs("x", &theirs)).is_ok()
        };
        let summary = || ("summary", bulk("own words"));
        let since = |version| ("since", bulk(version));
        let subcommands = |name| ("subcommands", sub(name));
        assert!(other(&[summary(), since("1"), subcommands("x|a")]));
        assert!(!other(&[summary(), since("2"), subcommands("x|a")]), "another value");
        assert!(!other(&[summary(), since("1")]), "a field too few");
        assert!(!other(&[since("1"), summary(), subcommands("x|a")]), "another order");
        assert!(!other(&[summary(), since("1"), subcommands("x|c")]), "not Redis's");
        assert!(!other(&[("summary", Reply::Null), since("1"), subcommands("x|a")]), "no text");
    }
}
