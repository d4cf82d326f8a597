//! The aggregate `AuthUser`.

use shared::proto::v1;
use shared::time::Timestamp;

/// Who a user is towards identity providers, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthUser {
    pub user_id: String,
    pub channel: AuthChannel,
    pub authority: Authority,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How a user signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthChannel {
    /// A guest: only with the session that was opened for them.
    Unlinked,
    /// With an account at an identity provider.
    Linked(ProviderAccount),
}

/// An account at an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderAccount {
    pub provider: Provider,
    /// The provider's id of the account.
    pub user_id: String,
}

/// An identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Kakao,
    Naver,
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    User,
    Admin,
}

/// What happened to an auth user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthEvent {
    ChannelConnected { user_id: String, provider: Provider },
}

/// The user is linked to another account already, and stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the user is linked to another account")]
pub struct LinkedElsewhere;

impl AuthUser {
    /// A new guest.
    pub fn guest(user_id: &str, now: Timestamp) -> Self {
        Self {
            user_id: user_id.to_owned(),
            channel: AuthChannel::Unlinked,
            authority: Authority::User,
            created_at: now,
            updated_at: now,
        }
    }

    /// Links a guest to `account`; nothing happens when that is so already.
    ///
    /// # Errors
    /// [`LinkedElsewhere`] when the user is linked to another account.
    pub fn connect(
        &mut self,
        account: ProviderAccount,
        now: Timestamp,
    ) -> Result<Option<AuthEvent>, LinkedElsewhere> {
        match &self.channel {
            AuthChannel::Linked(linked) if *linked == account => Ok(None),
            AuthChannel::Linked(_) => Err(LinkedElsewhere),
            AuthChannel::Unlinked => {
                let provider = account.provider;
                self.channel = AuthChannel::Linked(account);
                self.updated_at = now;
                Ok(Some(AuthEvent::ChannelConnected { user_id: self.user_id.clone(), provider }))
            }
        }
    }

    /// Forgets the account and the authority, so that the account may begin anew.
    pub fn erase(&mut self, now: Timestamp) {
        self.channel = AuthChannel::Unlinked;
        self.authority = Authority::User;
        self.updated_at = now;
    }

    /// Gives the user `authority`; false when they have it already.
    pub fn set_authority(&mut self, authority: Authority, now: Timestamp) -> bool {
        let changes = self.authority != authority;
        if changes {
            self.authority = authority;
            self.updated_at = now;
        }
        changes
    }
}

impl AuthChannel {
    /// Its name in the protocol.
    pub fn label(&self) -> v1::AuthChannel {
        match self {
            Self::Unlinked => v1::AuthChannel::Unlinked,
            Self::Linked(account) => account.provider.label(),
        }
    }
}

impl Provider {
    /// Its name in the protocol.
    pub fn label(self) -> v1::AuthChannel {
        match self {
            Self::Kakao => v1::AuthChannel::Kakao,
            Self::Naver => v1::AuthChannel::Naver,
        }
    }

    /// The provider with this name, if it is one.
    pub fn named(label: v1::AuthChannel) -> Option<Self> {
        match label {
            v1::AuthChannel::Kakao => Some(Self::Kakao),
            v1::AuthChannel::Naver => Some(Self::Naver),
            v1::AuthChannel::Unlinked | v1::AuthChannel::Unspecified => None,
        }
    }
}

impl Authority {
    /// Its name in the protocol.
    pub fn label(self) -> v1::Authority {
        match self {
            Self::User => v1::Authority::User,
            Self::Admin => v1::Authority::Admin,
        }
    }

    /// The authority with this name, if it is one.
    pub fn named(label: v1::Authority) -> Option<Self> {
        match label {
            v1::Authority::User => Some(Self::User),
            v1::Authority::Admin => Some(Self::Admin),
            v1::Authority::Unspecified => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn account(provider: Provider, user_id: &str) -> ProviderAccount {
        ProviderAccount { provider, user_id: user_id.to_owned() }
    }

    #[test]
    fn a_guest_is_linked_once() {
        let mut guest = AuthUser::guest("u", at(1));
        let connected = guest.connect(account(Provider::Kakao, "k"), at(2)).unwrap();
        let event = AuthEvent::ChannelConnected { user_id: "u".to_owned(), provider: Provider::Kakao };
        assert_eq!(connected, Some(event));
        assert_eq!(guest.updated_at, at(2));

        assert_eq!(guest.connect(account(Provider::Kakao, "k"), at(3)), Ok(None));
        for other in [account(Provider::Kakao, "other"), account(Provider::Naver, "k")] {
            assert_eq!(guest.connect(other, at(3)), Err(LinkedElsewhere));
        }
        assert_eq!(guest.channel, AuthChannel::Linked(account(Provider::Kakao, "k")));
        assert_eq!(guest.updated_at, at(2));
    }

    #[test]
    fn the_authority_in_force_is_not_a_change() {
        let mut user = AuthUser::guest("u", at(1));
        assert!(!user.set_authority(Authority::User, at(2)));
        assert_eq!(user.updated_at, at(1));
        assert!(user.set_authority(Authority::Admin, at(2)));
        assert_eq!((user.authority, user.updated_at), (Authority::Admin, at(2)));
    }

    #[test]
    fn labels_lead_back_to_what_they_name() {
        for provider in [Provider::Kakao, Provider::Naver] {
            assert_eq!(Provider::named(provider.label()), Some(provider));
        }
        for authority in [Authority::User, Authority::Admin] {
            assert_eq!(Authority::named(authority.label()), Some(authority));
        }
        assert_eq!(Provider::named(AuthChannel::Unlinked.label()), None);
    }
}
