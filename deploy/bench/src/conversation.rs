//! Talking with the offline counselor.

use bytes::Bytes;
use serde_json::json;

use crate::BoxError;
use crate::http::{Rest, text};
use crate::load::Connection;
use crate::mesh::{Mesh, User};

/// What people say, over and over: in both languages, short and long.
const SENTENCES: [&str; 8] = [
    "요즘 회사 일 때문에 잠을 잘 못 자요.",
    "I cannot sleep before exams.",
    "어제는 친구랑 다퉜는데, 먼저 연락해야 할지 잘 모르겠어요. 제가 잘못한 것도 같고, 서운하기도 해요.",
    "My manager keeps giving me more work, and I do not know how to tell her that it is too much for me.",
    "조금 나아진 것 같아요.",
    "Yes, a little.",
    "가족들한테는 말하기가 어려워요. 괜히 걱정만 할 것 같아서 그냥 괜찮다고 했어요.",
    "I went for a walk as you suggested, and it helped more than I had expected.",
];

/// A counsel and a connection of its user.
pub(crate) struct Conversation {
    rest: Rest,
    messages: String,
    said: usize,
}

/// A counsel, whosoever is connected.
#[derive(Clone)]
pub(crate) struct Counsel {
    user: User,
    messages: String,
}

impl Counsel {
    /// Opens a counsel with the first counselor.
    pub(crate) async fn open(mesh: &Mesh, user: User) -> Result<Self, BoxError> {
        let mut rest = mesh.rest(&user).await?;
        let counselor = text(&rest.get("/v1/counselors").await?, "/data/counselors/0/id")?;
        let counsels = format!("/v1/counselors/{counselor}/counsels");
        let counsel = text(&rest.post(&counsels, Some(&json!({}))).await?, "/data/counsel/id")?;
        Ok(Self { user, messages: format!("{counsels}/{counsel}/messages") })
    }

    /// Whose it is.
    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    /// The ids of its counselor and its own.
    pub(crate) fn ids(&self) -> Result<(String, String), BoxError> {
        // `/v1/counselors/{}/counsels/{}/messages`
        let parts: Vec<_> = self.messages.split('/').collect();
        let [_, _, _, counselor, _, counsel, _] = parts[..] else { return Err("no path of messages".into()) };
        Ok((counselor.to_owned(), counsel.to_owned()))
    }

    /// A connection to go on talking, from the `said`th sentence.
    pub(crate) async fn connect(&self, mesh: &Mesh, said: usize) -> Result<Conversation, BoxError> {
        Ok(Conversation { rest: mesh.rest(&self.user).await?, messages: self.messages.clone(), said })
    }
}

impl Conversation {
    /// Says something, and is answered.
    pub(crate) async fn turn(&mut self) -> Result<(), BoxError> {
        self.say().await.map(drop)
    }

    /// Says something: the answer of the gateway, with both messages.
    pub(crate) async fn say(&mut self) -> Result<Bytes, BoxError> {
        let sentence = SENTENCES[self.said % SENTENCES.len()];
        self.said += 1;
        self.rest.post(&self.messages, Some(&json!({ "message": sentence }))).await
    }

    /// Reads a page of messages.
    pub(crate) async fn page(&mut self) -> Result<(), BoxError> {
        self.rest.get(&format!("{}?limit=50", self.messages)).await.map(drop)
    }
}

impl Connection for Conversation {
    async fn call(&mut self) -> Result<(), BoxError> {
        self.turn().await
    }
}
