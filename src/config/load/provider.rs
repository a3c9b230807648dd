//! Providers and the tiers that stand on them.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::super::provider::{CONCURRENCY, DataLocation, Limits, Provider, STREAM};
use super::super::raw::{RawLimits, RawProvider, RawTier};
use super::super::tier::{Tier, TierRole};
use super::check::{Check, line_of};
use crate::diag::{Excerpt, Fault, nearest};
use crate::ident::{ModelRef, ProviderName, TierName};
use crate::units::Tokens;

/// Header names that carry keys.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "proxy-authorization"];
/// How keys of well-known services begin.
const KEY_PREFIXES: [&str; 6] = ["sk-", "sk_", "AIza", "gsk_", "xai-", "Bearer "];

impl Check<'_> {
    pub(super) fn provider(&mut self, name: &ProviderName, span: Range<usize>, raw: RawProvider) -> Provider {
        if let Some(url) = &raw.base_url {
            self.base_url(url, raw.data_location);
        }
        if let Some(key) = &raw.api_key_env {
            let typed = key.get_ref();
            let is_name = !typed.is_empty()
                && typed.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !typed.starts_with(|c: char| c.is_ascii_digit());
            if !is_name || KEY_PREFIXES.iter().any(|prefix| typed.starts_with(prefix)) {
                // The text may be a key: point at the line's beginning, and never repeat it.
                self.faults.push(
                    Fault::new(self.shown, format!("api_key_env of provider `{name}` is not the name of a variable"))
                        .at(Excerpt::of_line(line_of(self.source, key.span().start), "api_key_env = …", 0..11))
                        .help("write the NAME of an environment variable, such as \"OPENAI_API_KEY\"; never write a key into a file (if this was a key, revoke it)"),
                );
            }
        }
        if let Some(version) = &raw.api_version {
            // It goes into a header or a URL.
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            let text = version.get_ref();
            if text.is_empty() || text.len() > 32 || !text.chars().all(plain) {
                let help =
                    "write it as in the provider's documentation, such as \"2023-06-01\" or \"v1beta\"";
                self.fault(version.span(), "api_version is not a version", help);
            }
        }
        for header in raw.headers.keys() {
            if SECRET_HEADERS.contains(&header.get_ref().to_lowercase().as_str()) {
                self.faults.push(
                    Fault::new(self.shown, format!("the header `{}` contains a key", header.get_ref()))
                        .at(Excerpt::of_line(line_of(self.source, header.span().start), header.get_ref(), 0..header.get_ref().len()))
                        .help("name the variable that holds the key in api_key_env; never write a key into a file"),
                );
            }
        }
        Provider {
            name: name.clone(),
            api: raw.api,
            base_url: raw.base_url.map(|url| url.into_inner().trim_end_matches('/').to_owned()),
            api_version: raw.api_version.map(Spanned::into_inner),
            api_key_env: raw.api_key_env.map(Spanned::into_inner),
            headers: raw.headers.into_iter().map(|(name, value)| (name.into_inner(), value)).collect(),
            data_location: raw.data_location,
            limits: self.limits(&raw.limits),
            stream: raw.stream.unwrap_or(STREAM),
            max_tokens_field: raw.max_tokens_field,
            served_model: raw.served_model,
            script: raw.script.map(|file| self.root.join(file)),
            line: line_of(self.source, span.start),
        }
    }

    pub(super) fn base_url(&mut self, url: &Spanned<String>, location: DataLocation) {
        let text = url.get_ref();
        let Some((scheme, rest)) = text.split_once("://") else {
            self.fault(
                url.span(),
                "base_url is not a URL",
                "write it in full, such as \"https://api.example.com/v1\"",
            );
            return;
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let loopback = matches!(host, "localhost" | "[::1]") || host.starts_with("127.");
        if authority.contains('@') || rest.contains(['?', '#']) {
            self.fault(
                url.span(),
                "base_url contains more than an address",
                "remove user names, keys and queries; put the key into the variable named by api_key_env",
            );
        }
        match scheme {
            "https" => {}
            "http" if loopback || location == DataLocation::Local => {}
            "http" => self.fault(
                url.span(),
                "base_url sends keys and prompts unencrypted",
                "use https, or set data_location = \"local\" if the server is in your own network",
            ),
            _ => {
                self.fault(url.span(), format!("the scheme `{scheme}` is not supported"), "use https or http")
            }
        }
    }

    pub(super) fn limits(&mut self, raw: &RawLimits) -> Limits {
        let mut count = |value: &Option<Spanned<u64>>, most: u64| {
            if let Some(value) = value
                && !(1..=most).contains(value.get_ref())
            {
                self.fault(
                    value.span(),
                    "this limit allows no calls",
                    format!("use 1 to {most}, or leave it out"),
                );
            }
            value.as_ref().map(|value| *value.get_ref())
        };
        let concurrency = count(&raw.concurrency, 1024).unwrap_or(CONCURRENCY);
        let tokens_per_minute = count(&raw.tokens_per_minute, u64::MAX);
        let requests = raw.requests_per_minute.as_ref().map(|value| *value.get_ref());
        if let Some(value) = &raw.requests_per_minute
            && *value.get_ref() == 0
        {
            self.fault(value.span(), "this limit allows no calls", "use 1 or more, or leave it out");
        }
        Limits {
            concurrency: usize::try_from(concurrency).unwrap_or(usize::MAX),
            requests_per_minute: requests,
            tokens_per_minute,
        }
    }

    pub(super) fn model(
        &mut self,
        typed: &Spanned<String>,
        providers: &BTreeMap<ProviderName, Provider>,
    ) -> Option<ModelRef> {
        let model: ModelRef = self.name(typed, str::parse)?;
        if !providers.contains_key(&model.provider) {
            let help = match nearest(model.provider.as_str(), providers.keys().map(ProviderName::as_str)) {
                Some(near) => format!("did you mean `{near}`? (or define [provider.{}])", model.provider),
                None => format!("define it: [provider.{}] with its api", model.provider),
            };
            self.fault(typed.span(), format!("provider `{}` is not defined", model.provider), help);
        }
        Some(model)
    }

    pub(super) fn tiers(
        &mut self,
        raw: Vec<Spanned<RawTier>>,
        providers: &BTreeMap<ProviderName, Provider>,
    ) -> Vec<Tier> {
        if raw.is_empty() {
            self.faults.push(
                Fault::new(self.shown, "there are no tiers").help(
                    "add a [[tier]] with a name and a model for each rung of the ladder, cheapest first",
                ),
            );
        }
        let mut tiers: Vec<Tier> = Vec::new();
        for tier in raw.into_iter().map(Spanned::into_inner) {
            let model = self.model(&tier.model, providers);
            let same_class =
                tier.same_class.iter().filter_map(|model| self.model(model, providers)).collect();
            for count in [&tier.max_output_tokens, &tier.context_window].into_iter().flatten() {
                if *count.get_ref() == 0 {
                    self.fault(count.span(), "this limit allows no tokens", "use 1 or more, or leave it out");
                }
            }
            let (Some(name), Some(model)) = (self.name(&tier.name, TierName::new), model) else { continue };
            if tiers.iter().any(|other| other.name == name) {
                self.fault(
                    tier.name.span(),
                    format!("there are two tiers named `{name}`"),
                    "give each tier its own name",
                );
            }
            tiers.push(Tier {
                name,
                model,
                role: if tier.router { TierRole::Router } else { TierRole::Rung },
                same_class,
                max_output_tokens: tier.max_output_tokens.map(|count| Tokens(count.into_inner())),
                context_window: tier.context_window.map(|count| Tokens(count.into_inner())),
                params: tier.params,
            });
        }
        // What is no rung stands behind the ladder, whatever the order of the file.
        tiers.sort_by_key(|tier| tier.role != TierRole::Rung);
        if !tiers.is_empty() && tiers.iter().all(|tier| tier.role != TierRole::Rung) {
            let help = "add the tiers to compare the router with; only they can be routed to";
            self.faults.push(Fault::new(self.shown, "every tier is a router").help(help));
        }
        tiers
    }
}
