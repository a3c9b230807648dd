//! Whether the model that answered is the requested one. An alias that stands for a dated snapshot is; another family,
//! size or version is not.

/// Whether `served` may be what `asked` stands for.
pub(super) fn is_same(asked: &str, served: &str) -> bool {
    let (asked_name, served_name) = (Name::of(asked), Name::of(served));
    // Who asks for one snapshot does not want another.
    if let (Some(asked), Some(served)) = (&asked_name.date, &served_name.date)
        && asked != served
    {
        return false;
    }
    if asked_name.words == served_name.words {
        return true;
    }
    // "gemini-flash-latest" stands for whatever is the newest: everything that it says must be kept.
    let floating = asked.to_lowercase().contains("latest");
    floating && asked_name.words.iter().all(|word| served_name.words.contains(word))
}

/// What a model's name says.
#[derive(Debug)]
struct Name {
    /// Its words, sorted: without its maker, its date, and what is said of its freshness.
    words: Vec<String>,
    /// The snapshot, in digits alone.
    date: Option<String>,
}

/// OpenRouter's words for how to choose among hosts, not for a model; and Ollama's for one that runs elsewhere.
const ROUTING: [&str; 7] = [":free", ":nitro", ":floor", ":online", ":exacto", ":extended", "-cloud"];

impl Name {
    fn of(name: &str) -> Self {
        let mut name = name.to_lowercase().rsplit('/').next().unwrap_or_default().to_owned();
        for word in ROUTING {
            name.truncate(name.strip_suffix(word).map_or(name.len(), str::len));
        }
        // Ollama's tag may be a size (`:8b`) or nothing (`:latest`).
        let name = name.replace(['@', ':'], "-");
        let (name, date) = split_date(&name);
        let mut words: Vec<String> = name
            .split(['-', '_', '.', ' '])
            .filter(|word| !word.is_empty() && !matches!(*word, "latest" | "preview" | "exp" | "v1"))
            .map(str::to_owned)
            .collect();
        words.sort();
        Self { words, date }
    }
}

/// The name without `2024-08-06`, `20251001`, Gemini's `-05-20`, and the short snapshot numbers at its end (`-001`, `-0613`);
/// and those digits.
fn split_date(name: &str) -> (String, Option<String>) {
    let parts: Vec<&str> = name.split('-').collect();
    let digits =
        |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let found = parts.iter().enumerate().find_map(|(at, _)| match parts.get(at..)? {
        [date, ..] if digits(date, 8) => Some((at, 1)),
        [year, month, day, ..] if digits(year, 4) && digits(month, 2) && digits(day, 2) => Some((at, 3)),
        [month, day] if digits(month, 2) && digits(day, 2) => Some((at, 2)),
        [number] if at > 0 && (digits(number, 3) || digits(number, 4)) => Some((at, 1)),
        _ => None,
    });
    let Some((at, length)) = found else { return (name.to_owned(), None) };
    let is_date = |index: usize| (at..at + length).contains(&index);
    let pick = |wanted: bool| parts.iter().enumerate().filter(move |(index, _)| is_date(*index) == wanted);
    let rest: Vec<&str> = pick(false).map(|(_, part)| *part).collect();
    (rest.join("-"), Some(pick(true).map(|(_, part)| *part).collect()))
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
            ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
            ("gpt-4o-2024-08-06", "gpt-4o"),
            ("openai/gpt-4o:nitro", "openai/gpt-4o-2024-08-06"),
            ("gpt-oss:120b-cloud", "gpt-oss:120b"),
        ] {
            assert!(is_same(asked, served), "{asked} {served} {:?} {:?}", Name::of(asked), Name::of(served));
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
            ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
            ("mistral-large-2407", "mistral-large-2411"),
            ("gemini-2.0-flash-001", "gemini-2.0-flash-002"),
        ] {
            assert!(!is_same(asked, served), "{asked} {served}");
        }
    }
}
