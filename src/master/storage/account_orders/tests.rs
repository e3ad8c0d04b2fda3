//! spec/master/storage.md · 3.1.7, 4.6.16

use super::*;
use crate::master::testing::MasterRig;

/// The plan of each query uses the index that it is meant to use, whatever the table's size.
#[test]
fn a_query_of_an_account_reads_its_own_rows_alone() {
    let rig = MasterRig::new();
    let mut storage = rig.engine.storage();
    let plans = storage.read(|snapshot| {
        let plans = [
            format!("SELECT {PROFIT_COLUMNS} FROM transactions WHERE account = 1 AND id > x'00' ORDER BY id LIMIT 9"),
            format!(
                "SELECT {OWN_COLUMNS}, {DETAILS} FROM transactions AS t LEFT JOIN order_terms USING (number)
                 WHERE t.account = 1 AND t.id < x'ff' ORDER BY t.id DESC LIMIT 9"
            ),
        ];
        Ok(plans.map(|sql| snapshot.plan(&sql)))
    });
    for plan in plans.unwrap().into_iter().flatten() {
        assert!(plan.contains("transactions_history"), "{plan}");
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP"), "{plan}");
    }
}
