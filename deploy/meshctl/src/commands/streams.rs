//! `meshctl streams`.

use shared::operations::{Operations, StreamState};

use crate::CtlError;
use crate::output::Output;
use crate::table::{Column, Table};
use crate::times;

pub(super) async fn run(mesh: &Operations, out: Output) -> Result<(), CtlError> {
    let streams = mesh.streams().await?;
    out.show(&streams, |width| {
        let mut table = Table::new([
            ("STREAM", Column::Text),
            ("MESSAGES", Column::Number),
            ("BYTES", Column::Number),
            ("FIRST", Column::Number),
            ("LAST", Column::Number),
            ("AGE", Column::Number),
            ("READERS", Column::Number),
            ("HOLDS", Column::Long),
        ]);
        for stream in &streams {
            table.row([
                (&stream.name).into(),
                stream.messages.into(),
                bytes(stream.bytes).into(),
                stream.first_sequence.into(),
                stream.last_sequence.into(),
                last_age(stream).into(),
                stream.consumers.into(),
                if stream.of_events { stream.description.as_str() } else { "keys and values" }.into(),
            ]);
        }
        table.draw(width, "there are no streams: no service has run yet")
    })?;
    Ok(())
}

/// How long ago the last message came.
pub(super) fn last_age(stream: &StreamState) -> String {
    stream.last_at.map_or_else(|| "-".to_owned(), times::age)
}

/// `512 B`, `1.2 KiB`, `3.4 MiB`.
pub(super) fn bytes(count: u64) -> String {
    const STEP: f64 = 1024.0;
    if count < 1024 {
        return format!("{count} B");
    }
    let (mut size, mut unit) = (count as f64 / STEP, "KiB");
    for larger in ["MiB", "GiB", "TiB"] {
        if size < STEP {
            break;
        }
        (size, unit) = (size / STEP, larger);
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_short() {
        assert_eq!([0, 1023, 1024, 1_500_000].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.4 MiB"]);
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }
}
