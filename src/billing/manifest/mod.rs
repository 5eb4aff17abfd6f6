//! What makes an export one that can be trusted: a signed manifest of its files, which can be checked without this program's
//! database, and a proof for each row that it was among them.

mod jws;
mod model;
mod numbers;
pub mod proof;
pub(super) mod rows;
pub(super) mod tally;
pub mod verify;

pub use jws::{NotSigned, attached, detached};
pub use model::{
    BilledPeriod, CloseName, Day, FORMAT, File, Gap, MANIFEST, Manifest, ROOT, Root, Run,
    SIGNATURE, State,
};
pub(super) use rows::{each as each_row, fact};
pub use tally::{Fact, Tally, Totals};
