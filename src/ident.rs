//! Names and digests as types, so that a task is never taken for a tier nor a digest for a name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a {what} must not be empty")]
    Empty {
        /// What the name is of, such as "task name".
        what: &'static str,
    },
    /// A character that has no place in the name.
    #[error("`{name}` is not a valid {what}: {rule}")]
    Malformed {
        /// The name as typed, escaped.
        name: String,
        /// What the name is of.
        what: &'static str,
        /// What a good name looks like.
        rule: &'static str,
    },
}

const PLAIN_RULE: &str =
    "use letters, digits, `.`, `_` and `-` (at most 64), and begin with a letter or a digit";

fn check_plain(name: &str, what: &'static str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.len() <= 64 && name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(NameError::Malformed { name: name.escape_debug().to_string(), what, rule: PLAIN_RULE })
    }
}

macro_rules! plain_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// A checked name: letters, digits, `.`, `_`, `-`, at most 64.
            ///
            /// # Errors
            /// If the text is empty or holds another character.
            pub fn new(name: &str) -> Result<Self, NameError> {
                check_plain(name, $what).map(|()| Self(name.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": concat!("A ", $what, "."),
                    "type": "string",
                    "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
                })
            }
        }
    };
}

plain_name!(
    /// A discrete operation of the user's system, such as `classification`.
    TaskName,
    "task name"
);
plain_name!(
    /// A rung of the ladder, such as `tier1`.
    TierName,
    "tier name"
);
plain_name!(
    /// An HTTP API that serves models, as named in `route-prof.toml`.
    ProviderName,
    "provider name"
);
plain_name!(
    /// A run: the name of its folder below `reports/`.
    RunId,
    "run name"
);

/// The stable name of a prompt: any text without control characters, 200 bytes at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PromptId(Arc<str>);

impl PromptId {
    /// A checked id.
    ///
    /// # Errors
    /// If the text is empty, too long, or holds a control character.
    pub fn new(id: &str) -> Result<Self, NameError> {
        const WHAT: &str = "prompt id";
        if id.trim().is_empty() {
            return Err(NameError::Empty { what: WHAT });
        }
        if id.len() > 200 || id.chars().any(char::is_control) {
            return Err(NameError::Malformed {
                name: id.chars().take(60).collect::<String>().escape_debug().to_string(),
                what: WHAT,
                rule: "use at most 200 bytes and no control characters",
            });
        }
        Ok(Self(id.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::borrow::Borrow<str> for PromptId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PromptId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for PromptId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PromptId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "A prompt's id.", "type": "string", "minLength": 1, "maxLength": 200 })
    }
}

macro_rules! text_form {
    ($name:ident, $pattern:literal, $doc:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "description": $doc, "type": "string", "pattern": $pattern })
            }
        }
    };
}

/// A model at a provider, written `provider/model`. The model's part may hold further slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelRef {
    /// The provider's name in `route-prof.toml`.
    pub provider: ProviderName,
    /// The model's name as the provider knows it.
    pub model: Arc<str>,
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.provider, self.model))
    }
}

impl FromStr for ModelRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const WHAT: &str = "model";
        let malformed = || NameError::Malformed {
            name: text.chars().take(100).collect::<String>().escape_debug().to_string(),
            what: WHAT,
            rule: "write `provider/model`, such as `anthropic/claude-haiku-4-5`",
        };
        let (provider, model) = text.split_once('/').ok_or_else(malformed)?;
        if model.is_empty() || model.len() > 200 || model.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return Err(malformed());
        }
        Ok(Self { provider: ProviderName::new(provider)?, model: model.into() })
    }
}

text_form!(ModelRef, "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}/\\S+$", "A model at a provider: `provider/model`.");

/// A version of an oracle, written `name@version`. Versions count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OracleRef {
    /// The oracle's name.
    pub name: Arc<str>,
    /// Its version.
    pub version: u32,
}

impl fmt::Display for OracleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.name, self.version))
    }
}

impl FromStr for OracleRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const WHAT: &str = "oracle";
        let malformed = || NameError::Malformed {
            name: text.chars().take(100).collect::<String>().escape_debug().to_string(),
            what: WHAT,
            rule: "write `name@version`, such as `intent@1`",
        };
        let (name, version) = text.split_once('@').ok_or_else(malformed)?;
        check_plain(name, WHAT)?;
        let number: u32 = version.parse().map_err(|_| malformed())?;
        // One spelling a version: `intent@01` would be another file of the same oracle.
        if number == 0 || number.to_string() != version {
            return Err(malformed());
        }
        Ok(Self { name: name.into(), version: number })
    }
}

text_form!(
    OracleRef,
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}@[1-9][0-9]*$",
    "A version of an oracle: `name@version`."
);

/// A blake3 digest of 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The first twelve hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Builds a [`Digest`] from parts; each part is length-prefixed, so that no two lists of parts share a digest.
#[derive(Clone, Debug, Default)]
pub struct Digester(blake3::Hasher);

impl Digester {
    /// An empty one, separated by `domain` from digests for another purpose.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        let mut digester = Self(blake3::Hasher::new());
        digester.part(domain.as_bytes());
        digester
    }

    /// Adds a part.
    pub fn part(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// The digest of the parts so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn read_hex<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], NameError> {
    let malformed = || NameError::Malformed {
        name: text.chars().take(80).collect::<String>().escape_debug().to_string(),
        what,
        rule: "write lowercase hexadecimal digits",
    };
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(malformed());
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let nibble = |d: u8| if d <= b'9' { d - b'0' } else { d - b'a' + 10 };
        *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
    }
    Ok(bytes)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0[..6], f)
    }
}

impl FromStr for Digest {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        read_hex(text, "digest").map(Self)
    }
}

text_form!(Digest, "^[0-9a-f]{64}$", "A blake3 digest.");

/// The digest of everything that determines a trial's request: provider kind, base URL, model, parameters,
/// messages, repeat index. Two trials with one key are the same question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialKey([u8; 16]);

impl TrialKey {
    /// The key that a digest of the request's parts stands for.
    #[must_use]
    pub fn from_digest(digest: &Digest) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&digest.0[..16]);
        Self(key)
    }
}

impl fmt::Display for TrialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for TrialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0[..6], f)
    }
}

impl FromStr for TrialKey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        read_hex(text, "trial key").map(Self)
    }
}

text_form!(TrialKey, "^[0-9a-f]{32}$", "A trial's key.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_nothing_that_a_path_or_a_terminal_could_trip_over() {
        for bad in ["", "a/b", "..", "-x", "a b", "é", "\u{1b}[31m", &"x".repeat(65)] {
            assert!(TaskName::new(bad).is_err(), "{bad:?}");
        }
        assert!(TaskName::new("grounded_qa-2.1").is_ok());
    }

    #[test]
    fn references_read_back_as_written() {
        let model: ModelRef = "openrouter/meta/llama-4".parse().unwrap();
        assert_eq!((model.provider.as_str(), &*model.model), ("openrouter", "meta/llama-4"));
        assert_eq!(model.to_string().parse::<ModelRef>().unwrap(), model);
        let oracle: OracleRef = "intent@12".parse().unwrap();
        assert_eq!(oracle.to_string(), "intent@12");
        for bad in ["intent", "intent@0", "intent@01", "intent@x", "@1", "a@1@2"] {
            assert!(bad.parse::<OracleRef>().is_err(), "{bad}");
        }
        for bad in ["claude", "a/", "/b", "a/b c"] {
            assert!(bad.parse::<ModelRef>().is_err(), "{bad}");
        }
    }

    #[test]
    fn digests_read_back_as_written() {
        let digest = Digest::of(b"x");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        let key = TrialKey::from_digest(&digest);
        assert_eq!(key.to_string().parse::<TrialKey>().unwrap(), key);
        assert!("XY".parse::<TrialKey>().is_err());
    }

    #[test]
    fn parts_do_not_run_together() {
        let one = Digester::new("t").part(b"ab").part(b"c").finish();
        let two = Digester::new("t").part(b"a").part(b"bc").finish();
        assert_ne!(one, two);
    }
}
