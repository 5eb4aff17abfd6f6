//! Searches against the plain queries of the library, which score every product with every list.

use super::super::document::Fields;
use super::super::sound::sound;
use super::super::words::{Words, code};
use super::*;
use proptest::prelude::*;
use proptest::sample::select;
use tantivy::collector::DocSetCollector;
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, EnableScoring, FuzzyTermQuery, Occur,
    PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Score, Searcher};

fn weighed(query: impl Query, weight: Score) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(Box::new(query), weight))
}

fn term(field: Field, text: &str, weight: Score) -> Box<dyn Query> {
    weighed(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic), weight)
}

fn word(fields: &Fields, text: &str, last: bool, near: bool) -> Box<dyn Query> {
    let mut words = Words::default();
    let singular = words.singular(text).to_owned();
    let mut places = vec![term(fields.name, &singular, 14.0), term(fields.brand, &singular, 9.0)];
    for (place, weight) in [("/0", 21.0), ("/1", 18.0), ("/2", 20.0), ("/3", 16.0)] {
        places.push(term(fields.places, &format!("={singular}{place}"), weight));
    }
    for stem in words.stems(text) {
        for (place, weight) in
            [19.0, 17.0, 6.0, 15.0, 13.0, 6.0, 5.0, 3.0, 1.0].into_iter().enumerate()
        {
            places.push(term(fields.places, &format!("{stem}/{place}"), weight));
        }
    }
    let lacking = text.strip_prefix("+++");
    let letters = singular.trim_start_matches('+').chars().count();
    if last && (letters > 1 || lacking.is_some()) {
        let begins =
            |field| FuzzyTermQuery::new_prefix(Term::from_field_text(field, text), 0, true);
        let within: &[Field] = if lacking.is_some() {
            &[fields.other, fields.brand]
        } else {
            &[fields.name, fields.brand]
        };
        places.extend(within.iter().map(|field| weighed(begins(*field), 4.0)));
    }
    let distance = [0, 0, 0, 0, 1, 1, 1, 1].get(letters).copied().unwrap_or(2);
    if near && distance > 0 && !text.bytes().any(|byte| byte.is_ascii_digit()) {
        places.extend(alike(fields, &singular));
        for (distance, weight) in (1..=distance).zip([3.0, 2.0]) {
            for field in [fields.name, fields.brand, fields.other] {
                let term = Term::from_field_text(field, &singular);
                let like = FuzzyTermQuery::new(term, distance, true);
                places.push(weighed(like, weight));
            }
        }
    }
    Box::new(DisjunctionMaxQuery::new(places))
}

/// The terms among all words of the products that sound like a word, within two typing errors.
fn alike(fields: &Fields, singular: &str) -> Vec<Box<dyn Query>> {
    let mut words = Words::default();
    let known = WORDS.iter().flat_map(|word| words.of(word)).collect::<Vec<_>>();
    let known = known.iter().map(|word| words.singular(word).to_owned());
    let known = known.flat_map(|word| [format!("+++{word}"), word]);
    let mut found: Vec<Box<dyn Query>> = Vec::new();
    for word in known.filter(|word| sound(word) == sound(singular)) {
        for field in [fields.name, fields.brand, fields.other] {
            let like = FuzzyTermQuery::new(Term::from_field_text(field, singular), 2, true);
            let both: Vec<(Occur, Box<dyn Query>)> =
                vec![(Occur::Must, Box::new(like)), (Occur::Must, term(field, &word, 1.0))];
            found.push(weighed(BooleanQuery::new(both), 4.0));
        }
    }
    found
}

fn query(fields: &Fields, text: &str, strictness: Strictness) -> Box<dyn Query> {
    let mut asked = Words::default().asked(text);
    asked.truncate(12);
    let near = strictness != Strictness::All;
    let occur = |text: &str| match strictness {
        Strictness::Some if !text.starts_with("+++") => Occur::Should,
        _ => Occur::Must,
    };
    let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for (i, text) in asked.iter().enumerate() {
        parts.push((occur(text), word(fields, text, i + 1 == asked.len(), near)));
    }
    let mut ways: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    if !parts.is_empty() {
        let phrase = Words::default().of(text);
        if (2..=12).contains(&phrase.len()) {
            let words = Words::default();
            let singulars = phrase.iter().map(|word| words.singular(word));
            let terms = singulars.map(|word| Term::from_field_text(fields.name, word));
            parts.push((Occur::Should, weighed(PhraseQuery::new(terms.collect()), 12.0)));
        }
        ways.push((Occur::Should, Box::new(BooleanQuery::new(parts))));
    }
    ways.push((Occur::Should, term(fields.codes, &code(text), 4_000.0)));
    if strictness == Strictness::Near {
        ways.push((
            Occur::Should,
            Box::new(ConstScoreQuery::new(query(fields, text, Strictness::All), 1_000.0)),
        ));
    }
    Box::new(BooleanQuery::new(ways))
}

/// Every hit, the best first.
fn hits(searcher: &Searcher, query: &dyn Query) -> tantivy::Result<Vec<Hit>> {
    let weight = query.weight(EnableScoring::enabled_from_searcher(searcher))?;
    let mut hits = Vec::new();
    for address in searcher.search(query, &DocSetCollector)? {
        let segment = searcher.segment_reader(address.segment_ord);
        let column = |name: &str| {
            let column = segment.fast_fields().u64(name).unwrap();
            column.first(address.doc_id).unwrap()
        };
        let mut scorer = weight.scorer(segment, 1.0)?;
        assert_eq!(scorer.seek(address.doc_id), address.doc_id);
        let grade = column("grade");
        let rank = (grade >> 8) << 48 | (scorer.score() as u64) << 8 | grade & 0xFF;
        hits.push(Hit { rank, id: column("id") });
    }
    hits.sort_unstable();
    Ok(hits)
}

fn found(search: &Search, text: &str, kept: Option<Strictness>) -> (Vec<Hit>, Strictness) {
    let find = |strictness| {
        let found = |searcher: &Searcher, fields: &Fields, _: &Words| {
            hits(searcher, &*query(fields, text, strictness))
        };
        (search.ask(found).unwrap(), strictness)
    };
    if let Some(kept) = kept {
        return find(kept);
    }
    let mut best = find(Strictness::All);
    let by_code = best.0.iter().any(|hit| (hit.rank >> 8) & 0xFFFF >= 4_000);
    if best.0.len() <= 5 && !by_code {
        let near = find(Strictness::Near);
        if near.0.len() >= best.0.len() * 10 {
            best = near;
        }
    }
    if best.0.is_empty() { find(Strictness::Some) } else { best }
}

const WORDS: [&str; 20] = [
    "vis",
    "sans",
    "huiles",
    "visser",
    "vissage",
    "bois",
    "café",
    "cafe",
    "cafetière",
    "de",
    "à",
    "lampe",
    "lampes",
    "lamp",
    "perceuse",
    "perceur",
    "E27",
    "12",
    "free",
    "ni",
];

fn text() -> impl Strategy<Value = String> {
    // The first words far more often than the last, so that lists are long and short.
    let word = (0..20usize, 0..20usize).prop_map(|(a, b)| WORDS[a.min(b)]);
    proptest::collection::vec(word, 0..5).prop_map(|words| words.join(" "))
}

fn product() -> impl Strategy<Value = Value> {
    let parts = (text(), select(&WORDS[..]), select(&WORDS[..]), text(), text());
    let parts = (parts, any::<bool>(), select(&["active", "discontinued"][..]), 0..40u32);
    parts.prop_map(|((name, brand, category, plain, other), rich, status, mpn)| {
        let mut product = json!({ "name": name, "status": status, "mpn": format!("vis {mpn}") });
        if rich {
            product["brand"] = json!({ "name": brand });
            product["category"] = json!(category);
            product["above"] = json!(brand);
            product["description"] = json!({ "plain": plain });
            product["translations"] = json!({ "es": { "name": other } });
            product["variant_attributes"] = json!([{ "name": "use", "value": category }]);
        }
        product
    })
}

fn asked() -> impl Strategy<Value = String> {
    let mistaken = (text(), 0..30usize).prop_map(|(text, at)| {
        text.chars().enumerate().filter(|(own, _)| *own != at).map(|(_, letter)| letter).collect()
    });
    let code = (0..40u32).prop_map(|mpn| format!("vis {mpn}"));
    prop_oneof![4 => text(), 4 => mistaken, 1 => code, 1 => select(&["S-7", "vi", "xyz lampe"][..]).prop_map(str::to_owned)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_search_finds_what_plain_queries_find(
        first in proptest::collection::vec(product(), 1..250),
        more in proptest::collection::vec(product(), 0..60),
        gone in proptest::collection::vec(0..250u64, 0..40),
        texts in proptest::collection::vec(asked(), 20),
        most in 1..9usize,
    ) {
        let (_folder, mut indexer, search) = index(&first);
        // The second segment holds some of the first anew, and others.
        for (at, (_, body, categories)) in sources(&more).into_iter().enumerate() {
            indexer.put(&[(at as u64 * 7, body, categories)]).unwrap();
        }
        gone.iter().for_each(|id| indexer.remove(*id));
        indexer.commit(&commit(8)).unwrap();
        for text in &texts {
            for kept in [None, Some(Strictness::All), Some(Strictness::Near), Some(Strictness::Some)] {
                let (all, strictness) = found(&search, text, kept);
                let (mut own, own_strictness) = search.find(text, kept).unwrap();
                own.sort_unstable();
                prop_assert_eq!((&own, own_strictness), (&all, strictness), "{:?}", text);
                let mut takes = |id: u64| !id.is_multiple_of(3);
                let mut walked = Vec::new();
                loop {
                    let after = walked.last().copied();
                    let mut ids = Vec::new();
                    let wanted = Wanted { after, most, takes: &mut takes, found: Some(&mut ids) };
                    let (page, _) = search.best(text, Some(strictness), wanted).unwrap();
                    prop_assert_eq!(ids.len(), all.len());
                    prop_assert!(all.iter().all(|hit| ids.contains(&hit.id)));
                    prop_assert!(page.len() <= most);
                    if page.is_empty() {
                        break;
                    }
                    walked.extend(page);
                }
                let taken: Vec<Hit> = all.iter().filter(|hit| takes(hit.id)).copied().collect();
                prop_assert_eq!(walked, taken, "{:?}", text);
            }
        }
    }
}
