//! What can be exported, and in which layout.

use super::adjustment_rows::ADJUSTMENTS;
use super::event_row::USAGE_EVENTS;
use super::focus::{FocusVersion, UnknownVersion};
use super::hourly::USAGE_HOURLY;
use super::layout::Layout;
use super::line_rows::STATEMENT_LINES;
use std::str::FromStr;

/// What an export is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Each call.
    #[default]
    UsageEvents,
    /// The sums of calls by hour.
    UsageHourly,
    /// The lines of statements.
    StatementLines,
    /// What two people have agreed to correct.
    Adjustments,
    /// Cost and usage as the FinOps Foundation's FOCUS has them.
    Focus(FocusVersion),
}

/// The word names nothing that can be exported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownContent {
    /// No such word.
    #[error("a layout must be one of {}", words())]
    Word,
    /// No such version of FOCUS.
    #[error(transparent)]
    Version(#[from] UnknownVersion),
}

fn words() -> String {
    Content::ALL.iter().map(|content| content.word()).collect::<Vec<_>>().join(", ")
}

impl Content {
    /// All that there is.
    pub const ALL: &'static [Self] = &[
        Self::UsageEvents,
        Self::UsageHourly,
        Self::StatementLines,
        Self::Adjustments,
        Self::Focus(FocusVersion::V1_2),
    ];

    /// The columns.
    #[must_use]
    pub fn layout(self) -> &'static Layout {
        match self {
            Self::UsageEvents => &USAGE_EVENTS,
            Self::UsageHourly => &USAGE_HOURLY,
            Self::StatementLines => &STATEMENT_LINES,
            Self::Adjustments => &ADJUSTMENTS,
            Self::Focus(version) => version.layout(),
        }
    }

    /// The word that asks for it.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::UsageEvents => "usage_events".to_owned(),
            Self::UsageHourly => "usage_hourly".to_owned(),
            Self::StatementLines => "statement_lines".to_owned(),
            Self::Adjustments => "adjustments".to_owned(),
            Self::Focus(version) => format!("focus-{version}"),
        }
    }

    /// Whether it is of calls, and not of statements: these there are of billing periods alone.
    #[must_use]
    pub fn is_of_calls(self) -> bool {
        matches!(self, Self::UsageEvents | Self::UsageHourly)
    }
}

impl FromStr for Content {
    type Err = UnknownContent;

    fn from_str(text: &str) -> Result<Self, UnknownContent> {
        if let Some(version) = text.strip_prefix("focus-") {
            return Ok(Self::Focus(version.parse()?));
        }
        let named = |content: &&Self| content.word() == text || content.layout().name == text;
        Self::ALL.iter().find(named).copied().ok_or(UnknownContent::Word)
    }
}
