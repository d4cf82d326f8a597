//! Ids: UUIDs as strings.

use uuid::Uuid;

use crate::error::{Error, Violations};

/// A new id: UUIDv7 (RFC 9562), so that ids of one table sort by the time they were made.
pub fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// The id that always belongs to these words (UUIDv5): the same request repeated gets the same id.
pub fn derived_id(words: &[&str]) -> String {
    // The unit separator cannot be in a header or a path, so different words never join to the same name.
    Uuid::new_v5(&Uuid::NAMESPACE_OID, words.join("\u{1f}").as_bytes()).to_string()
}

/// Checks that `value` is a UUID in its usual form, and notes a violation of `field` otherwise.
pub fn check_id(field: &'static str, value: &str, violations: &mut Violations) {
    // In upper case it would be another text, and so another id.
    let is_canonical = Uuid::try_parse(value).is_ok_and(|id| id.hyphenated().to_string() == value);
    violations.check(
        is_canonical,
        field,
        "must be a UUID in lower case, e.g. 0190b2f0-7c1e-7abc-8def-0123456789ab",
    );
}

/// Checks ids, each with the name of its field.
///
/// # Errors
/// [`Error::Invalid`] with each that is none.
pub fn check_ids(ids: &[(&'static str, &str)]) -> Result<(), Error> {
    let mut violations = Violations::default();
    ids.iter().for_each(|(field, id)| check_id(field, id, &mut violations));
    violations.into_result()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Corpus;

    #[test]
    fn derived_ids_differ_when_words_are_split_differently() {
        assert_eq!(derived_id(&["a", "bc"]), derived_id(&["a", "bc"]));
        assert_ne!(derived_id(&["a", "bc"]), derived_id(&["ab", "c"]));
    }

    #[test]
    fn what_is_taken_for_an_id_is_one_and_what_is_not_is_named() {
        let ids = [
            "0190b2f0-7c1e-7abc-8def-0123456789ab",
            "{0190b2f0-7c1e-7abc-8def-0123456789ab}",
            "urn:uuid:0190b2f0-7c1e-7abc-8def-0123456789ab",
        ];
        Corpus::new(ids).check_text(file!(), |text| {
            let mut violations = Violations::default();
            check_id("counselId", text, &mut violations);
            if violations.is_empty() {
                let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
                assert!(plain && text.len() == 36, "{text}");
            } else {
                assert!(violations.to_string().starts_with("counselId: must be a UUID"), "{violations}");
            }
        });
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        for (value, good) in [
            (new_id(), true),
            ("x".into(), false),
            (new_id().replace('-', ""), false),
            (new_id().to_uppercase(), false),
        ] {
            let mut violations = Violations::default();
            check_id("id", &value, &mut violations);
            assert_eq!(violations.is_empty(), good, "{value}");
        }
    }
}
