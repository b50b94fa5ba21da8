//! Loaded packs → one compiled policy.

use std::collections::{HashMap, HashSet};

use regex::{Regex, RegexBuilder};
use sha2::{Digest, Sha256};

use super::error::{PolicyMistake, did_you_mean};
use super::load::{Loaded, Loader};
use super::table::{File, Located};
use super::{Allow, Compiled, Context, Doubt, Payload, Rule, RuleSettings, Side};
use crate::flag::Category;
use crate::flag::matcher::{ClassId, FILLER, Matcher};
use crate::flag::normalise::Spoken;
use crate::flag::pattern::{Piece, classes, has_gap, parse, span};

/// Largest compiled regex, in bytes; regexes are linear in the text, this bounds the factor.
const LARGEST_REGEX: usize = 1 << 18;
/// Languages one policy may tell apart (a bit each).
const MOST_LANGUAGES: usize = 64;
/// Words of context a flagger asks for at most.
const MOST_CONTEXT: usize = 64;

/// Class names with a meaning of their own.
const FILLER_CLASS: &str = "filler";
const MASKED_CLASS: &str = "masked";
const COMMON_CLASS: &str = "common";
const UNFINISHED_CLASS: &str = "unfinished";

/// Compiles what was loaded; useless where there are mistakes.
pub(super) fn compile(loader: &Loader<'_>) -> (Compiled, Vec<PolicyMistake>) {
    let loaded = loader.loaded.as_slice();
    let mut compiler = Compiler::new(loaded);
    for (index, loaded) in loaded.iter().enumerate() {
        compiler.classes(index, loaded);
    }
    for (index, loaded) in loaded.iter().enumerate() {
        compiler.contexts(index, loaded);
        compiler.rules(index, loaded);
    }
    for (index, loaded) in loaded.iter().enumerate() {
        compiler.allows(index, loaded);
        compiler.check_names(loaded);
        compiler.check_overrides(loaded);
        compiler.phonetic(index, loaded);
    }
    compiler.settings(loaded);
    let mut out = compiler.out;
    let hash = loader.texts.iter();
    let hash = hash.fold(Sha256::new(), |hash, text| hash.chain_update((text.len() as u64).to_le_bytes()).chain_update(text));
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    out.sha256 = hash.into();
    out.name = loaded.first().map_or_else(String::new, |root| root.pack.name.clone());
    for (category, least) in loaded.iter().rev().flat_map(|loaded| &loaded.pack.model) {
        out.model[*category as usize] = *least;
    }
    out.context_words = out.context_words.min(MOST_CONTEXT);
    let mut mistakes = Vec::new();
    for loaded in loaded {
        let mut found = loaded.file.take_mistakes();
        found.sort_by_key(|mistake: &PolicyMistake| mistake.line);
        mistakes.append(&mut found);
    }
    (out, mistakes)
}

pub(super) struct Compiler {
    pub(super) out: Compiled,
    /// What rules say about themselves, by number.
    pub(super) defaults: Vec<RuleSettings>,
    /// Class ids per pack and name.
    class_ids: HashMap<(usize, String), ClassId>,
    /// What each pack sees, by index.
    sees: Vec<Vec<usize>>,
    codes: Vec<String>,
    /// Classes whose words are also looked for by their sound.
    by_sound: HashSet<ClassId>,
    /// Full rule id → index of the compiled rule.
    pub(super) rule_ids: HashMap<String, usize>,
}

impl Compiler {
    fn new(loaded: &[Loaded]) -> Self {
        let mut spoken = Spoken::default();
        let mut class_ids = HashMap::new();
        for (index, loaded) in loaded.iter().enumerate() {
            loaded.pack.spoken.iter().for_each(|(form, becomes)| spoken.insert(&form.value, becomes));
            for class in &loaded.pack.classes {
                let id = if class.name.value == FILLER_CLASS { FILLER } else { ClassId(class_ids.len() as u32) };
                class_ids.insert((index, class.name.value.clone()), id);
            }
        }
        let out = Compiled {
            name: String::new(),
            sha256: "".into(),
            spoken,
            matcher: Matcher::new(),
            rules: Vec::new(),
            contexts: Vec::new(),
            allows: Vec::new(),
            regexes: Vec::new(),
            codes: Vec::new(),
            commons: Vec::new(),
            context_words: 0,
            settings: Default::default(),
            rooms: Vec::new(),
            model: [[None; 4]; 10],
            unfinished: HashSet::new(),
            phonetic: None,
        };
        let sees: Vec<Vec<usize>> = loaded.iter().map(|loaded| loaded.sees.clone()).collect();
        let mut by_sound = HashSet::new();
        for (index, loaded) in loaded.iter().enumerate() {
            let names = loaded.pack.phonetic.iter().flat_map(|phonetic| &phonetic.classes);
            by_sound.extend(names.filter_map(|name| find_class(&class_ids, &sees[index], &name.value)));
        }
        Self { by_sound, out, defaults: Vec::new(), class_ids, sees, codes: Vec::new(), rule_ids: HashMap::new() }
    }

    fn class(&self, pack: usize, name: &str) -> Option<ClassId> {
        find_class(&self.class_ids, &self.sees[pack], name)
    }

    /// `[phonetic]`; the first pack that has one says when to doubt.
    fn phonetic(&mut self, index: usize, loaded: &Loaded) {
        let Some(phonetic) = &loaded.pack.phonetic else { return };
        for name in phonetic.classes.iter().filter(|name| self.class(index, &name.value).is_none()) {
            let known = self.class_ids.keys().filter(|(pack, _)| self.sees[index].contains(pack));
            let help = did_you_mean(&name.value, known.map(|(_, name)| name.as_str()));
            loaded.file.mistake(name.line, Some("phonetic"), format!("unknown class \"{}\"{help}", name.value));
        }
        let doubt = Doubt { below: phonetic.below, confidence: phonetic.confidence, cap: phonetic.cap };
        self.out.phonetic.get_or_insert(doubt);
    }

    /// Reads a phrase; mistakes are told and give `None`.
    fn pieces(&self, pack: usize, file: &File, rule: Option<&str>, phrase: &Located<String>, what: &str) -> Option<Vec<Piece>> {
        let pieces = match parse(&phrase.value, &self.out.spoken) {
            Ok(pieces) => pieces,
            Err(problem) => {
                file.mistake(phrase.line, rule, format!("{what}: {problem}"));
                return None;
            }
        };
        for name in classes(&pieces) {
            if self.class(pack, name).is_none() {
                let known = self.class_ids.keys().filter(|(index, _)| self.sees[pack].contains(index));
                let help = did_you_mean(name, known.map(|(_, name)| name.as_str()));
                file.mistake(phrase.line, rule, format!("{what}: unknown class \"{name}\"{help}"));
                return None;
            }
        }
        Some(pieces)
    }

    /// Adds a list of phrases. `beyond` is how far from the finding they may stand.
    fn add(
        &mut self,
        pack: usize,
        file: &File,
        rule: Option<&str>,
        (what, phrases): (&str, &[Located<String>]),
        payload: Payload,
        beyond: usize,
    ) {
        for (nth, phrase) in phrases.iter().enumerate() {
            let Some(pieces) = self.pieces(pack, file, rule, phrase, &format!("{what} {}", nth + 1)) else { continue };
            let Self { out, class_ids, sees, .. } = self;
            out.matcher.add_phrase(payload, &pieces, &class_finder(class_ids, &sees[pack]));
            out.context_words = out.context_words.max(beyond + span(&pieces).1);
        }
    }

    fn classes(&mut self, index: usize, loaded: &Loaded) {
        for class in &loaded.pack.classes {
            let name = &class.name.value;
            let id = self.class_ids[&(index, name.clone())];
            let what = format!("class \"{name}\"");
            for member in &class.members {
                self.members(index, &loaded.file, id, name, member, &what);
            }
            for (path, entries) in loaded.lexicons.iter().filter(|(path, _)| class.files.iter().any(|file| file.value == *path)) {
                let word_list = File::new(path, "");
                for entry in entries {
                    self.members(index, &word_list, id, name, entry, &what);
                }
                for mistake in word_list.take_mistakes() {
                    loaded.file.mistake(class.name.line, None, mistake.to_string());
                }
            }
            if name == COMMON_CLASS {
                let mask = self.mask(&[], loaded);
                if mask == 0 {
                    loaded.file.mistake(
                        class.name.line,
                        None,
                        "class \"common\" tells the language and the file has none; add languages = [\"en\"] at the top",
                    );
                }
                self.out.commons.push((id, mask));
            }
        }
    }

    fn members(&mut self, pack: usize, file: &File, id: ClassId, name: &str, member: &Located<String>, what: &str) {
        let Some(pieces) = self.pieces(pack, file, None, member, what) else { return };
        if has_gap(&pieces) {
            file.mistake(member.line, None, format!("{what}: a member cannot hold a gap; put it in a phrase"));
            return;
        }
        let Self { out, class_ids, sees, .. } = self;
        out.matcher.add_member(id, &pieces, &class_finder(class_ids, &sees[pack]));
        if name == UNFINISHED_CLASS
            && let [Piece::Word(word)] = pieces.as_slice()
        {
            out.unfinished.insert(word.clone());
        }
        if self.by_sound.contains(&id) {
            for word in single_words(&pieces) {
                out.matcher.add_by_sound(word);
            }
        }
        if name == MASKED_CLASS
            && let [Piece::Word(word)] = pieces.as_slice()
        {
            out.matcher.add_masked(word);
        }
    }

    /// The bits of the languages a rule is for; 0 for any.
    pub(super) fn mask(&mut self, own: &[Located<String>], loaded: &Loaded) -> u64 {
        let languages = if own.is_empty() { &loaded.pack.languages } else { own };
        if languages.iter().any(|language| language.value == "any") {
            return 0;
        }
        let mut mask = 0;
        for language in languages {
            let known = self.codes.iter().position(|code| *code == language.value);
            let bit = known.unwrap_or_else(|| {
                self.codes.push(language.value.clone());
                self.codes.len() - 1
            });
            if bit >= MOST_LANGUAGES {
                loaded.file.mistake(
                    language.line,
                    None,
                    format!("the policy names more than {MOST_LANGUAGES} languages; split it into several policies"),
                );
                return mask;
            }
            mask |= 1 << bit;
        }
        self.out.codes.clone_from(&self.codes);
        mask
    }

    fn rules(&mut self, index: usize, loaded: &Loaded) {
        let file = &loaded.file;
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for rule in &loaded.pack.rules {
            let id = Some(rule.id.value.as_str());
            if let Some(line) = seen.insert(&rule.id.value, rule.id.line)
                && !rule.id.value.is_empty()
            {
                file.mistake(rule.id.line, id, format!("the id is used twice, first on line {line}; rename one of them"));
            }
            let number = self.out.rules.len() as u32;
            let full = format!("{}/{}", loaded.pack.name, rule.id.value);
            let languages = self.mask(&rule.languages, loaded);
            self.rule_ids.insert(full.clone(), number as usize);
            self.out.rules.push(Rule {
                id: full.as_str().into(),
                category: rule.category,
                reason: rule.reason.as_str().into(),
                plain: format!("{}.", rule.reason).into(),
                languages,
                near: !rule.near.is_empty(),
                within: rule.within,
                tags: rule.tags.iter().map(|tag| tag.as_str().into()).collect(),
                ignores: rule.ignores.iter().map(|ignored| ignored.value.as_str().into()).collect(),
            });
            let (severity, confidence, strikes) = (rule.severity, rule.confidence, rule.strikes);
            self.defaults.push(RuleSettings { enabled: true, severity, confidence, strikes });
            self.add(index, file, id, ("term", &rule.terms), Payload::Rule(number), 0);
            self.add(index, file, id, ("phrase", &rule.phrases), Payload::Rule(number), 0);
            self.add(index, file, id, ("near", &rule.near), Payload::Near(number), rule.within);
            for (nth, pattern) in rule.regex.iter().enumerate() {
                match regex(&pattern.value) {
                    Ok(regex) => self.out.regexes.push((regex, number)),
                    Err(problem) => file.mistake(pattern.line, id, format!("regex {}: {problem}", nth + 1)),
                }
            }
        }
    }

    fn contexts(&mut self, index: usize, loaded: &Loaded) {
        let file = &loaded.file;
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for context in &loaded.pack.contexts {
            let id = Some(context.id.value.as_str());
            if let Some(line) = seen.insert(&context.id.value, context.id.line)
                && !context.id.value.is_empty()
            {
                file.mistake(context.id.line, id, format!("the id is used twice, first on line {line}; rename one of them"));
            }
            let number = self.out.contexts.len() as u32;
            let languages = self.mask(&context.languages, loaded);
            for (what, side, cues) in [
                ("before", Side::Before, &context.before),
                ("after", Side::After, &context.after),
                ("around", Side::Around, &context.around),
            ] {
                self.add(index, file, id, (what, cues), Payload::Cue(number, side), context.within);
            }
            self.out.contexts.push(Context {
                id: context.id.value.as_str().into(),
                note: context.note.as_str().into(),
                tag: context.tag.as_deref().map(Into::into),
                within: context.within,
                same_sentence: context.same_sentence,
                cap: context.cap,
                lower: context.lower,
                raise: context.raise,
                confidence: context.confidence,
                categories: category_mask(&context.categories),
                rules: full_ids(&context.rules, loaded),
                languages,
            });
        }
    }

    fn allows(&mut self, index: usize, loaded: &Loaded) {
        for allow in &loaded.pack.allows {
            let languages = self.mask(&allow.languages, loaded);
            let rules = full_ids(&allow.rules, loaded);
            let compiled =
                Allow { line: first_line(&allow.phrases), categories: category_mask(&allow.categories), rules, languages };
            self.allow(index, loaded, None, &allow.phrases, compiled);
        }
        for rule in loaded.pack.rules.iter().filter(|rule| !rule.allow.is_empty()) {
            let full: Box<str> = format!("{}/{}", loaded.pack.name, rule.id.value).into();
            let compiled = Allow { line: first_line(&rule.allow), categories: u16::MAX, rules: vec![full], languages: 0 };
            self.allow(index, loaded, Some(&rule.id.value), &rule.allow, compiled);
        }
    }

    fn allow(&mut self, index: usize, loaded: &Loaded, rule: Option<&str>, phrases: &[Located<String>], allow: Allow) {
        let number = self.out.allows.len() as u32;
        for (nth, phrase) in phrases.iter().enumerate() {
            let same = |looked_for: &Located<String>| looked_for.value.trim().eq_ignore_ascii_case(phrase.value.trim());
            for own in loaded.pack.rules.iter().filter(|own| own.terms.iter().chain(&own.phrases).any(same)) {
                let shadowed = &self.out.rules[self.rule_ids[&format!("{}/{}", loaded.pack.name, own.id.value)]];
                if allow.covers(shadowed) {
                    let own = &own.id.value;
                    let problem = format!(
                        "allow phrase {} lets pass exactly what rule \"{own}\" looks for; leave one of the two out",
                        nth + 1
                    );
                    loaded.file.mistake(phrase.line, rule, problem);
                }
            }
        }
        self.add(index, &loaded.file, rule, ("allow phrase", phrases), Payload::Allow(number), 0);
        self.out.allows.push(allow);
    }
}

fn class_finder<'a>(ids: &'a HashMap<(usize, String), ClassId>, sees: &'a [usize]) -> impl Fn(&str) -> ClassId + 'a {
    // An unknown class was reported by `sequences`, which then gives no sequence to look it up for.
    |name| find_class(ids, sees, name).unwrap_or(FILLER)
}

fn find_class(ids: &HashMap<(usize, String), ClassId>, sees: &[usize], name: &str) -> Option<ClassId> {
    sees.iter().find_map(|seen| ids.get(&(*seen, name.to_owned()))).copied()
}

/// The words of a class member that are a way to say it by themselves.
fn single_words(pieces: &[Piece]) -> Vec<&str> {
    match pieces {
        [Piece::Word(word)] => vec![word],
        [Piece::Either(all)] => all.iter().flat_map(|pieces| single_words(pieces)).collect(),
        _ => Vec::new(),
    }
}

fn first_line(phrases: &[Located<String>]) -> usize {
    phrases.first().map_or(0, |phrase| phrase.line)
}

fn category_mask(categories: &[Category]) -> u16 {
    if categories.is_empty() { u16::MAX } else { categories.iter().fold(0, |mask, category| mask | 1 << *category as u16) }
}

fn full_ids(rules: &[Located<String>], loaded: &Loaded) -> Vec<Box<str>> {
    let full = |rule: &Located<String>| match rule.value.contains('/') {
        true => rule.value.as_str().into(),
        false => format!("{}/{}", loaded.pack.name, rule.value).into(),
    };
    rules.iter().map(full).collect()
}

fn regex(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).case_insensitive(true).size_limit(LARGEST_REGEX).dfa_size_limit(LARGEST_REGEX).build();
    match built {
        Ok(regex) if regex.is_match("") => Err("it matches the empty text and so everywhere; use + in place of *".to_owned()),
        Ok(regex) => Ok(regex),
        Err(regex::Error::CompiledTooBig(_)) => Err(format!("it compiles to more than {LARGEST_REGEX} bytes; make it smaller")),
        Err(_) => {
            Err("not a valid regex; look at brackets, repetitions and back-slashes (look-around is not supported)".to_owned())
        }
    }
}
