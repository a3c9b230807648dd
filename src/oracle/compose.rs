//! `all` and `any`: several criteria as one.
//!
//! Three-valued logic. `all`: a fail of one part fails the whole, whatever the others say; else an ungraded part leaves the
//! whole ungraded; else it passes. `any`: a pass of one part passes the whole; else an ungraded part leaves it ungraded; else
//! it fails. The gate combines the gates of the parts in the same way. For `all`, parts without a gate are left out; for
//! `any`, one part without a gate leaves the whole without one, because that part might still accept the reply.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::DeValue;

use super::{Criterion, Judgement, Kind, Sample, Table, TableError, kind, kind_names};
use crate::diag::nearest;
use crate::record::Verdict;

pub(super) const ALL: Kind = Kind {
    name: "all",
    summary: "every one of several criteria",
    build: |table| build(table, Mode::All),
    schema: || schemars::schema_for!(Settings).to_value(),
};

pub(super) const ANY: Kind = Kind {
    name: "any",
    summary: "one of several criteria at the least",
    build: |table| build(table, Mode::Any),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// Several criteria as one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The parts: each a table with one key, the kind, and that kind's table.
    #[schemars(with = "Vec<std::collections::BTreeMap<String, serde_json::Value>>")]
    of: Spanned<Vec<serde::de::IgnoredAny>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    All,
    Any,
}

#[derive(Debug)]
struct Composed {
    mode: Mode,
    parts: Vec<Box<dyn Criterion>>,
}

fn build(table: Table<'_>, mode: Mode) -> Result<Box<dyn Criterion>, TableError> {
    // The shape is checked by serde, for its messages; the parts keep their places.
    let shape = Settings::deserialize(table.clone().into_deserializer())?;
    if shape.of.get_ref().is_empty() {
        let help = "list the parts: of = [{ label = { ... } }, { pattern = { ... } }]";
        return Err(TableError::new(shape.of.span(), "there is no part", help));
    }
    let mut parts = Vec::new();
    if let DeValue::Table(mut table) = table.into_inner()
        && let Some(of) = table.remove("of")
        && let DeValue::Array(items) = of.into_inner()
    {
        for item in items {
            parts.push(part(item)?);
        }
    }
    Ok(Box::new(Composed { mode, parts }))
}

fn part(item: Spanned<DeValue<'_>>) -> Result<Box<dyn Criterion>, TableError> {
    let span = item.span();
    let help = || format!("a part is a table with one key, the kind: {}", kind_names().join(", "));
    let DeValue::Table(table) = item.into_inner() else {
        return Err(TableError::new(span, "a part is no table", help()));
    };
    let mut entries = table.into_iter();
    match (entries.next(), entries.next()) {
        (Some((name, settings)), None) => match kind(name.get_ref()) {
            Some(kind) => (kind.build)(settings),
            None => {
                let help = match nearest(name.get_ref(), kind_names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => help(),
                };
                Err(TableError::new(name.span(), format!("unknown kind `{}`", name.get_ref()), help))
            }
        },
        _ => Err(TableError::new(span, "a part has one kind", help())),
    }
}

/// One verdict of several.
fn combine(mode: Mode, verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let (mut deciding, mut ungraded, mut other) = (None, None, None);
    for verdict in verdicts {
        let slot = match (&verdict, mode) {
            (Verdict::Fail(_), Mode::All) | (Verdict::Pass, Mode::Any) => &mut deciding,
            (Verdict::Ungraded(_), _) => &mut ungraded,
            (Verdict::Pass, Mode::All) | (Verdict::Fail(_), Mode::Any) => &mut other,
        };
        slot.get_or_insert(verdict);
    }
    deciding.or(ungraded).or(other).unwrap_or(Verdict::Pass)
}

impl Criterion for Composed {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let judgements: Vec<Judgement> = self.parts.iter().map(|part| part.judge(sample)).collect();
        let verdict = combine(self.mode, judgements.iter().map(|judgement| judgement.verdict.clone()));
        let gate = self
            .has_gate()
            .then(|| combine(self.mode, judgements.into_iter().filter_map(|judgement| judgement.gate)));
        Judgement { gate, verdict }
    }

    fn has_gate(&self) -> bool {
        match self.mode {
            Mode::All => self.parts.iter().any(|part| part.has_gate()),
            Mode::Any => self.parts.iter().all(|part| part.has_gate()),
        }
    }

    fn needs_expected(&self) -> bool {
        match self.mode {
            Mode::All => self.parts.iter().any(|part| part.needs_expected()),
            Mode::Any => self.parts.iter().all(|part| part.needs_expected()),
        }
    }
}
