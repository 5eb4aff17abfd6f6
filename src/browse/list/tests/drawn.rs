//! Shops and calls, drawn at random.

use super::*;

/// An instant: whole and half seconds, of which prices are kept by the whole ones.
fn instant() -> impl Strategy<Value = i64> {
    (0..8i64).prop_map(|half| half * 500_000)
}

pub(super) fn docs() -> impl Strategy<Value = Vec<Option<Doc>>> {
    let statuses: Vec<Status> = Status::WORDS.iter().map(|(_, status)| *status).collect();
    let conditions: Vec<Condition> = Condition::WORDS.iter().map(|(_, one)| *one).collect();
    let words: Vec<Availability> = Availability::WORDS.iter().map(|(_, one)| *one).collect();
    let window = (option::of(instant()), option::of(instant()));
    let offer = (0..3u64, one_of(&CHANNELS), one_of(&PRICES), window);
    let codes: Vec<&str> = CATEGORIES.iter().map(|(code, _)| *code).collect();
    let sold = (
        one_of(&NAMES),
        option::of(one_of(&BRANDS)),
        subsequence(codes, 0..4),
        one_of(statuses),
        option::of(one_of(conditions)),
        any::<bool>(),
        0..3i64,
    );
    let rest = (
        proptest::collection::vec((one_of(&PROPERTIES), one_of(&VALUES)), 0..4),
        proptest::collection::vec(offer, 0..5),
        proptest::collection::vec((0..3u64, one_of(words)), 0..4),
    );
    let doc = (sold, rest).prop_map(|(sold, (properties, offers, levels))| {
        let offers: BTreeMap<(u64, Channel), Offer> = offers
            .into_iter()
            .map(|(store, channel, price, window)| {
                ((store, channel), Offer { store, channel, price, window })
            })
            .collect();
        let levels: BTreeMap<u64, Availability> = levels.into_iter().collect();
        let (name, brand, categories, status, condition, by_weight, updated_at) = sold;
        Doc {
            name,
            brand,
            categories,
            status,
            condition,
            by_weight,
            updated_at,
            properties,
            offers: offers.into_values().collect(),
            levels: levels.into_iter().collect(),
        }
    });
    proptest::collection::vec(option::weighted(0.9, doc), 1..14)
}

/// How often a filter that has one value is there.
const RARELY: f64 = 0.25;

fn filtered() -> impl Strategy<Value = Asked> {
    let conditions: Vec<Condition> = Condition::WORDS.iter().map(|(_, one)| *one).collect();
    let statuses: Vec<Status> = Status::WORDS.iter().map(|(_, status)| *status).collect();
    let codes: Vec<&str> = CATEGORIES.iter().map(|(code, _)| *code).collect();
    let filters = (
        prop_oneof![3 => Just(vec![]), 1 => subsequence(BRANDS.to_vec(), 1..3)],
        prop_oneof![2 => Just(vec![]), 1 => subsequence(codes, 1..3)],
        any::<bool>(),
        option::weighted(RARELY, one_of(statuses)),
        prop_oneof![4 => Just(vec![]), 1 => subsequence(conditions, 1..3)],
        option::weighted(RARELY, any::<bool>()),
        option::weighted(RARELY, 0..4u64),
        option::weighted(RARELY, one_of(&CHANNELS)),
    );
    filters.prop_map(|filters| {
        let (brands, categories, descend, status, conditions, by_weight, store, channel) = filters;
        Asked {
            brands,
            categories,
            descend,
            status,
            conditions,
            by_weight,
            store,
            channel,
            ..Asked::default()
        }
    })
}

fn bounded() -> impl Strategy<Value = Asked> {
    let words: Vec<Availability> = Availability::WORDS.iter().map(|(_, one)| *one).collect();
    let bounds = (
        option::weighted(RARELY, one_of(&PRICES)),
        option::weighted(RARELY, one_of(&PRICES)),
        option::weighted(RARELY, 0..3i64),
        prop_oneof![3 => Just(vec![]), 1 => subsequence(words, 1..3)],
        prop_oneof![
            2 => Just(BTreeMap::new()),
            1 => (one_of(&["color", "COLOR", "size"]), subsequence(VALUES.to_vec(), 1..3))
                .prop_map(|(property, values)| BTreeMap::from([(property, values)])),
        ],
    );
    (filtered(), bounds).prop_map(|(asked, (min, max, since, availability, properties))| {
        let prices = match (min, max) {
            (Some(min), Some(max)) => (Some(min.min(max)), Some(min.max(max))),
            other => other,
        };
        Asked { prices, since, availability, properties, ..asked }
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let codes: Vec<&str> = CATEGORIES.iter().map(|(code, _)| *code).collect();
    let parts = (
        option::weighted(RARELY, subsequence(BRANDS.to_vec(), 1..3)),
        option::weighted(RARELY, subsequence(codes, 1..4)),
        option::weighted(RARELY, subsequence(vec![0, 1, 2], 1..3)),
    );
    parts.prop_map(|(brands, categories, stores)| Plan { brands, categories, stores })
}

pub(super) fn asked() -> impl Strategy<Value = Asked> {
    const STEPS: [&str; 4] = ["name", "price", "updated_at", "id"];
    const FACETS: [&str; 8] = [
        "brand",
        "category_id",
        "price",
        "availability",
        "condition",
        "status",
        "attr.color",
        "attr.Size",
    ];
    let shown = (
        subsequence(STEPS.to_vec(), 0..3).prop_shuffle(),
        proptest::collection::vec(any::<bool>(), 3),
        subsequence(FACETS.to_vec(), 0..4),
        prop_oneof![Just(100usize), 1..4usize],
        1..6usize,
        instant(),
        option::of(one_of(&["vis", "perceuse percussion", "rallonge a", "bosch", "percuse", "zz"])),
        any::<bool>(),
    );
    (bounded(), plan(), shown).prop_map(|(asked, plan, shown)| {
        let (steps, turned, facets, facet_limit, limit, now, text, counted) = shown;
        let sort = steps.into_iter().zip(turned).collect();
        Asked { plan, sort, facets, facet_limit, limit, now, text, counted, ..asked }
    })
}
