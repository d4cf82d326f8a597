//! The aggregate `User` and its values.

use http::Uri;
use shared::proto::v1::{Gender, Mbti};
use shared::time::Timestamp;
use time::OffsetDateTime;

/// Somebody who talks with counselors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Chosen by whoever initialized the user.
    pub id: String,
    pub nickname: Nickname,
    pub profile: UserProfile,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Set once the user is deleted; the row stays.
    pub deleted_at: Option<Timestamp>,
}

/// What a user tells about themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserProfile {
    pub profile_image: Option<ProfileImage>,
    pub gender: Option<Gender>,
    pub mbti: Option<Mbti>,
    pub birth_year: Option<BirthYear>,
}

/// What is to become different: the fields that are present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    pub nickname: Option<Nickname>,
    pub profile_image: Option<ProfileImage>,
    pub gender: Option<Gender>,
    pub mbti: Option<Mbti>,
    pub birth_year: Option<BirthYear>,
}

/// What happened to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserEvent {
    Created { user_id: String },
    Updated { user_id: String, changed_fields: Vec<&'static str> },
    Deleted { user_id: String },
}

impl User {
    /// A new guest.
    pub fn create(id: &str, nickname: Nickname, now: Timestamp) -> (Self, UserEvent) {
        let user = Self {
            id: id.to_owned(),
            nickname,
            profile: UserProfile::default(),
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        (user, UserEvent::Created { user_id: id.to_owned() })
    }

    /// Erases all that says who the user was; nothing happens when that was done before.
    pub fn erase(&mut self, now: Timestamp) -> Option<UserEvent> {
        if self.deleted_at.is_some() {
            return None;
        }
        self.nickname = Nickname::of_erased(&self.id);
        self.profile = UserProfile::default();
        self.updated_at = now;
        self.deleted_at = Some(now);
        Some(UserEvent::Deleted { user_id: self.id.clone() })
    }

    /// Applies `change`; nothing happens when everything is so already.
    pub fn update(&mut self, change: UserChange, now: Timestamp) -> Option<UserEvent> {
        let profile = &mut self.profile;
        let changed_fields: Vec<_> = [
            ("nickname", replace(&mut self.nickname, change.nickname)),
            ("profile_image", replace_optional(&mut profile.profile_image, change.profile_image)),
            ("gender", replace_optional(&mut profile.gender, change.gender)),
            ("mbti", replace_optional(&mut profile.mbti, change.mbti)),
            ("birth_year", replace_optional(&mut profile.birth_year, change.birth_year)),
        ]
        .into_iter()
        .filter_map(|(field, changed)| changed.then_some(field))
        .collect();
        if changed_fields.is_empty() {
            return None;
        }
        self.updated_at = now;
        Some(UserEvent::Updated { user_id: self.id.clone(), changed_fields })
    }
}

/// Puts `new`, if there is one, in the place of `old`, and tells whether that made a difference.
fn replace<T: PartialEq>(old: &mut T, new: Option<T>) -> bool {
    match new {
        Some(new) if new != *old => {
            *old = new;
            true
        }
        _ => false,
    }
}

fn replace_optional<T: PartialEq>(old: &mut Option<T>, new: Option<T>) -> bool {
    new.is_some_and(|new| replace(old, Some(Some(new))))
}

/// 2 to 20 characters that nobody else has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nickname(String);

impl Nickname {
    /// What stands where a nickname was: nobody can choose one so long, and nobody else has it.
    fn of_erased(user_id: &str) -> Self {
        Self(format!("erased {user_id}"))
    }

    /// Reads a nickname, without the white space around it.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if !(2..=20).contains(&text.chars().count()) {
            return Err("must be 2 to 20 characters");
        }
        if text.chars().any(char::is_control) {
            return Err("must not contain control characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// One of many friendly nicknames, picked by a random number, with a number of `digits` digits at its end.
    pub fn friendly(random: u64, digits: u32) -> Self {
        const ADJECTIVES: [&str; 16] = [
            "다정한",
            "포근한",
            "씩씩한",
            "느긋한",
            "반짝이는",
            "용감한",
            "상냥한",
            "명랑한",
            "든든한",
            "잔잔한",
            "따뜻한",
            "싱그러운",
            "차분한",
            "활기찬",
            "사려깊은",
            "호기심많은",
        ];
        const ANIMALS: [&str; 16] = [
            "고양이",
            "강아지",
            "다람쥐",
            "토끼",
            "수달",
            "펭귄",
            "고래",
            "돌고래",
            "여우",
            "사슴",
            "부엉이",
            "코알라",
            "판다",
            "거북이",
            "고슴도치",
            "햄스터",
        ];
        let (adjective, random) = (ADJECTIVES[(random % 16) as usize], random / 16);
        let (animal, random) = (ANIMALS[(random % 16) as usize], random / 16);
        let least = 10_u64.pow(digits - 1);
        let number = least + random % (9 * least);
        Self(format!("{adjective}{animal}{number}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is unique about it: nicknames that differ in case only are one.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// A nickname that was valid when it was stored.
    pub(super) fn stored(text: String) -> Self {
        Self(text)
    }
}

/// Where a picture of the user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileImage(String);

impl ProfileImage {
    /// Reads an absolute http(s) URL or a path on the product's own host.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.chars().count() > 2048 {
            return Err("must be at most 2048 characters");
        }
        // `//host/…` is no path: browsers take it for another host.
        let is_path = text.starts_with('/') && !text.starts_with("//");
        let is_clean = !text.chars().any(|character| character.is_whitespace() || character.is_control());
        if is_clean && (is_path || is_web_url(text)) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be an http or https URL, or a path that begins with /")
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An image that was valid when it was stored.
    pub(super) fn stored(text: String) -> Self {
        Self(text)
    }
}

fn is_web_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    is_web && uri.host().is_some_and(|host| !host.is_empty())
}

/// A year from 1900 on that is not in the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BirthYear(i32);

impl BirthYear {
    /// Reads a year.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(year: i32, now: Timestamp) -> Result<Self, &'static str> {
        if (1900..=year_of(now)).contains(&year) {
            Ok(Self(year))
        } else {
            Err("must be a year from 1900 to this year")
        }
    }

    pub fn year(self) -> i32 {
        self.0
    }

    /// A year that was valid when it was stored.
    pub(super) fn stored(year: i32) -> Self {
        Self(year)
    }
}

/// The year in UTC.
fn year_of(now: Timestamp) -> i32 {
    let seconds = now.as_micros().div_euclid(1_000_000);
    OffsetDateTime::from_unix_timestamp(seconds).map_or(1970, OffsetDateTime::year)
}

#[cfg(test)]
mod tests;
