//! Whether the model that answered is the one that was asked. An alias that stands for a dated snapshot is; another family,
//! size or version is not.

/// Whether `served` may be what `asked` stands for.
pub(super) fn is_same(asked: &str, served: &str) -> bool {
    let (asked_words, served_words) = (words(asked), words(served));
    if asked_words == served_words {
        return true;
    }
    // "gemini-flash-latest" stands for whatever is the newest: everything that it says must be kept.
    let floating = asked.to_lowercase().contains("latest");
    floating && asked_words.iter().all(|word| served_words.contains(word))
}

/// The words that a model's name says, sorted: without its maker, its date, and what is said of its freshness.
fn words(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    // Ollama's tag may be a size (`:8b`) or nothing (`:latest`); OpenRouter's is a price (`:free`).
    let name = name.rsplit('/').next().unwrap_or_default().replace(":free", "").replace(['@', ':'], "-");
    let name = without_dates(&name);
    let mut words: Vec<String> = name
        .split(['-', '_', '.', ' '])
        .filter(|word| !word.is_empty() && !matches!(*word, "latest" | "preview" | "exp" | "v1"))
        .map(str::to_owned)
        .collect();
    words.sort();
    words
}

/// The name without `2024-08-06`, `20251001`, and the short snapshot numbers at its end (`-001`, `-0613`).
fn without_dates(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('-').collect();
    let digits =
        |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.retain(|part| !digits(part, 8));
    let mut at = 0;
    while at + 2 < parts.len() {
        let date = digits(parts[at], 4) && digits(parts[at + 1], 2) && digits(parts[at + 2], 2);
        if date {
            parts.drain(at..at + 3);
        } else {
            at += 1;
        }
    }
    // Gemini's previews: `-05-20`.
    if let [.., month, day] = parts.as_slice()
        && digits(month, 2)
        && digits(day, 2)
    {
        parts.truncate(parts.len() - 2);
    }
    if parts.len() > 1 && parts.last().is_some_and(|part| digits(part, 3) || digits(part, 4)) {
        parts.pop();
    }
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_may_stand_for_a_snapshot_and_for_nothing_else() {
        for (asked, served) in [
            ("gpt-4o", "gpt-4o-2024-08-06"),
            ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
            ("anthropic/claude-haiku-4.5", "anthropic/claude-4.5-haiku-20251001"),
            ("gemini-2.5-flash", "gemini-2.5-flash-preview-05-20"),
            ("gemini-2.0-flash", "models/gemini-2.0-flash-001"),
            ("gemini-flash-latest", "gemini-3.8-flash"),
            ("llama3.2", "llama3.2:latest"),
            ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
            ("deepseek/deepseek-chat:free", "deepseek/deepseek-chat"),
            ("claude-opus-4-5@20251101", "claude-opus-4-5-20251101"),
        ] {
            assert!(is_same(asked, served), "{asked} {served} {:?} {:?}", words(asked), words(served));
        }
        for (asked, served) in [
            ("gpt-4o", "gpt-4o-mini-2024-07-18"),
            ("gpt-4o-mini", "gpt-4o"),
            ("claude-haiku-4-5", "claude-3-haiku-20240307"),
            ("claude-sonnet-5-5", "claude-haiku-5-5"),
            ("gemini-2.5-flash", "gemini-2.5-flash-lite"),
            ("gemini-flash-latest", "gemini-3.8-pro"),
            ("llama3.2:8b", "llama3.2:1b"),
            ("gpt-6-sol", "gpt-6-luna"),
        ] {
            assert!(!is_same(asked, served), "{asked} {served}");
        }
    }
}
