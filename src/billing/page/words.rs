//! What pages say, in French to who asks for French, in English to all others.

use crate::billing::close::exceptions_told;

/// The words of a page.
pub(super) struct Words {
    /// As an HTML page names it.
    pub(super) language: &'static str,
    pub(super) statement: &'static str,
    pub(super) is_final: &'static str,
    /// What a final statement's period was closed without, by how many exceptions.
    pub(super) excepted: fn(usize) -> String,
    pub(super) provisional: &'static str,
    /// Up to when all is counted, and how many milliseconds that lies behind.
    pub(super) counted_to: fn(&str, &str) -> String,
    pub(super) issuer: &'static str,
    pub(super) partner: &'static str,
    pub(super) app: &'static str,
    pub(super) period: &'static str,
    /// From something to something.
    pub(super) span: fn(&str, &str) -> String,
    /// From something on.
    pub(super) from: fn(&str) -> String,
    /// Stands before the currency.
    pub(super) lines_in: &'static str,
    pub(super) line_heads: [&'static str; 8],
    pub(super) total: &'static str,
    /// Stands before the currency.
    pub(super) credits_in: &'static str,
    pub(super) credit_heads: [&'static str; 4],
    pub(super) price_lists: &'static str,
    pub(super) section_heads: [&'static str; 4],
    pub(super) by_api: &'static str,
    pub(super) api_heads: [&'static str; 5],
    pub(super) not_charged: &'static str,
    pub(super) free_heads: [&'static str; 3],
    pub(super) counted: &'static str,
    pub(super) usage_heads: [&'static str; 8],
    /// Words of lines and calls that are not told as they are.
    words: &'static [(&'static str, &'static str)],
    /// What rules say, by their ids, where that is not told as the rules have it.
    rules: &'static [(&'static str, &'static str)],
    /// What stands before the decimals of a number.
    point: &'static str,
}

impl Words {
    /// Those of a language.
    pub(super) fn of(language: &str) -> &'static Self {
        if language == FRENCH.language { &FRENCH } else { &ENGLISH }
    }

    /// A word of the ledger as people say it.
    pub(super) fn word(&self, word: &str) -> String {
        let own = self.words.iter().find(|(of, _)| *of == word);
        own.map_or_else(|| word.replace('_', " "), |(_, own)| (*own).to_owned())
    }

    /// What a rule says, where this language has words of its own for it.
    pub(super) fn because(&self, rule: &str) -> Option<&'static str> {
        self.rules.iter().find(|(of, _)| *of == rule).map(|(_, because)| *because)
    }

    /// A number with a point before its decimals.
    pub(super) fn number(&self, number: &str) -> String {
        number.replace('.', self.point)
    }
}

static ENGLISH: Words = Words {
    language: "en",
    statement: "Statement",
    is_final: "Final.",
    excepted: |count| {
        format!("Closed with {}: calls of the period may be missing.", exceptions_told(count))
    },
    provisional: "Provisional: the period is open.",
    counted_to: |through, behind| {
        format!("Every call answered up to {through} is counted, {behind} ms before this page.")
    },
    issuer: "From",
    partner: "Partner",
    app: "App",
    period: "Period",
    span: |from, to| format!("{from} to {to}"),
    from: |from| format!("from {from}"),
    lines_in: "Lines, in",
    line_heads: ["Section", "Kind", "Charge", "Meter", "Tier", "Quantity", "Unit price", "Amount"],
    total: "Total",
    credits_in: "Credits, in",
    credit_heads: ["Credit", "Source", "Drawn", "Left"],
    price_lists: "Price lists",
    section_heads: ["Section", "Plan", "Seconds", "Of seconds"],
    by_api: "Calls by part of the API",
    api_heads: ["API", "Calls", "Charged", "Records", "Bytes"],
    not_charged: "Not charged, because",
    free_heads: ["Rule", "Because", "Calls"],
    counted: "What was counted",
    usage_heads: ["Operation", "Outcome", "Rule", "Charged", "Status", "Calls", "Records", "Bytes"],
    words: &[],
    rules: &[],
    point: ".",
};

static FRENCH: Words = Words {
    language: "fr",
    statement: "Relevé",
    is_final: "Définitif.",
    excepted: |count| {
        let plural = if count == 1 { "" } else { "s" };
        format!(
            "Clôturé avec {count} exception{plural} : des appels de la période peuvent manquer."
        )
    },
    provisional: "Provisoire : la période est ouverte.",
    counted_to: |through, behind| {
        format!(
            "Tout appel auquel il a été répondu jusqu'au {through} est compté, soit {behind} ms avant cette page."
        )
    },
    issuer: "Émetteur",
    partner: "Partenaire",
    app: "Application",
    period: "Période",
    span: |from, to| format!("{from} à {to}"),
    from: |from| format!("à partir de {from}"),
    lines_in: "Lignes, en",
    line_heads: [
        "Section",
        "Nature",
        "Poste",
        "Compteur",
        "Tranche",
        "Quantité",
        "Prix unitaire",
        "Montant",
    ],
    total: "Total",
    credits_in: "Crédits, en",
    credit_heads: ["Crédit", "Origine", "Utilisé", "Solde"],
    price_lists: "Tarifs",
    section_heads: ["Section", "Formule", "Secondes", "Sur secondes"],
    by_api: "Appels par partie de l'API",
    api_heads: ["API", "Appels", "Facturés", "Enregistrements", "Octets"],
    not_charged: "Non facturé, parce que",
    free_heads: ["Règle", "Motif", "Appels"],
    counted: "Ce qui a été compté",
    usage_heads: [
        "Opération",
        "Issue",
        "Règle",
        "Facturation",
        "Statut",
        "Appels",
        "Enregistrements",
        "Octets",
    ],
    words: &[
        ("adjustment", "ajustement"),
        ("auth_rejected", "accès refusé"),
        ("bytes", "octets"),
        ("charged", "facturé"),
        ("client_aborted", "interrompu par l'appelant"),
        ("client_error", "erreur de l'appelant"),
        ("crash_unconfirmed", "non confirmé après une panne"),
        ("credit", "crédit"),
        ("discount", "remise"),
        ("fee", "abonnement"),
        ("flat", "forfait"),
        ("free", "gratuit"),
        ("included", "inclus"),
        ("max_cap", "plafond"),
        ("min_trueup", "complément au minimum"),
        ("none", "aucune"),
        ("not_delivered", "non remis"),
        ("not_modified", "inchangé"),
        ("one_time", "frais uniques"),
        ("prepaid", "prépayé"),
        ("promotional", "offert"),
        ("rate_limited", "limite atteinte"),
        ("records", "enregistrements"),
        ("recurring", "récurrent"),
        ("replayed", "répété"),
        ("requests", "appels"),
        ("rounding", "arrondi"),
        ("served", "servi"),
        ("server_error", "erreur du service"),
        ("usage", "consommation"),
        ("weight", "unités"),
    ],
    rules: &[
        ("adjusted.backfilled", "Il a été convenu que cela a été consommé"),
        ("adjusted.voided", "Il a été convenu que cela ne compte pas"),
        ("v1.auth_rejected", "La clé ou ses droits ne suffisaient pas"),
        ("v1.client_aborted", "La réponse n'a pas été remise en entier"),
        ("v1.client_error", "L'appel, tel qu'il était fait, ne pouvait pas recevoir de réponse"),
        ("v1.consent_events", "Ce qui fait connaître la volonté des clients ne coûte rien"),
        ("v1.crash_unconfirmed", "Une panne a laissé incertain si la réponse a été remise"),
        ("v1.not_delivered", "Le destinataire n'a pas accepté le message"),
        ("v1.not_modified", "La copie de l'appelant était encore valable"),
        ("v1.other", "Aucune règle ne le facture"),
        ("v1.own_usage", "Ce qui renseigne sur sa propre consommation ne coûte rien"),
        ("v1.rate_limited", "Une limite était atteinte"),
        (
            "v1.replayed",
            "L'écriture a été faite, et facturée, par un appel antérieur avec la même Idempotency-Key",
        ),
        ("v1.server_error", "Le service a failli"),
        ("v1.test_key", "Les appels des clés de test ne coûtent rien"),
        ("v1.test_message", "Les messages qui essaient un destinataire ne coûtent rien"),
    ],
    point: ",",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::adjustments;
    use crate::kernel::word::Word as _;
    use crate::metering::Outcome;
    use crate::metering::billability::RULES;
    use crate::rating::{LineKind, Meter};

    #[test]
    fn french_has_a_word_for_all_that_a_page_may_say() {
        let known = |word: &str| FRENCH.words.iter().any(|(of, _)| *of == word);
        for (kind, _) in LineKind::WORDS {
            assert!(known(kind), "{kind}");
        }
        for (meter, _) in Meter::WORDS {
            assert!(known(meter), "{meter}");
        }
        for outcome in Outcome::ALL {
            assert!(known(outcome.as_str()), "{outcome}");
        }
        for rule in RULES.iter().filter(|rule| !rule.billable) {
            assert!(FRENCH.because(rule.id).is_some(), "{}", rule.id);
        }
        for (rule, _) in FRENCH.rules {
            let is_rule = RULES.iter().any(|known| known.id == *rule);
            assert!(is_rule || adjustments::because(rule).is_some(), "{rule}");
        }
    }
}
