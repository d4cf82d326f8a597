//! The payer's page.

use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName};
use axum::response::{Html, IntoResponse};

use super::{CARDS, Record};

/// Nothing from elsewhere, and in nobody's frame. Forms may lead on to the merchant's page.
const POLICY: [(HeaderName, &str); 1] =
    [(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")];

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;\
    color-scheme:light dark}label{display:block;padding:.4rem 0}button{font:inherit;padding:.6rem 1.4rem;margin-top:1rem}\
    code{font-size:1.05em}";

/// Asks for a card.
pub fn checkout(record: &Record) -> impl IntoResponse {
    let cards: String = CARDS
        .iter()
        .enumerate()
        .map(|(at, (number, _, says))| {
            let checked = if at == 0 { " checked" } else { "" };
            format!(
                "<label><input type=radio name=card value={number}{checked}> <code>{number}</code> {says}</label>"
            )
        })
        .collect();
    let Record { name, amount, currency, .. } = record;
    let (name, currency) = (escaped(name), escaped(currency));
    page(&format!(
        "<h1>{name}</h1><p>{amount} {currency}, in minor units. This is a sandbox: no money moves.</p>\
         <form method=post>{cards}<button>Pay</button></form>"
    ))
}

/// Sends the payer back.
pub fn agreed() -> impl IntoResponse {
    page("<h1>Thank you</h1><p>You can go back to the app.</p>")
}

fn page(body: &str) -> impl IntoResponse + use<> {
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Sandbox checkout</title><style>{STYLE}</style>{body}</html>"
    );
    (POLICY, Html(page))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
