//! Near-duplicates: texts whose sets of word shingles are alike. `MinHash` (Broder 1997) with banding, so that the work is
//! about linear in the number of texts; deterministic, because its hash functions are fixed.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

/// The similarity from which texts of a corpus count as near-duplicates, unless the user says otherwise.
pub const NEAR_DUPLICATE: f64 = 0.9;

/// Hash functions of a signature.
const HASHES: usize = 64;
/// Values that a band holds: 16 bands of 4 find pairs above a similarity of 0.7 with a probability of 0.99 and more.
const ROWS: usize = 4;
/// Words that a shingle holds.
const WORDS: usize = 3;
/// The most earlier texts of one bucket that a text is compared with.
const COMPARED: usize = 64;
/// The most shingles that are kept of a text: a kilobyte.
const KEPT: usize = 128;

/// For each text the index of the first text that it is a near-duplicate of, itself where there is none. Similarity is
/// Jaccard's over shingles of three words, folded to small letters and single spaces; short texts are compared by their
/// characters, three at a time.
#[must_use]
pub fn representatives(texts: &[String], least: f64) -> Vec<usize> {
    let sketches: Vec<Sketch> = texts.iter().map(|text| Sketch::of(text)).collect();
    let mut finder = Finder::new(least);
    sketches.iter().enumerate().map(|(at, sketch)| finder.place(at, sketch)).collect()
}

/// What is compared of a text: the least hashes of its shingles, in rising order. A text of up to [`KEPT`] shingles is kept whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sketch(Box<[u64]>);

impl Sketch {
    pub(super) fn of(text: &str) -> Self {
        Self(shingles(text).into_iter().take(KEPT).collect())
    }
}

/// Finds for each text the first one before it that it is a near-duplicate of.
pub(super) struct Finder<'a> {
    least: f64,
    buckets: HashMap<(usize, [u32; ROWS]), Vec<usize>>,
    /// Texts that stand for others: only these are compared with.
    kept: HashMap<usize, &'a Sketch>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(least: f64) -> Self {
        Self { least, buckets: HashMap::new(), kept: HashMap::new() }
    }

    /// The number of the first text that this one is a near-duplicate of; its own, `at`, where there is none.
    pub(super) fn place(&mut self, at: usize, sketch: &'a Sketch) -> usize {
        let signature = signature(sketch);
        let bands = || signature.as_chunks::<ROWS>().0.iter().copied().enumerate();
        let mut found: Option<usize> = None;
        for band in bands() {
            for other in self.buckets.get(&band).into_iter().flatten().take(COMPARED) {
                let alike = self.kept.get(other).is_some_and(|other| jaccard(sketch, other) >= self.least);
                if alike && found.is_none_or(|found| *other < found) {
                    found = Some(*other);
                }
            }
        }
        if found.is_none() {
            for band in bands() {
                self.buckets.entry(band).or_default().push(at);
            }
            self.kept.insert(at, sketch);
        }
        found.unwrap_or(at)
    }
}

fn shingles(text: &str) -> BTreeSet<u64> {
    let folded = text.to_lowercase();
    let words: Vec<&str> = folded.split_whitespace().collect();
    if words.len() >= 3 * WORDS {
        return words.windows(WORDS).map(|three| hash(three.join(" ").as_bytes())).collect();
    }
    let characters: Vec<char> = words.join(" ").chars().collect();
    if characters.len() < WORDS {
        return std::iter::once(hash(words.join(" ").as_bytes())).collect();
    }
    characters.windows(WORDS).map(|three| hash(three.iter().collect::<String>().as_bytes())).collect()
}

/// FNV-1a with a finaliser: fixed for good, unlike the standard library's hash.
fn hash(bytes: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(state)
}

/// The finaliser of `SplitMix64`.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn signature(sketch: &Sketch) -> [u32; HASHES] {
    let mut least = [u32::MAX; HASHES];
    for shingle in &sketch.0 {
        for (seed, slot) in (1_u64..).zip(least.iter_mut()) {
            let value = mix(shingle ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            *slot = (*slot).min((value >> 32) as u32);
        }
    }
    least
}

/// Jaccard's similarity by the least hashes of both sets together (Broder 1997): exact for sets that are kept whole, else with a
/// standard error of 0.03 at the most.
fn jaccard(a: &Sketch, b: &Sketch) -> f64 {
    let (mut left, mut right) = (a.0.iter().peekable(), b.0.iter().peekable());
    let (mut both, mut all) = (0_usize, 0_usize);
    while all < KEPT {
        match (left.peek(), right.peek()) {
            (Some(one), Some(other)) => match one.cmp(other) {
                Ordering::Less => drop(left.next()),
                Ordering::Greater => drop(right.next()),
                Ordering::Equal => {
                    both += 1;
                    left.next();
                    right.next();
                }
            },
            (Some(_), None) => drop(left.next()),
            (None, Some(_)) => drop(right.next()),
            (None, None) => break,
        }
        all += 1;
    }
    if all > 0 { both as f64 / all as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spelling_folds_and_other_texts_stay() {
        let texts =
            ["Where is my parcel?", "where  is my PARCEL?", "I want my money back"].map(str::to_owned);
        assert_eq!(representatives(&texts, 0.9), [0, 0, 2]);
    }

    proptest! {
        #[test]
        fn equal_texts_always_fold_onto_the_first(text in "\\PC{0,80}", n in 1usize..6) {
            prop_assert_eq!(representatives(&vec![text; n], 0.9), vec![0; n]);
        }
    }
}
