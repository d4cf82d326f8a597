//! Lists in pages: keyset pagination, which neither skips nor repeats an item when others are added meanwhile.
//!
//! A cursor is the key of the last item of a page: the values that the list is ordered by, as JSON in base64url. It is
//! opaque to callers, and holds nothing that the page itself did not show.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::IntoValueTuple;
use sea_orm::{Cursor, SelectorTrait};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::proto::v1::PageRequest;
use crate::{Error, Violations};

/// The most items of a page, and how many it has when nobody says.
pub const LONGEST_PAGE: u64 = 1000;
/// No key is longer; what is longer is no cursor of ours.
const LONGEST_CURSOR: usize = 512;

/// The page that is asked for, of a list that is ordered by `K`: a unique value, or a tuple whose last value is
/// unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// How many items at most.
    pub limit: u64,
    /// The key of the last item of the page before.
    pub after: Option<K>,
}

impl<K: DeserializeOwned> Page<K> {
    /// Reads a request; each broken rule is noted.
    pub fn read(request: Option<PageRequest>, violations: &mut Violations) -> Self {
        let request = request.unwrap_or_default();
        let limit = match request.limit.map(u64::try_from) {
            None => LONGEST_PAGE,
            Some(Ok(limit @ 1..=LONGEST_PAGE)) => limit,
            Some(_) => {
                violations.add("limit", format!("must be 1 to {LONGEST_PAGE}"));
                LONGEST_PAGE
            }
        };
        let after = request.cursor.and_then(|cursor| {
            let key = decode(&cursor);
            violations.check(key.is_some(), "cursor", "must be a nextCursor of this list");
            key
        });
        Self { limit, after }
    }

    /// Reads a request that is nothing but a page.
    ///
    /// # Errors
    /// [`Error::Invalid`] with each broken rule.
    pub fn of(request: Option<PageRequest>) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let page = Self::read(request, &mut violations);
        violations.into_result()?;
        Ok(page)
    }
}

impl<K> Page<K> {
    /// How many rows to read: one more than the page has tells whether there is another page.
    pub fn rows(&self) -> u64 {
        self.limit + 1
    }

    /// Lets a list begin after the page before, and end with this page's rows.
    pub fn seek<'a, S: SelectorTrait>(&self, list: &'a mut Cursor<S>) -> &'a mut Cursor<S>
    where
        K: Clone + IntoValueTuple,
    {
        if let Some(after) = self.after.clone() {
            list.after(after);
        }
        list.first(self.rows())
    }

    /// The page, of as many rows as [`Page::rows`] asked for. `key` tells what a row is ordered by.
    ///
    /// # Errors
    /// [`Error::Internal`] when a key cannot be written.
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Result<Listed<T>, Error>
    where
        K: Serialize,
    {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = match rows.last().filter(|_| has_more) {
            Some(last) => encode(&key(last))?,
            None => String::new(),
        };
        Ok(Listed { items: rows, next_cursor })
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; empty after the last one.
    pub next_cursor: String,
}

impl<T> Listed<T> {
    /// A list of nothing.
    pub fn none() -> Self {
        Self { items: Vec::new(), next_cursor: String::new() }
    }
}

fn encode<K: Serialize>(key: &K) -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).map_err(Error::internal)?))
}

fn decode<K: DeserializeOwned>(cursor: &str) -> Option<K> {
    if cursor.len() > LONGEST_CURSOR {
        return None;
    }
    let key = serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    // PostgreSQL refuses a NUL in a text, and so it cannot be part of a key.
    let values = key.as_array().map_or(std::slice::from_ref(&key), Vec::as_slice);
    let holds_nul = values.iter().any(|value| value.as_str().is_some_and(|text| text.contains('\0')));
    if holds_nul { None } else { serde_json::from_value(key).ok() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;

    use super::*;
    use crate::testkit::{Corpus, fuzz};

    type Key = (i64, String);

    fn page(limit: Option<i32>, cursor: Option<String>) -> Result<Page<Key>, Error> {
        Page::of(Some(PageRequest { limit, cursor }))
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let rows: Vec<Key> = (0..5).map(|at| (at, format!("id {at}"))).collect();
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = page(Some(2), cursor).unwrap();
            let rest = rows.iter().filter(|row| page.after.as_ref().is_none_or(|after| *row > after));
            let rest = rest.take(page.rows() as usize).cloned().collect();
            let listed = page.cut(rest, Clone::clone).unwrap();
            assert!(listed.items.len() <= 2);
            seen.extend(listed.items);
            if listed.next_cursor.is_empty() {
                break;
            }
            cursor = Some(listed.next_cursor);
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn a_cursor_means_what_it_was_made_of() {
        fuzz(file!(), (any::<i64>(), "[^\\x00]{0,40}"), |key: Key| {
            let cursor = encode(&key).unwrap();
            // Where a text of many escapes is too long a key, it is refused.
            let expected = (cursor.len() <= LONGEST_CURSOR).then_some(key);
            assert_eq!(decode(&cursor), expected);
        });
    }

    #[test]
    fn a_cursor_is_read_or_refused_by_its_name() {
        fn check<K: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(cursor: &str) {
            match Page::<K>::of(Some(PageRequest { limit: None, cursor: Some(cursor.to_owned()) })) {
                Ok(page) => {
                    let key = page.after.unwrap();
                    assert_eq!(decode(&encode(&key).unwrap()), Some(key));
                }
                Err(error) => assert_eq!(error.to_string(), "cursor: must be a nextCursor of this list"),
            }
        }
        Corpus::of(env!("CARGO_MANIFEST_DIR"), "cursors").check_text(file!(), |cursor| {
            check::<Key>(cursor);
            check::<String>(cursor);
            check::<(i64, i32, String)>(cursor);
        });
    }

    #[test]
    fn a_limit_or_a_cursor_that_breaks_a_rule_is_named() {
        assert_eq!(page(None, None).unwrap(), Page { limit: LONGEST_PAGE, after: None });
        let nul = URL_SAFE_NO_PAD.encode(r#"[1,"\u0000"]"#);
        let other = URL_SAFE_NO_PAD.encode(r#"["a","b"]"#);
        for (limit, cursor, field) in [
            (Some(0), None, "limit"),
            (Some(-1), None, "limit"),
            (Some(1001), None, "limit"),
            (None, Some("%%%".to_owned()), "cursor"),
            (None, Some(String::new()), "cursor"),
            (None, Some("A".repeat(1000)), "cursor"),
            (None, Some(nul), "cursor"),
            (None, Some(other), "cursor"),
        ] {
            let error = page(limit, cursor.clone()).unwrap_err().to_string();
            assert!(error.starts_with(field), "{limit:?} {cursor:?}: {error}");
        }
    }
}
