//! The policy of a room: a TOML file of rules, compiled once and shared by every track.
//!
//! The format is described in `policies/README.md`; `policies/default.toml` is the worked example.

mod bundled;
pub(in crate::flag) mod compile;
mod error;
mod load;
mod mend;
mod parse;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use error::{PolicyErrors, PolicyMistake};
use regex::Regex;

use super::flagger::PolicyFlagger;
use super::matcher::{ClassId, Matcher};
use super::normalise::Spoken;
use super::{Category, Severity};
use crate::strikes::StrikeConfig;
use load::Loader;

/// A compiled policy: immutable, cheap to clone, shared by all tracks.
///
/// # Resource usage
///
/// Compiling takes time and memory linear in the phrases of the policy and what they include; judging is linear in the
/// words, whatever they are. Both are bounded: a phrase may stand for at most 512 alternatives, a gap may skip at most
/// 12 words, a regex may compile to at most 256 KiB.
///
/// ```
/// use earmark::flag::Policy;
/// let policy = Policy::from_toml(
///     "room.toml",
///     r#"
///     name = "room"
///     [[rule]]
///     id = "spoiler"
///     category = "spam_scam"
///     severity = "low"
///     reason = "Tells how the film ends."
///     phrases = ["the butler ... did it"]
///     "#,
/// )?;
/// assert_eq!(policy.name(), "room");
/// # Ok::<(), earmark::flag::PolicyErrors>(())
/// ```
#[derive(Clone)]
pub struct Policy {
    pub(in crate::flag) compiled: Arc<Compiled>,
}

impl Policy {
    /// Names of the policies that are part of the crate: "default" (English and everything below) and the language packs.
    pub fn bundled_names() -> impl Iterator<Item = &'static str> {
        bundled::PACKS.iter().map(|(name, _)| *name)
    }

    /// The text of a bundled policy, if there is one of this name.
    pub fn bundled_text(name: &str) -> Option<&'static str> {
        bundled::find(&bundled::PACKS, name)
    }

    /// The text of the default policy.
    pub fn bundled_toml() -> &'static str {
        bundled::PACKS[0].1
    }

    /// The default policy.
    ///
    /// # Panics
    ///
    /// Never: a test compiles every bundled policy.
    pub fn bundled() -> Self {
        Self::from_toml(bundled::PACKS[0].0, Self::bundled_toml()).expect("the bundled policy compiles")
    }

    /// Compiles a policy that includes bundled packs at most. `name` is what mistakes call the file.
    ///
    /// # Errors
    ///
    /// [`PolicyErrors`] with every mistake in the text.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, PolicyErrors> {
        Self::from_toml_with(name, text, &mut |_, _| Err("there is no bundled file of this name".to_owned()))
    }

    /// Compiles a policy that may include other files. `resolve` is called with the name of the including file and
    /// the name of the included one, and gives its text or says in a few words why it can't.
    ///
    /// # Errors
    ///
    /// [`PolicyErrors`] with every mistake in the text and in what it includes.
    pub fn from_toml_with(
        name: &str,
        text: &str,
        resolve: &mut dyn FnMut(&str, &str) -> Result<String, String>,
    ) -> Result<Self, PolicyErrors> {
        let is_bundled = bundled::find(&bundled::PACKS, name).is_some_and(|own| own == text);
        let mut loader = Loader::new(resolve);
        loader.load(name, text.to_owned(), is_bundled);
        compile::compile(loader).map(|compiled| Self { compiled: Arc::new(compiled) })
    }

    /// The policy's name, as its file gives it.
    pub fn name(&self) -> &str {
        &self.compiled.name
    }

    /// SHA-256 (hexadecimal) of the policy's text and of all it includes.
    pub fn sha256(&self) -> &str {
        &self.compiled.sha256
    }

    /// Number of rules, those of included packs among them.
    pub fn rules(&self) -> usize {
        self.compiled.rules.len()
    }

    /// How many words before the fresh ones a flagger needs to see, so that nothing is missed at an utterance's border.
    pub fn context_words(&self) -> usize {
        self.compiled.context_words
    }

    /// How flags add up to actions.
    pub fn strikes(&self) -> StrikeConfig {
        self.compiled.strikes.clone()
    }

    /// A flagger for one track.
    pub fn flagger(&self) -> PolicyFlagger {
        PolicyFlagger::new(self.clone())
    }
}

/// Never prints what the rules look for.
impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Compiled { name, sha256, rules, .. } = &*self.compiled;
        f.debug_struct("Policy").field("name", name).field("sha256", sha256).field("rules", &rules.len()).finish_non_exhaustive()
    }
}

/// What a found phrase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::flag) enum Payload {
    Rule(u32),
    Near(u32),
    Allow(u32),
    Cue(u32, Side),
}

/// Where a cue stands, seen from the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::flag) enum Side {
    Before,
    After,
    Around,
}

pub(in crate::flag) struct Compiled {
    name: String,
    sha256: String,
    pub spoken: Spoken,
    pub matcher: Matcher<Payload>,
    pub rules: Vec<Rule>,
    pub contexts: Vec<Context>,
    pub allows: Vec<Allow>,
    pub regexes: Vec<(Regex, u32)>,
    /// Language codes; a language's bit is its index.
    pub codes: Vec<String>,
    /// Classes of words that tell a language, with the bits of the languages they tell.
    pub commons: Vec<(ClassId, u64)>,
    pub thresholds: [f32; 10],
    strikes: StrikeConfig,
    context_words: usize,
}

pub(in crate::flag) struct Rule {
    pub id: Arc<str>,
    pub category: Category,
    pub severity: Severity,
    pub confidence: f32,
    /// Without its full stop, to be continued.
    pub reason: Box<str>,
    /// With its full stop.
    pub plain: Arc<str>,
    pub languages: u64,
    pub near: bool,
    pub within: usize,
    pub tags: Vec<Arc<str>>,
    pub strikes: bool,
    pub ignores: Vec<Box<str>>,
    pub enabled: bool,
}

pub(in crate::flag) struct Context {
    pub id: Box<str>,
    pub note: Box<str>,
    pub tag: Option<Arc<str>>,
    pub within: usize,
    pub same_sentence: bool,
    pub cap: Option<Severity>,
    pub lower: usize,
    pub raise: usize,
    pub confidence: f32,
    categories: u16,
    rules: Vec<Box<str>>,
    pub languages: u64,
}

impl Context {
    pub(in crate::flag) fn concerns(&self, rule: &Rule) -> bool {
        self.categories >> rule.category as u16 & 1 == 1
            && (self.rules.is_empty() || self.rules.iter().any(|id| **id == *rule.id))
            && !rule.ignores.contains(&self.id)
    }
}

pub(in crate::flag) struct Allow {
    categories: u16,
    rules: Vec<Box<str>>,
    pub languages: u64,
}

impl Allow {
    pub(in crate::flag) fn covers(&self, rule: &Rule) -> bool {
        self.categories >> rule.category as u16 & 1 == 1
            && (self.rules.is_empty() || self.rules.iter().any(|id| **id == *rule.id))
    }
}
