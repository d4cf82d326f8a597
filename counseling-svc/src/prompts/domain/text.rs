//! Which texts prompts may hold.

pub use shared::text::TextRule;

/// The name of a version or of a technique.
pub const NAME: TextRule = TextRule::new(1, 100);
/// What a version is for.
pub const DESCRIPTION: TextRule = TextRule::new(0, 1000);
/// When a technique is used.
pub const CONTEXT: TextRule = TextRule::new(0, 2000);
/// What a counselor is told: a prompt, the instruction of a technique.
pub const BODY: TextRule = TextRule::new(1, 10_000);
