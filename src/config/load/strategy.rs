//! Checks the models that `[strategy]` has asked.

use std::collections::BTreeMap;
use std::ops::Range;

use super::check::Check;
use crate::config::provider::Provider;
use crate::config::strategy::{ClassifierSettings, StrategySettings};
use crate::ident::{ModelRef, ProviderName};
use crate::units::Usd;

/// The API that embeddings models speak.
const EMBEDDINGS: &str = "openai-embeddings";

impl Check<'_> {
    pub(super) fn strategy_models(
        &mut self,
        span: &Range<usize>,
        strategy: &StrategySettings,
        providers: &BTreeMap<ProviderName, Provider>,
    ) {
        if let Some(nearest) = &strategy.nearest
            && let Some(provider) = self.asked(span, "embeddings", &nearest.embeddings, providers)
            && provider.api != EMBEDDINGS
        {
            self.fault(
                span.clone(),
                format!("{} of [strategy.nearest] is not an embeddings model", nearest.embeddings),
                format!("name a model of a provider with api = \"{EMBEDDINGS}\""),
            );
        }
        if let Some(classifier) = &strategy.classifier {
            self.classifier(span, classifier, providers);
        }
        let hybrid = &strategy.hybrid;
        if !(0.0 <= hybrid.below && hybrid.below <= hybrid.above && hybrid.above <= 100.0) {
            self.fault(
                span.clone(),
                "the thresholds of [strategy.hybrid] make no sense",
                "use 0 to 100, `below` no greater than `above`; below = 10 and above = 70 are usual",
            );
        }
    }

    fn classifier(
        &mut self,
        span: &Range<usize>,
        classifier: &ClassifierSettings,
        providers: &BTreeMap<ProviderName, Provider>,
    ) {
        if classifier.price.is_some_and(|price| price < Usd::ZERO) {
            self.fault(
                span.clone(),
                "the classifier's price is negative",
                "use an amount in USD per request, 0 or more",
            );
        }
        match &classifier.ask {
            Some(model) => {
                if let Some(provider) = self.asked(span, "ask", model, providers)
                    && provider.api == EMBEDDINGS
                {
                    let message = format!("{model} of [strategy.classifier] is an embeddings model");
                    self.fault(span.clone(), message, "use a model that answers with text");
                }
            }
            None if classifier.price.is_none() || classifier.accuracy.is_none() => self.fault(
                span.clone(),
                "[strategy.classifier] does not say what the classifier costs and how accurate it is",
                "write ask = \"provider/model\" to measure it, or state price and accuracy",
            ),
            None => {}
        }
        if classifier.max_output_tokens.0 == 0 {
            let message = "max_output_tokens of [strategy.classifier] is 0";
            self.fault(span.clone(), message, "use 1 or more; 16 is usual, a reasoning model needs more");
        }
    }

    fn asked<'a>(
        &mut self,
        span: &Range<usize>,
        key: &str,
        model: &ModelRef,
        providers: &'a BTreeMap<ProviderName, Provider>,
    ) -> Option<&'a Provider> {
        let provider = providers.get(&model.provider);
        if provider.is_none() {
            self.fault(
                span.clone(),
                format!("{key} of [strategy] names {model}, but there is no provider `{}`", model.provider),
                format!("define [provider.{}], or name a model of another provider", model.provider),
            );
        }
        provider
    }
}
