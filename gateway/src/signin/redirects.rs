//! Where a browser may be sent at the end of a sign-in.

use url::{Origin, Url};

/// The pages of these origins.
pub struct Redirects {
    origins: Vec<Origin>,
    development: bool,
}

impl Redirects {
    /// `origins` such as `https://app.example`; in development every port of this machine as well.
    pub fn new(origins: &[String], development: bool) -> Self {
        let origins = origins.iter().filter_map(|origin| Url::parse(origin).ok()).map(|url| url.origin());
        Self { origins: origins.filter(Origin::is_tuple).collect(), development }
    }

    /// The address, if a browser may be sent there.
    pub fn allow(&self, address: &str) -> Option<Url> {
        // A browser reads these otherwise than a parser does; nobody needs them.
        if address.contains('\\') || address.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return None;
        }
        let url = Url::parse(address).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_web = matches!(url.scheme(), "http" | "https");
        let is_listed = self.origins.contains(&url.origin());
        (is_plain && is_web && (is_listed || (self.development && is_local(&url)))).then_some(url)
    }
}

/// Whether an address is on this machine.
pub fn is_local(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_listed_origins_are_allowed() {
        let redirects = Redirects::new(&["https://app.example".to_owned(), "nonsense".to_owned()], false);
        for address in ["https://app.example", "https://app.example/home?a=b#c", "https://APP.example:443/x"]
        {
            assert!(redirects.allow(address).is_some(), "{address}");
        }
        for address in [
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil.example",
            "https://evil.example/https://app.example",
            "https://app.example@evil.example",
            "https://user@app.example",
            "//app.example",
            "/home",
            "\\\\app.example",
            "https:\\\\app.example",
            "https://app.example\\@evil.example",
            "https://evil.example\t.app.example",
            " https://app.example",
            "javascript:alert(1)//https://app.example",
            "data:text/html,x",
            "http://localhost:3000",
            "",
        ] {
            assert!(redirects.allow(address).is_none(), "{address}");
        }
    }

    #[test]
    fn in_development_every_page_on_this_machine_is() {
        let redirects = Redirects::new(&[], true);
        for address in ["http://localhost:3000/x", "http://127.0.0.1:8080/", "http://[::1]:3000"] {
            assert!(redirects.allow(address).is_some(), "{address}");
        }
        for address in
            ["http://localhost.evil.example", "http://127.0.0.1@evil.example", "https://app.example"]
        {
            assert!(redirects.allow(address).is_none(), "{address}");
        }
    }
}
