//! Which addresses of images admins may write.

use shared::Violations;

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
