//! Puts the real processes of the mesh under stress, and checks that what they promised is true afterwards.
//!
//! | module | what it does |
//! |---|---|
//! | [`mesh`] | runs the processes, their broker and their databases |
//! | [`nemesis`] | kills, freezes, and disturbs what goes over the wire; counts what it did |
//! | [`workload`] | does what users and admins do, by chance, and remembers what it was told |
//! | [`checker`] | compares what is stored with what was told, and the services with each other |
//! | [`payments`] | all of it for orders and their payments |
//! | [`whole`] | the whole mesh through its gateways, with a cluster of brokers if wanted |
//!
//! What happens follows from a seed; when it happens does not, so a run is repeated alike but not alike in every detail.

pub mod checker;
pub mod mesh;
pub mod nemesis;
pub mod payments;
pub mod whole;
pub mod workload;

/// Why a run could not be made.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
