//! How events flow: service, stream, consumer. Once as a picture, once as a table for narrow screens and for who does
//! not see pictures.

use shared::messaging::STREAMS;
use shared::operations::{ConsumerState, Overview};

use super::format;
use super::sampler::History;

/// The height of a row of the picture.
const ROW: usize = 34;
const MARGIN: usize = 8;

/// A service and what flows through its stream.
pub struct Flow {
    pub service: &'static str,
    pub stream: String,
    pub rate: String,
    /// Where the two boxes are in the picture.
    pub y: usize,
    pub branches: Vec<Branch>,
}

/// A consumer of the stream.
pub struct Branch {
    pub consumer: String,
    pub rate: String,
    pub lag: String,
    /// Whether it lags or stands.
    pub is_late: bool,
    pub y: usize,
}

/// The flows, and the picture's height.
pub fn flows(overview: &Overview, history: &History) -> (Vec<Flow>, usize) {
    let mut flows = Vec::new();
    let mut y = MARGIN + ROW / 2;
    for stream in overview.streams.iter().filter(|stream| stream.of_events) {
        let spec = STREAMS.iter().find(|spec| spec.name == stream.name);
        let owner = spec.map(|spec| spec.owner).filter(|owner| shared::mesh::SERVICES.contains(owner));
        // Dead letters and the record belong to nobody's service.
        let Some(service) = owner else { continue };
        let of_stream = |consumer: &&ConsumerState| consumer.stream == stream.name;
        let begin = y;
        let mut branches = Vec::new();
        for consumer in overview.consumers.iter().filter(of_stream) {
            branches.push(branch(consumer, history, y));
            y += ROW;
        }
        y = y.max(begin + ROW);
        let rate = history.rate(|overview| {
            Some(overview.streams.iter().find(|found| found.name == stream.name)?.last_sequence)
        });
        let stream = stream.name.clone();
        let middle = (begin + y - ROW) / 2;
        flows.push(Flow { service, stream, rate: format::rate(rate), y: middle, branches });
        y += MARGIN;
    }
    (flows, y - ROW / 2)
}

fn branch(consumer: &ConsumerState, history: &History, y: usize) -> Branch {
    let rate = history.rate(|overview| {
        Some(overview.consumers.iter().find(|found| found.name == consumer.name)?.deliveries)
    });
    Branch {
        consumer: consumer.name.clone(),
        rate: format::rate(rate),
        lag: format::count(consumer.pending),
        is_late: consumer.pending > 0 || consumer.paused_seconds.is_some(),
        y,
    }
}
