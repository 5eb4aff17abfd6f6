//! Whether the client of a connection is still there, for calls that wait.

use actix_web::HttpRequest;
use std::rc::Rc;
use tokio::sync::SetOnce;

/// That a client has closed its side of a connection. It need not be gone: it may have closed it for
/// writing alone and read on, which the server cannot tell from here, so it is still answered.
#[derive(Debug, Clone, Default)]
pub struct HangUp(Rc<SetOnce<()>>);

impl HangUp {
    /// The client has closed its side.
    pub fn happened(&self) {
        let _ = self.0.set(());
    }
}

/// Resolves when the client of a call has closed its side of the connection.
pub async fn hung_up(request: &HttpRequest) {
    match request.conn_data::<HangUp>() {
        Some(hang_up) => {
            hang_up.0.wait().await;
        }
        None => std::future::pending().await,
    }
}
