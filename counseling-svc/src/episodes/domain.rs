//! The aggregate `Episode`, with its cut scenes.

use std::collections::BTreeSet;

use shared::Violations;
use shared::proto::v1::Speaker;
use shared::text::TextRule;
use shared::time::Timestamp;

/// The title of an episode.
pub const TITLE: TextRule = TextRule::new(1, 100);
/// What is said in a scene.
pub const CONTENT: TextRule = TextRule::new(1, 2000);
/// The highest rapport that an episode may ask for.
pub const HIGHEST_THRESHOLD: i32 = 1_000_000;
/// The highest place of a scene.
pub const LAST_PLACE: i32 = 999;
/// How many scenes an episode may have.
pub const MOST_SCENES: usize = 200;

/// A story of a counselor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    pub id: String,
    pub counselor_id: String,
    pub title: String,
    pub required_rapport_threshold: i32,
    pub is_temporary: bool,
    /// In their order.
    pub scenes: Vec<CutScene>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A scene of an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutScene {
    pub id: String,
    pub speaker: Speaker,
    pub content: String,
    pub order_index: i32,
    /// Empty where there is none.
    pub image: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A scene as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneInput {
    /// Of the scene that is changed; a new one has none.
    pub id: Option<String>,
    pub speaker: Speaker,
    pub content: String,
    pub order_index: i32,
    /// Empty for none. Absent: that of the scene so far, none for a new one.
    pub image: Option<String>,
}

/// What becomes different about an episode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpisodeChange {
    pub title: Option<String>,
    pub required_rapport_threshold: Option<i32>,
    pub is_temporary: Option<bool>,
    /// All scenes: one that is left out is removed.
    pub scenes: Option<Vec<SceneInput>>,
}

impl Episode {
    /// Whether somebody with this rapport may not see it yet.
    pub fn is_locked(&self, rapport: i32) -> bool {
        rapport < self.required_rapport_threshold
    }

    /// Changes it. `new_id` makes the ids of new scenes.
    ///
    /// # Errors
    /// The broken rules, when a scene is not one of this episode. It is not changed then.
    pub fn change(
        &mut self,
        change: EpisodeChange,
        new_id: impl Fn() -> String,
        now: Timestamp,
    ) -> Result<(), Violations> {
        let scenes = match change.scenes {
            Some(inputs) => self.arranged(inputs, new_id, now)?,
            None => std::mem::take(&mut self.scenes),
        };
        self.scenes = scenes;
        if let Some(title) = change.title {
            self.title = title;
        }
        self.required_rapport_threshold =
            change.required_rapport_threshold.unwrap_or(self.required_rapport_threshold);
        self.is_temporary = change.is_temporary.unwrap_or(self.is_temporary);
        self.updated_at = now;
        Ok(())
    }

    fn arranged(
        &self,
        inputs: Vec<SceneInput>,
        new_id: impl Fn() -> String,
        now: Timestamp,
    ) -> Result<Vec<CutScene>, Violations> {
        let mut violations = Violations::default();
        let mut scenes = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.into_iter().enumerate() {
            let SceneInput { id, speaker, content, order_index, image } = input;
            let fresh = |id, image, created_at| CutScene {
                id,
                speaker,
                content: content.clone(),
                order_index,
                image,
                created_at,
                updated_at: now,
            };
            let Some(id) = id else {
                scenes.push(fresh(new_id(), image.unwrap_or_default(), now));
                continue;
            };
            match self.scenes.iter().find(|scene| scene.id == id) {
                Some(known) => {
                    let changed = fresh(id, image.unwrap_or_else(|| known.image.clone()), known.created_at);
                    let is_same = CutScene { updated_at: known.updated_at, ..changed.clone() } == *known;
                    scenes.push(if is_same { known.clone() } else { changed });
                }
                None => violations.add(format!("cut_scenes.{index}.id"), "must be a scene of this episode"),
            }
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        scenes.sort_by_key(|scene| scene.order_index);
        Ok(scenes)
    }
}

/// Checks that each scene has a place and an id of its own; each broken rule is noted.
pub fn check_scenes(scenes: &[SceneInput], violations: &mut Violations) {
    violations.check(scenes.len() <= MOST_SCENES, "cut_scenes", &format!("must be at most {MOST_SCENES}"));
    let (mut places, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for (index, scene) in scenes.iter().enumerate() {
        if !places.insert(scene.order_index) {
            let field = format!("cut_scenes.{index}.order_index");
            violations.add(field, "must differ from that of every other scene");
        }
        if scene.id.as_ref().is_some_and(|id| !ids.insert(id)) {
            violations.add(format!("cut_scenes.{index}.id"), "must differ from that of every other scene");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn scene(id: &str, order_index: i32) -> CutScene {
        CutScene {
            id: id.to_owned(),
            speaker: Speaker::Counselor,
            content: format!("content of {id}"),
            order_index,
            image: String::new(),
            created_at: at(0),
            updated_at: at(0),
        }
    }

    fn input(id: Option<&str>, content: &str, order_index: i32) -> SceneInput {
        SceneInput {
            id: id.map(str::to_owned),
            speaker: Speaker::Counselor,
            content: content.to_owned(),
            order_index,
            image: None,
        }
    }

    fn episode() -> Episode {
        Episode {
            id: "e".to_owned(),
            counselor_id: "c".to_owned(),
            title: "title".to_owned(),
            required_rapport_threshold: 10,
            is_temporary: false,
            scenes: vec![scene("a", 0), scene("b", 1)],
            created_at: at(0),
            updated_at: at(0),
        }
    }

    #[test]
    fn it_unlocks_at_its_threshold() {
        assert!(episode().is_locked(9));
        assert!(!episode().is_locked(10));
    }

    #[test]
    fn scenes_are_changed_added_and_removed_in_their_order() {
        let mut episode = episode();
        let inputs = vec![input(Some("b"), "content of b", 1), input(None, "new", 0)];
        let change = EpisodeChange { scenes: Some(inputs), ..EpisodeChange::default() };
        episode.change(change, || "n".to_owned(), at(5)).unwrap();
        let told: Vec<_> = episode.scenes.iter().map(|scene| (scene.id.as_str(), scene.created_at)).collect();
        assert_eq!(told, [("n", at(5)), ("b", at(0))]);
        // One that is as it was has not changed.
        assert_eq!(episode.scenes[1].updated_at, at(0));
        assert_eq!(episode.title, "title");
    }

    #[test]
    fn an_image_stays_until_it_is_taken_away() {
        let mut episode = episode();
        episode.scenes[0].image = "/v1/images/a.png".to_owned();
        for (image, expected) in [(None, "/v1/images/a.png"), (Some(""), ""), (None, "")] {
            let input = SceneInput { image: image.map(str::to_owned), ..input(Some("a"), "other", 0) };
            let change = EpisodeChange { scenes: Some(vec![input]), ..EpisodeChange::default() };
            episode.change(change, || "n".to_owned(), at(5)).unwrap();
            assert_eq!(episode.scenes[0].image, expected);
        }
    }

    #[test]
    fn a_scene_of_another_episode_changes_nothing() {
        let mut changed = episode();
        let inputs = vec![input(Some("x"), "?", 0), input(Some("a"), "other", 1)];
        let change = EpisodeChange {
            title: Some("other".to_owned()),
            scenes: Some(inputs),
            ..EpisodeChange::default()
        };
        let violations = changed.change(change, || "n".to_owned(), at(5)).unwrap_err();
        assert_eq!(violations.to_string(), "cut_scenes.0.id: must be a scene of this episode");
        assert_eq!(changed, episode());
    }

    #[test]
    fn no_two_scenes_share_a_place_or_an_id() {
        let mut violations = Violations::default();
        check_scenes(&[input(Some("a"), "x", 1), input(Some("a"), "y", 1)], &mut violations);
        let told = violations.to_string();
        assert!(told.contains("cut_scenes.1.order_index") && told.contains("cut_scenes.1.id"), "{told}");
    }
}
