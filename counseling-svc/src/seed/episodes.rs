//! Plants the stories of the counselors.

use sea_orm::ActiveValue::Set;
use shared::Error;

use super::Seeds;
use super::content::{Counselor, Episode};
use crate::episodes::entity::{cut_scene, episode};

impl Seeds<'_> {
    pub(super) async fn episodes(&self, counselor: &Counselor) -> Result<(), Error> {
        for seed in &counselor.episodes {
            let is_new = self
                .add_new(episode::ActiveModel {
                    id: Set(seed.id.clone()),
                    counselor_id: Set(counselor.id.clone()),
                    title: Set(seed.title.clone()),
                    required_rapport_threshold: Set(seed.required_rapport_threshold),
                    is_temporary: Set(false),
                    created_at: Set(self.now),
                    updated_at: Set(self.now),
                    deleted_at: Set(None),
                })
                .await?;
            // Scenes leave no row behind: what is missing from a story that was here before was taken out of it.
            if is_new {
                self.scenes(seed).await?;
            }
        }
        Ok(())
    }

    async fn scenes(&self, seed: &Episode) -> Result<(), Error> {
        for (order_index, scene) in (0..).zip(&seed.scenes) {
            self.add(cut_scene::ActiveModel {
                id: Set(scene.id.clone()),
                episode_id: Set(seed.id.clone()),
                speaker: Set(scene.speaker.clone()),
                content: Set(scene.content.clone()),
                order_index: Set(order_index),
                image: Set(String::new()),
                created_at: Set(self.now),
                updated_at: Set(self.now),
                deleted_at: Set(None),
            })
            .await?;
        }
        Ok(())
    }
}
