//! The rules of nicknames, profiles and changes.

use proptest::prelude::*;

use super::*;

/// 2026-01-02T03:04:05Z.
fn now() -> Timestamp {
    Timestamp::from_micros(1_767_323_045_000_000)
}

fn user() -> User {
    User::create("u", Nickname::parse("Momo").unwrap(), now()).0
}

#[test]
fn a_nickname_has_2_to_20_characters_without_the_space_around_it() {
    assert_eq!(Nickname::parse("  모모 \n").unwrap().as_str(), "모모");
    assert_eq!(Nickname::parse(&"가".repeat(20)).unwrap().as_str(), "가".repeat(20));
    for bad in ["", "x", "  x  ", &"가".repeat(21)] {
        assert_eq!(Nickname::parse(bad), Err("must be 2 to 20 characters"), "{bad:?}");
    }
}

#[test]
fn a_nickname_has_no_control_characters() {
    for bad in ["a\nb", "a\u{7}b", "a\u{85}b", "ab\0c"] {
        assert_eq!(Nickname::parse(bad), Err("must not contain control characters"), "{bad:?}");
    }
}

#[test]
fn nicknames_that_differ_in_case_only_are_one() {
    let key = |text: &str| Nickname::parse(text).unwrap().key();
    assert_eq!(key("MoMo"), key("momo"));
    assert_eq!(key("ÄÖÜ"), key("äöü"));
    assert_ne!(key("momo"), key("mimi"));
}

#[test]
fn a_profile_image_is_a_web_url_or_a_path() {
    let long = format!("/{}", "x".repeat(2047));
    for good in ["https://cdn.example/a.png?x=1", "HTTP://example", "/images/모모.png", "/", &long] {
        assert!(ProfileImage::parse(good).is_ok(), "{good}");
    }
    let too_long = format!("/{}", "x".repeat(2048));
    let bad = ["", "a.png", "ftp://example/a", "javascript:alert(1)", "https://", "http:///a", "//host/a"];
    for bad in bad.into_iter().chain(["/a b", "https://exa mple/", "/a\nb", &too_long]) {
        assert!(ProfileImage::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_birth_year_is_from_1900_to_this_year() {
    for (year, good) in [(1899, false), (1900, true), (2026, true), (2027, false), (-1, false)] {
        assert_eq!(BirthYear::parse(year, now()).is_ok(), good, "{year}");
    }
}

#[test]
fn an_update_names_only_what_changed() {
    let mut user = user();
    let later = Timestamp::from_micros(now().as_micros() + 1);
    let change = UserChange {
        nickname: Some(Nickname::parse("Momo").unwrap()),
        gender: Some(Gender::Female),
        birth_year: Some(BirthYear::parse(1994, now()).unwrap()),
        ..UserChange::default()
    };
    let event = user.update(change.clone(), later);
    let changed_fields = vec!["gender", "birth_year"];
    assert_eq!(event, Some(UserEvent::Updated { user_id: "u".to_owned(), changed_fields }));
    assert_eq!(user.profile.gender, Some(Gender::Female));
    assert_eq!(user.updated_at, later);

    let before = user.clone();
    assert_eq!(user.update(change, Timestamp::from_micros(later.as_micros() + 1)), None);
    assert_eq!(user, before);
}

#[test]
fn an_absent_field_stays_as_it_is() {
    let mut user = user();
    let image = ProfileImage::parse("/a.png").unwrap();
    user.update(UserChange { profile_image: Some(image.clone()), ..UserChange::default() }, now());
    user.update(UserChange { mbti: Some(Mbti::Infp), ..UserChange::default() }, now());
    assert_eq!(user.profile.profile_image, Some(image));
    assert_eq!(user.profile.mbti, Some(Mbti::Infp));
    assert_eq!(user.nickname.as_str(), "Momo");
}

proptest! {
    #[test]
    fn every_friendly_nickname_is_a_good_one(random: u64, digits in 4_u32..=6) {
        let nickname = Nickname::friendly(random, digits);
        prop_assert_eq!(Nickname::parse(nickname.as_str()).unwrap(), nickname.clone());
        let number: String = nickname.as_str().chars().filter(char::is_ascii_digit).collect();
        prop_assert_eq!(number.len(), digits as usize);
        prop_assert!(!number.starts_with('0'));
    }
}
