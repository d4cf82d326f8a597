//! What holds after any interleaving of anything that can happen to tokens.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Reserve(u8),
    Settle(u8),
    Release(u8),
    /// As the worker does: whatever is overdue.
    ExpireOverdue,
    Credit(i32),
    Pass(Duration),
    Become(Plan),
}

fn step() -> impl Strategy<Value = Step> {
    let message = 0_u8..14;
    let pause = prop_oneof![Just(1_u64), Just(30), Just(60), Just(3600), Just(6 * 3600), 0_u64..30_000];
    prop_oneof![
        8 => message.clone().prop_map(Step::Reserve),
        4 => message.clone().prop_map(Step::Settle),
        3 => message.prop_map(Step::Release),
        2 => Just(Step::ExpireOverdue),
        1 => (-1..4_i32).prop_map(Step::Credit),
        3 => pause.prop_map(|seconds| Step::Pass(Duration::from_secs(seconds))),
        1 => prop_oneof![Just(Plan::Guest), Just(Plan::Linked), Just(Plan::Admin)].prop_map(Step::Become),
    ]
}

/// The tokens, and books that are kept beside them.
struct World {
    tokens: MessageTokens,
    reservations: BTreeMap<u8, Reservation>,
    plan: Plan,
    now: Timestamp,
    granted: u32,
}

impl World {
    fn new() -> Self {
        let (reservations, now) = (BTreeMap::new(), now());
        Self { tokens: tokens(0), reservations, plan: Plan::Guest, now, granted: 0 }
    }

    fn apply(&mut self, step: &Step) {
        let (plan, now) = (self.plan, self.now);
        match step {
            Step::Reserve(id) => {
                let earlier = self.reservations.get(id).cloned();
                if let Ok(reservation) = self.tokens.reserve(&id.to_string(), earlier, plan, now) {
                    self.reservations.insert(*id, reservation);
                }
            }
            Step::Settle(id) => {
                if let Some(reservation) = self.reservations.get_mut(id) {
                    self.tokens.settle(reservation, plan, now);
                }
            }
            Step::Release(id) => {
                if let Some(reservation) = self.reservations.get_mut(id) {
                    self.tokens.release(reservation);
                }
            }
            Step::ExpireOverdue => {
                for reservation in self.reservations.values_mut() {
                    self.tokens.expire(reservation, now);
                }
            }
            Step::Credit(tokens) => self.granted += self.tokens.credit(*tokens).unwrap_or(0),
            Step::Pass(duration) => self.now = now.plus(*duration),
            Step::Become(plan) => self.plan = *plan,
        }
    }

    /// How many reservations hold or have spent a token of this kind.
    fn taken(&self, of: impl Fn(Source) -> bool) -> u32 {
        let sources = self.reservations.values().filter_map(|reservation| reservation.state.source());
        u32::try_from(sources.filter(|source| of(*source)).count()).unwrap()
    }

    /// The books balance: every token that was granted is left, held or spent, and by one reservation.
    fn check(&self) {
        let purchased = self.taken(|source| source == Source::Purchased);
        assert_eq!(self.granted, self.tokens.purchased() + purchased, "bought tokens");
        let of_window =
            |window: Window| self.taken(|source| source == Source::Allowance { window: window.began_at });
        if let Some(window) = self.tokens.window() {
            assert_eq!(window.used, of_window(window), "tokens of the allowance");
            assert!(window.used > 0, "an open window without a token of it");
        }
        let held = self.reservations.values();
        let held = held.filter(|reservation| matches!(reservation.state, ReservationState::Held(_)));
        let balance = self.tokens.balance(held.cloned().collect(), self.plan, self.now);
        assert!(balance.purchased <= self.granted, "more bought tokens than were ever credited");
    }

    /// What one step may do: it takes one token at most, and none that the plan does not grant.
    fn check_step(&self, step: &Step, before: &MessageTokens) {
        let used = |tokens: &MessageTokens| tokens.window().map_or(0, |window| window.used);
        let same_window = before.window().map(|window| window.began_at)
            == self.tokens.window().map(|window| window.began_at);
        let from_allowance = used(&self.tokens).saturating_sub(if same_window { used(before) } else { 0 });
        let from_purchased = before.purchased().saturating_sub(self.tokens.purchased());
        assert!(from_allowance + from_purchased <= 1, "{step:?} took more than one token");
        if from_allowance == 1 {
            let window = self.tokens.window().unwrap();
            assert!(window.used <= self.plan.allowance().unwrap(), "{step:?} took more than the allowance");
            assert!(self.now < window.began_at.plus(WINDOW), "{step:?} took from a past window");
        }
        if from_purchased == 1 {
            let window = self.tokens.window().unwrap();
            assert!(window.used >= self.plan.allowance().unwrap(), "{step:?} spared the allowance");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_books_balance_after_any_interleaving(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            let before = world.tokens.clone();
            world.apply(step);
            world.check_step(step, &before);
            world.check();
        }
    }

    #[test]
    fn whatever_is_overdue_in_the_end_is_given_back(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
        }
        world.apply(&Step::Pass(HOLD));
        let held: Vec<_> = world
            .reservations
            .values()
            .filter(|reservation| matches!(reservation.state, ReservationState::Held(_)))
            .cloned()
            .collect();
        let foreseen = world.tokens.balance(held, world.plan, world.now);
        world.apply(&Step::ExpireOverdue);
        prop_assert_eq!(foreseen.reserved, 0);
        prop_assert_eq!(foreseen, world.tokens.balance(Vec::new(), world.plan, world.now));
    }
}
