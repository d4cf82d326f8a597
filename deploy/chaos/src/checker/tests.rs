use payment_svc::sandbox::Behaviour;

use super::*;

/// One order of a hundred tokens that was paid, and given back by half.
fn books() -> Books {
    let order = Order {
        user_id: Some("u".to_owned()),
        state: OrderState::PartiallyRefunded,
        amount: 3900,
        captured: 3900,
        refunded: 1950,
        tokens: 100,
        tokens_granted: 100,
        tokens_revoked: 50,
        refunds: vec![("r".to_owned(), "DONE".to_owned(), 1950)],
        has_own_refund: false,
    };
    let record = Record {
        order_id: "o".to_owned(),
        name: "n".to_owned(),
        amount: 3900,
        currency: "KRW".to_owned(),
        return_url: None,
        status: Status::Paid,
        payment_key: None,
        failure: None,
        refunds: [("r".to_owned(), 1950)].into(),
        behaviour: Behaviour::Pays,
        keep_card: false,
        billing_key: None,
    };
    let posting = |debit: &str, credit: &str, amount| (debit.to_owned(), credit.to_owned(), amount);
    let balance = |unit: &str, account: &str, balance| (unit.to_owned(), account.to_owned(), balance);
    Books {
        orders: [("o".to_owned(), order)].into(),
        journal: [("o".to_owned(), record)].into(),
        credits: [("o".to_owned(), Credit { user_id: "u".to_owned(), amount: 100, revoked: 50 })].into(),
        purchased: [("u".to_owned(), 50)].into(),
        trial_balance: vec![
            balance("KRW", "provider:sandbox", 1950),
            balance("KRW", "sum", 0),
            balance("TOKEN", "sum", 0),
        ],
        postings: [(
            "o".to_owned(),
            vec![posting("provider:sandbox", "revenue", 3900), posting("refunds", "provider:sandbox", 1950)],
        )]
        .into(),
        ..Books::default()
    }
}

fn found(books: &Books, memories: &[Memory]) -> Vec<String> {
    let mut violations = Violations::default();
    check(books, memories, &mut violations);
    check_unspent(books, &mut violations);
    violations.into_inner()
}

#[test]
fn what_is_as_it_has_to_be_is_no_violation() {
    assert_eq!(found(&books(), &[]), Vec::<String>::new());
}

#[test]
fn whatever_is_lost_or_doubled_is_found() {
    let spoilers: [fn(&mut Books); 14] = [
        |books| books.orders.clear(),
        |books| books.journal.clear(),
        |books| books.credits.clear(),
        |books| books.postings.clear(),
        |books| books.order().state = OrderState::Pending,
        |books| books.order().state = OrderState::Paid,
        |books| books.order().refunds[0].1 = "REQUESTED".to_owned(),
        |books| books.order().refunds[0].2 = 1,
        |books| books.order().tokens_revoked = 49,
        |books| *books.purchased.entry("u".to_owned()).or_default() = 100,
        |books| books.trial_balance[0].2 = 3900,
        |books| books.trial_balance[1].2 = 1,
        |books| books.told = 1,
        |books| books.dead_letters = 1,
    ];
    for (number, spoil) in spoilers.into_iter().enumerate() {
        let mut books = books();
        spoil(&mut books);
        assert!(!found(&books, &[]).is_empty(), "{number}");
    }
}

#[test]
fn what_was_told_and_is_not_so_is_found() {
    let mut memory = Memory::new("o".to_owned(), "u".to_owned());
    let told = |state: OrderState, refunded| shared::proto::v1::Order {
        id: "o".to_owned(),
        tokens: 100,
        price: Some(shared::proto::v1::Price { currency: "KRW".to_owned(), amount: 3900 }),
        state: state.into(),
        refunded,
        ..shared::proto::v1::Order::default()
    };
    memory.hear("an order", memory.furthest, &told(OrderState::Paid, 0));
    memory.refunds.insert("r".to_owned(), Some(1950));
    assert_eq!(found(&books(), &[memory.clone()]), Vec::<String>::new());
    let mut more = memory.clone();
    more.hear("a refund", more.furthest, &told(OrderState::Refunded, 3900));
    assert_eq!(found(&books(), &[more]).len(), 1);
    let mut another = memory.clone();
    another.refunds.insert("another".to_owned(), None);
    assert_eq!(found(&books(), &[another]).len(), 1);
    memory.hear("a look", memory.furthest, &told(OrderState::Pending, 0));
    assert_eq!(found(&books(), &[memory]).len(), 1);
}

impl Books {
    fn order(&mut self) -> &mut Order {
        self.orders.get_mut("o").unwrap()
    }
}
