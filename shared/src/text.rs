//! Which texts people may write.

use crate::Violations;

/// How long a text may be, in characters.
#[derive(Clone, Copy, Debug)]
pub struct TextRule {
    least: usize,
    most: usize,
}

impl TextRule {
    /// `least` to `most` characters, not counting space around them.
    pub const fn new(least: usize, most: usize) -> Self {
        Self { least, most }
    }

    /// The text without the space around it; each broken rule is noted.
    pub fn read(self, field: &'static str, text: &str, violations: &mut Violations) -> String {
        let text = text.trim();
        let Self { least, most } = self;
        let rule = format!("must be {least} to {most} characters, not counting space around it");
        violations.check((least..=most).contains(&text.chars().count()), field, &rule);
        // PostgreSQL refuses a NUL, and no other control character belongs into a text either.
        let plain = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t');
        violations.check(text.chars().all(plain), field, "must not hold control characters");
        text.to_owned()
    }

    /// As [`Self::read`], for a field that may be left out.
    pub fn read_some(
        self,
        field: &'static str,
        text: Option<&str>,
        violations: &mut Violations,
    ) -> Option<String> {
        text.map(|text| self.read(field, text, violations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_its_length_counted_in_characters() {
        let rule = TextRule::new(1, 3);
        for (text, good) in
            [("  안녕 ", true), ("abcd", false), ("   ", false), ("a\u{0}", false), ("a\nb", true)]
        {
            let mut violations = Violations::default();
            assert_eq!(rule.read("name", text, &mut violations), text.trim());
            assert_eq!(violations.is_empty(), good, "{text:?}");
        }
    }
}
