//! Customers follow users.

use shared::auth::Caller;
use shared::id::new_id;
use shared::messaging::KEEP_CUSTOMERS;
use shared::proto::events::v1::{UserCreated, UserDeleted};
use shared::proto::v1::Customer;
use shared::testkit::eventually;
use shared::time::Timestamp;
use tonic::{Code, Status};

use crate::world::World;

fn created(user_id: &str) -> UserCreated {
    UserCreated { user_id: user_id.to_owned() }
}

fn deleted(user_id: &str) -> UserDeleted {
    UserDeleted { user_id: user_id.to_owned() }
}

fn admin() -> Caller {
    Caller::Admin(new_id())
}

fn owner(user_id: &str) -> Caller {
    Caller::User(user_id.to_owned())
}

#[track_caller]
fn not_found(result: Result<Customer, Status>) {
    let status = result.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "customer not found"));
}

/// Waits until the user is a customer.
async fn customer_of(world: &World, user_id: &str) -> Customer {
    eventually("the customer", async || world.service.customer(admin(), user_id).await.is_ok()).await;
    world.service.customer(admin(), user_id).await.unwrap()
}

shared::on_each_engine! {
    async fn a_new_user_becomes_a_customer_once(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = new_id();
        world.tell(&created(&user_id)).await;
        let customer = customer_of(&world, &user_id).await;
        assert_eq!(customer.user_id.as_deref(), Some(user_id.as_str()));
        assert_ne!(customer.id, user_id);
        assert!(customer.created_at.is_some());
        assert_eq!(customer.anonymized_at, None);

        world.deliver_again(&format!("users.user.created.{user_id}")).await;
        // Another event that tells the same.
        world.tell(&created(&user_id)).await;
        world.idle(&KEEP_CUSTOMERS).await;
        assert_eq!(customer_of(&world, &user_id).await, customer);
        assert_eq!(world.rows().await, 1);
    }

    async fn a_customer_is_there_for_themselves_and_admins_alone(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = new_id();
        not_found(world.service.customer(owner(&user_id), &user_id).await);
        world.tell(&created(&user_id)).await;
        let customer = customer_of(&world, &user_id).await;
        assert_eq!(world.service.customer(owner(&user_id), &user_id).await.unwrap(), customer);
        not_found(world.service.customer(owner(&new_id()), &user_id).await);
        not_found(world.service.customer(admin(), &new_id()).await);
    }

    async fn an_erased_user_leaves_a_customer_that_does_not_say_whose_it_was(engine: Engine) {
        let world = World::new(engine).await;
        let (erased, bystander) = (new_id(), new_id());
        for user_id in [&erased, &bystander] {
            world.tell(&created(user_id)).await;
        }
        let before = customer_of(&world, &erased).await;
        world.tell(&deleted(&erased)).await;
        world.idle(&KEEP_CUSTOMERS).await;
        let after = customer_of(&world, &erased).await;
        assert_eq!((&after.id, after.created_at, &after.user_id), (&before.id, before.created_at, &None));
        let at = Timestamp::from(after.anonymized_at.unwrap());
        assert!(at >= Timestamp::from(before.created_at.unwrap()));
        assert_eq!(world.rows_naming(&erased).await, 0);
        not_found(world.service.customer(owner(&erased), &erased).await);
        not_found(world.service.customer(Caller::Gateway, &erased).await);
        let untouched = customer_of(&world, &bystander).await;
        assert_eq!((untouched.user_id, untouched.anonymized_at), (Some(bystander), None));

        // Once more, and news of the creation that come late: nothing changes.
        world.deliver_again(&format!("users.user.deleted.{erased}")).await;
        world.tell(&deleted(&erased)).await;
        world.tell(&created(&erased)).await;
        world.idle(&KEEP_CUSTOMERS).await;
        assert_eq!(customer_of(&world, &erased).await, after);
        assert_eq!(world.rows().await, 2);
    }

    async fn a_creation_that_is_told_after_the_erasure_does_not_bring_a_customer_back(engine: Engine) {
        let world = World::new(engine).await;
        let user_id = new_id();
        world.tell(&deleted(&user_id)).await;
        let tombstone = customer_of(&world, &user_id).await;
        assert_eq!(tombstone.user_id, None);
        assert!(tombstone.anonymized_at.is_some());
        world.tell(&created(&user_id)).await;
        world.idle(&KEEP_CUSTOMERS).await;
        assert_eq!(customer_of(&world, &user_id).await, tombstone);
        assert_eq!((world.rows().await, world.rows_naming(&user_id).await), (1, 0));
    }

    async fn two_instances_keep_one_customer_for_each_user(engine: Engine) {
        let world = World::new(engine).await;
        let another = world.another_instance().await;
        let users: Vec<_> = (0..10).map(|_| new_id()).collect();
        for (number, user_id) in users.iter().enumerate() {
            world.tell(&created(user_id)).await;
            world.tell(&created(user_id)).await;
            if number % 2 == 0 {
                world.tell(&deleted(user_id)).await;
            }
        }
        world.idle(&KEEP_CUSTOMERS).await;
        assert_eq!(world.rows().await, 10);
        for (number, user_id) in users.iter().enumerate() {
            let customer = another.customer(admin(), user_id).await.unwrap();
            assert_eq!(customer.user_id.is_none(), number % 2 == 0, "{customer:?}");
        }
    }

    async fn what_happened_while_the_service_was_away_is_caught_up_with(engine: Engine) {
        let world = World::new(engine).await;
        let (early, late) = (new_id(), new_id());
        world.tell(&created(&early)).await;
        customer_of(&world, &early).await;
        let world = world.restart((deleted(&early), created(&late))).await;
        assert_eq!(customer_of(&world, &late).await.user_id, Some(late));
        world.idle(&KEEP_CUSTOMERS).await;
        assert_eq!(customer_of(&world, &early).await.user_id, None);
    }

    async fn an_event_without_a_user_goes_to_the_dead_letters(engine: Engine) {
        let world = World::new(engine).await;
        let named = new_id();
        world.tell(&created(&named)).await;
        customer_of(&world, &named).await;
        // As a producer with a bug would publish it: the right envelope around nothing.
        let jetstream = world.broker().await.jetstream;
        let stream = jetstream.get_stream("USERS").await.unwrap();
        let subject = format!("users.user.created.{named}");
        let mut message = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
        for header in ["Nats-Msg-Id", "ce-id"] {
            message.headers.insert(header, new_id());
        }
        let publish = jetstream.publish_with_headers(message.subject, message.headers, "{}".into());
        publish.await.unwrap().await.unwrap();
        let letter = world.dead_letter().await;
        assert_eq!((letter.consumer.as_str(), letter.reason.as_str()), (KEEP_CUSTOMERS.name, "the event names no user"));
        assert_eq!(world.rows().await, 1);
    }
}
