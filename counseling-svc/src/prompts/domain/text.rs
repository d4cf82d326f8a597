//! Which texts prompts may hold.

use shared::Violations;

/// How long a text may be, in characters.
#[derive(Clone, Copy, Debug)]
pub struct TextRule {
    least: usize,
    most: usize,
}

/// The name of a version or of a technique.
pub const NAME: TextRule = TextRule { least: 1, most: 100 };
/// What a version is for.
pub const DESCRIPTION: TextRule = TextRule { least: 0, most: 1000 };
/// When a technique is used.
pub const CONTEXT: TextRule = TextRule { least: 0, most: 2000 };
/// What a counselor is told: a prompt, the instruction of a technique.
pub const BODY: TextRule = TextRule { least: 1, most: 10_000 };

impl TextRule {
    /// The text without the space around it; each broken rule is noted.
    pub fn read(self, field: &'static str, text: &str, violations: &mut Violations) -> String {
        let text = text.trim();
        let Self { least, most } = self;
        let rule = format!("must be {least} to {most} characters, not counting space around it");
        violations.check((least..=most).contains(&text.chars().count()), field, &rule);
        // PostgreSQL refuses a NUL, and no other control character belongs into a prompt either.
        let plain = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t');
        violations.check(text.chars().all(plain), field, "must not hold control characters");
        text.to_owned()
    }
}
