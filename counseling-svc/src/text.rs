//! Which texts admins may write.

use shared::Violations;

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

/// The longest address of an image, in characters.
pub const LONGEST_IMAGE: usize = 2048;

/// The address of an image: of a web server, or a path on this one. Empty where there is none, if that is allowed.
pub fn read_image(
    field: &'static str,
    address: &str,
    may_be_empty: bool,
    violations: &mut Violations,
) -> String {
    let address = address.trim();
    // `//host/…` is no path, nor is `/\host/…`: browsers take them for another host.
    let is_path = address.starts_with('/') && !address.starts_with("//");
    let plain = |letter: char| !letter.is_control() && !letter.is_whitespace() && letter != '\\';
    let fits = (is_path || is_of_a_host(address))
        && address.chars().all(plain)
        && address.chars().count() <= LONGEST_IMAGE;
    let rule = format!(
        "must be an http(s) address or a path that begins with /, at most {LONGEST_IMAGE} characters"
    );
    violations.check(fits || (may_be_empty && address.is_empty()), field, &rule);
    address.to_owned()
}

fn is_of_a_host(address: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
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

    #[test]
    fn an_image_has_an_address() {
        for (address, may_be_empty, good) in [
            ("https://cdn.example/a.png", false, true),
            ("/v1/images/a.png", false, true),
            ("javascript:alert(1)", false, false),
            ("a.png", false, false),
            ("//other.example/a.png", false, false),
            ("/\\other.example/a.png", false, false),
            ("https://", false, false),
            ("https:///a.png", false, false),
            ("https://cdn.example/a b.png", false, false),
            ("", false, false),
            ("", true, true),
        ] {
            let mut violations = Violations::default();
            read_image("image", address, may_be_empty, &mut violations);
            assert_eq!(violations.is_empty(), good, "{address:?}");
        }
    }
}
