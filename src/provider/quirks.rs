//! What is different at well-known hosts that speak another's API.

use super::api::KeyHeader;

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

/// Azure's OpenAI: the model that is asked for is the name of a deployment.
const AZURE: Quirks = Quirks {
    key: Some(KeyHeader::Named("api-key")),
    cap: Some("max_completion_tokens"),
    names_models_otherwise: true,
};

/// Host suffixes. The longest match counts.
const HOSTS: &[(&str, Quirks)] = &[
    // OpenAI's reasoning models refuse the old name; most compatible servers know no other.
    ("api.openai.com", Quirks { cap: Some("max_completion_tokens"), ..NONE }),
    ("openai.azure.com", AZURE),
    ("cognitiveservices.azure.com", AZURE),
    // Claude on Microsoft's and Amazon's hosts takes a bearer token; models have names of their own there.
    ("services.ai.azure.com", Quirks { key: Some(KeyHeader::Bearer), names_models_otherwise: true, ..NONE }),
    ("api.aws", Quirks { key: Some(KeyHeader::Bearer), names_models_otherwise: true, ..NONE }),
    ("api.groq.com", Quirks { cap: Some("max_completion_tokens"), ..NONE }),
];

/// Whether the host of a URL is this one, or one below it.
fn belongs(base_url: &str, suffix: &str) -> bool {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    host.strip_suffix(suffix).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// What is different at the host of a URL.
pub(super) fn of(base_url: &str) -> Quirks {
    HOSTS
        .iter()
        .filter(|(suffix, _)| belongs(base_url, suffix))
        .max_by_key(|(suffix, _)| suffix.len())
        .map_or(NONE, |(_, quirks)| *quirks)
}

/// Whether a URL is OpenAI's own; its regions have hosts below it.
pub(super) fn is_openai(base_url: &str) -> bool {
    belongs(base_url, "api.openai.com")
}

/// Whether a URL is that of an Azure OpenAI resource.
pub(super) fn is_azure(base_url: &str) -> bool {
    ["openai.azure.com", "cognitiveservices.azure.com"].into_iter().any(|suffix| belongs(base_url, suffix))
}

/// Whether Azure's versions look like this one: a date, maybe of a preview, or a word for the newest.
pub(super) fn is_azure_version(version: &str) -> bool {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    matches!(version, "v1" | "preview" | "latest")
        || (date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok())
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
        assert!(is_openai("https://api.openai.com/v1") && is_openai("https://eu.api.openai.com/v1"));
        assert!(!is_openai("https://api.openai.com.example.org/v1"));
    }

    #[test]
    fn azures_versions_are_dates() {
        for good in ["2024-10-21", "2025-04-01-preview", "preview", "latest", "v1"] {
            assert!(is_azure_version(good), "{good}");
        }
        for bad in ["2024-13-21", "2024", "20241021", "v2", "preview-2024-10-21", "2024-10-21T00"] {
            assert!(!is_azure_version(bad), "{bad}");
        }
        assert!(
            is_azure("https://me.cognitiveservices.azure.com/openai/v1") && !is_azure("https://azure.com")
        );
    }
}
