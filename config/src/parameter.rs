//! One row of the table: a parameter and how its value is read, printed and refused.

use std::fmt;

use crate::kind::{Field, Kind};
use crate::settings::Settings;
use crate::value::ValueError;

/// One parameter.
pub struct Parameter {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Redis's other names for it.
    pub aliases: &'static [&'static str],
    /// What its value must look like.
    pub kind: Kind,
    /// The value when no source names it, as somebody would write it.
    pub default: &'static str,
    /// Whether CONFIG SET and a reload can change it.
    pub mutable: bool,
    /// Whether CONFIG SET takes the value that it has although it cannot change: Redis can change it,
    /// and scripts that only make sure of what is so already need not know.
    pub settled: bool,
    /// Whether CONFIG SET needs `enable-protected-configs`.
    pub protected: bool,
    /// Why it has only its default today, if that is so.
    pub only: Option<&'static str>,
    /// Whether a source may ask for a value that it cannot have, which costs a warning: so that files
    /// with the defaults of Redis start, and those that ask for what nobody would miss. CONFIG SET
    /// refuses it.
    pub tolerant: bool,
    /// One line on what it is for.
    pub help: &'static str,
    access: Access,
}

/// Where a parameter's value lives.
pub(crate) enum Access {
    /// In a field of the settings.
    Field(fn(&Settings) -> &dyn Field, fn(&mut Settings) -> &mut dyn Field),
    /// Nowhere: only the default is true. These texts mean the same as the default.
    Fixed(&'static [&'static str]),
}

/// Names the field that holds a parameter's value.
macro_rules! field {
    ($field:ident) => {
        $crate::parameter::Access::Field(
            |settings| &settings.$field,
            |settings| &mut settings.$field,
        )
    };
}
pub(crate) use field;

impl Parameter {
    /// A row for a field, which cannot change while the server runs.
    pub(crate) const fn new(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        access: Access,
        help: &'static str,
    ) -> Self {
        let aliases = &[];
        let (mutable, settled, protected, only, tolerant) = (false, false, false, None, false);
        Self {
            name,
            aliases,
            kind,
            default,
            mutable,
            settled,
            protected,
            only,
            tolerant,
            help,
            access,
        }
    }

    /// A row for a parameter whose feature is missing for the `reason` given.
    pub(crate) const fn fixed(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        reason: &'static str,
        help: &'static str,
    ) -> Self {
        let mut row = Self::new(name, kind, default, Access::Fixed(&[]), help);
        row.only = Some(reason);
        row
    }

    /// The same row for a parameter of which sources may ask for what it cannot have.
    pub(crate) const fn tolerant(mut self) -> Self {
        self.tolerant = true;
        self
    }

    /// The same row with other names for it.
    pub(crate) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The same row for a parameter that can change while the server runs.
    pub(crate) const fn changeable(mut self) -> Self {
        self.mutable = true;
        self
    }

    /// The same row for a parameter that CONFIG SET may set to what it is.
    pub(crate) const fn settled(mut self) -> Self {
        self.settled = true;
        self
    }

    /// The same row for a parameter that `enable-protected-configs` guards.
    pub(crate) const fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// The same row for a missing feature, with texts that mean the same as the default.
    pub(crate) const fn same_as_default(mut self, texts: &'static [&'static str]) -> Self {
        self.access = Access::Fixed(texts);
        self
    }

    /// Whether its value must never be shown in errors and logs.
    #[must_use]
    pub fn secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// Every name it has, its own first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The value as CONFIG GET prints it: `yes` and `no`, bytes as plain numbers. Secrets as they
    /// are, as Redis does.
    #[must_use]
    pub fn get(&self, settings: &Settings) -> String {
        match self.access {
            Access::Field(field, _) => field(settings).show(),
            Access::Fixed(_) => self.default.to_owned(),
        }
    }

    /// Takes the value that a text says. Whether it may change now is the caller's question.
    ///
    /// # Errors
    /// The text is no value of this kind, is out of range, or asks for a feature that is missing;
    /// the settings are unchanged then.
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<(), ValueError> {
        match self.access {
            Access::Field(_, field) => field(settings).update(self.kind, text),
            Access::Fixed(same) => {
                let same = same.iter().any(|other| other.eq_ignore_ascii_case(text));
                if same || self.kind.normalize(text)? == self.default {
                    Ok(())
                } else {
                    let reason = self.only.unwrap_or_default();
                    Err(ValueError::Only { value: self.default, reason })
                }
            }
        }
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Parameter").field(&self.name).finish()
    }
}
