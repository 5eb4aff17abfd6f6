//! The settings of the authorization server, as [`crate::config`] reads them.

pub use crate::config::{
    AuthzMode, AuthzSettings, ControllerSettings, CustomersUse, Deployment, EventSettings,
    ExternalIssuer, IdpSettings, LoginSettings, LogoutReach, NonceUse, RetentionSettings,
    SettingFault, TokenSettings,
};
