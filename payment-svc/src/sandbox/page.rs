//! The payer's page.

mod words;

use std::convert::Infallible;

use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use self::words::Words;
use super::{CARDS, Record, Refusal, Status};

/// Where the style is.
pub const STYLE: &str = "/checkout.css";

/// Who reads the answer.
#[derive(Clone, Copy)]
pub struct Reader {
    /// Whether it is a browser; others are told JSON.
    pub is_browser: bool,
    words: &'static Words,
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl Reader {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self { is_browser: text(ACCEPT).contains("text/html"), words: Words::of(text(ACCEPT_LANGUAGE)) }
    }

    /// Asks for a card, or says that there is nothing to pay any more.
    pub fn checkout(self, record: &Record) -> Response {
        match record.status {
            Status::Ready | Status::Authorized => self.ask(record),
            Status::Paid | Status::Declined | Status::Canceled => self.ended(record).into_response(),
        }
    }

    fn ask(self, record: &Record) -> Response {
        let Record { name, amount, currency, return_url, .. } = record;
        let amount = self.words.amount(*amount, currency);
        let cards: String = CARDS
            .iter()
            .enumerate()
            .map(|(at, (number, behaviour, _))| {
                let first = if at == 0 { " checked autofocus" } else { "" };
                let (spaced, says) = (spaced(number), escaped(self.words.says(*behaviour)));
                format!(
                    "<label><input type=radio name=card value=\"{number}\"{first}>\
                     <span class=number>{spaced}</span><span class=says>{says}</span></label>"
                )
            })
            .collect();
        let kept = format!("<p class=kept>{}</p>", escaped(self.words.kept));
        let kept = if record.keep_card { kept } else { String::new() };
        let (name, choose) = (escaped(name), escaped(self.words.choose));
        let (pay, amount) = (escaped(&self.words.pay(&amount)), escaped(&amount));
        let body = format!(
            "<h1>{name}</h1><p class=amount>{amount}</p>{kept}<form method=post>\
             <fieldset><legend>{choose}</legend>{cards}</fieldset><button>{pay}</button></form>"
        );
        self.page(&body, return_url.as_deref().and_then(origin))
    }

    /// Sends the payer back, where there is no page to go to.
    pub fn agreed(self) -> Response {
        self.say(self.words.agreed, "")
    }

    /// Says why not; of the order's payment, if there is one.
    pub fn refused(self, refusal: Refusal, record: Option<&Record>) -> Response {
        if !self.is_browser {
            return refusal.into_response();
        }
        let status = refusal.status();
        let page = match record {
            None => self.say(self.words.unknown_payment, ""),
            Some(record) if refusal.code == "ENDED" => self.ended(record),
            Some(_) => self.say(self.words.unknown_card, &link("", self.words.to_cards)),
        };
        (status, page).into_response()
    }

    fn ended(self, record: &Record) -> Response {
        // Only to a page: an address may be a script as well.
        let shop = record.return_url.as_deref().filter(|url| origin(url).is_some());
        let link = shop.map(|url| link(url, self.words.to_shop)).unwrap_or_default();
        self.say([self.words.ended, self.words.outcome(record.status)], &link)
    }

    fn say(self, [title, text]: [&str; 2], link: &str) -> Response {
        self.page(&format!("<h1>{}</h1><p class=text>{}</p>{link}", escaped(title), escaped(text)), None)
    }

    /// A page whose form may lead on to another origin.
    fn page(self, body: &str, leads_to: Option<String>) -> Response {
        let Words { lang, title, note, .. } = self.words;
        let (title, note) = (escaped(title), escaped(note));
        let page = format!(
            "<!doctype html><html lang={lang}><head><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
             <link rel=stylesheet href=\"{STYLE}\"></head>\
             <body><main><p class=note>{note}</p>{body}</main></body></html>"
        );
        // Nothing from elsewhere, no script at all, and in nobody's frame.
        let policy = format!(
            "default-src 'none'; style-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
            leads_to.unwrap_or_default()
        );
        let headers = [(CONTENT_SECURITY_POLICY, policy), (CACHE_CONTROL, "no-store".to_owned())];
        (headers, Html(page)).into_response()
    }
}

/// How the page looks.
pub async fn style() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page/style.css"))
}

impl Refusal {
    /// As HTTP says it.
    pub(super) fn status(&self) -> StatusCode {
        match self.code {
            "NOT_FOUND" => StatusCode::NOT_FOUND,
            "UNAUTHORIZED" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The origin of a page, as a policy names it.
fn origin(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let (scheme, authority) = (url.scheme_str()?, url.authority()?.as_str());
    // An address may hold characters that end a policy's directive.
    let is_plain = |character: char| character.is_ascii_alphanumeric() || ".-:[]".contains(character);
    let is_page = matches!(scheme, "http" | "https") && authority.chars().all(is_plain);
    is_page.then(|| format!("{scheme}://{authority}"))
}

fn link(url: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escaped(url), escaped(text))
}

/// The number of a card in groups of four.
fn spaced(number: &str) -> String {
    let mut text = String::new();
    for (at, digit) in number.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_merchant_says_becomes_markup() {
        assert_eq!(escaped("<b a='1' b=\"2\">&amp;"), "&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;amp;");
        assert_eq!(link("/?a=\"b", "'"), "<a href=\"/?a=&quot;b\">&#39;</a>");
    }

    #[test]
    fn a_form_leads_on_to_a_page_only() {
        for (url, expected) in [
            ("https://app.example/a?b=c", Some("https://app.example")),
            ("http://127.0.0.1:3000", Some("http://127.0.0.1:3000")),
            ("http://[::1]:3000/", Some("http://[::1]:3000")),
            ("javascript:alert(1)", None),
            ("/a", None),
            ("https://a;script-src,*/", None),
            ("https://user@app.example/", None),
        ] {
            assert_eq!(origin(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn numbers_are_read_in_groups() {
        assert_eq!(spaced("4242424242424242"), "4242 4242 4242 4242");
    }
}
