//! A shop with two customers, partners that are let in, and consents that are given through the stores.

use super::known::data;
use crate::support::{NOON, TestApp, TestKey, tell};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use comptoir::authz::access_token::{AccessClaims, Confirmation};
use comptoir::authz::bits::{encode, sha256};
use comptoir::authz::jwk::EcJwk;
use comptoir::authz::signing::SigningKey;
use comptoir::authz::store::keys::{self, KeySigns};
use comptoir::consent::ask::{ConsentApproval, ConsentAsked, ConsentCeiling};
use comptoir::consent::category::SensitiveCategories;
use comptoir::consent::change::ConsentChange;
use comptoir::consent::details::{AccessMode, CustomerDataDetails};
use comptoir::consent::hash::Hash32;
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
use comptoir::consent::subject::{PairwiseSub, Sector, SubjectKey, SubjectRef};
use comptoir::kernel::Micros;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How partners reach the API.
pub(super) const BASE: &str = "https://api.example.test";
const SECOND: i64 = 1_000_000;
/// The customer whom most tests are about, and another one.
pub(super) const CAMILLE: &str = "cus_camille";
pub(super) const ROBIN: &str = "cus_robin";

/// Random bytes.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

pub(super) fn now() -> Micros {
    NOON.parse().unwrap()
}

pub(super) fn scopes(text: &str) -> OAuthScopes {
    OAuthScopes::parse(text).unwrap()
}

/// All that customers can let a partner have.
pub(super) fn all() -> OAuthScopes {
    OAuthScopes::all().of_customers()
}

/// The settings of a retailer whose customers let partners in.
const CUSTOMERS: [(&str, &str); 8] = [
    ("AUTHZ__CUSTOMERS", "sandbox"),
    ("CONSENT__CONTROLLER_NAME", "Maison Exemple"),
    ("CONSENT__CONTROLLER_ADDRESS", "1 rue du Marché, Lyon"),
    ("CONSENT__CONTROLLER_CONTACT", "dpo@maison.example"),
    ("CONSENT__JURISDICTION", "FR"),
    ("CONSENT__RIGHTS_URL", "https://maison.example/rights"),
    ("LOGIN__IDP__SHOP__ISSUER", "https://login.example.test"),
    ("LOGIN__IDP__SHOP__CLIENT_ID", "comptoir"),
];

/// A shop.
pub(super) struct Shop {
    pub(super) app: TestApp,
    issuer: SigningKey,
    /// The nonce that proofs have to hold, where this node wants one.
    nonce: OnceCell<Option<String>>,
}

/// A key of a partner's program, by which it proves its calls.
pub(super) struct ProofKey {
    pair: EcdsaKeyPair,
    jwk: EcJwk,
}

impl ProofKey {
    pub(super) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let jwk = EcJwk::of_point(pair.public_key().as_ref()).unwrap();
        Self { pair, jwk }
    }

    /// A proof for a call with a token.
    pub(super) fn proof(
        &self,
        (method, path): (&str, &str),
        token: &str,
        nonce: Option<&str>,
    ) -> String {
        let path = path.split('?').next().unwrap_or_default();
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk });
        let mut claims = json!({
            "jti": encode(random::<16>()), "htm": method, "htu": format!("{BASE}{path}"),
            "iat": now().0 / SECOND, "ath": encode(sha256(token)),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature.as_ref()))
    }
}

/// A partner's program that is let in.
pub(super) struct Program {
    pub(super) client_id: String,
    pub(super) app_id: String,
    pub(super) partner_id: String,
    pub(super) sector: String,
    pub(super) key: ProofKey,
}

/// A consent, and a token of it.
pub(super) struct Given {
    pub(super) record: ConsentRecord,
    pub(super) sub: PairwiseSub,
    pub(super) subject: SubjectRef,
    pub(super) token: String,
}

impl Shop {
    pub(super) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// The same with further settings.
    pub(super) async fn open_with(settings: &[(&str, &str)]) -> Self {
        let mut builder = TestApp::builder().fixed_clock(NOON).set("SERVER__PUBLIC_URL", BASE);
        for (key, value) in CUSTOMERS.iter().chain(settings) {
            builder = builder.set(key, value);
        }
        let app = builder.start().await;
        app.stock_shelves(2, 1).await;
        let pepper = comptoir::app::open_pepper(&app.config, &app.db).await.unwrap();
        let stored = keys::all(&app.db, KeySigns::Tokens).await.unwrap();
        let issuer = keys::signer(&pepper, KeySigns::Tokens, stored.last().unwrap()).unwrap();
        for (feed, lines) in data() {
            let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let request = app.http.post(app.admin_url(&format!("/admin/v1/customers/{feed}")));
            let request = request.bearer_auth(&app.admin_token);
            let request = request.header("content-type", "application/octet-stream");
            let answer: Value = request.body(body).send().await.unwrap().json().await.unwrap();
            assert_eq!(answer["rejected"], 0, "{feed}: {answer}");
        }
        Self { app, issuer, nonce: OnceCell::new() }
    }

    /// A program of a new partner, with what a privacy officer has approved of it.
    pub(super) async fn program(&self, sector: &str, approved: OAuthScopes) -> Program {
        let key = self.app.key(json!({})).await;
        self.program_of(key, sector, approved).await
    }

    /// The same of the app of a key.
    pub(super) async fn program_of(
        &self,
        key: TestKey,
        sector: &str,
        approved: OAuthScopes,
    ) -> Program {
        let body = json!({ "app_id": key.app_id, "name": "client", "environment": "live" });
        let made = self.app.admin_ok("POST", "/admin/v1/clients", Some(body)).await;
        let (app_id, at) = (&key.app_id, now().0);
        let registered = format!(
            "INSERT INTO authz_clients (app_id, partner_id, auth, profile, native, legal_name, contact, privacy_url,
            created_at, updated_at) VALUES ('{app_id}', '{}', 'client_secret_basic', 'baseline', FALSE, 'Coach SAS',
            'privacy@coach.example', 'https://coach.example/privacy', {at}, {at})",
            key.partner_id
        );
        tell(&self.app.db, &registered).await.unwrap();
        for scope in approved.iter() {
            let ask = format!(
                "INSERT INTO authz_client_asks (app_id, kind, value, state, asked_by, asked_at, decided_by, decided_at,
                reason) VALUES ('{app_id}', 'scope', '{scope}', 'approved', 'a', {at}, 'b', {at}, 'fits')"
            );
            tell(&self.app.db, &ask).await.unwrap();
        }
        let client_id = made["client"]["id"].as_str().unwrap().to_owned();
        let (sector, key_of) = (sector.to_owned(), ProofKey::new());
        // A node hears of a new client as it hears of keys.
        self.app.wait_for_gauge("control_position", self.control().await).await;
        Program { client_id, app_id: key.app_id, partner_id: key.partner_id, sector, key: key_of }
    }

    async fn control(&self) -> i64 {
        use comptoir::storage::{Log, log};
        log::head(&self.app.db, Log::Control).await.unwrap()
    }

    /// A customer agrees to some scopes, keeping all sensitive categories to themselves but those that they let in.
    pub(super) async fn consent(
        &self,
        program: &Program,
        customer: &str,
        (agreed, let_in): (OAuthScopes, SensitiveCategories),
    ) -> Given {
        let sector: Sector = program.sector.parse().unwrap();
        let mut tx = self.app.db.begin().await.unwrap();
        let subject = refer(&mut tx, customer, &SubjectKey::new(random()), now()).await.unwrap();
        let fresh = PairwiseSub::random(random());
        let sub = sub_of(&mut tx, (&sector, subject), fresh, now()).await.unwrap();
        let asked = asked(program, (subject, sub), (agreed, let_in));
        let purpose = purpose(program, agreed, let_in);
        let ceiling = ConsentCeiling {
            purpose: &purpose,
            client: ConsentClient {
                id: program.app_id.parse().unwrap(),
                standing: ClientStanding::Registered,
                scopes: agreed,
            },
            settings: ConsentSettings::default(),
        };
        let id = GrantId::from_random(random());
        let until = Micros(now().0 + 3_600 * SECOND);
        let request = ConsentRecord::request(id, &asked, &ceiling, until, now()).unwrap();
        apply(&mut tx, &request).await.unwrap();
        let own = OwnedByCustomer::of(&request.record, subject).unwrap();
        let given = own.approve(approval(agreed, let_in), ConsentSettings::default(), now());
        let given = given.unwrap();
        apply(&mut tx, &given).await.unwrap();
        tx.commit().await.unwrap();
        let token = self.token(program, &given.record, sub, agreed);
        Given { record: given.record, sub, subject, token }
    }

    /// A token of a consent, bound to the program's key.
    pub(super) fn token(
        &self,
        program: &Program,
        record: &ConsentRecord,
        sub: PairwiseSub,
        scope: OAuthScopes,
    ) -> String {
        let second = now().0 / SECOND;
        let claims = AccessClaims {
            iss: BASE.to_owned(),
            aud: BASE.to_owned(),
            exp: second + 300,
            iat: second,
            jti: encode(random::<16>()),
            sub: sub.to_string(),
            client_id: program.client_id.clone(),
            scope,
            grant_id: Some(record.grant_id),
            cver: Some(record.version),
            cnf: Some(Confirmation { jkt: program.key.jwk.thumbprint() }),
            auth_time: Some(second - 60),
            acr: None,
            nbf: None,
        };
        claims.sign(&self.issuer).unwrap().reveal().to_owned()
    }

    /// Writes a move of a consent.
    pub(super) async fn write(&self, change: &ConsentChange) {
        let mut tx = self.app.db.begin().await.unwrap();
        apply(&mut tx, change).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A consent as it stands.
    pub(super) async fn current(&self, id: GrantId) -> ConsentRecord {
        read::current(&self.app.db, id).await.unwrap().unwrap()
    }

    /// The nonce of proofs, asked for with a key that is a stranger's: nothing is told and nothing counted.
    pub(super) async fn nonce(&self, given: &Given) -> Option<&str> {
        let ask = async || {
            let path = "/v1/customer/profile";
            let proof = ProofKey::new().proof(("GET", path), &given.token, None);
            let request = self.app.http.get(self.app.public_url(path)).header("dpop", proof);
            let request = request.header("authorization", format!("DPoP {}", given.token));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401);
            let nonce = answer.headers().get("dpop-nonce");
            nonce.map(|nonce| nonce.to_str().unwrap().to_owned())
        };
        self.nonce.get_or_init(ask).await.as_deref()
    }

    /// Calls with a token and a proof of the program's key.
    pub(super) async fn call(
        &self,
        (method, path): (&str, &str),
        (program, given): (&Program, &Given),
        (if_match, body): (Option<&str>, Option<Value>),
    ) -> reqwest::Response {
        let url = self.app.public_url(path);
        let mut request = self.app.http.request(method.parse().unwrap(), url);
        request = request.header("authorization", format!("DPoP {}", given.token));
        let nonce = self.nonce(given).await;
        request = request.header("dpop", program.key.proof((method, path), &given.token, nonce));
        if let Some(tag) = if_match {
            request = request.header("if-match", tag);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Reads something.
    pub(super) async fn get(
        &self,
        path: &str,
        program: &Program,
        given: &Given,
    ) -> reqwest::Response {
        self.call(("GET", path), (program, given), (None, None)).await
    }

    /// Reads something that is there.
    pub(super) async fn read(&self, path: &str, program: &Program, given: &Given) -> Value {
        let answer = self.get(path, program, given).await;
        let (status, kept) = (answer.status(), answer.headers()["cache-control"].clone());
        let text = answer.text().await.unwrap();
        assert_eq!((status.as_u16(), kept.to_str().unwrap()), (200, "no-store"), "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn purpose(program: &Program, agreed: OAuthScopes, let_in: SensitiveCategories) -> PurposeDocument {
    PurposeDocument {
        purpose_id: "budget-coach".parse().unwrap(),
        client_id: program.app_id.parse().unwrap(),
        code: "https://w3id.org/dpv#ServicePersonalisation".into(),
        text: NoticeText { fr: "Tenir votre budget".into(), en: "Keep to your budget".into() },
        legal_basis: LawfulBasis::ExplicitConsent,
        scopes: agreed,
        categories: let_in,
        required: OAuthScopes::NONE,
        max_history_months: 12,
        retention_days: 30,
        max_duration_days: 180,
    }
}

fn asked(
    program: &Program,
    (subject_ref, sub): (SubjectRef, PairwiseSub),
    (agreed, let_in): (OAuthScopes, SensitiveCategories),
) -> ConsentAsked {
    let text = NoticeText { fr: "Ce que nous partageons".into(), en: "What we share".into() };
    ConsentAsked {
        parties: ConsentParties {
            subject_ref,
            partner_id: program.partner_id.parse().unwrap(),
            client_id: program.app_id.parse().unwrap(),
            partner_legal_name: "Coach SAS".into(),
            partner_contact: "privacy@coach.example".into(),
            partner_privacy_url: "https://coach.example/privacy".into(),
            controller: ConsentController {
                name: "Maison Exemple".into(),
                address: "1 rue du Marché, Lyon".into(),
                contact: "dpo@maison.example".into(),
            },
        },
        sub,
        service: "Coach".into(),
        scopes: agreed,
        details: CustomerDataDetails {
            datatypes: agreed.that(|scope| scope.datatype().is_some()),
            purpose_id: "budget-coach".parse().unwrap(),
            history_months: 6,
            access: AccessMode::Recurring,
            duration_days: 90,
            retention_days: 30,
            exclude_categories: SensitiveCategories::everywhere().without(let_in),
            locations: Vec::new(),
        },
        conditions: ConsentConditions {
            deletion_on_withdrawal: true,
            jurisdiction: "FR".into(),
            transfer_countries: vec!["FR".into()],
            rights_url: "https://api.example.test/me".into(),
            withdrawal_url: "https://api.example.test/me/consents".into(),
        },
        notice: NoticeDocument {
            notice_id: "sharing".into(),
            version: 1,
            title: text.clone(),
            text,
        },
        notice_lang: NoticeLanguage::Fr,
    }
}

fn approval(agreed: OAuthScopes, let_in: SensitiveCategories) -> ConsentApproval {
    ConsentApproval {
        scopes: agreed,
        explicit: agreed.special(),
        let_in,
        stepped_up: true,
        duration_days: None,
        expression: ConsentExpression {
            screen_hash: Hash32::of("<html>"),
            expressed_by: ExpressedBy::Subject,
            expression_method: "button:allow".into(),
            auth_time: Some(Micros(now().0 - 60 * SECOND)),
            acr: None,
            ip_prefix: None,
            ua_family: None,
        },
    }
}
