//! What human labels say of an oracle: how far its verdicts can be trusted, and which of the run's own answers people have looked
//! at.

use std::collections::BTreeMap;

use crate::grade::labels::Labelled;
use crate::ident::{Digest, OracleRef, TierName};
use crate::stats::calibration::{Confusion, Word};
use crate::stats::labelled::Label;

/// The fewest labels of a tier's own answers that say anything of that tier.
pub const ENOUGH: u64 = 20;

/// The fewest labels of other answers by which the verdicts of an oracle that is no judge are corrected: its errors are rare, and
/// fewer labels would hold hardly any of them.
pub const ENOUGH_OTHERS: u64 = 50;

/// A label of one of the run's own answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OwnLabel {
    /// The index of the answer among the observations.
    pub row: usize,
    /// The label.
    pub label: Label,
}

/// What is known of an oracle by human labels.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleStanding {
    /// The oracle.
    pub oracle: OracleRef,
    /// Whether a model judges. Other oracles are believed without any label.
    pub judge: bool,
    /// Number of labels that the policy requires of a judge before its verdicts can lead to more than `monitor`.
    pub needed: u32,
    /// Verdicts of the oracle against human labels, over all tiers.
    pub all: Confusion,
    /// The same per tier, because judges favour styles.
    pub tiers: BTreeMap<TierName, Confusion>,
    /// The same of labels of answers that are not this run's.
    pub others: Confusion,
    /// Labels of the run's own answers at the task.
    pub own: Vec<OwnLabel>,
    /// How many of those there are by tier, and how many of them are about passes of the oracle.
    counts: BTreeMap<TierName, (u64, u64)>,
}

impl OracleStanding {
    /// An oracle without labels.
    #[must_use]
    pub fn new(oracle: OracleRef, judge: bool, needed: u32) -> Self {
        Self {
            oracle,
            judge,
            needed,
            all: Confusion::default(),
            tiers: BTreeMap::new(),
            others: Confusion::default(),
            own: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Takes in what people say of answers that a version of the oracle graded; `own` says which of them are this run's.
    pub fn take(&mut self, digest: Digest, labels: &[Labelled], own: impl Fn(&Labelled) -> bool) {
        for label in labels.iter().filter(|label| label.digest == digest) {
            let (human, machine) = (label.human.word(), label.machine.word());
            self.all.take(human, machine, label.weight);
            self.tiers.entry(label.tier.clone()).or_default().take(human, machine, label.weight);
            if !own(label) {
                self.others.take(human, machine, label.weight);
            }
        }
    }

    /// Takes in what a person says of an answer of this run: the tier's, with the oracle's verdict.
    pub fn take_own(&mut self, tier: &TierName, machine: Word, own: OwnLabel) {
        let (all, passes) = self.counts.entry(tier.clone()).or_default();
        *all += 1;
        *passes += u64::from(machine == Word::Pass);
        self.own.push(own);
    }

    /// Labels of the run's own answers of a tier.
    #[must_use]
    pub fn own_labels(&self, tier: &TierName) -> u64 {
        self.counts.get(tier).map_or(0, |(all, _)| *all)
    }

    /// Whether the labels of a tier's own answers suffice for a rate of their own: they need no sensitivity or specificity.
    #[must_use]
    pub fn suffices(&self, tier: &TierName) -> bool {
        self.own_labels(tier) >= self.least() && self.counts.get(tier).is_some_and(|(_, passes)| *passes > 0)
    }

    /// The fewest labels of a tier's own answers.
    fn least(&self) -> u64 {
        if self.judge { ENOUGH.min(self.needed.into()) } else { ENOUGH }
    }

    /// Why this judge alone cannot lead to more than `monitor`; `None` if it is calibrated.
    #[must_use]
    pub fn cap(&self) -> Option<String> {
        let Self { oracle, judge, needed, all, .. } = self;
        let seen = all.n();
        if !judge {
            return None;
        }
        if seen < u64::from(*needed) {
            return Some(format!(
                "capped at monitor, because the judge of {oracle} is not calibrated: {seen} of {needed} human labels"
            ));
        }
        if self.counts.keys().any(|tier| self.suffices(tier)) {
            return None;
        }
        self.uninformative()
    }

    /// Why labels of other answers say nothing of a judge.
    fn uninformative(&self) -> Option<String> {
        let Self { oracle, all, .. } = self;
        let seen = all.n();
        if all.passed_by_people() == 0 || all.failed_by_people() == 0 {
            let side = if all.failed_by_people() == 0 { "fail" } else { "pass" };
            return Some(format!(
                "capped at monitor, because the judge of {oracle} is not calibrated: none of {seen} human labels is {side}"
            ));
        }
        (!all.is_informative()).then(|| {
            format!("capped at monitor, because the judge of {oracle} tells good from bad hardly better than chance")
        })
    }

    /// Why this judge alone cannot lead to more than `monitor` for this tier: judges favour styles, so some of the tier's own
    /// answers need human labels. `None` if it can.
    #[must_use]
    pub fn cap_of(&self, tier: &TierName) -> Option<String> {
        let (own, least) = (self.tiers.get(tier).map_or(0, Confusion::n), self.least());
        if let Some(cap) = self.cap() {
            return Some(cap);
        }
        if !self.judge || self.suffices(tier) {
            return None;
        }
        self.uninformative().or_else(|| {
            (own < least).then(|| {
                format!(
                    "capped at monitor, because the judge of {} is not calibrated on answers of {tier}: {own} of {least} human labels",
                    self.oracle
                )
            })
        })
    }

    /// The labels by which to correct the pass rate of a tier whose own answers have too few: those of its answers in any run, or of
    /// all tiers if these are too few; `None` where they say too little.
    #[must_use]
    pub fn confusion(&self, tier: &TierName) -> Option<&Confusion> {
        if !self.judge {
            return Some(&self.others).filter(|others| others.n() >= ENOUGH_OTHERS);
        }
        if self.all.n() < u64::from(self.needed) || self.uninformative().is_some() {
            return None;
        }
        let of_tier = self
            .tiers
            .get(tier)
            .filter(|own| own.n() >= ENOUGH && own.sensitivity().is_some() && own.specificity().is_some())
            .unwrap_or(&self.all);
        Some(of_tier)
    }
}
