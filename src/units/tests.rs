//! Money, tokens and time: parsing, sums, and how they are written.

use super::*;

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

#[test]
fn money_reads_as_money() {
    for (amount, text) in [
        ("0", "$0"),
        ("0.00021347", "$0.000213"),
        ("0.5", "$0.50"),
        ("0.057", "$0.057"),
        ("1", "$1.00"),
        ("1234.5", "$1,234.50"),
        ("1234567.891", "$1,234,567.89"),
        ("-12.3", "-$12.30"),
    ] {
        assert_eq!(usd(amount).human(), text);
    }
}

#[test]
fn a_literal_keeps_its_decimal_digits() {
    assert_eq!(Usd::from_literal(0.1).unwrap(), usd("0.1"));
    assert_eq!(Usd::from_literal(0.1).unwrap() + Usd::from_literal(0.2).unwrap(), usd("0.3"));
    assert!(Usd::from_literal(f64::NAN).is_err());
}

#[test]
fn a_price_per_million_is_exact() {
    assert_eq!(usd("0.25").per_million(Tokens(1)).unwrap(), usd("0.00000025"));
    assert_eq!(usd("15").per_million(Tokens(1_000_000)).unwrap(), usd("15"));
}

#[test]
fn weights_and_shares_refuse_what_makes_no_sense() {
    assert!(Weight::new(f64::NAN).is_err());
    assert!(Weight::new(-1.0).is_err());
    assert!(Weight::new(0.0).is_ok());
    assert!(Share::new(1.01).is_err());
}

#[test]
fn time_reads_as_time() {
    for (ms, text) in [
        (1.23, "1.2 ms"),
        (410.4, "410 ms"),
        (2300.0, "2.3 s"),
        (250_000.0, "4 min 10 s"),
        (7.3e6, "2 h 1 min"),
    ] {
        assert_eq!(Millis::from_ms(ms).unwrap().to_string(), text);
    }
}

#[test]
fn a_count_agrees_with_its_noun() {
    let written =
        [count(0, "prompt"), count(1, "prompt"), count(2, "reply"), count(1, "reply"), count(3, "day")];
    assert_eq!(written, ["0 prompts", "1 prompt", "2 replies", "1 reply", "3 days"]);
    assert_eq!((have(1), have(0)), ("has", "have"));
}
