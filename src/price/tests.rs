//! Tests of prices.

use super::*;
use crate::disk::Disk;
use crate::record::Usage;
use crate::record::UsageQuality;
use crate::units::{Tokens, Usd};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn usage(input: u64, read: u64, write: u64, output: u64) -> Usage {
    Usage {
        input: Some(Tokens(input)),
        cache_read: Some(Tokens(read)),
        cache_write: Some(Tokens(write)),
        output: Some(Tokens(output)),
        quality: UsageQuality::Reported,
        ..Usage::default()
    }
}

fn catalogue(prices: &str) -> Catalogue {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("route-prof.toml");
    let text = format!(
        "version = 1\n[[tier]]\nname = \"t\"\nmodel = \"anthropic/claude-haiku-4-5\"\n[provider.anthropic]\napi = \"openai\"\n{prices}"
    );
    Disk::real().replace(&path, text.as_bytes()).unwrap();
    let file = r#"{"sample_spec": {"max_tokens": "a word"}, "m": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
        "cache_read_input_token_cost": 3e-07, "max_input_tokens": 200000, "mode": "chat"}, "free": {"mode": "chat"}}"#;
    Disk::real().replace(&folder.path().join("prices.json"), file.as_bytes()).unwrap();
    Catalogue::load(&Disk::real(), &crate::config::load(&Disk::real(), &path).unwrap()).unwrap()
}

#[test]
fn cached_tokens_have_their_own_price_and_the_uncached_cost_ignores_it() {
    let price = catalogue("").price(&"anthropic/claude-haiku-4-5".parse().unwrap()).unwrap();
    let cost = price.cost(&usage(1000, 2000, 400, 100)).unwrap();
    // 1000 x 1 + 2000 x 0.10 + 400 x 1.25 + 100 x 5, per million.
    assert_eq!(cost.billed, usd("0.0022"));
    assert_eq!(cost.uncached, usd("0.0039"));
}

#[test]
fn long_inputs_cost_more_as_a_whole() {
    let price = catalogue("").price(&"openai/gpt-6-luna".parse().unwrap()).unwrap();
    assert_eq!(price.cost(&usage(272_000, 0, 0, 1000)).unwrap().billed, usd("0.0277"));
    assert_eq!(price.cost(&usage(272_001, 0, 0, 1000)).unwrap().billed, usd("0.0551502"));
    // 0.01 doubles with the input's price.
    assert_eq!(price.cost(&usage(2, 300_000, 0, 0)).unwrap().billed, usd("0.0060004"));
}

#[test]
fn an_unknown_usage_has_no_cost() {
    let price = catalogue("").price(&"anthropic/claude-haiku-4-5".parse().unwrap()).unwrap();
    assert_eq!(price.cost(&Usage { output: None, ..usage(1, 0, 0, 1) }), None);
}

#[test]
fn a_dated_or_prefixed_name_finds_its_row() {
    let catalogue = catalogue("");
    assert!(catalogue.price(&"anthropic/claude-haiku-4-5-20251001".parse().unwrap()).is_ok());
    assert!(catalogue.price(&"openrouter/anthropic/claude-haiku-4-5".parse().unwrap()).is_ok());
}

#[test]
fn an_unpriced_model_is_an_error_that_says_how_to_price_it() {
    let error = catalogue("").price(&"anthropic/claude-haiku-4-6".parse().unwrap()).unwrap_err().to_string();
    assert!(error.contains("[prices.model.\"anthropic/claude-haiku-4-6\"]"), "{error}");
    assert!(error.contains("`claude-haiku-4-5`"), "{error}");
}

#[test]
fn overrides_win_figure_by_figure_and_change_the_digest() {
    let model: crate::ident::ModelRef = "anthropic/claude-haiku-4-5".parse().unwrap();
    let (plain, over) =
        (catalogue(""), catalogue("[prices.model.\"anthropic/claude-haiku-4-5\"]\noutput = 4.2\n"));
    let price = over.price(&model).unwrap();
    assert_eq!((price.input, price.output), (usd("1"), usd("4.2")));
    assert_ne!(plain.prices_digest(std::slice::from_ref(&model)), over.prices_digest(&[model]));
}

#[test]
fn a_price_file_is_read_as_decimals() {
    let catalogue = catalogue("[prices]\ncatalogue = \"prices.json\"\n");
    let price = catalogue.price(&"anthropic/m".parse().unwrap()).unwrap();
    assert_eq!((price.input, price.output, price.cache_read), (usd("3"), usd("15"), Some(usd("0.3"))));
    assert_eq!(price.context_window, Some(Tokens(200_000)));
    assert!(catalogue.price(&"anthropic/free".parse().unwrap()).is_err());
    assert!(catalogue.source().starts_with("prices.json (blake3 "));
}

proptest::proptest! {
    #[test]
    fn a_literal_of_twelve_digits_is_kept_exactly(whole in 0u64..1_000_000, fraction in 0u64..1_000_000) {
        let text = format!("{whole}.{fraction:06}");
        let value: f64 = text.parse().unwrap();
        proptest::prop_assert_eq!(Usd::from_literal(value).unwrap(), usd(&text));
    }
}

#[test]
fn a_batch_call_costs_its_share_of_everything_and_an_unknown_share_is_unknown() {
    let price = catalogue("").price(&"openai/gpt-6-luna".parse().unwrap()).unwrap();
    let batch = price.in_batch().unwrap();
    assert_eq!(batch.cost(&usage(1000, 2000, 0, 100)).unwrap().billed, usd("0.000085"));
    let long = usage(300_000, 0, 0, 1000);
    assert_eq!(
        batch.cost(&long).unwrap().billed.amount() * rust_decimal::Decimal::TWO,
        price.cost(&long).unwrap().billed.amount()
    );
    let own = |more: &str| {
        catalogue(&format!("[prices.model.\"openai/gpt-6-luna\"]\ninput = 4\noutput = 8\n{more}"))
    };
    let model = "openai/gpt-6-luna".parse().unwrap();
    assert_eq!(own("").price(&model).unwrap().in_batch(), None);
    let stated = own("batch = 0.25").price(&model).unwrap().in_batch().unwrap();
    assert_eq!((stated.input, stated.output), (usd("1"), usd("2")));
}

#[test]
fn what_is_written_for_an_hour_costs_twice_the_input() {
    let price = catalogue("").price(&"anthropic/claude-haiku-4-5".parse().unwrap()).unwrap();
    let usage = Usage { cache_write_1h: Some(Tokens(1000)), ..usage(0, 0, 400, 0) };
    assert_eq!(usage.all_input(), Some(Tokens(1400)));
    // 1000 x 2 + 400 x 1.25, per million.
    assert_eq!(price.cost(&usage).unwrap().billed, usd("0.0025"));
}
