//! What the sandbox remembers: one line of JSON for each change of a payment.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use super::Record;

/// Where changes are noted.
pub struct Journal(Option<File>);

impl Journal {
    /// Opens a journal and reads what is in it. A last line that a crash has cut off is passed over.
    ///
    /// # Errors
    /// When the file cannot be read or made.
    pub fn open(path: Option<&Path>) -> io::Result<(Self, HashMap<String, Record>)> {
        let Some(path) = path else { return Ok((Self(None), HashMap::new())) };
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut records = HashMap::new();
        let mut ends_whole = true;
        for line in BufReader::new(&file).split(b'\n') {
            let line = line?;
            match serde_json::from_slice::<Record>(&line) {
                Ok(record) => {
                    records.insert(record.order_id.clone(), record);
                    ends_whole = true;
                }
                Err(_) => ends_whole = line.is_empty(),
            }
        }
        if !ends_whole {
            file.write_all(b"\n")?;
        }
        Ok((Self(Some(file)), records))
    }

    /// Notes what a payment is like now.
    pub fn write(&mut self, record: &Record) {
        let Some(file) = &mut self.0 else { return };
        let written = serde_json::to_vec(record).map_err(io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            file.write_all(&line)
        });
        if let Err(error) = written {
            tracing::error!(%error, "the sandbox's journal cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Behaviour, Status};
    use super::*;

    fn record(order_id: &str, status: Status) -> Record {
        Record {
            order_id: order_id.to_owned(),
            name: "tokens".to_owned(),
            amount: 100,
            currency: "KRW".to_owned(),
            return_url: None,
            status,
            payment_key: None,
            failure: None,
            refunds: BTreeMap::new(),
            behaviour: Behaviour::Pays,
            keep_card: false,
            billing_key: None,
        }
    }

    #[test]
    fn the_last_line_of_a_payment_counts_and_a_torn_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandbox.jsonl");
        let (mut journal, known) = Journal::open(Some(&path)).unwrap();
        assert!(known.is_empty());
        journal.write(&record("a", Status::Ready));
        journal.write(&record("b", Status::Ready));
        journal.write(&record("a", Status::Paid));
        drop(journal);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"orderId\":\"b\"").unwrap();

        let (mut journal, known) = Journal::open(Some(&path)).unwrap();
        assert_eq!((known["a"].status, known["b"].status), (Status::Paid, Status::Ready));
        journal.write(&record("b", Status::Canceled));
        let (_, known) = Journal::open(Some(&path)).unwrap();
        assert_eq!((known.len(), known["b"].status), (2, Status::Canceled));
    }
}
