//! Rounding of decimal texts, digit by digit.

/// `text` rounded half away from zero to at most `decimals` decimals; `None` unless it is digits
/// with at most one point. Sources that kept prices in binary floats write 439.98900000000003.
pub(super) fn rounded(text: &str, decimals: usize) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let Some(next) = fraction.as_bytes().get(decimals) else { return Some(text.to_owned()) };
    let mut kept = format!("0{whole}{}", &fraction[..decimals]).into_bytes();
    if *next >= b'5' {
        for digit in kept.iter_mut().rev() {
            if *digit == b'9' {
                *digit = b'0';
            } else {
                *digit += 1;
                break;
            }
        }
    }
    let kept = String::from_utf8(kept).ok()?;
    let (whole, fraction) = kept.split_at(kept.len() - decimals);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let zero = kept.bytes().all(|digit| digit == b'0');
    Some(format!("{}{whole}{point}{fraction}", if zero { "" } else { sign }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_go_away_from_zero() {
        let two = |text| rounded(text, 2);
        assert_eq!(two("439.98900000000003").as_deref(), Some("439.99"));
        assert_eq!(two("29.9").as_deref(), Some("29.9"));
        assert_eq!(two("0.005").as_deref(), Some("0.01"));
        assert_eq!(two("-0.004").as_deref(), Some("0.00"));
        assert_eq!(two("99.995").as_deref(), Some("100.00"));
        assert_eq!(rounded("-58.633768999999994", 6).as_deref(), Some("-58.633769"));
        assert_eq!(rounded("9.5", 0).as_deref(), Some("10"));
        for bad in ["", ".5", "1.", "1,5", "1e5", "-", "NaN", "1.2.3"] {
            assert_eq!(two(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_whole_numbers(value in -999_999_999i64..999_999_999) {
            let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
            let text = format!("{sign}{}.{:04}", size / 10_000, size % 10_000);
            let expected = value.signum() * ((value.abs() + 50) / 100);
            let digits = rounded(&text, 2).unwrap().replace('.', "");
            prop_assert_eq!(digits.parse::<i64>().unwrap(), expected);
        }

        #[test]
        fn no_text_panics(text: String, decimals in 0usize..9) {
            let _ = rounded(&text, decimals);
        }
    }
}
