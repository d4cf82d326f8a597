//! Where a browser may be sent at the end of a sign-in.

use url::Url;

use crate::origins::Origins;

/// The pages of these origins.
pub struct Redirects(pub Origins);

impl Redirects {
    /// The address, if a browser may be sent there.
    pub fn allow(&self, address: &str) -> Option<Url> {
        // A browser reads these otherwise than a parser does; nobody needs them.
        if address.contains('\\') || address.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return None;
        }
        let url = Url::parse(address).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        (is_plain && self.0.allow(&url)).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use shared::testkit::Corpus;

    use super::*;

    #[test]
    fn only_pages_of_listed_origins_are_allowed() {
        let redirects =
            Redirects(Origins::new(&["https://app.example".to_owned(), "nonsense".to_owned()], false));
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
    fn whatever_is_allowed_is_of_a_listed_origin() {
        let redirects = Redirects(Origins::new(&["https://app.example".to_owned()], false));
        let addresses = [
            "https://app.example/home?a=b#c",
            "https://app.example:443@evil.example/",
            "https:/\\app.example/%5c%5cevil.example",
            "https://ａｐｐ.example/",
        ];
        Corpus::new(addresses).check_text(file!(), |address| {
            let Some(url) = redirects.allow(address) else { return };
            assert_eq!(
                (url.scheme(), url.host_str(), url.port()),
                ("https", Some("app.example"), None),
                "{address}"
            );
            assert!(url.username().is_empty() && url.password().is_none(), "{address}");
            // A browser is sent to what was checked.
            assert_eq!(redirects.allow(url.as_str()), Some(url.clone()));
        });
    }

    #[test]
    fn in_development_every_page_on_this_machine_is() {
        let redirects = Redirects(Origins::new(&[], true));
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
