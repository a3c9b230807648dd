//! How many tokens a request has, before it is sent: an estimate, and a bound.
//!
//! The estimate counts with one public encoding (o200k) whatever the model: it is off by some tenths for others, good
//! enough to plan with; what was really used is the provider's own count.

use tiktoken_rs::CoreBPE;

use crate::record::Request;
use crate::units::Tokens;

/// Tokens that a turn costs beyond its text: role and delimiters.
const PER_MESSAGE: u64 = 4;
/// Texts longer than this are counted in their first and last parts and extrapolated: counting is linear, but slow.
const COUNTED: usize = 200_000;

/// The expected number of input tokens.
#[must_use]
pub fn estimate(request: &Request) -> Tokens {
    let encoding = tiktoken_rs::o200k_base_singleton();
    let texts: u64 =
        request.messages.iter().map(|message| PER_MESSAGE + count(encoding, &message.plain())).sum();
    Tokens(texts + extra(request, |text| count(encoding, text)))
}

/// A number of input tokens that no tokenizer of bytes exceeds: a token stands for at least one byte.
#[must_use]
pub fn bound(request: &Request) -> Tokens {
    let texts: u64 =
        request.messages.iter().map(|message| 16 + message.content.to_string().len() as u64).sum();
    Tokens(texts + 64 + extra(request, |text| text.len() as u64))
}

/// Tools and schemas are part of the input, too.
fn extra(request: &Request, count: impl Fn(&str) -> u64) -> u64 {
    ["tools", "functions", "response_format"]
        .iter()
        .filter_map(|name| request.params.get(*name))
        .map(|value| count(&value.to_string()))
        .sum()
}

fn count(encoding: &CoreBPE, text: &str) -> u64 {
    if text.len() <= COUNTED {
        return encoding.count_ordinary(text) as u64;
    }
    let head = text.get(..text.floor_char_boundary(COUNTED / 2)).unwrap_or_default();
    let tail = text.get(text.floor_char_boundary(text.len() - COUNTED / 2)..).unwrap_or_default();
    let counted = (encoding.count_ordinary(head) + encoding.count_ordinary(tail)) as u128;
    let seen = (head.len() + tail.len()).max(1) as u128;
    (counted * text.len() as u128).div_ceil(seen).try_into().unwrap_or(u64::MAX)
}

/// The result of the context guard for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It fits.
    Fits,
    /// Its estimated input is above the guarded share of the window.
    AboveGuard {
        /// The estimate.
        input: Tokens,
        /// The most that the guard allows.
        guard: Tokens,
    },
    /// Input and output cap together are above the window.
    AboveWindow {
        /// The estimate.
        input: Tokens,
        /// The window.
        window: Tokens,
    },
}

/// The most input tokens that a window allows under a guard, rounded down.
#[must_use]
pub fn guard_tokens(window: Tokens, guard: crate::units::Share) -> Tokens {
    Tokens((window.0 as f64 * guard.get()).floor() as u64)
}

/// Whether a request of that much input may be sent to a model of that window.
#[must_use]
pub fn fit(input: Tokens, cap: Tokens, window: Option<Tokens>, guard: crate::units::Share) -> Fit {
    let Some(window) = window else { return Fit::Fits };
    let most = guard_tokens(window, guard);
    if input > most {
        Fit::AboveGuard { input, guard: most }
    } else if input.plus(cap) > window {
        Fit::AboveWindow { input, window }
    } else {
        Fit::Fits
    }
}
