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
        neighbours(&vectors, most)
    }
}

/// The best so far of those that are like a prompt, most alike first.
struct Best {
    most: usize,
    found: Vec<(u32, f64)>,
}

impl Best {
    /// Takes another one in; of equals the first in the order of prompts is kept before the others.
    fn offer(&mut self, other: u32, likeness: f64) {
        let before = |known: &(u32, f64)| known.1 > likeness || (known.1 == likeness && known.0 < other);
        if self.found.len() == self.most && self.found.last().is_none_or(before) {
            return;
        }
        let at = self.found.partition_point(before);
        self.found.insert(at, (other, likeness));
        self.found.truncate(self.most);
    }

    fn names(self) -> Vec<u32> {
        self.found.into_iter().map(|(other, _)| other).collect()
    }
}

/// For each of some vectors of length 1 the others that are most like it by the cosine, most alike first, `most` at the most. All of
/// them have as many dimensions.
#[must_use]
pub fn nearest_vectors(vectors: &[&[f32]], most: usize) -> Vec<Vec<u32>> {
    let mut best: Vec<Best> = vectors.iter().map(|_| Best { most, found: Vec::new() }).collect();
    for (at, one) in vectors.iter().enumerate() {
        for (other, two) in vectors.iter().enumerate().skip(at + 1) {
            let likeness: f64 = one.iter().zip(*two).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            for (whose, whom) in [(at, other), (other, at)] {
                if let Some(best) = best.get_mut(whose) {
                    best.offer(whom as u32, likeness);
                }
            }
        }
    }
    best.into_iter().map(Best::names).collect()
}

/// Who is nearest to whom among vectors of length 1, by the cosine. Each pair is looked at once: its products are added up in
/// the order of the words from either side, so that it makes no difference from which.
fn neighbours(vectors: &[Vec<(u32, f64)>], most: usize) -> Vec<Vec<u32>> {
    let mut index: HashMap<u32, Vec<(u32, f64)>> = HashMap::new();
    for (at, vector) in vectors.iter().enumerate() {
        for (term, value) in vector {
            index.entry(*term).or_default().push((at as u32, *value));
        }
    }
    // A word that many prompts have is read faster as a whole column: where it is missing, it adds nothing.
    let column = |list: &[(u32, f64)]| -> Option<Vec<f64>> {
        (list.len() * 3 > vectors.len()).then(|| {
            let mut column = vec![0.0; vectors.len()];
            for (at, value) in list {
                if let Some(slot) = column.get_mut(*at as usize) {
                    *slot = *value;
                }
            }
            column
        })
    };
    let columns: HashMap<u32, Vec<f64>> =
        index.iter().filter_map(|(term, list)| Some((*term, column(list)?))).collect();
    let mut best: Vec<Best> =
        vectors.iter().map(|_| Best { most, found: Vec::with_capacity(most.min(vectors.len())) }).collect();
    let mut alike = vec![0.0_f64; vectors.len()];
    for (at, vector) in vectors.iter().enumerate() {
        alike.fill(0.0);
        let Some(later) = alike.get_mut(at + 1..) else { continue };
        for (term, value) in vector {
            if let Some(theirs) = columns.get(term).and_then(|column| column.get(at + 1..)) {
                for (sum, theirs) in later.iter_mut().zip(theirs) {
                    *sum += value * theirs;
                }
                continue;
            }
            let list = index.get(term).map_or(&[][..], Vec::as_slice);
            let from = list.partition_point(|(other, _)| *other as usize <= at);
            for (other, theirs) in list.iter().skip(from) {
                if let Some(sum) = later.get_mut(*other as usize - at - 1) {
                    *sum += value * theirs;
                }
            }
        }
        for (other, likeness) in later.iter().enumerate().filter(|(_, likeness)| **likeness > 0.0) {
            let other = at + 1 + other;
            if let Some(best) = best.get_mut(at) {
                best.offer(other as u32, *likeness);
            }
            if let Some(best) = best.get_mut(other) {
                best.offer(at as u32, *likeness);
            }
        }
    }
    best.into_iter().map(Best::names).collect()
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
