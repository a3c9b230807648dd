//! What is different at well-known hosts that speak another's API.

use super::KeyHeader;

/// A host and what is different there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quirks {
    /// How the key is sent, where not in the API's own way.
    pub(super) key: Option<KeyHeader>,
    /// The request field for the output cap, where not the API's own.
    pub(super) cap: Option<&'static str>,
    /// Whether the model in the reply says nothing about what was asked.
    pub(super) names_models_otherwise: bool,
}

const NONE: Quirks = Quirks { key: None, cap: None, names_models_otherwise: false };

/// Host suffixes. The longest match counts.
const HOSTS: &[(&str, Quirks)] = &[
    // OpenAI's reasoning models refuse the old name; most compatible servers know no other.
    ("api.openai.com", Quirks { cap: Some("max_completion_tokens"), ..NONE }),
    // The model that is asked for is the name of a deployment.
    (
        "openai.azure.com",
        Quirks {
            key: Some(KeyHeader::Named("api-key")),
            cap: Some("max_completion_tokens"),
            names_models_otherwise: true,
        },
    ),
    // Claude on Microsoft's and Amazon's hosts takes a bearer token; models have names of their own there.
    ("services.ai.azure.com", Quirks { key: Some(KeyHeader::Bearer), names_models_otherwise: true, ..NONE }),
    ("api.aws", Quirks { key: Some(KeyHeader::Bearer), names_models_otherwise: true, ..NONE }),
    ("api.groq.com", Quirks { cap: Some("max_completion_tokens"), ..NONE }),
];

/// What is different at the host of a URL.
pub(super) fn of(base_url: &str) -> Quirks {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    let belongs = |suffix: &str| {
        host.strip_suffix(suffix).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    };
    HOSTS
        .iter()
        .filter(|(suffix, _)| belongs(suffix))
        .max_by_key(|(suffix, _)| suffix.len())
        .map_or(NONE, |(_, quirks)| *quirks)
}

/// Whether a URL is OpenAI's own.
pub(super) fn is_openai(base_url: &str) -> bool {
    base_url.starts_with("https://api.openai.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_end_and_not_by_its_looks() {
        assert_eq!(of("https://me.openai.azure.com/openai/v1").key, Some(KeyHeader::Named("api-key")));
        assert_eq!(of("https://bedrock-mantle.us-east-1.api.aws/anthropic").key, Some(KeyHeader::Bearer));
        assert_eq!(of("https://api.openai.com/v1").cap, Some("max_completion_tokens"));
        assert_eq!(of("https://notapi.openai.com.example.org/v1"), NONE);
        assert_eq!(of("https://evilapi.groq.com/v1"), NONE);
        assert_eq!(of("http://127.0.0.1:8080/v1"), NONE);
    }
}
