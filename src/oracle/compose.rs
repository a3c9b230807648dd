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

use super::ask::{Asks, Question, QuestionContext};
use super::judgement::Judgement;
use super::kind::{Build, Criterion, Kind, Kinds, Table, TableError};
use super::sample::Sample;
use crate::diag::nearest;
use crate::record::Verdict;

pub(super) const ALL: Kind = Kind {
    name: "all",
    summary: "every one of several criteria",
    build: Build::OfParts(|table, kinds| build(table, kinds, Mode::All)),
    schema: || schemars::schema_for!(Settings).to_value(),
};

pub(super) const ANY: Kind = Kind {
    name: "any",
    summary: "at least one of several criteria",
    build: Build::OfParts(|table, kinds| build(table, kinds, Mode::Any)),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// Several criteria as one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The parts: each a table with one key, the kind, and that kind's table.
    #[schemars(with = "Vec<std::collections::BTreeMap<String, serde_json::Value>>")]
    of: Spanned<Vec<serde::de::IgnoredAny>>,
    /// For `all`: the weighted share of parts that must pass, in place of every one. A part's `weight` stands beside its kind,
    /// and is 1 where absent; one of 0 never fails.
    #[schemars(with = "Option<f64>")]
    threshold: Option<Spanned<f64>>,
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

/// Parts of which a weighted share must pass.
#[derive(Debug)]
struct Weighted {
    threshold: f64,
    parts: Vec<(f64, Box<dyn Criterion>)>,
}

fn build(table: Table<'_>, kinds: Kinds, mode: Mode) -> Result<Box<dyn Criterion>, TableError> {
    // The shape is checked by serde, for its messages; the parts keep their places.
    let shape = Settings::deserialize(table.clone().into_deserializer())?;
    if shape.of.get_ref().is_empty() {
        let help = "list the parts: of = [{ label = { ... } }, { pattern = { ... } }]";
        return Err(TableError::new(shape.of.span(), "there are no parts", help));
    }
    let threshold = match &shape.threshold {
        Some(share) if mode == Mode::Any => {
            let help = "`any` requires one part; use [all] with a threshold";
            return Err(TableError::new(share.span(), "`any` has no threshold", help));
        }
        Some(share) if !(*share.get_ref() > 0.0 && *share.get_ref() <= 1.0) => {
            return Err(TableError::new(
                share.span(),
                "a threshold must be above 0 and at most 1",
                "use a number such as 0.75",
            ));
        }
        Some(share) => Some(*share.get_ref()),
        None => None,
    };
    let mut parts = Vec::new();
    if let DeValue::Table(mut table) = table.into_inner()
        && let Some(of) = table.remove("of")
        && let DeValue::Array(items) = of.into_inner()
    {
        for item in items {
            let (weight, item) = weight_of(item)?;
            parts.push((weight, part(item, kinds)?));
        }
    }
    if let Some(threshold) = threshold {
        return Ok(Box::new(Weighted { threshold, parts }));
    }
    if parts.iter().all(|(weight, _)| *weight <= 0.0) {
        let help = "give one of them a weight above 0";
        return Err(TableError::new(shape.of.span(), "all weights are 0, so every answer would pass", help));
    }
    // A part that counts for nothing cannot fail the whole, and cannot pass it either.
    let parts = parts.into_iter().filter(|(weight, _)| *weight > 0.0).map(|(_, part)| part).collect();
    Ok(Box::new(Composed { mode, parts }))
}

/// A part: a table with one key, the kind, and the table of that kind.
pub(super) fn part(item: Spanned<DeValue<'_>>, kinds: Kinds) -> Result<Box<dyn Criterion>, TableError> {
    let span = item.span();
    let help = || format!("a part is a table with one key, the kind: {}", kinds.names().join(", "));
    let DeValue::Table(table) = item.into_inner() else {
        return Err(TableError::new(span, "a part must be a table", help()));
    };
    let mut entries = table.into_iter();
    match (entries.next(), entries.next()) {
        (Some((name, settings)), None) => match kinds.find(name.get_ref()) {
            Some(kind) => kind.build(settings, kinds),
            None => {
                let help = match nearest(name.get_ref(), kinds.names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => help(),
                };
                Err(TableError::new(name.span(), format!("unknown kind `{}`", name.get_ref()), help))
            }
        },
        _ => Err(TableError::new(span, "a part must have exactly one kind", help())),
    }
}

/// The weight that stands beside a part's kind, and the part without it.
fn weight_of(item: Spanned<DeValue<'_>>) -> Result<(f64, Spanned<DeValue<'_>>), TableError> {
    let span = item.span();
    let mut value = item.into_inner();
    let weight = match &mut value {
        DeValue::Table(table) => table.remove("weight"),
        _ => None,
    };
    let weight = match weight {
        None => 1.0,
        Some(weight) => {
            let place = weight.span();
            let number = f64::deserialize(weight.into_deserializer()).ok();
            let help = "use a number, 0 or more";
            number
                .filter(|weight| weight.is_finite() && *weight >= 0.0)
                .ok_or_else(|| TableError::new(place, "this is not a weight", help))?
        }
    };
    Ok((weight, Spanned::new(span, value)))
}

impl Weighted {
    /// Whether the weighted share of passes reaches the threshold, for sure or not at all; ungraded where that hangs on what
    /// could not be graded.
    fn combine<'a>(&self, verdicts: impl Iterator<Item = (f64, &'a Verdict)>) -> Verdict {
        let (mut all, mut passed, mut open, mut why) = (0.0, 0.0, 0.0, None);
        for (weight, verdict) in verdicts {
            all += weight;
            match verdict {
                Verdict::Pass => passed += weight,
                Verdict::Fail(_) => {}
                Verdict::Ungraded(reason) => {
                    open += weight;
                    if weight > 0.0 {
                        why.get_or_insert(reason);
                    }
                }
            }
        }
        // The weights are what users type, so they are compared with some slack for binary fractions.
        let reaches = |sum: f64| all <= 0.0 || sum / all + 1e-9 >= self.threshold;
        match why {
            _ if reaches(passed) => Verdict::Pass,
            Some(reason) if reaches(passed + open) => Verdict::Ungraded(reason.clone()),
            Some(_) | None => Verdict::Fail("too few of the criteria are met".to_owned()),
        }
    }

    fn combined(&self, judged: Vec<(f64, Judgement)>) -> Judgement {
        let verdict = self.combine(judged.iter().map(|(weight, judged)| (*weight, &judged.verdict)));
        let needing = self.parts.iter().zip(&judged).filter(|((_, part), _)| part.needs_expected());
        let truths: Option<Vec<(f64, Verdict)>> =
            needing.map(|(_, (weight, judged))| Some((*weight, judged.truth.clone()?))).collect();
        let truth = truths
            .filter(|truths| !truths.is_empty())
            .map(|truths| self.combine(truths.iter().map(|(weight, truth)| (*weight, truth))));
        // What a part without a gate would say is not known in production: it is given the benefit of the doubt.
        let gates: Vec<(f64, Verdict)> = judged
            .into_iter()
            .map(|(weight, judged)| (weight, judged.gate.unwrap_or(Verdict::Pass)))
            .collect();
        let gate = self.has_gate().then(|| self.combine(gates.iter().map(|(weight, gate)| (*weight, gate))));
        Judgement { gate, verdict, truth }
    }
}

impl Criterion for Weighted {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        self.combined(self.parts.iter().map(|(weight, part)| (*weight, part.judge(sample))).collect())
    }

    fn judge_with(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Judgement {
        let judge = |(weight, part): &(f64, Box<dyn Criterion>)| (*weight, part.judge_with(sample, asked));
        self.combined(self.parts.iter().map(judge).collect())
    }

    fn questions(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Vec<Question> {
        open_questions(self, self.parts.iter().map(|(_, part)| &**part), sample, asked)
    }

    fn asks(&self) -> Vec<Asks> {
        self.parts.iter().flat_map(|(_, part)| part.asks()).collect()
    }

    fn grades_refusals(&self) -> bool {
        self.parts.iter().any(|(_, part)| part.grades_refusals())
    }

    fn has_gate(&self) -> bool {
        self.parts.iter().any(|(_, part)| part.has_gate())
    }

    fn needs_expected(&self) -> bool {
        self.parts.iter().any(|(weight, part)| *weight > 0.0 && part.needs_expected())
    }
}

/// What the parts ask, as long as the whole hangs on it: what the other parts decide by themselves is not worth a call.
fn open_questions<'a>(
    whole: &dyn Criterion,
    parts: impl Iterator<Item = &'a dyn Criterion>,
    sample: &Sample<'_>,
    asked: &QuestionContext<'_>,
) -> Vec<Question> {
    match whole.judge_with(sample, asked).verdict {
        Verdict::Pass | Verdict::Fail(_) => Vec::new(),
        Verdict::Ungraded(_) => parts.flat_map(|part| part.questions(sample, asked)).collect(),
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

impl Composed {
    fn combined(&self, judgements: Vec<Judgement>) -> Judgement {
        let verdict = combine(self.mode, judgements.iter().map(|judgement| judgement.verdict.clone()));
        let needing = self.parts.iter().zip(&judgements).filter(|(part, _)| part.needs_expected());
        let truths: Option<Vec<Verdict>> = needing.map(|(_, judgement)| judgement.truth.clone()).collect();
        let truth =
            truths.filter(|truths| !truths.is_empty()).map(|truths| combine(self.mode, truths.into_iter()));
        let gate = self
            .has_gate()
            .then(|| combine(self.mode, judgements.into_iter().filter_map(|judgement| judgement.gate)));
        Judgement { gate, verdict, truth }
    }
}

impl Criterion for Composed {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        self.combined(self.parts.iter().map(|part| part.judge(sample)).collect())
    }

    fn judge_with(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Judgement {
        self.combined(self.parts.iter().map(|part| part.judge_with(sample, asked)).collect())
    }

    fn questions(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Vec<Question> {
        open_questions(self, self.parts.iter().map(|part| &**part), sample, asked)
    }

    fn asks(&self) -> Vec<Asks> {
        self.parts.iter().flat_map(|part| part.asks()).collect()
    }

    fn grades_refusals(&self) -> bool {
        self.parts.iter().any(|part| part.grades_refusals())
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
