//! `chaos payments`, as much of it as fits into a few seconds.

use std::time::Duration;

use chaos::payments::{Options, run};

shared::on_each_engine! {
    async fn money_and_tokens_add_up_whatever_dies_meanwhile(engine: Engine) {
        let options = Options { seed: 7, orders: 60, limit: Duration::from_secs(60), engine };
        let report = Box::pin(run(options)).await.expect("the mesh runs");
        assert!(report.violations.is_empty(), "{report}");
        assert_eq!(report.orders, 60);
        assert!(report.faults.len() > 3, "{report}");
    }
}
