//! How like two texts are, by counts of words. Pure numbers; thresholds are the caller's.

use std::collections::HashMap;

/// The words of a text: runs of letters and digits, in small letters.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn counts<'a>(grams: impl Iterator<Item = &'a [String]>) -> HashMap<&'a [String], usize> {
    let mut counts = HashMap::new();
    for gram in grams {
        *counts.entry(gram).or_default() += 1;
    }
    counts
}

/// How many n-grams two texts share, counted as often as both have them.
fn shared(output: &[String], reference: &[String], n: usize) -> usize {
    let known = counts(reference.windows(n));
    counts(output.windows(n))
        .into_iter()
        .map(|(gram, count)| count.min(known.get(gram).copied().unwrap_or(0)))
        .sum()
}

fn f1(hits: usize, output: usize, reference: usize) -> f64 {
    if output + reference == 0 { 0.0 } else { 2.0 * hits as f64 / (output + reference) as f64 }
}

/// F1 of shared words, as SQuAD counts it (Rajpurkar et al. 2016), articles kept.
pub(super) fn token_f1(output: &[String], reference: &[String]) -> f64 {
    f1(shared(output, reference, 1), output.len(), reference.len())
}

/// ROUGE-N (Lin 2004): F1 of shared n-grams.
pub(super) fn rouge_n(output: &[String], reference: &[String], n: usize) -> f64 {
    let grams = |words: &[String]| (words.len() + 1).saturating_sub(n);
    f1(shared(output, reference, n), grams(output), grams(reference))
}

/// ROUGE-L (Lin 2004): F1 of the longest common subsequence of words. Time is the product of the lengths.
pub(super) fn rouge_l(output: &[String], reference: &[String]) -> f64 {
    let mut before = vec![0_usize; reference.len() + 1];
    for word in output {
        let mut diagonal = 0;
        for (at, other) in reference.iter().enumerate() {
            let above = before[at + 1];
            before[at + 1] = if word == other { diagonal + 1 } else { above.max(before[at]) };
            diagonal = above;
        }
    }
    f1(before.last().copied().unwrap_or(0), output.len(), reference.len())
}

/// Sentence BLEU (Papineni et al. 2002) of up to 4-grams with one added to every count above the first (Lin and Och 2004), so
/// that a short text is not nothing for want of long n-grams.
pub(super) fn bleu(output: &[String], reference: &[String]) -> f64 {
    if output.is_empty() || reference.is_empty() {
        return 0.0;
    }
    let longest = output.len().min(4);
    let mut logs = 0.0;
    for n in 1..=longest {
        let (hits, all) = (shared(output, reference, n) as f64, (output.len() + 1 - n) as f64);
        let precision = if n == 1 { hits / all } else { (hits + 1.0) / (all + 1.0) };
        if precision == 0.0 {
            return 0.0;
        }
        logs += precision.ln();
    }
    let brevity = (1.0 - reference.len() as f64 / output.len() as f64).min(0.0);
    (logs / longest as f64 + brevity).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} {right}");
    }

    #[test]
    fn known_values() {
        let (a, b) = (words("the cat sat on the mat"), words("The cat lay on the mat."));
        near(token_f1(&a, &b), 5.0 / 6.0);
        near(rouge_n(&a, &b, 1), 5.0 / 6.0);
        near(rouge_n(&a, &b, 2), 3.0 / 5.0);
        near(rouge_l(&a, &b), 5.0 / 6.0);
        near(rouge_l(&words("police killed the gunman"), &words("the gunman killed police")), 0.5);
        near(bleu(&a, &a), 1.0);
        // Precisions 5/6, (3+1)/(5+1), (1+1)/(4+1), (0+1)/(3+1).
        near(bleu(&a, &b), (5.0 / 6.0 * 4.0 / 6.0 * 2.0 / 5.0 * 0.25_f64).powf(0.25));
        near(bleu(&words("the cat"), &b), (0.5 * ((1.0_f64).ln() + (1.0_f64).ln()) + 1.0 - 3.0).exp());
        near(token_f1(&[], &[]), 0.0);
    }

    proptest::proptest! {
        #[test]
        fn all_lie_between_nothing_and_one_and_a_text_is_like_itself(a in "[ab ]{0,30}", b in "[abc ]{0,30}") {
            let (a, b) = (words(&a), words(&b));
            for score in [token_f1(&a, &b), rouge_n(&a, &b, 1), rouge_n(&a, &b, 2), rouge_l(&a, &b), bleu(&a, &b)] {
                proptest::prop_assert!((0.0..=1.0 + 1e-12).contains(&score), "{score}");
            }
            if !a.is_empty() {
                for score in [token_f1(&a, &a), rouge_l(&a, &a), bleu(&a, &a)] {
                    proptest::prop_assert!((score - 1.0).abs() < 1e-12);
                }
            }
        }
    }
}
