//! Texts that others choose.

use shared::Violations;

/// Notes unless `text` has 1 to `longest` bytes and no control characters, which PostgreSQL refuses in part.
pub fn check_text(field: &'static str, text: &str, longest: usize, violations: &mut Violations) {
    if !(1..=longest).contains(&text.len()) || text.chars().any(char::is_control) {
        violations.add(field, format!("must be 1 to {longest} bytes without control characters"));
    }
}
