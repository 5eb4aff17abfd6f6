//! What the pages say, in French and in English.

use crate::consent::purpose::NoticeLanguage;
use crate::consent::status::ConsentStatus;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $en:literal, $fr:literal;)*) => {
        /// The words of a language.
        #[derive(Debug)]
        pub(super) struct PageWords {
            $($(#[$doc])* pub(super) $name: &'static str,)*
        }

        const ENGLISH: PageWords = PageWords { $($name: $en,)* };
        const FRENCH: PageWords = PageWords { $($name: $fr,)* };
    };
}

words! {
    /// Its code.
    language: "en",
        "fr";
    /// The code of the other language.
    other: "fr",
        "en";
    /// The other language, in its own words.
    other_name: "Français",
        "English";
    /// Where somebody chooses how to log in.
    choose_title: "Log in",
        "Se connecter";
    choose_how: "Choose the account that you use:",
        "Choisissez le compte que vous utilisez :";
    /// Before the partner's name, and behind it.
    ask_title: "Share your data with",
        "Partager vos données avec";
    ask_who: "asks for data of your customer account.",
        "demande des données de votre compte client.";
    ask_answers_go: "Your answer is sent to",
        "Votre réponse est envoyée à";
    ask_contact: "Contact",
        "Contact";
    ask_privacy: "What the partner does with data",
        "Ce que le partenaire fait des données";
    ask_purpose: "What for",
        "Pour quoi faire";
    ask_what: "Which data",
        "Quelles données";
    ask_needed: "needed for this purpose",
        "nécessaire à cet usage";
    ask_optional: "optional",
        "facultatif";
    ask_own_tick: "sensitive: shared only if you tick it",
        "sensible : partagé seulement si vous le cochez";
    ask_explicit: "I agree expressly to share this, which can reveal health or belief",
        "J'accepte expressément ce partage, qui peut révéler santé ou croyance";
    ask_stronger: "Log in more strongly to share this",
        "Connectez-vous avec un niveau plus élevé pour partager ceci";
    /// Before what the customer's own values are.
    ask_yours: "Yours:",
        "Les vôtres :";
    ask_none: "nothing so far",
        "rien pour l'instant";
    ask_added: "new",
        "nouveau";
    ask_left_out: "Left out of purchases and lists unless you tick them",
        "Exclus des achats et des listes, sauf si vous les cochez";
    ask_always_out: "Always left out",
        "Toujours exclus";
    ask_history: "How far back",
        "Depuis quand";
    ask_history_none: "only what comes from now on",
        "seulement ce qui vient à partir de maintenant";
    /// Behind a number.
    ask_months: "months back",
        "mois en arrière";
    ask_often: "How often",
        "À quelle fréquence";
    ask_once: "once",
        "une seule fois";
    ask_recurring: "again and again until the end",
        "de façon répétée jusqu'à la fin";
    ask_until: "Until when",
        "Jusqu'à quand";
    ask_day: "1 day",
        "1 jour";
    /// Behind a number.
    ask_days: "days",
        "jours";
    ask_keeps: "The partner keeps it for",
        "Le partenaire les conserve";
    ask_keeps_not: "not at all",
        "pas du tout";
    ask_notice: "What you should know",
        "Ce que vous devez savoir";
    ask_stop: "You can stop at any time on",
        "Vous pouvez arrêter à tout moment sur";
    ask_your_page: "your page",
        "votre page";
    ask_complain: "Questions or complaints",
        "Questions ou réclamations";
    ask_authority: "You can also complain to the data protection authority of your country.",
        "Vous pouvez aussi saisir l'autorité de protection des données de votre pays.";
    /// The two buttons.
    allow: "Allow",
        "Autoriser";
    deny: "Don't allow",
        "Ne pas autoriser";
    tick_one: "Tick at least one kind of data, or choose not to allow it.",
        "Cochez au moins une sorte de données, ou choisissez de ne pas autoriser.";
    tick_both: "What is sensitive needs both of its ticks.",
        "Ce qui est sensible demande ses deux coches.";
    barred_title: "Your account cannot share data",
        "Votre compte ne peut pas partager de données";
    barred_blocked: "Your customer account is blocked. Ask the customer service.",
        "Votre compte client est bloqué. Adressez-vous au service client.";
    barred_minor: "You are too young to share data with others by yourself.",
        "Vous êtes trop jeune pour partager seul vos données avec d'autres.";
    barred_deceased: "This account is that of somebody who has died.",
        "Ce compte est celui d'une personne décédée.";
    barred_closed: "This customer account is closed.",
        "Ce compte client est fermé.";
    back_to: "Back to",
        "Retour vers";
    /// Titles of what goes wrong.
    failed_request: "This request cannot be answered",
        "Cette demande ne peut pas aboutir";
    failed_request_do: "Begin again at the partner. Nothing was shared.",
        "Recommencez chez le partenaire. Rien n'a été partagé.";
    failed_login: "You are not logged in",
        "Vous n'êtes pas connecté";
    failed_login_do: "The login was begun in another browser, or took too long. Begin again.",
        "La connexion a été commencée dans un autre navigateur, ou a pris trop de temps. Recommencez.";
    failed_forged: "This form cannot be taken",
        "Ce formulaire ne peut pas être accepté";
    failed_forged_do: "Open the page again and send the form from there. Nothing was changed.",
        "Rouvrez la page et renvoyez le formulaire. Rien n'a été modifié.";
    failed_tampered: "This answer is not possible",
        "Cette réponse n'est pas possible";
    failed_tampered_do: "The page does not allow it. Nothing was shared.",
        "La page ne le permet pas. Rien n'a été partagé.";
    failed_answered: "You have answered already",
        "Vous avez déjà répondu";
    failed_answered_do: "What you have agreed to stands on your page.",
        "Ce que vous avez accepté figure sur votre page.";
    failed_missing: "There is nothing here",
        "Il n'y a rien ici";
    failed_missing_do: "See your page for what there is.",
        "Voyez sur votre page ce qu'il y a.";
    failed_not_now: "This cannot be done as things stand",
        "Ce n'est pas possible en l'état";
    failed_not_now_do: "Open the page again to see how things stand.",
        "Rouvrez la page pour voir où en sont les choses.";
    failed_later: "Not now",
        "Pas maintenant";
    failed_later_do: "The service cannot answer at present. Try again in some minutes.",
        "Le service ne peut pas répondre. Réessayez dans quelques minutes.";
    /// The customer's own page.
    me_title: "Your data and your consents",
        "Vos données et vos accords";
    me_active: "In force",
        "En cours";
    me_ended: "Ended",
        "Terminés";
    me_no_consents: "You share no data with anybody.",
        "Vous ne partagez de données avec personne.";
    me_show: "Details",
        "Détails";
    me_since: "since",
        "depuis";
    me_until: "until",
        "jusqu'au";
    me_status: "How it stands",
        "État";
    me_given: "You agreed",
        "Vous avez accepté";
    me_versions: "Versions",
        "Versions";
    me_stop: "Stop sharing",
        "Arrêter le partage";
    me_stop_means: "The partner gets nothing more from this moment on. What it has already, it may keep for as long as you agreed to, unless you ask it to delete it.",
        "Le partenaire ne reçoit plus rien dès cet instant. Ce qu'il a déjà, il peut le conserver aussi longtemps que convenu, sauf si vous lui demandez de l'effacer.";
    me_ask_delete: "Also ask the partner to delete what it has",
        "Demander aussi au partenaire d'effacer ce qu'il a";
    me_narrow: "Share less",
        "Partager moins";
    me_narrow_means: "Tick what you want to take back.",
        "Cochez ce que vous voulez retirer.";
    me_renew: "Renew",
        "Renouveler";
    me_renew_for: "Agree anew, until a later day",
        "Accepter de nouveau, jusqu'à une date plus lointaine";
    me_receipt: "Receipt",
        "Reçu";
    me_receipt_soon: "The receipt is being signed. Look again in a moment.",
        "Le reçu est en cours de signature. Revenez dans un instant.";
    me_stopped: "Stopped. It holds nowhere since",
        "Arrêté. Plus aucun effet depuis";
    /// Between two numbers: confirmed, and all.
    me_nodes: "servers of",
        "serveurs sur";
    me_nodes_confirm: "confirm it",
        "le confirment";
    me_changed: "Done.",
        "C'est fait.";
    me_back: "Your page",
        "Votre page";
    me_accesses: "What was read",
        "Ce qui a été lu";
    me_accesses_show: "Each time that a partner has read data of yours",
        "Chaque fois qu'un partenaire a lu des données vous concernant";
    me_accesses_none: "Nobody has read anything.",
        "Personne n'a rien lu.";
    me_accesses_older: "Older",
        "Plus anciens";
    me_accesses_when: "When",
        "Quand";
    me_accesses_who: "Who",
        "Qui";
    me_export: "Take your data along",
        "Emporter vos données";
    me_export_means: "All that is known of you here: profile, loyalty, purchases, lists, promotions and consents.",
        "Tout ce qui est connu de vous ici : profil, fidélité, achats, listes, promotions et accords.";
    me_erase: "Have your data erased",
        "Faire effacer vos données";
    me_erase_means: "All consents end, and your data here is erased for good. This cannot be undone.",
        "Tous les accords prennent fin, et vos données ici sont effacées définitivement. C'est irréversible.";
    me_erase_sure: "Yes, erase my data",
        "Oui, effacer mes données";
    me_erased: "Your data is erased",
        "Vos données sont effacées";
    me_erased_means: "All consents have ended, and partners are told to delete what they have.",
        "Tous les accords ont pris fin, et les partenaires sont invités à effacer ce qu'ils ont.";
    me_tick_to_erase: "Tick the box to have your data erased.",
        "Cochez la case pour faire effacer vos données.";
    me_log_out: "Log out",
        "Se déconnecter";
    me_logged_out: "You are logged out",
        "Vous êtes déconnecté";
    status_pending: "asked for",
        "demandé";
    status_active: "in force",
        "en cours";
    status_suspended: "suspended",
        "suspendu";
    status_revoked: "stopped",
        "arrêté";
    status_expired: "time over",
        "échu";
    status_superseded: "replaced by a later version",
        "remplacé par une version ultérieure";
    status_denied: "not allowed",
        "refusé";
}

/// The words of a language.
pub(super) fn words(language: NoticeLanguage) -> &'static PageWords {
    match language {
        NoticeLanguage::En => &ENGLISH,
        NoticeLanguage::Fr => &FRENCH,
    }
}

impl PageWords {
    /// How a consent stands.
    pub(super) fn status(&self, status: ConsentStatus) -> &'static str {
        match status {
            ConsentStatus::Pending => self.status_pending,
            ConsentStatus::Active => self.status_active,
            ConsentStatus::Suspended => self.status_suspended,
            ConsentStatus::Revoked => self.status_revoked,
            ConsentStatus::Expired => self.status_expired,
            ConsentStatus::Superseded => self.status_superseded,
            ConsentStatus::Denied => self.status_denied,
        }
    }

    /// So many days.
    pub(super) fn days(&self, days: u16) -> String {
        if days == 1 { self.ask_day.to_owned() } else { format!("{days} {}", self.ask_days) }
    }
}
