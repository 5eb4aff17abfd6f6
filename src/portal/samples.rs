//! What each scope would tell of this very customer: a few of their own values, so that they see what they agree to.

use super::error::PageError;
use super::state::Portal;
use crate::consent::category::SensitiveCategories;
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::customers::model::{
    CalendarDay, CustomerList, CustomerProfile, CustomerPurchase, LoyaltyAccount, MonthOfCategory,
    PersonalPromotion,
};
use crate::customers::source::{PageOf, PurchaseRange, SourceError};
use crate::kernel::clock::DAY;
use crate::kernel::word::Word as _;
use crate::kernel::{Micros, Money};

/// Rows that a sample is taken of.
const FEW: u32 = 3;
/// How far back what was spent is added up.
const SPENT_DAYS: i64 = 62;

/// Some values of a scope; nothing where there are none, as on the page whose hash is kept.
pub(super) type Sample = (OAuthScope, Option<String>);

/// What there is to take samples of.
struct SampleSource {
    profile: CustomerProfile,
    accounts: Vec<LoyaltyAccount>,
    purchases: Vec<CustomerPurchase>,
    spent: Vec<MonthOfCategory>,
    lists: Vec<CustomerList>,
    promotions: Vec<PersonalPromotion>,
    today: CalendarDay,
}

/// An amount with its currency.
fn money(money: Money) -> String {
    format!("{money} {}", money.currency.code())
}

/// Texts that are there, with commas between.
fn joined(texts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let there: Vec<String> = texts.into_iter().flatten().filter(|it| !it.is_empty()).collect();
    (!there.is_empty()).then(|| there.join(", "))
}

impl Portal {
    /// Samples of some scopes. Goods of sensitive categories are in none: somebody may look over a shoulder.
    pub(super) async fn samples(
        &self,
        customer: &str,
        scopes: OAuthScopes,
    ) -> Result<Vec<Sample>, PageError> {
        let (now, sensitive) = (self.now(), self.settings.consent.sensitive_categories);
        let known = self.known(customer, scopes, (sensitive, now)).await?;
        Ok(scopes.of_customers().iter().map(|scope| (scope, known.sample(scope))).collect())
    }

    async fn known(
        &self,
        customer: &str,
        scopes: OAuthScopes,
        (sensitive, now): (SensitiveCategories, Micros),
    ) -> Result<SampleSource, PageError> {
        use OAuthScope as S;
        let has = |some: &[OAuthScope]| some.iter().any(|scope| scopes.has(*scope));
        let (source, few) = (&self.customers, PageOf::first(FEW));
        let mut known = SampleSource {
            profile: source.profile(customer).await?,
            accounts: Vec::new(),
            purchases: Vec::new(),
            spent: Vec::new(),
            lists: Vec::new(),
            promotions: Vec::new(),
            today: CalendarDay::of(now),
        };
        if has(&[S::LoyaltyBasicRead, S::LoyaltyCardRead, S::LoyaltyHistoryRead]) {
            known.accounts = source.loyalty(customer).await?;
        }
        if has(&[S::PurchasesOrdersRead, S::PurchasesItemsRead, S::PurchasesReceiptsRead]) {
            let all = PurchaseRange::default();
            known.purchases = source.purchases(customer, all, sensitive, &few).await?.rows;
        }
        if has(&[S::PurchasesSummaryRead]) {
            let from = Some(Micros(now.0.saturating_sub(SPENT_DAYS * DAY)));
            let range = PurchaseRange { from, to: None };
            known.spent = match source.summary(customer, range, sensitive).await {
                Err(SourceError::TooMuch { .. }) => Vec::new(),
                spent => spent?,
            };
        }
        if has(&[S::ListsRead, S::ListsWrite]) {
            let lists = source.lists(customer, sensitive, &few).await?.rows;
            known.lists = lists.into_iter().map(|kept| kept.list).collect();
        }
        if has(&[S::OffersRead, S::OffersActivate]) {
            known.promotions = source.promotions(customer, now, &few).await?.rows;
        }
        Ok(known)
    }
}

impl SampleSource {
    fn sample(&self, scope: OAuthScope) -> Option<String> {
        match scope {
            OAuthScope::ProfileBasicRead
            | OAuthScope::ProfileContactRead
            | OAuthScope::ProfileAddressRead
            | OAuthScope::ProfileAgeBandRead
            | OAuthScope::PreferencesRead => self.of_profile(scope),
            OAuthScope::LoyaltyBasicRead
            | OAuthScope::LoyaltyCardRead
            | OAuthScope::LoyaltyHistoryRead => {
                joined(self.accounts.iter().map(|account| of_account(account, scope)))
            }
            OAuthScope::PurchasesSummaryRead => joined(self.spent.iter().take(3).map(|spent| {
                let category = spent.category.as_deref().unwrap_or("–");
                Some(format!("{} {category} {}", spent.month, money(spent.amount)))
            })),
            OAuthScope::PurchasesOrdersRead
            | OAuthScope::PurchasesItemsRead
            | OAuthScope::PurchasesReceiptsRead => {
                self.purchases.first().and_then(|purchase| of_purchase(purchase, scope))
            }
            OAuthScope::ListsRead | OAuthScope::ListsWrite => {
                joined(self.lists.iter().map(|list| {
                    Some(list.name.clone().unwrap_or_else(|| list.kind.as_str().to_owned()))
                }))
            }
            OAuthScope::OffersRead | OAuthScope::OffersActivate => {
                joined(self.promotions.iter().map(|it| it.title.clone().or(it.code.clone())))
            }
            // Nothing of a customer.
            _ => None,
        }
    }

    fn of_profile(&self, scope: OAuthScope) -> Option<String> {
        let profile = &self.profile;
        match scope {
            OAuthScope::ProfileBasicRead => joined([
                profile.given_name.clone(),
                profile.locale.clone(),
                profile.home_store_code.clone(),
            ]),
            OAuthScope::ProfileContactRead => {
                joined([profile.email.clone(), profile.phone.clone()])
            }
            OAuthScope::ProfileAddressRead => {
                let address = profile.address.as_ref()?;
                let lines = address.lines.iter().cloned().map(Some);
                joined(lines.chain([address.postal_code.clone(), address.city.clone()]))
            }
            OAuthScope::ProfileAgeBandRead => {
                profile.band_on(self.today).map(|band| band.as_str().replace('_', "–"))
            }
            _ => {
                let preferences = profile.preferences.as_ref()?;
                let all = preferences.diets.iter().chain(&preferences.allergens);
                joined(all.cloned().map(Some))
            }
        }
    }
}

fn of_account(account: &LoyaltyAccount, scope: OAuthScope) -> Option<String> {
    match scope {
        OAuthScope::LoyaltyCardRead => {
            account.membership_number_masked.clone().or(account.membership_number.clone())
        }
        OAuthScope::LoyaltyHistoryRead => account.transactions.first().map(|last| {
            format!("{} {}", String::from(CalendarDay::of(last.occurred_at)), last.points)
        }),
        _ => {
            let tier =
                account.tier.as_ref().map(|tier| tier.name.clone().unwrap_or(tier.id.clone()));
            let balance = account.balances.first();
            joined([tier, balance.map(|it| format!("{} {}", it.available, it.currency.code))])
        }
    }
}

fn of_purchase(purchase: &CustomerPurchase, scope: OAuthScope) -> Option<String> {
    let day = Some(String::from(CalendarDay::of(purchase.order_date)));
    match scope {
        OAuthScope::PurchasesItemsRead => {
            joined(purchase.lines.iter().take(3).map(|line| line.name.clone()))
        }
        OAuthScope::PurchasesReceiptsRead => {
            let receipt = purchase.receipt.as_ref();
            joined([day, receipt.and_then(|receipt| receipt.number.clone())])
        }
        _ => joined([day, purchase.store_code.clone(), purchase.paid().map(money)]),
    }
}
