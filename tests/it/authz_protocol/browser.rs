//! Plays the part of the browser: the customer comes with a reference, logs in, agrees, and goes back with a code.

use super::desk::{Desk, LOYALTY, Partner, SUMMARY};
use comptoir::authz::authorize::{AuthorizeError, ErrorTold, granted, refused};
use comptoir::authz::exchange::CodeRecord;
use comptoir::authz::grant::CustomerLogin;
use comptoir::authz::handles::{AuthorizationCode, Handle, RequestUri};
use comptoir::authz::issued::IssuedTo;
use comptoir::authz::request::AuthorizationRequest;
use comptoir::authz::store::{codes, requests};
use comptoir::consent::ask::{ConsentApproval, ConsentAsked, ConsentCeiling};
use comptoir::consent::category::SensitiveCategories;
use comptoir::consent::details::CustomerDataDetails;
use comptoir::consent::hash::Hash32;
use comptoir::consent::live::GrantPointer;
use comptoir::consent::own::OwnedByCustomer;
use comptoir::consent::purpose::{
    LawfulBasis, NoticeDocument, NoticeLanguage, NoticeText, PurposeDocument,
};
use comptoir::consent::record::{
    ConsentConditions, ConsentController, ConsentExpression, ConsentParties, ConsentRecord,
    ExpressedBy, GrantId,
};
use comptoir::consent::scope::OAuthScopes;
use comptoir::consent::settings::ConsentSettings;
use comptoir::consent::standing::{ClientStanding, ConsentClient};
use comptoir::consent::store::apply::apply;
use comptoir::consent::store::read;
use comptoir::consent::store::subjects::{refer, sub_of};
use comptoir::consent::subject::{PairwiseSub, SubjectKey, SubjectRef};
use comptoir::kernel::Micros;
use url::Url;

const HOUR: i64 = 3_600_000_000;

/// Somebody who shops here.
pub(super) struct Customer(pub(super) u8);

/// What came of an agreement.
pub(super) struct Granted {
    pub(super) id: GrantId,
    pub(super) reference: SubjectRef,
    /// Where the browser goes.
    pub(super) location: Url,
}

impl Granted {
    /// A parameter of the answer.
    pub(super) fn parameter(&self, name: &str) -> String {
        let found = self.location.query_pairs().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name} in {}", self.location)).1.into_owned()
    }

    pub(super) fn code(&self) -> String {
        self.parameter("code")
    }
}

fn scopes(text: &str) -> OAuthScopes {
    OAuthScopes::parse(text).unwrap()
}

fn text() -> NoticeText {
    NoticeText { fr: "Tenir votre budget".into(), en: "Keep to your budget".into() }
}

fn purpose(partner: &Partner) -> PurposeDocument {
    PurposeDocument {
        purpose_id: "budget-coach".parse().unwrap(),
        client_id: partner.app_id.parse().unwrap(),
        code: "https://w3id.org/dpv#ServicePersonalisation".into(),
        text: text(),
        legal_basis: LawfulBasis::Consent,
        scopes: scopes(&format!("{SUMMARY} {LOYALTY}")),
        categories: SensitiveCategories::NONE,
        required: OAuthScopes::NONE,
        max_history_months: 12,
        retention_days: 30,
        max_duration_days: 180,
    }
}

fn parties(partner: &Partner, subject_ref: SubjectRef) -> ConsentParties {
    ConsentParties {
        subject_ref,
        partner_id: partner.partner_id.parse().unwrap(),
        client_id: partner.app_id.parse().unwrap(),
        partner_legal_name: "Budget Coach SAS".into(),
        partner_contact: "privacy@coach.example".into(),
        partner_privacy_url: "https://coach.example/privacy".into(),
        controller: ConsentController {
            name: "Maison Exemple".into(),
            address: "1 rue du Marché, Lyon".into(),
            contact: "dpo@maison.example".into(),
        },
    }
}

fn asked(
    partner: &Partner,
    (subject_ref, sub): (SubjectRef, PairwiseSub),
    request: &AuthorizationRequest,
) -> ConsentAsked {
    let by_scopes = || {
        let settings = ConsentSettings::default();
        CustomerDataDetails::of_scopes(request.scopes, &purpose(partner), settings)
    };
    ConsentAsked {
        parties: parties(partner, subject_ref),
        sub,
        service: "Budget Coach".into(),
        scopes: request.scopes,
        details: request.authorization_details.clone().unwrap_or_else(by_scopes),
        conditions: ConsentConditions {
            deletion_on_withdrawal: true,
            jurisdiction: "FR".into(),
            transfer_countries: vec!["FR".into()],
            rights_url: "https://maison.example/rights".into(),
            withdrawal_url: "https://api.example.test/me/consents".into(),
        },
        notice: NoticeDocument {
            notice_id: "sharing".into(),
            version: 1,
            title: text(),
            text: text(),
        },
        notice_lang: NoticeLanguage::Fr,
    }
}

fn approval(scopes: OAuthScopes, now: Micros) -> ConsentApproval {
    ConsentApproval {
        scopes,
        explicit: OAuthScopes::NONE,
        let_in: SensitiveCategories::NONE,
        stepped_up: false,
        duration_days: None,
        expression: ConsentExpression {
            screen_hash: Hash32::of("<html>"),
            expressed_by: ExpressedBy::Subject,
            expression_method: "button:allow".into(),
            auth_time: Some(now),
            acr: None,
            ip_prefix: None,
            ua_family: None,
        },
    }
}

impl Customer {
    fn name(&self) -> String {
        format!("cus_{}", self.0)
    }

    /// The request that a reference stands for.
    async fn arrives(&self, desk: &Desk, reference: &Handle<RequestUri>) -> AuthorizationRequest {
        let sealer = requests::RequestSealer::new(&desk.pepper());
        let found = requests::find(&desk.app.db, &sealer, reference.hash()).await.unwrap();
        found.expect("the request is kept").request
    }

    /// Agrees to all that a reference stands for.
    pub(super) async fn agrees(
        &self,
        desk: &Desk,
        partner: &Partner,
        request_uri: &str,
    ) -> Granted {
        // Large, and in every future that has one agree.
        Box::pin(self.decides(desk, partner, request_uri)).await
    }

    async fn decides(&self, desk: &Desk, partner: &Partner, request_uri: &str) -> Granted {
        let (now, db) = (desk.app.clock.now(), &desk.app.db);
        let reference = Handle::<RequestUri>::read(request_uri).unwrap();
        let request = self.arrives(desk, &reference).await;
        let mut tx = db.begin().await.unwrap();
        assert_eq!(requests::take(&mut tx, reference.hash(), now).await.unwrap(), 1);
        let key = SubjectKey::new([self.0; 32]);
        let subject = refer(&mut tx, &self.name(), &key, now).await.unwrap();
        let sector = partner.partner_id.parse().unwrap();
        let fresh = PairwiseSub::random(sixteen());
        let sub = sub_of(&mut tx, (&sector, subject), fresh, now).await.unwrap();
        let purpose = purpose(partner);
        let client = ConsentClient {
            id: partner.app_id.parse().unwrap(),
            standing: ClientStanding::Registered,
            scopes: OAuthScopes::all(),
        };
        let settings = ConsentSettings::default();
        let ceiling = ConsentCeiling { purpose: &purpose, client, settings };
        let id = GrantId::from_random(sixteen());
        let asked = asked(partner, (subject, sub), &request);
        let until = Micros(now.0 + HOUR);
        let pending = ConsentRecord::request(id, &asked, &ceiling, until, now).unwrap();
        let all = pending.record.data.scopes;
        let own = OwnedByCustomer::of(&pending.record, subject).unwrap();
        let agreed = own.approve(approval(all, now), settings, now).unwrap();
        let code = Handle::<AuthorizationCode>::random(getrandom::fill).unwrap();
        let pointer =
            GrantPointer { grant_id: id, version: agreed.record.version, client: client.id, sub };
        let kept = code_of(&request, pointer, now);
        assert!(codes::put(&mut tx, code.hash(), &kept).await.unwrap());
        apply(&mut tx, &pending).await.unwrap();
        apply(&mut tx, &agreed).await.unwrap();
        tx.commit().await.unwrap();
        let location = granted(&request.back, &code, super::ISSUER);
        Granted { id, reference: subject, location: location.reveal().parse().unwrap() }
    }

    /// Does not agree: where the browser goes then.
    pub(super) async fn refuses(&self, desk: &Desk, request_uri: &str) -> Url {
        let reference = Handle::<RequestUri>::read(request_uri).unwrap();
        let request = self.arrives(desk, &reference).await;
        let told = refused(AuthorizeError::AccessDenied, Some(&request.back), true, super::ISSUER);
        let ErrorTold::Client(location) = told else { panic!("the client is told") };
        location.reveal().parse().unwrap()
    }

    /// Ends what was agreed to.
    pub(super) async fn revokes(&self, desk: &Desk, granted: &Granted) {
        let (now, db) = (desk.app.clock.now(), &desk.app.db);
        let record = read::current(db, granted.id).await.unwrap().unwrap();
        let own = OwnedByCustomer::of(&record, granted.reference).unwrap();
        let change = own.revoke(false, now).unwrap();
        let mut tx = db.begin().await.unwrap();
        comptoir::authz::store::revoke::apply(&mut tx, &change).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn sixteen() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn code_of(request: &AuthorizationRequest, consent: GrantPointer, now: Micros) -> CodeRecord {
    CodeRecord {
        to: IssuedTo {
            client_id: request.client_id.clone(),
            profile: request.profile,
            key: request.dpop_jkt,
            consent,
            issued_at: now,
        },
        redirect_uri: request.back.redirect_uri.clone(),
        challenge: request.challenge,
        login: CustomerLogin { auth_time: now.0 / 1_000_000, acr: None },
        nonce: request.nonce.clone(),
        expires_at: Micros(now.0 + 60_000_000),
        used: false,
    }
}

impl Desk {
    /// The form of an authorization request as it should be, but for changes: a pair takes the place of one with its name,
    /// and one without a value takes it out.
    pub(super) fn asks<'a>(
        &self,
        partner: &'a Partner,
        changes: &[(&'a str, &'a str)],
    ) -> Vec<(&'a str, &'a str)> {
        let usual = [
            ("client_id", partner.id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", super::CALLBACK),
            ("scope", "customer.purchases.summary:read customer.loyalty.basic:read offline_access"),
            ("state", "s1"),
            ("code_challenge", super::desk::CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept =
            usual.into_iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
        kept.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty())).collect()
    }

    /// A request that is pushed, bound to the partner's key.
    pub(super) async fn pushed(&self, partner: &Partner, changes: &[(&str, &str)]) -> String {
        let form: Vec<(&str, &str)> = self.asks(partner, &[]);
        let kept =
            form.into_iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
        let form: Vec<(&str, &str)> = kept.chain(changes.iter().copied()).collect();
        let reply = self.call((partner, &partner.dpop), "/oauth/par", &form).await;
        assert_eq!(
            (reply.status, reply.body["expires_in"].as_u64()),
            (201, Some(300)),
            "{reply:?}"
        );
        reply.text("request_uri").to_owned()
    }

    /// What a customer has agreed to.
    pub(super) async fn granted(&self, partner: &Partner, customer: u8) -> Granted {
        let reference = self.pushed(partner, &[]).await;
        Customer(customer).agrees(self, partner, &reference).await
    }

    /// The tokens of a code.
    pub(super) async fn tokens(&self, partner: &Partner, granted: &Granted) -> super::Reply {
        let code = granted.code();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("code_verifier", super::VERIFIER),
        ];
        self.call((partner, &partner.dpop), "/oauth/token", &form).await
    }

    /// What a refresh token gives.
    pub(super) async fn refreshed(&self, partner: &Partner, token: &str) -> super::Reply {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.call((partner, &partner.dpop), "/oauth/token", &form).await
    }

    /// What is known of a token.
    pub(super) async fn asked(&self, partner: &Partner, token: &str) -> super::Reply {
        self.prove(partner, "/oauth/introspect", &[("token", token)], None).await
    }

    /// Gives a token back.
    pub(super) async fn gives_back(&self, partner: &Partner, token: &str) -> super::Reply {
        self.prove(partner, "/oauth/revoke", &[("token", token)], None).await
    }
}
