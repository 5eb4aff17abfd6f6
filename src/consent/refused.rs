//! Why a consent does not change.

use super::category::SensitiveCategories;
use super::purpose::InvalidDocument;
use super::scope::OAuthScopes;
use super::status::IllegalMove;

/// An answer that the screen cannot have given: it was made by something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// Scopes that were not asked for.
    #[error("{0} were not asked for")]
    Scopes(OAuthScopes),
    /// Without scopes whose rows are locked.
    #[error("{0} cannot be left out")]
    Required(OAuthScopes),
    /// Categories let in that were not asked for.
    #[error("{0} were not asked for")]
    Categories(SensitiveCategories),
    /// A duration that was not offered, in days.
    #[error("{0} days were not offered")]
    Duration(u16),
}

/// Why a consent does not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefused {
    /// It cannot become what it would.
    #[error(transparent)]
    Move(#[from] IllegalMove),
    /// It is asked for what the partner's program or the purpose cannot have.
    #[error("{0} cannot be asked for by this client for this purpose")]
    Beyond(OAuthScopes),
    /// The program, or the one that the purpose was registered for, is another.
    #[error("the purpose is another client's")]
    OtherClient,
    /// The program is suspended: it can ask nobody.
    #[error("the client is suspended")]
    Client,
    /// Nothing of a customer is asked for, or would be left.
    #[error("there is nothing of the customer in it")]
    Nothing,
    /// It is asked for longer than allowed.
    #[error("a consent to this purpose lasts at most {0} days")]
    TooLong(u16),
    /// More of the past is asked for than the purpose says.
    #[error("this purpose has the data of at most {0} months before")]
    History(u16),
    /// The partner would keep data longer than the purpose says.
    #[error("data for this purpose is kept at most {0} days")]
    Retention(u16),
    /// The purpose or the notice is none that can be.
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    /// It names another purpose.
    #[error("it is for another purpose")]
    OtherPurpose,
    /// It is between others.
    #[error("it is between others")]
    OtherParties,
    /// A refresh token for what is read once.
    #[error("offline_access is nothing for access that is given once")]
    OfflineOnce,
    /// The answer was not given on the screen.
    #[error(transparent)]
    Tampered(#[from] Tampering),
    /// A special category without its own tick.
    #[error("{0} need a tick of their own")]
    NotExplicit(OAuthScopes),
    /// The customer must log in more strongly first.
    #[error("{0} need a stronger login")]
    StepUp(OAuthScopes),
    /// The same, for sensitive categories of goods.
    #[error("{0} need a stronger login")]
    CategoryStepUp(SensitiveCategories),
    /// Somebody else has pressed the button: nobody agrees for another.
    #[error("only the customer can agree")]
    Guardian,
    /// Without these it would have no purpose: it can only be ended as a whole.
    #[error("{0} cannot be taken out: the consent can be ended")]
    Required(OAuthScopes),
    /// It would stay as it is.
    #[error("nothing is taken out")]
    NotNarrower,
    /// It is suspended for that already.
    #[error("it is suspended for that already")]
    Suspended,
    /// It is not suspended for that.
    #[error("it is not suspended for that")]
    NotSuspended,
    /// There can be none: it was not given, or has ended.
    #[error("it has no tokens")]
    NoTokens,
    /// Its time is over.
    #[error("its time is over")]
    Over,
    /// Its time is not over yet.
    #[error("its time is not over yet")]
    NotOver,
    /// The customer is forgotten already.
    #[error("the customer is forgotten")]
    Erased,
    /// The versions are not all that the consent has, in their order.
    #[error("these are not all versions of one consent")]
    Versions,
}
