//! The texts of the prompts, as little of them as strategies read: a length, and how often each word occurs.

use std::collections::HashMap;

/// The most words of a prompt that are read.
const MOST_WORDS: usize = 4_000;

/// What strategies read of each prompt, by its index in the corpus.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    words: HashMap<String, u32>,
    prompts: Vec<Text>,
}

#[derive(Clone, Debug, Default)]
struct Text {
    characters: u32,
    /// Each word with how often it occurs, by the number of the word.
    terms: Vec<(u32, u32)>,
}

impl Texts {
    /// Takes the text of the next prompt in.
    pub fn push(&mut self, text: &str) {
        let mut counts: HashMap<u32, u32> = HashMap::new();
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        for word in words.take(MOST_WORDS) {
            let next = self.words.len() as u32;
            let number = *self.words.entry(word.to_lowercase()).or_insert(next);
            *counts.entry(number).or_default() += 1;
        }
        let mut terms: Vec<(u32, u32)> = counts.into_iter().collect();
        terms.sort_unstable();
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        self.prompts.push(Text { characters, terms });
    }

    /// The length of a prompt in characters; 0 where it is not known.
    #[must_use]
    pub fn characters(&self, prompt: u32) -> f64 {
        self.prompts.get(prompt as usize).map_or(0.0, |text| f64::from(text.characters))
    }

    /// The words of a prompt, each with how often it occurs.
    #[must_use]
    pub fn terms(&self, prompt: u32) -> &[(u32, u32)] {
        self.prompts.get(prompt as usize).map_or(&[], |text| text.terms.as_slice())
    }

    /// For each of some prompts the others that are most like it, most alike first, `most` at the most: positions in
    /// `prompts`. Alike is the cosine of (1 + ln count) x (1 + ln((1 + n) / (1 + n with the word))); of equals the first.
    /// A prompt that shares no word is not alike.
    #[must_use]
    pub fn nearest(&self, prompts: &[u32], most: usize) -> Vec<Vec<u32>> {
        let mut found_in: HashMap<u32, f64> = HashMap::new();
        for (term, _) in prompts.iter().flat_map(|prompt| self.terms(*prompt)) {
            *found_in.entry(*term).or_default() += 1.0;
        }
        let n = prompts.len() as f64;
        let vectors: Vec<Vec<(u32, f64)>> = prompts
            .iter()
            .map(|prompt| {
                let value = |&(term, count): &(u32, u32)| {
                    let rare = ((1.0 + n) / (1.0 + found_in.get(&term).copied().unwrap_or(0.0))).ln() + 1.0;
                    (term, (1.0 + f64::from(count).ln()) * rare)
                };
                let vector: Vec<(u32, f64)> = self.terms(*prompt).iter().map(value).collect();
                let length = vector.iter().map(|(_, v)| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
                vector.into_iter().map(|(term, v)| (term, v / length)).collect()
            })
            .collect();
        let mut index: HashMap<u32, Vec<(u32, f64)>> = HashMap::new();
        for (at, vector) in vectors.iter().enumerate() {
            for (term, value) in vector {
                index.entry(*term).or_default().push((at as u32, *value));
            }
        }
        let mut alike = vec![0.0_f64; prompts.len()];
        let nearest = |(at, vector): (usize, &Vec<(u32, f64)>)| {
            alike.fill(0.0);
            for (term, value) in vector {
                for (other, theirs) in index.get(term).map_or(&[][..], Vec::as_slice) {
                    if let Some(sum) = alike.get_mut(*other as usize) {
                        *sum += value * theirs;
                    }
                }
            }
            let others = alike.iter().enumerate().filter(|(other, sum)| *other != at && **sum > 0.0);
            let mut order: Vec<(u32, f64)> = others.map(|(other, sum)| (other as u32, *sum)).collect();
            let by_likeness = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
            if order.len() > most {
                order.select_nth_unstable_by(most, by_likeness);
                order.truncate(most);
            }
            order.sort_unstable_by(by_likeness);
            order.into_iter().map(|(other, _)| other).collect()
        };
        vectors.iter().enumerate().map(nearest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_that_share_rare_words_are_neighbours() {
        let mut texts = Texts::default();
        for text in ["Where is my parcel?", "the parcel, where?", "Please refund the order", "ünïcode", ""]
        {
            texts.push(text);
        }
        let nearest = texts.nearest(&[0, 1, 2, 3, 4], 2);
        assert_eq!(nearest, vec![vec![1], vec![0, 2], vec![1], vec![], vec![]]);
        assert_eq!(texts.characters(3), 7.0);
        assert_eq!(texts.characters(99), 0.0);
    }
}
