//! The kinds of images.

/// A kind of image that clients show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    Jpg,
    Png,
    Gif,
    Webp,
}

impl ImageKind {
    const ALL: [Self; 4] = [Self::Jpg, Self::Png, Self::Gif, Self::Webp];

    /// The end of a name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// Its media type (IANA).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    /// The kind of the image with this name; nothing when it is not a name that was ever announced.
    pub fn of_name(name: &str) -> Option<Self> {
        let (id, extension) = name.split_once('.')?;
        let mut violations = shared::Violations::default();
        shared::id::check_id("name", id, &mut violations);
        let kind = Self::ALL.into_iter().find(|kind| kind.extension() == extension)?;
        violations.is_empty().then_some(kind)
    }

    /// Whether these bytes begin as an image of this kind does.
    pub fn begins(self, bytes: &[u8]) -> bool {
        infer::get(bytes).is_some_and(|found| found.mime_type() == self.media_type())
    }
}

#[cfg(test)]
mod tests {
    use shared::testkit::Corpus;

    use super::*;

    #[test]
    fn only_announced_names_have_a_kind() {
        let id = shared::id::new_id();
        assert_eq!(ImageKind::of_name(&format!("{id}.png")), Some(ImageKind::Png));
        for name in
            [format!("{id}.svg"), format!("../{id}.png"), format!("{id}.png/x"), id, ".png".to_owned()]
        {
            assert_eq!(ImageKind::of_name(&name), None, "{name}");
        }
    }

    #[test]
    fn a_name_is_one_file_and_bytes_are_of_one_kind() {
        let id = "0198c0de-0000-7000-8000-000000000001";
        Corpus::new([format!("{id}.png"), format!("{id}.webp"), format!("../{id}.jpg")]).check_text(
            file!(),
            |name| {
                let Some(kind) = ImageKind::of_name(name) else { return };
                assert_eq!(name.len(), id.len() + 1 + kind.extension().len());
                assert_eq!(std::path::Path::new(name).file_name().and_then(|name| name.to_str()), Some(name));
            },
        );
        let images: [&[u8]; 5] = [
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"GIF89a\0\0",
            b"\xff\xd8\xff\xe0\0\x10JFIF",
            b"RIFF\x24\0\0\0WEBPVP8 ",
            b"<svg onload=alert(1)>",
        ];
        Corpus::new(images).check(file!(), |bytes| {
            let kinds = ImageKind::ALL.into_iter().filter(|kind| kind.begins(bytes));
            assert!(kinds.count() <= 1);
        });
    }

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        assert!(ImageKind::Png.begins(png));
        assert!(!ImageKind::Jpg.begins(png));
        assert!(!ImageKind::Png.begins(b"<svg onload=alert(1)>"));
        assert!(ImageKind::Gif.begins(b"GIF89a\0\0"));
        assert!(ImageKind::Jpg.begins(b"\xff\xd8\xff\xe0\0\x10JFIF"));
        assert!(ImageKind::Webp.begins(b"RIFF\x24\0\0\0WEBPVP8 "));
    }
}
