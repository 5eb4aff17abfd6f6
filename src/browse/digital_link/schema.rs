//! What the resolver answers with, for the document: it is put together by hand.

use utoipa::ToSchema;

/// A set of links (RFC 9264).
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "for the document")]
pub(super) struct LinksetOut {
    /// One entry, of the code that was asked for.
    #[schema(min_items = 1, max_items = 1)]
    linkset: Vec<LinksOut>,
}

/// The links of a code; under each link type of the GS1 vocabulary the pages that there are.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "for the document")]
pub(super) struct LinksOut {
    /// The code, as a GS1 Digital Link.
    #[schema(example = "https://api.example.com/01/03276550063551")]
    anchor: String,
    /// Where the product is described for programs.
    describedby: Vec<LinkOut>,
}

/// A link.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "for the document")]
pub(super) struct LinkOut {
    /// Where it leads.
    #[schema(example = "https://api.example.com/v1/products/gtin/03276550063551")]
    href: String,
    /// What the product is called.
    #[schema(example = "Enduit de lissage 1,75 l")]
    title: String,
    /// What is there, where that is no page.
    #[schema(rename = "type", example = "application/json")]
    kind: Option<String>,
}

/// What a resolver is and does.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "for the document")]
#[expect(non_snake_case, reason = "the names of the standard")]
pub(super) struct ResolverOut {
    /// What it is called.
    #[schema(example = "Comptoir")]
    name: String,
    /// What stands before the path of each code.
    #[schema(example = "https://api.example.com")]
    resolverRoot: String,
    /// The kinds of codes that it knows: `01`, GTINs.
    #[schema(example = json!(["01"]))]
    supportedPrimaryKeys: Vec<String>,
    /// The link types that it knows.
    supportedLinkTypes: Vec<LinkTypesOut>,
}

/// Link types of a vocabulary.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "for the document")]
#[expect(non_snake_case, reason = "the names of the standard")]
pub(super) struct LinkTypesOut {
    /// The vocabulary.
    #[schema(example = "https://ref.gs1.org/voc/")]
    namespace: String,
    /// What stands for it before a link type.
    #[schema(example = "gs1:")]
    prefix: String,
    /// The link types.
    #[schema(example = json!(["pip", "defaultLink"]))]
    linkTypes: Vec<String>,
}
