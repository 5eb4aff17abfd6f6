//! What each scope and each category of goods is called before a customer. The words are the retailer's program's own: no
//! partner can give others.

use crate::consent::category::SensitiveCategory;
use crate::consent::purpose::NoticeLanguage;
use crate::consent::scope::OAuthScope;

/// By key: what it is called and what it means, in English and in French.
const SCOPES: &[(&str, [&str; 2], [&str; 2])] = &[
    (
        "scope.profile.basic",
        [
            "Your first name, language and store",
            "Your given name, the language that you read, and the store that you go to.",
        ],
        [
            "Votre prénom, votre langue et votre magasin",
            "Votre prénom, la langue que vous lisez et le magasin où vous allez.",
        ],
    ),
    (
        "scope.profile.contact",
        ["Your e-mail address and telephone number", "By which you can be reached."],
        ["Votre adresse e-mail et votre téléphone", "Par lesquels on peut vous joindre."],
    ),
    (
        "scope.profile.address",
        ["Your postal address", "Where you live."],
        ["Votre adresse postale", "Où vous habitez."],
    ),
    (
        "scope.profile.age_band",
        ["Whether you are of age", "A band of ages, never your day of birth."],
        ["Si vous êtes majeur", "Une tranche d'âge, jamais votre date de naissance."],
    ),
    (
        "scope.loyalty.basic",
        ["Your loyalty status and balance", "How far you have come, and how much you have."],
        ["Votre statut et solde de fidélité", "Votre niveau, et ce que vous avez."],
    ),
    (
        "scope.loyalty.card",
        ["Your loyalty card number", "The number that stands on your card."],
        ["Votre numéro de carte de fidélité", "Le numéro inscrit sur votre carte."],
    ),
    (
        "scope.loyalty.history",
        ["Your loyalty points, earned and spent", "Each movement of your balance."],
        ["Vos points de fidélité gagnés et dépensés", "Chaque mouvement de votre solde."],
    ),
    (
        "scope.offers.read",
        ["Your personal offers", "Promotions that are yours alone."],
        ["Vos offres personnelles", "Les promotions qui ne sont qu'à vous."],
    ),
    (
        "scope.offers.activate",
        ["Activating your personal offers", "The partner may activate an offer for you."],
        ["Activer vos offres personnelles", "Le partenaire peut activer une offre pour vous."],
    ),
    (
        "scope.purchases.summary",
        ["Your spending by month and category", "Sums, without single purchases."],
        ["Vos dépenses par mois et par rayon", "Des totaux, sans le détail des achats."],
    ),
    (
        "scope.purchases.orders",
        ["Date, store and total of your purchases", "Not what you bought."],
        ["Date, magasin et montant de vos achats", "Pas ce que vous avez acheté."],
    ),
    (
        "scope.purchases.items",
        ["What you bought", "Each product, with its price."],
        ["Ce que vous avez acheté", "Chaque produit, avec son prix."],
    ),
    (
        "scope.purchases.receipts",
        ["Your receipts", "The number and address of each receipt."],
        ["Vos tickets de caisse", "Le numéro et l'adresse de chaque ticket."],
    ),
    (
        "scope.lists.read",
        ["Your lists", "Shopping lists, wishes, what you saved and looked at."],
        ["Vos listes", "Listes de courses, envies, produits enregistrés et consultés."],
    ),
    (
        "scope.lists.write",
        ["Changing your lists", "The partner may add to your lists and change them."],
        ["Modifier vos listes", "Le partenaire peut compléter et modifier vos listes."],
    ),
    (
        "scope.preferences",
        ["Your diet and allergens", "This can reveal health or belief."],
        ["Votre régime et vos allergènes", "Cela peut révéler santé ou croyance."],
    ),
    (
        "scope.openid",
        ["That you have logged in", "No data of yours."],
        ["Que vous êtes connecté", "Aucune donnée vous concernant."],
    ),
    (
        "scope.offline_access",
        ["Reading without you being there", "Until the end that you choose."],
        ["Lire sans que vous soyez là", "Jusqu'à la fin que vous choisissez."],
    ),
];

/// What a scope is called, and what it means.
pub(super) fn scope_words(scope: OAuthScope, language: NoticeLanguage) -> [&'static str; 2] {
    let key = scope.description_key();
    let found = SCOPES.iter().find(|(known, ..)| *known == key);
    // A scope of machines: no page shows one.
    let Some((_, english, french)) = found else { return [key, ""] };
    match language {
        NoticeLanguage::En => *english,
        NoticeLanguage::Fr => *french,
    }
}

/// What a category of goods is called.
pub(super) fn category_words(
    category: SensitiveCategory,
    language: NoticeLanguage,
) -> &'static str {
    let [english, french] = match category {
        SensitiveCategory::Pharmacy => ["medicines and care", "pharmacie et soins"],
        SensitiveCategory::Alcohol => ["alcoholic drinks", "boissons alcoolisées"],
        SensitiveCategory::Tobacco => ["tobacco", "tabac"],
        SensitiveCategory::Intimate => ["intimate goods", "produits intimes"],
        SensitiveCategory::Baby => ["babies and pregnancy", "bébé et grossesse"],
        SensitiveCategory::Dietary => ["food for special diets", "aliments de régime"],
        SensitiveCategory::Religious => ["goods of a religion", "produits d'une religion"],
    };
    match language {
        NoticeLanguage::En => english,
        NoticeLanguage::Fr => french,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::scope::{OAuthScopes, ScopeHolder};

    #[test]
    fn each_scope_that_a_page_can_show_has_words_in_both_languages() {
        for scope in OAuthScopes::all().that(|scope| scope.holder() != ScopeHolder::Machine).iter()
        {
            for language in [NoticeLanguage::En, NoticeLanguage::Fr] {
                let [title, meaning] = scope_words(scope, language);
                assert!(!meaning.is_empty() && title != scope.description_key(), "{scope}");
            }
            assert_ne!(
                scope_words(scope, NoticeLanguage::En),
                scope_words(scope, NoticeLanguage::Fr)
            );
        }
    }
}
