//! What is wrong with a policy file, told so that its writer can mend it.

use std::fmt;

/// One mistake in a policy file: where it is, and what to do about it.
///
/// It names rules, classes and keys, never the words a rule looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyMistake {
    /// The file as it was named by the caller or by `include`.
    pub file: String,
    /// Line in the file, counted from 1.
    pub line: usize,
    /// Id of the rule, context or allow entry the mistake is in, when it is in one.
    pub rule: Option<String>,
    /// What is wrong, with a suggestion where there is one.
    pub problem: String,
}

impl fmt::Display for PolicyMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(rule) = &self.rule {
            write!(f, "\"{rule}\": ")?;
        }
        f.write_str(&self.problem)
    }
}

/// Every mistake found in a policy, in the order of the files and their lines; never empty.
///
/// `Display` writes one mistake a line.
///
/// ```
/// use earmark::flag::Policy;
/// let mistakes = Policy::from_toml("room.toml", "name = \"room\"\ninclud = [\"default\"]").unwrap_err();
/// assert_eq!(mistakes.to_string(), "room.toml:2: unknown key \"includ\": did you mean \"include\"?");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyErrors(pub(super) Vec<PolicyMistake>);

impl PolicyErrors {
    /// The mistakes, at least one.
    pub fn as_slice(&self) -> &[PolicyMistake] {
        &self.0
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

/// ": did you mean "x"?" for the known name nearest to `name`, or nothing when none is near.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let nearest = known.into_iter().map(|known| (distance(name, known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= limit => format!(": did you mean \"{known}\"?"),
        _ => String::new(),
    }
}

/// Edits (insert, delete, replace, swap of neighbours) between two names: optimal string alignment distance.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near_or_absent() {
        assert_eq!(did_you_mean("slurr", ["hate", "slur"]), ": did you mean \"slur\"?");
        assert_eq!(did_you_mean("thraet", ["threat"]), ": did you mean \"threat\"?");
        assert_eq!(did_you_mean("weather", ["hate", "slur"]), "");
    }
}
