//! The rules of outbox, relay, inbox and dead letters, on a real broker and both databases.
