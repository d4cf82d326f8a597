//! `CounselorService`.

use shared::id::new_id;
use shared::proto::v1::{
    CounselorGender, GetBubbleRequest, GetCounselorRequest, GetRandomBubbleRequest, GetToneRequest,
    ListBubblesRequest, ListTonesRequest,
};
use tonic::Code;

use crate::world::{World, by, refused};

shared::on_each_engine! {
    async fn everybody_sees_the_counselors_and_their_tones(engine: Engine) {
        let world = World::new(engine).await;
        let (mut client, user_id) = (world.calls().counselors(), new_id());
        let counselors = world.counselors().await;
        assert!(counselors.len() >= 2, "{counselors:?}");
        assert!(counselors.is_sorted_by(|one, next| one.id < next.id));
        let tones = client.list_tones(by(&user_id, ListTonesRequest::default())).await.unwrap().into_inner().tones;
        for counselor in counselors {
            assert_ne!(counselor.gender(), CounselorGender::Unspecified);
            assert_eq!((counselor.updated_at, counselor.deleted_at), (counselor.created_at, None));
            let request = GetCounselorRequest { counselor_id: counselor.id.clone() };
            let one = client.get_counselor(by(&user_id, request)).await.unwrap().into_inner();
            let request = GetToneRequest { tone_id: counselor.tone_id.clone() };
            let tone = client.get_tone(by(&user_id, request)).await.unwrap().into_inner().tone.unwrap();
            assert!(tones.contains(&tone) && !tone.name.is_empty(), "{tone:?}");
            assert_eq!(one.counselor, Some(counselor));
        }
    }

    async fn a_bubble_is_found_with_its_own_counselor_only(engine: Engine) {
        let world = World::new(engine).await;
        let (mut client, user_id) = (world.calls().counselors(), new_id());
        let counselors = world.counselors().await;
        let bubbles = world.bubbles(&counselors[0].id).await;
        assert!(bubbles.iter().all(|bubble| bubble.counselor_id == counselors[0].id), "{bubbles:?}");

        let get = |counselor_id: &str| {
            let request =
                GetBubbleRequest { counselor_id: counselor_id.to_owned(), bubble_id: bubbles[0].id.clone() };
            by(&user_id, request)
        };
        let one = client.get_bubble(get(&counselors[0].id)).await.unwrap().into_inner();
        assert_eq!(one.bubble.as_ref(), Some(&bubbles[0]));
        refused(client.get_bubble(get(&counselors[1].id)).await, Code::NotFound, "bubble not found");

        let random = GetRandomBubbleRequest { counselor_id: counselors[0].id.clone() };
        let random = client.get_random_bubble(by(&user_id, random)).await.unwrap().into_inner();
        assert!(bubbles.contains(&random.bubble.unwrap()));
    }

    async fn what_is_not_there_is_not_found(engine: Engine) {
        let world = World::new(engine).await;
        let (mut client, user_id, id) = (world.calls().counselors(), new_id(), new_id());
        let request = GetCounselorRequest { counselor_id: id.clone() };
        refused(client.get_counselor(by(&user_id, request)).await, Code::NotFound, "counselor not found");
        let request = GetToneRequest { tone_id: id.clone() };
        refused(client.get_tone(by(&user_id, request)).await, Code::NotFound, "tone not found");
        let request = ListBubblesRequest { counselor_id: id.clone(), page: None };
        refused(client.list_bubbles(by(&user_id, request)).await, Code::NotFound, "counselor not found");
        let request = GetRandomBubbleRequest { counselor_id: id };
        let random = client.get_random_bubble(by(&user_id, request)).await;
        refused(random, Code::NotFound, "counselor not found");

        // A counselor without bubbles, and one who was retired.
        let counselor = world.counselor().await;
        world.execute(&format!("DELETE FROM bubbles WHERE counselor_id = '{}'", counselor.id)).await;
        let request = GetRandomBubbleRequest { counselor_id: counselor.id.clone() };
        refused(client.get_random_bubble(by(&user_id, request)).await, Code::NotFound, "bubble not found");
        world.execute(&format!("UPDATE counselors SET deleted_at = 1 WHERE id = '{}'", counselor.id)).await;
        assert!(!world.counselors().await.contains(&counselor));
    }
}
