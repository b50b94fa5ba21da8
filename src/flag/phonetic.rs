//! Words that sound like one the policy looks for: candidates where the recogniser itself was in doubt, nowhere else.
//!
//! Double Metaphone (Philips, 2000) says what two English words have in common to the ear; the edit distance of their
//! spelling then throws out most of what only the code has in common ("bitch", "pooches"). Without the recogniser's
//! doubt as a condition, "beach", "sheet" and "count" would flood a moderator's queue.

use std::collections::HashMap;

use rphonetic::DoubleMetaphone;

use super::policy::edits;

/// Letters of the code that are compared; longer words that begin alike are told apart by their edit distance.
const CODE_LENGTH: usize = 6;
/// Shorter words sound like too many others.
const SHORTEST: usize = 4;
/// Most letters that may differ.
const MOST_EDITS: usize = 2;

/// Words by their sound; `S` is what the word is known as.
#[derive(Debug)]
pub(super) struct Sounds<S> {
    by_code: HashMap<String, Vec<(Box<str>, S)>>,
}

impl<S: Copy + PartialEq> Sounds<S> {
    pub(super) fn new() -> Self {
        Self { by_code: HashMap::new() }
    }

    /// Adds a word that is to be recognised by its sound; what is no Latin word is left out.
    pub(super) fn insert(&mut self, word: &str, symbol: S) {
        for code in codes(word) {
            let alike = self.by_code.entry(code).or_default();
            if alike.iter().all(|(_, known)| *known != symbol) {
                alike.push((word.into(), symbol));
            }
        }
    }

    /// The words that `token` may have been, without itself.
    pub(super) fn like<'a>(&'a self, token: &'a str) -> impl Iterator<Item = S> + 'a {
        let codes = if self.by_code.is_empty() { Vec::new() } else { codes(token) };
        let near = move |word: &str| {
            let allowed = MOST_EDITS.min(word.len().min(token.len()) / 2);
            (1..=allowed).contains(&edits(token, word))
        };
        codes
            .into_iter()
            .filter_map(|code| self.by_code.get(&code))
            .flatten()
            .filter(move |(word, _)| near(word))
            .map(|(_, symbol)| *symbol)
    }
}

fn codes(word: &str) -> Vec<String> {
    if word.len() < SHORTEST || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return Vec::new();
    }
    // Double Metaphone takes "ch" after "a" for the one of "Bach"; English "beach" and "coach" end like "watch".
    let respelt = word.strip_suffix("ch").filter(|stem| !stem.ends_with('t')).map(|stem| format!("{stem}tch"));
    let found = DoubleMetaphone::new(Some(CODE_LENGTH)).double_metaphone(respelt.as_deref().unwrap_or(word));
    let mut codes = vec![found.primary(), found.alternate()];
    codes.retain(|code| !code.is_empty());
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sounds_alike_and_is_spelt_nearly_so() {
        let mut sounds = Sounds::new();
        ["bitch", "shit", "cunt", "whore"].iter().enumerate().for_each(|(number, word)| sounds.insert(word, number));
        let like = |token: &str| sounds.like(token).collect::<Vec<_>>();
        assert_eq!(like("beach"), [0]);
        assert_eq!(like("sheet"), [1]);
        assert_eq!(like("count"), [2]);
        assert_eq!(like("bitch"), Vec::<usize>::new(), "itself is no guess");
        for other in ["porch", "table", "beige", "she", "", "बेवकूफ", "b*tch"] {
            assert_eq!(like(other), Vec::<usize>::new(), "{other}");
        }
    }
}
