//! The policies and word lists that are part of the crate.

/// Name and text of a file under `policies/`.
type Embedded = (&'static str, &'static str);

/// Packs, by the name a user gives.
pub(super) const PACKS: [Embedded; 6] = [
    ("default", include_str!("../../../policies/default.toml")),
    ("fr", include_str!("../../../policies/fr.toml")),
    ("es", include_str!("../../../policies/es.toml")),
    ("de", include_str!("../../../policies/de.toml")),
    ("pt", include_str!("../../../policies/pt.toml")),
    ("hi", include_str!("../../../policies/hi.toml")),
];

/// Word lists, by the path their packs name them with.
pub(super) const LEXICONS: [Embedded; 9] = [
    ("lexicon/en-slurs.txt", include_str!("../../../policies/lexicon/en-slurs.txt")),
    ("lexicon/en-slurs-mild.txt", include_str!("../../../policies/lexicon/en-slurs-mild.txt")),
    ("lexicon/en-slurs-dated.txt", include_str!("../../../policies/lexicon/en-slurs-dated.txt")),
    ("lexicon/en-sexual.txt", include_str!("../../../policies/lexicon/en-sexual.txt")),
    ("lexicon/fr-slurs.txt", include_str!("../../../policies/lexicon/fr-slurs.txt")),
    ("lexicon/es-slurs.txt", include_str!("../../../policies/lexicon/es-slurs.txt")),
    ("lexicon/de-slurs.txt", include_str!("../../../policies/lexicon/de-slurs.txt")),
    ("lexicon/pt-slurs.txt", include_str!("../../../policies/lexicon/pt-slurs.txt")),
    ("lexicon/hi-slurs.txt", include_str!("../../../policies/lexicon/hi-slurs.txt")),
];

pub(super) fn find(files: &[Embedded], name: &str) -> Option<&'static str> {
    files.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
