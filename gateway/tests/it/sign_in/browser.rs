//! A browser, as far as sign-in needs one: it keeps cookies, and says where it was sent.

use std::collections::BTreeMap;

use reqwest::Url;

use crate::world::{Call, Reply, World};

#[derive(Clone, Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Sends a request with the cookies, and keeps those of the answer.
    pub async fn send(&mut self, world: &World, call: Call) -> Reply {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = if cookies.is_empty() { call } else { call.header("cookie", &cookies.join("; ")) };
        let reply = world.send(call).await;
        for cookie in reply.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    pub async fn get(&mut self, world: &World, path: &str) -> Reply {
        self.send(world, Call::get(path)).await
    }

    /// Begins a sign-in: where the browser is sent.
    pub async fn begin(&mut self, world: &World, provider: &str) -> Url {
        let path = format!("/v1/auth/login/{provider}?redirect-url=https://app.example/home?tab=1");
        location(&self.get(world, &path).await)
    }

    /// Comes back with a code.
    pub async fn come_back(
        &mut self,
        world: &World,
        provider: &str,
        (code, state): &(String, String),
    ) -> Reply {
        self.get(world, &format!("/v1/auth/callback/{provider}?code={code}&state={state}")).await
    }

    /// The id of the user whose cookies these are.
    pub async fn user_id(&mut self, world: &World) -> String {
        self.get(world, "/v1/users/me").await.expect(200).text("/user/id")
    }
}

/// Where an answer sends the browser.
pub fn location(reply: &Reply) -> Url {
    assert_eq!(reply.status, 302, "{}", reply.body);
    reply.headers["location"].to_str().unwrap().parse().unwrap()
}
