//! Choices: a word of the file for each value of a type.

/// A choice with a word for each of its values.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// All words with what they mean.
    const WORDS: &'static [(&'static str, Self)];

    /// The word for a value.
    fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, value)| *value == self);
        found.expect("each value has a word").0
    }

    /// The value for a word.
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|&(_, value)| value)
    }
}

/// The words of a choice.
pub(crate) fn words<W: Word>() -> Vec<&'static str> {
    W::WORDS.iter().map(|&(name, _)| name).collect()
}
