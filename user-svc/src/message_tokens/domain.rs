//! The aggregate `MessageTokens` with its reservations.
//!
//! A token comes from the allowance of the current six hours or, once that is used up, from the bought ones. A
//! reservation takes its token at once; what happens later settles that, or gives the token back.

use std::time::Duration;

use shared::proto::v1;
use shared::time::Timestamp;

use crate::auth_users::domain::{AuthChannel, AuthUser, Authority};

/// How long an allowance lasts, from the first token that is taken of it.
pub const WINDOW: Duration = Duration::from_secs(6 * 3600);
/// How long a reservation holds its token when nothing is heard of its message.
pub const HOLD: Duration = Duration::from_secs(60);
/// How long a settled or released reservation answers for its id: longer than a client may repeat a request.
pub const KEEP_FINISHED: Duration = Duration::from_secs(48 * 3600);
/// How long an expired one does: news of its message may come for as long as a stream keeps it.
pub const KEEP_EXPIRED: Duration = Duration::from_secs(35 * 86_400);
/// The most bought tokens that a user can have: far more than anybody buys, far less than a row can count.
pub const MOST_PURCHASED: u32 = 1_000_000_000;

/// What decides how large an allowance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Guest,
    Linked,
    Admin,
    /// A pass that is larger than what the user has without.
    Pass(u32),
}

impl Plan {
    /// What a user has, given the allowance of a pass.
    pub fn of(user: &AuthUser, pass: Option<u32>) -> Self {
        let plain = match (user.authority, &user.channel) {
            (Authority::Admin, _) => Self::Admin,
            (Authority::User, AuthChannel::Linked(_)) => Self::Linked,
            (Authority::User, AuthChannel::Unlinked) => Self::Guest,
        };
        match (plain.allowance(), pass) {
            (Some(allowance), Some(pass)) if pass > allowance => Self::Pass(pass),
            _ => plain,
        }
    }

    /// Tokens of each six hours; `None` without a limit.
    pub fn allowance(self) -> Option<u32> {
        match self {
            Self::Guest => Some(7),
            Self::Linked => Some(1000),
            Self::Admin => None,
            Self::Pass(allowance) => Some(allowance),
        }
    }
}

/// The tokens of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTokens {
    user_id: String,
    window: Option<Window>,
    purchased: u32,
}

/// Six hours of an allowance. There is one only while something of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub began_at: Timestamp,
    /// Spent or held; at least 1.
    pub used: u32,
}

/// Where a token came from, and so where it goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The allowance of the window that began then.
    Allowance {
        window: Timestamp,
    },
    Purchased,
    /// An admin's: taken from nowhere.
    Unlimited,
}

/// A token for one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    pub id: String,
    pub user_id: String,
    pub state: ReservationState,
    /// When the token goes back by itself, if it is still held then.
    pub expires_at: Timestamp,
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationState {
    /// It has taken a token.
    Held(Source),
    /// The message was sent. Without a source it was sent for nothing: see [`MessageTokens::settle`].
    Settled(Option<Source>),
    /// The message failed, and the token was given back.
    Released,
    /// Nothing was heard of the message, and the token was given back.
    Expired,
}

/// Nothing of the allowance is left, and nothing bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no message tokens are left")]
pub struct NoTokensLeft;

/// Why bought tokens were not credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreditRefusal {
    #[error("an order buys at least one token")]
    NotPositive,
    #[error("nobody can have more than {MOST_PURCHASED} bought tokens")]
    TooMany,
}

/// What a user has at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Tokens of each six hours; `None` without a limit.
    pub allowance: Option<u32>,
    /// Spent or held of the allowance.
    pub used: u32,
    /// Held, of the allowance or bought.
    pub reserved: u32,
    /// Bought, and neither spent nor held.
    pub purchased: u32,
    /// When the allowance refills, if anything of it is used.
    pub resets_at: Option<Timestamp>,
}

impl ReservationState {
    /// The token that is held or spent.
    pub fn source(self) -> Option<Source> {
        match self {
            Self::Held(source) => Some(source),
            Self::Settled(source) => source,
            Self::Released | Self::Expired => None,
        }
    }

    /// Its name in the protocol.
    pub fn label(self) -> v1::ReservationState {
        match self {
            Self::Held(_) => v1::ReservationState::Held,
            Self::Settled(_) => v1::ReservationState::Settled,
            Self::Released => v1::ReservationState::Released,
            Self::Expired => v1::ReservationState::Expired,
        }
    }
}

impl Reservation {
    /// Whether it holds its token longer than it may.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        matches!(self.state, ReservationState::Held(_)) && self.expires_at <= now
    }
}

impl MessageTokens {
    /// Nothing used, nothing bought.
    pub fn new(user_id: &str) -> Self {
        Self::restore(user_id.to_owned(), None, 0)
    }

    /// As they were kept.
    pub(super) fn restore(user_id: String, window: Option<Window>, purchased: u32) -> Self {
        Self { user_id, window, purchased }
    }

    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The window of the token that was taken last; it may have passed.
    pub fn window(&self) -> Option<Window> {
        self.window
    }

    pub fn purchased(&self) -> u32 {
        self.purchased
    }

    /// Holds a token for the message `id`.
    ///
    /// `earlier` is the reservation of that id, if there is one: held or settled it is the answer; given back it
    /// takes a token anew.
    ///
    /// # Errors
    /// [`NoTokensLeft`].
    pub fn reserve(
        &mut self,
        id: &str,
        earlier: Option<Reservation>,
        plan: Plan,
        now: Timestamp,
    ) -> Result<Reservation, NoTokensLeft> {
        use ReservationState::{Expired, Held, Released, Settled};
        if let Some(reservation) = earlier {
            match reservation.state {
                Held(_) | Settled(_) => return Ok(reservation),
                Released | Expired => {}
            }
        }
        let source = self.take(plan, now).ok_or(NoTokensLeft)?;
        let (id, user_id) = (id.to_owned(), self.user_id.clone());
        Ok(Reservation { id, user_id, state: Held(source), expires_at: now.plus(HOLD) })
    }

    /// Spends the token of a message that was sent.
    ///
    /// When it was given back in the meantime, because the news came late, a token is taken again; when none is left
    /// the message was sent for nothing. So the balance never goes below zero, and nobody pays twice.
    pub fn settle(&mut self, reservation: &mut Reservation, plan: Plan, now: Timestamp) {
        use ReservationState::{Expired, Held, Released, Settled};
        reservation.state = match reservation.state {
            Held(source) => Settled(Some(source)),
            Released | Expired => Settled(self.take(plan, now)),
            settled @ Settled(_) => settled,
        };
    }

    /// Gives the token of a message that failed back; false when it does not hold one.
    pub fn release(&mut self, reservation: &mut Reservation) -> bool {
        self.end_hold(reservation, ReservationState::Released)
    }

    /// Gives the token back when the reservation is overdue; false when it is not.
    pub fn expire(&mut self, reservation: &mut Reservation, now: Timestamp) -> bool {
        reservation.is_overdue(now) && self.end_hold(reservation, ReservationState::Expired)
    }

    /// Adds bought tokens.
    ///
    /// # Errors
    /// Why that cannot be; nothing is then added.
    pub fn credit(&mut self, tokens: i32) -> Result<u32, CreditRefusal> {
        let tokens = u32::try_from(tokens).ok().filter(|tokens| *tokens > 0);
        let tokens = tokens.ok_or(CreditRefusal::NotPositive)?;
        let purchased = self.purchased.checked_add(tokens).filter(|sum| *sum <= MOST_PURCHASED);
        self.purchased = purchased.ok_or(CreditRefusal::TooMany)?;
        Ok(tokens)
    }

    /// Takes bought tokens back that were paid back; returns how many that were. Those that are spent stay spent: nobody
    /// gets into debt.
    pub fn revoke(&mut self, tokens: u32) -> u32 {
        let taken = tokens.min(self.purchased);
        self.purchased -= taken;
        taken
    }

    /// What the user has now, given the reservations that hold a token. Overdue ones count as given back, whether
    /// that has been written down or not.
    pub fn balance(&self, mut held: Vec<Reservation>, plan: Plan, now: Timestamp) -> Balance {
        let mut tokens = self.clone();
        held.retain_mut(|reservation| !tokens.expire(reservation, now));
        tokens.close_past_window(now);
        Balance {
            allowance: plan.allowance(),
            // A pass that has ended may have left more used than the allowance of now.
            used: tokens.window.map_or(0, |window| plan.allowance().unwrap_or(u32::MAX).min(window.used)),
            reserved: u32::try_from(held.len()).unwrap_or(u32::MAX),
            purchased: tokens.purchased,
            resets_at: tokens.window.map(|window| window.began_at.plus(WINDOW)),
        }
    }

    fn take(&mut self, plan: Plan, now: Timestamp) -> Option<Source> {
        self.close_past_window(now);
        let Some(allowance) = plan.allowance() else { return Some(Source::Unlimited) };
        let Window { began_at, used } = self.window.unwrap_or(Window { began_at: now, used: 0 });
        if used < allowance {
            self.window = Some(Window { began_at, used: used + 1 });
            Some(Source::Allowance { window: began_at })
        } else {
            self.purchased = self.purchased.checked_sub(1)?;
            Some(Source::Purchased)
        }
    }

    fn end_hold(&mut self, reservation: &mut Reservation, state: ReservationState) -> bool {
        let ReservationState::Held(source) = reservation.state else { return false };
        self.give_back(source);
        reservation.state = state;
        true
    }

    fn give_back(&mut self, source: Source) {
        match (source, self.window) {
            (Source::Allowance { window }, Some(current)) if window == current.began_at => {
                let used = current.used.saturating_sub(1);
                self.window = (used > 0).then_some(Window { used, ..current });
            }
            // Its window has passed, and with it the token.
            (Source::Allowance { .. }, _) => {}
            (Source::Purchased, _) => self.purchased = self.purchased.saturating_add(1),
            (Source::Unlimited, _) => {}
        }
    }

    fn close_past_window(&mut self, now: Timestamp) {
        self.window = self.window.filter(|window| now < window.began_at.plus(WINDOW));
    }
}

#[cfg(test)]
mod tests;
