use super::*;
use proptest::prelude::*;

#[test]
fn every_fault_is_reported_at_once() {
    let mut params = Params::new("limit=0&brnd=Bosch&status=gone");
    params.limit();
    params.text("brand");
    params.one_of("status", &[("active", ())]);
    let error = params.finish().unwrap_err();
    let problem = error.problem("/", "r");
    let codes: Vec<_> = problem.errors.iter().map(|e| e.code.as_str()).collect();
    assert_eq!(codes, ["out_of_range", "not_allowed", "unknown"]);
    assert_eq!(problem.errors[2].suggestion.as_deref(), Some("brand"));
}

#[test]
fn a_misspelt_member_of_a_family_is_refused() {
    let members = |query: &str| {
        let mut params = Params::new(query);
        let members = params.family("attr", ("attr.", "attr["), 8);
        params.finish().map(|()| members)
    };
    for wrong in ["attr[a=A", "attr[=A", "attr[]=A", "attr[a][gt]=1", "attr[[a]=1", "attr.=1"] {
        let error = members(wrong).unwrap_err();
        assert_eq!(error.faults()[0].code, "malformed", "{wrong}");
    }
    for (fine, name) in [("attr[a]=A", "a"), ("attr.a=A", "a"), ("attr.a [cm]=A", "a [cm]")] {
        assert_eq!(members(fine).unwrap(), [(name.to_owned(), vec!["A".to_owned()])], "{fine}");
    }
}

#[test]
fn values_of_lists_have_no_blanks_around_them_and_are_not_empty() {
    let read = |query: &str| {
        let mut params = Params::new(query);
        let found = (
            params.texts("t", 3),
            params.list::<u64>("n", 3),
            params.family("attr", ("attr.", "attr["), 3),
        );
        params.finish().map(|()| found)
    };
    let (texts, numbers, members) = read("t=a,%20b%5C,+c&n=1,+2+&attr.x=+a,%20b").unwrap();
    assert_eq!((texts, numbers), (vec!["a".to_owned(), "b, c".to_owned()], vec![1, 2]));
    assert_eq!(members, [("x".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
    for value in ["a,", ",", "a,,b", "+", "a,+"] {
        for query in [format!("t={value}"), format!("attr.x={value}")] {
            let error = read(&query).unwrap_err();
            assert_eq!(error.faults()[0].code, "malformed", "{query}");
        }
        let query = format!("n={}", value.replace(['a', 'b'], "1"));
        let error = read(&query).unwrap_err();
        assert_eq!((&*error.faults()[0].code, error.faults().len()), ("malformed", 1), "{query}");
    }
}

#[test]
fn a_refusal_is_no_longer_than_what_was_asked() {
    let refused = |query: String| {
        let mut params = Params::new(&query);
        params.text("q");
        params.finish().unwrap_err()
    };
    let names = |count: usize| (0..count).map(|n| format!("a{n}&")).collect::<String>();
    assert_eq!(refused(names(60)).faults().len(), 20);
    assert_eq!(refused("a&".repeat(60)).faults().len(), 1);
    let many = refused("a&".repeat(32_000));
    assert_eq!((many.faults().len(), many.detail().len() < 100), (0, true));
    assert!(refused("é".repeat(50_000)).detail().len() < 300);
}

proptest! {
    #[test]
    fn no_query_panics(query: String) {
        let mut params = Params::new(&query);
        params.limit();
        params.list::<u64>("a", 3);
        let _ = params.finish();
    }

    #[test]
    fn values_stay_what_they_are_among_others(values in proptest::collection::vec("[a,\\\\]{0,5}", 1..5)) {
        let joined: Vec<_> = values.iter().map(|value| as_alternative(value)).collect();
        prop_assert_eq!(alternatives(&joined.join(",")), values);
    }

    #[test]
    fn decoding_reads_what_encoding_wrote(text: String) {
        let encoded: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
        prop_assert_eq!(decode(&encoded), text);
    }
}
